"""The judge: learns what is to be seen, is mirrored alike, scores edits as counted by hand, survives a round trip."""

import dataclasses

import h5py
import keras
import numpy as np
import pandas as pd
import pytest

from vae_keras import data, judge


@pytest.fixture(scope="module")
def faces():
    return data.prepare("cartoon", 64, 600)


@pytest.fixture(scope="module")
def trained(faces):
    return judge.train(faces, epochs=6, batch_size=32)


def test_it_learns_what_is_drawn(trained, faces):
    figures, table = judge.evaluate(trained, faces)
    assert len(trained.attributes) == 23 and "Smiling" in trained.attributes
    assert figures["pictures"] == len(faces.test)
    assert figures["accuracy"] > figures["majority"] + 0.05 and figures["auc"] > 0.75, figures
    assert table["accuracy"].mean() == pytest.approx(figures["accuracy"])
    truth = faces.labels("test", trained.attributes).to_numpy()
    hits = (trained.decisions(faces.test).to_numpy() == truth).mean(axis=0)
    np.testing.assert_allclose(table["accuracy"], hits)


def test_a_mirrored_face_is_seen_alike(trained, faces):
    some = faces.test[:20]
    found = trained.probabilities(some)
    np.testing.assert_allclose(found, trained.probabilities(some[:, :, ::-1]), atol=0.02)
    assert found.shape == (20, len(trained.attributes)) and found.min().min() >= 0 and found.max().max() <= 1
    assert trained.features(some).shape == (20, 192)
    as_floats = trained.features(some.astype("float32") / 255)
    np.testing.assert_allclose(as_floats, trained.features(some), atol=1e-6)
    larger = some.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(trained.features(larger), trained.features(some), atol=1e-5)


def test_distance_grows_with_damage(trained, faces):
    real = faces.train[:300]
    noise = np.random.default_rng(0).normal(0, 1, real.shape)
    damaged = [data.to_uint8(real / 255 + strength * noise) for strength in (0.05, 0.1, 0.3)]
    found = [trained.distance(real, some) for some in (real[::-1], *damaged)]
    assert found == sorted(found) and trained.distance(real, real) == pytest.approx(0, abs=1e-6)


def test_edits_are_scored_as_counted_by_hand(trained, monkeypatch):
    before = pd.DataFrame({"A": [0, 0, 0, 1], "B": [0, 1, 0, 0], "C": [1, 1, 0, 0]}).astype(bool)
    after = pd.DataFrame({"A": [1, 0, 1, 0], "B": [0, 0, 0, 1], "C": [1, 1, 1, 1]}).astype(bool)
    monkeypatch.setattr(judge.Judge, "decisions", lambda self, images: images)
    score = trained.score_edit(before, after, "A")
    assert score["turned"] == pytest.approx(2 / 3) and score["others_changed"] == pytest.approx(2 / 6)
    with pytest.raises(ValueError, match="The judge has no attribute 'Beard'"):
        trained.score_edit(before, after, "Beard")


def test_a_judge_survives_being_saved(trained, faces, tmp_path):
    judge.save(trained, tmp_path / "judge")
    again = judge.load(tmp_path / "judge")
    assert again.attributes == trained.attributes and again.card == trained.card
    some = faces.test[:30]
    np.testing.assert_allclose(again.probabilities(some), trained.probabilities(some), atol=0.03)
    assert {path.name for path in (tmp_path / "judge").iterdir()} == set(judge.FILES)
    with h5py.File(tmp_path / "judge" / judge.FILES[0]) as stored:
        assert "optimizer" not in stored


def test_a_missing_or_damaged_judge_is_named(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no judge"):
        judge.load(tmp_path / "none")
    judge.save(trained, tmp_path)
    (tmp_path / judge.FILES[0]).write_bytes(b"no weights")
    with pytest.raises(ValueError, match="damaged"):
        judge.load(tmp_path)


def test_wrong_pictures_are_refused(trained):
    with pytest.raises(ValueError, match=r"\[n, size, size, 3\]"):
        trained.features(np.zeros((64, 64, 3), "uint8"))
    with pytest.raises(ValueError, match=r"\[n, size, size, 3\]"):
        trained.features(np.zeros((0, 64, 64, 3), "uint8"))


def test_moving_by_nothing_changes_nothing_and_by_a_pixel_shifts():
    images = np.random.default_rng().random((3, 16, 16, 3), dtype="float32")
    np.testing.assert_allclose(judge.move(images, 0.0, 0.0, 0.0), images, atol=1e-5)
    moved = np.asarray(judge.move(images))
    assert (
        moved.shape == images.shape
        and not np.allclose(moved, images)
        and 0 <= moved.min() <= moved.max() <= 1
    )


def test_the_judge_that_ships_is_small_and_good():
    card = judge.load().card
    assert sum((judge.SHIPPED / name).stat().st_size for name in judge.FILES) <= 3e6
    assert len(judge.load().attributes) == 40 and card["figures"]["accuracy"] >= 0.895
    assert set(card["attribute_figures"]) == set(judge.load().attributes)


def test_labels_are_added_where_there_are_none_and_only_there(trained, faces):
    assert judge.label(faces, trained) is faces  # drawn faces are labelled
    bare = dataclasses.replace(faces, table=faces.table[["split", "Bright"]])
    found = judge.label(bare, trained)
    added = [name for name in found.table if name not in bare.table]
    seen = trained.decisions(faces.images)
    assert all((found.table[name] == seen[name].to_numpy()).all() for name in added)
    shares = seen[found.rows("train")].mean()
    assert set(added) == {name for name in seen if 0.02 <= shares[name] <= 0.98}
    assert set(found.source.attributes) == set(judge.SHOWN) & set(added) and len(found.source.arithmetic) == 2
    nothing = dataclasses.replace(trained, attributes=[f"x{i}" for i in range(len(trained.attributes))])
    assert judge.label(bare, nothing) is bare


def test_a_judge_that_is_saved_anew_is_loaded_anew(tmp_path):
    shipped = judge.load()
    for epochs in (1, 2):
        judge.save(judge.Judge(shipped.network, shipped.attributes, {"epochs": epochs}), tmp_path)
        assert judge.load(tmp_path).card == {"epochs": epochs}


def test_an_interrupted_training_goes_on(faces, tmp_path):
    def stop(epoch, logs):
        begun.append(epoch)
        if len(begun) == 2:
            raise KeyboardInterrupt

    begun, short = [], dict(batch_size=128, folder=tmp_path)
    watch = keras.callbacks.LambdaCallback(on_epoch_begin=stop)
    with pytest.raises(KeyboardInterrupt):
        judge.train(faces, epochs=3, callbacks=[watch], **short)
    with pytest.raises(ValueError, match="other settings .epochs"):
        judge.train(faces, epochs=4, **short)
    found = judge.train(faces, epochs=3, callbacks=[watch], **short)
    whole = judge.train(faces, epochs=3, batch_size=128)
    for one, other in zip(found.network.get_weights(), whole.network.get_weights()):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert begun == [0, 1, 1, 2] and found.network.optimizer.iterations == 3 * (len(faces.train) // 128)
