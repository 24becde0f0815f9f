"""What Keras leaves to the engine below it: compiled functions, random numbers of a seed, graphics cards.

Keras computes on TensorFlow, JAX or PyTorch, as `KERAS_BACKEND` says. Keras itself is imported where it is needed,
since pictures are prepared without it.
"""

import contextlib
import sys

TRAINS = ("tensorflow", "jax")
BACKENDS = (*TRAINS, "torch")


def name() -> str:
    """Return what Keras computes on: "tensorflow", "jax" or "torch"."""
    import keras

    return keras.backend.backend()


def check_training() -> None:
    """Raise ValueError where Keras computes on what these models are not trained on."""
    if name() not in TRAINS:
        raise ValueError(
            f"Models are trained on TensorFlow or JAX, and Keras is set to {name()}, which generates alone: set "
            "KERAS_BACKEND to tensorflow or jax."
        )


def require_tensorflow(what: str) -> None:
    """Raise ImportError where Keras computes on something else than TensorFlow.

    Args:
        what: does that, with a capital letter, such as "Filling in".
    """
    if name() != "tensorflow":
        raise ImportError(
            f"{what} runs on TensorFlow alone, and Keras is set to {name()}: set KERAS_BACKEND=tensorflow."
        )


def is_dataset(data) -> bool:
    """Return whether data is a `tf.data.Dataset`, which it can be on every backend, without importing TensorFlow."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(data, tf.data.Dataset)


def has_values(data) -> bool:
    """Return whether data is an array or a tensor with values, not a symbol of a graph."""
    import keras
    import numpy as np

    if isinstance(data, np.ndarray):
        return True
    if name() == "jax" and keras.ops.is_tensor(data):
        import jax

        return not isinstance(data, jax.core.Tracer)
    return hasattr(data, "numpy")  # a batch of a `tf.data.Dataset` on every backend


def compiled(function, model, like=None):
    """Return a function of arrays, compiled, which returns NumPy arrays.

    A compiled function is up to twice as fast as the same operations one by one, but making it takes some tenths of a
    second. It sees what the variables of the model have become since.

    Args:
        function: of tensors. It may use the model.
        model: a `keras.Model`.
        like: on TensorFlow, an array such as the one that it will be called with, of any length. None: each kind of
            arguments is compiled when it comes.
    """
    import keras

    if name() == "tensorflow":
        import tensorflow as tf

        signature = None if like is None else [tf.TensorSpec((None, *like.shape[1:]), like.dtype)]
        # Autograph looks for branches that depend on values. There are none, and looking takes time.
        call = tf.function(
            function, input_signature=signature, autograph=False, reduce_retracing=like is None
        )
    elif name() == "jax":
        from vae_keras import on_jax

        call = on_jax.compiled(function, model)
    else:
        import torch

        def call(*arguments):
            with torch.no_grad():
                return function(*map(keras.ops.convert_to_tensor, arguments))

    return lambda *arguments: keras.tree.map_structure(keras.ops.convert_to_numpy, call(*arguments))


def in_float64():
    """Return a context in which float64 stays what it is: JAX takes it for float32 elsewhere."""
    if name() != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()


def uniform(shape, seed, least=0.0, most=1.0):
    """Return float32 numbers between two others, the same for the same seed; each backend has its own.

    `keras.random` takes no seed that is a tensor, as it is in a pipeline of batches.

    Args:
        shape: of the numbers.
        seed: two whole numbers, a tensor on TensorFlow and JAX.
        least: lower bound.
        most: upper bound.
    """
    if name() == "jax":
        import jax

        return jax.random.uniform(_key(seed), shape, minval=least, maxval=most)
    require_tensorflow("Augmentation")
    import tensorflow as tf

    return tf.random.stateless_uniform(shape, tf.cast(seed, tf.int64), least, most)


def normal(shape, seed):
    """Return float32 numbers of N(0, 1), as `uniform` does."""
    if name() == "jax":
        import jax

        return jax.random.normal(_key(seed), shape)
    require_tensorflow("Random noise of a seed")
    import tensorflow as tf

    return tf.random.stateless_normal(shape, tf.cast(seed, tf.int64))


def split(seed):
    """Return two seeds of one, of two whole numbers each."""
    if name() == "jax":
        import jax

        return tuple(jax.random.split(_key(seed)))
    require_tensorflow("Random noise of a seed")
    import tensorflow as tf

    return tf.unstack(tf.random.split(seed, 2))


def _key(seed):
    """Return two whole numbers as JAX takes them for a key."""
    import jax

    return jax.numpy.asarray(seed).astype("uint32")


def gpus() -> tuple[int, tuple[int, int]]:
    """Return the number of graphics cards, and the compute capability of the first, (0, 0) where it has none."""
    if name() == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        details = tf.config.experimental.get_device_details(found[0]) if found else {}
        return len(found), tuple(details.get("compute_capability", (0, 0)))
    if name() == "jax":
        import jax

        found = [device for device in jax.local_devices() if device.platform == "gpu"]
        parts = str(getattr(found[0], "compute_capability", "")).split(".") if found else []
        return len(found), tuple(map(int, parts)) if parts and all(map(str.isdigit, parts)) else (0, 0)
    import torch

    count = torch.cuda.device_count()
    return count, torch.cuda.get_device_capability(0) if count else (0, 0)
