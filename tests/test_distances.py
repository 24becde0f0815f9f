"""Distances of sets against SciPy, direct loops, closed forms; streams against whole sets."""

import itertools

import keras
import numpy as np
import pytest
import scipy.linalg

from vae_keras import distances


@pytest.fixture
def sets():
    generator = np.random.default_rng()  # new numbers every time
    shape = generator.normal(size=(6, 6))
    return generator.normal(size=(400, 6)) @ shape + 30, generator.normal(size=(300, 6)) * 2 + 29


def test_frechet_of_random_covariances_is_scipys():
    generator = np.random.default_rng()
    for width in (1, 3, 20):
        roots = generator.normal(size=(2, width, 2 * width))
        first, second = roots @ roots.transpose(0, 2, 1)
        means = generator.normal(size=(2, width))
        product = scipy.linalg.sqrtm(first @ second).real
        expected = np.square(means[0] - means[1]).sum() + np.trace(first + second - 2 * product)
        found = distances.frechet_of_moments(means[0], first, means[1], second)
        assert float(found) == pytest.approx(expected, rel=1e-6)


def test_frechet_of_two_normal_distributions_is_the_closed_form():
    found = distances.frechet_of_moments(np.zeros(3), np.eye(3), np.full(3, 2.0), 9 * np.eye(3))
    assert float(found) == pytest.approx(3 * 4 + 3 * (3 - 1) ** 2)


def test_frechet_streams(sets):
    metric = distances.FrechetDistance(6)
    assert np.isnan(float(metric.result()))
    for parts in zip(np.array_split(sets[0], 7), np.array_split(sets[1], 7)):
        metric.update_state(*parts)
    np.testing.assert_allclose(metric.scatters[0] / 399, np.cov(sets[0], rowvar=False), rtol=1e-9)
    assert float(metric.result()) == pytest.approx(distances.frechet(*sets), rel=1e-9)
    metric.reset_state()
    metric.update_state(sets[0], sets[0])
    assert float(metric.result()) == pytest.approx(0, abs=1e-8)
    assert distances.FrechetDistance.from_config(metric.get_config()).width == 6


def test_kernel_distance_is_the_double_loop(sets):
    x, y = sets[0][:20], sets[1][:15]

    def kernel(a, b):
        return (a @ b / 6 + 1) ** 3

    within = [np.mean([kernel(a, b) for a, b in itertools.permutations(some, 2)]) for some in (x, y)]
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert float(distances.squared_mmd(x, y)) == pytest.approx(sum(within) - 2 * across, rel=1e-9)


def test_kernel_distance_is_unbiased_and_knows_its_error(sets):
    generator = np.random.default_rng()
    values, errors = zip(
        *(distances.kernel_distance(*generator.normal(size=(2, 1000, 4)), block=50) for _ in range(30))
    )
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(30)  # equal distributions: zero on average
    assert 0.5 < np.mean(errors) / np.std(values) < 2
    value, error = distances.kernel_distance(*sets, block=100)
    blocks = distances.KernelDistance()
    blocks.update_state(sets[0][:100], sets[1][:100])
    assert np.isnan(float(blocks.standard_error())) and value > 2 * error


def test_metrics_run_inside_a_compiled_step(sets):
    import tensorflow as tf

    frechet, kernel = distances.FrechetDistance(6), distances.KernelDistance()

    @tf.function
    def step(x, y):
        frechet.update_state(x, y)
        kernel.update_state(x, y)
        return frechet.result(), kernel.result()

    for start in (0, 150):
        found = step(*(tf.constant(some[start : start + 150]) for some in sets))
    assert float(found[0]) == pytest.approx(distances.frechet(sets[0][:300], sets[1]), rel=1e-9)
    assert isinstance(kernel, keras.metrics.Metric)


def test_diversity_of_two_points_and_of_a_collapsed_set():
    assert distances.diversity(np.array([[0.0, 0.0], [3.0, 4.0]])) == 5
    assert distances.diversity(np.zeros((10, 3))) == 0
    with pytest.raises(ValueError, match="at least 2"):
        distances.diversity(np.zeros((1, 3)))


def test_density_and_coverage_tell_sameness_from_likeness():
    generator = np.random.default_rng()
    real, alike = generator.normal(size=(2, 600, 5))
    density, coverage = distances.density_and_coverage(real, alike)
    assert density == pytest.approx(1, abs=0.2) and coverage == pytest.approx(1 - 2**-5, abs=0.05)
    assert distances.density_and_coverage(real, 0.05 * alike)[1] < 0.2  # all in the middle
    assert distances.density_and_coverage(real, alike + 50) == (0, 0)
    with pytest.raises(ValueError, match="more than 5 real"):
        distances.density_and_coverage(real[:5], alike)


def test_inception_sees_pictures_and_says_when_it_cannot_be_had(monkeypatch):
    network = keras.Sequential([keras.Input((299, 299, 3)), keras.layers.GlobalAveragePooling2D()])
    images = np.stack([np.zeros((8, 8, 3), "uint8"), np.full((8, 8, 3), 255, "uint8")])
    found = distances.inception_features(images, batch_size=1, network=network)
    np.testing.assert_allclose(found, [[-1] * 3, [1] * 3], atol=1e-6)

    def offline(**options):
        raise RuntimeError("URL fetch failure")

    monkeypatch.setattr(keras.applications, "InceptionV3", offline)
    with pytest.raises(OSError, match="course's own judge"):
        distances.inception_features(images)
