"""What test_backends.py computes on every backend: `python any_backend.py FOLDER generate|train` leaves it in a folder.

On JAX and PyTorch TensorFlow is kept out, which they do not need.
"""

import contextlib
import os
import sys
from pathlib import Path
from unittest import mock

import numpy as np

ATTRIBUTE = "Smiling"
RATES = {"sgd": 1e-5, "adam": 1e-3, "muon": 8e-3}


class Killed(Exception):
    """Ends a training in the middle."""


def pictures(count=24, side=16):
    """Return blocks of colours."""
    blocks = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return blocks.repeat(side // 4, 1).repeat(side // 4, 2)


def array(value):
    import keras

    return keras.ops.convert_to_numpy(value)


def same_noise():
    """Keras draws other numbers on every backend: while this is in force, it takes those of NumPy."""
    import keras

    def normal(shape, seed=None):
        rows = np.random.default_rng(7).standard_normal((64, *shape[1:])).astype("float32")
        return keras.ops.convert_to_tensor(rows)[: shape[0]]

    return mock.patch.object(keras.random, "normal", normal)


def set_weights(network):
    """Give a network weights that are the same on every backend."""
    random = np.random.default_rng(1)
    shapes = [weights.shape for weights in network.get_weights()]
    drawn = [random.standard_normal(shape) / np.sqrt(np.prod(shape[:-1])) for shape in shapes]
    old = network.get_weights()
    network.set_weights([new if new.ndim > 1 else same for new, same in zip(drawn, old)])


def small_vae(**options):
    from vae_keras.model import VAE

    vae = VAE(image_size=16, latent_dim=8, **options)
    set_weights(vae)
    return vae


def generate(folder):
    """Return what a shipped model draws: of given codes, of photographs, new and changed; and distances of features."""
    import vae_keras
    from vae_keras import evaluation

    random = np.random.default_rng(3)
    features, moved = random.standard_normal((2, 300, 40)) @ random.standard_normal((40, 40))
    distances = evaluation.frechet_distance(features, moved), *evaluation.kernel_distance(features, moved)
    model = vae_keras.load("celeba")
    images = pictures(4, 64)
    codes = np.random.default_rng(2).standard_normal((4, 128)).astype("float32")
    return {
        "distances": np.array(distances),
        "decoded": array(model.vae.decode(codes)),
        "reconstructed": array(model.vae.reconstruct(images / np.float32(255))),
        "sampled": model.sample(4, seed=1),
        "generated": model.generate(4, seed=1),
        "edited": model.edit(images, ATTRIBUTE),
    }


def train(folder):
    """Return losses, and what some steps of every optimizer make of given weights."""
    from vae_keras import training

    found, images = {}, pictures()
    with same_noise():
        vae = small_vae()
        floats = images[:8] / np.float32(255)
        for mode in (False, True):
            terms = vae.compute_terms(floats, floats, training=mode)
            found |= {f"{name}, training={mode}": array(value) for name, value in terms.items()}
        for name, rate in RATES.items():
            vae = small_vae()
            history = training.fit(
                vae, images, images[:9], epochs=2, batch_size=8, optimizer=name, learning_rate=rate
            )
            found[f"{name} history"] = history.drop(columns="seconds").to_numpy()
            found |= state(name, vae)
            vae.save_weights(Path(folder, f"{name}.weights.h5"))
        found |= sharpened(images)
    return found


def state(name, vae):
    """Return all numbers of a model and its optimizer, but for the seeds of the noise."""
    numbers = [*vae.get_weights(), *(array(variable) for variable in vae.optimizer.variables)]
    return {f"{name} {place}": values for place, values in enumerate(numbers)}


def further(path):
    """Return what becomes of a file of weights and the state of Adam after one more epoch."""
    from vae_keras import optimizers, training

    vae = small_vae()
    vae.compile(optimizer=optimizers.get("adam", RATES["adam"]))
    vae.optimizer.build(vae.trainable_variables)
    vae.load_weights(path)
    with same_noise():
        vae.fit(pictures()[:8] / np.float32(255), batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert training.optimizer_settings(vae.optimizer)["optimizer"] == "adam"
    return state("further", vae)


def sharpened(images):
    """Return the decoder and the discriminator after two steps of sharpening."""
    from vae_keras import optimizers
    from vae_keras.sharpening import Sharpener

    vae = small_vae(details=4)
    sharpener = Sharpener(vae)
    set_weights(sharpener.discriminator)
    sharpener.compile(optimizers.Adam(1e-4), optimizers.Muon(1e-3))
    encoder = vae.encoder.get_weights()
    sharpener.fit(images[:16] / np.float32(255), batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert all(map(np.array_equal, encoder, vae.encoder.get_weights()))
    numbers = [*vae.decoder.get_weights(), *sharpener.discriminator.get_weights()]
    numbers += [array(variable) for variable in sharpener.discriminator_optimizer.variables]
    return {f"sharpened {place}": values for place, values in enumerate(numbers)}


def kill():
    """Return a callback that ends a training in the second of three epochs, after a checkpoint within it."""
    import keras

    class Kill(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if self.model.optimizer.iterations == 5:
                raise Killed

    return Kill()


def resume_with_labels(folder):
    """Return what `resume` does, of a network with a loss of Keras, which looks at a first batch by itself."""
    import keras

    from vae_keras import training

    def train(**options):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), loss="mse")
        model.optimizer.build(model.trainable_variables)
        labels = np.arange(24)[:, None] / np.float32(24)
        training.run(
            model,
            pictures(),
            labels=labels,
            epochs=3,
            batch_size=8,
            seed=3,
            save_freq=2,
            settings={},
            **options,
        )
        return model.get_weights()

    whole = train()
    with contextlib.suppress(Killed):
        train(folder=folder, callbacks=[kill()])
    return whole, train(folder=folder)


def resume(folder):
    """Return the weights of a training that was killed and went on, and those of one that was not."""
    from vae_keras import data, training

    options = dict(epochs=3, batch_size=8, augment=data.augment, seed=3, save_freq=2)
    whole, resumed = small_vae(dropout=0.1), small_vae(dropout=0.1)
    training.fit(whole, pictures(), pictures(9), **options)
    try:
        training.fit(
            small_vae(dropout=0.1), pictures(), pictures(9), folder=folder, callbacks=[kill()], **options
        )
    except Killed:
        history = training.fit(resumed, pictures(), pictures(9), folder=folder, **options)
    assert len(history) == 3
    return whole.get_weights(), resumed.get_weights()


def narrow(policy):
    """Return the losses of a training in mixed precision, and of a sharpening where the loss is scaled."""
    import keras

    from vae_keras import sharpening, training

    keras.config.set_dtype_policy(policy)
    try:
        vae = small_vae()
        losses = list(training.fit(vae, pictures(), epochs=2, batch_size=8)["loss"])
        if policy == "mixed_float16":
            losses += list(
                sharpening.sharpen(vae, pictures(), epochs=1, batch_size=8)[1]["discriminator_loss"]
            )
    finally:
        keras.config.set_dtype_policy("float32")
    return losses


def slopes():
    """Return outputs and gradients of the transposed convolution, by Keras' layer and by ours."""
    import jax
    import keras

    from vae_keras import layers

    random, found = np.random.default_rng(4), []
    maps = random.standard_normal((2, 5, 6, 3)).astype("float32")
    for kind in (keras.layers.Conv2DTranspose, layers.Conv2DTranspose):
        layer = kind(4, 3, strides=2, padding="same")
        layer.build(maps.shape)
        set_weights(layer)

        def of(values, maps, layer=layer):
            return layer.stateless_call(values, [], maps)[0]

        outputs, back = jax.vjp(of, [v.value for v in layer.trainable_variables], maps)
        slope = np.random.default_rng(5).standard_normal(outputs.shape).astype("float32")
        (kernel, bias), inputs = back(slope)
        found.append([outputs, kernel, bias, inputs])
    return found


def cut(on_device):
    """Return the batches of a pass, and the rest of the pass after it; with the pictures on the device, or not."""
    from vae_keras import data, on_jax, pipeline

    labels, passes = np.arange(24)[:, None], []
    with mock.patch.object(on_jax, "_fit_on_device", lambda arrays: on_device):
        for options in ({}, {"first_epoch": 1, "first_step": 2}):
            batches = pipeline.batches(
                pictures(), 5, training=True, seed=3, labels=labels, augment=data.augment, **options
            )
            batches.on_epoch_begin()
            passes += [[*map(array, batches[step])] for step in range(len(batches))]
    return passes


def denoised():
    """Return the losses of a diffusion prior on the codes of a VAE, and codes that it draws."""
    from vae_keras import latent, priors, sharpening

    vae = small_vae()
    prior = priors.fit_gaussian(latent.encode(vae, pictures())[0])
    diffusion, history = sharpening.fit_denoiser(
        vae, pictures(), prior, pictures(9), epochs=4, batch_size=16, width=16
    )
    return history["loss"].tolist(), diffusion.sample(3)


def on_jax(folder):
    """Check what has no counterpart on TensorFlow; return the rest of what is compared."""
    one, other = slopes()
    for name, ours, theirs in zip(("outputs", "kernel", "bias", "inputs"), one, other):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4, err_msg=name)
    kept, read = cut(True), cut(False)
    assert len(kept) == 4 + 2
    for ours, theirs in zip(kept, read):
        np.testing.assert_array_equal(ours[1], theirs[1])  # labels
        np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6)
    for train in (resume, resume_with_labels):
        for whole, resumed in zip(*train(Path(folder, train.__name__))):
            np.testing.assert_array_equal(whole, resumed)
    for policy in ("mixed_bfloat16", "mixed_float16"):
        assert np.isfinite(narrow(policy)).all()
    losses, codes = denoised()
    assert np.isfinite(losses).all() and codes.shape == (3, 8)
    return further(Path(folder, "tensorflow.weights.h5"))


def on_torch():
    """Check that training is refused."""
    from vae_keras import training

    for refused in (
        lambda: training.fit(small_vae(), pictures()),
        lambda: small_vae().fit(pictures() / 255.0),
    ):
        try:
            refused()
        except ValueError as error:
            assert "trained on TensorFlow or JAX, and Keras is set to torch" in str(error)
        else:
            raise AssertionError("torch trains")


def main(folder):
    sys.modules["tensorflow"] = None
    found = generate(folder)
    if os.environ["KERAS_BACKEND"] == "jax":
        found |= train(folder) | on_jax(folder)
    else:
        on_torch()
    np.savez(Path(folder, "found.npz"), **found)


if __name__ == "__main__":
    main(sys.argv[1])
