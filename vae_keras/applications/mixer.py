"""A mixer: one face of several, and a slider that says how much of each goes into it."""

import numpy as np

from vae_keras import latent
from vae_keras.applications.dial import face_below, is_live, slider

STRIP = np.array(
    [[4, 0, 0], [2, 2, 0], [0, 4, 0], [0, 2, 2], [0, 0, 4], [2, 0, 2], [1, 1, 1]]
)  # in its place


def mix(z: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Return the code that has so much of each face: the mean of their codes, weighted by the amounts.

    Args:
        z: codes of the faces, (n, latent_dim).
        amounts: (n,), 0 or more. Where all are 0, the faces count alike.

    Returns:
        A float32 code (latent_dim,).
    """
    amounts = np.asarray(amounts, "float64")
    if not amounts.any():
        amounts = np.ones(len(z))
    return (amounts / amounts.sum() @ z).astype("float32")


def mixer(model, z: np.ndarray):
    """Return sliders that mix three faces, or a strip of mixtures where nothing would answer them, as `dial` does.

    Args:
        model: a `Pretrained`.
        z: the codes of three faces, (3, latent_dim).

    Returns:
        A widget or a `plots.Plot`. A notebook shows either when it is the last expression of a cell.

    Example:
        >>> mixer(model, model.sample(3, seed=1))
    """
    if not is_live():
        return strip(model.vae, z)
    sliders = [slider(f"face {number}", 0.0, 1.0, 0.05, value=1.0) for number in range(1, len(z) + 1)]
    return face_below(model.vae, sliders, lambda amounts: mix(z, amounts))


def strip(vae, z: np.ndarray):
    """Return pictures of mixtures of three faces, with the shares of each above them.

    Args:
        vae: a `VAE`.
        z: codes (3, latent_dim).

    Returns:
        A `plots.Plot`.
    """
    from vae_keras import plots

    heads = []
    for amounts in STRIP:
        shared = [name for name, amount in zip("ABC", amounts) if amount]
        heads.append(" + ".join(shared))
    codes = np.stack([mix(z, amounts) for amounts in STRIP])
    return plots.rows({"mixtures of A, B and C": latent.decode(vae, codes)}, heads=heads)
