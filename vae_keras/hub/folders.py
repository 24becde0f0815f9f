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
import itertools
import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np
import pandas as pd

from vae_keras import storage
from vae_keras.config import in_a_line, nearest
from vae_keras.hub.cards import CARD, SHIPPED, WEIGHTS, model_arguments, model_names, read_card, write_card
from vae_keras.hub.pretrained import Pretrained
from vae_keras.model import VAE, stage_filters
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
MOST_EXPANDED = 20  # how many times its size an .npz file may unpack to; fitted numbers stay under 3


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
    storage.finish_replacing(Path(name_or_folder).expanduser())
    folder = _find(name_or_folder)
    try:
        model = _read_folder(folder, plain)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:  # by the kind of damage: OSError, ValueError, KeyError, BadZipFile and others
        raise ValueError(
            f"{folder} is damaged or of another version ({in_a_line(error)}): train or download that model again."
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
    _check_size(card, folder)
    arrays = _read_arrays(folder / LATENT, card["model"]["latent_dim"])
    policy = ("dtype", "trainable")
    vae = VAE.from_config({name: value for name, value in card["model"].items() if name not in policy})
    storage.load_weights(vae, folder / WEIGHTS)
    has_plain_version = "sharpened" in card and vae.details is None
    if has_plain_version and plain:
        del card["sharpened"]
    elif has_plain_version:
        vae = vae.copy_with_details(card["sharpened"].get("details", DETAILS))
        storage.load_weights(vae.decoder, folder / SHARP)
    prior = Mixture.from_arrays(arrays)
    diffusion = None
    if "diffusion" in card.get("sharpened", card):
        diffusion = DiffusionPrior(prior)
        storage.load_weights(diffusion.denoiser, folder / DENOISER)
    names = pd.Index(arrays["attributes"].astype(str), name="attribute")
    directions = pd.DataFrame(arrays["directions"], names)
    levels = pd.Series(arrays["levels"], names)
    return Pretrained(vae, prior, directions, levels, card, diffusion)


def _check_size(card, folder):
    """Raise ValueError where a card asks for a larger network than the files of weights can hold.

    Counted are the convolutions of the encoder, one dense layer and the branch for details, two bytes a weight: no
    network with that card has fewer, and it has not many times more.
    """
    model = card["model"]
    details = model.get("details") or card.get("sharpened", {}).get("details", 0)
    filters = stage_filters(model["image_size"], model.get("filters"))
    side = model["image_size"] // 2 ** len(filters)
    least = model["latent_dim"] * side**2 * filters[-1] + 9 * details**2
    least += sum(9 * one * other for one, other in itertools.pairwise([3, *filters]))
    files = [folder / name for name in (WEIGHTS, SHARP) if (folder / name).is_file()]
    if 2 * least > sum(path.stat().st_size for path in files):
        raise ValueError(f"{WEIGHTS} is too small for the network that the card describes")


def _read_arrays(path, latent_dim):
    """Return the arrays of latent.npz that are used; their kinds and sizes are checked before they are read."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{path.name} holds {entry.filename!r}, which is not packed by deflate")
        headers = {name: _read_header(archive, name) for name in ARRAYS}
    kinds = [header.dtype.kind for header in headers.values()]
    if kinds[0] not in "US" or any(kind != "f" for kind in kinds[1:]):
        raise ValueError(f"{path.name} holds arrays of other kinds than names and numbers")
    shapes = {name: header.shape for name, header in headers.items()}
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
    names_size = headers["attributes"].nbytes
    if shapes != expected or names_size > MOST_NAMES or np.prod(components) > MOST_COMPONENTS:
        raise ValueError(f"{path.name} holds arrays of other sizes than the card says")
    if sum(header.nbytes for header in headers.values()) > MOST_EXPANDED * path.stat().st_size + MOST_NAMES:
        raise ValueError(f"{path.name} would unpack to many times its size")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in ARRAYS}
    for name in ARRAYS[1:]:
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} in {path.name} holds values that are no numbers")
    return arrays


class _Header(NamedTuple):
    """What an array in an .npz file is, as its first bytes say."""

    shape: tuple
    dtype: np.dtype

    @property
    def nbytes(self):
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def _read_header(archive, name):
    """Return the header of an array in an .npz file without reading the array."""
    with archive.open(f"{name}.npy") as file:
        shape, _, dtype = storage.read_array_header(file)
    return _Header(shape, dtype)


def save_weights(model: keras.Model, path) -> None:
    """Write the weights of a Keras model, matrices and kernels as float16, without the state of an optimizer.

    Args:
        model: a built model.
        path: path of a file whose name ends in .weights.h5.
    """
    smaller = io.BytesIO()
    with h5py.File(io.BytesIO(storage.pack_weights(model))) as exact, h5py.File(smaller, "w") as rounded:

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
    written whole. What an earlier model has left in the folder is removed. All files are replaced in one change at the
    end, so that a write that fails leaves the old ones. After that the checkpoints of its training are removed.

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
    obsolete = [name for name in (SHARP, DENOISER) if name not in networks]
    names = [*networks, LATENT, CARD]
    with storage.replacing(folder, names, obsolete) as (*weight_paths, latent_path, card_path):
        for path, network in zip(weight_paths, networks.values()):
            save_weights(network, path)
        _write_arrays(model, latent_path)
        write_card(card, card_path)
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
    except (OSError, ValueError, RecursionError):
        return False
    return Path(folder, WEIGHTS).is_file()


def holds_only_a_checkpoint(folder) -> bool:
    """Return whether a folder holds the checkpoint of an unfinished training and nothing else."""
    checkpoint = Path(folder, "checkpoint")
    if not checkpoint.is_dir() or [path.name for path in Path(folder).iterdir()] != ["checkpoint"]:
        return False
    return storage.is_free(checkpoint) or (checkpoint / "checkpoint.json").is_file()


def is_unfinished(folder) -> bool:
    """Return whether a training into a folder has begun and not ended: whatever else stands there is given up."""
    return Path(folder, "checkpoint", "checkpoint.json").is_file()


def remove_checkpoints(folder) -> None:
    """Remove the checkpoints of an unfinished training and sharpening from a model's folder, and nothing else.

    The note goes before the weights: without it a checkpoint is none.
    """
    for checkpoint in (Path(folder, "checkpoint"), Path(folder, SHARPENING, "checkpoint")):
        ours = [
            checkpoint / storage.CHANGE,
            checkpoint / "checkpoint.json",
            *checkpoint.glob("epoch-*.weights.h5"),
            *checkpoint.glob(f"{storage.PART}*"),
        ]
        for path in ours:
            path.unlink(missing_ok=True)
        for emptied in (checkpoint, Path(folder, SHARPENING)):
            if emptied.is_dir() and not any(emptied.iterdir()):
                emptied.rmdir()


def load_for(settings, plain: bool = False, sharpened: bool = False) -> Pretrained:
    """Return the model that lesson 03 trained with these settings, else the one that ships for the same faces.

    Keras' dtype policy becomes `settings.precision`.

    Args:
        settings: what `config.settings` gave.
        plain: as of `load`.
        sharpened: True prefers a model that was sharpened: the one that ships, where lesson 03's was not. With `plain`
            it is that model as it was before it was sharpened.

    Returns:
        A `Pretrained`.

    Raises:
        FileNotFoundError: There is neither. The sentence names lesson 03.
    """
    keras.config.set_dtype_policy(settings.precision)
    folders = []
    if (settings.model_folder / CARD).exists():
        folders.append(settings.model_folder)
    if settings.dataset in model_names() and _has_sizes(SHIPPED / settings.dataset, settings):
        folders.append(SHIPPED / settings.dataset)
    if not folders:
        raise FileNotFoundError(
            f"There is no model of {settings.dataset} with these settings yet: "
            "run lesson 03 with the same settings."
        )
    model = load(folders[0], plain)
    if sharpened and len(folders) == 2 and _is_sharpened(folders[1]) and not _is_sharpened(folders[0]):
        print("The model of lesson 03 was not sharpened, so this is the one that ships.")
        model = load(folders[1], plain)
    return model


def _has_sizes(folder, settings):
    """Return whether the model of a folder has the picture and latent size of settings."""
    model = read_card(folder)["model"]
    return (model["image_size"], model["latent_dim"]) == (settings.image_size, settings.latent_dim)


def _is_sharpened(folder):
    """Return whether the model of a folder was sharpened, by its card."""
    return "sharpened" in read_card(folder)
