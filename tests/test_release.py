"""What ships is made here: the classifier learns, directions get the right length, a model is packaged whole."""

import dataclasses
import json
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pandas as pd
import pytest

from vae_keras import config, data, hub, latent, sharpening, storage, training
from vae_keras.data.drawn import faces as drawn
from vae_keras.directions import edit
from vae_keras.evaluation.classifier import AttributeClassifier, load_classifier
from vae_keras.hub import cards
from vae_keras.release import classifier as classifiers
from vae_keras.release import directions
from vae_keras.release import package as packages

SETTINGS = config.settings(
    profile="quick", dataset="cartoon", image_size=16, latent_dim=8, precision="float32"
)

# Calibration


@pytest.fixture
def codes(monkeypatch):
    """Codes that are their own pictures: `decide` sees "a" where the first number is above 1, "b" for the second."""
    monkeypatch.setattr(latent, "decode", lambda vae, z: z)
    return np.random.default_rng(3).random((2000, 2))


def decide(z):
    return pd.DataFrame(z > 1, columns=["a", "b"])


def row(*values):
    return pd.Series(values, name="a", dtype="float64")


def test_strength_one_turns_the_share_that_was_asked_for(codes):
    for direction in (row(1, 0), row(0.4, 0.1), row(0.25, 0)):
        missing, changed, stretched = directions.stretch(None, codes, direction, decide)
        after = decide(edit(codes, stretched.to_numpy()))
        assert missing == 0 and directions.TURNED <= after["a"].mean() < directions.TURNED + 0.04
        assert abs(changed - after.to_numpy().mean()) < 0.04
        unit = stretched / np.linalg.norm(stretched)
        assert np.allclose(unit, direction / np.linalg.norm(direction))


@pytest.mark.parametrize("wanted", [0.5, 0.95])
def test_the_share_that_is_wanted_can_be_another(codes, wanted):
    _, _, stretched = directions.stretch(None, codes, row(0.5, 0), decide, wanted)
    assert wanted <= decide(edit(codes, stretched.to_numpy()))["a"].mean() < wanted + 0.06


def test_wanted_is_what_is_seen_in_faces_that_have_the_attribute(codes):
    having = np.where(np.arange(200) < 150, 1.5, 0.5)[:, None].repeat(2, axis=1)
    assert directions._share_seen(None, having, "a", decide) == 0.75
    assert directions._share_seen(None, having[140:], "a", decide) == directions.LEAST_TURNED
    assert directions._share_seen(None, having[:0], "a", decide) == directions.TURNED


def test_the_direction_that_changes_less_wins(codes):
    clean, mixed, weak = (
        directions.stretch(None, codes, row(*d), decide)[:2] for d in ((1, 0), (1, 1), (0.1, 0))
    )
    assert min(mixed, clean, weak) == clean and mixed[1] > clean[1] + 0.2
    assert weak[0] > 0.2  # four times a tenth is the farthest that is tried


def test_faces_that_have_it_already_do_not_count(codes):
    """Half of the codes have it: those that lack it have to turn all the same."""
    mixed = np.concatenate([codes, codes + [1, 0]])
    _, _, stretched = directions.stretch(None, mixed, row(1, 0), decide)
    assert np.allclose(stretched, directions.stretch(None, codes, row(1, 0), decide)[2])


def test_what_turns_nobody_is_left_as_it_is(codes):
    missing, _, stretched = directions.stretch(None, codes, row(0, 1), decide)
    assert missing == directions.TURNED and np.array_equal(stretched, row(0, 1))
    assert directions.stretch(None, codes[:0], row(0, 1), decide)[:2] == (0, 0)
    assert directions.stretch(None, codes + [1, 0], row(0, 1), decide)[:2] == (0, 0)


def test_beyond_the_best_strength_is_not_gone(codes):
    """A direction that turns half of the faces and then loses them again stops where it has them."""

    def rises_and_falls(z):
        return decide(z) & decide(z * [1, -1] + [0, 3.0]).to_numpy()[:, [1]]

    direction = row(0.5, 1.0)
    missing, _, stretched = directions.stretch(None, codes, direction, rises_and_falls)
    turned = [rises_and_falls(edit(codes, direction, s))["a"].mean() for s in directions.STRENGTHS]
    assert 0 < missing < directions.TURNED and max(turned) < directions.TURNED
    assert rises_and_falls(edit(codes, stretched))["a"].mean() >= 0.9 * max(turned)


