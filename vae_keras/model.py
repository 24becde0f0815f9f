"""The variational autoencoder of lesson 02: an encoder, a decoder, the noise between them, and the loss.

Kingma and Welling 2014, "Auto-Encoding Variational Bayes" (arXiv 1312.6114). All terms are sums over pixels and over
latent dimensions, and means over the batch, in nats. Images are float32 in [0, 1].
"""

import math

import keras
import numpy as np
from keras import ops

from vae_keras import backend, layers
from vae_keras.layers import BatchNormalization

if backend.name() == "tensorflow":
    import tensorflow as tf

LOG_VARIANCE_RANGE = (-12.0, 4.0)  # of a code: exp() stays finite, and no latent variable can become exact
LEAST_SIGMA = 0.0025  # of the calibrated likelihood: finer than the 8 bits of a pixel is noise
PICTURE_RANGE = (-0.2, 1.2)  # of what passes for [0, 1]: resizing overshoots a little


@keras.saving.register_keras_serializable("vae_keras")
class Sampling(layers.Layer):
    """Draws z from N(z_mean, exp(z_log_variance)).

    The draw is written as mean + deviation * noise, so that gradients reach the mean and the deviation.

    Args:
        seed: of the noise, a whole number or None.
        **kwargs: arguments of `keras.layers.Layer`. The layer computes in float32 if not told otherwise.
    """

    def __init__(self, seed=None, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, code):
        """Return z (batch, latent_dim), for a code of two tensors of that shape: z_mean and z_log_variance."""
        z_mean, z_log_variance = code
        noise = keras.random.normal(ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_variance) * noise

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "seed": self.seed}


def build_encoder(
    image_size=64, latent_dim=128, filters=None, normalization="batch", dropout=0.0, dtype=None
):
    """Return a model from images (batch, image_size, image_size, 3) to [z_mean, z_log_variance].

    Every convolution halves the side and, up to 256 channels, doubles the depth. Two dense layers read the mean and
    the log-variance, both (batch, latent_dim) in float32, off the last map.

    Args:
        image_size: pixels a side.
        latent_dim: latent variables per image.
        filters: channels of every convolution. None: see `stage_filters`.
        normalization: "batch", or None for no normalization.
        dropout: share of the last map's values that are dropped in training, in [0, 1).
        dtype: Keras' dtype policy of the layers. None: the global one.

    Raises:
        ValueError: The image size cannot be halved as often as there are filters.
    """
    images = keras.Input((image_size, image_size, 3), name="images")
    x = images
    for depth in stage_filters(image_size, filters):
        x = layers.Conv2D(depth, 3, strides=2, padding="same", use_bias=not normalization, dtype=dtype)(x)
        x = activate(x, normalization, dtype)
    x = layers.Flatten(dtype=dtype)(x)
    x = layers.Dropout(dropout, dtype=dtype)(x)
    z_mean = layers.Dense(latent_dim, name="z_mean", dtype="float32")(x)
    z_log_variance = layers.Dense(latent_dim, name="z_log_variance", dtype="float32")(x)
    z_log_variance = ops.clip(z_log_variance, *LOG_VARIANCE_RANGE)
    return keras.Model(images, [z_mean, z_log_variance], name="encoder")


def build_decoder(  # noqa: PLR0913
    image_size=64, latent_dim=128, filters=None, normalization="batch", dropout=0.0, details=None, dtype=None
):
    """Return the encoder's mirror: a model from z (batch, latent_dim) to images, float32 in [0, 1].

    Args:
        image_size: pixels a side.
        latent_dim: latent variables per image.
        filters: channels of the encoder's convolutions, used in reverse. None: see `stage_filters`.
        normalization: "batch", or None for no normalization.
        dropout: share of the first map's values that are dropped in training, in [0, 1).
        details: channels of a branch that draws details at full size, or None: see `add_details`.
        dtype: Keras' dtype policy of the layers. None: the global one.

    Raises:
        ValueError: The image size cannot be halved as often as there are filters.
    """
    *shallower, deepest = stage_filters(image_size, filters)
    side = image_size // 2 ** (len(shallower) + 1)
    z = keras.Input((latent_dim,), name="z")
    x = layers.Dense(side * side * deepest, use_bias=not normalization, dtype=dtype)(z)
    x = layers.Reshape((side, side, deepest), dtype=dtype)(x)
    x = activate(x, normalization, dtype)
    x = layers.Dropout(dropout, dtype=dtype)(x)
    for depth in reversed(shallower):
        x = layers.Conv2DTranspose(
            depth, 3, strides=2, padding="same", use_bias=not normalization, dtype=dtype
        )(x)
        x = activate(x, normalization, dtype)
    logits = layers.Conv2DTranspose(3, 3, strides=2, padding="same", dtype=dtype)(x)
    if details:
        logits = add_details(x, logits, details, dtype)
    images = layers.Activation("sigmoid", dtype="float32", name="images")(logits)
    return keras.Model(z, images, name="decoder")


