"""What to draw new codes from, fitted to the codes of real pictures: a Gaussian, or a mixture, perhaps by kinds."""

import dataclasses
import warnings

import numpy as np

from vae_keras.latent import subset

CODES_PER_DIMENSION = 4  # that a component of a mixture needs to have a covariance of its own

# Of the mixture by kinds.
RIDGE = 1.0
FACES_OF_A_KIND = 3  # count as much as the prediction from its labels
FEWEST = 3  # faces of a kind that is drawn: of rarer ones too little was learned
MOST_KINDS = 1000  # that are drawn


@dataclasses.dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians with full covariances, over codes.

    Args:
        weights: share of each component, (components,), sum 1.
        means: (components, latent_dim).
        factors: Cholesky factors of the covariances, (components, latent_dim, latent_dim): a covariance is
            factor @ factor.T. A single one, (1, latent_dim, latent_dim), is that of all components.

    Example:
        >>> prior = fit_prior(z)
        >>> faces = latent.decode(vae, prior.sample(16))
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    def sample(self, count: int, seed: int = 0, temperature: float = 1.0) -> np.ndarray:
        """Return new codes.

        Args:
            count: how many. The first ones of a seed are the same for every count.
            seed: of the draw.
            temperature: scales the deviation from the mean of each component: 0 gives the means, 1 the fitted spread.

        Returns:
            Codes as float32 (count, latent_dim).

        Raises:
            ValueError: The count or the temperature is negative.
        """
        if count < 0 or temperature < 0:
            raise ValueError(f"Count and temperature cannot be negative, as here: {count}, {temperature}.")
        (z,) = self.sample_in_chunks([count], seed, temperature)
        return z

    def sample_in_chunks(self, counts, seed: int = 0, temperature: float = 1.0):
        """Yield the codes of one `sample`, so many at a time.

        Args:
            counts: how many each chunk has.
            seed: as of `sample`.
            temperature: as of `sample`.

        Yields:
            Codes as float32 (count, latent_dim).
        """
        # Two generators, so that neither draw depends on how many the other makes.
        for_components, for_noise = np.random.default_rng(seed).spawn(2)
        edges = np.cumsum(self.weights, dtype="float64")
        for count in counts:
            uniform = for_components.random(count)
            components = np.searchsorted(edges / edges[-1], uniform, side="right")
            noise = for_noise.standard_normal((count, self.means.shape[1]))
            z = np.empty_like(noise)
            for index in np.unique(components):
                chosen = components == index
                z[chosen] = self.means[index] + temperature * noise[chosen] @ self.factor(index).T
            yield z.astype("float32")

    def factor(self, index: int) -> np.ndarray:
        """Return the Cholesky factor of a component's covariance: (latent_dim, latent_dim)."""
        return self.factors[index if len(self.factors) > 1 else 0]

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density at codes z (n, latent_dim): float64 (n,), in nats."""
        from scipy.stats import Covariance, multivariate_normal

        terms = []
        for index, (weight, mean) in enumerate(zip(self.weights, self.means)):
            covariance = Covariance.from_cholesky(np.float64(self.factor(index)))
            density = np.reshape(multivariate_normal.logpdf(z, mean, covariance), len(z))
            terms.append(np.log(weight) + density)
        return np.logaddexp.reduce(terms)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean (latent_dim,) and the covariance (latent_dim, latent_dim) of the whole mixture, float64."""
        mean = self.weights @ np.float64(self.means)
        offsets = self.means - mean
        covariance = (self.weights[:, None] * offsets).T @ offsets
        for index, weight in enumerate(self.weights):
            factor = np.float64(self.factor(index))
            covariance += weight * factor @ factor.T
        return mean, covariance

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return float32 arrays by the names that they have in a model folder's `latent.npz`."""
        return {
            "prior_weights": np.float32(self.weights),
            "prior_means": np.float32(self.means),
            "prior_factors": np.float32(self.factors),
        }

    @classmethod
    def from_arrays(cls, arrays) -> "Mixture":
        """Return the mixture of what `to_arrays` gave.

        Args:
            arrays: a mapping of names to arrays, such as an open .npz file. It may hold others.

        Raises:
            KeyError: One of the arrays is missing.
        """
        names = ("prior_weights", "prior_means", "prior_factors")
        return cls(*(np.float32(arrays[name]) for name in names))


