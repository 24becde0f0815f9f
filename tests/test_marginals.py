"""New codes moved to the quantiles of real ones: along components that are known, and without harm to right ones."""

import numpy as np
import pytest
from scipy import stats

from vae_keras import latent, marginals

COUNT = 20_000


@pytest.fixture
def rng():
    return np.random.default_rng()  # fresh numbers each time: bounds are wide enough for all of them


@pytest.fixture(scope="module")
def known():
    """Real codes of five independent components, four of them not Gaussian, and what mixes them."""
    rng = np.random.default_rng(0)
    parts = [
        rng.laplace(size=COUNT),
        rng.uniform(-1, 1, COUNT),
        rng.gamma(2, size=COUNT),
        rng.normal(size=COUNT),
    ]
    parts.append(np.where(rng.random(COUNT) < 0.9, 0.3, 2.0) * rng.normal(size=COUNT))
    parts = stats.zscore(np.stack(parts, axis=1))
    mix = rng.standard_normal((5, 5)) + 2 * np.eye(5)
    return parts, mix, np.float32(parts @ mix + 3)


@pytest.fixture(scope="module")
def prior(known):
    """One Gaussian of another mean and covariance than theirs."""
    _, mix, real = known
    factor = np.linalg.cholesky(1.3 * np.cov(real, rowvar=False) + 0.2 * np.eye(5))
    return latent.Prior(np.ones(1), real.mean(axis=0)[None] + 0.5, factor[None])


@pytest.fixture(scope="module")
def moved(known, prior):
    return marginals.fit(prior, known[2])


def test_components_are_found_and_the_way_back_leads_back(known):
    parts, _, real = known
    center, enter, back = marginals.components(np.float64(real))
    found = (real - center) @ enter
    np.testing.assert_allclose(np.cov(found, rowvar=False), np.eye(5), atol=1e-3)
    np.testing.assert_allclose(found @ back + center, real, atol=1e-3)
    alike = np.abs(np.corrcoef(parts, found, rowvar=False)[:5, 5:])
    assert (alike.max(axis=1) > 0.97).all() and (alike.max(axis=0) > 0.97).all()


def test_new_codes_get_mean_covariance_and_quantiles_of_real_ones(known, prior, moved, rng):
    parts, mix, real = known
    new = prior.sample(COUNT, seed=int(rng.integers(1000)))
    after = moved(new)
    assert after.dtype == np.float32 and after.shape == new.shape
    np.testing.assert_allclose(after.mean(axis=0), real.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.cov(after, rowvar=False), np.cov(real, rowvar=False), rtol=0.15, atol=0.4)
    for z, least, most in ((new, 0.05, 1), (after, 0, 0.03)):
        unmixed = stats.zscore((z - 3) @ np.linalg.inv(mix))
        apart = [stats.ks_2samp(one, other).statistic for one, other in zip(unmixed.T, parts.T)]
        assert least <= max(apart) <= most


def test_codes_that_were_right_stay_where_they_are(known, rng):
    """A prior that draws real codes: what moves them is the chance of 20,000."""

    class Real:
        def sample(self, count, seed):
            return known[2][np.random.default_rng(seed).permutation(COUNT)[:count]]

    same = marginals.fit(Real(), known[2])
    z = known[2][rng.permutation(COUNT)[:1000]]
    middle = np.abs(stats.zscore(z)).max(axis=1) < 2  # the far ends are cut off at the last quantile
    np.testing.assert_allclose(same(z[middle]), z[middle], atol=0.02 * z.std())


def test_order_along_a_component_is_kept_and_the_ends_are_real(known, moved):
    """Whatever is drawn, no component goes beyond where real codes are."""
    steps = np.linspace(-50, 50, 301)
    assert (np.diff(moved.found) > 0).all() and (np.diff(moved.wanted) > 0).all()
    for index in range(5):
        line = np.linalg.inv(moved.enter)[index] * steps[:, None] + moved.center
        parts = (moved(line) - moved.origin) @ np.linalg.inv(moved.leave)
        assert (np.diff(parts[:, index]) >= -1e-3).all()
        assert parts[:, index].min() == pytest.approx(moved.wanted[index, 0], abs=1e-2)
        assert parts[:, index].max() == pytest.approx(moved.wanted[index, -1], abs=1e-2)


def test_stored_in_an_archive_and_taken_from_it(moved, known, tmp_path):
    np.savez(tmp_path / "latent.npz", other=np.ones(3), **moved.to_arrays())
    with np.load(tmp_path / "latent.npz") as file:
        again = marginals.Marginals.from_arrays(dict(file))
    np.testing.assert_allclose(again(known[2][:100]), moved(known[2][:100]), atol=1e-2)
    assert marginals.Marginals.from_arrays({"other": np.ones(3)}) is None


def test_nothing_is_fitted_to_too_few_codes(prior, known):
    enough = marginals.ENOUGH * 5
    assert isinstance(marginals.fit(prior, known[2][:enough]), marginals.Marginals)
    assert marginals.fit(prior, known[2][: enough - 1]) is None
