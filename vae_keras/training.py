"""Training as lesson 03 tells it: build, fit with checkpoints that survive an interruption, watch the faces."""

import contextlib
import json
import math
import re
import time
import warnings
import zlib
from pathlib import Path

import keras
import numpy as np

from vae_keras import backend, optimizers, pipeline, storage
from vae_keras.config import in_a_line
from vae_keras.model import VAE


def build_vae(settings, **changes) -> VAE:
    """Return an untrained `VAE` with the sizes of some settings.

    Sets Keras' dtype policy to `settings.precision`, and seeds the initial weights with `settings.seed`.

    Args:
        settings: a `vae_keras.Settings`.
        **changes: further arguments of `VAE`, which go before those of the settings.
    """
    keras.config.set_dtype_policy(settings.precision)
    keras.utils.set_random_seed(settings.seed)
    arguments = {
        "image_size": settings.image_size,
        "latent_dim": settings.latent_dim,
        "seed": settings.seed,
        **changes,
    }
    return VAE(**arguments)


def fit(  # noqa: PLR0913
    vae: VAE,
    images,
    validation=None,
    *,
    epochs: int = 20,
    batch_size: int = 64,
    optimizer="muon",
    learning_rate=None,
    augment=None,
    seed: int = 0,
    folder=None,
    continues=None,
    save_freq="epoch",
    jit_compile="auto",
    callbacks=(),
    verbose=0,
):
    """Train a VAE and return its history.

    With a folder, a run that was interrupted goes on from its last checkpoint and ends as an uninterrupted one does,
    and a run that was finished, or stopped early by a callback, is not run again.

    Args:
        vae: the model to train.
        images: uint8 (n, size, size, 3), or a `tf.data.Dataset` of batches in [0, 1]. A dataset brings its own order:
            a run that is resumed sees the pictures in that, and whether they are the same is not checked.
        validation: the same of pictures to measure on, or None.
        epochs: passes over the pictures, those of an interrupted run counted.
        batch_size: pictures per step.
        optimizer: "muon", "adam", another name that Keras knows, or an instance.
        learning_rate: a float is kept, unless a callback such as `keras.callbacks.ReduceLROnPlateau` changes it. A
            schedule of Keras is followed. None: the usual rate of the optimizer, falling to zero along a cosine; an
            instance has its own.
        augment: a function that changes the batches of an array, such as `vae_keras.data.augment`; see
            `pipeline.batches`.
        seed: of the order of the pictures, their augmentation and the noise.
        folder: where checkpoints are kept, or None.
        continues: what tells the model that is trained further from others, as JSON holds it. Only a run that continues
            the same goes on from a checkpoint. None: the model is new.
        save_freq: "epoch", or a number of steps between two checkpoints, which may be more than an epoch has.
        jit_compile: as of `keras.Model.compile`.
        callbacks: of Keras.
        verbose: as of `keras.Model.fit`.

    Returns:
        A `pandas.DataFrame` with a row per epoch, counted from 1: loss, reconstruction and kl in nats per picture, mse
        per value, the same of the validation pictures as val_loss and so on, and seconds.

    Raises:
        ValueError: There is no such optimizer; the folder holds the checkpoint of a run with other settings or other
            pictures, or a damaged one; another run trains into it; or the loss is no number any more.

    Example:
        >>> vae = build_vae(vae_keras.settings())
        >>> history = fit(vae, faces.train, faces.validation, epochs=20, augment=vae_keras.data.augment)
    """
    if learning_rate is None and isinstance(optimizer, str):
        steps = steps_per_epoch(images, batch_size)
        learning_rate = optimizers.cosine_decay(optimizers.default_rate(optimizer), epochs, 1, steps)
    vae.compile(optimizer=optimizers.get(optimizer, learning_rate), jit_compile=jit_compile)
    vae.optimizer.build(vae.trainable_variables)  # so that a checkpoint finds variables to put its state in
    settings = {**vae.get_config(), **optimizer_settings(vae.optimizer), "continues": continues}
    return run(
        vae,
        images,
        validation,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        folder=folder,
        settings=settings,
        augment=augment,
        save_freq=save_freq,
        callbacks=callbacks,
        verbose=verbose,
    )