def fit_prior(z: np.ndarray, components: int = 10, seed: int = 0, kinds=None) -> Mixture:
    """Return a Gaussian mixture with full covariances, fitted to codes.

    Args:
        z: codes (n, latent_dim), 2 or more. At most 20,000 of them are used.
        components: number of Gaussians; 1 fits a single one. Each needs about four codes per latent dimension: of few
            codes there are fewer components.
        seed: of the start of the fit.
        kinds: a table of true/false, n rows, which tells kinds of faces apart: then `fit_kinds` fits the mixture, with
            a component for each of them, from all codes.

    Returns:
        A `Mixture`.

    Raises:
        ValueError: There are too few codes or components, or some codes are not numbers.
    """
    z = np.asarray(z)
    if not np.isfinite(z).all():
        raise ValueError("Some codes are not numbers: training diverged; train with a lower learning rate.")
    if kinds is not None:
        return fit_kinds(z, kinds)
    z = subset(z, seed).astype("float64")
    count, latent_dim = z.shape
    if count < 2 or components < 1:
        raise ValueError(f"A prior needs at least 2 codes and 1 component, not {count} and {components}.")
    components = min(components, count // (CODES_PER_DIMENSION * latent_dim))
    if components > 1:
        return fit_mixture(z, components, seed)
    return fit_gaussian(z)


def fit_gaussian(z: np.ndarray) -> Mixture:
    """Return the Gaussian with the mean and covariance of the codes.

    The covariance is shrunk (Ledoit and Wolf 2004), so that few codes suffice. A trace on its diagonal gives codes
    without any spread a factor, too.

    Args:
        z: codes (n, latent_dim), 2 or more, float64.

    Returns:
        A `Mixture` of one component.
    """
    from sklearn.covariance import ledoit_wolf

    mean = z.mean(axis=0)
    covariance, _ = ledoit_wolf(z)  # np.cov, made safe for few codes
    mean_variance = max(np.diag(covariance).mean(), 1e-6)
    covariance += 1e-6 * mean_variance * np.eye(len(mean))
    factor = np.linalg.cholesky(covariance)  # factor @ factor.T is the covariance
    return Mixture(weights=np.ones(1), means=mean[None], factors=factor[None])


def fit_mixture(z: np.ndarray, components: int, seed: int = 0) -> Mixture:
    """Return a mixture of Gaussians, fitted to whitened codes.

    The fit begins with clusters by plain distance, in which the widest axes would count most, and adds the same amount
    to each variance: hence codes are whitened first. Thirty rounds: held-out codes gain nothing after the first few.

    Args:
        z: codes (n, latent_dim), float64, at least `CODES_PER_DIMENSION` for each latent dimension of a component.
        components: number of Gaussians, 2 or more.
        seed: of the start of the fit.
    """
    from sklearn.mixture import GaussianMixture

    center = z.mean(axis=0)
    deviations, axes = principal_axes(z)
    white = (z - center) @ axes / deviations  # variance 1 along every axis
    mixture = GaussianMixture(components, reg_covar=1e-3, random_state=seed, max_iter=30)
    _fit_quietly(mixture, np.float32(white))
    unwhiten = deviations[:, None] * axes.T  # the way back
    means = center + mixture.means_ @ unwhiten
    white_factors = np.linalg.cholesky(np.float64(mixture.covariances_))
    factors = [_triangular(factor.T @ unwhiten) for factor in white_factors]
    return Mixture(mixture.weights_, means, np.stack(factors))


def principal_axes(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions in which codes spread, and how much.

    Args:
        z: codes (n, latent_dim), 2 or more.

    Returns:
        deviations: the standard deviation along each axis, (latent_dim,), the least first. Axes without any spread get
            a tiny one, to be divided by. axes: a column for each of them, (latent_dim, latent_dim).
    """
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(z, rowvar=False)))
    deviations = np.sqrt(np.maximum(variances, 1e-8 * variances.max() + 1e-12))
    return deviations, axes


def _fit_quietly(mixture, z):
    """Fit in one thread, since on a busy machine two are slower, and without a warning where rounds run out."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(z)


def _triangular(root):
    """Return the Cholesky factor of root.T @ root. QR gives it without squaring."""
    _, upper = np.linalg.qr(root)
    return (upper * np.sign(np.diag(upper))[:, None]).T


def fit_kinds(z: np.ndarray, labels) -> Mixture:
    """Return a mixture with a component for each kind of face that labels tell apart.

    A mixture of few Gaussians covers what lies between the kinds as well, where faces have ghosts of glasses. Here a
    kind is a combination of labels. Its mean is predicted from the labels and their pairs by ridge regression, and
    pulled towards the mean of its own codes, the more faces it has. All kinds share the covariance of what is left.
    Kinds of one or two faces are left out, unless all kinds are as rare.

    Args:
        z: codes (n, latent_dim).
        labels: a table of true/false, n rows.

    Returns:
        A `Mixture` whose components share one covariance.

    Example:
        >>> prior = fit_kinds(z, faces.labels("train", ["Male", "Eyeglasses", "Wearing_Hat"]))
        >>> new = latent.decode(vae, prior.sample(16, temperature=0.8))
    """
    z = np.asarray(z, "float64")
    labels = np.asarray(labels, "float64")
    kinds, kind_of, counts = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
    kind_of = kind_of.reshape(-1)
    predictors = with_pairs(kinds)
    x = predictors[kind_of]
    penalty = RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 0  # the constant is free
    means = predictors @ np.linalg.solve(x.T @ x + penalty, x.T @ z)
    own = np.zeros_like(means)
    np.add.at(own, kind_of, z - means[kind_of])
    means += own / (counts + FACES_OF_A_KIND)[:, None]
    remainder = fit_gaussian(z - means[kind_of])
    commonest = np.argsort(-counts, kind="stable")[:MOST_KINDS]
    drawn = commonest[counts[commonest] >= min(FEWEST, counts.max())]
    return Mixture(counts[drawn] / counts[drawn].sum(), means[drawn], remainder.factors)


def with_pairs(labels: np.ndarray) -> np.ndarray:
    """Return labels (n, k) of 0 and 1 with a constant before them and the products of their pairs behind them."""
    first, second = np.triu_indices(labels.shape[1], 1)
    pairs = labels[:, first] * labels[:, second]
    occurring = pairs.any(axis=0)
    return np.concatenate([np.ones((len(labels), 1)), labels, pairs[:, occurring]], axis=1)
