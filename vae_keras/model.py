"""The variational autoencoder of lesson 02: an encoder, a decoder, the noise between them, and the loss.

Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv 1312.6114). All terms are sums over pixels
and over latent dimensions, and means over the batch, in nats. Images are float32 in [0, 1].
"""

import math

import keras
import tensorflow as tf
from keras import layers, ops

LOG_VARIANCE_RANGE = (-12.0, 4.0)  # of a code: exp() stays finite, and no latent variable can become exact
LEAST_SIGMA = 0.0025  # of the calibrated likelihood: finer than the 8 bits of a pixel is noise


@keras.saving.register_keras_serializable("vae_keras")
class Sampling(layers.Layer):
    """Draw z from N(z_mean, exp(z_log_variance)): two (batch, latent_dim) tensors in, one out.

    The draw is written as mean + deviation * noise, so that gradients reach the mean and the deviation.
    """

    def __init__(self, seed=None, **options):
        super().__init__(dtype="float32", **options)
        self.noise = keras.random.SeedGenerator(seed)

    def call(self, code):
        z_mean, z_log_variance = code
        noise = keras.random.normal(ops.shape(z_mean), seed=self.noise)
        return z_mean + ops.exp(0.5 * z_log_variance) * noise


def build_encoder(image_size=64, latent_dim=128, filters=None, normalization="batch", dropout=0.0):
    """Return a model from images (batch, image_size, image_size, 3) to [z_mean, z_log_variance].

    Every convolution halves the side and (up to 256 channels) doubles the depth; two dense layers read the mean and
    the log-variance, both (batch, latent_dim) float32, off the last map. Raises ValueError for a size that `filters`
    cannot halve.
    """
    images = keras.Input((image_size, image_size, 3), name="images")
    x = images
    for depth in stage_filters(image_size, filters):
        x = layers.Conv2D(depth, 3, strides=2, padding="same", use_bias=not normalization)(x)
        x = activate(x, normalization)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    z_mean = layers.Dense(latent_dim, name="z_mean", dtype="float32")(x)
    z_log_variance = layers.Dense(latent_dim, name="z_log_variance", dtype="float32")(x)
    z_log_variance = ops.clip(z_log_variance, *LOG_VARIANCE_RANGE)
    return keras.Model(images, [z_mean, z_log_variance], name="encoder")


def build_decoder(image_size=64, latent_dim=128, filters=None, normalization="batch", dropout=0.0):
    """Return the encoder's mirror: a model from z (batch, latent_dim) to images float32 in [0, 1]."""
    *shallower, deepest = stage_filters(image_size, filters)
    side = image_size // 2 ** (len(shallower) + 1)
    z = keras.Input((latent_dim,), name="z")
    x = layers.Dense(side * side * deepest, use_bias=not normalization)(z)
    x = activate(layers.Reshape((side, side, deepest))(x), normalization)
    x = layers.Dropout(dropout)(x)
    for depth in reversed(shallower):
        x = layers.Conv2DTranspose(depth, 3, strides=2, padding="same", use_bias=not normalization)(x)
        x = activate(x, normalization)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same")(x)
    images = layers.Activation("sigmoid", dtype="float32", name="images")(x)
    return keras.Model(z, images, name="decoder")


def activate(x, normalization):
    """Return x through batch normalization (for "batch"; None leaves it out) and ReLU."""
    if normalization not in ("batch", None):
        raise ValueError(f"normalization is {normalization!r}; it has to be 'batch' or None.")
    return layers.ReLU()(BatchNormalization(momentum=0.9)(x) if normalization else x)


@keras.saving.register_keras_serializable("vae_keras")
class BatchNormalization(layers.BatchNormalization):
    """Keras's layer, with TensorFlow's fused kernel in training: the same result in a fifth less time a step on a CPU.

    The momentum of 0.9 above lets short trainings be evaluated too; with Keras's 0.99 the averages of mean and
    variance are still far off after a hundred steps.
    """

    def call(self, inputs, training=False, mask=None):
        if not training:
            return super().call(inputs, training=False)
        scale, offset = tf.cast(self.gamma, "float32"), tf.cast(self.beta, "float32")
        outputs, mean, variance, *_ = tf.compat.v1.nn.fused_batch_norm(
            inputs, scale, offset, epsilon=self.epsilon
        )
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(self.momentum * average + (1 - self.momentum) * tf.cast(value, average.dtype))
        return outputs


def stage_filters(image_size, filters=None):
    """Return the channels of every stage: as given, or as many halvings as lead to 4×4, from 32 channels up to 256."""
    if filters is None:
        stages = max(1, round(math.log2(max(image_size, 8) / 4)))
        filters = [min(32 * 2**stage, 256) for stage in range(stages)]
    unit = 2 ** len(filters)
    if image_size % unit or image_size < unit:
        raise ValueError(
            f"The image size is {image_size}; the network halves it {len(filters)} times, so it has to be a "
            f"multiple of {unit}: try {max(1, round(image_size / unit)) * unit}."
        )
    return list(filters)


def mse(images, reconstructions, log_sigma=None):
    """Return the squared error of each picture, summed over its values: (batch,)."""
    return ops.sum(ops.square(images - reconstructions), axis=(1, 2, 3))


def bce(images, reconstructions, log_sigma=None):
    """Return the binary cross-entropy of each picture, summed over its values: (batch,) nats."""
    y = ops.clip(reconstructions, 1e-6, 1 - 1e-6)
    return -ops.sum(images * ops.log(y) + (1 - images) * ops.log(1 - y), axis=(1, 2, 3))


