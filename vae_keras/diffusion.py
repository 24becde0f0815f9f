"""New codes by diffusion: a network turns noise into a code, step by step, as image generators do with their codes.

It learns to guess a code that is hidden in noise (Ho et al. 2020, arXiv 2006.11239). From a noisy code, guess after
guess, with less noise each time, comes one as real pictures have it (Rombach et al. 2022, arXiv 2112.10752). The scales
of inputs and targets and the steps are those of Karras et al. (2022, arXiv 2206.00364). The mixture (`latent.Prior`)
makes a first guess, in closed form; the network learns what that misses.
"""

import time

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers, ops

from vae_keras import latent, training

# Deviation of the noise, in units of the codes' own, at the first step and the last.
LARGEST, SMALLEST = 4.0, 0.02
BLOCKS = 2  # of the network
RATE = 1e-3  # of learning, at the start
HELPS = 0.98  # of the prior's loss on validation codes: what does not get below it is not worth its weights
LEVEL = -0.3, 1.0  # in training: mean and deviation of its logarithm, so that codes are half hidden


class Denoiser(keras.Model):
    """A residual network: it learns what the mixture's guess misses, and begins with zero.

    Inputs, as `Diffusion.look` makes them: noisy codes, scaled to a variance of 1, and what the mixture's guess adds to
    that of a single Gaussian, in units of the latter's error, both (batch, latent_dim); the odds of the components
    (batch, components); the logarithm of the noise's deviation (batch, 1). Output: (batch, latent_dim), in that unit.
    """

    def __init__(self, latent_dim, components, width=384):
        super().__init__(name="denoiser", dtype="float32")  # many small steps add up: bfloat16 is too coarse
        self.drop = layers.Dropout(0.1, dtype="float32")
        shapes = {"level": (64, 64), "enter": (2 * latent_dim + components, width)}
        for block in range(BLOCKS):
            shapes |= {f"open {block}": (width, 2 * width), f"level {block}": (64, 2 * width)}
            shapes |= {f"close {block}": (2 * width, width)}
        self.parts = {}
        for name, shape in (shapes | {"leave": (width, latent_dim)}).items():
            kernel = self.add_weight(shape, "zeros" if name[:5] in ("close", "leave") else "glorot_uniform")
            self.parts[name] = kernel, self.add_weight(shape[1:], "zeros")
        self.built = True

    def call(self, inputs, training=None):
        return self.answer(inputs, self.parts, ops, lambda x: self.drop(x, training=training))

    def arrays(self):
        """Return the weights for `answer` with NumPy, which does not wait for TensorFlow to trace the network."""
        return {name: tuple(np.asarray(part) for part in parts) for name, parts in self.parts.items()}

    def answer(self, inputs, parts, ops=np, drop=lambda x: x):
        """Return what the guesses miss, computed with the functions of `ops`: those of NumPy or of Keras."""

        def dense(name, x):
            return x @ parts[name][0] + parts[name][1]

        def silu(x):  # x times a sigmoid
            return x * (0.5 + 0.5 * ops.tanh(0.5 * x))

        def normalize(x):  # each row to mean 0 and variance 1
            x = x - ops.mean(x, axis=1, keepdims=True)
            return x / ops.sqrt(ops.mean(ops.square(x), axis=1, keepdims=True) + 1e-3)

        noisy, guess, odds, level = inputs
        waves = level * np.geomspace(0.1, 3, 32, dtype="float32")
        level = silu(dense("level", ops.concatenate([ops.sin(waves), ops.cos(waves)], axis=1)))
        x = dense("enter", ops.concatenate([noisy, guess, odds], axis=1))
        for block in range(BLOCKS):
            y = silu(dense(f"open {block}", normalize(x)) + dense(f"level {block}", level))
            x = x + dense(f"close {block}", drop(y))
        return dense("leave", normalize(x))


