"""New codes by diffusion: a network turns noise into a code, step by step, as image generators do with their codes.

It learns to guess a code that is hidden in noise (Ho et al. 2020, arXiv 2006.11239). From a noisy code, guess after
guess, with less noise each time, comes one as real pictures have it (Rombach et al. 2022, arXiv 2112.10752). The scales
of inputs and targets and the steps are those of Karras et al. (2022, arXiv 2206.00364). The mixture of
`priors.fit_prior` makes a first guess, in closed form; the network learns what that misses.
"""

import functools
import time

import keras
import numpy as np
from keras import layers, ops

from vae_keras import backend, latent, optimizers, pipeline

LARGEST_NOISE = 4.0  # at the first step: a standard deviation, in units of the codes' own
SMALLEST_NOISE = 0.02  # at the last step
LOG_NOISE_MEAN = -0.3  # in training: of the logarithm of the noise's deviation, so that codes are half hidden
LOG_NOISE_DEVIATION = 1.0
BLOCKS = 2  # residual blocks of the network
# Of the sines that tell the network how much noise there is.
FREQUENCIES = np.geomspace(0.1, 3, 32, dtype="float32")
LEARNING_RATE = 1e-3  # at the start; it falls along a cosine
GAIN = 0.98  # share of the mixture's loss that the network has to get below to be worth its weights
GUESSED_AT_ONCE = 1000  # codes, since more of them would need much memory


@keras.saving.register_keras_serializable("vae_keras")
class Denoiser(keras.Model):
    """A residual network that learns what the mixture's guess misses. Before training it says zero.

    It is called with what `DiffusionPrior.denoiser_inputs` gives, a tuple of four tensors, and answers with
    (batch, latent_dim), in units of the error of the best linear guess.

    Args:
        latent_dim: latent variables per code.
        components: number of components of the mixture.
        width: units of the hidden layers.
        name: name of the model.
        dtype: Keras' dtype policy. Many small steps add up, and for those bfloat16 is too coarse.
        **kwargs: arguments of `keras.Model`.
    """

    def __init__(self, latent_dim, components, width=384, name="denoiser", dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.latent_dim = latent_dim
        self.components = components
        self.width = width
        self.dropout = layers.Dropout(0.1, dtype=dtype)

    def build(self, input_shape=None):
        """Make the weights. Their shapes follow from the constructor's arguments.

        They belong to the model itself, one pair of kernel and bias after the other: so they stand in the files.
        """
        features = 2 * len(FREQUENCIES)
        self.embed_level = self._add_dense(features, features)
        self.enter = self._add_dense(2 * self.latent_dim + self.components, self.width)
        self.blocks = []
        for _ in range(BLOCKS):
            widen = self._add_dense(self.width, 2 * self.width)
            add_level = self._add_dense(features, 2 * self.width)
            narrow = self._add_dense(2 * self.width, self.width, initializer="zeros")
            self.blocks.append((widen, add_level, narrow))
        self.leave = self._add_dense(self.width, self.latent_dim, initializer="zeros")

    def _add_dense(self, inputs, outputs, initializer="glorot_uniform"):
        """Return the kernel and the bias of a dense layer."""
        kernel = self.add_weight((inputs, outputs), initializer)
        bias = self.add_weight((outputs,), "zeros")
        return kernel, bias

    def call(self, inputs, training=False):
        """Return what the mixture's guesses miss, (batch, latent_dim)."""
        scaled, correction, responsibilities, log_noise = inputs
        waves = log_noise * FREQUENCIES
        level = ops.concatenate([ops.sin(waves), ops.cos(waves)], axis=1)
        level = ops.silu(dense(level, self.embed_level))
        x = ops.concatenate([scaled, correction, responsibilities], axis=1)
        x = dense(x, self.enter)
        for widen, add_level, narrow in self.blocks:
            y = dense(normalize(x), widen) + dense(level, add_level)
            y = self.dropout(ops.silu(y), training=training)
            x = x + dense(y, narrow)
        return dense(normalize(x), self.leave)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "components": self.components,
            "width": self.width,
        }


def dense(x, weights):
    """Return x (n, inputs) through a dense layer: a product with its kernel, plus its bias.

    Args:
        x: a tensor (n, inputs).
        weights: the kernel (inputs, outputs) and the bias (outputs,).
    """
    kernel, bias = weights
    return ops.matmul(x, kernel) + bias


def normalize(x):
    """Return x (n, width) with mean 0 and variance 1 in each row."""
    x = x - ops.mean(x, axis=1, keepdims=True)
    return x / ops.sqrt(ops.mean(ops.square(x), axis=1, keepdims=True) + 1e-3)


