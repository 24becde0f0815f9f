"""Codes, priors, paths and directions against closed forms."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest

from vae_keras import latent


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class LinearVae:
    """Encodes a 4x4 picture as its first two values, decodes a code as two constant halves."""

    network = {"image_size": 4, "latent_dim": 2}

    def encode(self, images):
        import tensorflow as tf

        flat = tf.reshape(images, [tf.shape(images)[0], -1])
        return flat[:, :2], tf.zeros_like(flat[:, :2])

    def decode(self, z):
        import tensorflow as tf

        return tf.reshape(tf.repeat(z, 24, axis=1), [-1, 4, 4, 3])


def planted(rng, count=2000, width=6):
    """Codes with deviations from 0.1 to 3 and two correlated attributes on known axes."""
    labels = pd.DataFrame({"Smiling": rng.random(count) < 0.3})
    labels["Male"] = np.where(labels["Smiling"], rng.random(count) < 0.8, rng.random(count) < 0.2)
    scale = np.geomspace(0.1, 3, width)
    x = rng.standard_normal((count, width))
    x[:, 1] += 4 * labels["Smiling"]
    x[:, 4] += 4 * labels["Male"]
    return (x * scale).astype("float32"), labels, scale


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


def test_decode_clips_and_rounds():
    images = latent.decode(LinearVae(), [[-1.0, 2.0], [0.5, 0.25]])
    assert set(np.unique(images)) == {0, 255, 128, 64}


def test_settling_decodes_and_encodes_again():
    """`LinearVae` forgets the second number, and bytes hold nothing beyond 0 and 1."""
    z = [[0.2, 0.9], [3.0, -1.0], [-0.5, 0.4]]
    once = latent.settle(LinearVae(), z, batch_size=2)
    np.testing.assert_allclose(once, [[0.2, 0.2], [1, 1], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(latent.settle(LinearVae(), z, passes=3), once, atol=1e-6)
    np.testing.assert_array_equal(latent.settle(LinearVae(), z, passes=0), np.float32(z))
    with pytest.raises(ValueError, match=r"array \[n, 2\]"):
        latent.settle(LinearVae(), np.zeros((2, 3)))


def test_encode_follows_the_weights_of_a_model():
    keras = pytest.importorskip("keras")
    network = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])

    class Small(LinearVae):
        def encode(self, images):
            return network(images), network(images)

    vae, images = Small(), np.ones((3, 4, 4, 3), "uint8")
    before = latent.encode(vae, images)[0]
    network.layers[-1].set_weights([2 * weight for weight in network.layers[-1].get_weights()])
    np.testing.assert_allclose(latent.encode(vae, images)[0], 2 * before, rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4, 3), (2, 4, 5, 3), (2, 4, 4), (0, 4, 4, 3)])
def test_wrong_shapes_are_refused_in_a_sentence(shape):
    with pytest.raises(ValueError, match="takes pictures as|nothing to encode"):
        latent.encode(LinearVae(), np.zeros(shape, "uint8"))


def test_pictures_of_other_ranges_are_refused_and_lists_taken():
    vae = LinearVae()
    for value, shown in {255.0: "255", -1.0: "-1", np.nan: "nan"}.items():
        with pytest.raises(ValueError, match=rf"or in \[0, 1\]; these are in \[{shown}, {shown}\]: scale"):
            latent.encode(vae, np.full((2, 4, 4, 3), value))
    images = np.arange(96, dtype="uint8").reshape(2, 4, 4, 3)
    assert np.array_equal(latent.encode(vae, list(images))[0], latent.encode(vae, images)[0])


def test_mixture_recovers_known_gaussians(rng):
    means = np.array([[0.0, 0.0, 0.0], [60.0, 3.0, 0.0]])
    factors = np.array([np.diag([5.0, 1.0, 0.01]), [[2.0, 0, 0], [1.0, 0.5, 0], [0, 0, 0.03]]])
    member = (rng.random(6000) < 0.25).astype(int)
    z = means[member] + np.einsum("nij,nj->ni", factors[member], rng.standard_normal((6000, 3)))
    prior = latent.fit_prior(z, components=2)
    order = np.argsort(prior.weights)[::-1]
    np.testing.assert_allclose(prior.weights[order], [0.75, 0.25], atol=0.02)
    np.testing.assert_allclose(prior.means[order], means, atol=0.3)
    for found, factor in zip(prior.factors[order], factors):
        assert np.allclose(found, np.tril(found), atol=1e-9)
        np.testing.assert_allclose(
            np.sqrt(np.diag(found @ found.T)), np.sqrt(np.diag(factor @ factor.T)), rtol=0.15
        )


def test_samples_have_the_moments_of_the_codes(rng):
    z = rng.standard_normal((4000, 8)) * np.geomspace(0.05, 20, 8) + 5
    prior = latent.fit_prior(z, components=4)
    drawn = prior.sample(20_000, seed=1)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.std(axis=0), z.std(axis=0), rtol=0.05)
    np.testing.assert_allclose(drawn.mean(axis=0), z.mean(axis=0), atol=0.05 * z.std(axis=0).max())
    np.testing.assert_allclose(prior.sample(5, seed=1), drawn[:5], rtol=1e-4)
    assert not np.allclose(prior.sample(5, seed=2), drawn[:5])


def test_temperature_scales_the_deviation_from_the_means(rng):
    prior = latent.Prior(np.ones(1), np.full((1, 3), 2.0), np.eye(3)[None])
    warm, cool = prior.sample(10), prior.sample(10, temperature=0.5)
    np.testing.assert_allclose(cool - 2, 0.5 * (warm - 2), atol=1e-6)
    np.testing.assert_allclose(prior.sample(4, temperature=0), 2.0)
    for wrong in ({"count": -1}, {"count": 1, "temperature": -1.0}):
        with pytest.raises(ValueError, match="negative"):
            prior.sample(**wrong)


@pytest.mark.parametrize("count", [2, 40])
def test_few_codes_give_one_gaussian(rng, count):
    prior = latent.fit_prior(rng.standard_normal((count, 128)), components=10)
    assert prior.weights.shape == (1,)
    drawn = prior.sample(50)
    assert np.isfinite(drawn).all() and 0.3 < drawn.std() < 3
    with pytest.raises(ValueError, match="at least 2 codes"):
        latent.fit_prior(np.zeros((1, 4)))


def test_constant_codes_give_a_prior():
    np.testing.assert_allclose(latent.fit_prior(np.ones((50, 4))).sample(5), 1, atol=1e-4)
    assert np.isfinite(latent.fit_prior(np.ones((500, 4))).sample(5)).all()
    with pytest.raises(ValueError, match="diverged"):
        latent.fit_prior(np.full((50, 4), np.nan))


def test_prior_survives_a_file(rng, tmp_path):
    prior = latent.fit_prior(rng.standard_normal((500, 4)), components=3)
    np.savez_compressed(tmp_path / "latent.npz", other=np.zeros(3), **prior.to_arrays())
    with np.load(tmp_path / "latent.npz") as arrays:
        loaded = latent.Prior.from_arrays(arrays)
        assert arrays["prior_factors"].dtype == np.float32
    np.testing.assert_allclose(loaded.sample(9, seed=3), prior.sample(9, seed=3), atol=1e-5)


def test_interpolation_keeps_ends_and_turns_evenly():
    start, end = np.array([3.0, 0, 0]), np.array([0, 4.0, 0])
    for spherical in (False, True):
        path = latent.interpolate(start, end, 5, spherical)
        assert path.shape == (5, 3)
        np.testing.assert_allclose(path[[0, -1]], [start, end], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), [3, 3.25, 3.5, 3.75, 4], rtol=1e-6)
    angles = np.degrees(np.arctan2(path[:, 1], path[:, 0]))
    np.testing.assert_allclose(angles, [0, 22.5, 45, 67.5, 90], atol=1e-4)
    np.testing.assert_allclose(latent.interpolate(start, end, 5)[2], [1.5, 2, 0])


@pytest.mark.parametrize("end", [[2.0, 0], [-2.0, 0], [0.0, 0]])
def test_spherical_path_on_one_line_is_straight(end):
    path = latent.interpolate([1.0, 0], end, 3, spherical=True)
    np.testing.assert_allclose(path, latent.interpolate([1.0, 0], end, 3))


def test_traverse_changes_one_dimension():
    copies = latent.traverse(np.arange(4.0), 2, [-3, 0, 3])
    np.testing.assert_array_equal(copies[:, 2], [-3, 0, 3])
    np.testing.assert_array_equal(np.delete(copies, 2, axis=1), np.tile([0, 1, 3], (3, 1)))
    with pytest.raises(ValueError, match="0 to 3"):
        latent.traverse(np.zeros(4), 4, [0])


def test_direction_recovers_a_planted_axis(rng):
    z, labels, scale = planted(rng)
    found = latent.directions(z, labels, controls=list(labels))
    assert list(found.index) == ["Smiling", "Male"] and found.shape == (2, 6)
    for axis, shift in zip((1, 4), found.to_numpy()):
        standardised = shift / z.std(axis=0)
        assert abs(standardised[axis]) / np.linalg.norm(standardised) > 0.97
        np.testing.assert_allclose(shift[axis], 4 * scale[axis], rtol=0.15)


def test_means_drag_along_what_is_correlated(rng):
    z, labels, _ = planted(rng)
    means, regression = (latent.directions(z, labels, controls) for controls in ((), ["Smiling", "Male"]))
    leak = [
        abs(table.loc["Smiling", 4] / z[:, 4].std() / (table.loc["Smiling", 1] / z[:, 1].std()))
        for table in (means, regression)
    ]
    assert leak[1] < 0.25 < leak[0]
    for name, shift in means.iterrows():  # a closed form
        has = labels[name].to_numpy()
        np.testing.assert_allclose(shift, z[has].mean(axis=0) - z[~has].mean(axis=0), atol=1e-4)


def test_editing_back_and_forth(rng):
    z, direction = rng.standard_normal((3, 4)), np.arange(4.0)
    np.testing.assert_allclose(latent.edit(latent.edit(z, direction, 2), direction, -2), z, atol=1e-6)
    other = latent.random_direction(direction, seed=1)
    np.testing.assert_allclose(np.linalg.norm(other), np.linalg.norm(direction), rtol=1e-6)
    np.testing.assert_array_equal(other, latent.random_direction(direction, seed=1))


def test_arithmetic_lands_on_both(rng):
    z, labels, _ = planted(rng)
    both = z[(labels["Smiling"] & labels["Male"]).to_numpy()].mean(axis=0)
    np.testing.assert_allclose(latent.arithmetic(z, labels, "Smiling", "Male"), both, atol=0.4)
    with pytest.raises(ValueError, match="did you mean Smiling"):
        latent.arithmetic(z, labels, "Smilling", "Male")
    with pytest.raises(ValueError, match="shows Male without Smiling"):
        latent.arithmetic(
            z[:2], pd.DataFrame({"Smiling": [True, False], "Male": [False, False]}), "Smiling", "Male"
        )


def test_statistics_equal_the_closed_form(rng):
    z_mean = rng.standard_normal((500, 3)) * [1.0, 0.05, 2.0]
    log_variance = np.broadcast_to(np.log([0.25, 1.0, 0.5]), z_mean.shape)
    table = latent.statistics(z_mean, log_variance)
    assert table["active"].tolist() == [True, False, True]
    expected = 0.5 * ((z_mean**2).mean(axis=0) + [0.25, 1, 0.5] - np.log([0.25, 1, 0.5]) - 1)
    np.testing.assert_allclose(table["kl"], expected)
    np.testing.assert_allclose(table["noise"], np.sqrt([0.25, 1, 0.5]))
    assert latent.statistics(np.zeros((5, 2)), np.zeros((5, 2)))["kl"].eq(0).all()


def test_probe_reads_what_was_planted(rng):
    z, labels, _ = planted(rng)
    labels["Noise"] = rng.random(len(z)) < 0.5
    areas = latent.probe(z[:1500], labels[:1500], z[1500:], labels[1500:])
    # Two unit Gaussians 4 apart have an area of Phi(4 / sqrt(2)) = 0.9977.
    np.testing.assert_allclose(areas[["Smiling", "Male"]], 0.9977, atol=0.005)
    assert abs(areas["Noise"] - 0.5) < 0.1
    assert np.isnan(latent.probe(z, labels[["Male"]], z[:1], labels[:1])["Male"])


def test_models_are_not_kept_alive():
    model = LinearVae()
    latent.encode(model, latent.decode(model, [[0.5, 0.25]]))
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_misuse_of_labels_is_explained(rng, monkeypatch):
    z, labels, _ = planted(rng, 50)
    alike = labels.assign(Bald=False)
    with monkeypatch.context() as patch:  # the one bald picture is not among those that are enough
        patch.setattr(latent, "subset", lambda rows, seed: rows[:-1])
        some = labels.assign(Bald=np.arange(50) == 49)
        with pytest.raises(ValueError, match="alike in 'Bald'"):
            latent.probe(z, some, z, some)
    with pytest.raises(ValueError, match="alike in 'Bald'"):
        latent.directions(z, alike)
    with pytest.raises(ValueError, match="alike in 'Bald'"):
        latent.probe(z, alike, z, alike)
    assert list(latent.usable(alike)) == ["Smiling", "Male"]
    with pytest.raises(ValueError, match="one row for each code"):
        latent.directions(z[:-1], labels)
