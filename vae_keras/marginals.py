"""New codes spread like real ones along each of their components: what a prior misses, mended after it has drawn.

A mixture or a network that learns all numbers of a code at once makes single directions too Gaussian. Independent
component analysis (Hyvärinen and Oja 2000) finds those along which the codes of real pictures are least so. Along each
of them new codes are moved to the quantiles of real ones, as one round of Gaussianization does (Chen and Gopinath 2000;
Laparra et al. 2011), only that the aim is here the other codes, not a Gaussian.
"""

import dataclasses
import warnings

import numpy as np

from vae_keras import latent
from vae_keras.storage import Arrays

# Levels of the quantiles, dense at both ends, where codes differ: deviations of a Gaussian, -3.5 to 3.5.
DEVIATIONS = np.linspace(-3.5, 3.5, 129)
ENOUGH = 20  # real codes per number of a code
APART = 1_000_003  # seed of the new codes that are measured: not one of those that are drawn later


@dataclasses.dataclass(frozen=True)
class Marginals(Arrays):
    """A function of new codes z [n, d], which gives float32 [n, d]: to components, to other quantiles, and back.

    center: [d].  enter: [d, d], components are (z - center) @ enter.  found, wanted: [d, quantiles], of each component
    before and after.  leave: [d, d] and origin: [d], the way back, components @ leave + origin.
    """

    center: np.ndarray
    enter: np.ndarray
    found: np.ndarray
    wanted: np.ndarray
    leave: np.ndarray
    origin: np.ndarray

    def __call__(self, z):
        parts = ((np.asarray(z) - self.center) @ self.enter).T
        parts = [np.interp(*each) for each in zip(parts, self.found, self.wanted)]
        return np.float32(np.stack(parts, axis=1) @ self.leave + self.origin)


def fit(prior, real, seed=0):
    """Return the `Marginals` that move codes of `prior` to the quantiles of real codes [n, d], or None.

    prior: a `latent.Prior` or a `diffusion.Diffusion`; 20,000 of its codes are drawn, with a seed of their own, and as
    many of real are used at most. Mean and covariance are moved, too, before the components and after them.
    None: there are fewer real codes than `ENOUGH` per number, and quantiles would be those of chance.
    """
    from scipy.special import ndtr

    if len(real) < ENOUGH * real.shape[1]:
        return None
    real = latent.subset(real, seed)
    center, enter, back = components(real, seed)
    apart = (prior.sample(latent.ENOUGH_CODES, seed=APART + seed) - center) @ enter
    middle, even = apart.mean(axis=0), _even(apart)
    apart, levels = (apart - middle) @ even, ndtr(DEVIATIONS)
    found, wanted = (np.quantile(some, levels, axis=0).T for some in (apart, (real - center) @ enter))
    moved = np.stack([np.interp(*each) for each in zip(apart.T, found, wanted)], axis=1)
    leave = _even(moved) @ back
    origin = center - moved.mean(axis=0) @ leave
    return Marginals(center + middle @ back, enter @ even, found, wanted, leave, origin)


def components(z, seed=0):
    """Return center [d], enter [d, d] and back [d, d] of codes z [n, d]: independent components and the way back.

    The components, (z - center) @ enter, have a variance of 1 each and no covariance; back is the inverse of enter. Of
    d codes or fewer there are n - 1 components, since they spread in no more directions: enter [d, n - 1].
    """
    from sklearn.decomposition import FastICA
    from threadpoolctl import threadpool_limits

    how = dict(whiten="unit-variance", whiten_solver="eigh", max_iter=100, tol=1e-3, random_state=seed)
    how["n_components"] = min(z.shape[1], len(z) - 1)
    # A few components turn on for ever: no harm, but scikit-learn warns of it.
    with threadpool_limits(1), warnings.catch_warnings():  # one thread: on a busy machine two are much slower
        warnings.simplefilter("ignore", UserWarning)
        analysis = FastICA(**how).fit(np.float64(z))
    return analysis.mean_, analysis.components_.T, analysis.mixing_.T


def _even(parts):
    """Return the symmetric matrix that gives parts [n, d] a covariance of 1 and turns them no more than it must."""
    variances, axes = np.linalg.eigh(np.cov(parts, rowvar=False))
    return axes / np.sqrt(np.maximum(variances, 1e-8 * variances.max())) @ axes.T
