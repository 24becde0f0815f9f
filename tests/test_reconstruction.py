"""Errors against closed forms, SciPy and brute force; bits against the loss; the report on a whole model."""

import dataclasses
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import multivariate_normal

from vae_keras import config, evaluation, latent, priors, training
from vae_keras.data.drawn.faces import draw_faces, sample_factors
from vae_keras.evaluation import reconstruction, report
from vae_keras.model import VAE


@pytest.fixture
def faces():
    return np.random.default_rng(0).integers(0, 256, (600, 4, 4, 3), dtype=np.uint8)


def test_squared_error_is_the_mean_per_value(faces):
    other = faces[::-1]
    expected = np.mean((faces / 255 - other / 255) ** 2)
    assert reconstruction.squared_error(faces, other) == pytest.approx(expected, rel=1e-5)
    assert reconstruction.squared_error(faces / 255, other) == pytest.approx(expected, rel=1e-5)
    assert reconstruction.squared_error(faces, faces) == 0
    with pytest.raises(ValueError, match="differ in shape"):
        reconstruction.squared_error(faces, faces[:3])
    with pytest.raises(ValueError, match="no pictures"):
        reconstruction.squared_error(faces[:0], faces[:0])


@pytest.mark.parametrize("count", [1, 5])
def test_nearest_equals_brute_force(faces, count, monkeypatch):
    monkeypatch.setattr(reconstruction, "BLOCK", 97)
    queries = np.clip(faces[[7, 444]].astype(int) + 3, 0, 255).astype("uint8")
    indices, errors = reconstruction.nearest_pictures(queries, faces, count)
    brute = np.square(queries[:, None] / 255 - faces[None] / 255).mean(axis=(2, 3, 4))
    np.testing.assert_array_equal(indices, np.argsort(brute, axis=1)[:, :count])
    np.testing.assert_allclose(errors, np.sort(brute, axis=1)[:, :count], rtol=1e-4)
    assert indices[:, 0].tolist() == [7, 444]
    assert reconstruction.nearest_pictures(faces[:1], faces)[1][0, 0] == 0


def test_pictures_that_are_nearly_equal_are_told_apart():
    steps = np.random.default_rng(0).permutation(20)
    candidates = np.float32(0.9) + np.float32(1e-4) * steps[:, None, None, None] * np.ones(
        (1, 8, 8, 3), "float32"
    )
    indices, errors = reconstruction.nearest_pictures(np.full((1, 8, 8, 3), 0.9, "float32"), candidates, 20)
    np.testing.assert_array_equal(indices[0], np.argsort(steps))
    np.testing.assert_allclose(errors[0], (1e-4 * np.arange(20)) ** 2, rtol=0.01, atol=1e-12)


def test_nearest_refuses_more_than_there_are(faces):
    for wrong in (0, 601):
        with pytest.raises(ValueError, match="Between 1 and 600"):
            reconstruction.nearest_pictures(faces[:1], faces, wrong)


def test_similarity_is_perfect_for_equal_pictures_and_follows_its_formulas():
    images = np.random.default_rng().integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    rounded = images // 2 * 2  # without the last bit: an error of 0 or 1
    equal, same = reconstruction.similarity(images, images), reconstruction.similarity(images, rounded)
    assert equal["ssim"] == equal["ms_ssim"] == 1 and equal["mse"] == 0 and equal["psnr"] == np.inf
    errors = np.square(np.float64(images) - rounded).mean(axis=(1, 2, 3))
    assert same["psnr"] == pytest.approx(np.mean(10 * np.log10(255**2 / errors)))
    assert same["mse"] == pytest.approx(errors.mean() / 255**2, rel=1e-4)
    worse = reconstruction.similarity(images, np.roll(images, 1, axis=0))
    assert all(worse[name] < same[name] for name in ("psnr", "ssim", "ms_ssim"))


@pytest.fixture(scope="module")
def tiny():
    """A VAE on 16 by 16 pictures, with the pictures."""
    settings = config.settings(profile="quick", dataset="cartoon", image_size=16, latent_dim=4)
    policy = keras.config.dtype_policy()
    images = draw_faces(sample_factors(300), 16)
    vae = training.build_vae(dataclasses.replace(settings, precision="float32"))
    training.fit(vae, images, epochs=20, batch_size=20)
    keras.config.set_dtype_policy(policy)
    return vae, images


def test_one_sample_gives_the_elbo(tiny):
    vae, images = tiny
    some = np.float32(images[:30]) / 255
    z_mean, z_log_variance = (np.asarray(part) for part in vae.encode(some))
    generator = np.random.default_rng(7)
    losses = []
    for _ in range(20):
        z = z_mean + np.exp(0.5 * z_log_variance) * generator.standard_normal(z_mean.shape)
        error = np.square(some - np.asarray(vae.decode(np.float32(z)))).sum(axis=(1, 2, 3))
        variance = np.exp(2 * float(vae.log_sigma))
        nats = 0.5 * (error / variance + 16 * 16 * 3 * np.log(2 * np.pi * variance))
        kl = 0.5 * (z_mean**2 + np.exp(z_log_variance) - z_log_variance - 1).sum(axis=1)
        losses.append(np.mean(nats + kl))
    expected = np.mean(losses) / (16 * 16 * 3 * np.log(2)) + np.log2(255)
    found = [evaluation.bits_per_dimension(vae, images[:30], seed=seed) for seed in range(8)]
    assert np.mean(found) == pytest.approx(expected, abs=5 * np.std(found) + 1e-3)


