"""Distances of sets against SciPy, direct loops, closed forms; streams against whole sets."""

import itertools

import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from vae_keras.evaluation import distances


@pytest.fixture
def sets():
    generator = np.random.default_rng()  # new numbers every time
    shape = generator.normal(size=(6, 6))
    return generator.normal(size=(400, 6)) @ shape + 30, generator.normal(size=(300, 6)) * 2 + 29


def scipys(mean, covariance, other_mean, other_covariance):
    root = scipy.linalg.sqrtm(covariance @ other_covariance).real
    return np.square(mean - other_mean).sum() + np.trace(covariance + other_covariance - 2 * root)


@pytest.mark.parametrize("width", [1, 3, 20])
def test_frechet_of_random_covariances_is_scipys(width):
    generator = np.random.default_rng()
    roots = generator.normal(size=(2, width, 2 * width))
    first, second = roots @ roots.transpose(0, 2, 1)
    means = generator.normal(size=(2, width))
    found = distances.frechet_of_moments(means[0], first, means[1], second)
    assert float(found) == pytest.approx(scipys(means[0], first, means[1], second), rel=1e-6)


def test_frechet_of_two_sets_is_scipys(sets):
    moments = [part for some in sets for part in (some.mean(axis=0), np.cov(some, rowvar=False))]
    assert distances.frechet_distance(*sets) == pytest.approx(scipys(*moments), rel=1e-6)


def test_frechet_of_two_normal_distributions_is_the_closed_form():
    found = distances.frechet_of_moments(np.zeros(3), np.eye(3), np.full(3, 2.0), 9 * np.eye(3))
    assert float(found) == pytest.approx(3 * 4 + 3 * (3 - 1) ** 2)


def test_frechet_of_shifted_and_scaled_sets_is_the_closed_form():
    features = np.random.default_rng().standard_normal((500, 3))
    assert distances.frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert distances.frechet_distance(features, features + [1, 2, 0]) == pytest.approx(5)
    # Scaling by s changes the deviation of every axis from d to s*d: the distance is the sum of (d - s*d)².
    centred = features - features.mean(axis=0)
    expected = 4 * np.trace(np.cov(centred, rowvar=False))
    assert distances.frechet_distance(centred, 3 * centred) == pytest.approx(expected)
    two, others = np.array([[0.0], [2.0]]), np.array([[0.0], [4.0]])
    assert distances.frechet_distance(two, others) == pytest.approx(1 + 2)


def test_frechet_needs_two_of_each():
    with pytest.raises(ValueError, match="two pictures on each side, not 1 and 5"):
        distances.frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))


def test_the_metric_survives_its_configuration(sets):
    metric = distances.KernelDistance(name="kid")
    again = type(metric).from_config(metric.get_config())
    assert again.get_config() == metric.get_config() and again.name == "kid"
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(restored) is type(metric)
    for each in (metric, again, restored):
        each.update_state(*sets)
    assert float(again.result()) == float(restored.result()) == float(metric.result()) > 0


def test_kernel_distance_is_the_double_loop(sets):
    x, y = sets[0][:20], sets[1][:15]

    def kernel(a, b):
        return (a @ b / 6 + 1) ** 3

    within = [np.mean([kernel(a, b) for a, b in itertools.permutations(some, 2)]) for some in (x, y)]
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert float(distances.squared_mmd(x, y)) == pytest.approx(sum(within) - 2 * across, rel=1e-9)


def test_kernel_distance_is_unbiased_and_knows_its_error(sets):
    generator = np.random.default_rng()
    pairs = generator.normal(size=(24, 2, 500, 4))  # equal distributions: zero on average
    found = np.array([distances.kernel_distance(*pair, block=50) for pair in pairs])
    values, errors = found.T
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(24)
    assert 0.5 < errors.mean() / values.std() < 2
    value, error = distances.kernel_distance(*sets, block=100)
    assert value > 2 * error > 0


def test_kernel_distance_of_one_block_has_no_error(sets):
    value, error = distances.kernel_distance(sets[0][:100], sets[1][:100])
    assert value == pytest.approx(float(distances.squared_mmd(sets[0][:100], sets[1][:100])), rel=1e-9)
    assert np.isnan(error)
    with pytest.raises(ValueError, match="two pictures on each side, not 1"):
        distances.kernel_distance(sets[0][:1], sets[1])


def test_the_metric_runs_inside_a_compiled_step(sets):
    metric = distances.KernelDistance()

    @tf.function
    def step(x, y):
        metric.update_state(x, y)
        return metric.result()

    for rows in (slice(150), slice(150, 300)):
        found = step(*(tf.constant(features[rows]) for features in sets))
    blocks = [
        distances.squared_mmd(*(features[rows] for features in sets))
        for rows in (slice(150), slice(150, 300))
    ]
    assert float(found) == pytest.approx(float(sum(blocks)) / 2, rel=1e-9)


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
    with pytest.raises(ValueError, match="and others"):
        distances.density_and_coverage(real, alike[:0])


def test_density_and_coverage_counted_by_hand():
    """Balls of radius 1 around 0, 1, 2 and of radius 8 around 10."""
    real = np.array([[0.0], [1.0], [2.0], [10.0]])
    density, coverage = distances.density_and_coverage(real, np.array([[0.5], [17.0]]), neighbours=1)
    assert density == (2 + 1) / 2 and coverage == 3 / 4
