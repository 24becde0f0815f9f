"""Distances against closed forms, SciPy and brute force."""

import dataclasses

import keras
import numpy as np
import pytest

from vae_keras import distances, latent, metrics


@pytest.fixture
def faces():
    return np.random.default_rng(0).integers(0, 256, (600, 4, 4, 3), dtype=np.uint8)


def test_squared_error_is_the_mean_per_value(faces):
    other = faces[::-1]
    expected = np.mean((faces / 255 - other / 255) ** 2)
    assert metrics.squared_error(faces, other) == pytest.approx(expected, rel=1e-5)
    assert metrics.squared_error(faces / 255, other) == pytest.approx(expected, rel=1e-5)
    assert metrics.squared_error(faces, faces) == 0
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.squared_error(faces, faces[:3])
    with pytest.raises(ValueError, match="no pictures"):
        metrics.squared_error(faces[:0], faces[:0])


def test_pca_error_equals_the_variance_left_out(faces):
    pca = metrics.fit_pca(faces, components=10)
    flat = faces.reshape(600, -1) / 255
    variances = np.linalg.eigvalsh(np.cov(flat, rowvar=False, bias=True))
    assert metrics.pca_error(pca, faces) == pytest.approx(variances[:-10].sum() / 48, rel=0.02)
    assert metrics.pca_codes(pca, faces).shape == (600, 10)


def test_pca_of_few_pictures_and_of_a_subset(faces):
    assert metrics.fit_pca(faces[:5]).n_components_ == 4  # the fifth would be rounding alone
    first, again = (metrics.fit_pca(faces, 3, seed=1, at_most=100) for _ in range(2))
    np.testing.assert_array_equal(first.components_, again.components_)
    assert first.n_samples_ == 100
    with pytest.raises(ValueError, match="at least 2 pictures"):
        metrics.fit_pca(faces[:1])


def test_fitting_leaves_the_pictures_alone(faces):
    as_float = (faces / 255).astype("float32")
    kept = as_float.copy()
    metrics.fit_pca(as_float, 3)
    np.testing.assert_array_equal(as_float, kept)


def test_frechet_of_shifted_and_scaled_gaussians():
    features = np.random.default_rng(1).standard_normal((500, 3))
    assert distances.frechet(features, features) == pytest.approx(0, abs=1e-9)
    assert distances.frechet(features, features + [1, 2, 0]) == pytest.approx(5)
    # Scaling by s changes the deviation of every axis from d to s*d: the distance is the sum of (d - s*d)².
    centred = features - features.mean(axis=0)
    assert distances.frechet(centred, 3 * centred) == pytest.approx(
        4 * np.trace(np.cov(centred, rowvar=False))
    )
    assert distances.frechet(np.array([[0.0], [2.0]]), np.array([[0.0], [4.0]])) == pytest.approx(1 + 2)


@pytest.mark.parametrize("seed", range(3))
def test_frechet_equals_the_formula_with_scipy(seed):
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(seed)
    first, second = (rng.standard_normal((200, 12)) @ rng.standard_normal((12, 12)) for _ in range(2))
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    apart = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    expected = apart + np.trace(a + b - 2 * np.real(linalg.sqrtm(a @ b)))
    assert distances.frechet(first, second) == pytest.approx(expected, rel=1e-6)


def test_frechet_needs_two_of_each():
    with pytest.raises(ValueError, match="two pictures on each side"):
        distances.frechet(np.zeros((1, 3)), np.zeros((5, 3)))


def test_face_distance_orders_damage(faces):
    pca = metrics.fit_pca(faces, components=20)
    darker = (faces * 0.5).astype("uint8")
    same = metrics.face_distance(pca, faces[:300], faces[300:])
    assert same < metrics.face_distance(pca, faces[:300], darker[300:])


@pytest.mark.parametrize("count", [1, 5])
def test_nearest_equals_brute_force(faces, count, monkeypatch):
    monkeypatch.setattr(metrics, "BLOCK", 97)
    queries = np.clip(faces[[7, 444]].astype(int) + 3, 0, 255).astype("uint8")
    indices, distances = metrics.nearest(queries, faces, count)
    brute = np.square(queries[:, None] / 255 - faces[None] / 255).mean(axis=(2, 3, 4))
    np.testing.assert_array_equal(indices, np.argsort(brute, axis=1)[:, :count])
    np.testing.assert_allclose(distances, np.sort(brute, axis=1)[:, :count], rtol=1e-4)
    assert indices[:, 0].tolist() == [7, 444]
    assert metrics.nearest(faces[:1], faces)[1][0, 0] == 0


