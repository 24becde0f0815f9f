"""The optimizers against Keras' own, closed forms and NumPy; rates and names."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vae_keras import optimizers


@pytest.mark.parametrize("jit", [False, True])
def test_the_fused_adam_takes_the_steps_of_keras(jit):
    generator, ends = np.random.default_rng(5), []
    gradients = generator.normal(size=(12, 3, 40)).astype("float32")
    for kind in (keras.optimizers.Adam, optimizers.Adam):
        weights = keras.Variable(np.linspace(-1, 1, 120, dtype="float32").reshape(3, 40))
        optimizer = kind(keras.optimizers.schedules.CosineDecay(1e-2, 20), epsilon=1e-5, clipnorm=5.0)
        optimizer.build([weights])
        step = tf.function(optimizer.apply, jit_compile=jit)
        for gradient in gradients:
            step([tf.constant(gradient)])
        ends.append([np.asarray(value) for value in (weights, *optimizer.variables)])
    for ours, theirs in zip(*ends, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (30, 30)])
def test_orthogonal_keeps_the_singular_vectors_and_evens_the_values(shape):
    generator = np.random.default_rng()
    left, values, right = np.linalg.svd(generator.normal(size=shape), full_matrices=False)
    values = 1000 * np.geomspace(1, 0.01, len(values))  # whatever the scale
    made = np.asarray(optimizers.orthogonalize(tf.constant((left * values) @ right, "float32")))
    evened = left.T @ made @ right.T
    np.testing.assert_allclose(evened, np.diag(np.diag(evened)), atol=0.01)
    assert np.diag(evened).min() > 0.6 and np.diag(evened).max() < 1.25


@pytest.mark.parametrize("jit", [False, True])
def test_muon_moves_kernels_as_a_whole_and_vectors_as_adam_does(jit):
    """Steps of a kernel, as a matrix, are as large in each direction; those of Adam follow the gradient."""
    generator, rate = np.random.default_rng(5), 0.01
    shapes = [(3, 3, 4, 16), (6,)]
    gradients = [tf.constant(generator.normal(size=shape), "float32") for shape in shapes]
    ends = {}
    for kind in (optimizers.Muon, optimizers.Adam):
        weights = [keras.Variable(np.zeros(shape, "float32")) for shape in shapes]
        optimizer = kind(rate)
        optimizer.build(weights)
        tf.function(optimizer.apply, jit_compile=jit)(gradients)
        ends[kind] = [np.asarray(weight) for weight in weights]
    np.testing.assert_array_equal(ends[optimizers.Muon][1], ends[optimizers.Adam][1])
    values = np.linalg.svd(ends[optimizers.Muon][0].reshape(36, 16), compute_uv=False) / rate
    assert np.all((values > 0.2 * 6 * 0.6) & (values < 0.2 * 6 * 1.25))  # 0.2 times the root of 36
    assert np.sum(ends[optimizers.Muon][0] * gradients[0]) < 0


def test_muon_looks_ahead_along_its_momentum():
    """Two steps of one kernel: of 1.95 times the first gradient, then of the second and what is left of both."""
    first, second = np.random.default_rng().normal(size=(2, 3, 3, 4, 16)).astype("float32")
    weight, matrices = keras.Variable(np.zeros(first.shape, "float32")), []
    optimizer = optimizers.Muon(0.01)
    optimizer.build([weight])
    for gradient in (first, second):
        optimizer.apply([tf.constant(gradient)])
    for ahead in (1.95 * first, second + 0.95 * (0.95 * first + second)):
        matrices.append(np.asarray(optimizers.orthogonalize(tf.constant(ahead.reshape(36, 16)))))
    moved = np.asarray(weight).reshape(36, 16)
    np.testing.assert_allclose(moved, -0.01 * 0.2 * 6 * sum(matrices), rtol=1e-3, atol=1e-5)


def test_orthogonal_bears_the_rounding_of_a_gpu(monkeypatch):
    """TF32 rounds the factors of a product to 10 bits behind the point; most values of this matrix are tiny."""

    def rounded(x):
        bits = np.asarray(x, "float32").view("uint32")
        return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view("float32")

    matmul, generator = optimizers.ops.matmul, np.random.default_rng()
    left, _, right = np.linalg.svd(generator.normal(size=(576, 128)), full_matrices=False)
    matrix = np.float32(left * np.arange(1.0, 129.0) ** -1.5 @ right)
    monkeypatch.setattr(optimizers.ops, "matmul", lambda a, b: matmul(rounded(a), rounded(b)))
    values = np.linalg.svd(np.asarray(optimizers.orthogonalize(matrix)), compute_uv=False)
    assert values.max() < 1.3 and np.median(values) > 0.6


# Parity with Keras over 20 steps, states, fallbacks.


def states_after(kind, steps=20, shape=(5, 7), **options):
    """The weights and the states of an optimizer after some steps along the same gradients."""
    generator = np.random.default_rng(7)
    weight = keras.Variable(generator.normal(size=shape).astype("float32"))
    optimizer = kind(0.02, **options)
    optimizer.build([weight])
    for _ in range(steps):
        optimizer.apply([tf.constant(generator.normal(size=shape), "float32")])
    return [np.asarray(value) for value in (weight, *optimizer.variables)]


@pytest.mark.parametrize(
    "options", [{}, dict(beta_1=0.5, beta_2=0.99), dict(weight_decay=0.01), dict(amsgrad=True)]
)
def test_values_and_states_after_twenty_steps_are_those_of_keras(options):
    ours, theirs = states_after(optimizers.Adam, **options), states_after(keras.optimizers.Adam, **options)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_another_keras_without_private_names_is_served_by_its_own_adam(monkeypatch):
    expected = states_after(keras.optimizers.Adam)
    monkeypatch.delattr(tf.raw_ops, "ResourceApplyAdam")
    for one, other in zip(states_after(optimizers.Adam), expected):
        np.testing.assert_array_equal(one, other)


def test_another_keras_without_private_names_is_served_by_muon_as_well(monkeypatch):
    """Kernels alone: vectors go to Keras' Adam, which knows its own variables."""
    expected = states_after(optimizers.Muon)
    owner = next(kind for kind in optimizers.Muon.__mro__ if "_get_variable_index" in vars(kind))
    monkeypatch.delattr(owner, "_get_variable_index")
    for one, other in zip(states_after(optimizers.Muon), expected):
        np.testing.assert_array_equal(one, other)