def run(  # noqa: PLR0913
    model: keras.Model,
    images,
    validation=None,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    folder=None,
    settings: dict,
    labels=None,
    validation_labels=None,
    augment=None,
    save_freq="epoch",
    callbacks=(),
    verbose=0,
):
    """Fit any compiled Keras model as `fit` does a VAE: with checkpoints and an order that can be resumed.

    Args:
        model: a compiled model, whose optimizer is built.
        images: as of `fit`.
        validation: as of `fit`.
        epochs: as of `fit`.
        batch_size: as of `fit`.
        seed: as of `fit`.
        folder: as of `fit`.
        settings: what has to be the same for a checkpoint to be resumed: values that JSON holds.
        labels: (n, k) what the model learns of each of `images`, or None.
        validation_labels: the same of `validation`.
        augment: as of `fit`.
        save_freq: as of `fit`.
        callbacks: as of `fit`.
        verbose: as of `fit`.

    Returns:
        The history, as of `fit`; its columns are the metrics of the model.
    """
    backend.check_training()
    steps = steps_per_epoch(images, batch_size)
    if not backend.is_dataset(images):
        batch_size = min(batch_size, len(images))
    precision = keras.config.dtype_policy().name
    settings = {"dtype": precision, **settings, "epochs": epochs, "batch_size": batch_size, "seed": seed}
    settings["augmentation"] = getattr(augment, "__qualname__", type(augment).__name__)
    if backend.name() != "tensorflow":  # which draws other noise
        settings["backend"] = backend.name()
    if folder:
        settings.update(fingerprints(images, labels))
    checkpoint = Checkpoint(folder, settings, save_freq, steps, callbacks)
    held_out = validation_data(validation, batch_size, validation_labels)

    def fit_on():
        batches = training_data(
            images,
            batch_size=batch_size,
            labels=labels,
            augment=augment,
            seed=seed,
            first_epoch=checkpoint.epochs_done,
            first_step=checkpoint.step,
        )
        watching = [*callbacks, checkpoint]
        if not backend.is_dataset(batches):  # on JAX Keras may have looked at a first batch
            watching.append(keras.callbacks.LambdaCallback(on_train_begin=lambda logs: batches.rewind()))
        model.fit(
            batches,
            validation_data=held_out,
            initial_epoch=checkpoint.epochs_done,
            epochs=epochs,
            callbacks=watching,
            verbose=verbose,
            shuffle=False,  # the order is that of `pipeline.batches`
        )

    with checkpoint.locked():
        checkpoint.restore(model)
        if checkpoint.step:  # the rest of an epoch is fitted alone: Keras takes all for as long as the first
            fit_on()
        if checkpoint.epochs_done < epochs and not checkpoint.stopped:
            fit_on()
    return checkpoint.history()


