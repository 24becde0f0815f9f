"""Keras' contracts, for every model that ships and for fresh ones: save, copy, freeze, export, distribute."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from conftest import ROOT
from vae_keras import hub, latent, training
from vae_keras.evaluation.distances import KernelDistance
from vae_keras.layers import BatchNormalization
from vae_keras.model import VAE, Sampling
from vae_keras.optimizers import Adam, Muon
from vae_keras.sharpening.denoiser import Denoiser

STORED = ROOT / "tests" / "files" / "shipped.npz"
SMALL = dict(image_size=16, latent_dim=4, filters=(4, 8))
FRESH = [
    dict(),
    dict(details=3),
    dict(normalization=None, dropout=0.2, likelihood="bce", beta=2.0),
    dict(variational=False, dtype="mixed_bfloat16"),
]


def shipped():
    """Names of the models that ship, and whether the plain one is meant."""
    with np.load(STORED) as stored:
        tags = [name.removesuffix("-decoded") for name in stored if name.endswith("-decoded")]
    return sorted(tags)


@pytest.fixture(scope="module")
def stored():
    with np.load(STORED) as file:
        return dict(file)


@pytest.fixture(scope="module", params=shipped())
def model(request):
    """A VAE that ships, and its tag."""
    keras.config.set_dtype_policy("float32")
    name, kind = request.param.split("-")
    return request.param, hub.load(name, plain=kind == "plain").vae


@pytest.fixture
def images():
    return np.random.default_rng(0).random((8, 16, 16, 3)).astype("float32")


def faces(vae, images):
    return np.rint(np.asarray(vae.reconstruct(images)) * 255)


def assert_same_faces(vae, other):
    size = vae.image_size
    images = np.random.default_rng(5).random((3, size, size, 3)).astype("float32")
    np.testing.assert_allclose(other.reconstruct(images), vae.reconstruct(images), atol=1e-5)
    assert other.get_config() == vae.get_config()


# What ships


def test_every_shipped_model_is_stored():
    names = {tag.split("-")[0] for tag in shipped()}
    assert names == set(hub.model_names())


def test_codes_and_faces_are_those_that_were_stored(model, stored):
    tag, vae = model
    z_mean, z_log_variance = latent.encode(vae, stored["inputs"])
    np.testing.assert_allclose(z_mean, stored[f"{tag}-z_mean"], atol=1e-3)
    np.testing.assert_allclose(z_log_variance, stored[f"{tag}-z_log_variance"], atol=1e-3)
    decoded = latent.decode(vae, z_mean)
    difference = np.abs(decoded.astype(int) - stored[f"{tag}-decoded"].astype(int))
    assert difference.max() <= 1


def test_a_shipped_model_survives_saving_copying_and_its_configuration(model, tmp_path):
    _, vae = model
    vae.save(tmp_path / "vae.keras")
    assert_same_faces(vae, keras.models.load_model(tmp_path / "vae.keras"))
    vae.save_weights(tmp_path / "vae.weights.h5")
    again = VAE.from_config(json.loads(json.dumps(vae.get_config())))
    again.load_weights(tmp_path / "vae.weights.h5")
    assert_same_faces(vae, again)
    assert_same_faces(vae, copy.deepcopy(vae))
    for other in (keras.models.clone_model(vae), VAE.from_config(vae.get_config())):
        other.set_weights(vae.get_weights())
        assert_same_faces(vae, other)


def test_a_shipped_model_predicts_the_mean_and_freezes(model):
    _, vae = model
    images = np.random.default_rng(3).random((2, 64, 64, 3)).astype("float32")
    expected = np.asarray(vae.decode(vae.encode(images)[0]))
    np.testing.assert_allclose(vae.predict(images, verbose=0), expected, atol=1e-5)
    frozen = VAE.from_config(vae.get_config())
    frozen.set_weights(vae.get_weights())
    frozen.encoder.trainable = False
    frozen.compile(optimizer=keras.optimizers.SGD(1e-6))
    frozen.train_on_batch(images)
    np.testing.assert_array_equal(frozen.encode(images)[0], vae.encode(images)[0])
    with pytest.raises(ValueError, match="floats in"):
        vae.encode((images * 255).astype("uint8"))


# Fresh models of any kind


@pytest.mark.parametrize("options", FRESH, ids=str)
def test_a_trained_model_survives_saving_copying_and_its_configuration(options, images, tmp_path):
    vae = VAE(**SMALL, **options)
    vae.compile(optimizer=Adam(1e-2))
    vae.fit(images, epochs=2, verbose=0)
    vae.save(tmp_path / "vae.keras")
    loaded = keras.models.load_model(tmp_path / "vae.keras")
    assert_same_faces(vae, loaded)
    for one, other in zip(vae.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert_same_faces(vae, copy.deepcopy(vae))
    clone = keras.models.clone_model(vae)
    clone.set_weights(vae.get_weights())
    assert_same_faces(vae, clone)


ANOTHER_PROCESS = """
import sys
import numpy as np
import vae_keras
import keras
vae = keras.models.load_model(sys.argv[1])
np.save(sys.argv[2], vae.predict(np.load(sys.argv[3]), verbose=0))
"""


def test_load_model_works_after_import_vae_keras_alone(images, tmp_path):
    vae = VAE(**SMALL, details=3)
    vae.compile(optimizer=Muon(1e-2))
    vae.fit(images, epochs=1, verbose=0)
    paths = [str(tmp_path / name) for name in ("vae.keras", "faces.npy", "images.npy")]
    vae.save(paths[0])
    np.save(paths[2], images)
    subprocess.run([sys.executable, "-c", ANOTHER_PROCESS, *paths], check=True, cwd=ROOT, capture_output=True)
    np.testing.assert_allclose(np.load(paths[1]), vae.reconstruct(images), atol=1e-5)


@pytest.mark.parametrize(
    "made",
    [
        Sampling(seed=3, name="draw"),
        Sampling(dtype="float32"),
        BatchNormalization(momentum=0.7, epsilon=1e-4),
        KernelDistance(name="k"),
        Adam(0.1, beta_1=0.3),
        Muon(0.1, momentum=0.3),
        VAE(**SMALL, details=2, seed=7, name="mine"),
        Denoiser(latent_dim=3, components=2, width=8),
    ],
    ids=lambda made: type(made).__name__,
)
def test_every_registered_class_survives_its_configuration(made):
    kind = type(made)
    assert keras.saving.get_registered_object(f"vae_keras>{kind.__name__}") is kind
    config = made.get_config()
    again = kind.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(restored) is kind and restored.get_config() == config


def test_the_dtype_of_a_model_is_that_of_its_layers():
    vae = VAE(**SMALL, dtype="mixed_bfloat16")
    convolutions = [
        layer
        for half in (vae.encoder, vae.decoder)
        for layer in half.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose)
    ]
    assert len(convolutions) == 4
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
    assert {weight.dtype for weight in vae.weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


# Predicting, freezing, exporting


def test_predict_decodes_the_mean_and_training_draws(images):
    vae = VAE(**SMALL)
    z_mean, _ = vae.encode(images)
    np.testing.assert_allclose(vae.predict(images, verbose=0), vae.decode(z_mean), atol=1e-6)
    np.testing.assert_array_equal(vae(images), vae(images))
    state = np.array(vae.sampling.seed_generator.state)
    vae(images, training=False)
    np.testing.assert_array_equal(vae.sampling.seed_generator.state, state)
    assert not np.allclose(vae(images, training=True), vae(images, training=True))


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_a_frozen_half_stays_as_it_is_in_training(images, half):
    vae = VAE(**SMALL)
    getattr(vae, half).trainable = False
    vae.compile(optimizer=Adam(1e-2))
    before = {name: [np.array(w) for w in getattr(vae, name).weights] for name in ("encoder", "decoder")}
    vae.fit(images, epochs=3, verbose=0)
    for name, weights in before.items():
        same = [
            np.array_equal(old, new) for old, new in zip(weights, getattr(vae, name).weights, strict=True)
        ]
        assert all(same) if name == half else not any(same), name


def parts(vae, images):
    """Yield the whole and both halves of a VAE: name, model, what goes in, what should come out first."""
    z = np.asarray(vae.encode(images)[0])
    yield "whole", vae, images, vae.reconstruct(images)
    yield "encoder", vae.encoder, images, z
    yield "decoder", vae.decoder, z, vae.decode(z)


def serve(folder, inputs):
    """Return what a SavedModel gives, the first of several outputs."""
    loaded = tf.saved_model.load(str(folder))  # its variables live as long as it does
    outputs = loaded.serve(inputs)
    return outputs[0] if isinstance(outputs, list | tuple) else outputs


def litert(folder, inputs):
    """Return what a SavedModel gives after its conversion to LiteRT: a list, in any order."""
    content = tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    entry = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(entry["index"], inputs.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], inputs)
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]


def check_exports(vae, images, folder):
    """Compare SavedModel and LiteRT of a VAE and of its halves with Python."""
    for name, part, inputs, expected in parts(vae, images):
        part.export(folder / name, verbose=False)
        np.testing.assert_allclose(serve(folder / name, inputs), expected, atol=1e-5, err_msg=name)
        outputs = litert(folder / name, inputs[:1])
        assert min(np.abs(output - expected[:1]).max() for output in outputs) < 1e-4, name


def test_both_halves_and_the_whole_are_exported(images, tmp_path):
    vae = VAE(**SMALL, details=3)
    vae.compile(optimizer=Adam(1e-2))
    vae.fit(images, epochs=1, verbose=0)
    check_exports(vae, images, tmp_path)


def test_both_halves_and_the_whole_of_a_shipped_model_are_exported(model, tmp_path):
    _, vae = model
    images = np.random.default_rng(4).random((2, 64, 64, 3)).astype("float32")
    check_exports(vae, images, tmp_path)


def test_the_whole_is_exported_before_anything_was_called(images, tmp_path):
    vae = VAE(**SMALL)
    vae.export(tmp_path / "whole", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "whole"))
    outputs = loaded.serve(images[:3])
    np.testing.assert_allclose(outputs, vae.reconstruct(images[:3]), atol=1e-5)


def test_the_whole_is_exported_to_onnx(images, tmp_path):
    pytest.importorskip("tf2onnx")
    reference = pytest.importorskip("onnx.reference")
    vae = VAE(**SMALL, details=3)
    vae.export(tmp_path / "whole.onnx", format="onnx", verbose=False)
    session = reference.ReferenceEvaluator(str(tmp_path / "whole.onnx"))
    (outputs,) = session.run(None, {session.input_names[0]: images[:2]})
    np.testing.assert_allclose(outputs, vae.reconstruct(images[:2]), atol=1e-4)


def test_the_whole_of_a_shipped_model_is_exported_to_onnx(model, tmp_path):
    pytest.importorskip("tf2onnx")
    reference = pytest.importorskip("onnx.reference")
    _, vae = model
    images = np.random.default_rng(4).random((1, 64, 64, 3)).astype("float32")
    vae.export(tmp_path / "whole.onnx", format="onnx", verbose=False)
    session = reference.ReferenceEvaluator(str(tmp_path / "whole.onnx"))
    (outputs,) = session.run(None, {session.input_names[0]: images})
    np.testing.assert_allclose(outputs, vae.reconstruct(images), atol=1e-4)


# Data at the door


WRONG = [
    ("bytes", lambda images: (images * 255).astype("uint8"), "floats in .0, 1.; these are uint8"),
    ("0 to 255", lambda images: images * 255, r"in \[.*255\]|in \[.*25\d"),
    ("-1 to 1", lambda images: images * 2 - 1, r"in \[-"),
]


@pytest.mark.parametrize("name, change, message", WRONG, ids=[name for name, *_ in WRONG])
def test_pictures_out_of_range_are_refused(images, name, change, message):
    wrong = change(images)
    vae = VAE(**SMALL)
    vae.compile()
    before = vae.get_weights()
    dataset = tf.data.Dataset.from_tensor_slices(wrong).batch(4)
    calls = [
        lambda: vae.fit(wrong, verbose=0),
        lambda: vae.fit(dataset, verbose=0),
        lambda: vae.fit((part for part in [(wrong,)]), verbose=0),
        lambda: vae.fit(images, wrong, verbose=0),
        lambda: vae.fit(images, validation_data=(wrong, None), verbose=0),
        lambda: vae.evaluate(wrong, verbose=0),
        lambda: vae.evaluate(dataset, verbose=0),
        lambda: vae.encode(wrong),
        lambda: vae.encode(tf.constant(wrong)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()
    for one, other in zip(before, vae.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_image_dataset_from_directory_is_refused_with_the_way_out(tmp_path):
    for row in range(3):
        keras.utils.save_img(
            tmp_path / f"{row}.png", np.random.default_rng(row).integers(0, 256, (16, 16, 3))
        )
    dataset = keras.utils.image_dataset_from_directory(
        tmp_path, labels=None, image_size=(16, 16), batch_size=2, verbose=False
    )
    vae = VAE(**SMALL)
    vae.compile()
    with pytest.raises(ValueError, match="divide values of 0 to 255 by 255"):
        vae.fit(dataset, verbose=0)
    vae.fit(dataset.map(lambda images: images / 255), verbose=0)


def test_what_would_be_ignored_is_refused(images):
    vae = VAE(**SMALL)
    for ignored in (dict(loss="mse"), dict(metrics=["mae"]), dict(loss_weights=[1.0])):
        with pytest.raises(ValueError, match=f"{[*ignored][0]} would be ignored"):
            vae.compile("adam", **ignored)
    vae.compile("adam")
    with pytest.raises(ValueError, match="weighs all images alike"):
        vae.fit(images, sample_weight=np.ones(8), verbose=0)
    with pytest.raises(ValueError, match="weighs all images alike"):
        vae.fit(images, class_weight={0: 1.0}, verbose=0)
    weighted = tf.data.Dataset.from_tensor_slices((images, images, np.ones(8, "float32"))).batch(4)
    with pytest.raises(ValueError, match="without weights"):
        vae.fit(weighted, verbose=0)
    labelled = tf.data.Dataset.from_tensor_slices((images, np.ones(8, "float32"))).batch(4)
    with pytest.raises(ValueError, match="leave out labels"):
        vae.fit(labelled, verbose=0)


OTHER_BACKEND = """
import sys
import types

