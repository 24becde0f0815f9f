"""Training as lesson 03 tells it: build, fit with checkpoints that survive an interruption, watch the faces."""

import json
import time
import zlib
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import ops

from vae_keras import data, storage
from vae_keras.config import require
from vae_keras.model import VAE


def build_vae(config, **changes):
    """Return an untrained `VAE` with the sizes of `config`; `changes` are further arguments of its constructor.

    Sets Keras's dtype policy to `config.precision` and seeds the initial weights with `config.seed`.
    """
    keras.config.set_dtype_policy(config.precision)
    keras.utils.set_random_seed(config.seed)
    sizes = dict(image_size=config.image_size, latent_dim=config.latent_dim, seed=config.seed)
    return VAE(**{**sizes, **changes})


def fit(
    vae,
    images,
    validation=None,
    epochs=20,
    batch_size=64,
    seed=0,
    optimizer="muon",
    learning_rate=None,
    folder=None,
    **options,
):
    """Train `vae` and return its history.

    Args:
        images, validation: uint8 [n, size, size, 3].
        epochs: passes over the pictures, those of an interrupted run counted.
        optimizer: "muon", or "adam", whose step takes less time and is worth less (benchmarks/RESULTS.md, "Variants").
        learning_rate: at the start; it falls to zero along a cosine (arXiv 1608.03983). None: as suits the optimizer.
        folder: where a checkpoint is kept after every epoch; a run that was interrupted goes on from it.
        options: for `keras.Model.fit`, such as `callbacks` and `verbose`.

    Returns a table with a row per epoch (index: epoch, from 1): loss, reconstruction and kl in nats per picture,
    mse per value, the same for the validation pictures as val_…, and seconds. Raises ValueError for an unknown
    optimizer, and where the folder holds the checkpoint of a run with other settings or other pictures.
    """
    kind = find_optimizer(optimizer)
    learning_rate = RATES[optimizer] if learning_rate is None else learning_rate
    vae.compile(optimizer=kind(cosine(learning_rate, epochs, batch_size, len(images))))
    vae.optimizer.build(vae.trainable_variables)  # so that a checkpoint finds variables to put its state in
    settings = dict(vae.get_config(), optimizer=optimizer, learning_rate=learning_rate)
    how = dict(epochs=epochs, batch_size=batch_size, seed=seed, folder=folder, settings=settings)
    return run(vae, images, validation, **how, **options)


