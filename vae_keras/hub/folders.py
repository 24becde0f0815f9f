"""Reading and writing model folders.

A trained model is a folder:

- `card.json`: how it is built, trained and measured, see `cards`.
- `vae.weights.h5`: the weights of the VAE.
- `latent.npz`: the prior and the attribute directions, measured with the decoder that was trained last.
- `sharp.weights.h5`: the decoder of a model that was sharpened. `vae.weights.h5` is then the plain model before that.
- `denoiser.weights.h5`: the network of a diffusion prior, where the model has one.

A sharpened model that was trained further has no plain model any more. Its `vae.weights.h5` is the whole of it, and
there is no `sharp.weights.h5`.
"""

import copy
import io
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd

from vae_keras import storage
from vae_keras.config import nearest
from vae_keras.hub.cards import CARD, SHIPPED, WEIGHTS, model_arguments, model_names, read_card, write_card
from vae_keras.hub.pretrained import Pretrained
from vae_keras.model import VAE
from vae_keras.priors import Mixture
from vae_keras.sharpening import DiffusionPrior

KIND = "model"  # in the mark of a folder, see `storage.write_marker`
LATENT = "latent.npz"
FILES = (WEIGHTS, LATENT, CARD)
SHARP = "sharp.weights.h5"
DENOISER = "denoiser.weights.h5"
SHARPENING = "sharpening"  # the folder in a model's folder that keeps the checkpoint of its sharpening
DETAILS = 16  # filters of the detail branch where the card of an earlier version does not say how many
ARRAYS = ("attributes", "levels", "directions", "prior_weights", "prior_means", "prior_factors")
MOST_COMPONENTS = 1000  # of a mixture that is read
MOST_NAMES = 1_000_000  # bytes of the attributes' names


def load(name_or_folder, plain: bool = False) -> Pretrained:
    """Return a trained model.

    It computes in the dtype policy that Keras has when it is loaded.

    Args:
        name_or_folder: the name of a model that ships, see `model_names`, or a folder that `save` wrote.
        plain: True gives a sharpened model as it was before it was sharpened, with its own prior.

    Returns:
        A `Pretrained`.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: A file of it is damaged, or it has no plain version.

    Example:
        >>> model = load("celeba")
        >>> faces = model.generate(16, seed=0)
    """
    folder = _find(name_or_folder)
    try:
        model = _read_folder(folder, plain)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:  # by the kind of damage: OSError, ValueError, KeyError, BadZipFile and others
        why = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{folder} is damaged or of another version ({why}): train or download that model again."
        ) from error
    if plain and model.sharpened:
        raise ValueError(f"{folder} was saved without its plain version: load it without plain.")
    return model


def _find(name_or_folder):
    """Return the folder of a model; FileNotFoundError where a file of it is missing."""
    folder = Path(name_or_folder).expanduser()
    if str(name_or_folder) in model_names():
        folder = SHIPPED / str(name_or_folder)
    missing = [name for name in FILES if not (folder / name).is_file()]  # a pipe or a device has no end
    if missing:
        hint = nearest(name_or_folder, model_names()).rstrip(".")
        raise FileNotFoundError(
            f"{name_or_folder} is no model: it is neither one that ships ({hint}) nor a "
            f"folder with {', '.join(missing)}; `python -m vae_keras train` writes such a folder."
        )
    return folder


def _read_folder(folder, plain):
    """Return the `Pretrained` of a folder; whatever is wrong with a file is an exception."""
    card = read_card(folder)
    arrays = _read_arrays(folder / LATENT, card["model"]["latent_dim"])
    policy = ("dtype", "trainable")
    vae = VAE.from_config({name: value for name, value in card["model"].items() if name not in policy})
    load_weights(vae, folder / WEIGHTS)
    has_plain_version = "sharpened" in card and vae.details is None
    if has_plain_version and plain:
        del card["sharpened"]
    elif has_plain_version:
        vae = vae.copy_with_details(card["sharpened"].get("details", DETAILS))
        load_weights(vae.decoder, folder / SHARP)
    prior = Mixture.from_arrays(arrays)
    diffusion = None
    if "diffusion" in card.get("sharpened", card):
        diffusion = DiffusionPrior(prior)
        load_weights(diffusion.denoiser, folder / DENOISER)
    names = pd.Index(arrays["attributes"].astype(str), name="attribute")
    directions = pd.DataFrame(arrays["directions"], names)
    levels = pd.Series(arrays["levels"], names)
    return Pretrained(vae, prior, directions, levels, card, diffusion)


