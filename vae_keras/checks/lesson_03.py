"""Checks of lesson 03: an error that is predicted, collapse, overfitting, an interrupted training."""

import json
import tempfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from vae_keras.checks.base import WrongAnswer, as_array, call, close, exercise

RANDOM = np.random.default_rng()
SLACK = 0.2  # between two trainings of the same kind
TURN = 0.005  # of the fall: a smaller rise is noise
LEAST_EPOCHS = 4
TINY_EPOCHS = 3  # of exercise 3.4


@exercise("3.1")
def sixty_four(prediction, error, errors):
    """Find what is wrong with a predicted and a measured error, beside those of other numbers of latent variables."""
    prediction, error = as_array(prediction, (), "prediction"), as_array(error, (), "error")
    *_, second, most = sorted(errors)
    low, high = sorted((errors[second], errors[most]))
    if prediction == error:
        return "Your prediction is the measured error: write down a number of your own before you train."
    if not (1 - SLACK) * low <= prediction <= (1 + SLACK) * high:
        return (
            f"The prediction should lie between the error of {most} latent variables, {low:.4f}, and that of "
            f"{second}, {high:.4f}: more variables keep more of a face."
        )
    if any(error == other for other in errors.values()):
        return "The measured error is that of another network: measure the one with 64 latent variables."
    if error > 1:
        return "The measured error is too large: give the squared error per value, with pixels from 0 to 1."
    if not (1 - SLACK) * low <= error <= (1 + SLACK) * high:
        return (
            "The measured error does not lie near the others: train on `few` with `train_small`, and take "
            "`evaluation.squared_error` of `held_out` and its reconstructions."
        )
    return None


@exercise("3.2")
def collapsed(answer):
    """Find what is wrong with a function of a history that says whether the codes have collapsed."""
    low = RANDOM.uniform(0.001, 0.5)
    cases = {
        "A KL that ends far above one nat is a code that is used: that run is healthy.": (
            made_history(kl=(40, 90, 80), mse=(0.05, 0.02, 0.01)),
            False,
        ),
        "A KL that ends near zero is a collapse.": (
            made_history(kl=(3, 0.8, low), mse=(0.07, 0.06, 0.06)),
            True,
        ),
        "Look at the last epoch: this run began with a high KL and collapsed later.": (
            made_history(kl=(90, 20, low), mse=(0.07, 0.06, 0.06)),
            True,
        ),
        "Look at the last epoch: this run began with a KL near zero and recovered.": (
            made_history(kl=(low, 5, 40), mse=(0.07, 0.05, 0.03)),
            False,
        ),
        "The squared error does not decide: some faces are easy, and their mean face is close.": (
            made_history(kl=(3, 0.5, low), mse=(0.004, 0.003, 0.003)),
            True,
        ),
        "The squared error does not decide: this run is at its beginning, and its code is used.": (
            made_history(kl=(20, 30, 25), mse=(0.09, 0.08, 0.07)),
            False,
        ),
        "The loss does not decide: it may be of any size in a healthy run.": (
            made_history(kl=(20, 30, 25), mse=(0.05, 0.03, 0.02), loss=0.01),
            False,
        ),
    }
    for message, (history, expected) in cases.items():
        result = as_array(call(answer, history), (), "what your function returns")
        if result not in (0, 1):
            return f"Return True or False: your function returned {result:.3g}."
        if bool(result) != expected:
            return message
    return None


def made_history(kl, mse, loss: float = 1.0) -> pd.DataFrame:
    """Return a table as a training returns it, from the course of its KL and of its squared error.

    Args:
        kl: nats in the first, in a middle and in the last epoch.
        mse: squared errors in the same epochs.
        loss: by what the losses are multiplied.
    """
    epochs = np.arange(1, RANDOM.integers(6, 12))
    places = np.linspace(0, 2, len(epochs))
    table = pd.DataFrame(index=pd.Index(epochs, name="epoch"))
    table["kl"] = np.interp(places, range(3), kl)
    table["mse"] = np.interp(places, range(3), mse)
    table["reconstruction"] = 12288 * table["mse"]
    table["loss"] = loss * (table["reconstruction"] + table["kl"])
    held_out = 1.02 * table[["loss", "reconstruction", "kl", "mse"]]
    return table.join(held_out.add_prefix("val_"))


@exercise("3.3")
def overfitting(history, best_epoch):
    """Find what is wrong with the history of a network that overfits, and with the epoch to stop at."""
    history = as_history(history)
    if "val_loss" not in history:
        return "The history has no held-out loss: hand held-out pictures on to `training.fit`."
    losses, training = history["val_loss"], history["loss"]
    if len(losses) < LEAST_EPOCHS:
        return f"The history has {len(losses)} epochs, too few to see a curve turn: train for longer."
    fall, rise = losses.iloc[0] - losses.min(), losses.iloc[-1] - losses.min()
    if rise < TURN * fall:
        return "The held-out loss has not turned yet: train for more epochs, or on fewer pictures."
    best_epoch = as_array(best_epoch, (), "best_epoch")
    if best_epoch == losses.idxmin():
        return None
    if best_epoch == losses.idxmin() - 1:
        return "You counted epochs from 0: the history counts them from 1."
    if best_epoch == training.idxmin():
        return "That epoch is the best by the training loss, which falls to the end: ask the held-out loss."
    return "Stop where the held-out loss is least: `val_loss` of the history, and `idxmin`."


def as_history(answer) -> pd.DataFrame:
    """Return an answer that is the table of a training; `WrongAnswer` where it is something else."""
    if isinstance(answer, tuple):
        raise WrongAnswer("You gave a tuple: of network and history, give the history alone.")
    if not isinstance(answer, pd.DataFrame) or "mse" not in answer:
        raise WrongAnswer(
            f"Give the table that `training.fit` returns; this is of type {type(answer).__name__}."
        )
    return answer


class Interruption(Exception):
    """Stands for a computer that goes to sleep."""


class StopAfterOneEpoch(keras.callbacks.Callback):
    """Interrupts a training at the beginning of its second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        """Raise `Interruption` in the second epoch."""
        if epoch == 1:
            raise Interruption


@exercise("3.4")
def resume(answer):
    """Find what is wrong with a function of (folder, callbacks) that trains a network for three epochs."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            call(answer, folder, [StopAfterOneEpoch()])
        except Interruption:
            pass
        else:
            return "The first call was not stopped after one epoch: hand `callbacks` on to `training.fit`."
        checkpoint = Path(folder, "checkpoint", "checkpoint.json")
        if not checkpoint.exists():
            return "The folder holds no checkpoint: hand `folder` on to `training.fit`."
        before = json.loads(checkpoint.read_text())["rows"]
        history = as_history(call(answer, folder, []))
    if len(history) != TINY_EPOCHS:
        return (
            f"The history has {len(history)} rows, not {TINY_EPOCHS}: ask for {TINY_EPOCHS} epochs in every call, "
            "those before the interruption included."
        )
    if not close(history["seconds"].iloc[0], before[0]["seconds"], 1e-9):
        return "The second call began again: leave the folder as it is, so that its checkpoint is found."
    return None
