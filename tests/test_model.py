"""The model against closed forms, NumPy and SciPy; its shapes, gradients, saving, precisions and compilation."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from vae_keras import model
from vae_keras.model import VAE, Sampling, build_decoder, build_encoder

SMALL = dict(image_size=32, latent_dim=4, filters=(8, 16))
EXACT = dict(rtol=1e-5, atol=1e-5)


def faces_like(count, size=32, seed=0):
    """Smooth pictures in [0, 1]: each is one colour gradient, so that a small network can learn them."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, size)[None, :, None, None]
    colours = rng.random((2, count, 1, 1, 3))
    return np.broadcast_to((1 - ramp) * colours[0] + ramp * colours[1], (count, size, size, 3)).astype(
        "float32"
    )


def many(images, times=10):
    """The same pictures over and over: one epoch is then many steps, which is quicker than many epochs."""
    return np.tile(images, (times, 1, 1, 1))


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def images():
    return faces_like(16)


def compiled(jit_compile=False, learning_rate=1e-2, **changes):
    vae = VAE(**{**SMALL, **changes})
    vae.compile(optimizer=keras.optimizers.Adam(learning_rate), jit_compile=jit_compile)
    return vae


# The terms of the loss


@pytest.mark.parametrize("mean, deviation", [(0.0, 1.0), (2.0, 1.0), (0.0, 0.1), (-1.5, 3.0)])
def test_kl_is_the_difference_of_log_densities_averaged_over_draws(mean, deviation):
    draws = np.random.default_rng(0).normal(mean, deviation, 400_000)
    posterior, prior = scipy.stats.norm(mean, deviation), scipy.stats.norm(0, 1)
    sampled = np.mean(posterior.logpdf(draws) - prior.logpdf(draws))
    closed = model.kl_divergence(np.float32([[mean]]), np.float32([[2 * np.log(deviation)]]))
    assert closed.shape == (1, 1)
    np.testing.assert_allclose(closed[0, 0], sampled, atol=0.02)


def test_kl_is_zero_at_the_prior_and_nowhere_below():
    rng = np.random.default_rng(1)
    kl = model.kl_divergence(
        rng.normal(0, 2, (50, 4)).astype("float32"), rng.uniform(-12, 4, (50, 4)).astype("float32")
    )
    assert np.min(kl) >= 0
    np.testing.assert_allclose(model.kl_divergence(np.zeros((2, 3)), np.zeros((2, 3))), 0)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 2.0])
def test_gaussian_is_the_density_of_scipy(images, sigma):
    reconstructions = faces_like(16, seed=1)
    expected = -scipy.stats.norm.logpdf(images, reconstructions, sigma).sum(axis=(1, 2, 3))
    actual = model.gaussian(images, reconstructions, np.float32(np.log(sigma)))
    assert actual.shape == (16,)
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


def test_bce_is_that_of_keras(images):
    reconstructions = np.clip(faces_like(16, seed=1), 0.01, 0.99)
    expected = keras.losses.binary_crossentropy(images[..., None], reconstructions[..., None])
    np.testing.assert_allclose(
        model.bce(images, reconstructions), np.sum(expected, axis=(1, 2, 3)), rtol=1e-4
    )


def test_bce_is_finite_for_a_reconstruction_that_is_sure_and_wrong():
    assert np.isfinite(model.bce(np.ones((1, 4, 4, 3), "float32"), np.zeros((1, 4, 4, 3), "float32"))).all()


@pytest.mark.parametrize("name", model.LIKELIHOODS)
def test_likelihoods_are_sums_over_pixels_of_each_picture(name):
    images, reconstructions = faces_like(3), faces_like(3, seed=1)
    terms = model.LIKELIHOODS[name](images, reconstructions, -1.0)
    doubled = model.LIKELIHOODS[name](*(np.tile(x, (1, 2, 1, 1)) for x in (images, reconstructions)), -1.0)
    assert terms.shape == (3,)
    np.testing.assert_allclose(doubled, 2 * np.array(terms), rtol=1e-4)