def _read_arrays(path, latent_dim):
    """Return the arrays of latent.npz that are used; their sizes are checked before they are read."""
    with zipfile.ZipFile(path) as archive:
        shapes = {name: _stored_shape(archive, name) for name in ARRAYS}
        names_size = archive.getinfo("attributes.npy").file_size
    attributes = shapes["levels"]
    components = shapes["prior_weights"]
    expected = {
        "attributes": attributes,
        "levels": attributes,
        "directions": (*attributes, latent_dim),
        "prior_weights": components,
        "prior_means": (*components, latent_dim),
        "prior_factors": (*components, latent_dim, latent_dim),
    }
    if shapes["prior_factors"] == (1, latent_dim, latent_dim):  # of all components
        expected["prior_factors"] = shapes["prior_factors"]
    if shapes != expected or names_size > MOST_NAMES or np.prod(components) > MOST_COMPONENTS:
        raise ValueError(f"{path.name} holds arrays of other sizes than the card says")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in ARRAYS}
    for name in ARRAYS[1:]:
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} in {path.name} holds values that are no numbers")
    return arrays


def _stored_shape(archive, name):
    """Return the shape of an array in an .npz file without reading the array."""
    with archive.open(f"{name}.npy") as file:
        if np.lib.format.read_magic(file) == (1, 0):
            return np.lib.format.read_array_header_1_0(file)[0]
        return np.lib.format.read_array_header_2_0(file)[0]


def load_weights(model: keras.Model, path) -> None:
    """Load a file of `save_weights` into a model, unless the file holds far more than the model has.

    Args:
        model: a built model of the structure that was saved.
        path: path of the .weights.h5 file.

    Raises:
        ValueError: The file is of another model, or holds values that are no numbers.
    """
    sizes = []

    def note_size(name, item):
        if isinstance(item, h5py.Dataset):
            sizes.append(item.size)

    with h5py.File(path) as file:
        file.visititems(note_size)
    if sum(sizes) > 2 * model.count_params() + 1000:
        raise ValueError(f"{Path(path).name} holds more numbers than the model of its card has")
    model.load_weights(path)
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise ValueError(f"{Path(path).name} holds values that are no numbers")


def save_weights(model: keras.Model, path) -> None:
    """Write the weights of a Keras model, matrices and kernels as float16, without the state of an optimizer.

    Args:
        model: a built model.
        path: path of a file whose name ends in .weights.h5.
    """
    model.save_weights(path)
    smaller = io.BytesIO()
    with h5py.File(path) as exact, h5py.File(smaller, "w") as rounded:

        def copy_item(name, item):
            if name.split("/")[0] == "optimizer":
                return
            if isinstance(item, h5py.Dataset):
                rounded[name] = _rounded(item[()])
            else:
                rounded.require_group(name)
            rounded[name].attrs.update(item.attrs)

        exact.visititems(copy_item)
        rounded.attrs.update(exact.attrs)
    Path(path).write_bytes(smaller.getvalue())


def _rounded(weights):
    """Return weights as `save_weights` stores them: matrices and kernels as float16, vectors as they are."""
    return weights.astype("float16") if weights.ndim > 1 else weights


def save(model: Pretrained, folder) -> None:
    """Write a model to a folder.

    A sharpened model adds its decoder to a folder that holds the plain model that it was made of. Elsewhere it is
    written whole. What an earlier model has left in the folder, and checkpoints of its training, are removed. Files
    are replaced at the end, so that a write that fails leaves the old ones.

    Args:
        model: a `Pretrained`.
        folder: a folder that is free or holds a model.

    Raises:
        FileExistsError: The folder holds something else.
        OSError: The folder cannot be written.
    """
    claim_folder(folder)
    folder = Path(folder)
    card = copy.deepcopy(model.card)
    card["model"] = model_arguments(model.vae)
    networks = {WEIGHTS: model.vae}
    run = card
    if model.sharpened:
        run = card.setdefault("sharpened", {})
        if _holds_plain_version(folder, model.vae):
            networks = {SHARP: model.vae.decoder}
            card["model"]["details"] = None
            run["details"] = model.vae.details
    if model.diffusion is None:
        run.pop("diffusion", None)
    else:
        networks[DENOISER] = model.diffusion.denoiser
        run.setdefault("diffusion", {})
    with storage.replacing(folder, [*networks, LATENT, CARD]) as (*weight_paths, latent_path, card_path):
        for path, network in zip(weight_paths, networks.values()):
            save_weights(network, path)
        _write_arrays(model, latent_path)
        write_card(card, card_path)
    for name in (SHARP, DENOISER):
        if name not in networks:
            (folder / name).unlink(missing_ok=True)
    remove_checkpoints(folder)


