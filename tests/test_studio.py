"""The studio's export: the networks give Python's faces as ONNX, and the numbers beside them give Python's draws."""

import importlib.util
import json

import numpy as np
import pytest

from conftest import ROOT

for needed in ("tf2onnx", "onnx"):
    if not importlib.util.find_spec(needed):
        pytest.skip(f"needs {needed} (requirements-dev.txt)", allow_module_level=True)

import onnx  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from studio import export  # noqa: E402
from vae_keras import hub, latent  # noqa: E402

pytestmark = pytest.mark.slow
NAMES = ("celeba", "cartoon")  # one with a diffusion prior, one with a mixture


@pytest.fixture(scope="module")
def models():
    """Return the models, which are loaded once: `hub.load` gives them meanwhile."""
    loaded = {name: hub.load(name) for name in NAMES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "load", loaded.__getitem__)
        yield loaded


@pytest.fixture(scope="module")
def exported(tmp_path_factory, models):
    """Return the folder of two exported models; of the second only the numbers, as networks take long."""
    folder = tmp_path_factory.mktemp("models")
    export.export_model("celeba", folder / "celeba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "export_network", lambda network, path: path.touch())
        export.export_model("cartoon", folder / "cartoon")
    return folder


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def model(name, models):
    return models[name]


@pytest.fixture
def described(exported, name):
    return json.loads((exported / name / "model.json").read_text())


@pytest.fixture
def arrays(exported, name, described):
    """Return the arrays of numbers.bin, read as the page reads them."""
    data = (exported / name / "numbers.bin").read_bytes()
    found = {}
    for key, place in described["arrays"].items():
        count = int(np.prod(place["shape"]))
        values = np.frombuffer(data, place["type"], count, place["offset"])
        found[key] = values.reshape(place["shape"]).astype("float32")
    return found


def network(exported, file):
    """Return a function of a network of the first model, from arrays to a list of arrays."""
    session = ReferenceEvaluator(str(exported / "celeba" / file))
    return lambda *inputs: session.run(None, dict(zip(session.input_names, inputs)))


def test_decoder_gives_the_faces_of_python(exported, models):
    model = models["celeba"]
    z = model.sample(1, seed=3, temperature=0.8)
    (images,) = network(exported, "decoder.onnx")(z)
    difference = np.rint(255 * np.clip(images, 0, 1)) - latent.decode(model.vae, z)
    assert np.abs(difference).max() <= 2


def test_encoder_gives_the_codes_of_python(exported, models):
    model = models["celeba"]
    faces = model.generate(1, seed=5)
    expected = latent.encode(model.vae, faces)
    found = network(exported, "encoder.onnx")(np.float32(faces) / 255)
    for values, reference in zip(found, expected):
        np.testing.assert_allclose(values, reference, atol=0.02)


def test_weights_are_stored_as_float16(exported):
    graph = onnx.load(exported / "celeba" / "decoder.onnx").graph
    large = [weights for weights in graph.initializer if np.prod(weights.dims) > export.LARGEST_EXACT]
    assert large and all(weights.data_type == onnx.TensorProto.FLOAT16 for weights in large)


def test_description_says_what_the_page_needs(name, model, described, arrays):
    assert described["attributes"] == list(model.directions.index)
    assert described["main"] == model.card["attributes"]
    np.testing.assert_array_equal(arrays["directions"], np.float32(model.directions))
    assert described["template"] == model.card.get("template")
    assert (described["imageSize"], described["latentDim"]) == (64, 128)
    assert described["terms"] and described["crop"] == model.card["crop"]
    first = described["first"]
    expected = model.sample(1, first["seed"], first["temperature"])
    np.testing.assert_allclose(arrays["first"], expected, atol=1e-4)


def test_prior_draws_what_python_draws(exported, name, model, described, arrays):
    if described["prior"]["kind"] == "diffusion":
        z = diffuse(network(exported, "guess.onnx"), described["prior"]["levels"], arrays, seed=7)
    else:
        z = draw_from_mixture(arrays, seed=7)
    np.testing.assert_allclose(z, model.sample(1, seed=7, temperature=0.8), atol=0.02)


def draw_from_mixture(arrays, seed):
    """Return a code (1, latent_dim), as studio/js/prior.js draws it."""
    for_component, for_noise = np.random.SeedSequence(seed).spawn(2)
    edges = np.cumsum(arrays["weights"])
    component = np.searchsorted(edges / edges[-1], np.random.default_rng(for_component).random())
    latent_dim = arrays["means"].shape[1]
    factor = np.zeros((latent_dim, latent_dim))
    factors = arrays["factors"]
    factor[np.tril_indices(latent_dim)] = factors[component if len(factors) > 1 else 0]
    noise = np.random.default_rng(for_noise).standard_normal(latent_dim)
    return arrays["means"][component] + 0.8 * (factor @ noise)[None]


def diffuse(guess, levels, arrays, seed):
    """Return a code (1, latent_dim), as studio/js/prior.js draws it."""

    def clean(noisy, level):
        return guess(np.float32(noisy), np.full((1, 1), level, "float32"))[0]

    z = np.sqrt(1 + levels[0] ** 2) * np.random.default_rng(seed).standard_normal((1, 128))
    for level, lower in zip(levels, levels[1:]):
        slope = (z - clean(z, level)) / level
        ahead = z + (lower - level) * slope
        z = z + (lower - level) * (slope + (ahead - clean(ahead, lower)) / lower) / 2
    return 0.8 * clean(z, levels[-1]) @ arrays["unwhiten"] + arrays["center"]


def test_a_second_export_writes_only_what_changed(tmp_path, models, monkeypatch):
    monkeypatch.setattr(export, "export_network", lambda network, path: path.touch())

    def export_finder(folder):
        for name in export.FINDER_NETWORKS:
            (folder / f"{name}.onnx").touch()

    monkeypatch.setattr(export, "export_finder", export_finder)
    folder = tmp_path / "models"
    (folder / "finder").mkdir(parents=True)  # an export that was interrupted
    export.storage.write_marker(folder, export.KIND)
    assert export.export_models(folder, NAMES) == [*NAMES, "finder"]
    assert export.export_models(folder, NAMES) == []
    path = folder / "cartoon" / "model.json"
    path.write_text(path.read_text().replace('"fingerprint": "', '"fingerprint": "0'))
    assert export.export_models(folder, NAMES) == ["cartoon"]


def test_a_folder_of_the_user_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="already exists"):
        export.export_models(tmp_path, NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_runtime_is_pinned_and_comes_from_npm_alone():
    package = json.loads((ROOT / "studio" / "package.json").read_text())
    locked = json.loads((ROOT / "studio" / "package-lock.json").read_text())["packages"]
    version = package["dependencies"]["onnxruntime-web"]
    assert version[0].isdigit() and locked["node_modules/onnxruntime-web"]["version"] == version
    for path in (ROOT / "studio").glob("js/*.js"):
        code = path.read_text()
        assert "http://" not in code and "https://" not in code, f"{path.name} names another host"


def test_a_folder_that_holds_something_else_stays(tmp_path):
    from studio import make_studio

    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(SystemExit, match="something else"):
        make_studio.assemble(tmp_path / "models", tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"
