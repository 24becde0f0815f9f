"""From a network that was just trained to a model with all that belongs to it: prior, directions, figures, card."""

import importlib.util
import os
import platform
import time

import keras
import numpy as np
import pandas as pd

from vae_keras import latent, priors
from vae_keras.data import alignment
from vae_keras.directions import usable_attributes
from vae_keras.evaluation import pca as principal_components
from vae_keras.evaluation import report
from vae_keras.hub.cards import model_arguments
from vae_keras.hub.pretrained import Pretrained
from vae_keras.release.classifier import label_faces
from vae_keras.release.directions import MOST_PICTURES, find_classifiers, find_directions, measure_directions
from vae_keras.sharpening import DiffusionPrior

FEW_PICTURES = 12  # show whether a face finder knows such pictures
TEMPLATE_PICTURES = 200  # of which half a minute is enough


def package(  # noqa: PLR0913
    vae,
    faces,
    epochs: int,
    seconds: float,
    seed: int = 0,
    command: str = "",
    plain: Pretrained | None = None,
    diffusion: tuple[DiffusionPrior, pd.DataFrame] | None = None,
) -> Pretrained:
    """Return a trained VAE as a whole model.

    The prior and the directions are fitted to the codes of training pictures, 20,000 of them at most. The directions
    are calibrated on validation pictures. The figures on the card are measured on test pictures.

    Args:
        vae: a `VAE` that was trained on `faces`.
        faces: a `data.Faces`. Without labels, those of the attribute classifier are taken.
        epochs: for how many epochs it was trained, for the card.
        seconds: for how long, for the card.
        seed: of the prior.
        command: what made the model, for the card.
        plain: what a sharpened `vae` was before it was sharpened. Its prior is kept, and its card is continued.
        diffusion: what `sharpening.fit_denoiser` gave: a prior and its history.

    Returns:
        A `Pretrained`, ready for `hub.save`.
    """
    faces = label_faces(faces)
    train = faces.train[:MOST_PICTURES]
    names = list(faces.table.columns.drop("split"))
    labels = usable_attributes(faces.labels("train", names)[: len(train)])
    z_mean, z_log_variance = latent.encode(vae, train)
    if plain is None:
        noise = np.random.default_rng(seed).standard_normal(z_mean.shape)
        z = z_mean + np.exp(0.5 * z_log_variance) * noise
        prior = priors.fit_prior(z, seed=seed, kinds=faces.kinds("train", len(z)))
    else:
        prior = plain.prior
    pca = principal_components.fit_pca(train, seed=seed)
    classifiers = find_classifiers(faces, pca, labels)
    directions, levels = find_directions(vae, faces, z_mean, labels, classifiers)
    run = describe_run(epochs, seconds, command)
    card = {**describe_model(vae, faces), **run}
    if plain is not None:
        card = {**plain.card, "attributes": card["attributes"], "arithmetic": card["arithmetic"]}
        card["sharpened"] = run
    card["directions"] = measure_directions(vae, faces, directions, classifiers)
    described = card if plain is None else run
    better_prior = None
    if diffusion is not None:
        better_prior, history = diffusion
        described["diffusion"] = describe_diffusion(history)
    model = Pretrained(vae, prior, directions, levels, card, better_prior)
    described["figures"] = report.evaluate(model, faces, pca)
    return model


def describe_model(vae, faces) -> dict:
    """Return what a card says of a model and of the pictures that it was trained on.

    Args:
        vae: a `VAE`.
        faces: the `data.Faces` that it was trained on.

    Returns:
        A dictionary that JSON can hold.
    """
    dataset = faces.dataset
    return {
        "model": model_arguments(vae),
        "source": dataset.name,
        "data": dataset.address,
        "limit": faces.limit,
        "title": dataset.title,
        "crop": dataset.crop,
        "find_face": dataset.align,
        "overrides": dataset.overrides,
        "template": face_template(faces),
        "attributes": list(dataset.attributes),
        "arithmetic": list(dataset.arithmetic),
        "pictures": {part: len(getattr(faces, part)) for part in ("train", "validation", "test")},
        "terms": dataset.terms,
    }


def face_template(faces):
    """Return where eyes, nose and mouth lie in the training pictures, as a card holds it.

    Args:
        faces: the `data.Faces` that a model was trained on.

    Returns:
        Five pairs of fractions of the side. None where the pictures are drawings, or show no faces that are found.
    """
    if not faces.dataset.photographs:
        return None
    if faces.dataset.align:
        return [list(point) for point in alignment.TEMPLATE]
    if importlib.util.find_spec("mtcnn") is None:
        print(
            "mtcnn is not installed: the model takes the centre of photographs (pip install mtcnn mends it)"
        )
        return None
    if alignment.measure_template(faces.train[:FEW_PICTURES]) is None:
        return None
    template = alignment.measure_template(faces.train[:TEMPLATE_PICTURES])
    return None if template is None else template.round(4).tolist()


def describe_run(epochs: int, seconds: float, command: str) -> dict:
    """Return what a card says of one training: its length, its command, the machine and the versions."""
    policy = keras.config.dtype_policy().name
    return {
        "epochs": epochs,
        "minutes": round(seconds / 60, 1),
        "command": command,
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {policy}",
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
        },
    }


def describe_diffusion(history: pd.DataFrame) -> dict:
    """Return what a card says of a diffusion prior: how long it was fitted, its loss and that of the mixture alone."""
    losses = history["val_loss"]
    return {
        "epochs": len(losses) - 1,
        "minutes": round(history["seconds"].sum() / 60, 1),
        "mixture": losses[0],
        "loss": losses.min(),
    }
