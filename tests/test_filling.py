"""Covered faces: what is visible stays, what is covered is searched for, and several ways differ."""

import numpy as np
import pytest

from vae_keras import latent
from vae_keras.applications import filling
from vae_keras.model import VAE
from vae_keras.priors import Mixture


@pytest.fixture(scope="module")
def prior():
    means = np.float32([[0.5, 0, 0, 0], [-0.5, 0, 0, 0]])
    factors = np.float32([np.eye(4), 0.5 * np.eye(4)])
    return Mixture(np.float32([0.5, 0.5]), means, factors)


@pytest.fixture(scope="module")
def vae():
    """A network that was not trained, whose codes change its pictures strongly."""
    vae = VAE(image_size=16, latent_dim=4, filters=(8, 8), seed=1)
    for weights in vae.decoder.trainable_weights:
        if len(weights.shape) > 1:
            weights.assign(3 * weights)
    vae.log_sigma.assign(np.log(0.05))
    return vae


def test_covers_are_fractions_of_the_side():
    known = filling.visible(64, "half")
    assert known.shape == (64, 64, 1) and known[:, :32].all() and not known[:, 32:].any()
    for name in filling.COVERS:
        assert 0 < filling.visible(32, name).mean() < 1
    images = np.zeros((1, 64, 64, 3), "uint8")
    painted = filling.paint_over(images, known, 99)
    assert (painted[:, :, 32:] == 99).all() and (painted[:, :, :32] == 0).all() and not images.any()


def test_the_hidden_half_of_a_decoded_face_is_found(vae, prior):
    face = latent.decode(vae, np.float32([[1.0, -1.0, 0.5, 0.8]]))
    known = filling.visible(16, "half")
    covered = filling.paint_over(face, known)
    filled = filling.fill_in(vae, prior, covered, known, count=2, steps=150, seed=1)
    assert filled.shape == (2, 1, 16, 16, 3) and filled.dtype == np.uint8
    assert np.array_equal(filled[0, 0][:, :8], face[0][:, :8]), "a visible pixel was changed"
    start = filling.fill_in(vae, prior, covered, known, count=2, steps=0, seed=1)
    hidden = np.s_[:, :, :, 8:]
    before, after = (np.abs(x[hidden].astype(float) - face[0][:, 8:]).mean() for x in (start, filled))
    assert after < 0.5 * before


def test_what_nothing_is_known_of_stays_as_it_was_drawn(vae, prior):
    images = np.zeros((2, 16, 16, 3), "uint8")
    nothing = np.zeros((16, 16, 1), "float32")
    filled = filling.fill_in(vae, prior, images, nothing, count=3, steps=20, seed=4)
    means, factors, u = filling.draw_starts(prior, 6, seed=4)
    drawn = latent.decode(vae, means + np.einsum("nij,nj->ni", factors, u)).reshape(filled.shape)
    assert np.abs(filled.astype(int) - drawn).max() <= 1
    assert np.abs(filled[0].astype(float) - filled[1]).mean() > 1, "the fillings are all alike"


def test_the_loss_counts_visible_pixels_and_the_way_from_the_draw():
    image, decoded = np.zeros((1, 2, 2, 3), "float32"), np.ones((1, 2, 2, 3), "float32")
    known = np.float32([[[1], [0]], [[0], [0]]])
    u, drawn = np.float32([[1.0, 2.0]]), np.float32([[0.0, 0.0]])
    loss = filling.search_loss(image, decoded, known, u, drawn, np.float32(0.5))
    assert float(loss) == pytest.approx(3 / (2 * 0.25) + 0.5 * 5)
