"""Optimizers and learning rates: Adam by TensorFlow's fused kernel, Muon, and the cosine that both fall along."""

import functools
import inspect

import keras
from keras import ops

from vae_keras import backend
from vae_keras.config import require

if backend.name() == "tensorflow":
    import tensorflow as tf


@keras.saving.register_keras_serializable("vae_keras")
class Adam(keras.optimizers.Adam):
    """Keras' Adam, by TensorFlow's fused kernel: one pass over the memory where Keras makes ten.

    Weights and states are those of `keras.optimizers.Adam` (Kingma and Ba 2015, arXiv 1412.6980). Whatever the kernel
    does not know is left to Keras: AMSGrad, variables that are not float32, versions of TensorFlow that lack it, and
    other backends.
    """

    def update_step(self, gradient, variable, learning_rate):
        """Move one variable, in place, by its gradient."""
        handles = self._handles(variable)
        if handles is None:
            super().update_step(gradient, variable, learning_rate)
            return
        step = tf.cast(self.iterations + 1, "float32")
        tf.raw_ops.ResourceApplyAdam(
            **handles,
            grad=tf.cast(gradient, "float32"),
            lr=tf.cast(learning_rate, "float32"),
            beta1=self.beta_1,
            beta2=self.beta_2,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            epsilon=self.epsilon,
        )

    def _handles(self, variable):
        """Return what the kernel updates, by its names; None where it cannot be used."""
        if backend.name() != "tensorflow":
            return None
        kernel = getattr(tf.raw_ops, "ResourceApplyAdam", None)
        if kernel is None or self.amsgrad or variable.dtype != "float32":
            return None
        if tf.distribute.has_strategy():  # variables of several devices have no one handle
            return None
        try:
            index = self._get_variable_index(variable)
            variables = {"var": variable, "m": self._momentums[index], "v": self._velocities[index]}
            return {name: getattr(v, "_value", v).handle for name, v in variables.items()}
        except AttributeError:  # another version of Keras
            return None


@keras.saving.register_keras_serializable("vae_keras")
class Muon(Adam):
    """Muon for kernels, Adam for vectors such as biases.

    The step of a kernel, read as a matrix, is its momentum with all singular values made about 1: it changes what a
    layer does to every direction of its inputs, not to the few in which gradients are large (Jordan et al. 2024,
    kellerjordan.github.io/posts/muon). It is scaled so that a weight moves by about 0.2 times the learning rate
    (Liu et al. 2025, arXiv 2502.16982). `keras.optimizers.Muon` gives the kernels of convolutions to Adam.

    Args:
        learning_rate: a float, or a schedule of Keras.
        momentum: how much of a kernel's last step is kept.
        name: of the optimizer.
        **kwargs: arguments of `keras.optimizers.Adam`, for the vectors.
    """

    def __init__(self, learning_rate=8e-3, momentum=0.95, name="muon", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        if self.amsgrad:
            raise ValueError("Muon has no AMSGrad: leave out amsgrad, or take Adam.")
        self.momentum = momentum

    def build(self, variables):
        """Make the states: a momentum for every variable, and Adam's second moment for vectors alone."""
        if self.built:
            return
        keras.optimizers.Optimizer.build(self, variables)
        self._momentums = [self._state_for(variable, "momentum") for variable in variables]
        self._velocities = []
        self._place = functools.partial(_place_among, list(variables))  # Keras takes a bare list for states
        for variable in variables:
            self._velocities.append(None if _is_kernel(variable) else self._state_for(variable, "velocity"))

    def _state_for(self, variable, name):
        return self.add_variable_from_reference(variable, name=name)

    def _index(self, variable):
        """Return the place of a variable among those of `build`: Keras knows replicas of several devices, too."""
        try:
            return self._get_variable_index(variable)
        except AttributeError:  # another version of Keras
            return self._place(variable)

    def update_step(self, gradient, variable, learning_rate):
        """Move one variable, in place, by its gradient."""
        if not _is_kernel(variable):
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self._momentums[self._index(variable)]
        self.assign(momentum, self.momentum * momentum + gradient)
        ahead = gradient + self.momentum * momentum  # as Nesterov looks
        matrix = ops.cast(ops.reshape(ahead, (-1, variable.shape[-1])), "float32")
        length = 0.2 * max(matrix.shape) ** 0.5 * ops.cast(learning_rate, "float32")
        step = ops.reshape(length * orthogonalize(matrix), variable.shape)
        self.assign_sub(variable, ops.cast(step, variable.dtype))

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "momentum": self.momentum}