def test_nearest_refuses_more_than_there_are(faces):
    with pytest.raises(ValueError, match="Between 1 and 600"):
        metrics.nearest(faces[:1], faces, 601)


def test_similarity_is_perfect_for_equal_pictures_and_follows_its_formulas():
    images = np.random.default_rng().integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    same = metrics.similarity(images, images // 2 * 2)  # the last bit: an error of 0 or 1
    assert metrics.similarity(images, images)["ssim"] == metrics.similarity(images, images)["ms_ssim"] == 1
    errors = [np.mean((np.float64(one) - one // 2 * 2) ** 2) for one in images]
    assert same["psnr"] == pytest.approx(np.mean(10 * np.log10(255**2 / np.array(errors))))
    assert same["mse"] == pytest.approx(np.mean(errors) / 255**2, rel=1e-4)
    worse = metrics.similarity(images, np.roll(images, 1, axis=0))
    assert all(worse[name] < same[name] for name in ("psnr", "ssim", "ms_ssim"))


@pytest.fixture(scope="module")
def tiny():
    """A VAE on 16 by 16 pictures, with the pictures."""
    from vae_keras import cartoon, config, training

    settings = config.get_config(profile="quick", dataset="cartoon", image_size=16, latent_dim=4)
    policy = keras.config.dtype_policy()
    images = cartoon.draw_faces(cartoon.sample_factors(300), 16)
    vae = training.build_vae(dataclasses.replace(settings, precision="float32"))
    training.fit(vae, images, epochs=20, batch_size=20)
    keras.config.set_dtype_policy(policy)
    return vae, images


def test_one_sample_gives_the_elbo(tiny):
    vae, images = tiny
    some = np.float32(images[:60]) / 255
    losses = [float(vae.compute_terms(some, training=False)["loss"]) for _ in range(30)]
    expected = np.mean(losses) / (16 * 16 * 3 * np.log(2)) + np.log2(255)
    found = [metrics.bits_per_dimension(vae, images[:60], seed=seed) for seed in range(10)]
    assert np.mean(found) == pytest.approx(expected, abs=5 * np.std(found) + 1e-3)


def test_more_samples_and_a_fitted_prior_tighten_the_bound(tiny):
    vae, images = tiny
    bits = [metrics.bits_per_dimension(vae, images[:40], samples=samples) for samples in (1, 10, 100)]
    assert bits == sorted(bits, reverse=True) and 0 < bits[-1] < 8
    prior = latent.fit_prior(np.concatenate([latent.encode(vae, images)[0]] * 2))
    assert np.isfinite(metrics.bits_per_dimension(vae, images[:40], samples=10, prior=prior))
    assert metrics.bits_per_dimension(vae, images[:5], seed=3) == metrics.bits_per_dimension(
        vae, images[:5], seed=3
    )


def test_the_density_of_a_prior_is_scipys():
    from scipy.stats import multivariate_normal

    generator = np.random.default_rng()
    factors = np.tril(generator.normal(size=(2, 3, 3)), -1) + np.exp(
        generator.normal(size=(2, 3, 1))
    ) * np.eye(3)
    prior = latent.Prior(np.array([0.3, 0.7]), generator.normal(size=(2, 3)), factors)
    z = generator.normal(size=(5, 3))
    parts = [
        np.log(w) + multivariate_normal(m, f @ f.T).logpdf(z)
        for w, m, f in zip(prior.weights, prior.means, factors)
    ]
    np.testing.assert_allclose(metrics._log_density(prior, z), np.logaddexp.reduce(parts), rtol=1e-6)


def test_bits_are_refused_for_other_likelihoods(tiny):
    from vae_keras.model import VAE

    with pytest.raises(ValueError, match="Gaussian likelihood"):
        metrics.bits_per_dimension(VAE(16, 4, likelihood="mse"), tiny[1])
