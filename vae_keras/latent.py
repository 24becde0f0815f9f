"""Codes of many pictures: encode and decode them, walk from code to code, and see what each dimension does.

Pictures go in as uint8 or as floats in [0, 1] and come out as uint8.
"""

import functools

import keras
import numpy as np
from keras import ops

from vae_keras import backend
from vae_keras.model import check_images, kl_divergence

ENOUGH_CODES = 20_000  # a mixture or a linear model gains nothing from more, and takes seconds, not minutes
ACTIVE_VARIANCE = 0.01  # of z_mean over the pictures, above which a latent dimension counts as used


def encode(vae, images: np.ndarray, batch_size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of many pictures.

    Args:
        vae: a `VAE`.
        images: uint8 in 0 to 255 or float in [0, 1], (n, size, size, 3). A memory map is read batch by batch.
        batch_size: pictures that are encoded at a time.

    Returns:
        z_mean and z_log_variance, both float32 (n, latent_dim).

    Raises:
        ValueError: There are no pictures, or they have another shape or another range.

    Example:
        >>> z_mean, z_log_variance = latent.encode(vae, faces.test)
    """
    images = np.asarray(images)
    size = vae.image_size
    if images.ndim != 4 or images.shape[1:] != (size, size, 3):
        raise ValueError(
            f"The model takes pictures as [n, {size}, {size}, 3], not {list(images.shape)}: "
            "data.load_images crops and resizes."
        )
    if images.dtype != np.uint8:
        check_images(images)
        images = images.astype("float32", copy=False)
    batches = _in_batches(_encode_batch, vae, images, batch_size)
    z_mean = np.concatenate([mean for mean, _ in batches])
    z_log_variance = np.concatenate([log_variance for _, log_variance in batches])
    return z_mean, z_log_variance


def decode(vae, z: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Return the pictures of many codes.

    Args:
        vae: a `VAE`.
        z: codes (n, latent_dim).
        batch_size: codes that are decoded at a time.

    Returns:
        Pictures as uint8 (n, size, size, 3).

    Raises:
        ValueError: There are no codes, or they have another shape.

    Example:
        >>> new_faces = latent.decode(vae, prior.sample(16))
    """
    z = np.asarray(z, "float32")
    if z.ndim != 2 or z.shape[1] != vae.latent_dim:
        raise ValueError(f"The model takes codes as [n, {vae.latent_dim}], not {list(z.shape)}.")
    return np.concatenate(_in_batches(_decode_batch, vae, z, batch_size))


def reconstruct(vae, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Return pictures decoded from the means of their codes, without noise.

    Args:
        vae: a `VAE`.
        images: as for `encode`.
        batch_size: pictures that are encoded and decoded at a time.

    Returns:
        Pictures as uint8 (n, size, size, 3).
    """
    z_mean, _ = encode(vae, images, batch_size)
    return decode(vae, z_mean, batch_size)


def _encode_batch(vae, images):
    """Return z_mean and z_log_variance of a batch of uint8 or float32 pictures."""
    if keras.backend.standardize_dtype(images.dtype) == "uint8":
        images = ops.cast(images, "float32") / 255.0
    z_mean, z_log_variance = vae.encode(images)
    return ops.cast(z_mean, "float32"), ops.cast(z_log_variance, "float32")


def _decode_batch(vae, z):
    """Return the uint8 pictures of a batch of codes."""
    images = ops.clip(ops.cast(vae.decode(z), "float32"), 0.0, 1.0)
    return ops.cast(ops.round(images * 255.0), "uint8")


def _in_batches(function, vae, values, batch_size):
    """Return a list of what a function of this file gives for each batch of values."""
    if len(values) == 0:
        raise ValueError("There is nothing to encode or decode: give at least one row.")
    graph = _graph(function, vae, values)
    return [graph(np.asarray(values[i : i + batch_size])) for i in range(0, len(values), batch_size)]


def _graph(function, vae, values):
    """Return a function of this file, compiled for batches of any size of such values.

    The model keeps it, and it lives as long as the model.
    """
    graphs = vars(vae).setdefault("_latent_graphs", {})  # by `vars`, since Keras would track an attribute
    key = (function.__name__, values.shape[1:], values.dtype.name)
    if key not in graphs:
        graphs[key] = backend.compiled(functools.partial(function, vae), vae, like=values)
    return graphs[key]


def subset(z: np.ndarray, seed: int) -> np.ndarray:
    """Return at most 20,000 rows of z (n, ...), drawn by the seed, in their order."""
    if len(z) <= ENOUGH_CODES:
        return z
    rows = np.random.default_rng(seed).choice(len(z), ENOUGH_CODES, replace=False)
    return z[np.sort(rows)]


def interpolate(start: np.ndarray, end: np.ndarray, steps: int = 8, spherical: bool = False) -> np.ndarray:
    """Return the way from one code to another, both ends included.

    In many dimensions codes lie near a sphere, and a straight line cuts through its inside. The spherical way turns
    evenly from start to end (Shoemake 1985, "Animating rotation with quaternion curves") while its length changes
    evenly. Codes on one line through the origin have no angle between them: their way is straight.

    Args:
        start: a code (latent_dim,).
        end: a code (latent_dim,).
        steps: number of codes on the way.
        spherical: whether the way turns about the origin.

    Returns:
        Codes as float32 (steps, latent_dim).
    """
    from scipy.spatial import geometric_slerp

    start, end = np.float64(start), np.float64(end)
    share = np.linspace(0.0, 1.0, steps)[:, None]
    straight = (1 - share) * start + share * end
    start_length, end_length = np.linalg.norm(start), np.linalg.norm(end)
    if not spherical or start_length == 0 or end_length == 0:
        return straight.astype("float32")
    start, end = start / start_length, end / end_length
    if abs(start @ end) > 1 - 1e-12:
        return straight.astype("float32")
    directions = geometric_slerp(start, end, share[:, 0])
    lengths = (1 - share) * start_length + share * end_length
    return (lengths * directions).astype("float32")


def traverse(z: np.ndarray, dimension: int, values) -> np.ndarray:
    """Return copies of one code in which one dimension takes each of some values.

    Args:
        z: a code (latent_dim,).
        dimension: which one, from 0.
        values: what it becomes in each copy.

    Returns:
        Codes as float32 (number of values, latent_dim).

    Raises:
        ValueError: There is no such dimension.
    """
    if not 0 <= dimension < len(z):
        raise ValueError(f"The code has dimensions 0 to {len(z) - 1}, not {dimension}.")
    copies = np.repeat(np.asarray(z, "float32")[None], len(values), axis=0)
    copies[:, dimension] = values
    return copies


def statistics(z_mean: np.ndarray, z_log_variance: np.ndarray):
    """Return what each latent dimension does, over many pictures.

    Args:
        z_mean: (n, latent_dim), as `encode` gives it.
        z_log_variance: (n, latent_dim).

    Returns:
        A table with a row per dimension. mean and standard_deviation: of z_mean. noise: the root of the encoder's mean
        variance. kl: nats, mean over the pictures. active: whether the variance of z_mean is above 0.01 (Burda et al.
        2016, arXiv 1509.00519).
    """
    import pandas as pd

    z_mean, z_log_variance = np.asarray(z_mean, "float64"), np.asarray(z_log_variance, "float64")
    columns = {
        "mean": z_mean.mean(axis=0),
        "standard_deviation": z_mean.std(axis=0),
        "noise": np.sqrt(np.exp(z_log_variance).mean(axis=0)),
        "kl": np.asarray(kl_divergence(z_mean, z_log_variance)).mean(axis=0),
        "active": z_mean.var(axis=0) > ACTIVE_VARIANCE,
    }
    return pd.DataFrame(columns).rename_axis("dimension")
