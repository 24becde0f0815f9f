"""Generated pictures as data for a small classifier."""

import numpy as np
import pytest

from vae_keras import hub, latent
from vae_keras.applications import synthetic
from vae_keras.data.drawn import faces as drawn


def test_codes_of_a_class_lie_where_the_class_lies():
    rng = np.random.default_rng(0)
    labels = np.arange(60) < 20
    z = rng.normal(0, 1, (60, 4)) + np.where(labels, 5, -5)[:, None]
    codes = synthetic.conditional_codes(z, labels, 50, seed=1)
    assert (
        codes.shape == (100, 4)
        and (codes[:50].mean(axis=0) > 4).all()
        and (codes[50:].mean(axis=0) < -4).all()
    )
    assert np.array_equal(codes, synthetic.conditional_codes(z, labels, 50, seed=1))
    assert not np.array_equal(codes, synthetic.conditional_codes(z, labels, 50, seed=2))


def test_batches_hold_as_many_of_each_set():
    sets = [
        (np.full((count, 2, 2, 3), value, "uint8"), np.full(count, value > 1))
        for count, value in [(3, 1), (90, 2)]
    ]
    x, truth = synthetic.draw_batches(sets, 5, np.random.default_rng(0))
    assert x.shape == (5 * synthetic.BATCH, 2, 2, 3) and truth.shape == (5 * synthetic.BATCH,)
    shares = (x[:, 0, 0, 0] == 1).reshape(5, -1).mean(axis=1)
    assert (shares == 0.5).all() and np.array_equal(x[:, 0, 0, 0] == 2, truth)


def test_a_small_classifier_learns_and_repeats():
    rng = np.random.default_rng(0)
    labels = rng.random(80) < 0.3
    images = (rng.integers(0, 120, (80, 32, 32, 3)) + 60 * labels[:, None, None, None]).astype("uint8")
    network = synthetic.train_small(synthetic.by_class(images, labels), 40, seed=1)
    assert synthetic.accuracy(network, images, labels) > 0.9
    assert synthetic.accuracy(network, images, ~labels) < 0.1
    again = synthetic.train_small(synthetic.by_class(images, labels), 40, seed=1)
    np.testing.assert_allclose(again.get_weights()[0], network.get_weights()[0], atol=1e-5)


def test_comparing_uses_the_given_labels_alone(monkeypatch):
    vae = hub.load("cartoon").vae
    faces = drawn.draw_faces(drawn.sample_factors(30, seed=5), 64)
    z, _ = latent.encode(vae, faces)
    labels = np.arange(30) % 2 == 0
    seen = []

    def fit_prior(codes, **options):
        seen.append(codes)
        return original(codes, **options)

    original = synthetic.priors.fit_prior
    monkeypatch.setattr(synthetic.priors, "fit_prior", fit_prior)
    test = synthetic.shrink(faces), labels
    found = synthetic.compare(vae, faces[:20], z[:20], labels[:20], test, steps=5)
    assert list(found) == ["real", "real + generated"] and all(0 <= value <= 1 for value in found.values())
    assert np.array_equal(seen[0], z[:20][labels[:20]]) and np.array_equal(seen[1], z[:20][~labels[:20]])


def test_generated_pictures_have_labels_by_class():
    vae = hub.load("cartoon").vae
    z = np.random.default_rng(0).normal(0, 1, (12, vae.latent_dim))
    images, labels = synthetic.labelled_faces(vae, z, np.arange(12) < 5, 3)
    assert images.shape == (6, 64, 64, 3) and labels.tolist() == [True] * 3 + [False] * 3
    assert synthetic.shrink(images).shape == (6, 32, 32, 3)
    assert images.mean() == pytest.approx(synthetic.shrink(images).mean(), abs=2)
