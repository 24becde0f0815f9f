"""Sharper faces: the decoder of a trained VAE, trained on against a network that tells photographs from its faces.

A squared error is smallest for the mean of all faces that a code may stand for, and a mean is blurred. A discriminator
asks for a face that could be one of them instead (Goodfellow et al. 2014, arXiv 1406.2661). Its features of the
photograph and of the face are a second measure of how alike they are (Larsen et al. 2016, arXiv 1512.09300). The
encoder stays as it is, and so do the codes and their prior.
"""

import keras
from keras import layers, ops

from vae_keras import backend, optimizers, training
from vae_keras.config import require
from vae_keras.model import stage_filters

if backend.name() == "tensorflow":
    import tensorflow as tf

# Learning rates of the decoder and of the discriminator, which has to learn faster than what it judges.
RATES = {"adam": (2e-4, 5e-4), "muon": (8e-4, 2e-3)}
# Of both optimizers. Their memories are short, since each network chases the other.
BETAS = {"beta_1": 0.5, "beta_2": 0.99}
DETAILS = 16  # channels of the branch that sharpening adds to a decoder
# Standard deviation, in units of a pixel's range, of the noise by which the gradient penalty is measured.
PENALTY_NOISE = 0.02


def build_discriminator(image_size: int = 64, dtype=None) -> keras.Model:
    """Return a model from images (batch, size, size, 3) to logits and to feature maps.

    It looks at every pixel before it averages, since a strided convolution would not see chequers, and halves the side
    as often as the encoder does.

    Args:
        image_size: pixels a side.
        dtype: Keras' dtype policy of the layers. None: the global one.

    Returns:
        A model with a list of outputs: the logits (batch, 1), above zero for a photograph, and then the feature
        maps, from large to small, in float32.
    """
    *narrower, last = stage_filters(image_size)
    widths = [16] + [3 * width // 2 for width in narrower]
    images = keras.Input((image_size, image_size, 3), name="images")
    x = images
    maps = []
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", dtype=dtype)(x)
        x = layers.LeakyReLU(0.2, dtype=dtype)(x)
        x = layers.AveragePooling2D(2, dtype=dtype)(x)
        maps.append(layers.Activation("linear", dtype="float32")(x))
    x = layers.Conv2D(last, 3, padding="same", dtype=dtype)(x)
    x = layers.LeakyReLU(0.2, dtype=dtype)(x)
    x = layers.Flatten(dtype=dtype)(x)
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(images, [logits, *maps], name="discriminator")


class Sharpener(keras.Model):
    """Trains the decoder of a VAE and a discriminator in turns.

    Args:
        vae: a trained `VAE`. Its encoder is not changed.
        feature_weight: weight of the feature loss, the difference in the discriminator's features, beside a squared
            error in units of the calibrated variance.
        adversarial_weight: weight of the adversarial loss, what the discriminator's logits for the faces cost.
        penalty_weight: weight of the gradient penalty that keeps the discriminator smooth.
        **kwargs: arguments of `keras.Model`.

    Example:
        >>> sharpener = Sharpener(vae.copy_with_details())
        >>> sharpener.compile(optimizers.Adam(2e-4), optimizers.Adam(5e-4))
        >>> sharpener.fit(images, batch_size=64, epochs=24)
    """

    def __init__(self, vae, feature_weight=6.0, adversarial_weight=0.4, penalty_weight=0.01, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.vae = vae
        self.discriminator = build_discriminator(vae.image_size, _discriminator_dtype(vae))
        self.feature_weight = feature_weight
        self.adversarial_weight = adversarial_weight
        self.penalty_weight = penalty_weight
        self.mse_tracker = keras.metrics.Mean("mse")
        self.trackers = [
            self.mse_tracker,
            keras.metrics.Mean("feature_loss"),
            keras.metrics.Mean("adversarial_loss"),
            keras.metrics.Mean("discriminator_loss"),
        ]
        self.build((None, vae.image_size, vae.image_size, 3))

    def build(self, input_shape):
        """Build both networks for images of this shape."""
        if not self.vae.built:
            self.vae.build(input_shape)
        if not self.discriminator.built:
            self.discriminator.build(input_shape)

    def call(self, images, training=False):
        """Return the reconstructions that the VAE gives."""
        return self.vae(images, training=training)

    def compile(self, optimizer, discriminator_optimizer, **kwargs):
        """Choose an optimizer for each of the two networks.

        Args:
            optimizer: a `keras.optimizers.Optimizer` of the decoder.
            discriminator_optimizer: another one, of the discriminator.
            **kwargs: arguments of `keras.Model.compile`, such as `jit_compile`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.discriminator_optimizer = discriminator_optimizer
        # So that a checkpoint finds variables to put their states in.
        self.optimizer.build(self.vae.decoder.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    @property
    def metrics(self):
        """Means over an epoch, which Keras resets."""
        return self.trackers

    @property
    def sampling(self):
        """The layer that draws the codes, whose noise also serves `gradient_penalty`."""
        return self.vae.sampling

    def train_step(self, data):
        """Take one step of both networks on a batch of images."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        decoder_weights = self.vae.decoder.trainable_weights
        discriminator_weights = self.discriminator.trainable_weights
        with tf.GradientTape(persistent=True) as tape:
            decoder_loss, discriminator_loss, terms = self.compute_losses(images)
            decoder_loss = self.optimizer.scale_loss(decoder_loss)
        decoder_gradients = tape.gradient(decoder_loss, decoder_weights)
        discriminator_gradients = tape.gradient(discriminator_loss, discriminator_weights)
        self.optimizer.apply(decoder_gradients, decoder_weights)
        self.discriminator_optimizer.apply(discriminator_gradients, discriminator_weights)
        for tracker in self.trackers:
            tracker.update_state(terms[tracker.name])
        return self.get_metrics_result()

    def compute_losses(self, images):
        """Return the loss of the decoder, the loss of the discriminator, and a dictionary of the terms of both.

        Args:
            images: float32 (batch, size, size, 3) in [0, 1].
        """
        z = ops.stop_gradient(self.sampling(self.vae.encoder(images, training=False)))
        faces = self.vae.decoder(z, training=True)
        seen_in_images = self.discriminator(images)
        seen_in_faces = self.discriminator(faces)
        terms = self.compute_terms(images, faces, seen_in_images, seen_in_faces)
        decoder_loss = terms["mse"] / ops.exp(2 * self.vae.log_sigma)
        decoder_loss += self.feature_weight * terms["feature_loss"]
        decoder_loss += self.adversarial_weight * terms["adversarial_loss"]
        penalty = self.gradient_penalty(images, seen_in_images[0])
        discriminator_loss = terms["discriminator_loss"] + 0.5 * self.penalty_weight * penalty
        return decoder_loss, discriminator_loss, terms

    def compute_terms(self, images, faces, seen_in_images, seen_in_faces):
        """Return the terms of both losses.

        Args:
            images: photographs (batch, size, size, 3).
            faces: their reconstructions, in the same shape.
            seen_in_images: what the discriminator gives for the photographs: logits and feature maps.
            seen_in_faces: what it gives for the reconstructions.

        Returns:
            A dictionary of scalars. mse: squared error per value. feature_loss: mean absolute difference of each
            feature map, over the mean size of the photographs', summed over the maps. adversarial_loss and
            discriminator_loss: cross-entropies in nats per picture, the first one not saturating (Goodfellow et al.
            2014), the second one without the gradient penalty.
        """
        real, *image_maps = seen_in_images
        made, *face_maps = seen_in_faces
        feature_loss = 0.0
        for image_map, face_map in zip(image_maps, face_maps):
            image_map = ops.stop_gradient(image_map)
            feature_loss += ops.mean(ops.abs(image_map - face_map)) / (ops.mean(ops.abs(image_map)) + 1e-3)
        return {
            "mse": ops.mean(ops.square(images - faces)),
            "feature_loss": feature_loss,
            "adversarial_loss": ops.mean(ops.softplus(-made)),
            "discriminator_loss": ops.mean(ops.softplus(made)) + ops.mean(ops.softplus(-real)),
        }

    def gradient_penalty(self, images, real):
        """Return the mean squared gradient of the logits at photographs (R1: Mescheder et al. 2018, arXiv 1801.04406).

        It is measured by the change of the logit when a photograph gets a little noise, on a quarter of the batch.
        The mean over directions of a squared derivative is the gradient's square, and nothing is differentiated twice.

        Args:
            images: photographs (batch, size, size, 3).
            real: the logits for them (batch, 1).
        """
        size = ops.shape(images)[0]
        count = max(1, size // 4) if isinstance(size, int) else ops.maximum(1, size // 4)
        images, real = images[:count], real[:count]
        noise = keras.random.normal(ops.shape(images), seed=self.sampling.seed_generator)
        nearby, *_ = self.discriminator(images + PENALTY_NOISE * noise)
        return ops.mean(ops.square((nearby - real) / PENALTY_NOISE))

    def test_step(self, data):
        """Measure the squared error of the faces decoded from the means of the codes, without a step."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.mse_tracker.update_state(ops.mean(ops.square(images - self.vae.reconstruct(images))))
        return {"mse": self.mse_tracker.result()}


if backend.name() == "jax":
    from vae_keras import on_jax

    def _train_step(self, state, data):
        """Take one step as `train_step` says it, without side effects: see `on_jax.train_step`."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)

        def compute():
            decoder_loss, discriminator_loss, terms = self.compute_losses(images)
            return [self.optimizer.scale_loss(decoder_loss), discriminator_loss], terms

        def finish(terms):
            for tracker in self.trackers:
                tracker.update_state(terms[tracker.name])
            return self.get_metrics_result()

        learners = [
            (self.optimizer, self.vae.decoder.trainable_variables),
            (self.discriminator_optimizer, self.discriminator.trainable_variables),
        ]
        return on_jax.train_step(self, state, learners, compute, finish)

    def _non_trainable_variables(self):
        """Return what Keras carries from step to step: the state of the second optimizer, too."""
        second = getattr(self, "discriminator_optimizer", None)  # None until it is compiled
        return [*super(Sharpener, self).non_trainable_variables, *(second.variables if second else [])]

    Sharpener.train_step, Sharpener.test_step = _train_step, on_jax.stateless(Sharpener.test_step)
    Sharpener.non_trainable_variables = property(_non_trainable_variables)


def _discriminator_dtype(vae):
    """Return the dtype policy of the discriminator: the VAE's, but not float16, for which its loss is not scaled."""
    return "float32" if vae.compute_dtype == "float16" else vae.dtype_policy


def sharpen(  # noqa: PLR0913
    vae,
    images,
    epochs: int = 24,
    batch_size: int = 64,
    seed: int = 0,
    optimizer: str = "muon",
    folder=None,
    augment=None,
    validation=None,
    callbacks=(),
    verbose=0,
):
    """Return a copy of a trained VAE with a sharper decoder, and the history of its training.

    The copy's decoder has a branch for details, which begins with nothing: before the first step its faces are those
    of the VAE. A VAE that was sharpened before is sharpened on, with the branch that it has.

    Args:
        vae: a trained `VAE`, which is not changed.
        images: uint8 (n, size, size, 3), those that the VAE was trained with.
        epochs: passes over the pictures. Both learning rates fall to zero along a cosine over them.
        batch_size: pictures per step.
        seed: of weights, order and noise.
        optimizer: "muon" or "adam", for both networks.
        folder: where a checkpoint is kept after every epoch; an interrupted training goes on from it. None: nowhere.
        augment: a function of a uint8 batch and a seed, such as `vae_keras.data.augment`. None: pictures as they are.
        validation: uint8 (m, size, size, 3), whose squared error is measured after every epoch, or None.
        callbacks: callbacks of Keras.
        verbose: as of `keras.Model.fit`.

    Returns:
        The sharpened `VAE`, and a table with a row per epoch: the terms of `Sharpener.compute_terms`, val_mse if there
        is a validation, and seconds.

    Raises:
        ValueError: There is no such optimizer, or the folder holds the checkpoint of another training.

    Example:
        >>> sharper, history = sharpen(vae, faces.train, epochs=24)
        >>> faces = latent.reconstruct(sharper, faces.test)
    """
    require([optimizer], RATES, "There are no learning rates for sharpening with the optimizer")
    keras.utils.set_random_seed(seed)
    sharper = vae.copy_with_details(DETAILS)
    sharpener = Sharpener(sharper)
    rates = RATES[optimizer]
    schedules = [optimizers.cosine_decay(rate, epochs, batch_size, len(images)) for rate in rates]
    sharpener.compile(
        optimizers.get(optimizer, schedules[0], **BETAS), optimizers.get(optimizer, schedules[1], **BETAS)
    )
    history = training.run(
        sharpener,
        images,
        validation,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        folder=folder,
        settings={**vae.get_config(), "optimizer": optimizer, "rates": rates},
        augment=augment,
        callbacks=callbacks,
        verbose=verbose,
    )
    return sharper, history
