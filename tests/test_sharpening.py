"""Sharpening: it begins with the plain decoder's faces, leaves the encoder alone, resumes, and makes edges."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from vae_keras import config, optimizers, sharpening, training
from vae_keras.data import augment
from vae_keras.data.drawn.faces import draw_faces, sample_factors

SETTINGS = config.settings(
    profile="quick", dataset="cartoon", image_size=16, latent_dim=8, precision="float32"
)


@pytest.fixture(scope="module")
def images():
    return draw_faces(sample_factors(320), 16)


@pytest.fixture(scope="module")
def vae(images):
    policy = keras.config.dtype_policy()
    vae = training.build_vae(SETTINGS)
    training.fit(vae, images, epochs=40, batch_size=20)
    keras.config.set_dtype_policy(policy)
    return vae


@pytest.fixture
def sharpener(vae):
    sharpener = sharpening.Sharpener(vae.copy_with_details())
    sharpener.compile(optimizers.Adam(1e-3), optimizers.Adam(1e-3))
    return sharpener


def copies(model):
    return [np.array(weight) for weight in model.get_weights()]


def test_it_begins_with_the_plain_faces(vae, images):
    """What comes back after no epoch is what went in, with a branch that draws nothing."""

    class StopAtOnce(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            started.append(self.model.vae.reconstruct(some))
            raise KeyboardInterrupt

    started, some = [], np.float32(images[:8]) / 255
    with pytest.raises(KeyboardInterrupt):
        sharpening.sharpen(vae, images[:16], batch_size=8, callbacks=[StopAtOnce()])
    np.testing.assert_allclose(started[0], vae.reconstruct(some), atol=1e-6)


def test_the_discriminator_halves_as_often_as_the_encoder():
    network = sharpening.build_discriminator(32)
    logits, *maps = network(np.zeros((2, 32, 32, 3), "float32"))
    assert logits.shape == (2, 1)
    assert [tuple(one.shape[1:3]) for one in maps] == [(16, 16), (8, 8), (4, 4)]
    assert network.count_params() == sharpening.build_discriminator(32).count_params()


def test_terms_are_those_of_the_formulas(sharpener):
    generator = np.random.default_rng()
    images, faces = np.float32(generator.random((2, 4, 16, 16, 3)))
    real, made = sharpener.discriminator(images), sharpener.discriminator(faces)
    terms = {name: float(value) for name, value in sharpener.compute_terms(images, faces, real, made).items()}
    p_real, p_made = (1 / (1 + np.exp(-np.float64(some[0]))) for some in (real, made))
    assert terms["mse"] == pytest.approx(np.mean((images - faces) ** 2), rel=1e-5)
    assert terms["adversarial_loss"] == pytest.approx(-np.log(p_made).mean(), rel=1e-4)
    expected = -np.log(1 - p_made).mean() - np.log(p_real).mean()
    assert terms["discriminator_loss"] == pytest.approx(expected, rel=1e-4)
    pairs = [(np.array(a), np.array(b)) for a, b in zip(real[1:], made[1:])]
    feature_loss = sum(np.abs(a - b).mean() / (np.abs(a).mean() + 1e-3) for a, b in pairs)
    assert len(pairs) == 2 and terms["feature_loss"] == pytest.approx(feature_loss, rel=1e-4)
    same = sharpener.compute_terms(images, images, real, real)
    assert float(same["mse"]) == 0 and float(same["feature_loss"]) == 0


def test_losses_weigh_the_terms(sharpener, images, monkeypatch):
    monkeypatch.setattr(sharpener, "gradient_penalty", lambda images, real: 100.0)
    some = tf.constant(np.float32(images[:8]) / 255)
    decoder_loss, discriminator_loss, terms = sharpener.compute_losses(some)
    variance = np.exp(2 * float(sharpener.vae.log_sigma))
    expected = terms["mse"] / variance + 6 * terms["feature_loss"] + 0.4 * terms["adversarial_loss"]
    assert float(decoder_loss) == pytest.approx(float(expected), rel=1e-5)
    assert float(discriminator_loss) == pytest.approx(float(terms["discriminator_loss"]) + 0.5, rel=1e-5)


def test_the_penalty_is_the_squared_gradient(sharpener, monkeypatch):
    """On a linear discriminator the estimate has the squared gradient as its mean."""
    weights = np.float32(np.random.default_rng(1).standard_normal((16 * 16 * 3, 1)))

    def linear(images):
        return [tf.reshape(images, (-1, 16 * 16 * 3)) @ weights]

    monkeypatch.setattr(sharpener, "discriminator", linear)
    images = tf.random.uniform((64, 16, 16, 3), seed=0)
    found = np.mean([sharpener.gradient_penalty(images, linear(images)[0]) for _ in range(300)])
    assert found == pytest.approx(np.square(weights).sum(), rel=0.1)


def test_a_step_changes_decoder_and_discriminator_and_nothing_else(sharpener, images):
    before = copies(sharpener.vae.encoder), copies(sharpener.vae.decoder), copies(sharpener.discriminator)
    terms = sharpener.train_step(tf.constant(np.float32(images[:8]) / 255))
    after = copies(sharpener.vae.encoder), copies(sharpener.vae.decoder), copies(sharpener.discriminator)
    assert all((a == b).all() for a, b in zip(before[0], after[0]))
    for old, new in zip(before[1:], after[1:]):
        assert sum((a != b).any() for a, b in zip(old, new)) > len(old) / 2
    assert list(terms) == ["mse", "feature_loss", "adversarial_loss", "discriminator_loss"]
    assert all(np.isfinite(float(value)) for value in terms.values())


def test_it_is_an_ordinary_keras_model(sharpener, images, tmp_path):
    assert sharpener.built
    some = np.float32(images[:32]) / 255
    history = sharpener.fit(some, batch_size=16, epochs=1, verbose=0).history
    assert set(history) == {"mse", "feature_loss", "adversarial_loss", "discriminator_loss"}
    expected = np.mean(np.square(some - np.asarray(sharpener.vae.reconstruct(some))))
    assert sharpener.evaluate(some, verbose=0) == pytest.approx(expected, rel=1e-3)
    np.testing.assert_allclose(sharpener.predict(some, verbose=0), sharpener.vae.reconstruct(some), atol=1e-5)
    sharpener.save_weights(tmp_path / "sharpener.weights.h5")
    kept = copies(sharpener)
    sharpener.set_weights([np.zeros_like(weight) for weight in kept])
    sharpener.load_weights(tmp_path / "sharpener.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(kept, copies(sharpener)))


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_sharpening_makes_edges(vae, images, optimizer):
    """Faces are less smooth after it: their differences between neighbours come nearer to the drawings'."""

    def edges(pictures):
        return np.abs(np.diff(np.float32(pictures), axis=2)).mean()

    before = copies(vae)
    watch = keras.callbacks.Callback()
    sharper, history = sharpening.sharpen(
        vae,
        images,
        epochs=25,
        batch_size=16,
        optimizer=optimizer,
        augment=augment,
        validation=images[:40],
        callbacks=[watch],
    )
    both = watch.model.optimizer, watch.model.discriminator_optimizer
    assert [type(each) for each in both] == [optimizers.OPTIMIZERS[optimizer]] * 2
    assert [(each.beta_1, each.beta_2) for each in both] == [(0.5, 0.99)] * 2
    some = np.float32(images[:100]) / 255
    plain, sharp, drawn = edges(vae.reconstruct(some)), edges(sharper.reconstruct(some)), edges(some)
    assert plain < sharp < 1.3 * drawn, (plain, sharp, drawn)
    assert list(history.index) == list(range(1, 26)) and history["val_mse"].iloc[-1] < 0.1
    assert all((a == b).all() for a, b in zip(before, vae.get_weights())), "the plain model was changed"