def cosine(learning_rate, epochs, batch_size, pictures):
    """Return a rate that falls to zero along a cosine over so many epochs (Loshchilov and Hutter 2017)."""
    steps = epochs * (pictures // min(batch_size, pictures))
    return keras.optimizers.schedules.CosineDecay(learning_rate, steps)


def run(
    model, images, validation=None, *, epochs, batch_size, seed, folder, settings, labels=None, **options
):
    """Fit a compiled model; go on from a checkpoint of the same settings.

    labels: those of images and those of validation, if it learns any. options: for `keras.Model.fit`; and `change`, of
    `data.pipeline`.
    """
    batch_size, (own, held) = min(batch_size, len(images)), labels or (None, None)
    settings = settings | dict(pictures=len(images), epochs=epochs, batch_size=batch_size, seed=seed)
    settings |= {"content of the pictures": zlib.crc32(np.ascontiguousarray(images))}
    settings |= {"content of the labels": zlib.crc32(np.ascontiguousarray(own))} if labels else {}
    checkpoint, order = Checkpoint(folder, settings), dict(seed=seed, change=options.pop("change", None))
    done = checkpoint.restore(model)
    if done < epochs:
        model.fit(
            data.pipeline(images, batch_size, training=True, first_epoch=done, labels=own, **order),
            validation_data=None
            if validation is None
            else data.pipeline(validation, batch_size, labels=held),
            initial_epoch=done,
            epochs=epochs,
            callbacks=[*options.pop("callbacks", ()), checkpoint],
            **{"verbose": 0, "shuffle": False, **options},  # the pipeline shuffles
        )
    return checkpoint.history()


@keras.saving.register_keras_serializable("vae_keras")
class Adam(keras.optimizers.Adam):
    """Keras's optimizer (Kingma and Ba 2015), with TensorFlow's fused kernel, if there is one: one pass, not ten."""

    def update_step(self, gradient, variable, learning_rate):
        known = variable.dtype == "float32" and keras.backend.backend() == "tensorflow"
        if self.amsgrad or not known:  # for which there is no such kernel
            return super().update_step(gradient, variable, learning_rate)
        place = self._get_variable_index(variable)
        slots = dict(var=variable, m=self._momentums[place], v=self._velocities[place])
        slots = {name: getattr(slot, "_value", slot).handle for name, slot in slots.items()}
        step = tf.cast(self.iterations + 1, "float32")
        powers = dict(beta1_power=tf.pow(self.beta_1, step), beta2_power=tf.pow(self.beta_2, step))
        rates = dict(lr=tf.cast(learning_rate, "float32"), beta1=self.beta_1, beta2=self.beta_2)
        tf.raw_ops.ResourceApplyAdam(grad=gradient, epsilon=self.epsilon, **slots, **powers, **rates)


@keras.saving.register_keras_serializable("vae_keras")
class Muon(Adam):
    """Adam for vectors; the step of a kernel, as a matrix, is its momentum with all singular values made about 1.

    So a step changes what a layer does to every direction of its inputs, not to the few that gradients are large in
    (Jordan et al. 2024, kellerjordan.github.io/posts/muon). It is scaled so that a weight moves by about 0.2 times the
    rate (Liu et al. 2025, arXiv 2502.16982). Keras's own Muon gives the kernels of convolutions to Adam.
    """

    momentum = 0.95

    def update_step(self, gradient, variable, learning_rate):
        if len(variable.shape) < 2:
            return super().update_step(gradient, variable, learning_rate)
        mean = self._momentums[self._get_variable_index(variable)]
        self.assign(mean, self.momentum * mean + gradient)
        ahead = gradient + self.momentum * mean  # as Nesterov looks
        matrix = ops.cast(ops.reshape(ahead, (-1, variable.shape[-1])), "float32")
        size = 0.2 * max(matrix.shape) ** 0.5 * ops.cast(learning_rate, "float32")
        self.assign_sub(variable, ops.reshape(size * orthogonal(matrix), variable.shape))


def orthogonal(matrix):
    """Return a matrix [m, n], float32, with its singular vectors, but singular values of 0.68 to 1.2.

    (Those below 0.0015 of the matrix's norm stay smaller.) Five rounds of Newton and Schulz's iteration, with the
    coefficients of Jordan et al. Each multiplies with a polynomial of the matrix times its transpose: these factors are
    found first, from that smaller matrix, which is made anew on the way, since its rounding errors grow in each round.
    """
    tall, unit = matrix.shape[0] > matrix.shape[1], ops.eye(min(matrix.shape))
    x = matrix / (ops.norm(matrix) + 1e-7)
    for rounds in (3, 2):
        square, factor = ops.matmul(ops.transpose(x), x) if tall else ops.matmul(x, ops.transpose(x)), unit
        for _ in range(rounds):
            step = 3.4445 * unit - 4.775 * square + 2.0315 * ops.matmul(square, square)
            factor, square = ops.matmul(step, factor), ops.matmul(ops.matmul(step, square), step)
        x = ops.matmul(x, factor) if tall else ops.matmul(factor, x)
    return x


OPTIMIZERS, RATES = {"adam": Adam, "muon": Muon}, {"adam": 1e-3, "muon": 8e-3}


def find_optimizer(name):
    """Return the class of an optimizer; ValueError for a wrong name."""
    require([name], OPTIMIZERS, "There is no optimizer")
    return OPTIMIZERS[name]


class Checkpoint(keras.callbacks.Callback):
    """Keep the history, and with a folder also weights, optimizer and history on disk after every epoch.

    `keras.callbacks.BackupAndRestore` forgets random state and the order of the data; here each epoch starts from a
    state that its number gives, so that an interrupted run ends where an uninterrupted one does.
    """

    def __init__(self, folder, settings):
        super().__init__()
        self.folder = Path(folder) / "checkpoint" if folder else None
        self.settings = json.loads(json.dumps({k: v for k, v in settings.items() if k != "name"}))
        self.rows = []

    def restore(self, vae):
        """Load the last whole epoch into `vae`, if there is one; return how many epochs are done."""
        note = self.folder / "checkpoint.json" if self.folder else None
        if note is None or not note.exists():
            return 0
        kept = json.loads(note.read_text())
        old = kept["settings"]
        if differing := [name for name, value in self.settings.items() if old.get(name, value) != value]:
            raise ValueError(
                f"{self.folder} holds an unfinished run with other settings ({', '.join(differing)}): finish it with "
                "those, delete that folder, or choose another one."
            )
        self.rows = kept["rows"]
        vae.load_weights(self.folder / kept["weights"])
        return len(self.rows)

    def history(self):
        return pd.DataFrame(self.rows, index=pd.RangeIndex(1, len(self.rows) + 1, name="epoch"))

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()
        states = [v for v in self.model.non_trainable_variables if v.path.endswith("seed_generator_state")]
        if hasattr(self.model, "sampling"):  # its noise comes first
            noise = self.model.sampling.noise.state
            states = [noise, *(state for state in states if state is not noise)]
        for place, state in enumerate(states):
            state.assign([self.settings["seed"] + epoch, place << 20])  # a draw adds 1: they never meet

    def on_epoch_end(self, epoch, logs=None):
        row = {name: float(value) for name, value in logs.items()}
        self.rows.append({**row, "seconds": time.perf_counter() - self.started})
        if self.folder:
            self.save(f"epoch-{epoch + 1:04d}.weights.h5")

    def save(self, name):
        """Write the weights under a name of their own, then the note that names them: the note is never half true."""
        with storage.replacing(self.folder, ["checkpoint.json"]) as (note,):
            self.model.save_weights(self.folder / name)
            note.write_text(json.dumps(dict(settings=self.settings, weights=name, rows=self.rows)))
        for older in self.folder.glob("epoch-*.weights.h5"):
            if older.name != name:
                older.unlink()


class FacesPerEpoch(keras.callbacks.Callback):
    """Decode the same codes z (count, latent_dim) before training and after every epoch.

    `frames` holds the faces, uint8 [count, size, size, 3] each: the first before training.
    """

    def __init__(self, z):
        super().__init__()
        self.z, self.frames = np.asarray(z, "float32"), []

    def on_train_begin(self, logs=None):
        self.on_epoch_end(-1)

    def on_epoch_end(self, epoch, logs=None):
        self.frames.append(data.to_uint8(np.asarray(self.model.decode(self.z))))


class BetaWarmUp(keras.callbacks.Callback):
    """Raise beta in a straight line from 0 to its full value over the first `epochs` epochs (Bowman et al. 2016)."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.model.beta.assign(self.model.settings["beta"] * min(1.0, epoch / self.epochs))

    def on_train_end(self, logs=None):
        self.model.beta.assign(self.model.settings["beta"])


class Progress(keras.callbacks.Callback):
    """Print about `lines` lines over a training: epoch, terms of the loss, seconds left."""

    def __init__(self, lines=10):
        super().__init__()
        self.lines = lines

    def on_train_begin(self, logs=None):
        self.started, self.first = time.perf_counter(), None

    def on_epoch_end(self, epoch, logs=None):
        self.first = epoch if self.first is None else self.first
        total, done = self.params["epochs"], epoch + 1
        left = (time.perf_counter() - self.started) / (done - self.first) * (total - done)
        if epoch == self.first or done * self.lines // total > epoch * self.lines // total:
            terms = {name: value for name, value in logs.items() if not name.endswith("loss")} or logs
            digits = {name: "#.4g" if abs(value) < 999.5 else ".0f" for name, value in terms.items()}
            terms = "  ".join(f"{name} {value:{digits[name]}}" for name, value in terms.items())
            print(f"epoch {done:3d}/{total}  {terms}  {left:.0f} s left", flush=True)