def noise_levels(steps: int = 12) -> np.ndarray:
    """Return the noise before each step of the sampling, as standard deviations in units of the codes' own.

    They fall from `LARGEST_NOISE` to `SMALLEST_NOISE`, and lie closer together where there is little noise (Karras et
    al., equation 5, with rho = 7).

    Args:
        steps: how many levels, 1 or more. A single one is the largest.

    Returns:
        float64 (steps,).
    """
    return np.linspace(LARGEST_NOISE ** (1 / 7), SMALLEST_NOISE ** (1 / 7), steps) ** 7


class DiffusionPrior:
    """What to draw codes from, in the place of a `Mixture`, whose guesses a `Denoiser` corrects.

    Inside it codes are whitened: they have mean 0 and covariance 1, as the mixture says. `center` (latent_dim,) and
    `whiten` (latent_dim, latent_dim) take a code z there, (z - center) @ whiten; `unwhiten` takes it back.

    Args:
        prior: the `Mixture` of the codes.
        width: units of the denoiser's hidden layers.

    Example:
        >>> diffusion, history = fit_denoiser(vae, faces.train, prior, faces.validation)
        >>> new_faces = latent.decode(vae, diffusion.sample(16))
    """

    def __init__(self, prior, width: int = 384):
        self.center = prior.weights @ prior.means
        offsets = prior.means - self.center
        covariances = np.float64(prior.factors) @ np.swapaxes(prior.factors, 1, 2)
        between = offsets[:, :, None] * offsets[:, None]
        covariance = np.einsum("k,kde->de", prior.weights, covariances + between)
        factor = np.linalg.cholesky(covariance)
        self.whiten = np.linalg.inv(factor).T
        self.unwhiten = factor.T
        # The mixture of the whitened codes, each component along its own axes. Shapes: see `mixture_guess`.
        variances, axes = np.linalg.eigh(self.whiten.T @ covariances @ self.whiten)
        self.log_weights = np.float32(np.log(prior.weights))[:, None]
        self.means = np.float32(offsets @ self.whiten)[:, None]
        self.variances = np.float32(variances)[:, None]
        self.axes = np.float32(axes)
        self.denoiser = Denoiser(len(self.center), len(prior.weights), width)
        self.denoiser.build()

    def sample(self, count: int, seed: int = 0, temperature: float = 1.0, steps: int = 12) -> np.ndarray:
        """Return new codes.

        Args:
            count: how many, 1 or more. The first ones of a seed are the same for every count.
            seed: of the noise, or a generator of NumPy, which goes on.
            temperature: scales how far the codes are from their mean: 0 gives that alone.
            steps: levels of noise, 1 or more.

        Returns:
            Codes as float32 (count, latent_dim).

        Raises:
            ValueError: A number is too small.
        """
        *_, z = self.path(count, seed, temperature, steps)
        return z

    def path(self, count: int, seed: int = 0, temperature: float = 1.0, steps: int = 12):
        """Yield the guesses on the way to the codes of `sample`, which are the last ones, from much noise to little.

        Args:
            count: as of `sample`, and so are the others.
            seed: of the noise.
            temperature: scales how far the codes are from their mean.
            steps: levels of noise.

        Yields:
            Codes as float32 (count, latent_dim), `steps` times.

        Raises:
            ValueError: A number is too small.
        """
        self._check_amounts(count, steps, temperature)
        levels = noise_levels(steps)
        # Whitened codes have variance 1, and the noise of the first level adds its own. The codes hardly show.
        noise = np.random.default_rng(seed).standard_normal((count, len(self.center)))
        noisy = np.sqrt(1 + LARGEST_NOISE**2) * noise
        for step, level in enumerate(levels):
            guess = self.guess(noisy, level)
            yield np.float32(temperature * guess @ self.unwhiten + self.center)
            if step + 1 < steps:
                noisy = self.step(noisy, guess, level, levels[step + 1])

    def _check_amounts(self, count, steps, temperature):
        """Raise ValueError where one of the arguments of `path` is too small."""
        if count < 1 or steps < 1 or temperature < 0:
            raise ValueError(
                "Count and steps are 1 or more and temperature is not negative, unlike here: "
                f"{count}, {steps}, {temperature}."
            )

    def step(self, noisy: np.ndarray, guess: np.ndarray, level: float, lower: float) -> np.ndarray:
        """Return noisy codes with less noise: a step towards the guess, by Heun's rule (Karras et al., algorithm 1).

        The slope at the end of the step is not the one at its start. Heun's rule takes the mean of both.

        Args:
            noisy: whitened codes with noise, (n, latent_dim).
            guess: what `guess` says of them.
            level: standard deviation of their noise.
            lower: that of the noise that is to be left.

        Returns:
            Whitened codes with noise, float64 (n, latent_dim).
        """
        slope = (noisy - guess) / level
        ahead = noisy + (lower - level) * slope
        slope_ahead = (ahead - self.guess(ahead, lower)) / lower
        return noisy + (lower - level) * (slope + slope_ahead) / 2

    def guess(self, noisy: np.ndarray, noise: float) -> np.ndarray:
        """Return the mean of the whitened codes that could hide in noisy ones.

        Args:
            noisy: whitened codes with noise, (n, latent_dim).
            noise: standard deviation of the noise.

        Returns:
            Whitened codes as float64 (n, latent_dim).
        """
        guesses = []
        for start in range(0, len(noisy), GUESSED_AT_ONCE):
            part = np.float32(noisy[start : start + GUESSED_AT_ONCE])
            guesses.append(self._guess_compiled(part, np.full((len(part), 1), noise, "float32")))
        return np.concatenate(guesses).astype("float64")

    @functools.cached_property
    def _guess_compiled(self):
        """`_guess_part`, compiled: five times as fast as its operations one by one."""
        return backend.compiled(self._guess_part, self.denoiser)

    def __getstate__(self):
        """Return what a copy takes over: it compiles a function of its own."""
        return {name: value for name, value in vars(self).items() if name != "_guess_compiled"}

    def _guess_part(self, noisy, noise):
        """Return the guesses for noisy codes (n, latent_dim) under noise (n, 1)."""
        inputs, mixture_guess, unit = self.denoiser_inputs(noisy, noise)
        return mixture_guess + unit * self.denoiser(inputs, training=False)

    def denoiser_inputs(self, noisy, noise):
        """Return what the denoiser is shown of noisy codes, the mixture's guess, and the unit of its error.

        Args:
            noisy: whitened codes with noise, float32 (n, latent_dim).
            noise: standard deviation of each one's noise, float32 (n, 1).

        Returns:
            A tuple of four inputs, the guess (n, latent_dim), and the unit (n, 1), which is the error of the best
            linear guess. The inputs: the noisy codes, scaled to a variance of 1; what the mixture's guess adds to the
            linear one, in that unit; the responsibilities (n, components); the logarithm of the noise.
        """
        guess, responsibilities = self.mixture_guess(noisy, noise)
        scale = ops.sqrt(1 + ops.square(noise))
        unit = noise / scale
        scaled = noisy / scale
        correction = (guess - scaled / scale) / unit
        return (scaled, correction, responsibilities, ops.log(noise)), guess, unit

    def mixture_guess(self, noisy, noise):
        """Return the mean of the mixture's codes, given each of them under noise, and the responsibilities.

        It is a mean over the components, weighed by how likely each of them made the code: its responsibility.

        Args:
            noisy: whitened codes with noise, float32 (n, latent_dim).
            noise: standard deviation of each one's noise, float32 (n, 1).

        Returns:
            Whitened codes (n, latent_dim) and responsibilities (n, components).
        """
        # Arrays are (components, n, latent_dim) here, along the axes of each component.
        parts = (self.log_weights, self.means, self.variances, self.axes)
        log_weights, means, own_variances, axes = map(ops.convert_to_tensor, parts)
        offsets = ops.matmul(noisy[None] - means, axes)
        variances = own_variances + ops.square(noise)[None]
        log_densities = -0.5 * ops.sum(ops.square(offsets) / variances + ops.log(variances), axis=2)
        log_parts = log_weights + log_densities
        responsibilities = ops.exp(log_parts - ops.logsumexp(log_parts, axis=0, keepdims=True))
        shrunk = offsets * own_variances / variances
        codes = means + ops.matmul(shrunk, ops.swapaxes(axes, 1, 2))
        return ops.sum(responsibilities[:, :, None] * codes, axis=0), ops.transpose(responsibilities)

    def batches(self, vae, images: np.ndarray, batch_size: int, training: bool):
        """Return batches for the denoiser, made of the codes of pictures and of their mirror images.

        Args:
            vae: the `VAE` that encodes them.
            images: uint8 (n, size, size, 3).
            batch_size: codes per batch.
            training: whether codes are shuffled, drawn and hidden anew in every epoch. Otherwise every epoch is the
                same, so that epochs compare.

        Returns:
            A `tf.data.Dataset` of pairs of inputs and targets; on JAX an `on_jax.Batches`.
        """
        means, log_variances = latent.encode(vae, images)
        mirrored_means, mirrored_log_variances = latent.encode(vae, images[:, :, ::-1])
        means = np.concatenate([means, mirrored_means])
        log_variances = np.concatenate([log_variances, mirrored_log_variances])
        if backend.name() == "jax":
            from vae_keras import on_jax

            order = pipeline.Order(len(means), batch_size, training, seed=0)
            steps = len(means) // batch_size if training else -(-len(means) // batch_size)
            return on_jax.Batches([means, log_variances], order, self._draw_and_hide, steps)
        import tensorflow as tf

        codes = tf.data.Dataset.from_tensor_slices((means, log_variances))
        if training:
            codes = codes.shuffle(2 * len(images))
        codes = codes.batch(batch_size, drop_remainder=training)
        # Random operations in `map` would begin again with the same numbers in every epoch: hence seeds as data.
        seeds = tf.data.Dataset.random(seed=0, rerandomize_each_iteration=training).batch(2)
        batches = tf.data.Dataset.zip((codes, seeds))
        return batches.map(lambda code, seed: self._draw_and_hide(seed, *code)).prefetch(2)

    def _draw_and_hide(self, seed, mean, log_variance):
        """Return inputs and targets of a batch of z_mean and z_log_variance."""
        draw_seed, hide_seed = backend.split(seed)
        noise = backend.normal(ops.shape(mean), draw_seed)
        z = mean + ops.exp(0.5 * log_variance) * noise
        whitened = ops.matmul(z - np.float32(self.center), np.float32(self.whiten))
        return self.hide(whitened, hide_seed)

    def hide(self, z, seed):
        """Return a batch of training: whitened codes hidden in noise, and what the denoiser should say of them.

        Args:
            z: whitened codes, float32 (n, latent_dim).
            seed: two whole numbers, a tensor.

        Returns:
            The inputs of `denoiser_inputs`, and the target (n, latent_dim).
        """
        level_seed, noise_seed = backend.split(seed)
        level = backend.normal((ops.shape(z)[0], 1), level_seed)
        noise = ops.exp(LOG_NOISE_MEAN + LOG_NOISE_DEVIATION * level)
        noisy = z + noise * backend.normal(ops.shape(z), noise_seed)
        inputs, guess, unit = self.denoiser_inputs(noisy, noise)
        return inputs, (z - guess) / unit