class Diffusion:
    """What to draw codes from, as from a `latent.Prior`, whose guesses it corrects by a `denoiser`.

    center, whiten: a code z becomes a whitened one, (z - center) @ whiten; mixture: the prior of those.
    """

    def __init__(self, prior):
        self.center = prior.weights @ prior.means
        apart = prior.means - self.center
        covariances = np.float64(prior.factors) @ np.swapaxes(prior.factors, 1, 2)
        covariance = np.einsum("k,kde->de", prior.weights, covariances + apart[:, :, None] * apart[:, None])
        self.factor = np.linalg.cholesky(covariance)
        self.whiten = np.linalg.inv(self.factor).T
        # The mixture of the whitened codes, which have mean 0 and covariance 1, each component along its own axes.
        variances, axes = np.linalg.eigh(self.whiten.T @ covariances @ self.whiten)
        parts = dict(weights=np.log(prior.weights)[:, None], means=(apart @ self.whiten)[:, None])
        parts |= dict(variances=variances[:, None], axes=axes)
        self.mixture = {name: np.float32(part) for name, part in parts.items()}
        self.denoiser = Denoiser(len(self.center), len(prior.weights))

    def sample(self, count, seed=0, temperature=1.0, steps=12):
        """Return `count` codes, float32 [count, latent_dim]; the first ones of a seed are the same for every count.

        temperature scales how far they are from their mean: 0 gives that alone. steps: how many levels of noise there
        are. Raises ValueError where a number is too small.
        """
        *_, z = self.path(count, seed, temperature, steps)
        return z

    def path(self, count, seed=0, temperature=1.0, steps=12):
        """Yield the guesses on the way to the codes of `sample`, which are the last ones, from much noise to little.

        Each step follows the slope from code to guess with Heun's second-order rule (Karras et al., algorithm 1).
        """
        if count < 1 or steps < 1 or temperature < 0:
            given = f"{count}, {steps}, {temperature}"
            raise ValueError(
                f"Count and steps are 1 or more and temperature is not negative, unlike here: {given}."
            )
        # Whitened codes with noise of the first level, but for the codes, which do not show under so much of it.
        z = np.sqrt(1 + LARGEST**2) * np.random.default_rng(seed).standard_normal((count, len(self.center)))
        levels = np.linspace(LARGEST ** (1 / 7), SMALLEST ** (1 / 7), steps) ** 7
        parts = self.denoiser.arrays()
        for level, lower in zip(levels, [*levels[1:], 0.0]):
            guess = self.guess(z, level, parts)
            yield np.float32(temperature * guess @ self.factor.T + self.center)
            if lower:
                slope = (z - guess) / level
                ahead = z + (lower - level) * slope
                z += (lower - level) * (slope + (ahead - self.guess(ahead, lower, parts)) / lower) / 2

    def guess(self, z, noise, parts=None):
        """Return the mean of the whitened codes that could hide in z [n, latent_dim] under noise of that deviation.

        parts: `Denoiser.arrays()`, if they are at hand.
        """
        parts, guesses = parts or self.denoiser.arrays(), []
        for some in np.array_split(np.float32(z), -(-len(z) // 1000)):  # or many would need much memory
            inputs, first, unit = self.look(some, np.full((len(some), 1), noise, "float32"))
            guesses.append(first + unit * self.denoiser.answer(inputs, parts))
        return np.float64(np.concatenate(guesses))

    def look(self, noisy, noise, ops=np):
        """Return what the denoiser sees of noisy whitened codes, the mixture's guess, and the unit of its errors.

        noisy: (n, latent_dim). noise: its deviation, (n, 1). ops: NumPy's functions or Keras's.
        """
        scale = ops.sqrt(1 + noise**2)
        (first, odds), unit = self.first_guess(noisy, noise, ops), noise / scale
        return (noisy / scale, (first - noisy / scale**2) / unit, odds, ops.log(noise)), first, unit

    def first_guess(self, noisy, noise, ops=np):
        """Return (n, d) the mean of the mixture's codes, given each of them with noise (n, 1), and the odds (n, k).

        It is a mean over the components, weighed by how likely each of them made the code: the odds.
        """
        weights, means, variances, axes = self.mixture.values()
        apart = (noisy[None] - means) @ axes  # (k, n, d), along the axes of each component
        spread = variances + noise[None] ** 2
        fits = weights - 0.5 * ops.sum(apart**2 / spread + ops.log(spread), axis=2)
        odds = ops.exp(fits - ops.max(fits, axis=0, keepdims=True))
        odds = odds / ops.sum(odds, axis=0, keepdims=True)
        codes = means + (apart * variances / spread) @ np.swapaxes(axes, 1, 2)
        return ops.sum(odds[:, :, None] * codes, axis=0), ops.transpose(odds)

    def pipeline(self, vae, images, batch_size, training):
        """Return batches for the denoiser of the codes of pictures, and of their mirror images.

        In training the codes are drawn and hidden anew in every epoch; else always alike, so that epochs compare.
        """
        parts = (latent.encode(vae, some) for some in (images, images[:, :, ::-1]))
        codes = tf.data.Dataset.from_tensor_slices(tuple(np.concatenate(part) for part in zip(*parts)))
        if training:
            codes = codes.shuffle(2 * len(images))
        codes = codes.batch(batch_size, drop_remainder=training)
        # Random operations in `map` would begin again with the same numbers in every epoch: hence seeds as data.
        seeds = tf.data.Dataset.random(seed=0, rerandomize_each_iteration=training).batch(2)
        whiten, center = np.float32(self.whiten), np.float32(self.center)

        def draw(codes, seed):
            mean, log_variance = codes
            seed, other = tf.unstack(tf.random.split(seed, 2))
            z = mean + tf.exp(0.5 * log_variance) * tf.random.stateless_normal(tf.shape(mean), seed)
            return self.hide(tf.matmul(z - center, whiten), other)

        return tf.data.Dataset.zip((codes, seeds)).map(draw).prefetch(2)

    def hide(self, z, seed):
        """Return a batch of training, (what the denoiser sees, what it should say), of whitened codes z; seed: (2,)."""
        seed, other = tf.unstack(tf.random.split(seed, 2))
        noise = tf.exp(LEVEL[0] + LEVEL[1] * tf.random.stateless_normal((tf.shape(z)[0], 1), seed))
        inputs, first, unit = self.look(
            z + noise * tf.random.stateless_normal(tf.shape(z), other), noise, ops
        )
        return inputs, (z - first) / unit


def fit(vae, images, prior, validation=None, epochs=80, batch_size=512, seed=0, callbacks=(), **options):
    """Return a `Diffusion` fitted to the codes of training pictures and of their mirror images, and its history.

    Args:
        images, validation: uint8 [n, size, size, 3]. Where the codes of `validation` are guessed no better for a tenth
            of the epochs, training ends, and the weights are those that guessed them best.
        prior: the `latent.Prior` of the codes of images.
        epochs, batch_size, seed: as of `training.fit`; every epoch draws each code anew.
        callbacks, options: for `keras.Model.fit`.

    The table has a row per epoch: loss, the mean squared error of the guesses in units of that of the best linear guess
    from a single Gaussian; with `validation` the same of that as val_loss; and seconds. Epoch 0 is the prior alone.
    """
    keras.utils.set_random_seed(seed)
    diffusion, batch_size = Diffusion(prior), min(batch_size, 2 * len(images))
    denoiser, how = diffusion.denoiser, {"verbose": 0, "shuffle": False, **options}  # the pipeline shuffles
    rate = training.cosine(RATE, epochs, batch_size, 2 * len(images))
    denoiser.compile(training.Adam(rate, beta_2=0.99), "mse")
    codes = diffusion.pipeline(vae, images, batch_size, training=True)
    started = time.perf_counter()
    first = dict(loss=denoiser.evaluate(codes, verbose=0))
    if validation is not None:
        held_out = how["validation_data"] = diffusion.pipeline(vae, validation, batch_size, training=False)
        first["val_loss"] = denoiser.evaluate(held_out, verbose=0)
        patience = dict(monitor="val_loss", patience=max(1, epochs // 10), restore_best_weights=True)
        callbacks = [*callbacks, keras.callbacks.EarlyStopping(**patience)]
    kept = denoiser.fit(codes, epochs=epochs, callbacks=[*callbacks], **how)
    history = pd.concat([pd.DataFrame([first]), pd.DataFrame(kept.history)], ignore_index=True)
    seconds = (time.perf_counter() - started) / len(history)
    return diffusion, history.assign(seconds=seconds).rename_axis("epoch")


def helps(history):
    """Return whether validation codes were guessed better than by the prior alone; history: of `fit` with them."""
    return history["val_loss"].min() < HELPS * history["val_loss"][0]