def steps_per_epoch(images, batch_size: int) -> int:
    """Return how many batches an epoch has, for an array or a dataset of batches.

    Raises:
        ValueError: A dataset does not know its number of batches.
    """
    if not backend.is_dataset(images):
        return max(1, len(images) // min(batch_size, max(1, len(images))))
    steps = int(images.cardinality())
    if steps < 1:
        raise ValueError(
            "The dataset does not know how many batches it has: give it a finite number of them, as by "
            "dataset.apply(tf.data.experimental.assert_cardinality(steps))."
        )
    return steps


def training_data(images, *, batch_size, labels, augment, seed, first_epoch, first_step):
    """Return the batches to train on, from where an interrupted run stopped."""
    if backend.is_dataset(images):
        return images.skip(first_step) if first_step else images
    dataset = pipeline.batches(
        images,
        batch_size,
        training=True,
        seed=seed,
        first_epoch=first_epoch,
        first_step=first_step,
        labels=labels,
        augment=augment,
    )
    if first_step == 0 or not backend.is_dataset(dataset):
        return dataset
    import tensorflow as tf

    left = steps_per_epoch(images, batch_size) - first_step
    rest = dataset.apply(tf.data.experimental.assert_cardinality(left))  # of the one pass that is resumed
    rest.in_range = True
    return rest


def validation_data(validation, batch_size, labels):
    """Return the batches to measure on, or None."""
    if validation is None or backend.is_dataset(validation):
        return validation
    return pipeline.batches(validation, batch_size, labels=labels)


def fingerprints(images, labels) -> dict:
    """Return what tells one set of pictures and labels from another."""
    if backend.is_dataset(images):
        return {}
    found = {"pictures": len(images), "content of the pictures": zlib.crc32(np.ascontiguousarray(images))}
    if labels is not None:
        found["content of the labels"] = zlib.crc32(np.ascontiguousarray(labels))
    return found


def optimizer_settings(optimizer) -> dict:
    """Return the class of an optimizer and its settings, as JSON holds them."""
    config = {name: value for name, value in optimizer.get_config().items() if name != "name"}
    return {**config, "optimizer": type(optimizer).__name__.lower()}


def what_it_continues(folder):
    """Return what the unfinished run in a folder continues, as `fit` was told; None: its model was new.

    Raises:
        ValueError: Its note is damaged, or of another version.
    """
    note = Checkpoint.read_note(Path(folder, "checkpoint", "checkpoint.json"))
    return note["settings"].get("continues")


class Checkpoint(keras.callbacks.Callback):
    """Keeps the history and, with a folder, whatever a training needs to go on after an interruption.

    `keras.callbacks.BackupAndRestore` forgets random state and the order of the data; here each epoch starts from a
    state that follows from its number, and a checkpoint within an epoch holds the state, the metrics and the step.

    Args:
        folder: checkpoints are kept in `checkpoint/` in it. None: only the history is kept.
        settings: what has to be the same for a checkpoint to be resumed.
        save_freq: "epoch", or a number of steps between two checkpoints.
        steps: steps of an epoch.
        callbacks: the others of this training, whose patience is kept.

    Raises:
        ValueError: save_freq is neither "epoch" nor a whole number above 0.
    """

    OWN_FILE = re.compile(r"epoch-\d{4,}(-step-\d{6,}|-end)?\.weights\.h5")
    FORMAT = 5  # raised when a checkpoint changes its meaning: older ones are refused
    # What callbacks of Keras count from epoch to epoch.
    COUNTERS = {
        "EarlyStopping": ("wait", "best", "best_epoch"),
        "ReduceLROnPlateau": ("wait", "best", "cooldown_counter"),
    }

    def __init__(self, folder, settings, save_freq="epoch", steps=1, callbacks=()):
        super().__init__()
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ValueError(f"save_freq is {save_freq!r}; it has to be 'epoch' or a number of steps.")
        self.folder = Path(folder) / "checkpoint" if folder else None
        kept = {name: value for name, value in settings.items() if name not in ("name", "trainable")}
        self.settings = json.loads(json.dumps(kept))
        self.save_freq = save_freq
        self.steps = steps
        self.counting = [one for one in callbacks if type(one).__name__ in self.COUNTERS]
        self.counted = []  # by them, when the last checkpoint was saved
        self.rows = []
        self.step = 0  # of the epoch that is running
        self.seconds = 0.0  # that were spent on it before an interruption
        self.stopped = False
        self.resumed = None
        self.has_saved = False  # whether there is a checkpoint to go on from
        self.resumed_within = False  # an epoch, the rest of which is being fitted

    @property
    def epochs_done(self):
        """How many epochs are whole."""
        return len(self.rows)

    def history(self):
        """Return a `pandas.DataFrame` with a row per epoch, counted from 1."""
        import pandas as pd

        return pd.DataFrame(self.rows, index=pd.RangeIndex(1, len(self.rows) + 1, name="epoch"))

    def locked(self):
        """Keep other runs out of the folder while the block runs; see `storage.locked`."""
        if self.folder is None:
            return contextlib.nullcontext()
        self.folder.mkdir(parents=True, exist_ok=True)
        return storage.locked(self.folder)

    def restore(self, model):
        """Load the last checkpoint into a model. Where there is none yet, leave a note that a run has begun.

        Raises:
            ValueError: It is of another run, or damaged.
        """
        if self.folder is None:
            return
        storage.finish_replacing(self.folder)
        path = self.folder / "checkpoint.json"
        note = self.read_note(path) if path.exists() else None
        if note is not None:
            self._check_settings(note)
        if note is None or note["weights"] is None:  # nothing is lost
            with storage.replacing(self.folder, [path.name]) as (part,):
                self._write_note(part, {"weights": None})
            return
        self._load_weights(model, self.folder / note["weights"], note["crc32 of the weights"])
        self.rows, self.step, self.seconds = note["rows"], note["step"], note["seconds"]
        self.stopped, self.counted, self.resumed = note["stopped"], note["callbacks"], note
        self.has_saved = True
        self.resumed_within = self.step > 0

    def _check_settings(self, note):
        """Raise ValueError where a note is of other settings; before a checkpoint, only what it continues counts."""
        old = note["settings"]
        names = ["continues"] if note["weights"] is None else sorted({*old, *self.settings})
        differing = [name for name in names if old.get(name) != self.settings.get(name)]
        if differing:
            described = ", ".join(
                _difference(name, old.get(name), self.settings.get(name)) for name in differing
            )
            raise ValueError(
                f"{self.folder} holds an unfinished run with other settings ({described}): finish it with those, "
                "delete that folder, or choose another one."
            )

    @classmethod
    def read_note(cls, path):
        """Return the note of a checkpoint.

        Raises:
            ValueError: It is damaged, or of another version.
        """
        try:
            note = json.loads(path.read_text())
            version = note.get("format")
            intact = version != cls.FORMAT or note.pop("crc32") == _checksum(note)
        except (OSError, ValueError, AttributeError, KeyError) as error:
            raise ValueError(f"{path} is damaged: delete that folder to begin again.") from error
        if version != cls.FORMAT:
            raise ValueError(
                f"{path.parent} holds an unfinished run of another version of vae_keras: delete that folder to begin "
                "again, or finish the run with that version."
            )
        if not intact:
            raise ValueError(f"{path} is damaged: delete that folder to begin again.")
        return note

    def _load_weights(self, model, path, checksum):
        """Load weights and the state of the optimizer; what does not fit is an error, not a warning."""
        try:
            if storage.checksum(path) != checksum:
                raise ValueError("it is not as it was written")
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message="Skipping variable loading")
                model.load_weights(path)
        except (MemoryError, PermissionError):
            raise
        except Exception as error:  # h5py and Keras raise many kinds
            raise ValueError(
                f"{path} cannot be loaded ({in_a_line(error)}): delete its folder to begin again."
            ) from error

    def on_train_begin(self, logs=None):
        """Give other callbacks back what they had counted before an interruption."""
        for callback, counted in zip(self.counting, self.counted):
            for name, value in counted.items():
                setattr(callback, name, value)
            if counted and getattr(callback, "restore_best_weights", False):
                warnings.warn(
                    "The best weights before the interruption are not known any more: EarlyStopping restores those of "
                    "the epochs that follow.",
                    stacklevel=2,
                )

    def on_epoch_begin(self, epoch, logs=None):
        """Start from the random state that belongs to this epoch, or to this step of it."""
        self.started = time.perf_counter() - self.seconds
        self.seconds = 0.0
        self.epoch = epoch
        for place, state in enumerate(self._random_states()):
            state.assign([self.settings["seed"] + epoch, place << 20])  # a draw adds 1: they never meet
        if self.step:
            self._restore_step(self.resumed)

    def _random_states(self):
        """Return the states of the model's seed generators, that of its noise first."""
        variables = self.model.non_trainable_variables
        states = [variable for variable in variables if variable.path.endswith("seed_generator_state")]
        if hasattr(self.model, "sampling"):
            noise = self.model.sampling.seed_generator.state
            states = [noise, *(state for state in states if state is not noise)]
        return states

    def _metric_variables(self):
        return [variable for metric in self.model.metrics for variable in metric.variables]

    def _restore_step(self, note):
        """Go on within an epoch: random states and sums of the metrics, as far as those exist before a batch."""
        for state, value in zip(self._random_states(), note["random states"]):
            state.assign(value)
        variables = self._metric_variables()
        if len(variables) == len(note["metrics"]):
            for variable, value in zip(variables, note["metrics"]):
                variable.assign(np.reshape(value, variable.shape))

    def on_train_batch_end(self, batch, logs=None):
        """Save a checkpoint within an epoch, where one is due."""
        self.step += 1
        if not all(map(math.isfinite, (logs or {}).values())):
            self._give_up("The loss")
        due = self.save_freq != "epoch" and (self.epoch * self.steps + self.step) % self.save_freq == 0
        if self.folder and due and self.step < self.steps:
            self._check_weights()
            self._save(f"epoch-{self.epoch + 1:04d}-step-{self.step:06d}.weights.h5")

    def on_epoch_end(self, epoch, logs=None):
        """Add a row to the history, and save a checkpoint."""
        self._check_weights()
        row = {name: float(value) for name, value in logs.items()}
        self.rows.append({**row, "seconds": time.perf_counter() - self.started})
        was_resumed_within, self.step = self.resumed_within, 0
        self.stopped = bool(self.model.stop_training)
        due = self.save_freq == "epoch" or (epoch + 1) * self.steps % self.save_freq == 0
        if self.folder and due:
            self._save(f"epoch-{epoch + 1:04d}.weights.h5")
        if was_resumed_within:
            self.resumed_within = False
            self.model.stop_training = True  # for `run` to go on with a whole epoch

    def on_train_end(self, logs=None):
        """Save what a later call returns: other callbacks may have changed the weights, as EarlyStopping does."""
        self.counted = self._count()
        if self.folder:
            self._save(f"epoch-{self.epochs_done:04d}-end.weights.h5")

    def _count(self):
        """Return what the other callbacks have counted, a dictionary for each; None is what none has seen yet."""
        counted = []
        for callback in self.counting:
            names = self.COUNTERS[type(callback).__name__]
            values = {name: getattr(callback, name) for name in names if hasattr(callback, name)}
            counted.append({name: None if value is None else float(value) for name, value in values.items()})
        return counted

    def _check_weights(self):
        """Raise ValueError where a weight is no number any more: the next loss would be none."""
        if not all(np.isfinite(weights).all() for weights in self.model.get_weights()):
            self._give_up("A weight")

    def _give_up(self, what):
        """Raise ValueError: what has become no number, where, why, and what is left."""
        where = ""
        if self.has_saved:
            where = (
                f", in a new folder or after removing {self.folder}, which keeps the checkpoint before that"
            )
        raise ValueError(
            f"{what} is no number any more in epoch {self.epoch + 1}, step {self.step}, most likely since the steps "
            f"were too large: begin again with {' or '.join(self._remedies())}{where}."
        )

    def _remedies(self):
        """Return in words what makes steps smaller, as far as this run can change it."""
        rate = self.settings.get("learning_rate")  # a dictionary where it is a schedule
        is_new = self.settings.get("continues", self) is None  # else its beta stays, or is none of its loss
        possible = {
            "the optimizer adam": self.settings.get("optimizer", "adam") != "adam",
            "a smaller learning rate": isinstance(rate, float),
            "a smaller beta": is_new and self.settings.get("beta", 0) > 0,
        }
        return [name for name, is_possible in possible.items() if is_possible] or ["another seed"]

    def _save(self, name):
        """Write the weights and the note that names them in the place of the checkpoint before, in one change."""
        weights = storage.pack_weights(self.model)
        note = {
            "weights": name,
            "crc32 of the weights": zlib.crc32(weights),
            "rows": self.rows,
            "step": self.step,
            "seconds": time.perf_counter() - self.started if self.step else 0.0,
            "stopped": self.stopped,
            "callbacks": self._count(),
            "random states": [np.asarray(state).tolist() for state in self._random_states()],
            "metrics": [np.asarray(variable).tolist() for variable in self._metric_variables()],
        }
        kept = [path.name for path in self.folder.glob("epoch-*.weights.h5")]
        older = [other for other in kept if other != name and self.OWN_FILE.fullmatch(other)]
        with storage.replacing(self.folder, [name, "checkpoint.json"], older) as (weights_path, note_path):
            weights_path.write_bytes(weights)
            self._write_note(note_path, note)
        self.has_saved = True

    def _write_note(self, path, note):
        """Write a note of this run, with a checksum of what it says."""
        note = {"format": self.FORMAT, "settings": self.settings, **note}
        path.write_text(json.dumps({**note, "crc32": _checksum(note)}))


