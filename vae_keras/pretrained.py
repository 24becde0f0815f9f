"""Trained models as folders: weights, what was learned about the codes, and a card that says where it comes from."""

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

from vae_keras import latent, metrics
from vae_keras.config import nearest
from vae_keras.model import VAE

SHIPPED = Path(__file__).resolve().parent / "weights"
FILES = ("vae.weights.h5", "latent.npz", "card.json")
TURNED = 0.8  # share of the validation faces without an attribute that strength 1 has to turn


@dataclass
class Pretrained:
    """A trained `vae` with its fitted `prior`, attribute `directions`, `statistics` of the codes, and `card`.

    `directions` has a row per attribute: the shift of a code that strength 1 is. `levels` holds, per attribute, where
    along that shift the faces that have it lie on average.
    """

    vae: VAE
    prior: latent.Prior
    directions: pd.DataFrame
    levels: pd.Series
    statistics: pd.DataFrame
    card: dict = field(default_factory=dict)

    def generate(self, count, seed=0, temperature=1.0, prior="fitted", attribute=None, strength=1.0):
        """Return `count` new faces, uint8 [count, size, size, 3], the same ones for the same seed.

        prior: "fitted" (the mixture) or "standard" (N(0, I)). attribute: faces that lack it are moved to where the
        faces that have it are, times `strength`. Raises ValueError for a count below 1 and for unknown names.
        """
        return latent.decode(self.vae, self.sample(count, seed, temperature, prior, attribute, strength))

    def sample(self, count, seed=0, temperature=1.0, prior="fitted", attribute=None, strength=1.0):
        """Return the codes, float32 [count, latent_dim], of the faces that `generate` gives for the same arguments."""
        if count < 1:
            raise ValueError(f"Asked for {count} faces; ask for 1 or more.")
        if prior == "fitted":
            z = self.prior.sample(count, seed=seed, temperature=temperature)
        elif prior == "standard":
            shape = (count, self.vae.network["latent_dim"])
            z = np.float32(temperature) * np.random.default_rng(seed).standard_normal(shape).astype("float32")
        else:
            raise ValueError(f"There is no prior {prior!r}; it is 'fitted' or 'standard'.")
        if attribute:
            direction = self.direction(attribute)
            missing = self.levels[attribute] - z @ direction / (direction @ direction)
            z = z + np.maximum(0, strength * missing)[:, None].astype("float32") * direction
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
        if attribute not in self.directions.index:
            near = nearest(attribute, self.directions.index)
            raise ValueError(f"This model has no attribute {attribute!r}; {near}")
        return self.directions.loc[attribute].to_numpy("float32")


def finish(vae, faces, epochs, seconds, seed=0, pictures=20_000, command=""):
    """Return the `Pretrained` of a `vae` that was just trained on `faces` (a `data.Faces`).

    Fits the prior and the directions on the training pictures' codes (at most `pictures` of them), calibrates the
    directions on validation pictures and measures on test pictures.
    """
    train = faces.train[:pictures]
    every = list(faces.table.columns.drop("split"))
    labels = latent.usable(faces.labels("train", every)[:pictures])
    z_mean, z_log_variance = latent.encode(vae, train)
    shown = [name for name in faces.source.attributes if name in labels]
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape)
    prior = latent.fit_prior(z_mean + np.exp(0.5 * z_log_variance) * noise, seed=seed)
    pca = metrics.fit_pca(train, seed=seed)
    directions = calibrate(vae, faces, pca, latent.directions(z_mean, labels, controls=shown), labels)
    lengths = (directions**2).sum(axis=1)
    levels = pd.Series(
        {a: (z_mean[labels[a]] @ directions.loc[a] / lengths[a]).mean() for a in directions.index}
    )
    statistics = latent.statistics(z_mean, z_log_variance)
    card = write_card(vae, faces, epochs=epochs, minutes=round(seconds / 60, 1), command=command)
    model = Pretrained(vae, prior, directions, levels, statistics, card)
    card["figures"] = evaluate(model, faces.test[:pictures], pca)
    return model


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
        date=time.strftime("%Y-%m-%d"),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, {keras.config.dtype_policy().name}",
        versions=versions,
        terms=source.terms,
    )


def evaluate(model, images, pca):
    """Return the figures of a model on held-out images uint8 [n, size, size, 3], beside those of `pca`."""
    z_mean, z_log_variance = latent.encode(model.vae, images)
    statistics = latent.statistics(z_mean, z_log_variance)
    reconstructions = latent.decode(model.vae, z_mean)
    squared_error = metrics.squared_error(images, reconstructions)
    pca_error = metrics.pca_error(pca, images)
    return dict(
        pictures=len(images),
        squared_error=squared_error,
        pca_components=int(pca.n_components_),
        pca_squared_error=pca_error,
        ratio=squared_error / pca_error,
        kl=float(statistics["kl"].sum()),
        active_units=int(statistics["active"].sum()),
    )