def _holds_plain_version(folder, vae):
    """Return whether a folder holds the plain model that a sharpened VAE was made of, stored to the same numbers."""
    try:
        plain = load(folder, plain=True).vae
    except (OSError, ValueError):
        return False
    pairs = list(zip(_weights_but_the_decoder(plain), _weights_but_the_decoder(vae)))
    return all(np.array_equal(_rounded(one), _rounded(other)) for one, other in pairs)


def _weights_but_the_decoder(vae):
    return [*vae.encoder.get_weights(), np.asarray(vae.beta), np.asarray(vae.log_sigma)]


def _write_arrays(model, path):
    """Write latent.npz: the prior, the directions and how far along them faces lie."""
    np.savez_compressed(
        path,
        attributes=np.array(model.directions.index, dtype=str),
        levels=model.levels[model.directions.index].to_numpy("float32"),
        directions=model.directions.to_numpy("float32"),
        **model.prior.to_arrays(),
    )


def check_folder(folder) -> None:
    """Check that a model may be written to a folder: that nothing is lost but a model of this program.

    Args:
        folder: path of the folder. It may be missing or empty, marked as a model's, hold a model of an earlier
            version, or nothing but the checkpoint of an unfinished training.

    Raises:
        FileExistsError: The folder holds something else.
    """
    storage.check_folder(folder, KIND, _is_without_mark)


def claim_folder(folder) -> None:
    """Make a folder for a model and mark it, or accept one that `check_folder` accepts.

    Raises:
        FileExistsError: The folder holds something else.
    """
    storage.claim(folder, KIND, _is_without_mark)


def _is_without_mark(folder):
    """Return whether a folder without a mark is a model's all the same."""
    return _holds_earlier_model(folder) or holds_only_a_checkpoint(folder)


def _holds_earlier_model(folder):
    """Return whether a folder without a mark holds a model all the same, as earlier versions wrote it."""
    try:
        read_card(folder)
    except (OSError, ValueError):
        return False
    return Path(folder, WEIGHTS).is_file()


def holds_only_a_checkpoint(folder) -> bool:
    """Return whether a folder holds the checkpoint of an unfinished training and nothing else."""
    checkpoint = Path(folder, "checkpoint")
    if not checkpoint.is_dir() or [path.name for path in Path(folder).iterdir()] != ["checkpoint"]:
        return False
    return storage.is_free(checkpoint) or (checkpoint / "checkpoint.json").is_file()


def remove_checkpoints(folder) -> None:
    """Remove the checkpoints of an unfinished training and sharpening from a model's folder, and nothing else."""
    for checkpoint in (Path(folder, "checkpoint"), Path(folder, SHARPENING, "checkpoint")):
        ours = [
            checkpoint / "checkpoint.json",
            *checkpoint.glob("epoch-*.weights.h5"),
            *checkpoint.glob(".part-*"),
        ]
        for path in ours:
            path.unlink(missing_ok=True)
        for emptied in (checkpoint, Path(folder, SHARPENING)):
            if emptied.is_dir() and not any(emptied.iterdir()):
                emptied.rmdir()


def load_for(settings, plain: bool = False) -> Pretrained:
    """Return the model that lesson 03 trained with these settings, else the one that ships for the same faces.

    Keras' dtype policy becomes `settings.precision`.

    Args:
        settings: what `config.settings` gave.
        plain: as of `load`.

    Returns:
        A `Pretrained`.

    Raises:
        FileNotFoundError: There is neither. The sentence names lesson 03.
    """
    keras.config.set_dtype_policy(settings.precision)
    if (settings.model_folder / CARD).exists():
        return load(settings.model_folder, plain)
    if settings.dataset in model_names():
        model = load(settings.dataset, plain)
        if (model.vae.image_size, model.vae.latent_dim) == (settings.image_size, settings.latent_dim):
            return model
    raise FileNotFoundError(
        f"There is no model of {settings.dataset} with these settings yet: "
        "run lesson 03 with the same settings."
    )