def fit_denoiser(  # noqa: PLR0913
    vae,
    images: np.ndarray,
    prior,
    validation: np.ndarray | None = None,
    epochs: int = 80,
    batch_size: int = 512,
    seed: int = 0,
    width: int = 384,
    callbacks=(),
    verbose=0,
):
    """Return a diffusion prior, fitted to the codes of pictures and of their mirror images, and its history.

    Args:
        vae: a trained `VAE`.
        images: training pictures, uint8 (n, size, size, 3).
        prior: the `Mixture` of the codes of the pictures.
        validation: uint8 (m, size, size, 3), or None. Where their codes are guessed no better for a tenth of the
            epochs, training ends, and the weights are those that guessed them best.
        epochs: passes over the codes, each of which draws every code anew.
        batch_size: codes per step.
        seed: of the first weights and of the dropout.
        width: units of the denoiser's hidden layers.
        callbacks: callbacks of Keras.
        verbose: as of `keras.Model.fit`.

    Returns:
        A `DiffusionPrior`, and a table with a row per epoch: loss, the mean squared error of the guesses in units of
        the best linear guess's; with a validation the same of that as val_loss; and seconds. Epoch 0 is the mixture
        alone.

    Example:
        >>> diffusion, history = fit_denoiser(vae, faces.train, prior, faces.validation)
        >>> gains(history)
        True
    """
    import pandas as pd

    backend.check_training()
    keras.utils.set_random_seed(seed)
    diffusion = DiffusionPrior(prior, width)
    denoiser = diffusion.denoiser
    batch_size = min(batch_size, 2 * len(images))
    learning_rate = optimizers.cosine_decay(LEARNING_RATE, epochs, batch_size, 2 * len(images))
    denoiser.compile(optimizers.Adam(learning_rate, beta_2=0.99), "mse")
    batches = diffusion.batches(vae, images, batch_size, training=True)
    held_out = None
    started = time.perf_counter()
    before = {"loss": denoiser.evaluate(batches, verbose=0)}
    if validation is not None:
        held_out = diffusion.batches(vae, validation, batch_size, training=False)
        before["val_loss"] = denoiser.evaluate(held_out, verbose=0)
        patience = max(1, epochs // 10)
        stop = keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)
        callbacks = [*callbacks, stop]
    fitted = denoiser.fit(
        batches,
        validation_data=held_out,
        epochs=epochs,
        callbacks=list(callbacks),
        verbose=verbose,
        shuffle=False,  # the dataset shuffles
    )
    history = pd.concat([pd.DataFrame([before]), pd.DataFrame(fitted.history)], ignore_index=True)
    history["seconds"] = (time.perf_counter() - started) / len(history)
    return diffusion, history.rename_axis("epoch")


def gains(history) -> bool:
    """Return whether validation codes were guessed better than by the mixture alone.

    Args:
        history: the table of `fit_denoiser` with a validation.
    """
    losses = history["val_loss"]
    return bool(losses.min() < GAIN * losses[0])