def _checksum(note):
    """Return the CRC-32 of what a note says."""
    return zlib.crc32(json.dumps(note).encode())


def _difference(name, there, here):
    """Return the name of a setting that differs, and how, where a few words say it."""
    if name == "dtype":
        there, here = (
            policy["config"]["name"] if isinstance(policy, dict) else policy for policy in (there, here)
        )
    elif name.startswith("content of") or isinstance(there, (dict, list)) or isinstance(here, (dict, list)):
        return name
    return f"{name}: {there} there, {here} here"


class Progress(keras.callbacks.Callback):
    """Prints lines over a training: epoch, terms of the loss, seconds left.

    Args:
        lines: about how many.
    """

    def __init__(self, lines=10):
        super().__init__()
        self.lines = lines

    def on_train_begin(self, logs=None):
        """Look at the clock."""
        self.started = time.perf_counter()
        self.first = None

    def on_epoch_end(self, epoch, logs=None):
        """Print a line for the first epoch and for every one that reaches the next share of the training."""
        if self.first is None:
            self.first = epoch
        total, done = self.params["epochs"], epoch + 1
        reached = done * self.lines // total > epoch * self.lines // total
        if epoch == self.first or reached:
            seconds = (time.perf_counter() - self.started) / (done - self.first) * (total - done)
            print(f"epoch {done:3d}/{total}  {self._terms(logs)}  {seconds:.0f} s left", flush=True)

    def _terms(self, logs):
        """Return the terms in words; the loss, which is their sum, only where there is nothing else."""
        terms = {name: value for name, value in logs.items() if name not in ("loss", "val_loss")} or logs
        return "  ".join(f"{name} {self._readable(value)}" for name, value in terms.items())

    def _readable(self, value):
        return f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.4g}"