def test_what_an_edit_does_is_measured_on_test_faces(codes, monkeypatch):
    truth = np.arange(len(codes)) % 3 == 0
    z = codes + [1, 0] * truth[:, None]  # "a" is seen in those that have it
    monkeypatch.setattr(latent, "encode", lambda vae, images: (z, None))
    faces = SimpleNamespace(test=z, labels=lambda split, names: pd.DataFrame({"a": truth}))
    table = pd.DataFrame([[0.5, 1.5]], index=["a"])
    figures = directions.measure_directions(None, faces, table, {"a": decide})["a"]
    after = (z[~truth][: directions.MOVED_FACES, 0] > 0.5).mean()
    assert figures == dict(
        seen_with_it=1, seen_without_it=0, seen_after_edit=round(after, 3), others_changed=1
    )
    nobody = SimpleNamespace(test=z, labels=lambda split, names: pd.DataFrame({"a": truth & False}))
    assert directions.measure_directions(None, nobody, table, {"a": decide}) == {}


# Packaging


@pytest.fixture(scope="module")
def small_faces():
    """Few small pictures with few attributes, as each is calibrated."""
    dataset, factors = data.get_dataset("cartoon"), drawn.sample_factors(400)
    images, table = drawn.draw_faces(factors, 16), drawn.attributes(factors)[list(dataset.attributes)]
    table = table.assign(Bright=images.mean(axis=(1, 2, 3)))
    table.insert(0, "split", ["train"] * 240 + ["validation"] * 80 + ["test"] * 80)
    return data.Faces(dataset, images, table, [])


@pytest.fixture(scope="module")
def model(small_faces):
    """A model trained for moments."""
    policy = keras.config.dtype_policy()
    vae = training.build_vae(SETTINGS)
    training.fit(vae, small_faces.train, epochs=3, batch_size=20)
    keras.config.set_dtype_policy(policy)
    return packages.package(vae, small_faces, epochs=3, seconds=90.0, command="a test")


@pytest.fixture
def first_candidates(monkeypatch):
    """Directions are taken as they are found, which takes no time."""
    monkeypatch.setattr(directions, "calibrate", lambda vae, faces, candidates, classifiers: candidates[0])


def test_a_packaged_model_is_whole(model, small_faces):
    card = model.card
    assert json.loads(json.dumps(card)) == card
    assert card["model"] == cards.model_arguments(model.vae) and card["crop"] == small_faces.dataset.crop
    assert card["pictures"] == dict(train=240, validation=80, test=80)
    assert card["minutes"] == 1.5 and card["epochs"] == 3 and card["command"] == "a test"
    assert card["figures"]["pictures"] == len(small_faces.test) and card["terms"] == small_faces.dataset.terms
    assert set(small_faces.dataset.attributes) <= set(model.directions.index)
    assert set(small_faces.dataset.attributes) <= set(card["directions"]) <= set(model.directions.index)
    assert model.diffusion is None and not model.sharpened


def test_levels_are_where_faces_that_have_the_attribute_lie(model, small_faces):
    z, _ = latent.encode(model.vae, small_faces.train)
    has = small_faces.labels("train", "Smiling")["Smiling"].to_numpy()
    direction = model.direction("Smiling")
    expected = (z[has] @ direction).mean() / (direction @ direction)
    assert model.levels["Smiling"] == pytest.approx(expected, rel=1e-4)


def test_a_sharpened_model_goes_on_with_the_plain_ones_card_and_prior(model, small_faces, first_candidates):
    sharpened = packages.package(
        model.vae.copy_with_details(16), small_faces, epochs=2, seconds=60, command="more", plain=model
    )
    assert sharpened.prior is model.prior and sharpened.sharpened
    assert sharpened.card["epochs"] == 3 and sharpened.card["figures"] == model.card["figures"]
    run = sharpened.card["sharpened"]
    assert run["epochs"] == 2 and run["command"] == "more" and run["figures"]["squared_error"] > 0
    assert "sharpened" not in model.card


def test_the_card_says_how_a_diffusion_prior_was_fitted(model, small_faces, first_candidates):
    better = sharpening.DiffusionPrior(model.prior)
    history = pd.DataFrame({"val_loss": [0.9, 0.7, 0.8], "seconds": [30.0, 30.0, 30.0]})
    options = dict(epochs=1, seconds=1, plain=model)
    kept = packages.package(model.vae, small_faces, diffusion=(better, history), **options)
    assert kept.diffusion is better
    assert kept.card["sharpened"]["diffusion"] == dict(epochs=2, minutes=1.5, mixture=0.9, loss=0.7)
    without = packages.package(model.vae, small_faces, **options)
    assert without.diffusion is None and "diffusion" not in without.card["sharpened"]


# A direction for a finished model


def with_hats(faces):
    """Pictures with one more label, which is to be seen: the upper third is dark."""
    images = faces.images.copy()
    hats = np.random.default_rng(0).random(len(images)) < 0.4
    images[hats, :5] = 0
    table = faces.table.assign(Hat=hats.astype("int8"))
    return dataclasses.replace(faces, images=images, table=table)


