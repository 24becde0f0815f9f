"""Sharper faces: the decoder of a trained VAE, trained on against a network that tells photographs from its faces.

A squared error is smallest for the mean of all faces that a code may stand for, and a mean is blurred. A discriminator
asks for a face that could be one of them instead (Goodfellow et al. 2014, arXiv 1406.2661), and what it sees in the
photograph and in the face is a second measure of how alike they are (Larsen et al. 2016, arXiv 1512.09300). The encoder
stays as it is, and so do the codes and their prior.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from vae_keras import training
from vae_keras.model import VAE, stage_filters

# By each optimizer: of the decoder and of the discriminator, which has to learn faster than what it judges.
RATES = {"adam": (2e-4, 5e-4), "muon": (8e-4, 2e-3)}
NEARBY = 0.02  # standard deviation of the noise, in units of a pixel's range, in which the slope is measured


def add_details(decoder, filters=16):
    """Return a decoder with the layers of `decoder` and a branch that draws details at the full size.

    The branch reads the last map and adds to the logits of the picture; it begins with nothing, so that the new decoder
    begins as the old one. It doubles the map by interpolation: strided kernels would draw chequers.
    """
    last, logits = decoder.layers[-3].output, decoder.layers[-2].output
    x = layers.UpSampling2D(2, interpolation="bilinear")(last)
    for _ in range(2):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(filters, 3, padding="same")(x))
    details = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros", name="details")(x)
    images = layers.Activation("sigmoid", dtype="float32", name="images")(layers.add([logits, details]))
    return keras.Model(decoder.input, images, name="decoder")


def build_discriminator(image_size=64):
    """Return a model from images (batch, size, size, 3) to [real (batch, 1), its feature maps, from large to small].

    It looks at every pixel before it averages (a strided convolution would not see chequers), and halves the side as
    often as the encoder does. `real` is a logit, above zero for a photograph.
    """
    # Its loss is not scaled as float16 needs it; bfloat16 needs no scaling.
    options = {"dtype": "float32"} if keras.config.dtype_policy().compute_dtype == "float16" else {}
    images = keras.Input((image_size, image_size, 3), name="images")
    *depths, last = stage_filters(image_size)
    x, maps = images, []
    for depth in (16, *(3 * depth // 2 for depth in depths)):
        x = layers.LeakyReLU(0.2, **options)(layers.Conv2D(depth, 3, padding="same", **options)(x))
        x = layers.AveragePooling2D(2, **options)(x)
        maps.append(layers.Activation("linear", dtype="float32")(x))
    x = layers.LeakyReLU(0.2, **options)(layers.Conv2D(last, 3, padding="same", **options)(x))
    real = layers.Dense(1, dtype="float32", name="real")(layers.Flatten()(x))
    return keras.Model(images, [real, *maps], name="discriminator")


class Sharpener(keras.Model):
    """Trains `vae.decoder` and a discriminator in turns. `fit` takes images (batch, size, size, 3) in [0, 1].

    Args:
        vae: a trained `VAE`; its encoder is not changed.
        likeness: weight of the difference in the discriminator's features, beside a squared error in units of the
            calibrated variance. adversary: weight of the discriminator's verdict. slope: weight of the penalty that
            keeps the discriminator smooth.
    """

    def __init__(self, vae, likeness=6.0, adversary=0.4, slope=0.01, **options):
        super().__init__(autocast=False, **options)
        self.vae, self.discriminator = vae, build_discriminator(vae.network["image_size"])
        self.likeness, self.adversary, self.slope = likeness, adversary, slope
        names = ("mse", "likeness", "adversary", "discriminator")
        self.means = [keras.metrics.Mean(name) for name in names]
        self.built = True

    def compile(self, optimizer, discriminator_optimizer):
        super().compile(optimizer=optimizer)
        self.discriminator_optimizer = discriminator_optimizer
        self.optimizer.build(self.vae.decoder.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data):
        """Take one step of both networks on a batch of images."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        decoder, discriminator = self.vae.decoder.trainable_weights, self.discriminator.trainable_weights
        with tf.GradientTape(persistent=True) as tape:
            loss, penalized, terms = self.compute_losses(images)
            loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(loss, decoder), tape.gradient(penalized, discriminator)
        self.optimizer.apply(gradients[0], decoder)
        self.discriminator_optimizer.apply(gradients[1], discriminator)
        return self.track(terms)

    def compute_losses(self, images):
        """Return the loss of the decoder, that of the discriminator, and the terms of both, for a batch of images."""
        z = ops.stop_gradient(self.vae.sampling(self.vae.encoder(images, training=False)))
        faces = self.vae.decoder(z, training=True)
        real, made = self.discriminator(images), self.discriminator(faces)
        terms = self.compute_terms(images, faces, real, made)
        loss = terms["mse"] / ops.exp(2 * self.vae.log_sigma)
        loss += self.likeness * terms["likeness"] + self.adversary * terms["adversary"]
        penalized = terms["discriminator"] + 0.5 * self.slope * self.squared_slope(images, real[0])
        return loss, penalized, terms

    def compute_terms(self, images, faces, real, made):
        """Return the terms of both losses.

        images, faces: (n, size, size, 3), the faces are their reconstructions. real, made: what the discriminator gives
        for both.

        mse: per value. likeness: mean absolute difference of each feature map of photograph and reconstruction, over
        the mean size of the photograph's, summed over the maps. adversary, discriminator: cross-entropies in nats per
        picture (non-saturating, Goodfellow et al. 2014).
        """
        likeness = 0.0
        for seen, reached in zip(real[1:], made[1:]):
            seen = ops.stop_gradient(seen)
            likeness += ops.mean(ops.abs(seen - reached)) / (ops.mean(ops.abs(seen)) + 1e-3)
        return dict(
            mse=ops.mean(ops.square(images - faces)),
            likeness=likeness,
            adversary=ops.mean(ops.softplus(-made[0])),
            discriminator=ops.mean(ops.softplus(made[0])) + ops.mean(ops.softplus(-real[0])),
        )

    def squared_slope(self, images, real):
        """Return the mean squared gradient of the discriminator at photographs (R1: Mescheder et al. 2018).

        From its change between a photograph and the same with a little noise, on a quarter of the batch: the mean
        over directions of a squared slope is what the gradient's square is, without differentiating twice.
        """
        few = max(1, images.shape[0] // 4) if images.shape[0] else 1
        noise = keras.random.normal(ops.shape(images[:few]), seed=self.sampling.noise)
        nearby, *_ = self.discriminator(images[:few] + NEARBY * noise)
        return ops.mean(ops.square((nearby - real[:few]) / NEARBY))

    def test_step(self, data):
        """Measure the squared error of the faces decoded from the means of the codes, without a step."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        mse = self.means[0]
        mse.update_state(ops.mean(ops.square(images - self.vae.reconstruct(images))))
        return {mse.name: mse.result()}

    metrics, track = VAE.metrics, VAE.track

    @property
    def sampling(self):
        return self.vae.sampling


def with_details(vae):
    """Return a copy of a `VAE` whose decoder has the branch of `add_details`: the same faces, as yet."""
    sharper = VAE.from_config(vae.get_config())
    sharper.set_weights(vae.get_weights())
    return put_details(sharper)


def put_details(vae):
    """Give the decoder of a `VAE` the branch of `add_details`; return the VAE."""
    decoder = add_details(vae.decoder)
    del vae.decoder  # Keras would count its layers twice
    vae.decoder = decoder
    return vae


def sharpen(vae, images, epochs=24, batch_size=64, seed=0, optimizer="muon", folder=None, **options):
    """Return a copy of a trained `VAE` with a sharper decoder, and the history of its training.

    Args:
        images: uint8 [n, size, size, 3], as the VAE was trained with.
        epochs, batch_size, seed, optimizer, folder, options: as of `training.fit`, checkpoints included; so is
            validation=.

    The table has the terms of `Sharpener.compute_terms`, a row per epoch, and seconds.
    """
    keras.utils.set_random_seed(seed)
    sharper = with_details(vae)
    sharpener = Sharpener(sharper)
    kind, rates = training.find_optimizer(optimizer), RATES[optimizer]
    falling = [training.cosine(rate, epochs, batch_size, len(images)) for rate in rates]
    sharpener.compile(*(kind(rate, beta_1=0.5, beta_2=0.99) for rate in falling))
    settings = dict(vae.get_config(), optimizer=optimizer, rates=rates)
    run = dict(epochs=epochs, batch_size=batch_size, seed=seed, folder=folder, settings=settings)
    return sharper, training.run(sharpener, images, **run, **options)