def test_a_sharpened_model_is_sharpened_on_without_a_second_branch(vae, images):
    once, _ = sharpening.sharpen(vae.copy_with_details(4), images[:32], epochs=1, batch_size=16)
    assert once.details == 4
    twice, _ = sharpening.sharpen(once, images[:32], epochs=1, batch_size=16)
    assert twice.details == 4 and len(twice.get_weights()) == len(once.get_weights())


def test_pictures_are_augmented_as_told(vae, images):
    seen = []

    def black(pictures, seed):
        seen.append(seed.shape)
        return tf.zeros(tf.shape(pictures))

    sharper, _ = sharpening.sharpen(vae, images[:32], epochs=1, batch_size=16, augment=black)
    assert seen == [(2,)] and sharper.details == 16 and vae.details is None


def test_an_unknown_optimizer_is_refused(vae, images):
    with pytest.raises(ValueError, match="for sharpening with the optimizer 'sgd'; there are adam, muon"):
        sharpening.sharpen(vae, images, optimizer="sgd")


def test_an_interrupted_run_ends_as_an_uninterrupted_one(vae, images, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def sharpen(**options):
        return sharpening.sharpen(vae, images[:64], epochs=3, batch_size=16, augment=augment, **options)

    whole, expected = sharpen()
    with pytest.raises(KeyboardInterrupt):
        sharpen(folder=tmp_path, callbacks=[Stop()])
    again, history = sharpen(folder=tmp_path)
    assert len(history) == 3
    np.testing.assert_allclose(history["mse"], expected["mse"], rtol=1e-3)
    some = np.float32(images[:8]) / 255
    np.testing.assert_allclose(again.reconstruct(some), whole.reconstruct(some), atol=2e-3)


def test_it_runs_in_every_precision(vae, images):
    policy = keras.config.dtype_policy()
    try:
        for precision, optimizer in itertools.product(("mixed_bfloat16", "mixed_float16"), ("adam", "muon")):
            keras.config.set_dtype_policy(precision)
            config = {name: value for name, value in vae.get_config().items() if name != "dtype"}
            plain = type(vae).from_config(config)
            plain.set_weights(vae.get_weights())
            _, history = sharpening.sharpen(plain, images[:32], epochs=1, batch_size=16, optimizer=optimizer)
            assert np.isfinite(history.to_numpy()).all(), (precision, optimizer)
    finally:
        keras.config.set_dtype_policy(policy)


@pytest.mark.parametrize(
    "precision, computes", [("mixed_float16", "float32"), ("mixed_bfloat16", "bfloat16")]
)
def test_the_discriminator_avoids_float16(vae, precision, computes):
    config = {name: value for name, value in vae.get_config().items() if name != "dtype"}
    sharpener = sharpening.Sharpener(type(vae).from_config({**config, "dtype": precision}))
    convolutions = [one for one in sharpener.discriminator.layers if isinstance(one, keras.layers.Conv2D)]
    assert {one.compute_dtype for one in convolutions} == {computes}


def test_a_step_compiles_with_xla(sharpener, images):
    sharpener.compile(optimizers.Adam(1e-3), optimizers.Adam(1e-3), jit_compile=True)
    terms = sharpener.train_on_batch(np.float32(images[:8]) / 255, return_dict=True)
    assert all(np.isfinite(value) for value in terms.values())