# Stands for Keras on that backend, which need not be installed here.
keras = types.ModuleType("keras")
keras.backend = types.SimpleNamespace(backend=lambda: "BACKEND", image_data_format=lambda: "channels_last")
sys.modules["keras"] = keras
import vae_keras
"""


def test_another_backend_is_said_by_the_command_line(tmp_path):
    program = OTHER_BACKEND.replace("BACKEND", "openvino").replace(
        "import vae_keras\n",
        "sys.argv[0] = 'vae-keras'\nfrom vae_keras.cli import main\n"
        f"sys.exit(main(['generate', '--model', 'celeba', '--out', {str(tmp_path / 'x.png')!r}]))\n",
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: vae_keras runs on tensorflow, jax, torch")


@pytest.mark.parametrize("backend", ["numpy", "openvino"])
def test_another_backend_is_said_in_a_sentence(backend):
    program = OTHER_BACKEND.replace("BACKEND", backend)
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert f"vae_keras runs on tensorflow, jax, torch, and Keras is set to {backend}" in last


def test_channels_first_is_said_in_a_sentence():
    program = "import keras; keras.config.set_image_data_format('channels_first'); import vae_keras"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, env=dict(os.environ)
    )
    assert "channels last" in result.stderr.splitlines()[-1]


# Several devices


REPLICAS = """
import sys
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
from vae_keras.model import VAE