def _place_among(variables, variable):
    """Return the place of a variable of TensorFlow or of Keras among variables of Keras."""
    found = [known is variable or known.value is variable for known in variables]
    return found.index(True)


def _is_kernel(variable):
    """Return whether Muon moves a variable: one with rows and columns."""
    return len(variable.shape) >= 2


def orthogonalize(matrix):
    """Return a matrix with the same singular vectors and singular values of 0.68 to 1.2.

    Singular values below 0.0015 of the matrix's norm stay smaller. Five rounds of the iteration of Newton and Schulz
    with the coefficients of Jordan et al. Each round multiplies by a polynomial of the matrix times its transpose. The
    polynomials are multiplied first, on the smaller side, and this product is made anew after three rounds, since its
    rounding errors grow in each.

    Args:
        matrix: float32 (m, n).

    Returns:
        A float32 tensor (m, n).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    identity = ops.eye(min(matrix.shape))
    x = matrix / (ops.norm(matrix) + 1e-7)
    for rounds in (3, 2):
        square = ops.matmul(ops.transpose(x), x) if tall else ops.matmul(x, ops.transpose(x))
        factor = identity
        for _ in range(rounds):
            step = 3.4445 * identity - 4.775 * square + 2.0315 * ops.matmul(square, square)
            factor = ops.matmul(step, factor)
            square = ops.matmul(ops.matmul(step, square), step)
        x = ops.matmul(x, factor) if tall else ops.matmul(factor, x)
    return x


OPTIMIZERS = {"adam": Adam, "muon": Muon}
DEFAULT_RATES = {"adam": 1e-3, "muon": 8e-3}  # at the start of a cosine


def get(optimizer, learning_rate=None, **kwargs) -> keras.optimizers.Optimizer:
    """Return an optimizer for its name.

    Args:
        optimizer: "adam" or "muon", those of this file, the name of another one that Keras has, or an instance,
            which is returned as it is.
        learning_rate: a float, or a schedule of Keras. None is the default of the optimizer.
        **kwargs: further arguments of its constructor.

    Returns:
        A `keras.optimizers.Optimizer`.

    Raises:
        ValueError: There is no such optimizer, or a learning rate was given beside an instance, which has its own.
    """
    if isinstance(optimizer, keras.optimizers.Optimizer):
        if learning_rate is not None:
            raise ValueError(
                "An optimizer has its own learning rate: give the rate or the instance, not both."
            )
        return optimizer
    kind = _find(optimizer)
    if learning_rate is not None:
        kwargs["learning_rate"] = learning_rate
    return kind(**kwargs)


def default_rate(name: str) -> float:
    """Return the usual learning rate of an optimizer, at the start of a cosine.

    Args:
        name: as of `get`.

    Raises:
        ValueError: There is no such optimizer.
    """
    kind = _find(name)
    for known, rate in DEFAULT_RATES.items():
        if kind is OPTIMIZERS[known]:
            return rate
    return float(kind().get_config()["learning_rate"])


def _find(name):
    """Return the class of an optimizer; ValueError where there is none of this name."""
    name = str(name).lower()
    theirs = {n.lower(): kind for n, kind in vars(keras.optimizers).items() if inspect.isclass(kind)}
    theirs.pop("optimizer", None)
    known = {**theirs, **OPTIMIZERS}
    require([name], known, "There is no optimizer")
    return known[name]


def cosine_decay(learning_rate: float, epochs: int, batch_size: int, pictures: int):
    """Return a learning rate that falls to zero along a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983).

    Args:
        learning_rate: the rate of the first step.
        epochs: over how many epochs it falls.
        batch_size: pictures per step.
        pictures: pictures per epoch. Those that do not fill a batch are left out.

    Returns:
        A `keras.optimizers.schedules.CosineDecay`.
    """
    steps_per_epoch = pictures // min(batch_size, pictures)
    return keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps_per_epoch)
