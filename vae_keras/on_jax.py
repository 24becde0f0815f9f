"""What training on JAX needs beside Keras: the steps without side effects, batches on the device, one gradient.

On JAX a step is a function: it gets the values of all variables and returns what they become. Keras compiles it, and
carries the values from step to step. What a step computes is said once, by the methods of the models.
"""

import functools

import jax
import keras
import numpy as np
from jax import lax

SHARE_OF_DEVICE = 0.5  # of a device's memory, which the pictures may take


def compiled(function, model):
    """Return a function compiled by XLA, for which the variables of a model are arguments and not constants."""

    @jax.jit
    def stateless(values, *arguments):
        with keras.StatelessScope(list(zip(model.variables, values))):
            return function(*arguments)

    return lambda *arguments: stateless([variable.value for variable in model.variables], *arguments)


def train_step(model, state, learners, compute, finish):
    """Take one step of training.

    Args:
        model: a compiled `keras.Model`.
        state: what Keras gives: the values of its trainable variables, of the others, of the optimizer and of the
            metrics.
        learners: pairs of an optimizer and the variables that it moves.
        compute: a function that returns a list of losses, one for each learner, and a dictionary of terms.
        finish: a function of the terms that returns the logs. It may assign variables.

    Returns:
        The logs and the next state.
    """
    variables = _variables(model, state)
    known = dict(zip(map(id, variables), sum(map(list, state), [])))

    def forward(weights):
        current = known | {id(v): w for (_, group), ws in zip(learners, weights) for v, w in zip(group, ws)}
        with _scope(variables, current) as scope:
            losses, terms = compute()
        return list(losses), (terms, _values(scope, variables))

    weights = [[known[id(variable)] for variable in group] for _, group in learners]
    losses, backwards, (terms, known) = jax.vjp(forward, weights, has_aux=True)
    for place, (optimizer, group) in enumerate(learners):
        alone = [jax.numpy.full_like(loss, other == place) for other, loss in enumerate(losses)]
        (gradients,) = backwards(alone)
        slots = [known[id(variable)] for variable in optimizer.variables]
        moved, slots = optimizer.stateless_apply(slots, gradients[place], weights[place])
        known |= zip(map(id, group), moved)
        known |= zip(map(id, optimizer.variables), slots)
    with _scope(variables, known) as scope:
        logs = finish(terms)
    return logs, _state(state, variables, _values(scope, variables))


def stateless(step):
    """Return a step of evaluation as Keras calls it on JAX, of a method that assigns variables."""

    @functools.wraps(step)
    def test_step(model, state, data):
        variables = _variables(model, state)
        with _scope(variables, dict(zip(map(id, variables), sum(map(list, state), [])))) as scope:
            logs = step(model, data)
        return logs, _state(state, variables, _values(scope, variables))

    return test_step


def convolve(images, kernel):
    """Return the convolution of stride 2 whose transpose is `widen`."""
    return lax.conv_general_dilated(
        images, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@jax.custom_vjp
def widen(maps, kernel):
    """Return the transposed convolution of stride 2: maps (n, h, w, in) to (n, 2 h, 2 w, out).

    Its gradients are a convolution, and the gradient of that one's kernel. JAX's own would be a convolution with a
    kernel as large as the picture, which took seven times as long for a whole step on a GPU.

    Args:
        maps: (n, h, w, in).
        kernel: (height, width, out, in).
    """
    count, height, width, _ = maps.shape
    larger = jax.ShapeDtypeStruct((count, 2 * height, 2 * width, kernel.shape[2]), maps.dtype)
    return jax.linear_transpose(lambda images: convolve(images, kernel), larger)(maps)[0]


def _slopes(kept, slope):
    maps, kernel = kept
    (of_kernel,) = jax.vjp(lambda kernel: convolve(slope, kernel), kernel)[1](maps)
    return convolve(slope, kernel), of_kernel


widen.defvjp(lambda maps, kernel: (widen(maps, kernel), (maps, kernel)), _slopes)


def _variables(model, state):
    """Return the variables whose values a state holds; that of an evaluation lacks the optimizer's."""
    optimizer = [model.optimizer.variables] if len(state) == 4 else []
    parts = (model.trainable_variables, model.non_trainable_variables, *optimizer, model.metrics_variables)
    return sum(map(list, parts), [])


def _scope(variables, known):
    return keras.StatelessScope([(variable, known[id(variable)]) for variable in variables])


def _values(scope, variables):
    return {id(variable): scope.get_current_value(variable) for variable in variables}


def _state(state, variables, known):
    """Return values in the parts of a state."""
    values = iter([known[id(variable)] for variable in variables])
    return tuple([next(values) for _ in part] for part in state)


class Batches(keras.utils.PyDataset):
    """Batches that one compiled function cuts from the pictures and augments.

    The pictures lie on the device as uint8, where they take up to half of its memory, and on a CPU where they are.

    Args:
        arrays: the pictures and what belongs to them, each (n, ...).
        order: a function of the numbers of an epoch and a step that returns the rows of a batch and a seed.
        make: a function of a seed and of the rows of each array that returns the batch.
        steps: batches of an epoch.
        first_epoch: number of the first pass.
        first_step: batches of the first pass that are left out.
    """

    in_range = True  # `VAE.fit` need not look at a first batch

    def __init__(self, arrays, order, make, steps, first_epoch=0, first_step=0):  # noqa: PLR0913
        super().__init__()
        self.on_device = _fit_on_device(arrays)
        self.arrays = [jax.device_put(array) if self.on_device else array for array in arrays]
        self.order = order
        self.make = jax.jit(make)
        self.cut_and_make = jax.jit(lambda arrays, rows, seed: make(seed, *(array[rows] for array in arrays)))
        self.steps = steps
        self.first_epoch, self.first_step = first_epoch, first_step
        self.rewind()

    def _left_out(self):
        return self.first_step if self.epoch <= self.first_epoch else 0

    def __len__(self):
        return self.steps - self._left_out()

    def rewind(self):
        """Go back to where the first pass begins."""
        self.epoch = self.first_epoch - 1

    def on_epoch_begin(self):
        """Begin the next pass."""
        self.epoch += 1

    def __getitem__(self, step):
        """Return a batch of the pass that is running."""
        rows, seed = self.order(self.epoch, self._left_out() + step)
        seed = np.array(seed).astype("uint32")
        if self.on_device:
            batch = self.cut_and_make(self.arrays, rows, seed)
        else:
            batch = self.make(seed, *(np.asarray(array[rows]) for array in self.arrays))
        return batch if isinstance(batch, tuple) else (batch,)


def _fit_on_device(arrays):
    """Return whether arrays may be kept on the device, beside what training needs; not on a CPU, where they are."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return sum(array.nbytes for array in arrays) <= SHARE_OF_DEVICE * stats.get("bytes_limit", 0)
