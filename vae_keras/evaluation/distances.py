"""How far two sets of faces are apart, and how varied one is, by the features that a network sees in them.

Features are (n, d): those of the course's classifier (`AttributeClassifier.features`), or of any other network. The
Keras metric keeps sums, not pictures, so a set may be as large as one likes. Distances depend on the network, the crop
and the counts: print these, and the distance of real training to real test pictures beside them.
"""

import keras
import numpy as np
from keras import ops

from vae_keras import backend


def frechet_of_moments(mean, covariance, other_mean, other_covariance):
    """Return the Fréchet distance of two Gaussians (Dowson and Landau 1982).

    It is |m1 - m2|² + trace(C1 + C2 - 2 (C1 C2)^½).

    Args:
        mean: (d,).
        covariance: (d, d).
        other_mean: (d,).
        other_covariance: (d, d).

    Returns:
        A float64 scalar tensor.
    """
    variances, axes = ops.linalg.eigh(covariance)
    root = axes * ops.sqrt(ops.maximum(variances, 0)) @ ops.transpose(axes)
    # C1 C2 has the eigenvalues of the symmetric root(C1) C2 root(C1), so C1 C2 itself needs no root.
    product = root @ other_covariance @ root
    eigenvalues, _ = ops.linalg.eigh((product + ops.transpose(product)) / 2)
    trace_of_root = ops.sum(ops.sqrt(ops.maximum(eigenvalues, 0)))
    between_means = ops.sum(ops.square(mean - other_mean))
    traces = ops.trace(covariance) + ops.trace(other_covariance)
    return ops.maximum(between_means + traces - 2 * trace_of_root, 0)


def frechet_distance(features: np.ndarray, other: np.ndarray) -> float:
    """Return the Fréchet distance between the Gaussians with the means and covariances of two sets of features.

    Args:
        features: (n, d), of 2 pictures or more.
        other: (m, d), of 2 pictures or more.

    Raises:
        ValueError: There are too few pictures.

    Example:
        >>> frechet_distance(classifier.features(faces.test), classifier.features(new_faces))
    """
    if min(len(features), len(other)) < 2:
        raise ValueError(
            f"A Fréchet distance needs two pictures on each side, not {len(features)} and {len(other)}."
        )
    features, other = np.asarray(features, "float64"), np.asarray(other, "float64")
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    other_covariance = np.atleast_2d(np.cov(other, rowvar=False))
    moments = (features.mean(axis=0), covariance, other.mean(axis=0), other_covariance)
    with backend.in_float64():
        return float(frechet_of_moments(*moments))


def squared_mmd(features, other):
    """Return the squared maximum mean discrepancy of two sets of features, unbiased.

    With the kernel (x·y / d + 1)³, it is the mean over pairs of different pictures on each side, minus twice the mean
    over pairs across (Gretton et al. 2012; Bińkowski et al. 2018, arXiv 1801.01401). It may come out
    negative by chance.

    Args:
        features: (n, d), of 2 pictures or more.
        other: (m, d), of 2 pictures or more.

    Returns:
        A float64 scalar tensor.
    """
    features, other = ops.cast(features, "float64"), ops.cast(other, "float64")
    across = ops.mean(_cubic_kernel(features, other))
    return _mean_of_pairs(features) + _mean_of_pairs(other) - 2 * across


def _cubic_kernel(x, y):
    """Return the kernel between all pictures of x (n, d) and of y (m, d): (n, m)."""
    return (x @ ops.transpose(y) / x.shape[1] + 1) ** 3


def _mean_of_pairs(x):
    """Return the mean of the kernel over all pairs of different pictures of x (n, d)."""
    kernel = _cubic_kernel(x, x)
    count = ops.cast(ops.shape(x)[0], "float64")
    return (ops.sum(kernel) - ops.trace(kernel)) / (count * (count - 1))


