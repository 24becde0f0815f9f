"""Augmentation: its ranges, that each change has its own random number, and that it repeats."""

import numpy as np
import pytest

from vae_keras.data import augment, move


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)


def test_augmentation_stays_in_its_ranges():
    ramp = np.linspace(60, 200, 8).astype(np.uint8)
    images = np.broadcast_to(ramp[None, None, :, None], (2000, 8, 8, 3))
    changed = augment(images, seed=1).numpy()
    flipped = changed[:, 0, 0, 0] > changed[:, 0, -1, 0]
    assert 0.45 < flipped.mean() < 0.55
    upright = np.where(flipped[:, None, None, None], changed[:, :, ::-1], changed)[:, 0, :, 0]
    contrast = (upright[:, -1] - upright[:, 0]) / ((200 - 60) / 255)
    assert 0.9 <= contrast.min() < 0.91 and 1.09 < contrast.max() <= 1.1001
    middle = upright[:, 0] - 0.5 - (60 / 255 - 0.5) * contrast
    assert -0.0501 <= middle.min() < -0.045 and 0.045 < middle.max() <= 0.0501
    np.testing.assert_allclose(upright[:, 3], 0.5 + (ramp[3] / 255 - 0.5) * contrast + middle, atol=1e-5)


def test_augmentation_clips_takes_floats_and_repeats(pictures):
    images = np.where(pictures > 127, 255, 0).astype(np.uint8)
    changed = augment(images, seed=5).numpy()
    assert changed.dtype == np.float32 and changed.min() == 0 and changed.max() == 1
    np.testing.assert_allclose(changed, augment(images / np.float32(255), seed=5).numpy(), atol=1e-6)
    assert not np.array_equal(changed, augment(images, seed=6).numpy())


def test_flip_contrast_and_brightness_are_drawn_apart():
    ramp = np.linspace(60, 200, 8).astype(np.uint8)
    images = np.broadcast_to(ramp[None, None, :, None], (4000, 8, 8, 3))
    changed = augment(images, seed=2).numpy()[:, 0, :, 0]
    flip = changed[:, 0] > changed[:, -1]
    upright = np.where(flip[:, None], changed[:, ::-1], changed)
    contrast = (upright[:, -1] - upright[:, 0]) / ((200 - 60) / 255)
    brightness = upright[:, 0] - 0.5 - (60 / 255 - 0.5) * contrast
    related = np.corrcoef([flip, contrast, brightness])
    assert np.abs(related - np.eye(3)).max() < 0.08


def test_the_seed_may_be_one_number_or_two(pictures):
    one, two = augment(pictures, seed=7).numpy(), augment(pictures, seed=(7, 7)).numpy()
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, augment(pictures, seed=(7, 8)).numpy())
    assert not np.array_equal(one, augment(pictures, seed=(8, 7)).numpy())


def test_moving_by_nothing_changes_nothing():
    images = np.random.default_rng().random((3, 16, 16, 3), dtype="float32")
    np.testing.assert_allclose(move(images, 0.0, 0.0, 0.0), images, atol=1e-5)
    moved = np.asarray(move(images))
    assert moved.shape == images.shape and not np.allclose(moved, images)
    assert 0 <= moved.min() <= moved.max() <= 1


@pytest.mark.parametrize("limits", [(9.0, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 4.0)])
def test_moving_stays_within_its_limits(limits):
    """A bright point 20 pixels right of the middle shows the turn, the scale and the shift."""
    images = np.zeros((300, 65, 65, 3), "float32")
    images[:, 31:34, 51:54] = 1
    moved = np.asarray(move(images, *limits, seed=(3, 4)))[..., 0].astype("float64")
    rows, columns = np.mgrid[:65, :65] - 32
    weight = moved.sum(axis=(1, 2))
    down, right = (moved * rows).sum(axis=(1, 2)) / weight, (moved * columns).sum(axis=(1, 2)) / weight
    degrees, scale, pixels = limits
    if degrees:
        turn = np.rad2deg(np.arctan2(down, right))
        assert 8 < turn.max() < 9.2 and -9.2 < turn.min() < -8
    elif scale:
        assert 21 < right.max() < 22.6 and 17.8 < right.min() < 18.7 and np.abs(down).max() < 0.1
    else:
        for shift in (right - 20, down):
            assert 3.5 < shift.max() < 4.2 and -4.2 < shift.min() < -3.5
