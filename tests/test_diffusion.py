"""Codes by diffusion: closed forms of Gaussians and mixtures, and what a network adds to them."""

import functools

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from vae_keras import diffusion, latent


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A network for few numbers."""
    monkeypatch.setattr(diffusion, "Denoiser", functools.partial(diffusion.Denoiser, width=64))


def gaussian(rng, width=5):
    root = rng.standard_normal((width, width))
    factor = np.linalg.cholesky(root @ root.T + np.eye(width))
    return latent.Prior(np.ones(1), rng.standard_normal((1, width)), factor[None])


def mixture(rng, width=4):
    """Two components, of unlike weights, means and covariances."""
    one, other = gaussian(rng, width), gaussian(rng, width)
    parts = np.concatenate([one.means - 3, other.means + 3]), np.concatenate([one.factors, other.factors])
    return latent.Prior(np.array([0.3, 0.7]), *parts)


class Codes:
    """Stands for a VAE: the code of a picture is its first four values, less a half, times 100, without noise."""

    network = {"image_size": 4, "latent_dim": 4}

    def encode(self, images):
        flat = 100 * (tf.reshape(images, [tf.shape(images)[0], -1])[:, :4] - 0.5)
        return flat, tf.fill(tf.shape(flat), -20.0)


def pictures_of(z):
    images = np.zeros((len(z), 4, 4, 3), "float32")
    images.reshape(len(z), -1)[:, :4] = 0.5 + z / 100
    images[:, :, 2:] = images[:, :, 1::-1]  # the mirror image is the same
    return images


def test_whitened_codes_have_mean_0_and_covariance_1(rng):
    prior = mixture(rng)
    fitted, z = diffusion.Diffusion(prior), prior.sample(200_000)
    white = (z - fitted.center) @ fitted.whiten
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(4), atol=0.02)
    np.testing.assert_allclose(white @ fitted.factor.T + fitted.center, z, atol=1e-4)


@pytest.mark.parametrize("noise", [0.1, 1.0, 7.0])
def test_the_guess_for_one_gaussian_is_linear(rng, noise):
    """Codes N(0, I) under noise of deviation s: the best guess is noisy / (1 + s²)."""
    fitted, z = diffusion.Diffusion(gaussian(rng)), rng.standard_normal((6, 5))
    np.testing.assert_allclose(fitted.guess(z, noise), z / (1 + noise**2), atol=1e-5)


@pytest.mark.parametrize("noise", [0.3, 1.5])
def test_the_guess_for_a_mixture_is_the_mean_over_its_codes(rng, noise):
    """Against a sum over a million codes, each weighed by how well it explains the noisy one."""
    prior = mixture(rng, 2)
    fitted = diffusion.Diffusion(prior)
    white = (prior.sample(1_000_000) - fitted.center) @ fitted.whiten
    for noisy in white[:4] + noise * rng.standard_normal((4, 2)):
        weights = np.exp(-((noisy - white) ** 2).sum(axis=1) / (2 * noise**2))
        np.testing.assert_allclose(
            fitted.guess(noisy[None], noise)[0], weights @ white / weights.sum(), atol=0.02
        )


def test_without_training_the_way_of_a_gaussian_is_known(rng):
    """From codes N(0, I) under noise of deviation S to none: divided by sqrt(1 + S²)."""
    prior = gaussian(rng)
    fitted = diffusion.Diffusion(prior)
    noise = np.random.default_rng(3).standard_normal((7, 5))
    end = (fitted.sample(7, seed=3, steps=60) - fitted.center) @ fitted.whiten
    np.testing.assert_allclose(end, noise, atol=0.01)


def test_without_training_codes_follow_the_mixture(rng):
    prior = mixture(rng)
    z, known = diffusion.Diffusion(prior).sample(4000), prior.sample(4000)
    np.testing.assert_allclose(z.mean(axis=0), known.mean(axis=0), atol=0.3)
    np.testing.assert_allclose(np.cov(z, rowvar=False), np.cov(known, rowvar=False), rtol=0.15, atol=0.5)
    side = prior.means[1] - prior.means[0]
    shares = [((some - prior.means.mean(axis=0)) @ side > 0).mean() for some in (z, known)]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)


def test_samples_repeat_and_follow_their_arguments(rng):
    fitted = diffusion.Diffusion(mixture(rng))
    eight = fitted.sample(8, seed=1)
    assert eight.dtype == np.float32 and eight.shape == (8, 4)
    np.testing.assert_allclose(fitted.sample(3, seed=1), eight[:3], atol=1e-4)
    assert not np.allclose(fitted.sample(8, seed=2), eight)
    path = list(fitted.path(8, seed=1, steps=12))
    assert len(path) == 12 and np.array_equal(path[-1], eight)
    spread = [np.std((guess - fitted.center) @ fitted.whiten) for guess in path]
    assert spread[0] < 0.8 * spread[-1]  # what is hidden more is guessed nearer to the mean
    fitted.denoiser.set_weights([0.1 * rng.standard_normal(w.shape) for w in fitted.denoiser.get_weights()])
    cold, usual = (fitted.sample(8, seed=1, temperature=temperature) for temperature in (0.2, 1.0))
    assert np.abs(usual - eight).max() > 0.1
    np.testing.assert_allclose(cold - fitted.center, 0.2 * (usual - fitted.center), atol=1e-4)
    for wrong in (dict(count=0), dict(count=2, temperature=-0.5), dict(count=2, steps=0)):
        with pytest.raises(ValueError, match="1 or more and temperature is not negative"):
            fitted.sample(**wrong)


def test_what_the_network_should_say_completes_the_guess(rng):
    """`hide` gives inputs and targets of which `look` makes the hidden codes again."""
    fitted, z = diffusion.Diffusion(mixture(rng)), tf.constant(rng.standard_normal((9, 4)), "float32")
    (scaled, _, odds, level), target = fitted.hide(z, tf.constant([1, 2]))
    noise = np.exp(level)
    _, first, unit = fitted.look(scaled * np.sqrt(1 + noise**2), noise)
    np.testing.assert_allclose(first + unit * target, z, atol=1e-4)
    np.testing.assert_allclose(np.sum(odds, axis=1), 1, atol=1e-5)


def test_codes_are_hidden_in_noise_of_the_deviation_that_is_told(rng):
    fitted, z = diffusion.Diffusion(mixture(rng)), rng.standard_normal((20_000, 4)).astype("float32")
    (scaled, _, _, level), _ = fitted.hide(tf.constant(z), tf.constant([1, 2]))
    noise = np.exp(level)
    hidden = (scaled * np.sqrt(1 + noise**2) - z) / noise
    np.testing.assert_allclose([np.mean(hidden), np.std(hidden)], [0, 1], atol=0.02)
    np.testing.assert_allclose([np.mean(level), np.std(level)], diffusion.LEVEL, atol=0.03)


def test_numpy_and_keras_compute_the_same_network(rng):
    fitted = diffusion.Diffusion(mixture(rng))
    weights = [rng.standard_normal(weight.shape) for weight in fitted.denoiser.get_weights()]
    fitted.denoiser.set_weights(weights)
    inputs, _ = fitted.hide(tf.constant(rng.standard_normal((9, 4)), "float32"), tf.constant([1, 2]))
    known = np.asarray(fitted.denoiser(inputs, training=False))
    found = fitted.denoiser.answer([np.asarray(part) for part in inputs], fitted.denoiser.arrays())
    assert np.abs(known).max() > 1
    np.testing.assert_allclose(found, known, rtol=1e-3, atol=1e-3)
    assert np.abs(np.asarray(fitted.denoiser(inputs, training=True)) - known).max() > 0.1  # dropout


def test_training_finds_what_the_mixture_misses(rng):
    """Codes on a ring: one Gaussian fills it, the network leaves it empty."""
    angle = rng.uniform(0, 2 * np.pi, 3000)
    z = np.zeros((3000, 4))
    z[:, :2] = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    images = pictures_of(z + 0.1 * rng.standard_normal(z.shape))
    codes = latent.encode(Codes(), images)[0]
    prior = latent.fit_prior(codes, components=1)
    how = dict(epochs=40, batch_size=100)
    fitted, history = diffusion.fit(Codes(), images[:2500], prior, images[2500:], **how)
    assert list(history) == ["loss", "val_loss", "seconds"]
    assert history.index[0] == 0 and len(history) > 10
    assert history["val_loss"].min() < 0.95 * history["val_loss"][0] and diffusion.helps(history)
    inside = [(np.hypot(*some[:, :2].T) < 2).mean() for some in (prior.sample(1000), fitted.sample(1000))]
    assert inside[0] > 0.15 and inside[1] < 0.05, inside


@pytest.mark.parametrize("losses, helps", [([0.9, 0.91, 0.88], True), ([0.9, 0.89, 0.95], False)])
def test_it_helps_if_held_out_codes_are_guessed_better_than_by_the_prior(losses, helps):
    assert diffusion.helps(pd.DataFrame({"val_loss": losses})) == helps


def test_what_is_kept_guessed_the_validation_codes_best(rng):
    """Few codes in 4 dimensions are soon learned by heart: training ends early, with the weights of the best epoch."""
    prior = gaussian(rng, 4)
    images = pictures_of(prior.sample(60))
    fitted, history = diffusion.fit(Codes(), images[:30], prior, images[30:], epochs=100, batch_size=4)
    assert len(history) < 100 and history["val_loss"].iloc[-1] > history["val_loss"][1:].min()
    kept = fitted.denoiser.evaluate(fitted.pipeline(Codes(), images[30:], 4, training=False), verbose=0)
    assert kept == pytest.approx(history["val_loss"][1:].min(), rel=1e-4)


def test_noise_is_new_in_every_epoch_of_training_alone(rng):
    prior = mixture(rng)
    fitted, images = diffusion.Diffusion(prior), pictures_of(prior.sample(20))
    for training in (True, False):
        codes = fitted.pipeline(Codes(), images, 40, training)
        epochs = [
            [np.asarray(part) for part in (*inputs, target)] for _ in range(2) for inputs, target in codes
        ]
        assert len(epochs) == 2 and epochs[0][0].shape == (40, 4)
        for first, second in zip(*epochs):
            assert np.array_equal(np.sort(first, axis=0), np.sort(second, axis=0)) != training
    noise = [inputs[-1].numpy().ravel() for inputs, _ in fitted.pipeline(Codes(), images, 10, False)]
    assert len(np.unique(noise)) == 40
