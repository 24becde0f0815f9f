"""Trained models as folders: weights, what was learned about the codes, and a card that says where it comes from.

A model that was sharpened keeps the plain one too: `load(name, plain=True)` gives that, with its decoder and its prior.
"""

import json
import os
import platform
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from vae_keras import assessment, judge, latent, marginals, metrics, sharpen, storage
from vae_keras.config import nearest, require
from vae_keras.diffusion import Diffusion
from vae_keras.marginals import Marginals
from vae_keras.model import VAE

SHIPPED = Path(__file__).resolve().parent / "weights"
FILES = ("vae.weights.h5", "latent.npz", "card.json")
SHARP, DENOISER = "sharp.weights.h5", "denoiser.weights.h5"  # of a sharpened model; the second one not of all
SHARPENING = "sharpening"  # where a model's folder keeps the checkpoint of it


@dataclass
class Pretrained:
    """A trained `vae` with its fitted `prior`, attribute `directions`, their `levels`, a `card`, and what may be more.

    `directions` has a row per attribute: the shift of a code that strength 1 is. `levels` holds, per attribute, where
    along that shift the faces that have it lie on average. Both were measured with the decoder that was trained last.
    A sharpened model may have `diffusion`, a second, better prior, and `marginals`, which move the codes of the better
    one to the quantiles of real ones; else these are None.
    """

    vae: VAE
    prior: latent.Prior
    directions: pd.DataFrame
    levels: pd.Series
    card: dict = field(default_factory=dict)
    diffusion: Diffusion | None = None
    marginals: Marginals | None = None

    @property
    def sharpened(self):
        """Whether the decoder is a sharpened one: True or False."""
        return "sharpened" in self.card

    def generate(self, count, **how):
        """Return `count` new faces, uint8 [count, size, size, 3], of the codes that `sample` gives for the same."""
        return latent.decode(self.vae, self.sample(count, **how))

    def sample(self, count, seed=0, temperature=1.0, prior="fitted", attribute=None, passes=None):
        """Return the codes of `count` new faces, float32 [count, latent_dim], the same ones for the same seed.

        prior: "fitted" (the best that the model has: `diffusion`, or else the mixture, and `marginals`), "mixture" or
        "standard" (N(0, I)). passes: how often codes of the first two are settled (`latent.settle`); None is once for a
        sharpened decoder and never for a plain one, whose faces it does not improve. attribute: faces that lack it are
        moved to where the faces that have it are. Raises ValueError for a count below 1 and for unknown names.
        """
        if count < 1:
            raise ValueError(f"Asked for {count} faces; ask for 1 or more.")
        if temperature < 0:
            raise ValueError(f"Temperature is {temperature}; give 0 or more.")
        # A wrong name is said now, not after minutes.
        direction = self.direction(attribute) if attribute else None
        if prior in ("fitted", "mixture"):
            best = self.diffusion if self.diffusion and prior == "fitted" else self.prior
            z = best.sample(count, seed, temperature)
            z = self.marginals(z) if self.marginals and prior == "fitted" else z
            z = latent.settle(self.vae, z, int(self.sharpened) if passes is None else passes)
        elif prior == "standard":
            shape = (count, self.vae.network["latent_dim"])
            z = np.float32(temperature) * np.random.default_rng(seed).standard_normal(shape).astype("float32")
        else:
            raise ValueError(f"There is no prior {prior!r}; it is 'fitted', 'mixture' or 'standard'.")
        if attribute:
            missing = self.levels[attribute] - z @ direction / (direction @ direction)
            z = z + np.maximum(0, missing)[:, None].astype("float32") * direction
        return z

    def reconstruct(self, images):
        """Return images uint8 [n, size, size, 3] encoded and decoded from the mean of their codes."""
        return latent.reconstruct(self.vae, images)

    def edit(self, images, attribute, strength=1.0):
        """Return images moved along an attribute: strength 1 gives it to most faces that lack it, -1 takes it away."""
        z, _ = latent.encode(self.vae, images)
        return latent.decode(self.vae, latent.edit(z, self.direction(attribute), strength))

    def direction(self, attribute):
        """Return the shift (latent_dim,) of an attribute; ValueError, with the nearest names, where there is none."""
        require([attribute], self.directions.index, "This model has no attribute")
        return self.directions.loc[attribute].to_numpy("float32")


