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
    """One Gaussian of another mean than theirs, and without the covariances."""
    real = known[2]
    return latent.Prior(np.ones(1), real.mean(axis=0)[None] + 0.5, np.diag(real.std(axis=0))[None])


@pytest.fixture(scope="module")
def moved(known, prior):
    return marginals.fit(prior, known[2])


def test_components_are_found_and_the_way_back_leads_back(known):
    parts, _, real = known
    center, enter, back = marginals.components(real)
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
    np.testing.assert_allclose(after.mean(axis=0), real.mean(axis=0), atol=0.15)
    np.testing.assert_allclose(np.cov(after, rowvar=False), np.cov(real, rowvar=False), rtol=0.15, atol=0.6)
    # Of a thousand seeds: 0.152 and more before, 0.035 and less after.
    for z, least, most in ((new, 0.12, 1), (after, 0, 0.05)):
        unmixed = stats.zscore((z - 3) @ np.linalg.inv(mix))
        apart = [stats.ks_2samp(one, other).statistic for one, other in zip(unmixed.T, parts.T)]
        assert least <= max(apart) <= most


def test_mean_and_covariance_of_the_codes_that_were_measured_are_exact(known, prior, moved):
    center, enter, _ = marginals.components(known[2])
    parts = (moved(prior.sample(COUNT, seed=marginals.APART)) - center) @ enter
    np.testing.assert_allclose(parts.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(parts, rowvar=False), np.eye(5), atol=2e-3)


def test_codes_that_were_right_stay_where_they_are(known, rng):
    """Half of the real codes as if drawn, to be moved to the other half: what moves them is chance."""

    class Real:
        def sample(self, count, seed):
            return known[2][::2]

    same = marginals.fit(Real(), known[2][1::2])
    z = known[2][rng.permutation(COUNT)[:1000]]
    middle = np.abs(stats.zscore(z)).max(axis=1) < 1.5
    apart = np.linalg.norm(same(z) - z, axis=1)[middle] / np.linalg.norm(z.std(axis=0))
    assert middle.sum() > 300 and np.median(apart) < 0.03 and np.quantile(apart, 0.95) < 0.08


def test_order_along_a_component_is_kept(moved):
    steps, back = np.linspace(-50, 50, 301), np.linalg.inv(moved.enter)
    for index in range(5):
        along = moved(steps[:, None] * back[index] + moved.center) @ np.linalg.inv(moved.leave)[:, index]
        assert (np.diff(along) >= -1e-3).all() and np.ptp(along) > 3


def test_no_code_ends_beyond_the_real_ones(known, prior, moved, rng):
    """However far out it was drawn."""
    center, enter, _ = marginals.components(known[2])
    real = (known[2] - center) @ enter
    parts = (moved(prior.sample(1000, int(rng.integers(1000)), temperature=50)) - center) @ enter
    assert (real.min(axis=0) - 0.3 < parts.min(axis=0)).all() and (parts.min(axis=0) < -1.3).all()
    assert (parts.max(axis=0) < real.max(axis=0) + 0.3).all() and (parts.max(axis=0) > 1.3).all()


def test_stored_in_an_archive_and_taken_from_it(moved, known, tmp_path):
    np.savez(tmp_path / "latent.npz", other=np.ones(3), **moved.to_arrays())
    with np.load(tmp_path / "latent.npz") as file:
        again = marginals.Marginals.from_arrays(dict(file))
    np.testing.assert_allclose(again(known[2][:100]), moved(known[2][:100]), atol=1e-2)
    with pytest.raises(KeyError, match="marginals_enter"):
        marginals.Marginals.from_arrays({"marginals_center": np.ones(3)})


def test_nothing_is_fitted_to_too_few_codes(prior, known):
    enough = marginals.ENOUGH * 5
    assert isinstance(marginals.fit(prior, known[2][:enough]), marginals.Marginals)
    assert marginals.fit(prior, known[2][: enough - 1]) is None


def test_few_codes_have_fewer_components_and_no_warning(rng, recwarn):
    z = rng.standard_normal((12, 30))
    center, enter, back = marginals.components(z)
    assert enter.shape == (30, 11) and back.shape == (11, 30) and not recwarn.list
    np.testing.assert_allclose((z - center) @ enter @ back + center, z, atol=1e-9)
