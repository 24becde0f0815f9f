"""Writes what the studio needs of the models that ship: networks as ONNX, and the numbers that go with them.

A model's folder holds:

- `decoder.onnx`, `encoder.onnx`: by Keras' `export`, with weights as float16. Computing is done in float32.
- `guess.onnx`: one step of a diffusion prior, where the model has one.
- `numbers.bin`: the prior and the attribute directions, one array after the other.
- `model.json`: where those stand, names, sizes, the template of the alignment, terms, and a fingerprint.

The folder `finder` holds the three networks of the face finder.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from vae_keras import storage  # noqa: E402

MODELS = ("celeba", "anime", "cartoon")
KIND = "studio"  # in the mark of the folder, see `storage.write_marker`
DESCRIPTION = "model.json"
NUMBERS = "numbers.bin"
WEIGHTS = ROOT / "vae_keras" / "hub" / "weights"
FREE_SIDE = 24  # pixels of an example, where a network takes pictures of any size
LARGEST_EXACT = 1000  # values of a weight that stays float32: biases and the like are small
FINDER = "finder"
FINDER_NETWORKS = ("proposals", "refusals", "points")
# The face that the page opens with, by model: a seed of `Pretrained.sample`, chosen by eye.
FIRST_SEED = {"celeba": 14, "anime": 1, "cartoon": 12}
TEMPERATURE = 0.8  # of the first face


def export_models(folder, names=MODELS) -> list[str]:
    """Export models for the studio, unless the same ones stand there already.

    Args:
        folder: where each model gets a folder of its own. It is free, or one that this function made.
        names: of models that ship.

    Returns:
        The names of those that were exported anew, of models and of the finder.

    Raises:
        FileExistsError: The folder holds something else.
        ImportError: tf2onnx or onnx is not installed.
        ValueError: A network has no ONNX form that could be written.
    """
    storage.claim(folder, KIND)
    exported = []
    for name in names:
        target = Path(folder, name)
        if _stored_fingerprint(target) != fingerprint(name):
            export_model(name, target)
            exported.append(name)
    finder = Path(folder, FINDER)
    if not all((finder / f"{name}.onnx").exists() for name in FINDER_NETWORKS):
        export_finder(finder)
        exported.append(FINDER)
    return exported


def fingerprint(name: str) -> str:
    """Return a text that changes with a model's files and with this file, 16 hexadecimal digits."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted((WEIGHTS / name).iterdir()):
        if path.suffix in (".h5", ".npz", ".json"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _stored_fingerprint(folder):
    """Return the fingerprint of an exported model, "" where there is none."""
    try:
        return json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError):
        return ""