def finish(vae, faces, epochs, seconds, seed=0, command="", plain=None, diffusion=None):
    """Return the `Pretrained` of a `vae` that was just trained on `faces` (a `data.Faces`).

    Fits the prior and the directions on the training pictures' codes (`assessment.MOST` of them at most), calibrates
    the directions on validation pictures and measures on test pictures. For a sharpened `vae`: `plain` is what it was
    before, whose prior stays and whose card is gone on from; `diffusion` is what `diffusion.fit` gave, or None; and
    `marginals` are fitted, if there are codes enough.
    """
    faces = judge.label(faces)
    train = faces.train[: assessment.MOST]
    every = list(faces.table.columns.drop("split"))
    labels = latent.usable(faces.labels("train", every)[: len(train)])
    z_mean, z_log_variance = latent.encode(vae, train)
    if plain is None:
        noise = np.random.default_rng(seed).standard_normal(z_mean.shape)
        prior = latent.fit_prior(z_mean + np.exp(0.5 * z_log_variance) * noise, seed=seed)
    else:
        prior = plain.prior
    pca = metrics.fit_pca(train, seed=seed)
    directions, levels = _directions(vae, faces, z_mean, labels, pca)
    run = dict(epochs=epochs, minutes=round(seconds / 60, 1), command=command, date=time.strftime("%Y-%m-%d"))
    run["machine"] = f"{os.cpu_count()} cores, {platform.machine()}, {keras.config.dtype_policy().name}"
    card = write_card(vae, faces, **run)
    if plain is not None:
        shown = {name: card[name] for name in ("attributes", "arithmetic")}
        card = {**plain.card, **shown, "sharpened": run}
    better, history = diffusion or (None, None)
    if better:
        minutes, losses = round(history["seconds"].sum() / 60, 1), history["val_loss"]
        run["diffusion"] = dict(epochs=len(losses) - 1, minutes=minutes, mixture=losses[0], loss=losses.min())
    moved = None if plain is None else marginals.fit(better or prior, z_mean, seed)
    model = Pretrained(vae, prior, directions, levels, card, better, moved)
    (card if plain is None else run)["figures"] = assessment.evaluate(model, faces, pca)
    return model


def _directions(vae, faces, z_mean, labels, pca):
    """Return the directions and levels of a `Pretrained`, from the codes and labels of training pictures."""
    shown = [name for name in faces.source.attributes if name in labels]
    ways = [latent.directions(z_mean, labels, controls=shown)]
    if shown:
        ways += [latent.directions(z_mean, labels, controls=list(labels)).loc[shown]]
        ways += [latent.directions(z_mean, labels[shown])]
    directions = assessment.calibrate(vae, faces, pca, ways, labels)
    lengths = (directions**2).sum(axis=1)
    levels = {a: (z_mean[labels[a]] @ directions.loc[a] / lengths[a]).mean() for a in directions.index}
    return directions, pd.Series(levels)


def write_card(vae, faces, **run):
    """Return what a model folder says of itself: constructor's arguments, source, crop, run, versions and terms."""
    source = faces.source
    versions = dict(
        python=platform.python_version(), keras=keras.__version__, backend=keras.backend.backend()
    )
    return dict(
        model=vae.get_config(),
        source=source.name,
        data=source.address,
        limit=faces.limit,
        title=source.title,
        crop=source.crop,
        find_face=source.find_face,
        attributes=list(source.attributes),
        arithmetic=list(source.arithmetic),
        pictures={part: len(getattr(faces, part)) for part in ("train", "validation", "test")},
        **run,
        versions=versions,
        terms=source.terms,
    )