@pytest.fixture(scope="module")
def hats(small_faces):
    return with_hats(small_faces)


def test_a_new_direction_is_calibrated_like_the_others(model, hats):
    policy = keras.config.dtype_policy()
    vae = training.build_vae(SETTINGS)
    training.fit(vae, hats.train, epochs=60, batch_size=20)
    keras.config.set_dtype_policy(policy)
    seeing = dataclasses.replace(model, vae=vae)
    found = directions.add_direction(seeing, hats, "Hat")
    assert list(found.directions.index) == [*model.directions.index, "Hat"]
    assert list(found.directions.columns) == list(model.directions.columns)
    pd.testing.assert_frame_equal(found.directions.iloc[:-1], model.directions)
    assert "Hat" not in model.directions.index and "Hat" not in model.levels.index
    pd.testing.assert_series_equal(found.levels.iloc[:-1], model.levels, check_names=False)
    assert found.card["added_directions"]["Hat"]["pictures"] == len(hats.train)
    assert found.card["directions"]["Hat"]["seen_after_edit"] > 0.5 and "Hat" not in model.card["directions"]
    bare = hats.test[~hats.labels("test", "Hat")["Hat"].to_numpy()]
    darker = found.edit(bare, "Hat")[:, :4].mean() / found.reconstruct(bare)[:, :4].mean()
    assert darker < 0.5, darker
    again = directions.add_direction(found, hats, "Hat")
    assert list(again.directions.index) == list(found.directions.index), "it is replaced"
    np.testing.assert_allclose(again.directions, found.directions)


def test_what_cannot_be_a_direction_is_said(model, hats):
    with pytest.raises(ValueError, match="has no attribute 'Hut'; did you mean Hat"):
        directions.add_direction(model, hats, "Hut")
    constant = dataclasses.replace(hats, table=hats.table.assign(Hat=np.int8(1)))
    with pytest.raises(ValueError, match="Too few of the 240 training pictures differ in Hat"):
        directions.add_direction(model, constant, "Hat")
    larger = dataclasses.replace(hats, images=hats.images.repeat(2, axis=1).repeat(2, axis=2))
    with pytest.raises(ValueError, match="32 pixels a side: load them with 16"):
        directions.add_direction(model, larger, "Hat")


def test_a_direction_is_added_to_a_folder_or_to_a_copy(model, hats, tmp_path, first_candidates, monkeypatch):
    folder, copy = tmp_path / "model", tmp_path / "copy"
    hub.save(model, folder)
    sharp = dataclasses.replace(hub.load(folder), vae=hub.load(folder).vae.copy_with_details(16))
    hub.save(sharp, folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    directions.add_direction_to_folder(folder, hats, "Hat", copy)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert "Hat" in hub.load(copy).directions.index
    assert hub.load(copy).sharpened and not hub.load(copy, plain=True).sharpened
    assert {file.name for file in copy.iterdir()} == set(before)
    with pytest.raises(FileExistsError, match="copy already exists"):
        directions.add_direction_to_folder(folder, hats, "Hat", copy)
    directions.add_direction_to_folder(folder, hats, "Hat")
    assert "Hat" in hub.load(folder).directions.index


@pytest.mark.parametrize("folder", ["celeba", cards.SHIPPED / "celeba"])
def test_a_model_that_ships_is_never_changed_in_place(folder, hats):
    with pytest.raises(ValueError, match="ships and stays as it is"):
        directions.add_direction_to_folder(folder, hats, "Hat")


# The classifier


@pytest.fixture(scope="module")
def faces():
    return data.load_faces("cartoon", 64, 600)


@pytest.fixture(scope="module")
def trained(faces):
    return classifiers.train(faces, epochs=6, batch_size=32)


def test_it_learns_what_is_drawn(trained, faces):
    figures, table = classifiers.evaluate(trained, faces)
    assert len(trained.attributes) == 23 and "Smiling" in trained.attributes
    assert figures["pictures"] == len(faces.test)
    assert figures["accuracy"] > figures["majority"] + 0.05 and figures["auc"] > 0.75, figures
    assert table["accuracy"].mean() == pytest.approx(figures["accuracy"])
    truth = faces.labels("test", trained.attributes).to_numpy()
    hits = (trained.decisions(faces.test).to_numpy() == truth).mean(axis=0)
    np.testing.assert_allclose(table["accuracy"], hits)


def test_pictures_are_varied_and_the_same_for_the_same_seed(faces):
    images = faces.train[:20]
    once, again, other = (np.asarray(classifiers.vary(images, [3, place])) for place in (1, 1, 2))
    assert once.shape == images.shape and once.dtype == np.float32 and 0 <= once.min() <= once.max() <= 1
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).mean() > 0.01
    assert np.abs(once - images / 255).mean() > 0.02