def export_model(name: str, folder) -> None:
    """Write one model's files.

    Args:
        name: of a model that ships.
        folder: is made if it is not there.

    Raises:
        ImportError: tf2onnx or onnx is not installed.
    """
    from vae_keras import hub

    model = hub.load(name)
    networks = {"decoder.onnx": model.vae.decoder, "encoder.onnx": model.vae.encoder}
    if model.diffusion is not None:
        networks["guess.onnx"] = diffusion_step(model.diffusion)
    arrays = numbers(name, model)
    described = describe(name, model, arrays)
    with storage.replacing(folder, [*networks, NUMBERS, DESCRIPTION]) as paths:
        *network_paths, numbers_path, description_path = paths
        for network, path in zip(networks.values(), network_paths):
            export_network(network, path)
        numbers_path.write_bytes(b"".join(array.tobytes() for array in arrays.values()))
        description_path.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def export_network(network, path) -> None:
    """Write a Keras model as ONNX, its large weights as float16.

    Args:
        network: a built model.
        path: of the file.

    Raises:
        ImportError: tf2onnx or onnx is not installed.
    """
    import onnx

    examples = []
    for tensor in network.inputs:
        sides = [side or FREE_SIDE for side in tensor.shape[1:]]
        examples.append(np.zeros((1, *sides), "float32"))
    network(examples if len(examples) > 1 else examples[0])  # Keras exports what was called only
    network.export(str(path), format="onnx", verbose=False)
    graph = onnx.load(path)
    halve_weights(graph.graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def export_finder(folder) -> None:
    """Write the networks of the face finder, MTCNN of the package `mtcnn`.

    Args:
        folder: is made if it is not there.

    Raises:
        ImportError: mtcnn, tf2onnx or onnx is not installed.
    """
    import keras
    from mtcnn.network import onet, pnet, rnet
    from mtcnn.utils.tensorflow import load_weights

    networks = {
        "proposals": (pnet.PNet(), "pnet.lz4", None),
        "refusals": (rnet.RNet(), "rnet.lz4", 24),
        "points": (onet.ONet(), "onet.lz4", 48),
    }
    with storage.replacing(folder, [f"{name}.onnx" for name in FINDER_NETWORKS]) as paths:
        for name, path in zip(FINDER_NETWORKS, paths):
            network, weights, side = networks[name]
            network.build()
            network.set_weights(load_weights(weights))
            images = keras.Input((side, side, 3), name="images")
            export_network(keras.Model(images, network(images)), path)


def halve_weights(graph) -> None:
    """Store the large weights of an ONNX graph as float16, each followed by a cast to float32.

    ONNX Runtime casts them once, when it loads the graph. Changes the graph.

    Args:
        graph: an `onnx.GraphProto`.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weights in graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size <= LARGEST_EXACT:
            continue
        name = weights.name
        halved = f"{name}_float16"
        weights.CopyFrom(numpy_helper.from_array(values.astype("float16"), halved))
        casts.append(helper.make_node("Cast", [halved], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def diffusion_step(diffusion):
    """Return a Keras model from (noisy codes, noise) to the guess of a `DiffusionPrior`, all whitened."""
    import keras

    @keras.saving.register_keras_serializable("studio")
    class Step(keras.layers.Layer):
        """The guess of the mixture, corrected by the denoiser."""

        def __init__(self, diffusion):
            super().__init__(name="step")
            self.diffusion = diffusion
            self.denoiser = diffusion.denoiser

        def call(self, noisy, noise):
            inputs, guess, unit = self.diffusion.denoiser_inputs(noisy, noise)
            return guess + unit * self.denoiser(inputs, training=False)

        def compute_output_spec(self, noisy, noise):
            return keras.KerasTensor(noisy.shape)

    latent_dim = len(diffusion.center)
    noisy = keras.Input((latent_dim,), name="noisy")
    noise = keras.Input((1,), name="noise")
    return keras.Model([noisy, noise], Step(diffusion)(noisy, noise), name="guess")


def numbers(name: str, model) -> dict[str, np.ndarray]:
    """Return the arrays that the page computes with, by name, in the order of the file.

    Args:
        name: of the model.
        model: a `Pretrained`.
    """
    arrays = {
        "directions": np.float32(model.directions),
        "first": model.sample(1, FIRST_SEED[name], TEMPERATURE),
    }
    if model.diffusion is None:
        arrays["weights"] = np.float32(model.prior.weights)
        arrays["means"] = np.float32(model.prior.means)
        arrays["factors"] = np.float16(lower_triangles(model.prior.factors))
    else:
        arrays["center"] = np.float32(model.diffusion.center)
        arrays["unwhiten"] = np.float32(model.diffusion.unwhiten)
    return arrays


def lower_triangles(factors: np.ndarray) -> np.ndarray:
    """Return the lower triangles of matrices (n, d, d), row by row: (n, d (d + 1) / 2). The rest is zero."""
    rows, columns = np.tril_indices(factors.shape[1])
    return factors[:, rows, columns]


def describe(name: str, model, arrays: dict[str, np.ndarray]) -> dict:
    """Return what stands in a model's description.

    Args:
        name: of the model.
        model: a `Pretrained`.
        arrays: those of `numbers`.
    """
    card = model.card
    places = {}
    offset = 0
    for array_name, values in arrays.items():
        places[array_name] = {"offset": offset, "shape": values.shape, "type": values.dtype.name}
        offset += values.nbytes
    return {
        "fingerprint": fingerprint(name),
        "name": name,
        "title": card.get("title", name),
        "imageSize": model.vae.image_size,
        "latentDim": model.vae.latent_dim,
        "crop": card["crop"],
        "template": card.get("template"),
        "attributes": list(model.directions.index),
        "main": [name for name in card["attributes"] if name in model.directions.index],
        "terms": card.get("terms", ""),
        "note": card.get("note", ""),
        "prior": describe_prior(model),
        "first": {"seed": FIRST_SEED[name], "temperature": TEMPERATURE},
        "arrays": places,
    }


def describe_prior(model) -> dict:
    """Return the kind of a model's prior, and the levels of noise of a diffusion prior, from much to little."""
    if model.diffusion is None:
        return {"kind": "mixture"}
    from vae_keras.sharpening import denoiser

    return {"kind": "diffusion", "levels": denoiser.noise_levels().tolist()}


def main():
    """Export the models into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "studio-models", help="folder of the exported models"
    )
    options = parser.parse_args()
    try:
        exported = export_models(options.out)
    except (FileExistsError, ImportError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"exported anew: {', '.join(exported) or 'nothing'}")


if __name__ == "__main__":
    main()