def save(model, folder):
    """Write a `Pretrained` to a folder, kernels as float16.

    A sharpened model adds its decoder to the folder of the plain one; ValueError where that is not. What stood there
    is replaced at the end, so that a write which fails leaves the old files.
    """
    if model.sharpened and not (Path(folder) / FILES[0]).exists():
        raise ValueError(f"{folder} lacks the plain model that was sharpened: save or copy that there first.")
    tables = dict(
        attributes=np.array(model.directions.index, dtype=str), levels=model.levels.to_numpy("float32")
    )
    tables |= dict(directions=model.directions.to_numpy("float32"))
    tables |= model.marginals.to_arrays() if model.marginals else {}
    if model.sharpened:
        weights = {SHARP: model.vae.decoder}
        weights |= {DENOISER: model.diffusion.denoiser} if model.diffusion else {}
    else:
        weights = {FILES[0]: model.vae}
    with storage.replacing(folder, [*weights, *FILES[1:]]) as (*paths, arrays, card):
        for path, network in zip(paths, weights.values()):
            storage.save_weights(network, path)
        np.savez_compressed(arrays, **tables, **model.prior.to_arrays())
        card.write_text(json.dumps(model.card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name in {SHARP, DENOISER} - weights.keys():
        (Path(folder) / name).unlink(missing_ok=True)  # of an earlier model
    for name in ("checkpoint", SHARPENING):
        shutil.rmtree(Path(folder) / name, ignore_errors=True)


def names():
    """Return the names of the models that ship."""
    return sorted(folder.name for folder in SHIPPED.glob("*") if (folder / "card.json").exists())


def load(name_or_folder, plain=False):
    """Return the `Pretrained` of a shipped name or of a folder that `save` wrote; `plain`: as before it was sharpened.

    Raises FileNotFoundError where there is none, ValueError where a file of it is damaged.
    """
    folder = SHIPPED / str(name_or_folder)
    folder = folder if (folder / "card.json").exists() else Path(name_or_folder).expanduser()
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        hint = f" ({nearest(name_or_folder, names()).rstrip('.')})" if names() else ""
        raise FileNotFoundError(
            f"{name_or_folder} is no model: it is neither one that ships{hint} nor a "
            f"folder with {', '.join(missing)}; `python -m vae_keras train` writes such a folder."
        )
    try:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        if lacking := {"model", "source", "data", "limit", "crop", "find_face"} - card.keys():
            raise ValueError(f"the card lacks {', '.join(sorted(lacking))}")
        vae = VAE.from_config(card["model"])
        vae.load_weights(folder / FILES[0])
        if plain:
            card.pop("sharpened", None)
        elif "sharpened" in card:
            sharpen.put_details(vae).decoder.load_weights(folder / SHARP)
        with np.load(folder / "latent.npz") as file:
            arrays = dict(file)
        prior, better = latent.Prior.from_arrays(arrays), None
        moves = "sharpened" in card and "marginals_center" in arrays
        moved = Marginals.from_arrays(arrays) if moves else None
        if "diffusion" in card.get("sharpened", {}):
            better = Diffusion(prior)
            better.denoiser.load_weights(folder / DENOISER)
        index = pd.Index(arrays["attributes"].astype(str))
        levels, directions = pd.Series(arrays["levels"], index), pd.DataFrame(arrays["directions"], index)
    except Exception as error:  # OSError, ValueError, KeyError, BadZipFile, ...: by the kind of damage
        why = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{folder} is damaged or of another version ({why}): train or download that model again."
        ) from error
    return Pretrained(vae, prior, directions, levels, card, better, moved)


def load_for(config, plain=False):
    """Return the model that lesson 03 trained with the settings of `config`, else the one that ships for its faces.

    Raises FileNotFoundError, naming lesson 03, where there is neither.
    """
    keras.config.set_dtype_policy(config.precision)
    if (config.model_folder / "card.json").exists():
        return load(config.model_folder, plain)
    sizes = dict(image_size=config.image_size, latent_dim=config.latent_dim)
    if config.dataset in names():
        model = load(config.dataset, plain)
        if sizes == {name: model.vae.network[name] for name in sizes}:
            return model
    raise FileNotFoundError(
        f"There is no model of {config.dataset} with these settings yet: run lesson 03 with the same settings."
    )
