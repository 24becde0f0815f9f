"""Pictures that are no faces like those of the training: scores of a VAE, and sets of pictures to try them on."""

import io

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from scipy.fft import dctn

from vae_keras import data, latent
from vae_keras.config import find_archive
from vae_keras.data.datasets.anime import AnimeFaces
from vae_keras.data.drawn import faces as drawn
from vae_keras.model import kl_divergence

WAVES = 9  # cosines up to this frequency are 45 numbers a colour, together about as many as a code has
LEAST_ERROR = 1e-6  # of a picture that is drawn without any
PICTURES = (  # that scikit-image brings along, and that show no face of a person
    "chelsea coffee rocket hubble_deep_field retina immunohistochemistry grass gravel brick moon coins"
).split()


def scores(vae, prior, images: np.ndarray) -> pd.DataFrame:
    """Return how strange pictures are, by several scores. Higher is stranger.

    Args:
        vae: a trained `VAE` with the Gaussian likelihood.
        prior: a `Mixture`, fitted to the codes of its training pictures.
        images: uint8 (n, size, size, 3).

    Returns:
        A table with a row per picture. error: squared error per value. KL and ELBO: the terms of the loss in nats, the
        latter with a minus. prior: minus the logarithm of the prior's density at the code. against a thumbnail: the
        logarithm of the error over that of a thumbnail of as many numbers. against PNG: the bits of the ELBO minus
        those of the picture as PNG, which knows no faces (Serrà et al. 2020, arXiv 1909.11480).
    """
    z_mean, z_log_variance = latent.encode(vae, images)
    error = squared_errors(images, latent.decode(vae, z_mean))
    kl = np.asarray(kl_divergence(z_mean, z_log_variance)).sum(axis=1)
    values = np.prod(images.shape[1:])
    sigma = float(np.exp(vae.log_sigma))
    density = error / (2 * sigma**2) + np.log(sigma * np.sqrt(2 * np.pi))  # nats per value
    elbo = values * density + kl
    bits = (elbo + values * np.log(255)) / np.log(2)  # a value of 8 bits has a width of 1/255
    columns = {
        "error": error,
        "KL": kl,
        "ELBO": elbo,
        "prior": -prior.log_density(z_mean),
        "against a thumbnail": np.log(error + LEAST_ERROR) - np.log(thumbnail_errors(images) + LEAST_ERROR),
        "against PNG": bits - 8 * png_bytes(images),
    }
    return pd.DataFrame(columns)


def strangeness(table: pd.DataFrame, faces: pd.DataFrame) -> pd.Series:
    """Return one score: the higher of those against a thumbnail and against PNG, in deviations of ordinary faces.

    Args:
        table: what `scores` gave for pictures.
        faces: what it gave for ordinary faces, two or more.

    Returns:
        A Series. Ordinary faces are near 0; above 3 a picture is strange.
    """
    columns = ["against a thumbnail", "against PNG"]
    deviations = (table[columns] - faces[columns].mean()) / faces[columns].std()
    return deviations.max(axis=1).rename("strangeness")


def squared_errors(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Return the squared error per value of each picture in [0, 1], float64 (n,)."""
    differences = (np.float32(images) - np.float32(reconstructions)) / 255
    return np.square(differences).mean(axis=(1, 2, 3), dtype="float64")


def thumbnail_errors(images: np.ndarray) -> np.ndarray:
    """Return the squared error per value of each picture, drawn by its lowest cosines alone, float64 (n,)."""
    waves = dctn(np.float32(images) / 255, axes=(1, 2), norm="ortho")
    frequencies = np.add.outer(np.arange(waves.shape[1]), np.arange(waves.shape[2]))
    left_out = waves[:, frequencies >= WAVES]
    return np.square(left_out).sum(axis=(1, 2), dtype="float64") / np.prod(images.shape[1:])


def png_bytes(images: np.ndarray) -> np.ndarray:
    """Return the size of each picture as PNG in bytes, (n,)."""
    sizes = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", optimize=True)
        sizes.append(file.tell())
    return np.array(sizes)


def strangers(images: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Return sets of pictures that are not like faces of photographs, each as many as there are faces.

    Args:
        images: faces, uint8 (n, size, size, 3).
        seed: of the pictures.

    Returns:
        A dictionary of names and pictures, uint8 (n, size, size, 3): drawn faces; anime faces, where their archive is
        found; no faces; and the faces themselves with an eighth covered.
    """
    count, size = len(images), images.shape[1]
    sets = {"drawn faces": drawn.draw_faces(drawn.sample_factors(count, seed), size)}
    if find_archive([AnimeFaces.kaggle.split("/")[1], AnimeFaces.name]):
        sets["anime faces"] = data.load_faces(AnimeFaces.name, size, 4 * count, progress=False).test[:count]
    sets["no faces"] = non_faces(count, size, seed)
    sets["an eighth covered"] = cover(images, 1 / 8, seed)
    return sets


def cover(images: np.ndarray, share: float = 1 / 8, seed: int = 0) -> np.ndarray:
    """Return pictures with a square of one colour over a part of them, of any colour and in any place.

    Args:
        images: uint8 (n, size, size, 3).
        share: of the picture that is covered.
        seed: of places and colours.

    Returns:
        Pictures as uint8 (n, size, size, 3).
    """
    random = np.random.default_rng(seed)
    covered = np.array(images)
    size = covered.shape[1]
    side = round(size * np.sqrt(share))
    for image in covered:
        top, left = random.integers(0, size - side + 1, 2)
        image[top : top + side, left : left + side] = random.integers(0, 256, 3)
    return covered


def non_faces(count: int, size: int = 64, seed: int = 0) -> np.ndarray:
    """Return squares out of the pictures that come with scikit-image: a cat, coffee, a rocket, grass, coins and others.

    Args:
        count: how many. They show each picture in turn.
        size: pixels a side.
        seed: of the places of the squares.

    Returns:
        Pictures as uint8 (count, size, size, 3).
    """
    import skimage.data

    random = np.random.default_rng(seed)
    pictures = [getattr(skimage.data, name)() for name in PICTURES]
    squares = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        if picture.ndim == 2:
            picture = np.stack([picture] * 3, axis=2)
        height, width = picture.shape[:2]
        side = random.integers(min(64, height - 1), min(height, width))
        top, left = random.integers(0, height - side), random.integers(0, width - side)
        square = picture[top : top + side, left : left + side]
        squares.append(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA))
    return np.stack(squares)
