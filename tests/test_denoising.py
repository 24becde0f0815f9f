"""Noise, its pairs, the networks that learn from them, and OpenCV's filter."""

import numpy as np
import pytest
import tensorflow as tf

from vae_keras.applications import denoising
from vae_keras.data.drawn import faces as drawn
from vae_keras.model import VAE


@pytest.fixture(scope="module")
def faces():
    return drawn.draw_faces(drawn.sample_factors(48, seed=3), 16)


def error(images, others):
    return np.square(images.astype(float) - others).mean()


def test_noise_has_its_strength_and_follows_from_the_seed():
    grey = np.full((4, 32, 32, 3), 128, "uint8")
    noisy = denoising.add_noise(grey, 0.1, seed=5)
    assert noisy.dtype == np.uint8 and noisy.std() == pytest.approx(25.5, rel=0.05)
    assert noisy.mean() == pytest.approx(128, abs=1)
    assert np.array_equal(noisy, denoising.add_noise(grey, 0.1, seed=5))
    assert not np.array_equal(noisy, denoising.add_noise(grey, 0.1, seed=6))
    assert np.array_equal(grey, denoising.add_noise(grey, 0))


def test_pairs_are_noisy_first_and_clean_second(faces):
    noisy, clean = denoising.noisy_pairs(tf.constant(faces), (1, 2))
    assert np.allclose(clean, faces / 255, atol=1e-6)
    deviations = np.std(noisy - clean, axis=(1, 2, 3))
    assert deviations.min() < 0.1 and 0.2 < deviations.max() <= 0.41  # a strength for each picture
    assert np.ptp(noisy) <= 1
    again, _ = denoising.noisy_pairs(tf.constant(faces), (1, 2))
    other, _ = denoising.noisy_pairs(tf.constant(faces), (1, 3))
    assert np.array_equal(noisy, again) and not np.array_equal(noisy, other)


@pytest.mark.parametrize("variational", [True, False])
def test_a_denoiser_begins_with_the_weights_of_a_vae_and_learns(faces, variational):
    vae = VAE(image_size=16, latent_dim=8, filters=(16, 32))
    vae.compile("adam")
    vae.fit(faces / 255, epochs=2, verbose=0)
    before = vae.get_weights()
    start = denoising.train_denoiser(vae, faces, epochs=1, learning_rate=0.0, variational=variational)
    assert start.variational == variational and float(start.beta) == float(variational)
    for one, other in zip(start.decoder.trainable_weights, vae.decoder.trainable_weights):
        assert np.allclose(one, other)
    trained = denoising.train_denoiser(
        vae, faces, epochs=30, batch_size=16, learning_rate=5e-3, variational=variational
    )
    for one, other in zip(before, vae.get_weights()):
        assert np.array_equal(one, other), "the VAE itself was trained"
    noisy = denoising.add_noise(faces, 0.4)
    clean = faces.astype("float32") / 255
    errors = [np.square(network.predict(noisy / 255, verbose=0) - clean).mean() for network in (vae, trained)]
    assert errors[1] < 0.8 * errors[0]


def test_non_local_means_takes_noise_away():
    grey = np.full((2, 32, 32, 3), 120, "uint8")
    noisy = denoising.add_noise(grey, 0.1)
    assert error(denoising.non_local_means(noisy, 0.1), grey) < 0.2 * error(noisy, grey)
    weak = denoising.non_local_means(noisy, 0.001)
    assert error(weak, noisy) < 5, "it has to be told the strength, and here it was told of hardly any"