def calibrate(vae, faces, pca, directions, labels):
    """Return `directions` scaled so that strength 1 turns a share `TURNED` of the validation faces that lack each.

    Whether a face has turned is judged from its pixels, by logistic regression on their principal components fitted
    to training pictures: a judge that knows nothing of the codes.
    """
    pixels = metrics.pca_codes(pca, faces.train[: len(labels)])
    scale = pixels.std(axis=0)
    z, _ = latent.encode(vae, faces.validation[:500])
    lacking = ~faces.labels("validation", list(directions.index))[:500]
    scaled = directions.copy()
    for attribute, direction in directions.iterrows():
        judge = latent.fit_logistic(pixels / scale, labels[attribute])
        start = z[lacking[attribute].to_numpy()][:200]
        low, high = 0.25, 4.0  # times the shift of the regression
        for _ in range(6 if len(start) else 0):
            middle = (low * high) ** 0.5
            moved = latent.decode(vae, latent.edit(start, direction, middle))
            turned = judge.predict(metrics.pca_codes(pca, moved) / scale).mean()
            low, high = (low, middle) if turned >= TURNED else (middle, high)
        scaled.loc[attribute] *= high if len(start) else 1.0
    return scaled


def save(model, folder, half=True):
    """Write a `Pretrained` to a folder; kernels as float16 with `half`.

    The files are written under other names and take their places at the end, so that a write which fails leaves
    the old ones.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    bare = VAE.from_config(model.vae.get_config())  # without the optimizer's state, twice the weights
    bare.set_weights(model.vae.get_weights())
    parts = [folder / name for name in ("part.weights.h5", "part.npz", "part.json")]
    tables = dict(
        attributes=np.array(model.directions.index, dtype=str), levels=model.levels.to_numpy("float32")
    )
    tables |= dict(directions=model.directions.to_numpy("float32"))
    tables |= {f"statistics_{name}": column.to_numpy() for name, column in model.statistics.items()}
    try:
        bare.save_weights(parts[0])
        if half:
            _halve(parts[0])
        np.savez_compressed(parts[1], **tables, **model.prior.to_arrays())
        parts[2].write_text(json.dumps(model.card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for part, name in zip(parts, FILES, strict=True):
            os.replace(part, folder / name)
    finally:
        for part in (*parts, folder / "half.weights.h5"):
            part.unlink(missing_ok=True)
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)


def _halve(path):
    """Rewrite a weights file with its matrices and kernels as float16; vectors stay float32."""
    import h5py

    halved = path.with_name("half.weights.h5")
    with h5py.File(path) as old, h5py.File(halved, "w") as new:

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                new.create_dataset(name, data=item[()].astype("float16" if item.ndim > 1 else item.dtype))
            else:
                new.require_group(name)
            for key, value in item.attrs.items():
                new[name].attrs[key] = value

        old.visititems(copy)
        for key, value in old.attrs.items():
            new.attrs[key] = value
    os.replace(halved, path)


def names():
    """Return the names of the models that ship."""
    return sorted(folder.name for folder in SHIPPED.glob("*") if (folder / "card.json").exists())


def load(name_or_folder):
    """Return the `Pretrained` of a shipped name or of a folder that `save` wrote.

    Raises FileNotFoundError where there is none, ValueError where a file of it is damaged.
    """
    folder = SHIPPED / str(name_or_folder)
    folder = folder if (folder / "card.json").exists() else Path(name_or_folder).expanduser()
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        hint = f" ({nearest(name_or_folder, names())})" if names() else ""
        raise FileNotFoundError(
            f"{name_or_folder} is no model: it is neither one that ships{hint} nor a "
            f"folder with {', '.join(missing)}; `python -m vae_keras train` writes such a folder."
        )
    try:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        if lacking := {"model", "source", "crop"} - card.keys():
            raise ValueError(f"the card lacks {', '.join(sorted(lacking))}")
        vae = VAE.from_config(card["model"])
        vae.load_weights(folder / "vae.weights.h5")
        with np.load(folder / "latent.npz") as file:
            arrays = dict(file)
        prior = latent.Prior.from_arrays(arrays)
        statistics = pd.DataFrame({k[11:]: v for k, v in arrays.items() if k.startswith("statistics_")})
        index = pd.Index(arrays["attributes"].astype(str))
        levels, directions = pd.Series(arrays["levels"], index), pd.DataFrame(arrays["directions"], index)
    except Exception as error:  # OSError, ValueError, KeyError, BadZipFile, ...: by the kind of damage
        why = " ".join(str(error).split())[:200]
        raise ValueError(f"{folder} is damaged ({why}): train or download that model again.") from error
    return Pretrained(vae, prior, directions, levels, statistics, card)


def load_for(config):
    """Return the model that lesson 03 trained with the settings of `config`, else the one that ships for its faces.

    Raises FileNotFoundError, naming lesson 03, where there is neither.
    """
    keras.config.set_dtype_policy(config.precision)
    if (config.model_folder / "card.json").exists():
        return load(config.model_folder)
    sizes = dict(image_size=config.image_size, latent_dim=config.latent_dim)
    if config.dataset in names():
        model = load(config.dataset)
        if sizes == {name: model.vae.network[name] for name in sizes}:
            return model
    raise FileNotFoundError(
        f"There is no model of {config.dataset} with these settings yet: run lesson 03 with the same settings."
    )
