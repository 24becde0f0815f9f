"""What lives between encoder and decoder: codes of many pictures, priors fitted to them, paths and directions."""

import dataclasses
import warnings

import numpy as np
import pandas as pd

from vae_keras.config import require
from vae_keras.storage import Arrays

ENOUGH_CODES = 20_000  # a mixture or a linear model gains nothing from more, and takes seconds, not minutes


def _graph(vae, method, shape, dtype):
    """The encoder or decoder as a traced graph for any number of rows.

    The model keeps it, as long as it lives itself: tracing costs a second.
    """
    import tensorflow as tf

    graphs = vars(vae).setdefault("_graphs", {})  # by `vars`, since Keras would track an attribute
    if (key := (method, shape, dtype)) in graphs:
        return graphs[key]

    def encode(images):
        images = tf.cast(images, tf.float32) / 255.0 if images.dtype == tf.uint8 else images
        return [tf.cast(part, tf.float32) for part in vae.encode(images)]

    def decode(z):
        images = tf.cast(vae.decode(z), tf.float32)
        return [tf.cast(tf.round(tf.clip_by_value(images, 0.0, 1.0) * 255.0), tf.uint8)]

    function = {"encode": encode, "decode": decode}[method]
    # No branch depends on values here, and autograph takes a tenth of a second to find that out.
    signature = [tf.TensorSpec((None, *shape), dtype)]
    graphs[key] = tf.function(function, input_signature=signature, autograph=False)
    return graphs[key]


def _in_batches(vae, method, values, batch_size):
    if len(values) == 0:
        raise ValueError(f"There is nothing to {method}: give at least one row.")
    function = _graph(vae, method, values.shape[1:], values.dtype.name)
    parts = [function(np.asarray(values[i : i + batch_size])) for i in range(0, len(values), batch_size)]
    return [np.concatenate(part) for part in zip(*parts)]


def encode(vae, images, batch_size=256):
    """The codes of many pictures, batch by batch.

    images: uint8 in 0..255 or float in [0, 1], [n, size, size, 3]; a memory map is read batch by batch.
    Returns (z_mean, z_log_variance), float32 [n, latent_dim]. ValueError where shape or range do not fit.
    """
    size, images = vae.network["image_size"], np.asarray(images)
    if images.ndim != 4 or tuple(images.shape[1:]) != (size, size, 3):
        raise ValueError(
            f"The model takes pictures as [n, {size}, {size}, 3], not {list(np.shape(images))}: "
            "images.load_images crops and resizes."
        )
    if images.dtype != np.uint8 and len(images):
        least, most = np.min(images), np.max(images)
        if not -0.5 <= least <= most <= 1.5:  # resizing overshoots a little
            found = f"[{least:.4g}, {most:.4g}]"
            raise ValueError(f"Pictures are uint8, or in [0, 1]; these are in {found}: scale them.")
    if images.dtype not in (np.uint8, np.float32):
        images = images.astype("float32")
    return tuple(_in_batches(vae, "encode", images, batch_size))


def decode(vae, z, batch_size=256):
    """The pictures of many codes. z: [n, latent_dim]. Returns uint8 [n, size, size, 3]."""
    z = np.asarray(z, "float32")
    width = vae.network["latent_dim"]
    if z.ndim != 2 or z.shape[1] != width:
        raise ValueError(f"The model takes codes as an array [n, {width}], not {list(z.shape)}.")
    return _in_batches(vae, "decode", z, batch_size)[0]


def reconstruct(vae, images, batch_size=256):
    """Encode and decode the z_mean of each picture, without noise. images as in `encode`; returns uint8."""
    return decode(vae, encode(vae, images, batch_size)[0], batch_size)


def settle(vae, z, passes=1, batch_size=256):
    """Codes nearer to those of real faces: of each face that z [n, d] decodes to, the code that the encoder gives it.

    The encoder has seen real faces only, and takes an odd face for a more usual one, if it looks real: with a sharpened
    decoder one or two passes help, then errors add up (a chain: Bengio et al. 2013, arXiv 1305.6663). float32 [n, d].
    """
    z = np.float32(z)
    for _ in range(passes):
        blocks = (z[i : i + batch_size] for i in range(0, len(z), batch_size))
        z = np.concatenate([encode(vae, decode(vae, block))[0] for block in blocks])
    return z


