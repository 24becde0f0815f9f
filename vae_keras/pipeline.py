"""Batches of pictures for training, in an order that follows from the epoch's number and can be resumed."""

import numpy as np
from keras import ops

from vae_keras import backend


def batches(  # noqa: PLR0913
    images,
    batch_size: int = 64,
    training: bool = False,
    seed: int = 0,
    first_epoch: int = 0,
    first_step: int = 0,
    labels=None,
    augment=None,
):
    """Return a `tf.data.Dataset` of float32 batches (batch, size, size, 3) in [0, 1]; on JAX an `on_jax.Batches`.

    In training every pass over it is an epoch: shuffled anew, without the pictures that do not fill the last batch.
    Order and augmentation depend on the seed and on the number of the epoch alone: a training that is resumed sees what
    it would have seen. The order is the same on every backend, the augmentation is not.

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
    order = Order(count, batch_size, training, seed)

    def as_step_takes_it(batch_seed, pictures, values):
        pictures = to_float(pictures) if augment is None else augment(pictures, batch_seed)
        return pictures if labels is None else (pictures, values)

    if backend.name() == "jax":
        from vae_keras import on_jax

        return on_jax.Batches([images, values], order, as_step_takes_it, steps, first_epoch, first_step)
    import tensorflow as tf

    passes = _Passes(images, values, order, steps, first_epoch, first_step)
    size = batch_size if full else None
    signature = (
        tf.TensorSpec((2,), tf.int64),
        tf.TensorSpec((size, *images.shape[1:]), tf.uint8),
        tf.TensorSpec((size, values.shape[1]), tf.float32),
    )
    dataset = tf.data.Dataset.from_generator(passes.next_pass, output_signature=signature)
    if first_step == 0:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    dataset = dataset.map(as_step_takes_it, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    dataset.in_range = True  # `VAE.fit` need not look at a first batch, which would begin a pass
    return dataset


class _Passes:
    """Counts the passes over a set of pictures and yields the batches of each."""

    def __init__(self, images, labels, order, steps, epoch, first_step):  # noqa: PLR0913
        self.images = images
        self.labels = labels
        self.order = order
        self.steps = steps
        self.epoch = epoch
        self.first_step = first_step

    def next_pass(self):
        """Yield the seeds, pictures and labels of the batches of one epoch."""
        epoch, first_step = self.epoch, self.first_step
        self.epoch += 1
        self.first_step = 0
        for step in range(first_step, self.steps):
            rows, seed = self.order(epoch, step)
            yield seed, self.images[rows], self.labels[rows]


class Order:
    """Says which pictures a batch has, and from which seed they are augmented."""

    def __init__(self, count, batch_size, training, seed):
        self.count = count
        self.batch_size = batch_size
        self.training = training
        self.seed = seed
        self.last = None, None  # epoch, and its order

    def __call__(self, epoch, step):
        """Return the numbers of the pictures, and two whole numbers."""
        if not self.training:  # every pass is the same
            epoch = 0
        if self.last[0] != epoch:
            shuffled = self.training
            order = epoch_order(self.count, self.seed, epoch) if shuffled else np.arange(self.count)
            self.last = epoch, order
        rows = self.last[1][step * self.batch_size : (step + 1) * self.batch_size]
        return rows, (self.seed * 1_000_003 + epoch, step)


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order (count,) in which an epoch takes the pictures."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def to_float(images):
    """Return uint8 pictures as a float32 tensor in [0, 1]."""
    return ops.cast(images, "float32") / 255


def to_uint8(images) -> np.ndarray:
    """Return pictures as uint8 in 0 to 255.

    Args:
        images: floats in [0, 1], which are clipped and rounded, or uint8, which stay as they are.
    """
    images = ops.convert_to_numpy(images) if ops.is_tensor(images) else np.asarray(images)
    if images.dtype == np.uint8:
        return images
    return np.rint(np.clip(images.astype(np.float32), 0, 1) * 255).astype(np.uint8)
