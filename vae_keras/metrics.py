"""Distances: between pictures and their reconstructions, and between whole sets of faces.

Pictures are uint8 in 0..255 or float in [0, 1], [n, size, size, 3]; a memory map is read block by block.
All errors are squared differences of values in [0, 1], as a mean per value.
"""

import numpy as np

BLOCK = 512  # pictures in memory at a time, 25 MB as float32 at 64x64


def _flat(images):
    """Float32 [n, size * size * 3] in [0, 1]."""
    images = np.asarray(images)
    scale = 1 / 255 if images.dtype == np.uint8 else 1.0
    return np.multiply(images.reshape(len(images), -1), scale, dtype="float32")


def _blocks(images):
    if len(images) == 0:
        raise ValueError("There are no pictures to measure: give at least one.")
    for start in range(0, len(images), BLOCK):
        yield start, _flat(images[start : start + BLOCK])


def squared_error(images, reconstructions):
    """The mean squared error per value between two arrays of pictures of the same shape, a float."""
    if np.shape(images) != np.shape(reconstructions):
        raise ValueError(
            f"Pictures {list(np.shape(images))} and reconstructions {list(np.shape(reconstructions))} "
            "differ in shape: give one reconstruction of the same size for each picture."
        )
    total = 0.0
    for start, block in _blocks(images):
        difference = block - _flat(reconstructions[start : start + BLOCK])
        total += np.square(difference).sum(dtype="float64")
    return float(total / np.prod(np.shape(images)))


def fit_pca(images, components=128, seed=0, at_most=20_000):
    """scikit-learn's PCA of pictures, the linear autoencoder to compare with.

    At most 20,000 pictures are used (fewer where they are larger than 64x64: 1 GB of float32), a seeded subset.
    """
    from sklearn.decomposition import PCA

    if len(images) < 2:
        raise ValueError(f"Principal components need at least 2 pictures, not {len(images)}.")
    at_most = min(at_most, 20_000 * 64 * 64 * 3 // int(np.prod(images.shape[1:])))
    if len(images) > at_most:
        images = images[np.sort(np.random.default_rng(seed).choice(len(images), at_most, replace=False))]
    components = min(components, len(images) - 1, int(np.prod(images.shape[1:])))  # one goes to the mean
    pca = PCA(components, svd_solver="randomized", iterated_power=4, random_state=seed, copy=False)
    return pca.fit(_flat(images))


def pca_codes(pca, images):
    """The principal components of pictures, float32 [n, components], block by block."""
    return np.concatenate([pca.transform(block) for _, block in _blocks(images)])


def pca_error(pca, images):
    """The squared error of pictures rebuilt from their principal components; compare with `squared_error`."""
    total = sum(
        np.square(block - pca.inverse_transform(pca.transform(block))).sum(dtype="float64")
        for _, block in _blocks(images)
    )
    return float(total / np.prod(np.shape(images)))


def frechet(features, other):
    """The Fréchet distance between the Gaussians with the means and covariances of two sets, [n, d] and [m, d].

    |m1 − m2|² + trace(C1 + C2 − 2 (C1 C2)^½), in float64 (Dowson and Landau 1982; Heusel et al. 2017).
    """
    features, other = np.asarray(features, "float64"), np.asarray(other, "float64")
    if min(len(features), len(other)) < 2:
        raise ValueError(
            f"A Fréchet distance needs two pictures on each side, not {len(features)} and {len(other)}."
        )
    first, second = (np.atleast_2d(np.cov(values, rowvar=False)) for values in (features, other))
    variances, axes = np.linalg.eigh(first)
    root = axes * np.sqrt(np.maximum(variances, 0)) @ axes.T
    # The eigenvalues of C1 C2 are those of the symmetric root(C1) C2 root(C1): no square root of a matrix is needed.
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    apart = np.square(features.mean(axis=0) - other.mean(axis=0)).sum()
    return float(max(0.0, apart + np.trace(first) + np.trace(second) - 2 * cross))


def face_distance(pca, real, other):
    """The Fréchet distance of two sets of faces in the space of the training pictures' principal components.

    Protocol: pca from `fit_pca` on the training pictures (128 components); both sets in [0, 1] and of the same
    count, at least 1,000 for numbers worth comparing (small sets are farther apart than large ones by chance).
    It sees layout, light and colour, not sharpness: what the 128 components leave out does not count. Print the
    distance of real training to real test pictures beside it; published distances use another space.
    """
    return frechet(pca_codes(pca, real), pca_codes(pca, other))


def nearest(images, candidates, count=1):
    """For each picture the `count` nearest candidates by squared error, nearest first.

    Returns (indices [n, count], distances [n, count] as mean squared error per value).
    """
    if not 1 <= count <= len(candidates):
        raise ValueError(f"Between 1 and {len(candidates)} neighbours can be found, not {count}.")
    flat = _flat(images)
    length = np.square(flat).sum(axis=1)[:, None]
    best = np.full((len(flat), count), np.inf, "float32")
    indices = np.zeros((len(flat), count), int)
    for start, block in _blocks(candidates):
        distance = length + np.square(block).sum(axis=1) - 2 * flat @ block.T
        distance = np.concatenate([best, distance], axis=1)
        places = np.concatenate([indices, np.tile(start + np.arange(len(block)), (len(flat), 1))], axis=1)
        order = np.argsort(distance, axis=1, kind="stable")[:, :count]
        best, indices = np.take_along_axis(distance, order, 1), np.take_along_axis(places, order, 1)
    # Exact distances of the few that were found: the shortcut above loses digits where pictures are nearly equal.
    exact = [np.square(_flat(candidates[row]) - one).mean(axis=1) for row, one in zip(indices, flat)]
    exact = np.stack(exact)
    order = np.argsort(exact, axis=1, kind="stable")
    return np.take_along_axis(indices, order, 1), np.take_along_axis(exact, order, 1)
