"""The same models on JAX and PyTorch: faces, losses and steps as on TensorFlow, and files that load across.

What is compared stands in any_backend.py. A backend that is not installed is skipped: pip install jax torch.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import any_backend
import numpy as np
import pytest

from conftest import ROOT

pytestmark = pytest.mark.slow


def needed(backend):
    """Skip where a backend is not installed."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}: pip install {backend}")


def run_on(backend, *command, **options):
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    # Models of the same structure are compiled once.
    environment["JAX_COMPILATION_CACHE_DIR"] = str(Path(os.environ["VAE_KERAS_TESTS"], "jax"))
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *map(str, command)], env=environment, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.fixture(scope="module")
def on_tensorflow(tmp_path_factory):
    """What TensorFlow finds, and the folder with its files."""
    folder = tmp_path_factory.mktemp("tensorflow")
    found = any_backend.generate(folder) | any_backend.train(folder)
    return found | any_backend.further(folder / "adam.weights.h5"), folder


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory, on_tensorflow):
    needed("jax")
    folder = tmp_path_factory.mktemp("jax")
    theirs = on_tensorflow[1] / "adam.weights.h5"
    (folder / "tensorflow.weights.h5").write_bytes(theirs.read_bytes())
    run_on("jax", any_backend.__file__, folder)
    return dict(np.load(folder / "found.npz")), folder


@pytest.fixture(scope="module")
def on_torch(tmp_path_factory):
    needed("torch")
    folder = tmp_path_factory.mktemp("torch")
    run_on("torch", any_backend.__file__, folder)
    return dict(np.load(folder / "found.npz"))


def check_faces(ours, theirs):
    """Photographs of up to 255 may differ by one level, where a value lies between two."""
    np.testing.assert_allclose(theirs["distances"], ours["distances"], rtol=1e-5)
    for name in ("decoded", "reconstructed", "sampled"):
        np.testing.assert_allclose(theirs[name], ours[name], atol=1e-5, err_msg=name)
    for name in ("generated", "edited"):
        assert theirs[name].dtype == np.uint8
        assert np.abs(np.int16(theirs[name]) - np.int16(ours[name])).max() <= 1, name


def test_a_shipped_model_draws_the_same_faces_on_jax(on_tensorflow, on_jax):
    check_faces(on_tensorflow[0], on_jax[0])


def test_a_shipped_model_draws_the_same_faces_on_torch(on_tensorflow, on_torch):
    check_faces(on_tensorflow[0], on_torch)


def test_losses_are_the_same(on_tensorflow, on_jax):
    """Of the same weights, pictures and noise, in training and in evaluation."""
    names = [name for name in on_tensorflow[0] if "training=" in name]
    assert len(names) == 10
    for name in names:
        np.testing.assert_allclose(
            on_jax[0][name], on_tensorflow[0][name], rtol=1e-5, atol=1e-6, err_msg=name
        )


@pytest.mark.parametrize("what", [*any_backend.RATES, "sharpened", "further"])
def test_steps_are_the_same(on_tensorflow, on_jax, what):
    """Weights and states after some steps; "further" began with the file that TensorFlow wrote.

    Adam divides by the root of what may be nothing but rounding: there a step of some weights is another.
    """
    names = [name for name in on_tensorflow[0] if name.startswith(f"{what} ")]
    assert names
    for name in names:
        ours, theirs = on_tensorflow[0][name], on_jax[0][name]
        scale = max(1.0, np.abs(ours).max())
        np.testing.assert_allclose(theirs, ours, atol=(1e-5 if what == "sgd" else 1e-4) * scale, err_msg=name)


def test_a_file_that_jax_wrote_loads_on_tensorflow(on_jax):
    vae = any_backend.small_vae()
    vae.compile("adam")
    vae.optimizer.build(vae.trainable_variables)
    vae.load_weights(on_jax[1] / "adam.weights.h5")
    for name, value in any_backend.state("adam", vae).items():
        np.testing.assert_allclose(value, on_jax[0][name], rtol=1e-6, err_msg=name)


COMMANDS = """
import sys
sys.modules["tensorflow"] = None
from vae_keras.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_the_command_line_trains_and_generates_on_jax(tmp_path):
    needed("jax")
    import vae_keras

    folder, faces = tmp_path / "model", tmp_path / "faces.npy"
    sizes = "--pictures 100 --epochs 2 --image-size 16 --latent-dim 8".split()
    run_on("jax", "-c", COMMANDS, "train", "--data", "cartoon", *sizes, "--out", folder)
    run_on("jax", "-c", COMMANDS, "generate", "--model", folder, "--count", "4", "--out", faces)
    ours = vae_keras.load(folder).generate(4, seed=0)
    assert np.abs(np.int16(np.load(faces)) - np.int16(ours)).max() <= 1


def test_a_backend_that_is_missing_is_said_in_a_sentence():
    program = "import sys; sys.modules['jax'] = None; import vae_keras"
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert "Keras is set to jax, which is not installed" in done.stderr.splitlines()[-1]