@dataclasses.dataclass(frozen=True)
class Prior(Arrays):
    """A mixture of k Gaussians over codes of d numbers: what to draw new codes from.

    weights: [k], sum 1.  means: [k, d].  factors: [k, d, d], of Cholesky; factor @ factor.T is the covariance.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    def sample(self, count, seed=0, temperature=1.0):
        """`count` codes, float32 [count, d]; the first ones of a seed are the same for every count.

        temperature scales the deviation from the mean of each component: 0 gives the means, 1 the fitted spread.
        """
        if count < 0 or temperature < 0:
            raise ValueError(f"Count and temperature cannot be negative, as here: {count}, {temperature}.")
        choice, noise = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
        edges = np.cumsum(self.weights, dtype="float64")
        component = np.searchsorted(edges / edges[-1], choice.random(count), side="right")
        deviation = noise.standard_normal((count, self.means.shape[1]))
        z = np.empty_like(deviation)
        for index in np.unique(component):
            chosen = component == index
            z[chosen] = self.means[index] + temperature * deviation[chosen] @ self.factors[index].T
        return z.astype("float32")


def fit_prior(z, components=10, seed=0):
    """Fit a Gaussian mixture with full covariances to codes z [n, d]; at most 20,000 of them are used.

    The codes are whitened first, in float64: the fit begins with clusters by plain distance, in which the widest axes
    would count most, and adds the same amount to each variance. A component needs about four codes per dimension, so
    few codes get fewer components, at last a single Gaussian with the shrunk covariance of Ledoit and Wolf (2004).
    """
    z = subset(np.asarray(z), seed).astype("float64")
    count, width = z.shape
    if count < 2 or components < 1:
        raise ValueError(f"A prior needs at least 2 codes and 1 component, not {count} and {components}.")
    if not np.isfinite(z).all():
        raise ValueError("Some codes are not numbers: training diverged; train with a lower learning rate.")
    components = min(components, max(1, count // (4 * width)))
    if components == 1:
        from sklearn.covariance import ledoit_wolf

        covariance = ledoit_wolf(z)[0]
        covariance += 1e-6 * max(np.trace(covariance) / width, 1e-6) * np.eye(width)
        return Prior(np.ones(1), z.mean(axis=0)[None], np.linalg.cholesky(covariance)[None])
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    center = z.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(z, rowvar=False))
    scale = np.sqrt(np.maximum(variances, 1e-8 * variances.max() + 1e-12))
    white = np.float32((z - center) @ axes / scale)
    mixture = GaussianMixture(components, reg_covar=1e-3, random_state=seed, max_iter=30)
    # Thirty rounds: held-out codes gain nothing after the first few. One thread: on a busy machine two are slower.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(white)
    back = scale[:, None] * axes.T
    # QR turns the un-whitened factor into the triangular one of the same covariance, without squaring it.
    roots = [np.linalg.qr(half.T @ back)[1] for half in np.linalg.cholesky(np.float64(mixture.covariances_))]
    factors = [(root * np.sign(np.diag(root))[:, None]).T for root in roots]
    return Prior(mixture.weights_, center + mixture.means_ @ back, np.stack(factors))


def subset(z, seed):
    """At most 20,000 rows of z [n, ...], chosen by chance, in their order."""
    if len(z) <= ENOUGH_CODES:
        return z
    return z[np.sort(np.random.default_rng(seed).choice(len(z), ENOUGH_CODES, replace=False))]


def interpolate(start, end, steps=8, spherical=False):
    """The way from one code to another, both ends included. start, end: [d]; returns float32 [steps, d].

    spherical: the direction turns evenly from start to end (Shoemake 1985, "Animating rotation with quaternion
    curves") while the length changes evenly. In many dimensions codes lie near a sphere, and the straight line
    cuts through its inside. Codes on one line through the origin have no angle between them: straight line.
    """
    from scipy.spatial import geometric_slerp

    start, end, share = np.float64(start), np.float64(end), np.linspace(0.0, 1.0, steps)[:, None]
    straight = (1 - share) * start + share * end
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if not spherical or min(lengths) == 0:
        return straight.astype("float32")
    start, end = start / lengths[0], end / lengths[1]
    if abs(start @ end) > 1 - 1e-12:
        return straight.astype("float32")
    direction = geometric_slerp(start, end, share[:, 0])
    return (direction * ((1 - share) * lengths[0] + share * lengths[1])).astype("float32")


def traverse(z, dimension, values):
    """Copies of one code z [d] in which one dimension takes each of `values`; float32 [len(values), d]."""
    if not 0 <= dimension < len(z):
        raise ValueError(f"The code has dimensions 0 to {len(z) - 1}, not {dimension}.")
    copies = np.repeat(np.asarray(z, "float32")[None], len(values), axis=0)
    copies[:, dimension] = values
    return copies


def usable(labels, at_least=2):
    """The columns of a table of labels with at least so many pictures on both sides: a direction needs both."""
    having = labels.astype(bool).sum()
    return labels.loc[:, having.between(at_least, len(labels) - at_least)]


def _column(labels, attribute):
    require([attribute], labels.columns, "There is no attribute")
    return labels[attribute].to_numpy(bool)


def _checked(z, labels):
    """Return the rows of both that are used; ValueError where numbers differ or an attribute has one value there."""
    if len(z) != len(labels):
        raise ValueError(f"{len(z)} codes have {len(labels)} rows of labels: give one row for each code.")
    rows = subset(np.arange(len(z)), 0)
    z, labels = np.asarray(z)[rows], labels.iloc[rows]
    for attribute in labels.columns.difference(usable(labels, 1).columns, sort=False):
        raise ValueError(
            f"All {len(labels)} pictures are alike in {attribute!r}: leave it out (latent.usable)."
        )
    return z, labels


def fit_logistic(x, has):
    """Balanced logistic regression of true/false on standardized x [n, d]: scikit-learn's pipeline of both."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(class_weight="balanced", max_iter=1000)
    return make_pipeline(StandardScaler(), regression).fit(x, has)


def directions(z, labels, controls=()):
    """For each attribute the shift that takes a code from typical-without to typical-with.

    z: [n, d].  labels: table of n rows, true/false.  Returns a float32 table: a row per attribute, columns 0..d-1.

    The codes are predicted by least squares from the attribute and from the `controls` (names of columns); its shift is
    what the attribute adds while those stay the same. Without controls that is the difference of the class means, which
    drags along whatever comes with the attribute.
    """
    z, labels = _checked(z, labels)
    z, shifts = z.astype("float64"), []
    for attribute in labels.columns:
        others = [_column(labels, name) for name in controls if name != attribute]
        known = np.column_stack([_column(labels, attribute), *others, np.ones(len(z))]).astype("float64")
        shifts.append(np.linalg.lstsq(known, z, rcond=None)[0][0])
    return pd.DataFrame(np.float32(shifts), index=pd.Index(labels.columns, name="attribute"))


def edit(z, direction, strength=1.0):
    """z + strength * direction. z: [d] or [n, d]; direction: [d]; strength 0 changes nothing, negative takes away."""
    return (np.asarray(z) + strength * np.asarray(direction)).astype("float32")


def random_direction(like, seed=0):
    """A direction that means nothing, as long as `like` [d]: what an edit has to be compared with."""
    direction = np.random.default_rng(seed).standard_normal(len(like))
    return (direction * np.linalg.norm(like) / np.linalg.norm(direction)).astype("float32")


def arithmetic(z, labels, attribute, other):
    """mean(attribute without other) − mean(neither) + mean(other without attribute), float32 [d].

    "Smiling woman − woman + man" is arithmetic(z, labels, "Smiling", "Male"). ValueError where a group is empty.
    """
    a, b = _column(labels, attribute), _column(labels, other)
    names = f"{attribute} without {other}", "neither", f"{other} without {attribute}"
    means = []
    for name, members in zip(names, (a & ~b, ~a & ~b, b & ~a)):
        if not members.any():
            raise ValueError(f"None of {len(labels)} pictures shows {name}: use more, or other attributes.")
        means.append(np.asarray(z)[members].mean(axis=0, dtype="float64"))
    return (means[0] - means[1] + means[2]).astype("float32")


def statistics(z_mean, z_log_variance):
    """One row per latent dimension: mean, standard_deviation (of z_mean), noise, kl, active.

    noise: the encoder's own deviation, root of the mean variance.  kl: nats, mean over the pictures.
    active: the variance of z_mean is above 0.01 (Burda et al. 2016, "Importance weighted autoencoders").
    """
    from vae_keras.model import kl_divergence

    z_mean, z_log_variance = np.asarray(z_mean, "float64"), np.asarray(z_log_variance, "float64")
    table = pd.DataFrame({"mean": z_mean.mean(axis=0), "standard_deviation": z_mean.std(axis=0)})
    table["noise"] = np.sqrt(np.exp(z_log_variance).mean(axis=0))
    table["kl"] = np.asarray(kl_divergence(z_mean, z_log_variance)).mean(axis=0)
    table["active"] = z_mean.var(axis=0) > 0.01
    return table.rename_axis("dimension")


def probe(train_codes, train_labels, test_codes, test_labels):
    """How well a linear model reads each attribute off the codes: area under the ROC curve on the test codes.

    0.5 is guessing, 1 is perfect; NaN where all test pictures are alike. Codes of any kind serve, PCA's too.
    """
    from sklearn.metrics import roc_auc_score

    train_codes, train_labels = _checked(train_codes, train_labels)
    areas = {}
    for attribute in train_labels.columns:
        model = fit_logistic(train_codes, _column(train_labels, attribute))
        truth = _column(test_labels, attribute)
        scores = model.decision_function(np.asarray(test_codes))
        areas[attribute] = roc_auc_score(truth, scores) if 0 < truth.sum() < len(truth) else np.nan
    return pd.Series(areas, name="AUC", dtype="float64").rename_axis("attribute")
