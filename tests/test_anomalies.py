"""Scores of strangeness, and the pictures to try them on."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vae_keras import hub, latent
from vae_keras.applications import anomalies
from vae_keras.data.drawn import faces as drawn
from vae_keras.evaluation import bits_per_dimension


@pytest.fixture(scope="module")
def model():
    return hub.load("cartoon")


@pytest.fixture(scope="module")
def faces():
    return drawn.draw_faces(drawn.sample_factors(120, seed=8), 64)


@pytest.fixture(scope="module")
def table(model, faces):
    return anomalies.scores(model.vae, model.prior, faces)


def test_scores_are_what_they_say(model, faces, table):
    assert len(table) == len(faces) and np.isfinite(table).all(axis=None)
    reconstructions = latent.reconstruct(model.vae, faces).astype(float)
    first = np.square(faces[0] / 255 - reconstructions[0] / 255).mean()
    assert table["error"][0] == pytest.approx(first, rel=1e-3)
    z_mean, z_log_variance = latent.encode(model.vae, faces)
    kl = latent.statistics(z_mean, z_log_variance)["kl"].sum()
    assert table["KL"].mean() == pytest.approx(kl, rel=1e-3)
    assert np.allclose(table["prior"], -model.prior.log_density(z_mean))
    bits = table["against PNG"] + 8 * anomalies.png_bytes(faces)
    measured = bits_per_dimension(model.vae, faces[:20], samples=1) * faces[0].size
    assert bits[:20].mean() == pytest.approx(
        measured, rel=0.05
    )  # which draws codes, in the place of their means


def test_what_is_no_face_is_stranger_than_new_faces(model, faces, table):
    strange = anomalies.scores(model.vae, model.prior, anomalies.non_faces(60))
    ordinary = anomalies.strangeness(table[60:], table[:60])
    odd = anomalies.strangeness(strange, table[:60])
    truth = np.r_[np.zeros(60), np.ones(60)]
    assert roc_auc_score(truth, np.r_[ordinary, odd]) > 0.95
    assert abs(ordinary.median()) < 2 < odd.median()


def test_strangeness_is_the_higher_of_two_deviations(table):
    some = anomalies.strangeness(table, table)
    columns = table[["against a thumbnail", "against PNG"]]
    deviations = (columns - columns.mean()) / columns.std()
    assert np.allclose(some, deviations.max(axis=1)) and some.name == "strangeness"


def test_a_thumbnail_draws_a_smooth_picture_and_no_chequers():
    ramp = np.linspace(0, 255, 64).astype("uint8")
    smooth = np.broadcast_to(ramp[None, :, None], (64, 64, 3))
    chequers = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    chequers = np.repeat(chequers[..., None], 3, axis=2)
    errors = anomalies.thumbnail_errors(np.stack([smooth, chequers]))
    assert errors[0] < 1e-3 and errors[1] == pytest.approx(0.25, abs=0.01)
    sizes = anomalies.png_bytes(
        np.stack([smooth, np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")])
    )
    assert 8 * sizes[0] < sizes[1] and sizes[1] > 12_000


def test_covers_take_an_eighth_and_leave_the_picture_itself(faces):
    before = faces.copy()
    covered = anomalies.cover(faces, 1 / 8, seed=2)
    assert np.array_equal(faces, before)
    changed = (covered != faces).any(axis=3).mean(axis=(1, 2))
    assert changed.max() <= 0.131 and np.median(changed) > 0.1
    assert not np.array_equal(covered, anomalies.cover(faces, 1 / 8, seed=3))


def test_non_faces_show_each_picture_in_turn():
    pictures = anomalies.non_faces(24, 32, seed=0)
    assert pictures.shape == (24, 32, 32, 3) and pictures.dtype == np.uint8
    grass = pictures[6]
    assert (grass[..., 0] == grass[..., 1]).all(), "the seventh is grey"
    assert not np.array_equal(pictures[0], pictures[11])
    assert np.array_equal(pictures, anomalies.non_faces(24, 32, seed=0))


def test_strangers_are_as_many_as_the_faces_and_anime_needs_its_archive(faces, monkeypatch):
    looked_for = []
    monkeypatch.setattr(anomalies, "find_archive", looked_for.append)
    sets = anomalies.strangers(faces[:12], seed=1)
    assert looked_for == [["anime-faces", "anime"]]
    assert list(sets) == ["drawn faces", "no faces", "an eighth covered"]
    assert all(images.shape == (12, 64, 64, 3) and images.dtype == np.uint8 for images in sets.values())
    assert (sets["an eighth covered"] == faces[:12]).all(axis=3).mean() > 0.85
