"""Errors and likeness of pictures and their reconstructions, bits per dimension, nearest pictures.

Pictures are uint8 in 0 to 255 or float in [0, 1], (n, size, size, 3). A memory map is read block by block. All errors
are squared differences of values in [0, 1], as a mean per value.
"""

import math

import numpy as np
from keras import ops

from vae_keras import latent
from vae_keras.model import gaussian
from vae_keras.pipeline import to_float

BLOCK = 512  # pictures in memory at a time, 25 MB as float32 at 64x64
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001)  # the first three of five: the other scales need larger pictures


def flatten(images: np.ndarray) -> np.ndarray:
    """Return pictures as rows of values, float32 (n, size * size * 3) in [0, 1]."""
    images = np.asarray(images)
    scale = 1 / 255 if images.dtype == np.uint8 else 1.0
    return np.multiply(images.reshape(len(images), -1), scale, dtype="float32")


def flat_blocks(images: np.ndarray):
    """Yield the rows of `flatten`, some hundreds at a time.

    Raises:
        ValueError: There are no pictures.
    """
    if len(images) == 0:
        raise ValueError("There are no pictures to measure: give at least one.")
    for start in range(0, len(images), BLOCK):
        yield flatten(images[start : start + BLOCK])


def squared_error(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Return the mean squared error per value between two arrays of pictures.

    Args:
        images: uint8 or float in [0, 1], (n, size, size, 3).
        reconstructions: the same, in the same shape.

    Raises:
        ValueError: There are no pictures, or the shapes differ.
    """
    shape = np.shape(images)
    if shape != np.shape(reconstructions):
        raise ValueError(
            f"Pictures {list(shape)} and reconstructions {list(np.shape(reconstructions))} "
            "differ in shape: give one reconstruction of the same size for each picture."
        )
    total = 0.0
    for block, other in zip(flat_blocks(images), flat_blocks(reconstructions)):
        total += np.square(block - other).sum(dtype="float64")
    return float(total / np.prod(shape))


def similarity(images: np.ndarray, reconstructions: np.ndarray) -> dict[str, float]:
    """Return how alike pictures and their reconstructions are.

    Args:
        images: uint8 (n, size, size, 3), with sides of 64 or more.
        reconstructions: the same, in the same shape.

    Returns:
        A dictionary of means over the pictures. mse: squared error per value. psnr: decibels, of each picture's own
        error, infinite for equal ones. ssim: structural similarity (Wang et al. 2004), by scikit-image. ms_ssim: the
        same over three scales (Wang et al. 2003), by TensorFlow. The last two are 1 for equal pictures.

    Raises:
        ValueError: There are no pictures, or the shapes differ.
    """
    import tensorflow as tf
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    mse = squared_error(images, reconstructions)
    psnr, ssim = [], []
    for image, reconstruction in zip(images, reconstructions):
        psnr.append(peak_signal_noise_ratio(image, reconstruction))
        ssim.append(structural_similarity(image, reconstruction, channel_axis=2))
    weights = np.array(MS_SSIM_WEIGHTS) / np.sum(MS_SSIM_WEIGHTS)
    ms_ssim = []
    for start in range(0, len(images), BLOCK):
        rows = slice(start, start + BLOCK)
        ms_ssim.append(tf.image.ssim_multiscale(images[rows], reconstructions[rows], 255, weights))
    return {
        "mse": mse,
        "psnr": float(np.mean(psnr)),
        "ssim": float(np.mean(ssim)),
        "ms_ssim": float(np.mean(np.concatenate(ms_ssim))),
    }


def bits_per_dimension(vae, images: np.ndarray, samples: int = 1, seed: int = 0, prior=None) -> float:
    """Return an upper bound on the bits that a VAE needs for each value of 8 bits of a picture, a mean over pictures.

    The density of a value is taken for constant over its step of 1/255.

    Args:
        vae: a `VAE` with the Gaussian likelihood.
        images: uint8 (n, size, size, 3).
        samples: codes drawn per picture. 1 gives the ELBO, more the tighter importance-weighted bound (Burda et al.
            2016, arXiv 1509.00519).
        seed: of the codes.
        prior: a `Mixture` that the codes are taken from, in the place of N(0, I).

    Raises:
        ValueError: The VAE has another likelihood.
    """
    if vae.likelihood != "gaussian":
        raise ValueError(
            "Bits are counted for the Gaussian likelihood alone: train with likelihood='gaussian'."
        )
    z_mean, z_log_variance = latent.encode(vae, images)
    generator = np.random.default_rng(seed)
    bounds = []
    for image, mean, log_variance in zip(images, z_mean, z_log_variance):
        noise = generator.standard_normal((samples, len(mean)))
        z = mean + np.exp(0.5 * log_variance) * noise
        log_posterior = _log_normal(noise) - 0.5 * log_variance.sum()
        log_prior = _log_normal(z) if prior is None else prior.log_density(z)
        log_weights = _log_likelihood(vae, image, z) + log_prior - log_posterior
        bounds.append(np.logaddexp.reduce(log_weights) - math.log(samples))
    nats_per_value = -np.mean(bounds) / np.prod(images.shape[1:])
    return float(math.log2(255) + nats_per_value / math.log(2))


def _log_normal(z):
    """Return the logarithm of N(0, I)'s density at codes z (n, latent_dim): (n,)."""
    return -0.5 * (z**2 + math.log(2 * math.pi)).sum(axis=1)


def _log_likelihood(vae, image, z):
    """Return the logarithm of the density of one uint8 picture given each code z (n, latent_dim): float64 (n,)."""
    reconstructions = ops.cast(vae.decode(np.float32(z)), "float32")
    return -np.float64(ops.convert_to_numpy(gaussian(to_float(image[None]), reconstructions, vae.log_sigma)))


def nearest_pictures(
    images: np.ndarray, candidates: np.ndarray, count: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each picture the nearest candidates by squared error, nearest first.

    Args:
        images: uint8 or float in [0, 1], (n, size, size, 3).
        candidates: the same, (m, size, size, 3).
        count: candidates per picture.

    Returns:
        The numbers of the candidates (n, count), and their mean squared errors per value (n, count).

    Raises:
        ValueError: There are no pictures, or fewer candidates than asked for.
    """
    if not 1 <= count <= len(candidates):
        raise ValueError(f"Between 1 and {len(candidates)} neighbours can be found, not {count}.")
    indices, errors = [], []
    for block in flat_blocks(images):
        block_indices, block_errors = _nearest(block, candidates, count)
        indices.append(block_indices)
        errors.append(block_errors)
    return np.concatenate(indices), np.concatenate(errors)


def _nearest(flat, candidates, count):
    """Return the numbers and errors of the nearest candidates of some rows of values."""
    # The squared length of the pictures themselves changes no order, and is left out.
    scores = [np.square(block).sum(axis=1) - 2 * flat @ block.T for block in flat_blocks(candidates)]
    indices = np.argsort(np.hstack(scores), axis=1, kind="stable")[:, :count]
    # Exact errors of the few that were found: the shortcut above loses digits where pictures are nearly equal.
    errors = [np.square(flatten(candidates[rows]) - one).mean(axis=1) for rows, one in zip(indices, flat)]
    errors = np.stack(errors)
    order = np.argsort(errors, axis=1, kind="stable")
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(errors, order, axis=1)
