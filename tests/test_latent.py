"""Codes of pictures, paths between codes and statistics, against closed forms."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from vae_keras import latent
from vae_keras.model import VAE


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class LinearVae:
    """Encodes a 4x4 picture as its first two values, decodes a code as two constant halves."""

    image_size = 4
    latent_dim = 2

    def encode(self, images):
        flat = tf.reshape(images, [tf.shape(images)[0], -1])
        return flat[:, :2], tf.zeros_like(flat[:, :2])

    def decode(self, z):
        return tf.reshape(tf.repeat(z, 24, axis=1), [-1, 4, 4, 3])


@pytest.mark.parametrize("count", [1, 8, 37])
def test_encode_and_decode_do_not_depend_on_batches(rng, count):
    images = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    z_mean, z_log_variance = latent.encode(LinearVae(), images, batch_size=16)
    np.testing.assert_allclose(z_mean, images.reshape(count, -1)[:, :2] / 255, atol=1e-6)
    assert z_mean.shape == z_log_variance.shape == (count, 2)
    as_float = latent.encode(LinearVae(), images / 255.0)[0]
    np.testing.assert_allclose(as_float, z_mean, atol=1e-6)
    rebuilt = latent.reconstruct(LinearVae(), images, batch_size=16)
    assert rebuilt.dtype == np.uint8 and rebuilt.shape == images.shape
    np.testing.assert_array_equal(rebuilt[:, 0, 0, 0], images[:, 0, 0, 0])


def test_it_gives_what_the_models_own_methods_give(rng):
    vae = VAE(image_size=8, latent_dim=3, filters=[4])
    images = rng.random((5, 8, 8, 3), dtype="float32")
    z_mean, z_log_variance = latent.encode(vae, images, batch_size=2)
    expected = [np.asarray(part) for part in vae.encode(images)]
    np.testing.assert_allclose(z_mean, expected[0], atol=1e-5)
    np.testing.assert_allclose(z_log_variance, expected[1], atol=1e-5)
    decoded = np.asarray(vae.decode(z_mean))
    assert np.abs(latent.decode(vae, z_mean, batch_size=2) - 255 * decoded).max() <= 0.51


def test_a_memory_map_is_encoded(rng, tmp_path):
    images = rng.integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "faces.npy", images)
    mapped = np.load(tmp_path / "faces.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        latent.encode(LinearVae(), mapped, 4), latent.encode(LinearVae(), images, 4)
    )


def test_decode_clips_and_rounds():
    images = latent.decode(LinearVae(), [[-1.0, 2.0], [0.5, 0.25]])
    assert set(np.unique(images)) == {0, 255, 128, 64}


def test_encode_follows_the_weights_of_a_model():
    network = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])

    class Small(LinearVae):
        def encode(self, images):
            return network(images), network(images)

    vae, images = Small(), np.ones((3, 4, 4, 3), "uint8")
    before = latent.encode(vae, images)[0]
    network.layers[-1].set_weights([2 * weight for weight in network.layers[-1].get_weights()])
    np.testing.assert_allclose(latent.encode(vae, images)[0], 2 * before, rtol=1e-5)


def test_a_graph_is_made_once_for_each_kind_of_input():
    traced = []

    class Counting(LinearVae):
        def decode(self, z):
            traced.append("decode")
            return super().decode(z)

    vae, other = Counting(), Counting()
    for count in (1, 3, 2):
        latent.decode(vae, np.zeros((count, 2)), batch_size=2)
    assert traced == ["decode"]
    latent.decode(other, np.zeros((1, 2)))
    assert traced == ["decode"] * 2, "every model has its own"


@pytest.mark.parametrize("shape", [(4, 4, 3), (2, 4, 5, 3), (2, 4, 4), (0, 4, 4, 3)])
def test_pictures_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"takes pictures as \[n, 4, 4, 3\]|nothing to encode"):
        latent.encode(LinearVae(), np.zeros(shape, "uint8"))


@pytest.mark.parametrize("shape", [(2,), (2, 3), (0, 2)])
def test_codes_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"takes codes as \[n, 2\]|nothing to encode"):
        latent.decode(LinearVae(), np.zeros(shape))


@pytest.mark.parametrize("value", [255.0, -1.0, np.nan])
def test_floats_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match=r"in \[0, 1\]; these are in"):
        latent.encode(LinearVae(), np.full((2, 4, 4, 3), value))


def test_whole_numbers_are_bytes_or_refused():
    images = np.arange(96, dtype="uint8").reshape(2, 4, 4, 3)
    with pytest.raises(ValueError, match="these are int64: divide bytes by 255"):
        latent.encode(LinearVae(), images.astype("int64"))
    listed = latent.encode(LinearVae(), list(images))[0]
    assert np.array_equal(listed, latent.encode(LinearVae(), images)[0])


def test_what_resizing_overshoots_is_taken():
    images = np.full((1, 4, 4, 3), 1.05, "float32")
    np.testing.assert_allclose(latent.encode(LinearVae(), images)[0], 1.05)


def test_models_are_not_kept_alive():
    model = LinearVae()
    latent.encode(model, latent.decode(model, [[0.5, 0.25]]))
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_a_subset_is_drawn_by_the_seed_and_keeps_the_order(monkeypatch):
    rows = np.arange(100)
    assert latent.subset(rows, 0) is rows
    monkeypatch.setattr(latent, "ENOUGH_CODES", 30)
    found = latent.subset(rows, 1)
    assert len(found) == len(set(found)) == 30 and (np.diff(found) > 0).all()
    np.testing.assert_array_equal(found, latent.subset(rows, 1))
    assert not np.array_equal(found, latent.subset(rows, 2))


def test_interpolation_keeps_ends_and_turns_evenly():
    start, end = np.array([3.0, 0, 0]), np.array([0, 4.0, 0])
    for spherical in (False, True):
        path = latent.interpolate(start, end, 5, spherical)
        assert path.shape == (5, 3) and path.dtype == np.float32
        np.testing.assert_allclose(path[[0, -1]], [start, end], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), [3, 3.25, 3.5, 3.75, 4], rtol=1e-6)
    angles = np.degrees(np.arctan2(path[:, 1], path[:, 0]))
    np.testing.assert_allclose(angles, [0, 22.5, 45, 67.5, 90], atol=1e-4)
    np.testing.assert_allclose(latent.interpolate(start, end, 5)[2], [1.5, 2, 0])


@pytest.mark.parametrize("spherical", [False, True])
def test_interpolation_ends_at_random_codes(spherical):
    start, end = np.random.default_rng().normal(size=(2, 20))  # new numbers every time
    path = latent.interpolate(start, end, 7, spherical)
    np.testing.assert_allclose(path[[0, -1]], [start, end], rtol=1e-5, atol=1e-6)
    back = latent.interpolate(end, start, 7, spherical)
    np.testing.assert_allclose(path, back[::-1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("end", [[2.0, 0], [-2.0, 0], [0.0, 0]])
def test_spherical_path_on_one_line_is_straight(end):
    path = latent.interpolate([1.0, 0], end, 3, spherical=True)
    np.testing.assert_allclose(path, latent.interpolate([1.0, 0], end, 3))


def test_traverse_changes_one_dimension():
    copies = latent.traverse(np.arange(4.0), 2, [-3, 0, 3])
    np.testing.assert_array_equal(copies[:, 2], [-3, 0, 3])
    np.testing.assert_array_equal(np.delete(copies, 2, axis=1), np.tile([0, 1, 3], (3, 1)))
    for wrong in (4, -1):
        with pytest.raises(ValueError, match="0 to 3"):
            latent.traverse(np.zeros(4), wrong, [0])


def test_statistics_equal_the_closed_form(rng):
    z_mean = rng.standard_normal((500, 3)) * [1.0, 0.05, 2.0]
    log_variance = np.broadcast_to(np.log([0.25, 1.0, 0.5]), z_mean.shape)
    table = latent.statistics(z_mean, log_variance)
    assert table["active"].tolist() == [True, False, True] and table.index.name == "dimension"
    expected = 0.5 * ((z_mean**2).mean(axis=0) + [0.25, 1, 0.5] - np.log([0.25, 1, 0.5]) - 1)
    np.testing.assert_allclose(table["kl"], expected)
    np.testing.assert_allclose(table["noise"], np.sqrt([0.25, 1, 0.5]))
    np.testing.assert_allclose(table["mean"], z_mean.mean(axis=0))
    np.testing.assert_allclose(table["standard_deviation"], z_mean.std(axis=0))
    assert latent.statistics(np.zeros((5, 2)), np.zeros((5, 2)))["kl"].eq(0).all()


def test_a_dimension_is_active_above_a_variance_of_a_hundredth():
    signs = np.array([-1.0, 1.0] * 10)[:, None]
    z_mean = signs * np.sqrt([0.009, 0.011, 0.05])
    assert latent.statistics(z_mean, np.zeros_like(z_mean))["active"].tolist() == [False, True, True]