def test_mse_is_the_squared_error_of_numpy(images):
    expected = ((images - 0.5) ** 2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(model.mse(images, np.full_like(images, 0.5)), expected, rtol=1e-5)


def test_best_log_sigma_is_where_gaussian_is_smallest(images):
    reconstructions = faces_like(16, seed=1)
    best = float(model.best_log_sigma(np.mean((images - reconstructions) ** 2)))
    at_best, *near = (np.mean(model.gaussian(images, reconstructions, best + d)) for d in (0, -0.05, 0.05))
    assert at_best < min(near)


def test_best_log_sigma_of_perfect_pictures_has_a_finite_gradient():
    error = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        log_sigma = model.best_log_sigma(error)
    np.testing.assert_allclose(log_sigma, np.log(model.LEAST_SIGMA), rtol=1e-5)
    assert np.isfinite(tape.gradient(log_sigma, error))


# Sampling and the gradients through it


def test_sampling_draws_the_given_mean_and_deviation():
    z_mean = np.tile(np.float32([[0, 3]]), (50_000, 1))
    z = Sampling(seed=0)([z_mean, np.tile(np.float32([[0, -2]]), (50_000, 1))])
    np.testing.assert_allclose(np.mean(z, axis=0), [0, 3], atol=0.02)
    np.testing.assert_allclose(np.std(z, axis=0), [1, np.exp(-1)], atol=0.02)
    assert abs(np.corrcoef(np.array(z).T)[0, 1]) < 0.02


def test_sampling_draws_anew_each_time_and_repeats_with_its_seed():
    code = [np.zeros((2, 3), "float32")] * 2
    first, second = Sampling(seed=5), Sampling(seed=5)
    draws = np.array(first(code))
    np.testing.assert_array_equal(draws, second(code))
    assert not np.allclose(draws, first(code))


def test_gradients_reach_every_weight_of_the_encoder_through_the_sampling(images):
    encoder = build_encoder(**SMALL)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(Sampling(seed=0)(encoder(images)) ** 2)
    gradients = tape.gradient(loss, encoder.trainable_weights)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_gradients_of_the_draw_are_one_and_half_the_deviation_times_the_noise():
    z_mean, z_log_variance = tf.constant([[1.0, 2.0]]), tf.constant([[-2.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch([z_mean, z_log_variance])
        z = Sampling(seed=3)([z_mean, z_log_variance])
    to_mean, to_log_variance = tape.gradient(z, [z_mean, z_log_variance])
    np.testing.assert_allclose(to_mean, [[1, 1]])
    np.testing.assert_allclose(to_log_variance, (z - z_mean) / 2, rtol=1e-5)


@pytest.mark.parametrize("likelihood", model.LIKELIHOODS)
@pytest.mark.parametrize("normalization", ["batch", None])
def test_gradients_of_the_loss_reach_every_trainable_weight(images, likelihood, normalization):
    vae = VAE(**SMALL, likelihood=likelihood, normalization=normalization)
    with tf.GradientTape() as tape:
        loss = vae.compute_terms(images, images, training=True)["loss"]
    gradients = tape.gradient(loss, vae.trainable_weights)
    missing = [
        w.path for w, g in zip(vae.trainable_weights, gradients, strict=True) if g is None or not np.any(g)
    ]
    assert not missing


# Shapes and options


@pytest.mark.parametrize("size, sides", [(32, 8), (64, 4), (128, 4), (256, 4)])
def test_every_image_size_ends_in_a_small_map_and_comes_back(size, sides):
    encoder, decoder = build_encoder(size, 7), build_decoder(size, 7)
    z_mean, z_log_variance = encoder.output_shape
    assert z_mean == z_log_variance == (None, 7)
    assert decoder.output_shape == (None, size, size, 3)
    flattened = next(layer for layer in encoder.layers if isinstance(layer, keras.layers.Flatten))
    assert flattened.input.shape[1] in (4, sides)


def test_default_stages_are_four_and_double_to_256():
    assert model.stage_filters(64) == [32, 64, 128, 256]
    assert model.stage_filters(128) == [32, 64, 128, 256, 256]


def test_default_network_has_about_three_million_weights():
    assert 2e6 < VAE().count_params() < 4e6


def test_filters_and_latent_dim_are_as_given(images):
    vae = VAE(image_size=32, latent_dim=5, filters=(8, 8, 24))
    widths = [layer.filters for layer in vae.encoder.layers if isinstance(layer, keras.layers.Conv2D)]
    assert widths == [8, 8, 24]
    z_mean, z_log_variance = vae.encode(images)
    assert z_mean.shape == z_log_variance.shape == (16, 5)
    assert vae.decode(z_mean).shape == vae(images).shape == vae.reconstruct(images).shape == images.shape


@pytest.mark.parametrize("size, filters, offered", [(50, None, 48), (61, (8, 16), 60), (2, (8, 16), 4)])
def test_an_image_size_that_cannot_be_halved_is_refused_with_one_that_can(size, filters, offered):
    with pytest.raises(ValueError, match=f"image size is {size}.*try {offered}"):
        VAE(image_size=size, filters=filters)


@pytest.mark.parametrize("changes", [dict(normalization="layer"), dict(likelihood="gausian")])
def test_an_unknown_option_is_named_and_so_are_the_known_ones(changes):
    (value,) = changes.values()
    with pytest.raises(ValueError, match=f"'{value}'; it has to be"):
        VAE(**SMALL, **changes)


def test_batch_normalization_and_dropout_are_options(images):
    def count(vae, kind):
        return sum(isinstance(layer, kind) for part in (vae.encoder, vae.decoder) for layer in part.layers)

    plain, normalized = VAE(**SMALL, normalization=None), VAE(**SMALL)
    assert count(plain, keras.layers.BatchNormalization) == 0
    assert count(normalized, keras.layers.BatchNormalization) == 4
    dropped = VAE(**SMALL, normalization=None, dropout=0.5)
    np.testing.assert_array_equal(dropped.encode(images)[0], dropped.encode(images)[0])
    first, second = (dropped.encoder(images, training=True)[0] for _ in range(2))
    assert not np.allclose(first, second)


def test_log_variance_is_clipped_and_pictures_are_in_range(images):
    vae = VAE(**SMALL)
    wild = images * 1e6
    log_variance = np.array(vae.encoder(wild)[1])
    assert np.all(np.abs(log_variance) <= 12) and np.max(log_variance) <= 4
    pictures = vae.decode(np.full((2, 4), 1e4, "float32"))
    assert np.min(pictures) >= 0 and np.max(pictures) <= 1


def test_without_noise_it_is_an_autoencoder(images):
    plain = VAE(**SMALL, variational=False, beta=0.0)
    np.testing.assert_array_equal(plain(images), plain.reconstruct(images))
    terms = plain.compute_terms(images, images, training=False)
    np.testing.assert_array_equal(terms["loss"], terms["reconstruction"])
    noisy = VAE(**SMALL)
    assert not np.allclose(noisy(images, training=True), noisy(images, training=True))


# Generating


def test_generate_repeats_with_a_seed_and_not_without():
    vae = VAE(**SMALL)
    first = np.array(vae.generate(5, seed=1))
    assert first.shape == (5, 32, 32, 3)
    np.testing.assert_array_equal(first, vae.generate(5, seed=1))
    assert not np.allclose(first, vae.generate(5, seed=2))
    assert not np.allclose(vae.generate(5), vae.generate(5))


def test_temperature_scales_the_codes():
    vae = VAE(**SMALL)
    centre = np.repeat(vae.decode(np.zeros((1, 4), "float32")), 3, axis=0)
    np.testing.assert_allclose(vae.generate(3, seed=0, temperature=0.0), centre, **EXACT)
    half = vae.decode(0.5 * keras.random.normal((3, 4), seed=0))
    np.testing.assert_allclose(vae.generate(3, seed=0, temperature=0.5), half, **EXACT)


@pytest.mark.parametrize("count", [0, -3])
def test_a_count_below_one_is_refused(count):
    with pytest.raises(ValueError, match=f"{count} faces"):
        VAE(**SMALL).generate(count)


# The whole loss, by hand


@pytest.mark.parametrize("likelihood", model.LIKELIHOODS)
def test_evaluate_equals_numpy(images, likelihood):
    vae = compiled(likelihood=likelihood, beta=2.0)
    vae.log_sigma.assign(-0.7)
    z_mean, z_log_variance = (np.array(part) for part in vae.encode(images[:1]))
    noise = np.array(keras.random.normal((1, 4), seed=keras.random.SeedGenerator(0)))
    reconstruction = np.array(vae.decode(z_mean + np.exp(z_log_variance / 2) * noise))
    expected = {
        "mse": ((images[:1] - reconstruction) ** 2).sum(),
        "bce": -(images[:1] * np.log(reconstruction) + (1 - images[:1]) * np.log(1 - reconstruction)).sum(),
        "gaussian": -scipy.stats.norm.logpdf(images[:1], reconstruction, np.exp(-0.7)).sum(),
    }[likelihood]
    kl = 0.5 * (z_mean**2 + np.exp(z_log_variance) - z_log_variance - 1).sum()
    measured = vae.evaluate(images[:1], return_dict=True, verbose=0)
    assert set(measured) == {"loss", "reconstruction", "kl", "mse"}
    np.testing.assert_allclose(measured["reconstruction"], expected, rtol=1e-4)
    np.testing.assert_allclose(measured["kl"], kl, rtol=1e-3)
    np.testing.assert_allclose(measured["loss"], expected + 2 * kl, rtol=1e-4)
    np.testing.assert_allclose(measured["mse"], ((images[:1] - reconstruction) ** 2).mean(), rtol=1e-4)


def test_terms_are_means_over_the_batch(images):
    vae = VAE(**SMALL, variational=False)
    whole = vae.compute_terms(images, images, training=False)
    single = [vae.compute_terms(images[i : i + 1], images[i : i + 1], training=False) for i in range(16)]
    for name, value in whole.items():
        np.testing.assert_allclose(value, np.mean([terms[name] for terms in single]), rtol=1e-4)


def test_training_fits_the_variance_to_the_batch_and_evaluation_uses_the_stored_one(images):
    vae = VAE(**SMALL, normalization=None, variational=False)
    error = np.mean((images - np.array(vae(images))) ** 2)
    values = images[0].size
    training = vae.compute_terms(images, images, training=True)["reconstruction"]
    np.testing.assert_allclose(training, values / 2 * (1 + np.log(2 * np.pi * error)), rtol=1e-4)
    for log_sigma in (0.0, -1.0):
        vae.log_sigma.assign(log_sigma)
        density = -scipy.stats.norm.logpdf(images, np.array(vae(images)), np.exp(log_sigma))
        stored = vae.compute_terms(images, images, training=False)["reconstruction"]
        np.testing.assert_allclose(stored, density.sum(axis=(1, 2, 3)).mean(), rtol=1e-4)


def test_stored_variance_follows_training_and_rests_in_evaluation(images):
    vae = compiled(learning_rate=0.0)
    vae.evaluate(images, verbose=0)
    assert float(vae.log_sigma) == 0
    history = vae.fit(many(images), batch_size=16, epochs=10, verbose=0).history
    np.testing.assert_allclose(vae.log_sigma, 0.5 * np.log(history["mse"][-1]), atol=0.05)


# Training


@pytest.mark.parametrize("likelihood", model.LIKELIHOODS)
def test_it_learns_a_tiny_set(images, likelihood):
    vae = compiled(likelihood=likelihood, beta=0.01)
    before = float(vae.compute_terms(images, images, training=True)["loss"])
    history = vae.fit(many(images), batch_size=16, epochs=8, verbose=0).history
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < before
    mean_picture = np.mean((images - images.mean(axis=0)) ** 2)  # the best without a code
    assert history["mse"][-1] < 0.7 * mean_picture


def test_fit_takes_datasets_tuples_and_validation_data(images):
    vae = compiled()
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(8)
    history = vae.fit(dataset, validation_data=dataset, epochs=2, verbose=0, shuffle=False).history
    assert set(history) == {p + n for p in ("", "val_") for n in ("loss", "reconstruction", "kl", "mse")}
    pairs = dataset.map(lambda x: (x, x))
    vae.fit(pairs, validation_data=(images, None), epochs=1, verbose=0, shuffle=False)
    vae.fit(((batch,) for batch in [images, images]), steps_per_epoch=2, verbose=0, shuffle=False)


def test_epoch_metrics_are_means_over_that_epoch_alone(images):
    vae = compiled(learning_rate=0.0, normalization=None, variational=False, likelihood="mse")
    history = vae.fit(images, batch_size=4, epochs=2, verbose=0, shuffle=False).history
    np.testing.assert_allclose(history["loss"][0], history["loss"][1], rtol=1e-5)
    np.testing.assert_allclose(history["mse"][0], np.mean((images - np.array(vae(images))) ** 2), rtol=1e-4)


def test_float16_scales_the_loss_inside_the_tape(images, monkeypatch):
    keras.config.set_dtype_policy("mixed_float16")
    vae, scaled = compiled(), []
    scale = vae.optimizer.scale_loss
    monkeypatch.setattr(vae.optimizer, "scale_loss", lambda loss: scaled.append(loss) or scale(loss))
    logs = vae.train_step(images)
    np.testing.assert_allclose(scaled, [logs["loss"]])


def test_targets_are_what_is_reconstructed(images):
    vae = VAE(**SMALL, variational=False, likelihood="mse")
    vae.compile()
    noisy = np.clip(images + np.random.default_rng(0).normal(0, 0.2, images.shape), 0, 1).astype("float32")
    measured = vae.evaluate(noisy, images, return_dict=True, verbose=0)
    expected = np.mean((np.array(vae(noisy)) - images) ** 2)
    np.testing.assert_allclose(measured["mse"], expected, rtol=1e-4)
    before = measured["mse"]
    vae.fit(many(noisy), many(images), batch_size=16, epochs=4, verbose=0)
    assert vae.evaluate(noisy, images, return_dict=True, verbose=0)["mse"] < before


@pytest.mark.slow
def test_beta_can_change_inside_the_traced_step_with_xla_and_without(images):
    losses = []
    for jit_compile in (True, False):  # without noise, since XLA draws other numbers
        keras.utils.set_random_seed(0)
        vae = compiled(jit_compile, learning_rate=1e-3, variational=False)
        for beta in (0.0, 1.0, 2.0):
            vae.beta.assign(beta)
            logs = vae.fit(images, batch_size=16, epochs=1, verbose=0, shuffle=False).history
            np.testing.assert_allclose(
                logs["loss"], logs["reconstruction"][0] + beta * logs["kl"][0], rtol=1e-5
            )
            assert logs["kl"][0] > 0.1
            losses.append(logs["loss"][0])
    np.testing.assert_allclose(losses[:3], losses[3:], rtol=1e-4)


def test_a_larger_beta_gives_a_smaller_kl(images):
    kl = {}
    for beta in (0.1, 100.0):
        vae = compiled(beta=beta, likelihood="mse")
        kl[beta] = vae.fit(many(images), batch_size=16, epochs=4, verbose=0).history["kl"][-1]
    assert kl[100.0] < 0.2 * kl[0.1]


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_with_float32_terms_and_weights(images, precision):
    keras.config.set_dtype_policy(precision)
    vae = compiled()
    convolution = next(layer for layer in vae.encoder.layers if isinstance(layer, keras.layers.Conv2D))
    assert convolution.compute_dtype == precision.removeprefix("mixed_")
    assert {weight.dtype for weight in vae.weights} == {"float32"}
    assert {term.dtype for term in vae.compute_terms(images, images, training=True).values()} == {tf.float32}
    assert all(part.dtype == tf.float32 for part in [*vae.encode(images), vae.reconstruct(images)])
    assert ("LossScale" in type(vae.optimizer).__name__) == (precision == "mixed_float16")
    history = vae.fit(many(images, 4), batch_size=16, epochs=5, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["mse"][-1] < 0.8 * history["mse"][0]


# Saving


def test_get_config_makes_the_same_model():
    options = dict(likelihood="bce", beta=3.0, normalization=None, dropout=0.1, variational=False, seed=4)
    options |= dict(details=3, dtype="mixed_bfloat16", trainable=False, name="mine")
    vae = VAE(**SMALL, **options)
    config = json.loads(json.dumps(vae.get_config()))
    again = VAE.from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    dtype = options.pop("dtype")
    assert {**options, "latent_dim": 4, "image_size": 32, "filters": [8, 16]}.items() <= config.items()
    assert again.dtype_policy.name == dtype and not again.trainable
    assert [w.shape for w in again.weights] == [w.shape for w in vae.weights]
    assert float(again.beta) == 3.0


def test_a_model_is_whole_before_its_first_call(tmp_path):
    vae = VAE(**SMALL)
    vae.save_weights(tmp_path / "new.weights.h5")
    keras.utils.set_random_seed(1)
    other = VAE(**SMALL)
    other.load_weights(tmp_path / "new.weights.h5")
    np.testing.assert_array_equal(other.generate(2, seed=0), vae.generate(2, seed=0))


OTHER_PROCESS = """
import sys
import keras, numpy as np
from vae_keras.model import VAE
folder, options = sys.argv[1], {options}
whole = keras.models.load_model(folder + "/vae.keras")
images = np.load(folder + "/images.npy")
parts = VAE(**options)
parts.compile(optimizer=keras.optimizers.Adam(1e-2))
parts.optimizer.build(parts.trainable_variables)
parts.load_weights(folder + "/vae.weights.h5")
for name, vae in (("whole", whole), ("parts", parts)):
    state = np.concatenate([np.ravel(variable) for variable in vae.optimizer.variables])
    faces = np.array(vae.reconstruct(images))
    vae.sampling.seed_generator.state.assign([9, 0])
    loss = vae.fit(images, batch_size=16, epochs=1, verbose=0, shuffle=False).history["loss"][0]
    np.savez(folder + "/" + name, faces=faces, state=state, loss=loss, beta=vae.beta, log_sigma=vae.log_sigma)
"""


@pytest.mark.slow
def test_another_process_loads_it_with_the_state_of_the_optimizer(images, tmp_path):
    vae = compiled(beta=2.0)
    vae.fit(images, batch_size=16, epochs=3, verbose=0)
    vae.beta.assign(0.5)
    np.save(tmp_path / "images.npy", images)
    vae.save(tmp_path / "vae.keras")
    vae.save_weights(tmp_path / "vae.weights.h5")
    state = np.concatenate([np.ravel(variable) for variable in vae.optimizer.variables])
    faces = np.array(vae.reconstruct(images))
    vae.sampling.seed_generator.state.assign([9, 0])
    loss = vae.fit(images, batch_size=16, epochs=1, verbose=0, shuffle=False).history["loss"][0]

    code = OTHER_PROCESS.replace("{options}", repr({**SMALL, "beta": 2.0}))
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, timeout=120)
    for name in ("whole", "parts"):
        loaded = np.load(tmp_path / f"{name}.npz")
        assert np.count_nonzero(loaded["state"]) > 1000
        np.testing.assert_allclose(loaded["state"], state, err_msg=name, rtol=1e-6)
        np.testing.assert_allclose(loaded["faces"], faces, err_msg=name, **EXACT)
        np.testing.assert_allclose(loaded["loss"], loss, err_msg=name, rtol=1e-4)
        assert loaded["beta"] == 0.5
