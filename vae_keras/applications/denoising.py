"""Faces without their noise: by a VAE as it is, by networks that learned from noisy and clean pairs, by OpenCV.

A strength is the standard deviation of Gaussian noise on values in [0, 1]: 0.1 is a deviation of 25 grey levels.
"""

import cv2
import numpy as np

from vae_keras import backend, training
from vae_keras.model import VAE
from vae_keras.pipeline import to_float, to_uint8

if backend.name() == "tensorflow":
    import tensorflow as tf

STRENGTHS = (0.05, 0.1, 0.2, 0.4)
FILTER = 0.6  # OpenCV's h over the deviation of the noise: the best of 0.4 to 1.2 over all strengths
WINDOW = 21  # pixels a side of the square in which non-local means looks for alike patches


def add_noise(images: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Return pictures with Gaussian noise, clipped to what a picture can hold.

    Args:
        images: uint8 (n, size, size, 3).
        strength: standard deviation of the noise, 0.1 for 25 grey levels.
        seed: of the noise.

    Returns:
        Noisy pictures as uint8 (n, size, size, 3).
    """
    noise = np.random.default_rng(seed).standard_normal(images.shape, "float32")
    return to_uint8(images / np.float32(255) + np.float32(strength) * noise)


def noisy_pairs(images, seed):
    """Return a batch with noise, and the batch itself: what goes in, and what has to come out.

    Each picture gets a strength of its own, from 0 to the largest of `STRENGTHS`.

    Args:
        images: uint8 (batch, size, size, 3).
        seed: two whole numbers.

    Returns:
        Two float32 tensors (batch, size, size, 3) in [0, 1].
    """
    clean = to_float(images)
    strengths = tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, 0, max(STRENGTHS))
    noise = tf.random.stateless_normal(tf.shape(clean), tf.cast(seed, "int64") + 1)
    return tf.clip_by_value(clean + strengths * noise, 0, 1), clean


def train_denoiser(  # noqa: PLR0913
    vae,
    images,
    epochs: int,
    variational: bool = True,
    batch_size: int = 32,
    learning_rate=5e-4,
    seed: int = 0,
) -> VAE:
    """Return a network that begins with the weights of a VAE and learns to draw clean faces of noisy ones.

    Args:
        vae: a trained `VAE`, which stays as it is.
        images: clean pictures, uint8 (n, size, size, 3).
        epochs: passes over the pictures.
        variational: False leaves out the draw of the code and the KL. What remains is the denoising autoencoder
            (Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders").
        batch_size: pictures per step.
        learning_rate: of Adam.
        seed: of the noise and of the order of the pictures.

    Returns:
        A `VAE`.
    """
    config = vae.get_config() | {"variational": variational, "beta": float(variational)}
    denoiser = VAE.from_config(config)
    denoiser.encoder.set_weights(vae.encoder.get_weights())
    denoiser.decoder.set_weights(vae.decoder.get_weights())
    training.fit(
        denoiser,
        images,
        epochs=epochs,
        batch_size=batch_size,
        optimizer="adam",
        learning_rate=learning_rate,
        augment=noisy_pairs,
        seed=seed,
    )
    return denoiser


def non_local_means(images: np.ndarray, strength: float) -> np.ndarray:
    """Return pictures without noise, by averages over alike patches (Buades et al. 2005), as OpenCV takes them.

    Args:
        images: uint8 (n, size, size, 3).
        strength: standard deviation of the noise, which this method has to be told.

    Returns:
        Pictures as uint8 (n, size, size, 3).
    """
    h = FILTER * 255 * strength
    return np.stack([cv2.fastNlMeansDenoisingColored(image, None, h, h, 7, WINDOW) for image in images])
