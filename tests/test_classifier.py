"""The classifier that ships: mirrored faces are seen alike, damage grows the distance, edits are counted as by hand."""

import shutil

import numpy as np
import pandas as pd
import pytest

from vae_keras.data.drawn.faces import draw_faces, sample_factors
from vae_keras.evaluation import classifier as module
from vae_keras.evaluation.classifier import AttributeClassifier, build_classifier, load_classifier
from vae_keras.pipeline import to_uint8


@pytest.fixture(scope="module")
def classifier():
    return load_classifier()


@pytest.fixture(scope="module")
def images():
    return draw_faces(sample_factors(100), 64)


def test_a_mirrored_face_is_seen_alike(classifier, images):
    found = classifier.probabilities(images[:20])
    mirrored = classifier.probabilities(images[:20, :, ::-1])
    np.testing.assert_allclose(found, mirrored, atol=1e-4)
    assert list(found) == classifier.attributes and len(found) == 20
    assert found.min().min() >= 0 and found.max().max() <= 1
    assert (classifier.decisions(images[:20]) == (found > 0.5)).all(axis=None)


def test_features_are_means_over_the_picture_and_its_mirror_image(classifier, images):
    batch = images[:3].astype("float32") / 255
    network = classifier.network
    logits = (network.predict_on_batch(batch) + network.predict_on_batch(batch[:, :, ::-1])) / 2
    np.testing.assert_allclose(classifier.probabilities(images[:3]), 1 / (1 + np.exp(-logits)), atol=1e-5)
    assert classifier.features(images[:3]).shape == (3, 192)
    assert classifier.features(images[:3]).dtype == np.float32


def test_pictures_of_any_type_and_size_are_seen_alike(classifier, images):
    some = images[:5]
    expected = classifier.features(some)
    np.testing.assert_allclose(classifier.features(some.astype("float32") / 255), expected, atol=1e-5)
    larger = some.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(classifier.features(larger), expected, atol=1e-5)
    noisy = larger.copy()
    noisy[:, ::2, ::2] = 255 - noisy[:, ::2, ::2]  # one pixel in four
    averaged = noisy.reshape(5, 64, 2, 64, 2, 3).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(classifier.features(noisy), classifier.features(averaged), atol=0.02)
    smaller = some[:, ::2, ::2]
    assert np.corrcoef(classifier.features(smaller).ravel(), expected.ravel())[0, 1] > 0.5


def test_features_do_not_depend_on_batches(classifier, images, monkeypatch):
    whole = classifier.features(images[:9])
    monkeypatch.setattr(module, "BATCH", 4)
    np.testing.assert_allclose(classifier.features(images[:9]), whole, atol=1e-5)


def test_distance_grows_with_damage(classifier, images):
    noise = np.random.default_rng(0).normal(0, 1, images.shape)
    damaged = [to_uint8(images / 255 + strength * noise) for strength in (0.05, 0.1, 0.3)]
    found = [classifier.distance(images, some) for some in (images[::-1], *damaged)]
    assert found == sorted(found) and found[0] == pytest.approx(0, abs=1e-6)


def test_edits_are_scored_as_counted_by_hand(classifier, monkeypatch):
    before = pd.DataFrame({"A": [0, 0, 0, 1], "B": [0, 1, 0, 0], "C": [1, 1, 0, 0]}).astype(bool)
    after = pd.DataFrame({"A": [1, 0, 1, 0], "B": [0, 0, 0, 1], "C": [1, 1, 1, 1]}).astype(bool)
    monkeypatch.setattr(AttributeClassifier, "decisions", lambda self, images: images)
    score = classifier.score_edit(before, after, "A")
    assert score["turned"] == pytest.approx(2 / 3) and score["others_changed"] == pytest.approx(2 / 6)
    assert classifier.score_edit(before[3:], after[3:], "A").isna().all()
    with pytest.raises(ValueError, match="The classifier has no attribute 'Beard'"):
        classifier.score_edit(before, after, "Beard")


def test_wrong_pictures_are_refused(classifier):
    for shape in ((64, 64, 3), (0, 64, 64, 3), (2, 64, 64)):
        with pytest.raises(ValueError, match=r"\[n, size, size, 3\]"):
            classifier.features(np.zeros(shape, "uint8"))


def test_the_classifier_that_ships_is_small_and_good(classifier):
    assert sum((module.SHIPPED / name).stat().st_size for name in module.FILES) <= 3e6
    assert len(classifier.attributes) == 40 and classifier.card["figures"]["accuracy"] >= 0.895
    assert set(classifier.card["attribute_figures"]) == set(classifier.attributes)
    assert load_classifier() is classifier, "it is loaded once"


def test_it_computes_in_float32_whatever_the_policy(images):
    import keras

    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        assert build_classifier(2, widths=(4,)).layers[1].compute_dtype == "bfloat16"
        load_classifier.cache_clear()
        again = load_classifier()
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(policy)
        load_classifier.cache_clear()
    assert {layer.compute_dtype for layer in again.network.layers[1:]} == {"float32"}
    np.testing.assert_array_equal(again.features(images[:2]), load_classifier().features(images[:2]))


def test_a_folder_written_before_is_loaded(classifier, images, tmp_path):
    for name, older in zip(module.FILES, module.OLDER_FILES):
        shutil.copy(module.SHIPPED / name, tmp_path / older)
    again = load_classifier(tmp_path)
    assert again.attributes == classifier.attributes and again.card == classifier.card
    np.testing.assert_array_equal(again.features(images[:2]), classifier.features(images[:2]))


def test_a_missing_or_damaged_classifier_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none holds no classifier: `python -m vae_keras classifier"):
        load_classifier(tmp_path / "none")
    weights, card = (tmp_path / name for name in module.FILES)
    shutil.copy(module.SHIPPED / module.FILES[1], card)
    weights.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="is damaged"):
        load_classifier(tmp_path)
    shutil.copy(module.SHIPPED / module.FILES[0], weights)
    card.write_text("{}")
    with pytest.raises(ValueError, match="is damaged .*attributes"):
        load_classifier(tmp_path)