def gaussian(images, reconstructions, log_sigma):
    """Return -log N(images; reconstructions, sigma²) of each picture: (batch,) nats.

    `log_sigma` is one number for all pixels: the logarithm of the standard deviation (σ-VAE, Rybkin et al. 2021).
    """
    scaled = (images - reconstructions) * ops.exp(-log_sigma)
    return ops.sum(0.5 * ops.square(scaled) + log_sigma + 0.5 * math.log(2 * math.pi), axis=(1, 2, 3))


def best_log_sigma(squared_error):
    """Return the log_sigma for which `gaussian` is smallest, given the mean squared error per value of a batch."""
    return 0.5 * ops.log(ops.maximum(squared_error, LEAST_SIGMA**2))


LIKELIHOODS = {"mse": mse, "bce": bce, "gaussian": gaussian}


def kl_divergence(z_mean, z_log_variance):
    """Return KL(N(z_mean, exp(z_log_variance)) || N(0, 1)) per latent dimension: (batch, latent_dim) nats."""
    return 0.5 * (ops.square(z_mean) + ops.exp(z_log_variance) - z_log_variance - 1)


@keras.saving.register_keras_serializable("vae_keras")
class VAE(keras.Model):
    """Variational autoencoder. Train it with `compile(optimizer)` and `fit(images)`; images: float32 in [0, 1].

    Args:
        image_size: pixels a side. latent_dim: numbers per face. filters: channels per stage, None for the default.
        likelihood: "gaussian" (variance calibrated), "mse" or "bce". beta: weight of the KL term.
        normalization: "batch" or None. dropout: share of units dropped before the code and after it.
        variational: False decodes z_mean without noise: with beta=0, a plain autoencoder. seed: of the noise.
    """

    def __init__(
        self,
        image_size=64,
        latent_dim=128,
        filters=None,
        likelihood="gaussian",
        beta=1.0,
        normalization="batch",
        dropout=0.0,
        variational=True,
        seed=0,
        **options,
    ):
        super().__init__(autocast=False, **options)  # images and losses stay float32 in mixed precision
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood is {likelihood!r}; it has to be one of {', '.join(LIKELIHOODS)}.")
        self.network = dict(image_size=image_size, latent_dim=latent_dim, filters=filters)
        self.network |= dict(normalization=normalization, dropout=dropout)
        self.settings = dict(likelihood=likelihood, beta=beta, variational=variational, seed=seed)
        self.encoder, self.decoder = build_encoder(**self.network), build_decoder(**self.network)
        self.sampling = Sampling(seed)
        self.likelihood = LIKELIHOODS[likelihood]
        self.beta = keras.Variable(float(beta), trainable=False, name="beta")
        self.log_sigma = keras.Variable(0.0, trainable=False, name="log_sigma")
        self.means = [keras.metrics.Mean(name) for name in ("loss", "reconstruction", "kl", "mse")]
        self.built = True  # every weight exists: saving works before the first call

    def call(self, images, training=False):
        z_mean, z_log_variance = self.encoder(images, training=training)
        z = self.sampling([z_mean, z_log_variance]) if self.settings["variational"] else z_mean
        return self.decoder(z, training=training)

    def encode(self, images):
        """Return (z_mean, z_log_variance), both (batch, latent_dim), of images (batch, size, size, 3) in [0, 1]."""
        return self.encoder(images, training=False)

    def decode(self, z):
        """Return images (batch, size, size, 3) in [0, 1] of codes z (batch, latent_dim)."""
        return self.decoder(z, training=False)

    def reconstruct(self, images):
        """Return the images decoded from the mean of their codes."""
        return self.decode(self.encode(images)[0])

    def generate(self, count, seed=None, temperature=1.0):
        """Return `count` new images decoded from z ~ N(0, temperature²), the same ones for the same seed."""
        if count < 1:
            raise ValueError(f"Asked for {count} faces; ask for 1 or more.")
        shape = (count, self.network["latent_dim"])
        return self.decode(temperature * keras.random.normal(shape, seed=seed))

    def compute_terms(self, images, training):
        """Return the loss and its terms for a batch, in nats per picture (mse: per value).

        In training the likelihood's variance is the one that fits this batch best; in evaluation, the stored one.
        """
        z_mean, z_log_variance = self.encoder(images, training=training)
        z = self.sampling([z_mean, z_log_variance]) if self.settings["variational"] else z_mean
        reconstructions = self.decoder(z, training=training)
        squared_error = ops.mean(ops.square(images - reconstructions))
        log_sigma = best_log_sigma(squared_error) if training else self.log_sigma
        reconstruction = ops.mean(self.likelihood(images, reconstructions, log_sigma))
        kl = ops.mean(ops.sum(kl_divergence(z_mean, z_log_variance), axis=1))
        loss = reconstruction + self.beta * kl
        return dict(loss=loss, reconstruction=reconstruction, kl=kl, mse=squared_error)

    def train_step(self, data):
        """Take one step of the optimizer on a batch of images."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            terms = self.compute_terms(images, training=True)
            loss = self.optimizer.scale_loss(terms["loss"])
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply(gradients, self.trainable_weights)
        self.log_sigma.assign(0.9 * self.log_sigma + 0.1 * best_log_sigma(terms["mse"]))
        return self.track(terms)

    def test_step(self, data):
        """Measure the same terms on a batch, without a step."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.track(self.compute_terms(images, training=False))

    def track(self, terms):
        """Add a batch's terms to their running means and return those."""
        for mean in self.metrics:
            mean.update_state(terms[mean.name])
        return {mean.name: mean.result() for mean in self.metrics}

    @property
    def metrics(self):
        return self.means

    def get_config(self):
        return {"name": self.name, **self.network, **self.settings}
