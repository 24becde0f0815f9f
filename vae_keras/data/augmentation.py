"""Augmentation: small random changes of training pictures, the same for the same seed."""

import numpy as np

from vae_keras.backend import uniform


def augment(images, seed=0):
    """Change pictures a little, at random, as training sees them.

    Half of the pictures are flipped left to right; brightness moves by up to 0.05, contrast by up to 10 % about
    mid-grey.

    Args:
        images: A batch, (batch, size, size, 3), uint8 or float in [0, 1].
        seed: One whole number or two.

    Returns:
        A tensor like `images`, float32 in [0, 1].
    """
    from keras import backend, ops

    images = ops.convert_to_tensor(images)
    seed = ops.reshape(seed if ops.is_tensor(seed) else np.asarray(seed), (-1,))
    count = ops.shape(images)[0]
    flip, contrast, brightness = ops.unstack(uniform((3, count), ops.stack([seed[0], seed[-1]])))
    images = _mirror(images, flip < 0.5)
    contrast = ops.reshape(0.9 + 0.2 * contrast, (-1, 1, 1, 1))
    brightness = ops.reshape(0.1 * brightness - 0.05, (-1, 1, 1, 1))
    white = 255 if backend.standardize_dtype(images.dtype) == "uint8" else 1
    # One product and one sum: contrast about mid-grey and brightness together.
    images = ops.cast(images, "float32") * (contrast / white) + (0.5 - 0.5 * contrast + brightness)
    return ops.clip(images, 0.0, 1.0)


def _mirror(images, where):
    """Return a batch with some of its pictures flipped left to right; where: (batch,), true or false.

    The rows of all pictures are reversed at once and then chosen by gather: a quarter of the time of reversing four
    axes and tf.where.
    """
    from keras import ops

    shape = ops.shape(images)
    rows = ops.reshape(images, (-1, *images.shape[2:]))
    mirrored = ops.reshape(ops.flip(rows, 1), shape)
    chosen = ops.arange(shape[0]) + shape[0] * ops.cast(where, "int32")
    return ops.take(ops.concatenate([images, mirrored], 0), chosen, axis=0)


def move(images, degrees=9.0, scale=0.1, pixels=4.0, seed=(0, 0)):
    """Turn, scales and shifts each picture at random; what comes in from outside is mirrored.

    Args:
        images: A batch, float (batch, size, size, 3).
        degrees: Largest turn, to either side.
        scale: Largest change of size, as a fraction.
        pixels: Largest shift, right or left and up or down.
        seed: Two whole numbers.

    Returns:
        A tensor like `images`.
    """
    from keras import ops

    count, size = ops.shape(images)[0], images.shape[1]
    turn, zoom, right, down = ops.unstack(uniform((4, count), seed, -1.0, 1.0))
    angle = turn * np.deg2rad(degrees)
    zoom = 1 + scale * zoom
    cosine, sine = zoom * ops.cos(angle), zoom * ops.sin(angle)
    middle = (size - 1) / 2  # the picture turns about its middle
    x = pixels * right + middle * (1 - cosine + sine)
    y = pixels * down + middle * (1 - sine - cosine)
    zero = ops.zeros_like(x)
    transforms = ops.stack([cosine, -sine, x, sine, cosine, y, zero, zero], axis=1)
    return ops.image.affine_transform(images, transforms, fill_mode="reflect")
