"""Sharpening: it begins with the plain decoder's faces, leaves the encoder alone, resumes, and makes edges."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from vae_keras import cartoon, config, sharpen, training

SETTINGS = config.get_config(
    profile="quick", dataset="cartoon", image_size=16, latent_dim=8, precision="float32"
)


@pytest.fixture(scope="module")
def images():
    return cartoon.draw_faces(cartoon.sample_factors(320), 16)


@pytest.fixture(scope="module")
def vae(images):
    policy = keras.config.dtype_policy()
    vae = training.build_vae(SETTINGS)
    training.fit(vae, images, epochs=40, batch_size=20)
    keras.config.set_dtype_policy(policy)
    return vae


@pytest.fixture
def sharpener(vae):
    sharpener = sharpen.Sharpener(sharpen.with_details(vae))
    sharpener.compile(training.Adam(1e-3), training.Adam(1e-3))
    return sharpener


def copies(model):
    return [np.array(weight) for weight in model.get_weights()]


def test_details_begin_with_nothing(vae, images):
    sharper, some = sharpen.with_details(vae), np.float32(images[:8]) / 255
    np.testing.assert_allclose(sharper.reconstruct(some), vae.reconstruct(some), atol=1e-6)
    assert sharper.decoder is not vae.decoder and sharper.encoder is not vae.encoder
    more = sharper.decoder.count_params() - vae.decoder.count_params()
    assert more == (32 * 16 * 9 + 16) + (16 * 16 * 9 + 16) + (16 * 3 * 9 + 3)
    assert len(sharper.weights) == len({id(weight) for weight in sharper.weights})


def test_terms_are_those_of_the_formulas(sharpener):
    generator = np.random.default_rng()
    images, faces = np.float32(generator.random((2, 4, 16, 16, 3)))
    real, made = sharpener.discriminator(images), sharpener.discriminator(faces)
    terms = {name: float(value) for name, value in sharpener.compute_terms(images, faces, real, made).items()}
    p_real, p_made = (1 / (1 + np.exp(-np.float64(some[0]))) for some in (real, made))
    assert terms["mse"] == pytest.approx(np.mean((images - faces) ** 2), rel=1e-5)
    assert terms["adversary"] == pytest.approx(-np.log(p_made).mean(), rel=1e-4)
    assert terms["discriminator"] == pytest.approx(
        -np.log(1 - p_made).mean() - np.log(p_real).mean(), rel=1e-4
    )
    pairs = [(np.array(a), np.array(b)) for a, b in zip(real[1:], made[1:])]
    likeness = sum(np.abs(a - b).mean() / (np.abs(a).mean() + 1e-3) for a, b in pairs)
    assert len(pairs) == 2 and terms["likeness"] == pytest.approx(likeness, rel=1e-4)
    same = sharpener.compute_terms(images, images, real, real)
    assert float(same["mse"]) == 0 and float(same["likeness"]) == 0


def test_the_slope_is_the_gradients(sharpener, monkeypatch):
    """On a linear discriminator the estimate has the squared gradient as its mean."""
    weights = np.float32(np.random.default_rng(1).standard_normal((16 * 16 * 3, 1)))
    linear = lambda images: [tf.reshape(images, (-1, 16 * 16 * 3)) @ weights]  # noqa: E731
    monkeypatch.setattr(sharpener, "discriminator", linear)
    images = tf.random.uniform((64, 16, 16, 3), seed=0)
    found = np.mean([sharpener.squared_slope(images, linear(images)[0]) for _ in range(300)])
    assert found == pytest.approx(np.square(weights).sum(), rel=0.1)


def test_a_step_changes_decoder_and_discriminator_and_nothing_else(sharpener, images):
    before = copies(sharpener.vae.encoder), copies(sharpener.vae.decoder), copies(sharpener.discriminator)
    terms = sharpener.train_step(tf.constant(np.float32(images[:8]) / 255))
    after = copies(sharpener.vae.encoder), copies(sharpener.vae.decoder), copies(sharpener.discriminator)
    assert all((a == b).all() for a, b in zip(before[0], after[0]))
    for old, new in zip(before[1:], after[1:]):
        assert sum((a != b).any() for a, b in zip(old, new)) > len(old) / 2
    assert all(np.isfinite(float(value)) for value in terms.values())


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_sharpening_makes_edges(vae, images, optimizer):
    """Faces are less smooth after it: their differences between neighbours come nearer to the drawings'."""

    def edges(pictures):
        return np.abs(np.diff(np.float32(pictures), axis=2)).mean()

    before = [np.array(weight) for weight in vae.get_weights()]
    watch = keras.callbacks.Callback()
    how = dict(validation=images[:40], epochs=25, batch_size=16, optimizer=optimizer, callbacks=[watch])
    sharper, history = sharpen.sharpen(vae, images, **how)
    both = watch.model.optimizer, watch.model.discriminator_optimizer
    assert [type(each) for each in both] == [training.OPTIMIZERS[optimizer]] * 2
    some = np.float32(images[:100]) / 255
    plain, sharp, drawn = edges(vae.reconstruct(some)), edges(sharper.reconstruct(some)), edges(some)
    assert plain < sharp < 1.3 * drawn, (plain, sharp, drawn)
    assert list(history.index) == list(range(1, 26)) and history["val_mse"].iloc[-1] < 0.1
    assert all((a == b).all() for a, b in zip(before, vae.get_weights())), "the plain model was changed"


def test_an_interrupted_run_ends_as_an_uninterrupted_one(vae, images, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    how = dict(images=images[:64], epochs=3, batch_size=16)
    whole, expected = sharpen.sharpen(vae, **how)
    with pytest.raises(KeyboardInterrupt):
        sharpen.sharpen(vae, **how, folder=tmp_path, callbacks=[Stop()])
    again, history = sharpen.sharpen(vae, **how, folder=tmp_path)
    assert len(history) == 3
    np.testing.assert_allclose(history["mse"], expected["mse"], rtol=1e-3)
    some = np.float32(images[:8]) / 255
    np.testing.assert_allclose(again.reconstruct(some), whole.reconstruct(some), atol=2e-3)


def test_it_runs_in_every_precision_and_compiled(vae, images):
    policy = keras.config.dtype_policy()
    try:
        for precision, optimizer in itertools.product(("mixed_bfloat16", "mixed_float16"), ("adam", "muon")):
            keras.config.set_dtype_policy(precision)
            plain = type(vae).from_config(vae.get_config())
            plain.set_weights(vae.get_weights())
            how = dict(epochs=1, batch_size=16, optimizer=optimizer)
            _, history = sharpen.sharpen(plain, images[:32], **how)
            assert np.isfinite(history.to_numpy()).all(), (precision, optimizer)
    finally:
        keras.config.set_dtype_policy(policy)
