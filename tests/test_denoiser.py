"""Codes by diffusion: closed forms of Gaussians and mixtures, and what a network adds to them."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from vae_keras import latent
from vae_keras.hub.cards import SHIPPED
from vae_keras.priors import Mixture, fit_prior
from vae_keras.sharpening import Denoiser, DiffusionPrior, denoiser, fit_denoiser, gains


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def gaussian(rng, latent_dim=5):
    root = rng.standard_normal((latent_dim, latent_dim))
    factor = np.linalg.cholesky(root @ root.T + np.eye(latent_dim))
    return Mixture(np.ones(1), rng.standard_normal((1, latent_dim)), factor[None])


def mixture(rng, latent_dim=4):
    """Two components, of unlike weights, means and covariances."""
    one, other = gaussian(rng, latent_dim), gaussian(rng, latent_dim)
    means = np.concatenate([one.means - 3, other.means + 3])
    return Mixture(np.array([0.3, 0.7]), means, np.concatenate([one.factors, other.factors]))


def small(prior):
    """A diffusion prior with a network for few dimensions."""
    return DiffusionPrior(prior, width=64)


class Codes:
    """Stands for a VAE: the code of a picture is its first four values, less a half, times 100, without noise."""

    image_size = 4
    latent_dim = 4

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
    fitted, z = small(prior), prior.sample(200_000)
    white = (z - fitted.center) @ fitted.whiten
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(4), atol=0.02)
    np.testing.assert_allclose(white @ fitted.unwhiten + fitted.center, z, atol=1e-4)


@pytest.mark.parametrize("noise", [0.1, 1.0, 7.0])
def test_the_guess_for_one_gaussian_is_linear(rng, noise):
    """Codes N(0, I) under noise of deviation s: the best guess is noisy / (1 + s²)."""
    fitted, z = small(gaussian(rng)), rng.standard_normal((6, 5))
    np.testing.assert_allclose(fitted.guess(z, noise), z / (1 + noise**2), atol=1e-5)


@pytest.mark.parametrize("noise", [0.3, 1.5])
def test_the_guess_for_a_mixture_is_the_mean_over_its_codes(rng, noise):
    """Against a sum over a million codes, each weighed by how well it explains the noisy one."""
    prior = mixture(rng, 2)
    fitted = small(prior)
    white = (prior.sample(1_000_000) - fitted.center) @ fitted.whiten
    for noisy in white[:4] + noise * rng.standard_normal((4, 2)):
        weights = np.exp(-((noisy - white) ** 2).sum(axis=1) / (2 * noise**2))
        expected = weights @ white / weights.sum()
        np.testing.assert_allclose(fitted.guess(noisy[None], noise)[0], expected, atol=0.02)


def test_guesses_do_not_depend_on_how_many_there_are(rng, monkeypatch):
    fitted, z = small(mixture(rng)), rng.standard_normal((7, 4))
    whole = fitted.guess(z, 0.5)
    monkeypatch.setattr(denoiser, "GUESSED_AT_ONCE", 3)
    np.testing.assert_allclose(fitted.guess(z, 0.5), whole, atol=1e-5)


def test_without_training_the_way_of_a_gaussian_is_known(rng):
    """From codes N(0, I) under noise of deviation S to none: divided by sqrt(1 + S²)."""
    fitted = small(gaussian(rng))
    noise = np.random.default_rng(3).standard_normal((7, 5))
    end = (fitted.sample(7, seed=3, steps=60) - fitted.center) @ fitted.whiten
    np.testing.assert_allclose(end, noise, atol=0.01)


def test_without_training_codes_follow_the_mixture(rng):
    prior = mixture(rng)
    z, known = small(prior).sample(4000), prior.sample(4000)
    np.testing.assert_allclose(z.mean(axis=0), known.mean(axis=0), atol=0.3)
    np.testing.assert_allclose(np.cov(z, rowvar=False), np.cov(known, rowvar=False), rtol=0.15, atol=0.5)
    side = prior.means[1] - prior.means[0]
    shares = [((some - prior.means.mean(axis=0)) @ side > 0).mean() for some in (z, known)]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)


def test_samples_repeat_and_follow_their_arguments(rng):
    fitted = small(mixture(rng))
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
    assert np.abs(usual - eight).max() > 0.1, "the guesses follow the weights"
    np.testing.assert_allclose(cold - fitted.center, 0.2 * (usual - fitted.center), atol=1e-4)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 2, "temperature": -0.5}, {"count": 2, "steps": 0}])
def test_numbers_that_are_too_small_are_refused(rng, wrong):
    with pytest.raises(ValueError, match="1 or more and temperature is not negative"):
        small(gaussian(rng)).sample(**wrong)


def test_what_the_network_should_say_completes_the_guess(rng):
    """`hide` gives inputs and targets of which `denoiser_inputs` makes the hidden codes again."""
    fitted, z = small(mixture(rng)), tf.constant(rng.standard_normal((9, 4)), "float32")
    (scaled, _, responsibilities, level), target = fitted.hide(z, tf.constant([1, 2]))
    noise = np.exp(level)
    _, guess, unit = fitted.denoiser_inputs(scaled * np.sqrt(1 + noise**2), noise)
    np.testing.assert_allclose(guess + unit * target, z, atol=1e-4)
    np.testing.assert_allclose(np.sum(responsibilities, axis=1), 1, atol=1e-5)


def test_codes_are_hidden_in_noise_of_the_deviation_that_is_told(rng):
    fitted, z = small(mixture(rng)), rng.standard_normal((20_000, 4)).astype("float32")
    (scaled, _, _, level), _ = fitted.hide(tf.constant(z), tf.constant([1, 2]))
    noise = np.exp(level)
    hidden = (scaled * np.sqrt(1 + noise**2) - z) / noise
    np.testing.assert_allclose([np.mean(hidden), np.std(hidden)], [0, 1], atol=0.02)
    known = [denoiser.LOG_NOISE_MEAN, denoiser.LOG_NOISE_DEVIATION]
    np.testing.assert_allclose([np.mean(level), np.std(level)], known, atol=0.03)


def silu(x):
    return x / (1 + np.exp(-x))


def normalize(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-3)


def test_the_network_is_what_it_says(rng):
    """Against the same network in NumPy, with random weights."""
    network = Denoiser(latent_dim=4, components=2, width=16)
    network.build()
    network.set_weights([0.5 * rng.standard_normal(weight.shape) for weight in network.get_weights()])
    inputs = [rng.standard_normal((9, width)).astype("float32") for width in (4, 4, 2, 1)]
    weights = iter(network.get_weights())
    level, enter, *blocks, leave = [(kernel, next(weights)) for kernel in weights]
    waves = inputs[3] * np.geomspace(0.1, 3, 32)
    embedded = silu(np.concatenate([np.sin(waves), np.cos(waves)], axis=1) @ level[0] + level[1])
    x = np.concatenate(inputs[:3], axis=1) @ enter[0] + enter[1]
    for widen, add_level, narrow in (blocks[:3], blocks[3:]):
        y = silu(normalize(x) @ widen[0] + widen[1] + embedded @ add_level[0] + add_level[1])
        x = x + y @ narrow[0] + narrow[1]
    expected = normalize(x) @ leave[0] + leave[1]
    found = np.asarray(network(inputs, training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert np.abs(np.asarray(network(inputs, training=True)) - found).max() > 0.1  # dropout


def test_before_training_the_network_says_zero(rng):
    network = Denoiser(latent_dim=4, components=2, width=16)
    inputs = [rng.standard_normal((9, width)).astype("float32") for width in (4, 4, 2, 1)]
    assert not network.built and not np.asarray(network(inputs)).any() and network.built


def test_a_denoiser_survives_its_configuration_and_files(rng, tmp_path):
    network = Denoiser(latent_dim=4, components=2, width=16)
    network.build()
    network.set_weights([rng.standard_normal(weight.shape) for weight in network.get_weights()])
    inputs = [rng.standard_normal((3, width)).astype("float32") for width in (4, 4, 2, 1)]
    expected = np.asarray(network(inputs))
    again = Denoiser.from_config(json.loads(json.dumps(network.get_config())))
    assert again.get_config() == network.get_config()
    again.build()
    again.set_weights(network.get_weights())
    network.save(tmp_path / "denoiser.keras")
    network.save_weights(tmp_path / "denoiser.weights.h5")
    loaded = keras.models.load_model(tmp_path / "denoiser.keras")
    from_weights = Denoiser(4, 2, 16)
    from_weights.build()
    from_weights.load_weights(tmp_path / "denoiser.weights.h5")
    for each in (again, loaded, from_weights):
        np.testing.assert_allclose(np.asarray(each(inputs)), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["celeba", "lfw"])
def test_the_denoisers_that_ship_correct_the_mixture(name, rng):
    with np.load(SHIPPED / name / "latent.npz") as arrays:
        prior = Mixture.from_arrays(arrays)
    fitted = DiffusionPrior(prior)
    z = rng.standard_normal((20, 128))
    before = fitted.guess(z, 1.0)
    fitted.denoiser.load_weights(SHIPPED / name / "denoiser.weights.h5")
    change = np.abs(fitted.guess(z, 1.0) - before)
    assert 0.005 < change.mean() < 0.3


def test_training_finds_what_the_mixture_misses(rng):
    """Codes on a ring: one Gaussian fills it, the network leaves it empty."""
    angle = rng.uniform(0, 2 * np.pi, 3000)
    z = np.zeros((3000, 4))
    z[:, :2] = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    images = pictures_of(z + 0.1 * rng.standard_normal(z.shape))
    prior = fit_prior(latent.encode(Codes(), images)[0], components=1)
    fitted, history = fit_denoiser(
        Codes(), images[:2500], prior, images[2500:], epochs=40, batch_size=100, width=64
    )
    assert list(history) == ["loss", "val_loss", "seconds"] and history.index.name == "epoch"
    assert history.index[0] == 0 and len(history) > 10
    assert history["val_loss"].min() < 0.95 * history["val_loss"][0] and gains(history)
    inside = [(np.hypot(*some[:, :2].T) < 2).mean() for some in (prior.sample(1000), fitted.sample(1000))]
    assert inside[0] > 0.15 and inside[1] < 0.05, inside


def test_without_validation_every_epoch_is_trained(rng):
    prior = gaussian(rng, 4)
    begun = []
    watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    _, history = fit_denoiser(
        Codes(), pictures_of(prior.sample(20)), prior, epochs=2, width=16, callbacks=[watch]
    )
    assert list(history) == ["loss", "seconds"] and len(history) == 3 and begun == [0, 1]


@pytest.mark.parametrize("losses, expected", [([0.9, 0.91, 0.88], True), ([0.9, 0.89, 0.95], False)])
def test_it_gains_if_held_out_codes_are_guessed_better_than_by_the_mixture(losses, expected):
    assert gains(pd.DataFrame({"val_loss": losses})) is expected


def test_what_is_kept_guessed_the_validation_codes_best(rng):
    """Few codes in 4 dimensions are soon learned by heart: training ends early, with the weights of the best epoch."""
    prior = gaussian(rng, 4)
    images = pictures_of(prior.sample(60))
    fitted, history = fit_denoiser(
        Codes(), images[:30], prior, images[30:], epochs=100, batch_size=4, width=64
    )
    assert len(history) < 100 and history["val_loss"].iloc[-1] > history["val_loss"][1:].min()
    held_out = fitted.batches(Codes(), images[30:], 4, training=False)
    kept = fitted.denoiser.evaluate(held_out, verbose=0)
    assert kept == pytest.approx(history["val_loss"][1:].min(), rel=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_noise_is_new_in_every_epoch_of_training_alone(rng, training):
    prior = mixture(rng)
    fitted, images = small(prior), pictures_of(prior.sample(20))
    codes = fitted.batches(Codes(), images, 40, training)
    epochs = [[np.asarray(part) for part in (*inputs, target)] for _ in range(2) for inputs, target in codes]
    assert len(epochs) == 2 and epochs[0][0].shape == (40, 4)
    for first, second in zip(*epochs):
        assert np.array_equal(np.sort(first, axis=0), np.sort(second, axis=0)) != training


def test_every_batch_has_noise_of_its_own(rng):
    prior = mixture(rng)
    fitted, images = small(prior), pictures_of(prior.sample(20))
    batches = fitted.batches(Codes(), images, 10, training=False)
    noise = [np.ravel(inputs[-1]) for inputs, _ in batches]
    assert len(np.unique(noise)) == 40
