"""How far two sets of faces are apart, how varied one is: from the features that a network sees in them.

Features are [n, d]: of the course's own judge (`judge.Judge.features`), of InceptionV3 (`inception_features`), or any
other. The Keras metrics stream: they keep sums, not pictures, so a set may be as large as one likes. Distances depend
on the network, the crop and the counts: print them, and the distance of real training to real test pictures, too.
"""

import keras
import numpy as np
from keras import ops


def frechet_of_moments(mean, covariance, other_mean, other_covariance):
    """The Fréchet distance of two Gaussians, as a float64 tensor; means [d], covariances [d, d].

    |m1 − m2|² + trace(C1 + C2 − 2 (C1 C2)^½) (Dowson and Landau 1982).
    """
    variances, axes = ops.linalg.eigh(covariance)
    root = axes * ops.sqrt(ops.maximum(variances, 0)) @ ops.transpose(axes)
    # The eigenvalues of C1 C2 are those of the symmetric root(C1) C2 root(C1): no square root of a matrix is needed.
    product = root @ other_covariance @ root
    cross = ops.sum(ops.sqrt(ops.maximum(ops.linalg.eigh((product + ops.transpose(product)) / 2)[0], 0)))
    apart = ops.sum(ops.square(mean - other_mean))
    return ops.maximum(apart + ops.trace(covariance) + ops.trace(other_covariance) - 2 * cross, 0)


@keras.saving.register_keras_serializable("vae_keras")
class FrechetDistance(keras.metrics.Metric):
    """The Fréchet distance between the Gaussians fitted to two streams of features (Heusel et al. 2017: "FID").

    Args: width: numbers per picture, d. Memory: 2 d² numbers. The result is NaN below two pictures on a side.
    """

    def __init__(self, width, name="frechet_distance", **options):
        super().__init__(name=name, **options)
        self.width = width
        add = dict(initializer="zeros", dtype="float64")
        self.counts = self.add_variable((2,), name="counts", **add)
        self.means = self.add_variable((2, width), name="means", **add)
        self.scatters = self.add_variable((2, width, width), name="scatters", **add)

    def update_state(self, real, other):
        """Add features of real pictures (n, width) and of others (m, width)."""
        updated = [self._merge(side, ops.cast(x, "float64")) for side, x in enumerate((real, other))]
        for variable, values in zip((self.counts, self.means, self.scatters), zip(*updated)):
            variable.assign(ops.stack(values))

    def _merge(self, side, features):
        """Count, mean and scatter of a side with more features; exact far from zero too (Chan et al. 1979)."""
        old, more = self.counts[side], ops.cast(ops.shape(features)[0], "float64")
        count = ops.maximum(old + more, 1)
        mean = ops.sum(features, axis=0) / ops.maximum(more, 1)
        step, centered = mean - self.means[side], features - mean
        scatter = self.scatters[side] + ops.transpose(centered) @ centered
        scatter = scatter + old * more / count * ops.outer(step, step)
        return old + more, self.means[side] + step * more / count, scatter

    def result(self):
        covariances = self.scatters / (self.counts[:, None, None] - 1)
        enough = ops.all(self.counts > 1)
        covariances = ops.where(enough, covariances, 0.0)
        distance = frechet_of_moments(self.means[0], covariances[0], self.means[1], covariances[1])
        return ops.where(enough, distance, np.nan)

    def get_config(self):
        return {"name": self.name, "width": self.width}


def frechet(features, other):
    """The Fréchet distance between the Gaussians with the means and covariances of two sets, [n, d] and [m, d]."""
    if min(len(features), len(other)) < 2:
        raise ValueError(
            f"A Fréchet distance needs two pictures on each side, not {len(features)} and {len(other)}."
        )
    features, other = np.asarray(features, "float64"), np.asarray(other, "float64")
    metric = FrechetDistance(features.shape[1])
    metric.update_state(features, other)
    return float(metric.result())


def squared_mmd(features, other):
    """The squared maximum mean discrepancy of two sets of features, unbiased: a float64 tensor, negative by chance.

    Kernel (x·y / d + 1)³; mean over pairs of different pictures on each side, minus twice the mean over pairs
    across (Gretton et al. 2012; Bińkowski et al. 2018).
    """
    features, other = ops.cast(features, "float64"), ops.cast(other, "float64")

    def kernel(x, y):
        return (x @ ops.transpose(y) / x.shape[1] + 1) ** 3

    def mean_of_pairs(x):
        values, count = kernel(x, x), ops.cast(ops.shape(x)[0], "float64")
        return (ops.sum(values) - ops.trace(values)) / (count * (count - 1))

    return mean_of_pairs(features) + mean_of_pairs(other) - 2 * ops.mean(kernel(features, other))