class ExactVae:
    """A linear model of 2x2 pictures with one latent variable, whose encoder gives the true posterior."""

    image_size, latent_dim, likelihood = 2, 1, "gaussian"
    slope = np.float32(np.linspace(-0.2, 0.3, 12))[None]
    log_sigma = np.float32(np.log(0.2))

    def encode(self, images):
        difference = tf.reshape(images, [-1, 12]) - 0.5
        precision = 1 + np.square(self.slope).sum() / 0.2**2
        z_mean = tf.matmul(difference, self.slope.T) / 0.2**2 / precision
        return z_mean, tf.fill(tf.shape(z_mean), np.float32(-np.log(precision)))

    def decode(self, z):
        return tf.reshape(0.5 + tf.matmul(z, self.slope), [-1, 2, 2, 3])


@pytest.mark.parametrize("samples", [1, 7])
def test_with_the_true_posterior_the_bound_is_the_likelihood(samples):
    """Then every code has the same importance weight, and its logarithm is the density of the picture."""
    images = np.random.default_rng().integers(0, 256, (4, 2, 2, 3), dtype=np.uint8)
    covariance = ExactVae.slope.T @ ExactVae.slope + 0.2**2 * np.eye(12)
    log_density = multivariate_normal(np.full(12, 0.5), covariance).logpdf(images.reshape(4, 12) / 255)
    expected = np.log2(255) - log_density.mean() / 12 / np.log(2)
    assert evaluation.bits_per_dimension(ExactVae(), images, samples) == pytest.approx(expected, rel=1e-4)


def test_more_samples_and_a_fitted_prior_tighten_the_bound(tiny):
    vae, images = tiny
    bits = [evaluation.bits_per_dimension(vae, images[:20], samples=samples) for samples in (1, 10, 100)]
    assert bits[1] < bits[0] and 0 < bits[2] < bits[1] + 1e-3  # from ten on by little more than chance
    z_mean, z_log_variance = latent.encode(vae, images)
    noise = np.random.default_rng(0).standard_normal(z_mean.shape)
    prior = priors.fit_prior(z_mean + np.exp(0.5 * z_log_variance) * noise)
    assert evaluation.bits_per_dimension(vae, images[:20], samples=10, prior=prior) < bits[1]
    first, again = (evaluation.bits_per_dimension(vae, images[:5], seed=3) for _ in range(2))
    assert first == again


def test_a_standard_mixture_gives_the_bits_of_the_standard_prior(tiny):
    vae, images = tiny
    standard = priors.Mixture(np.ones(1), np.zeros((1, 4)), np.eye(4)[None])
    found = evaluation.bits_per_dimension(vae, images[:5], prior=standard)
    assert found == pytest.approx(evaluation.bits_per_dimension(vae, images[:5]), rel=1e-6)


def test_bits_are_refused_for_other_likelihoods(tiny):
    with pytest.raises(ValueError, match="Gaussian likelihood"):
        evaluation.bits_per_dimension(VAE(16, 4, likelihood="mse"), tiny[1])


FIGURES = ["pictures", "squared_error", "pca_components", "pca_squared_error", "ratio", "kl", "active_units"]


def test_the_report_has_the_figures_of_a_card(tiny, monkeypatch):
    vae, images = tiny
    counts = []

    class Features:
        """Stands for the classifier: features are the first row of pixels."""

        def features(self, images):
            counts.append(len(images))
            return images[:, 0].reshape(len(images), -1) / 255

    def generate(count, seed):
        return latent.decode(vae, np.random.default_rng(seed).standard_normal((count, 4)))

    monkeypatch.setattr(report, "load_classifier", Features)
    model = types.SimpleNamespace(vae=vae, generate=generate)
    faces = types.SimpleNamespace(train=images[:200], test=images[200:])
    pca = evaluation.fit_pca(faces.train, 8)
    figures = report.evaluate(model, faces, pca)
    assert list(figures) == [*FIGURES, "distance", "density", "coverage", "diversity"]
    assert set(figures["distance"]) == {"reconstructions", "new", "training"} and counts == [100] * 4
    rebuilt = latent.reconstruct(vae, faces.test)
    assert figures["squared_error"] == evaluation.squared_error(faces.test, rebuilt)
    assert figures["ratio"] == figures["squared_error"] / evaluation.pca_error(pca, faces.test)
    assert figures["pictures"] == 100 and figures["pca_components"] == 8
    statistics = latent.statistics(*latent.encode(vae, faces.test))
    assert figures["kl"] == pytest.approx(statistics["kl"].sum())
    assert figures["active_units"] == statistics["active"].sum()
    real = Features().features(faces.test)
    new = Features().features(generate(100, report.SEED))
    assert figures["distance"]["new"] == pytest.approx(evaluation.frechet_distance(real, new))
    assert figures["diversity"] == pytest.approx(evaluation.diversity(new) / evaluation.diversity(real))
    assert (figures["density"], figures["coverage"]) == evaluation.density_and_coverage(real, new)


def test_of_few_test_pictures_no_distance_is_reported(tiny):
    vae, images = tiny
    model = types.SimpleNamespace(vae=vae)
    faces = types.SimpleNamespace(train=images[:200], test=images[200:209])
    assert list(report.evaluate(model, faces, evaluation.fit_pca(faces.train, 8))) == FIGURES


def test_public_names_are_found_where_they_are_promised():
    for name in evaluation.__all__:
        assert getattr(evaluation, name).__name__ == name
    assert dir(evaluation) == sorted(evaluation.__all__)
    with pytest.raises(AttributeError, match="no attribute 'judge'"):
        _ = evaluation.judge
