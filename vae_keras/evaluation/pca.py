"""Principal components of pictures: the linear autoencoder to compare with, and a space to measure distances in."""

import numpy as np

from vae_keras.evaluation.distances import frechet_distance
from vae_keras.evaluation.reconstruction import flat_blocks, flatten

VALUES_AT_MOST = 20_000 * 64 * 64 * 3  # that components are fitted to: 1 GB of float32


def fit_pca(images: np.ndarray, components: int = 128, seed: int = 0, at_most: int = 20_000):
    """Return the principal components of pictures.

    Args:
        images: uint8 or float in [0, 1], (n, size, size, 3), 2 or more.
        components: how many; fewer where the pictures do not have as many.
        seed: of the subset and of the randomized solver.
        at_most: pictures that are used, drawn by the seed. Of pictures larger than 64x64 fewer are.

    Returns:
        A fitted `sklearn.decomposition.PCA`.

    Raises:
        ValueError: There are too few pictures.
    """
    from sklearn.decomposition import PCA

    if len(images) < 2:
        raise ValueError(f"Principal components need at least 2 pictures, not {len(images)}.")
    flat = flatten(at_random(images, at_most, seed))  # a row of values for each picture
    components = min(components, len(flat) - 1, flat.shape[1])  # one goes to the mean
    pca = PCA(components, svd_solver="randomized", iterated_power=4, random_state=seed, copy=False)
    return pca.fit(flat)


def at_random(images: np.ndarray, at_most: int, seed: int) -> np.ndarray:
    """Return pictures, `at_most` of them or as many as fit into memory, drawn by the seed."""
    values = int(np.prod(images.shape[1:]))
    at_most = min(at_most, VALUES_AT_MOST // values)
    if len(images) <= at_most:
        return images
    rows = np.random.default_rng(seed).choice(len(images), at_most, replace=False)
    return images[np.sort(rows)]


def pca_codes(pca, images: np.ndarray) -> np.ndarray:
    """Return the principal components of pictures.

    Args:
        pca: what `fit_pca` gave.
        images: uint8 or float in [0, 1], (n, size, size, 3).

    Returns:
        A float32 array (n, components).
    """
    return np.concatenate([pca.transform(block) for block in flat_blocks(images)])


def pca_error(pca, images: np.ndarray) -> float:
    """Return the squared error of pictures rebuilt from their principal components; compare with `squared_error`.

    Args:
        pca: what `fit_pca` gave.
        images: uint8 or float in [0, 1], (n, size, size, 3).
    """
    total = 0.0
    for block in flat_blocks(images):
        rebuilt = pca.inverse_transform(pca.transform(block))
        total += np.square(block - rebuilt).sum(dtype="float64")
    return float(total / np.prod(np.shape(images)))


def pca_distance(pca, real: np.ndarray, other: np.ndarray) -> float:
    """Return the Fréchet distance of two sets of faces in the space of the training pictures' principal components.

    It sees layout, light and colour, not sharpness: what the components leave out does not count. Small sets are
    farther apart than large ones by chance, so take sets of the same count, 1,000 or more, and print the distance of
    real training to real test pictures beside it. Published distances use another space.

    Args:
        pca: what `fit_pca` gave for the training pictures.
        real: uint8 or float in [0, 1], (n, size, size, 3).
        other: the same, (m, size, size, 3).
    """
    return frechet_distance(pca_codes(pca, real), pca_codes(pca, other))
