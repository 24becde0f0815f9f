"""Batches of pictures for training, in an order that follows from the epoch's number and can be resumed."""

import numpy as np
import tensorflow as tf


def batches(  # noqa: PLR0913
    images,
    batch_size: int = 64,
    training: bool = False,
    seed: int = 0,
    first_epoch: int = 0,
    first_step: int = 0,
    labels=None,
    augment=None,
) -> tf.data.Dataset:
    """Return a dataset of float32 batches (batch, size, size, 3) in [0, 1].

    In training every pass over it is an epoch: shuffled anew, without the pictures that do not fill the last batch.
    Order and augmentation depend on the seed and on the number of the epoch alone: a training that is resumed sees what
    it would have seen.

    Args:
        images: uint8 (n, size, size, 3), an array or a memory map, which is read batch by batch.
        batch_size: pictures per batch.
        training: whether the pictures are shuffled and augmented.
        seed: of order and augmentation.
        first_epoch: number of the first pass.
        first_step: batches of the first pass that are left out, since they were seen before an interruption.
        labels: (n, k), or None. With labels the elements are pairs of pictures and float32 labels.
        augment: a function of a uint8 batch and a seed of two whole numbers, such as `vae_keras.data.augment`, which
            returns float32 pictures in [0, 1]. None: pictures as they are.

    Raises:
        ValueError: There are no pictures, they are not uint8, or the batch size is below 1.

    Example:
        >>> for batch in batches(faces.train, training=True).take(1):
        ...     print(batch.shape)
    """
    count = len(images)
    if count == 0 or batch_size < 1:
        raise ValueError(f"Batches need pictures and a batch size above 0, not {count} and {batch_size}.")
    if images.dtype != np.uint8:
        raise ValueError(f"Batches are made of uint8 pictures, not {images.dtype}: see pipeline.to_uint8.")
    values = np.zeros((count, 0), "float32") if labels is None else np.asarray(labels, "float32")
    full = training and count >= batch_size  # then all batches have the same size
    steps = count // batch_size if full else -(-count // batch_size)
    augment = augment if training else None
    passes = _Passes(images, values, batch_size, steps, training, seed, first_epoch, first_step)

    def as_step_takes_it(pictures, values, batch_seed):
        pictures = to_float(pictures) if augment is None else augment(pictures, batch_seed)
        return pictures if labels is None else (pictures, values)

    size = batch_size if full else None
    signature = (
        tf.TensorSpec((size, *images.shape[1:]), tf.uint8),
        tf.TensorSpec((size, values.shape[1]), tf.float32),
        tf.TensorSpec((2,), tf.int64),
    )
    dataset = tf.data.Dataset.from_generator(passes.next_pass, output_signature=signature)
    if first_step == 0:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    dataset = dataset.map(as_step_takes_it, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    dataset.in_range = True  # `VAE.fit` need not look at a first batch, which would begin a pass
    return dataset


class _Passes:
    """Counts the passes over a set of pictures and yields the batches of each."""

    def __init__(self, images, labels, batch_size, steps, training, seed, epoch, first_step):  # noqa: PLR0913
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.steps = steps
        self.training = training
        self.seed = seed
        self.epoch = epoch
        self.first_step = first_step

    def next_pass(self):
        """Yield the pictures, labels and seeds of the batches of one epoch."""
        epoch, first_step = self.epoch, self.first_step
        self.epoch += 1
        self.first_step = 0
        order = epoch_order(len(self.images), self.seed, epoch) if self.training else None
        for step in range(first_step, self.steps):
            rows = slice(step * self.batch_size, (step + 1) * self.batch_size)
            if order is not None:
                rows = order[rows]
            yield self.images[rows], self.labels[rows], (self.seed * 1_000_003 + epoch, step)


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order (count,) in which an epoch takes the pictures."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def to_float(images):
    """Return uint8 pictures as a float32 tensor in [0, 1]."""
    return tf.cast(images, tf.float32) / 255


def to_uint8(images) -> np.ndarray:
    """Return pictures as uint8 in 0 to 255.

    Args:
        images: floats in [0, 1], which are clipped and rounded, or uint8, which stay as they are.
    """
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    return np.rint(np.clip(images.astype(np.float32), 0, 1) * 255).astype(np.uint8)