@keras.saving.register_keras_serializable("vae_keras")
class KernelDistance(keras.metrics.Metric):
    """The kernel distance of two streams of features (Bińkowski et al. 2018: "KID"): the mean of `squared_mmd`.

    Each update is a block of its own, so that the spread between blocks gives `standard_error()`. Blocks should have
    some hundred pictures a side; with fewer than two blocks the error is NaN.
    """

    def __init__(self, name="kernel_distance", **options):
        super().__init__(name=name, **options)
        add = dict(shape=(), initializer="zeros", dtype="float64")
        self.blocks, self.total, self.squares = (
            self.add_variable(name=part, **add) for part in ("blocks", "total", "squares")
        )

    def update_state(self, real, other):
        """Add a block: features of real pictures (n, d) and of others (m, d), both at least 2."""
        value = squared_mmd(real, other)
        for variable, more in ((self.blocks, 1.0), (self.total, value), (self.squares, value**2)):
            variable.assign_add(more)

    def result(self):
        return self.total / self.blocks

    def standard_error(self):
        """Return the standard error of the result, from the variance between the blocks."""
        variance = (self.squares / self.blocks - self.result() ** 2) * self.blocks / (self.blocks - 1)
        return ops.sqrt(ops.maximum(variance, 0) / self.blocks)


def kernel_distance(features, other, block=250, seed=0):
    """The kernel distance of two sets of features [n, d] and [m, d], and its standard error, two floats.

    Both sets are shuffled and cut into as many blocks of `block` pictures as the smaller one fills.
    """
    count = min(len(features), len(other))
    if count < 2:
        raise ValueError(f"A kernel distance needs two pictures on each side, not {count}.")
    block, generator, metric = min(block, count), np.random.default_rng(seed), KernelDistance()
    orders = [generator.permutation(len(some)) for some in (features, other)]
    for start in range(0, count - block + 1, block):
        metric.update_state(*(some[o[start : start + block]] for some, o in zip((features, other), orders)))
    return float(metric.result()), float(metric.standard_error())


def diversity(features, at_most=2000, seed=0):
    """The mean distance between two of a set's pictures in features [n, d]; of at most 2,000 drawn pictures."""
    from scipy.spatial.distance import pdist

    if len(features) < 2:
        raise ValueError(f"Diversity needs at least 2 pictures, not {len(features)}.")
    rows = np.random.default_rng(seed).permutation(len(features))[:at_most]
    return float(pdist(np.asarray(features, "float64")[rows]).mean())


def density_and_coverage(real, other, neighbours=5):
    """How likely the other set's pictures are among the real ones, and how many of those they reach: two floats.

    Around each real picture lies a ball as wide as the distance to its k-th real neighbour. density: balls that hold
    one of the others, over k (about 1 if the sets are alike, more if the others keep to the common). coverage: share of
    the balls that hold at least one; about 1 − 2^−k for equal sets of a size (Naeem et al. 2020).
    """
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import NearestNeighbors

    if len(real) <= neighbours or len(other) == 0:
        raise ValueError(f"Density needs more than {neighbours} real pictures, not {len(real)}, and others.")
    found = NearestNeighbors(n_neighbors=neighbours).fit(real)
    radii = found.kneighbors()[0][:, -1]  # of each to others than itself
    held = np.zeros(len(real))
    for start in range(0, len(other), 1000):
        held += (pairwise_distances(real, other[start : start + 1000]) <= radii[:, None]).sum(axis=1)
    return float(held.sum() / (neighbours * len(other))), float((held > 0).mean())


def inception_features(images, batch_size=64, network=None):
    """The 2,048 features of InceptionV3, those of the published "FID": float32 [n, 2048].

    images: uint8 [n, size, size, 3], resized bilinearly to 299x299. The weights, trained on ImageNet, are those of
    `keras.applications` (88 MB, downloaded once), not the ones of the first published implementation: the distances
    are near to published ones, not the same. Raises OSError where they cannot be had; `network` is used in their place.
    """
    if network is None:
        try:
            network = keras.applications.InceptionV3(include_top=False, pooling="avg")
        except Exception as error:  # urllib and Keras raise many kinds
            raise OSError(
                f"The weights of InceptionV3 cannot be downloaded ({error}): measure with the course's own judge."
            ) from error
    blocks = []
    for start in range(0, len(images), batch_size):
        block = ops.image.resize(ops.cast(images[start : start + batch_size], "float32"), (299, 299))
        blocks.append(network.predict_on_batch(block / 127.5 - 1))
    return np.concatenate(blocks)
