"""Faces that are like a face: nearest by their codes."""

import numpy as np

from vae_keras import latent


def nearest_codes(z: np.ndarray, candidates: np.ndarray, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return for each code the nearest candidates, nearest first.

    Args:
        z: codes (n, latent_dim).
        candidates: codes (m, latent_dim).
        count: candidates per code.

    Returns:
        The numbers of the candidates (n, count), and their distances (n, count).

    Raises:
        ValueError: There are fewer candidates than asked for.
    """
    from sklearn.neighbors import NearestNeighbors

    if not 1 <= count <= len(candidates):
        raise ValueError(f"Between 1 and {len(candidates)} faces can be found, not {count}.")
    distances, indices = NearestNeighbors(n_neighbors=count).fit(candidates).kneighbors(z)
    return indices, distances


def search(vae, images: np.ndarray, candidates: np.ndarray, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return for each picture the candidates whose codes are nearest, nearest first.

    Args:
        vae: a trained `VAE`.
        images: uint8 (n, size, size, 3).
        candidates: uint8 (m, size, size, 3).
        count: candidates per picture.

    Returns:
        As `nearest_codes`.
    """
    z, _ = latent.encode(vae, images)
    candidate_codes, _ = latent.encode(vae, candidates)
    return nearest_codes(z, candidate_codes, count)