images = np.random.default_rng(0).random((16, 16, 16, 3)).astype("float32")
ends = []
for strategy in (tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), tf.distribute.get_strategy()):
    for likelihood in ("gaussian", "mse"):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            vae = VAE(16, 4, (4, 8), likelihood=likelihood, normalization=None, variational=False)
            vae.compile(optimizer=keras.optimizers.SGD(1e-4))
        start = [np.array(weight) for weight in vae.trainable_weights]
        history = vae.fit(images, batch_size=16, epochs=1, shuffle=False, verbose=0).history
        moved = [np.array(w) - s for w, s in zip(vae.trainable_weights, start)]
        ends.append((moved, history["loss"][0], float(np.array(vae.log_sigma))))
for (two, loss, sigma), (one, expected, expected_sigma) in zip(ends[:2], ends[2:]):
    assert max(np.abs(step).max() for step in one) > 1e-5
    for a, b in zip(two, one):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-7)
    np.testing.assert_allclose(sigma, expected_sigma, rtol=1e-5)
    np.testing.assert_allclose(loss, expected, rtol=1e-3)
"""


def test_a_step_on_two_devices_is_that_of_one():
    result = subprocess.run(
        [sys.executable, "-c", REPLICAS], cwd=ROOT, capture_output=True, text=True, env=dict(os.environ)
    )
    assert result.returncode == 0, result.stderr[-2000:]


# Folders written before


@pytest.mark.parametrize("name", ["old-plain", "old-sharpened"])
def test_model_folders_written_before_still_load(name):
    folder = Path(ROOT, "tests", "files", name)
    with np.load(folder / "expected.npz") as expected:
        model = hub.load(folder)
        z_mean, _ = latent.encode(model.vae, expected["images"])
        np.testing.assert_allclose(z_mean, expected["z_mean"], atol=1e-4)
        decoded = latent.decode(model.vae, z_mean).astype(int)
        assert np.abs(decoded - expected["decoded"].astype(int)).max() <= 1
    assert (model.vae.details is not None) == (name == "old-sharpened")
    if model.sharpened:
        assert hub.load(folder, plain=True).vae.details is None


def test_a_loaded_sharpened_model_keeps_its_details_through_training_and_saving(tmp_path):
    model = hub.load(Path(ROOT, "tests", "files", "old-sharpened"))
    images = np.random.default_rng(1).integers(0, 256, (16, *model.vae.decoder.output_shape[1:]), "uint8")
    training.fit(model.vae, images, epochs=1, batch_size=8, optimizer="adam")
    model.vae.save(tmp_path / "vae.keras")
    again = keras.models.load_model(tmp_path / "vae.keras")
    assert again.details == model.vae.details
    assert_same_faces(model.vae, again)
    layer = next(layer for layer in again.decoder.layers if layer.name == "details")
    assert np.abs(layer.get_weights()[0]).max() > 0