def activate(x, normalization, dtype=None):
    """Return x through batch normalization, for "batch", or none, for None, and ReLU.

    The momentum of 0.9 lets short trainings be evaluated too: with Keras' 0.99 the averages of mean and variance are
    still far off after a hundred steps.
    """
    if normalization not in ("batch", None):
        raise ValueError(f"normalization is {normalization!r}; it has to be 'batch' or None.")
    if normalization:
        x = BatchNormalization(momentum=0.9, dtype=dtype)(x)
    return layers.ReLU(dtype=dtype)(x)


def add_details(x, logits, filters, dtype=None):
    """Return the logits of the images plus details, drawn at full size from the last map x (lesson 07).

    The branch begins with nothing, so that a decoder with it begins as the one without. It doubles the map by
    interpolation: strided kernels would draw chequers.
    """
    x = layers.UpSampling2D(2, interpolation="bilinear", name="details_upsampling", dtype=dtype)(x)
    for number in (1, 2):
        x = layers.Conv2D(filters, 3, padding="same", name=f"details_convolution_{number}", dtype=dtype)(x)
        x = layers.LeakyReLU(0.2, name=f"details_activation_{number}", dtype=dtype)(x)
    x = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros", name="details", dtype=dtype)(x)
    return layers.Add(name="details_added", dtype=dtype)([logits, x])


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
    """Return the squared error of each image, summed over its values: (batch,)."""
    return ops.sum(ops.square(images - reconstructions), axis=(1, 2, 3))


def bce(images, reconstructions, log_sigma=None):
    """Return the binary cross-entropy of each image, summed over its values: (batch,) nats."""
    y = ops.clip(reconstructions, 1e-6, 1 - 1e-6)
    return -ops.sum(images * ops.log(y) + (1 - images) * ops.log(1 - y), axis=(1, 2, 3))


