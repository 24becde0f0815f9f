"""The fused batch normalization against Keras' own layer: outputs, gradients and states."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vae_keras import layers
from vae_keras.model import VAE

THEIRS, OURS = keras.layers.BatchNormalization, layers.BatchNormalization


@pytest.fixture(autouse=True)
def float32():
    yield
    keras.config.set_dtype_policy("float32")


def batches(count=20, dtype="float32"):
    generator = np.random.default_rng(3)
    return (generator.normal(1.5, 2.0, (count, 8, 4, 4, 6)) * [1, 2, 3, 4, 5, 6]).astype(dtype)


def trained(kind, **options):
    """A layer after 20 steps of SGD, and the outputs and gradients of each step."""
    layer = kind(**options)
    layer.build((None, 4, 4, 6))
    optimizer, seen = keras.optimizers.SGD(0.05), []
    for batch in batches():
        with tf.GradientTape() as tape:
            outputs = layer(batch, training=True)
            loss = tf.reduce_mean(tf.cast(outputs, "float32") ** 3)
        gradients = tape.gradient(loss, layer.trainable_weights)
        optimizer.apply(gradients, layer.trainable_weights)
        seen += [outputs, *gradients]
    return layer, [np.asarray(value, "float32") for value in seen]


@pytest.mark.parametrize("momentum", [0.9, 0.99])
def test_twenty_steps_are_those_of_keras(momentum):
    (ours, our_values), (theirs, their_values) = (
        trained(OURS, momentum=momentum),
        trained(THEIRS, momentum=momentum),
    )
    for one, other in zip(our_values, their_values, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=one.path)
    assert not np.allclose(ours.moving_mean, 0) and not np.allclose(ours.moving_variance, 1)


@pytest.mark.parametrize("options", [dict(scale=False), dict(center=False), dict(axis=1)])
def test_what_the_kernel_does_not_know_is_left_to_keras(options):
    batch = batches(1)[0]
    for training in (True, False):
        ours, theirs = OURS(**options), THEIRS(**options)
        np.testing.assert_allclose(
            ours(batch, training=training), theirs(batch, training=training), rtol=1e-4
        )
    flat = np.random.default_rng(0).normal(size=(8, 5)).astype("float32")
    np.testing.assert_allclose(OURS()(flat, training=True), THEIRS()(flat, training=True), rtol=1e-5)


def test_without_the_kernel_it_is_keras_layer(monkeypatch):
    monkeypatch.setattr(layers, "_fused_kernel", lambda: None)
    (ours, _), (theirs, _) = trained(OURS), trained(THEIRS)
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_frozen_layer_leaves_its_states_alone():
    layer = OURS()
    layer.build((None, 4, 4, 6))
    layer.trainable = False
    batch = batches(1)[0]
    np.testing.assert_allclose(layer(batch, training=True), layer(batch, training=False))
    assert np.all(np.array(layer.moving_mean) == 0) and np.all(np.array(layer.moving_variance) == 1)


def test_mixed_precision_keeps_float32_states():
    layer = OURS(dtype="mixed_bfloat16")
    outputs = layer(tf.cast(batches(1)[0], "bfloat16"), training=True)
    assert outputs.dtype == "bfloat16" and layer.moving_variance.dtype == "float32"
    plain = THEIRS()
    expected = plain(batches(1)[0], training=True)
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, atol=0.05)
    np.testing.assert_allclose(layer.moving_variance, plain.moving_variance, rtol=0.02)


def test_the_networks_remember_with_a_momentum_of_nine_tenths():
    vae = VAE(image_size=16, latent_dim=2, filters=(4, 8))
    normalizations = [
        layer for half in (vae.encoder, vae.decoder) for layer in half.layers if isinstance(layer, OURS)
    ]
    assert len(normalizations) == 4 and {layer.momentum for layer in normalizations} == {0.9}
    images = np.random.default_rng(0).random((32, 16, 16, 3)).astype("float32")
    first = vae.encoder.layers[1](images)
    vae.encoder(images, training=True)
    expected = 0.9 + 0.1 * np.var(first, axis=(0, 1, 2))
    np.testing.assert_allclose(normalizations[0].moving_variance, expected, rtol=1e-3)
