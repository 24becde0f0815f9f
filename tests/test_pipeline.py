"""Batches: what they hold, their order, what a resumed training sees."""

import numpy as np
import pytest
import tensorflow as tf

from vae_keras import data, model, pipeline


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)


def epochs(dataset, count=1):
    return [np.concatenate([batch.numpy() for batch in dataset]) for _ in range(count)]


def test_batches_in_order(pictures):
    dataset = pipeline.batches(pictures, batch_size=16)
    batches = [batch.numpy() for batch in dataset]
    assert [len(batch) for batch in batches] == [16, 16, 16, 2] and len(dataset) == 4
    assert batches[0].dtype == np.float32
    np.testing.assert_array_equal(pipeline.to_uint8(np.concatenate(batches)), pictures)


@pytest.mark.parametrize("augment", [None, data.augment])
def test_batches_for_training(pictures, augment):
    options = dict(training=True, seed=3, augment=augment)
    dataset = pipeline.batches(pictures, 16, **options)
    assert len(dataset) == 3 and dataset.element_spec.shape == (16, 8, 8, 3)
    first, second, third = epochs(dataset, 3)
    assert first.min() >= 0 and first.max() <= 1 and not np.array_equal(first, second)
    again = epochs(pipeline.batches(pictures, 16, **options), 2)
    np.testing.assert_array_equal(first, again[0])
    np.testing.assert_array_equal(second, again[1])
    (resumed,) = epochs(pipeline.batches(pictures, 16, **options, first_epoch=2))
    np.testing.assert_array_equal(third, resumed)
    other = pipeline.batches(pictures, 16, **{**options, "seed": 4})
    assert not np.array_equal(first, epochs(other)[0])


def test_a_pass_that_is_resumed_within_and_those_after_it(pictures):
    options = dict(training=True, seed=3, augment=data.augment)
    second, third = epochs(pipeline.batches(pictures, 16, **options, first_epoch=1), 2)
    rest, after = epochs(pipeline.batches(pictures, 16, **options, first_epoch=1, first_step=2), 2)
    np.testing.assert_array_equal(rest, second[32:])
    np.testing.assert_array_equal(after, third)


def test_augmentation_differs_from_epoch_to_epoch_and_from_batch_to_batch():
    """The same picture over and over: what differs between batches and epochs is the augmentation alone."""
    same = np.tile(np.linspace(60, 200, 8).astype(np.uint8)[None, :, None, None], (32, 1, 8, 3))
    first, second = epochs(pipeline.batches(same, 16, training=True, augment=data.augment), 2)
    assert not np.array_equal(first[:16], second[:16])
    assert not np.array_equal(first[:16], first[16:])


def test_without_augmentation_pictures_stay_as_they_are():
    grey = np.arange(48, dtype=np.uint8)[:, None, None, None] * 4 + np.zeros((1, 4, 4, 3), np.uint8)
    (images,) = epochs(pipeline.batches(grey, 16, training=True))
    order = np.rint(images.mean(axis=(1, 2, 3)) * 255 / 4).astype(int)
    assert sorted(order) == list(range(48))  # each comes once
    assert np.abs(np.diff(order)).mean() > 7
    np.testing.assert_array_equal(order, pipeline.epoch_order(48, seed=0, epoch=0))
    assert [len(batch) for batch in pipeline.batches(grey[:10], 16, training=True)] == [10]


def test_a_look_at_the_data_does_not_count_as_an_epoch(pictures):
    dataset = pipeline.batches(pictures, 16, training=True, seed=3)
    model.check_data(dataset)
    expected = pipeline.batches(pictures, 16, training=True, seed=3)
    np.testing.assert_array_equal(epochs(dataset)[0], epochs(expected)[0])


def test_labels_stay_with_their_pictures():
    values = np.arange(40)
    images = np.broadcast_to(values[:, None, None, None], (40, 4, 4, 3)).astype(np.uint8)
    seen = []
    for batch, labels in pipeline.batches(images, 8, training=True, labels=values[:, None]):
        np.testing.assert_allclose(batch[:, 0, 0, 0] * 255, labels[:, 0], atol=1e-4)
        seen += labels[:, 0].numpy().tolist()
    assert sorted(seen) == values.tolist()


def test_misuse_is_refused(pictures):
    for images, batch_size in ((pictures[:0], 16), (pictures, 0), (pictures / 255, 16)):
        with pytest.raises(ValueError, match="Batches"):
            pipeline.batches(images, batch_size)


def test_bytes_and_floats():
    assert pipeline.to_uint8([-0.5, 0.0, 0.5, 1.0, 7.0]).tolist() == [0, 0, 128, 255, 255]
    same = np.arange(256, dtype=np.uint8)
    assert pipeline.to_uint8(same) is same
    floats = pipeline.to_float(same)
    assert floats.dtype == tf.float32 and float(floats[-1]) == 1
    np.testing.assert_array_equal(pipeline.to_uint8(floats), same)