@keras.saving.register_keras_serializable("vae_keras")
class KernelDistance(keras.metrics.Metric):
    """The kernel distance of two streams of features (Bińkowski et al. 2018: "KID"): the mean of `squared_mmd`.

    Each update is a block of its own, so that the spread between blocks gives `standard_error()`. Blocks should have
    some hundred pictures a side. With fewer than two blocks the error is NaN.

    Args:
        name: name of the metric.
        dtype: Keras' dtype of the metric. Sums are kept in float64 all the same.
    """

    def __init__(self, name="kernel_distance", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.blocks = self.add_variable((), "zeros", dtype="float64", name="blocks")
        self.total = self.add_variable((), "zeros", dtype="float64", name="total")
        self.squares = self.add_variable((), "zeros", dtype="float64", name="squares")

    def update_state(self, real, other):
        """Add a block: features of real pictures (n, d) and of others (m, d), both at least 2."""
        value = squared_mmd(real, other)
        self.blocks.assign_add(1.0)
        self.total.assign_add(value)
        self.squares.assign_add(value**2)

    def result(self):
        """Return the mean over the blocks, a float64 scalar tensor."""
        return self.total / self.blocks

    def standard_error(self):
        """Return the standard error of the result, from the variance between the blocks."""
        variance = (self.squares / self.blocks - self.result() ** 2) * self.blocks / (self.blocks - 1)
        return ops.sqrt(ops.maximum(variance, 0) / self.blocks)


def kernel_distance(
    features: np.ndarray, other: np.ndarray, block: int = 250, seed: int = 0
) -> tuple[float, float]:
    """Return the kernel distance of two sets of features, and its standard error.

    Args:
        features: (n, d), of 2 pictures or more.
        other: (m, d), of 2 pictures or more.
        block: pictures a block. Both sets are shuffled and cut into as many blocks as the smaller one fills.
        seed: of the shuffling.

    Raises:
        ValueError: There are too few pictures.
    """
    count = min(len(features), len(other))
    if count < 2:
        raise ValueError(f"A kernel distance needs two pictures on each side, not {count}.")
    block = min(block, count)
    generator = np.random.default_rng(seed)
    order, other_order = generator.permutation(len(features)), generator.permutation(len(other))
    with backend.in_float64():
        metric = KernelDistance()
        for start in range(0, count - block + 1, block):
            rows = slice(start, start + block)
            metric.update_state(features[order[rows]], other[other_order[rows]])
        return float(metric.result()), float(metric.standard_error())


def diversity(features: np.ndarray, at_most: int = 2000, seed: int = 0) -> float:
    """Return the mean distance between two pictures of a set.

    Args:
        features: (n, d), of 2 pictures or more.
        at_most: pictures that are used, drawn by the seed.
        seed: of the draw.

    Raises:
        ValueError: There are too few pictures.
    """
    from scipy.spatial.distance import pdist

    if len(features) < 2:
        raise ValueError(f"Diversity needs at least 2 pictures, not {len(features)}.")
    rows = np.random.default_rng(seed).permutation(len(features))[:at_most]
    return float(pdist(np.asarray(features, "float64")[rows]).mean())


def density_and_coverage(real: np.ndarray, other: np.ndarray, neighbours: int = 5) -> tuple[float, float]:
    """Return how likely the others are among the real pictures, and how many of those they reach.

    Around each real picture lies a ball as wide as the distance to its k-th real neighbour (Naeem et al. 2020, arXiv
    2002.09797).

    Args:
        real: features of real pictures (n, d), more than `neighbours`.
        other: features of the others (m, d), 1 or more.
        neighbours: k.

    Returns:
        density: balls that hold one of the others, over k. About 1 if the sets are alike, more if the others keep to
        what is common. coverage: share of the balls that hold at least one. About 1 - 2^-k for equal sets of a size.

    Raises:
        ValueError: There are too few pictures.
    """
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import NearestNeighbors

    if len(real) <= neighbours or len(other) == 0:
        raise ValueError(f"Density needs more than {neighbours} real pictures, not {len(real)}, and others.")
    to_neighbours, _ = NearestNeighbors(n_neighbors=neighbours).fit(real).kneighbors()
    radii = to_neighbours[:, -1]
    held = np.zeros(len(real))
    for start in range(0, len(other), 1000):
        distances = pairwise_distances(real, other[start : start + 1000])
        held += (distances <= radii[:, None]).sum(axis=1)
    density = held.sum() / (neighbours * len(other))
    coverage = (held > 0).mean()
    return float(density), float(coverage)