def gaussian(images, reconstructions, log_sigma):
    """Return -log N(images; reconstructions, sigma²) of each image: (batch,) nats.

    `log_sigma` is one number for all pixels: the logarithm of the standard deviation (σ-VAE, Rybkin et al. 2021,
    arXiv 2006.13202).
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
    """Variational autoencoder of images (batch, image_size, image_size, 3), float32 in [0, 1].

    `fit(images)` learns to reconstruct; `fit(noisy, images)` learns to reconstruct images from others, such as noisy
    ones. `predict(images)` gives the reconstructions from the mean of the codes.

    Args:
        image_size: pixels a side.
        latent_dim: latent variables per image.
        filters: channels of every stage of the encoder, and in reverse of the decoder. None: see `stage_filters`.
        likelihood: "gaussian", whose variance is calibrated, "mse" or "bce".
        beta: weight of the KL term.
        normalization: "batch" or None.
        dropout: share of values that are dropped in training before the code and after it, in [0, 1).
        variational: False decodes z_mean without noise. With beta=0 that is a plain autoencoder.
        details: channels of the decoder's branch for details, or None for no such branch.
        seed: of the noise.
        **kwargs: arguments of `keras.Model`: name, dtype, trainable.

    Example:
        >>> vae = VAE(latent_dim=64)
        >>> vae.compile(optimizer="adam")
        >>> vae.fit(images, epochs=20)
        >>> vae.generate(16)
    """

    def __init__(  # noqa: PLR0913
        self,
        image_size=64,
        latent_dim=128,
        filters=None,
        likelihood="gaussian",
        beta=1.0,
        normalization="batch",
        dropout=0.0,
        variational=True,
        details=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # images and losses stay float32 in mixed precision
        check_likelihood(likelihood)
        self.image_size = image_size
        self.latent_dim = latent_dim
        self.filters = filters
        self.likelihood = likelihood
        self.full_beta = float(beta)
        self.normalization = normalization
        self.dropout = dropout
        self.variational = variational
        self.details = details
        self.seed = seed
        network = (image_size, latent_dim, filters, normalization, dropout)
        self.encoder = build_encoder(*network, dtype=self.dtype_policy)
        self.decoder = build_decoder(*network, details, dtype=self.dtype_policy)
        self.sampling = Sampling(seed)
        self.beta = keras.Variable(self.full_beta, trainable=False, name="beta")
        self.log_sigma = keras.Variable(0.0, trainable=False, aggregation="mean", name="log_sigma")
        self.means = [keras.metrics.Mean(name) for name in ("loss", "reconstruction", "kl", "mse")]
        shape = (None, image_size, image_size, 3)
        self(keras.KerasTensor(shape))  # builds: saving and exporting know the shapes

    def build(self, input_shape):
        """Build the sampling; encoder and decoder are built since they were made."""
        self.sampling.build([(None, self.latent_dim)] * 2)

    def compile(self, optimizer="adam", loss=None, metrics=None, **kwargs):
        """Choose the optimizer; further arguments are those of `keras.Model.compile`.

        Raises:
            ValueError: A loss or metrics are given, which would be ignored: the model has its own.
        """
        ignored = {"loss": loss, "metrics": metrics}
        ignored |= {name: kwargs.pop(name, None) for name in ("loss_weights", "weighted_metrics")}
        for name, value in ignored.items():
            if value:
                raise ValueError(
                    f"A VAE has its own loss and metrics, so {name} would be ignored: "
                    "leave it out; choose likelihood and beta when the VAE is made."
                )
        super().compile(optimizer=optimizer, **kwargs)

    def compile_from_config(self, config):
        """Compile a loaded model as it was compiled when it was saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self, x=None, y=None, *args, sample_weight=None, class_weight=None, validation_data=None, **kwargs
    ):
        """Train as `keras.Model.fit` does; images in [0, 1], and y, if it is given, the images to reconstruct.

        Raises:
            ValueError: The images are not in [0, 1], weights are given, which would be ignored, or Keras is set to a
                backend that does not train.
        """
        backend.check_training()
        if sample_weight is not None or class_weight is not None:
            raise ValueError("A VAE weighs all images alike: leave out sample_weight and class_weight.")
        x, y, validation_data = check_data(x), check_data(y), check_data(validation_data)
        return super().fit(x, y, *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x=None, y=None, *args, sample_weight=None, **kwargs):
        """Measure the terms of the loss as `keras.Model.evaluate` does; arguments as for `fit`."""
        if sample_weight is not None:
            raise ValueError("A VAE weighs all images alike: leave out sample_weight.")
        return super().evaluate(check_data(x), check_data(y), *args, **kwargs)

    def call(self, images, training=False):
        """Return reconstructions: in training of a drawn code, else of the mean of the codes."""
        check_type(images)
        z_mean, z_log_variance = self.encoder(images, training=training)
        z = self.sampling([z_mean, z_log_variance]) if training and self.variational else z_mean
        return self.decoder(z, training=training)

    def encode(self, images):
        """Return z_mean and z_log_variance, both (batch, latent_dim), of images (batch, size, size, 3) in [0, 1].

        Raises:
            ValueError: The images are not in [0, 1].
        """
        check_images(images)
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
        return self.decode(temperature * keras.random.normal((count, self.latent_dim), seed=seed))

    def compute_terms(self, images, targets, training):
        """Return the loss and its terms for a batch, in nats per image, with mse per value and log_sigma.

        In training the likelihood's log_sigma is the one that fits this batch best; in evaluation, the stored one.

        Args:
            images: what is encoded.
            targets: what is to be reconstructed, of the same shape.
            training: True or False.
        """
        z_mean, z_log_variance = self.encoder(images, training=training)
        z = self.sampling([z_mean, z_log_variance]) if self.variational else z_mean
        reconstructions = self.decoder(z, training=training)
        squared_error = ops.mean(ops.square(targets - reconstructions))
        log_sigma = best_log_sigma(mean_of_replicas(squared_error)) if training else self.log_sigma
        nats = LIKELIHOODS[self.likelihood](targets, reconstructions, log_sigma)
        reconstruction = ops.mean(nats)
        kl = ops.mean(ops.sum(kl_divergence(z_mean, z_log_variance), axis=1))
        loss = reconstruction + self.beta * kl
        return dict(loss=loss, reconstruction=reconstruction, kl=kl, mse=squared_error, log_sigma=log_sigma)

    def train_step(self, data):
        """Take one step of the optimizer on a batch of images."""
        images, targets = unpack(data)
        with tf.GradientTape() as tape:
            terms = self.compute_terms(images, targets, training=True)
            loss = self.optimizer.scale_loss(share_of_replica(terms["loss"]))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply(gradients, self.trainable_weights)
        self.log_sigma.assign(0.9 * self.log_sigma + 0.1 * terms["log_sigma"])
        return self.track(terms)

    def test_step(self, data):
        """Measure the same terms on a batch, without a step."""
        images, targets = unpack(data)
        return self.track(self.compute_terms(images, targets, training=False))

    def track(self, terms):
        """Add a batch's terms to their running means and return those."""
        for mean in self.metrics:
            mean.update_state(terms[mean.name])
        return {mean.name: mean.result() for mean in self.metrics}

    @property
    def metrics(self):
        """The running means of the loss and its terms."""
        return self.means

    def get_config(self):
        """Return the arguments of the constructor: they tell the whole structure."""
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "latent_dim": self.latent_dim,
            "filters": None if self.filters is None else list(self.filters),
            "likelihood": self.likelihood,
            "beta": self.full_beta,
            "normalization": self.normalization,
            "dropout": self.dropout,
            "variational": self.variational,
            "details": self.details,
            "seed": self.seed,
        }

    def copy_with_details(self, filters=16):
        """Return a copy of this model whose decoder has a branch for details, which draws nothing as yet.

        Args:
            filters: channels of the branch. A decoder that has such a branch keeps its own.
        """
        config = self.get_config()
        config["details"] = config["details"] or filters
        copy = VAE.from_config(config)
        copy.encoder.set_weights(self.encoder.get_weights())
        if self.details:
            copy.decoder.set_weights(self.decoder.get_weights())
        else:
            plain = [layer for layer in copy.decoder.layers if not layer.name.startswith("details")]
            for new, old in zip(plain, self.decoder.layers, strict=True):
                new.set_weights(old.get_weights())
        copy.beta.assign(self.beta)
        copy.log_sigma.assign(self.log_sigma)
        return copy


