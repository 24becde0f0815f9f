"""Mixtures against closed forms: known Gaussians are found, samples have their moments, files keep them."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from vae_keras import priors
from vae_keras.priors import Mixture, fit_prior


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def random_mixture(components=3, latent_dim=4):
    """New numbers every time."""
    generator = np.random.default_rng()
    lower = np.tril(generator.normal(size=(components, latent_dim, latent_dim)), -1)
    diagonal = np.exp(generator.normal(size=(components, latent_dim, 1))) * np.eye(latent_dim)
    weights = generator.dirichlet(np.ones(components))
    return Mixture(weights, generator.normal(size=(components, latent_dim)), lower + diagonal)


def test_mixture_recovers_known_gaussians(rng):
    means = np.array([[0.0, 0.0, 0.0], [60.0, 3.0, 0.0]])
    factors = np.array([np.diag([5.0, 1.0, 0.01]), [[2.0, 0, 0], [1.0, 0.5, 0], [0, 0, 0.03]]])
    member = (rng.random(6000) < 0.25).astype(int)
    z = means[member] + np.einsum("nij,nj->ni", factors[member], rng.standard_normal((6000, 3)))
    prior = fit_prior(z, components=2)
    order = np.argsort(prior.weights)[::-1]
    np.testing.assert_allclose(prior.weights[order], [0.75, 0.25], atol=0.02)
    np.testing.assert_allclose(prior.means[order], means, atol=0.3)
    for found, factor in zip(prior.factors[order], factors):
        assert np.allclose(found, np.tril(found), atol=1e-9) and (np.diag(found) > 0).all()
        deviations = np.sqrt(np.diag(factor @ factor.T))
        np.testing.assert_allclose(np.sqrt(np.diag(found @ found.T)), deviations, rtol=0.15)


@pytest.mark.parametrize("components, narrowest", [(1, 5), (4, 0.05)])
def test_samples_have_the_moments_of_the_codes(rng, components, narrowest):
    """The single Gaussian is shrunk towards equal variances: of axes that differ less."""
    z = rng.standard_normal((4000, 8)) * np.geomspace(narrowest, 20, 8) + 5
    prior = fit_prior(z, components)
    assert prior.weights.shape == (components,)
    drawn = prior.sample(20_000, seed=1)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.std(axis=0), z.std(axis=0), rtol=0.05)
    np.testing.assert_allclose(drawn.mean(axis=0), z.mean(axis=0), atol=0.05 * z.std(axis=0).max())
    assert not np.allclose(prior.sample(5, seed=2), drawn[:5])


@pytest.mark.parametrize("temperature", [0.0, 0.6, 1.0])
def test_the_first_codes_are_the_same_for_every_count(temperature):
    prior = random_mixture()
    seed = int(np.random.default_rng().integers(1000))
    whole = prior.sample(50, seed, temperature)
    for count in (0, 1, 7, 50):
        part = prior.sample(count, seed, temperature)
        assert part.shape == (count, 4)
        np.testing.assert_allclose(part, whole[:count], rtol=1e-4, atol=1e-5)


def test_a_sample_has_the_moments_of_the_mixture():
    prior = random_mixture()
    z = prior.sample(200_000, seed=3)
    mean = prior.weights @ prior.means
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=5 * z.std(axis=0).max() / np.sqrt(200_000))
    offsets = prior.means - mean
    covariances = prior.factors @ prior.factors.transpose(0, 2, 1) + offsets[:, :, None] * offsets[:, None]
    expected = np.einsum("k,kde->de", prior.weights, covariances)
    np.testing.assert_allclose(np.cov(z, rowvar=False), expected, atol=0.05 * np.diag(expected).max())


def test_temperature_scales_the_deviation_from_the_means():
    prior = Mixture(np.ones(1), np.full((1, 3), 2.0), np.eye(3)[None])
    warm, cool = prior.sample(10), prior.sample(10, temperature=0.5)
    np.testing.assert_allclose(cool - 2, 0.5 * (warm - 2), atol=1e-6)
    np.testing.assert_allclose(prior.sample(4, temperature=0), 2.0)
    for wrong in ({"count": -1}, {"count": 1, "temperature": -1.0}):
        with pytest.raises(ValueError, match="negative"):
            prior.sample(**wrong)


def test_the_density_is_scipys():
    prior = random_mixture(2, 3)
    z = np.random.default_rng().normal(size=(5, 3))
    parts = [
        np.log(weight) + multivariate_normal(mean, factor @ factor.T).logpdf(z)
        for weight, mean, factor in zip(prior.weights, prior.means, prior.factors)
    ]
    np.testing.assert_allclose(prior.log_density(z), np.logaddexp.reduce(parts), rtol=1e-6)
    np.testing.assert_allclose(prior.log_density(z[:1]), prior.log_density(z)[:1])


@pytest.mark.parametrize("count", [2, 40])
def test_few_codes_give_one_gaussian(rng, count):
    prior = fit_prior(rng.standard_normal((count, 128)), components=10)
    assert prior.weights.shape == (1,)
    drawn = prior.sample(50)
    assert np.isfinite(drawn).all() and 0.3 < drawn.std() < 3


@pytest.mark.parametrize("count, components", [(15, 1), (16, 2), (1000, 10)])
def test_a_component_needs_four_codes_per_dimension(rng, count, components):
    assert len(fit_prior(rng.standard_normal((count, 2)), components=10).weights) == components


def test_codes_that_nothing_can_be_fitted_to_are_refused():
    with pytest.raises(ValueError, match="at least 2 codes"):
        fit_prior(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="and 1 component, not 50 and 0"):
        fit_prior(np.zeros((50, 4)), components=0)
    with pytest.raises(ValueError, match="diverged"):
        fit_prior(np.full((50, 4), np.nan))


def test_constant_codes_give_a_prior():
    np.testing.assert_allclose(fit_prior(np.ones((50, 4))).sample(5), 1, atol=1e-4)
    assert np.isfinite(fit_prior(np.ones((500, 4))).sample(5)).all()


def test_a_fit_repeats_and_uses_a_subset_drawn_by_the_seed(rng, monkeypatch):
    z = rng.standard_normal((400, 3))
    first, again, other = (fit_prior(z, 2, seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(first.means, again.means)
    monkeypatch.setattr(priors, "subset", lambda z, seed: z[: 200 + seed])
    np.testing.assert_allclose(fit_prior(z, 1, seed=5).means[0], z[:205].mean(axis=0))
    assert not np.allclose(first.means, other.means)


def test_a_mixture_survives_its_arrays(tmp_path):
    prior = random_mixture()
    arrays = prior.to_arrays()
    assert {name: values.dtype for name, values in arrays.items()} == dict.fromkeys(
        ("prior_weights", "prior_means", "prior_factors"), np.float32
    )
    np.savez_compressed(tmp_path / "latent.npz", other=np.zeros(3), **arrays)
    with np.load(tmp_path / "latent.npz") as file:
        loaded = Mixture.from_arrays(file)
    for name in ("weights", "means", "factors"):
        np.testing.assert_array_equal(getattr(loaded, name), np.float32(getattr(prior, name)))
    np.testing.assert_allclose(loaded.sample(9, seed=3), prior.sample(9, seed=3), atol=1e-4)
    del arrays["prior_means"]
    with pytest.raises(KeyError, match="prior_means"):
        Mixture.from_arrays(arrays)


def test_the_moments_of_a_mixture_are_those_of_its_draws():
    factors = np.array([[[1.0, 0.0], [0.5, 2.0]], [[0.3, 0.0], [0.0, 0.3]]])
    mixture = priors.Mixture(np.array([0.3, 0.7]), np.array([[0.0, 1.0], [4.0, -2.0]]), factors)
    mean, covariance = mixture.moments()
    z = mixture.sample(100_000)
    np.testing.assert_allclose(mean, z.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(covariance, np.cov(z.T), atol=0.1)