def test_muon_keeps_second_moments_for_vectors_alone():
    variables = [
        keras.Variable(np.zeros(shape, "float32"), name=name)
        for shape, name in (((3, 3, 4, 8), "kernel"), ((8,), "bias"))
    ]
    optimizer = optimizers.Muon(0.01)
    optimizer.build(variables)
    kept = sum(int(np.prod(variable.shape)) for variable in optimizer.variables if len(variable.shape))
    assert kept == 3 * 3 * 4 * 8 + 8 + 8  # a momentum each, and one second moment
    optimizer.apply([tf.ones_like(variable) for variable in variables])
    again = optimizers.Muon.from_config(optimizer.get_config())
    again.build(variables)
    assert len(again.variables) == len(optimizer.variables)


def test_muon_tells_its_momentum():
    config = optimizers.Muon(0.01, momentum=0.8, beta_1=0.7).get_config()
    again = optimizers.Muon.from_config(config)
    assert again.momentum == 0.8 and again.beta_1 == 0.7


# Names and rates


def test_names_instances_and_rates():
    assert type(optimizers.get("Muon")) is optimizers.Muon
    assert type(optimizers.get("adam", 0.5)) is optimizers.Adam
    assert type(optimizers.get("sgd", 0.5)) is keras.optimizers.SGD
    assert float(optimizers.get("sgd", 0.5).learning_rate) == 0.5
    assert optimizers.default_rate("Muon") == optimizers.DEFAULT_RATES["muon"] == 8e-3
    assert optimizers.default_rate("sgd") == pytest.approx(0.01)  # that of Keras
    with pytest.raises(ValueError, match="no AMSGrad"):
        optimizers.Muon(amsgrad=True)
    own = keras.optimizers.RMSprop(0.25)
    assert optimizers.get(own) is own
    with pytest.raises(ValueError, match="the rate or the instance"):
        optimizers.get(own, 0.1)
    with pytest.raises(ValueError, match="no optimizer 'muo'; did you mean muon"):
        optimizers.get("muo")


def test_the_cosine_falls_from_the_rate_to_zero_over_whole_batches():
    schedule = optimizers.cosine_decay(0.4, epochs=3, batch_size=16, pictures=40)
    rates = np.array([float(schedule(step)) for step in range(7)])
    np.testing.assert_allclose(rates, 0.2 * (1 + np.cos(np.pi * np.arange(7) / 6)), atol=1e-6)
    few = optimizers.cosine_decay(0.4, epochs=3, batch_size=64, pictures=40)
    assert float(few(3)) < 1e-6 < float(few(2))