def test_a_classifier_survives_being_saved(trained, faces, tmp_path):
    folder = tmp_path / "classifier"
    classifiers.save(trained, folder)
    again = load_classifier(folder)
    assert again.attributes == trained.attributes and again.card == trained.card
    few = faces.test[:30]
    np.testing.assert_allclose(again.probabilities(few), trained.probabilities(few), atol=0.03)
    assert {path.name for path in folder.iterdir()} == {*classifiers.FILES, storage.MARKER}
    with h5py.File(folder / classifiers.FILES[0]) as stored:
        assert "optimizer" not in stored


def test_a_classifier_that_is_saved_anew_is_loaded_anew(tmp_path):
    shipped = load_classifier()
    for epochs in (1, 2):
        copy = AttributeClassifier(shipped.network, shipped.attributes, {"epochs": epochs})
        classifiers.save(copy, tmp_path)
        assert load_classifier(tmp_path).card == {"epochs": epochs}


def test_a_classifier_replaces_only_a_classifier(tmp_path):
    shipped = load_classifier()
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    for name in classifiers.OLDER_FILES:
        (earlier / name).write_text("{}")
    classifiers.save(shipped, earlier)
    assert {path.name for path in earlier.iterdir()} == {*classifiers.FILES, storage.MARKER}
    foreign = tmp_path / "foreign"
    (foreign / "checkpoint").mkdir(parents=True)
    (foreign / "checkpoint" / "mine.txt").write_text("dear")
    (foreign / "card.json").write_text("{}")
    with pytest.raises(FileExistsError, match="something else than a classifier"):
        classifiers.save(shipped, foreign)
    assert sorted(path.name for path in foreign.rglob("*")) == ["card.json", "checkpoint", "mine.txt"]


def test_an_interrupted_training_goes_on(faces, tmp_path):
    few = np.r_[faces.rows("train")][:80].tolist() + np.r_[faces.rows("validation")][:10].tolist()
    faces = dataclasses.replace(faces, images=faces.images[few], table=faces.table.iloc[few])
    begun = []

    def stop(epoch, logs):
        begun.append(epoch)
        if len(begun) == 2:
            raise KeyboardInterrupt

    options = dict(batch_size=32, folder=tmp_path)
    watch = keras.callbacks.LambdaCallback(on_epoch_begin=stop)
    with pytest.raises(KeyboardInterrupt):
        classifiers.train(faces, epochs=3, callbacks=[watch], **options)
    with pytest.raises(ValueError, match="other settings .epochs"):
        classifiers.train(faces, epochs=4, **options)
    found = classifiers.train(faces, epochs=3, callbacks=[watch], **options)
    whole = classifiers.train(faces, epochs=3, batch_size=32)
    for one, other in zip(found.network.get_weights(), whole.network.get_weights()):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert begun == [0, 1, 1, 2] and found.network.optimizer.iterations == 3 * (80 // 32)


def without_labels(faces):
    return dataclasses.replace(faces, table=faces.table[["split", "Bright"]])


def test_pictures_without_labels_are_refused(faces):
    with pytest.raises(ValueError, match="no labelled attributes"):
        classifiers.train(without_labels(faces))


def test_labels_are_added_where_there_are_none_and_only_there(trained, faces):
    assert classifiers.label_faces(faces, trained) is faces  # drawn faces are labelled
    bare = without_labels(faces)
    found = classifiers.label_faces(bare, trained)
    added = [name for name in found.table if name not in bare.table]
    decided = trained.decisions(faces.images)
    assert all((found.table[name] == decided[name].to_numpy()).all() for name in added)
    shares = decided[found.rows("train")].mean()
    assert set(added) == {name for name in decided if 0.02 <= shares[name] <= 0.98}
    assert set(found.dataset.attributes) == set(classifiers.SHOWN) & set(added)
    assert found.dataset.arithmetic == found.dataset.attributes[:2]
    nothing = dataclasses.replace(trained, attributes=[f"x{i}" for i in range(len(trained.attributes))])
    assert classifiers.label_faces(bare, nothing) is bare


def test_the_classifier_that_ships_is_small_and_good():
    shipped = load_classifier()
    folder = cards.SHIPPED / "classifier"
    assert sum((folder / name).stat().st_size for name in classifiers.FILES) <= 3e6
    assert len(shipped.attributes) == 40 and shipped.card["figures"]["accuracy"] >= 0.895
    assert set(shipped.card["attribute_figures"]) == set(shipped.attributes)
