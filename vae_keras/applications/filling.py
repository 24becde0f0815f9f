"""What a hand or glasses cover: codes are searched whose decoding fits the pixels that can be seen."""

import keras
import numpy as np
from keras import ops

from vae_keras import backend
from vae_keras.pipeline import to_float, to_uint8

backend.require_tensorflow("Filling in")
import tensorflow as tf  # noqa: E402

COVERS = {
    "glasses": (0.43, 0.60, 0.16, 0.84),  # top, bottom, left, right, as fractions of the side
    "a hand": (0.66, 0.92, 0.26, 0.90),
    "half": (0.0, 1.0, 0.5, 1.0),
}

TEMPERATURE = 0.7  # of the draws: below 1, so that they are usual ones


def visible(size: int, cover: str) -> np.ndarray:
    """Return which pixels can be seen: float32 (size, size, 1), 1 where they can and 0 below the cover.

    Args:
        size: pixels a side.
        cover: one of `COVERS`.
    """
    top, bottom, left, right = (round(edge * size) for edge in COVERS[cover])
    known = np.ones((size, size, 1), "float32")
    known[top:bottom, left:right] = 0
    return known


def paint_over(images: np.ndarray, known: np.ndarray, level: int = 128) -> np.ndarray:
    """Return pictures whose covered pixels are grey, uint8 (n, size, size, 3)."""
    return np.where(known > 0, images, np.uint8(level))


def fill_in(  # noqa: PLR0913
    vae, prior, images, known, count: int = 3, steps: int = 150, learning_rate: float = 0.1, seed: int = 0
) -> np.ndarray:
    """Return several ways in which the covered part of faces may look.

    Each way begins at a draw from the prior. Adam then moves its code, so that the decoding fits the visible pixels and
    the code stays near its draw: what the pixels leave open remains as it was drawn.

    Args:
        vae: a trained `VAE` with the Gaussian likelihood.
        prior: a `Mixture`, fitted to the codes of its training pictures.
        images: uint8 (n, size, size, 3). What is covered in them does not count.
        known: 1 where a pixel can be seen, else 0, (size, size, 1).
        count: fillings of each face.
        steps: of Adam.
        learning_rate: of Adam.
        seed: of the draws.

    Returns:
        Faces as uint8 (count, n, size, size, 3), with the visible pixels as they were.
    """
    means, factors, drawn = draw_starts(prior, count * len(images), seed)
    wanted = tf.tile(to_float(images), (count, 1, 1, 1))
    u = keras.Variable(drawn)
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build([u])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            decoded = vae.decode(means + tf.linalg.matvec(factors, u))
            loss = search_loss(wanted, decoded, known, u, drawn, ops.exp(vae.log_sigma))
        optimizer.apply(tape.gradient(loss, [u.value]), [u])

    for _ in range(steps):
        step()
    decoded = vae.decode(means + tf.linalg.matvec(factors, u))
    filled = to_uint8(known * wanted + (1 - known) * decoded)
    return filled.reshape(count, *images.shape)


def draw_starts(prior, count: int, seed: int):
    """Return where a search begins: z = mean + factor @ u, where u is drawn from N(0, TEMPERATURE²).

    Args:
        prior: a `Mixture`.
        count: number of codes.
        seed: of the draw.

    Returns:
        means: of the component of each code, float32 (count, latent_dim). factors: of its covariance, float32
        (count, latent_dim, latent_dim). u: float32 (count, latent_dim).
    """
    random = np.random.default_rng(seed)
    weights = np.float64(prior.weights)
    component = random.choice(len(weights), count, p=weights / weights.sum())
    u = TEMPERATURE * random.standard_normal((count, prior.means.shape[1]))
    factors = np.stack([prior.factor(number) for number in component])
    return np.float32(prior.means[component]), np.float32(factors), np.float32(u)


def search_loss(images, decoded, known, u, drawn, sigma):
    """Return how badly codes fit: the visible pixels by the Gaussian likelihood, and the way from where they began."""
    misfit = ops.sum(ops.square(known * (images - decoded))) / (2 * ops.square(sigma))
    return misfit + 0.5 * ops.sum(ops.square(u - drawn))