if backend.name() == "jax":
    from vae_keras import on_jax

    def _train_step(self, state, data):
        """Take one step as `train_step` says it, without side effects: see `on_jax.train_step`."""
        images, targets = unpack(data)

        def compute():
            terms = self.compute_terms(images, targets, training=True)
            return [self.optimizer.scale_loss(terms["loss"])], terms

        def finish(terms):
            self.log_sigma.assign(0.9 * self.log_sigma + 0.1 * terms["log_sigma"])
            return self.track(terms)

        learners = [(self.optimizer, self.trainable_variables)]
        return on_jax.train_step(self, state, learners, compute, finish)

    VAE.train_step, VAE.test_step = _train_step, on_jax.stateless(VAE.test_step)


def mean_of_replicas(value):
    """Return the mean of a number over the devices that train together; without such, the number."""
    if backend.name() != "tensorflow":  # JAX computes with whole batches, wherever their parts are
        return value
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.MEAN, value)


def share_of_replica(loss):
    """Return the loss divided by the number of devices that train together: their gradients are summed."""
    return loss / tf.distribute.get_strategy().num_replicas_in_sync


def check_likelihood(name):
    """Raise ValueError where there is no likelihood of this name."""
    if name not in LIKELIHOODS:
        raise ValueError(f"likelihood is {name!r}; it has to be one of {', '.join(LIKELIHOODS)}.")


def unpack(data):
    """Return a batch as images and targets. The images are the targets where no others are given.

    Raises:
        ValueError: The batch has weights, or targets of another shape, such as labels.
    """
    images, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError("A VAE weighs all images alike: give batches without weights.")
    if targets is None:
        return images, images
    if targets.shape[1:] != images.shape[1:]:
        raise ValueError(
            f"The second part of each batch has the shape {tuple(targets.shape)}: a VAE takes images alone, or pairs "
            "of images (what is encoded, what is to be reconstructed); leave out labels."
        )
    return images, targets


def check_data(data):
    """Return data for `fit` or `evaluate` after a look at the type and the range of its first batch.

    Args:
        data: an array, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator, a tuple of arrays, or None. What
            is none of these is left to Keras. The datasets of `pipeline.batches`, where a look would count as an
            epoch, say themselves that they are in range.

    Raises:
        ValueError: The images are not in [0, 1].
    """
    if isinstance(data, tuple | list):
        return type(data)(check_data(part) for part in data)
    first = None
    if isinstance(data, np.ndarray) or ops.is_tensor(data):
        first = data[:256]
    elif getattr(data, "in_range", False):
        return data
    elif backend.is_dataset(data):
        first = next(iter(data.take(1)), None)
    elif isinstance(data, keras.utils.PyDataset):
        first = data[0]
    elif hasattr(data, "__next__"):
        first = next(data)
        data = _again(first, data)
    batch = first[0] if isinstance(first, tuple | list) else first
    if batch is not None:
        check_images(batch)
    return data


def _again(first, rest):
    """Yield a batch that was taken from a generator, and then the others."""
    yield first
    yield from rest


def check_images(images):
    """Raise ValueError where images are not in [0, 1]; of tensors without a value only the type is known."""
    check_type(images)
    if backend.has_values(images):
        values = ops.convert_to_numpy(images)
        least, most = (values.min(), values.max()) if values.size else (0.0, 1.0)
        if not PICTURE_RANGE[0] <= least <= most <= PICTURE_RANGE[1]:
            raise ValueError(
                f"Images have to be in [0, 1]; these are in [{least:.4g}, {most:.4g}]: divide values of 0 to 255 by "
                "255, and move values of -1 to 1 by (images + 1) / 2."
            )


def check_type(images):
    """Raise ValueError where images are whole numbers, such as bytes."""
    dtype = keras.backend.standardize_dtype(images.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError(f"Images have to be floats in [0, 1]; these are {dtype}: divide bytes by 255.")
