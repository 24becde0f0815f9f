"""The checks of lesson 03: the right answer passes, typical wrong ones are told what is wrong with them."""

import keras
import numpy as np
import pandas as pd
import pytest

from vae_keras import training
from vae_keras.checks import lesson_03 as check

ERRORS = {8: 0.02, 32: 0.012, 128: 0.008}


def test_right_prediction(capsys):
    check.sixty_four(0.0098, 0.0101, ERRORS)
    assert capsys.readouterr().out == "Exercise 3.1: right.\n"
    check.sixty_four(..., ..., ERRORS)
    assert capsys.readouterr().out == "Exercise 3.1: not answered yet.\n"
    assert check.sixty_four.problem(0.01, ..., ERRORS) == "not answered yet"
    nearly_alike = {
        8: 0.048,
        32: 0.047,
        64: 0.048,
    }  # after an epoch, the more latent variables the worse, perhaps
    assert check.sixty_four.problem(0.0475, 0.049, nearly_alike) is None


@pytest.mark.parametrize(
    ("prediction", "error", "message"),
    [
        (0.016, 0.01, "more variables keep more"),
        (0.004, 0.01, "should lie between"),
        (0.01, 0.01, "a number of your own before you train"),
        (0.01, 0.008, "that of another network"),
        (0.01, 0.01 * 255**2, "pixels from 0 to 1"),
        (0.01, 0.04, "does not lie near the others"),
        ([0.01, 0.02], 0.01, "a single number"),
        ("little", 0.01, "hold numbers"),
    ],
)
def test_wrong_predictions(prediction, error, message):
    assert message in check.sixty_four.problem(prediction, error, ERRORS)


COLLAPSED = {
    "ends far above one nat is a code that is used": lambda history: True,
    "ends near zero is a collapse": lambda history: False,
    "began with a high KL": lambda history: history["kl"].max() < 5,
    "began with a KL near zero": lambda history: history["kl"].min() < 1,
    "some faces are easy": lambda history: history["mse"].iloc[-1] > 0.05,
    "at its beginning": lambda history: history["kl"].iloc[-1] < 1 or history["mse"].iloc[-1] > 0.065,
    "The loss does not decide": lambda history: (
        history["kl"].iloc[-1] < 1 or history["loss"].iloc[-1] < 10 < history["kl"].iloc[-1]
    ),
    "Return True or False": lambda history: history["kl"].iloc[-1] + 2,
    "a single number": lambda history: history["kl"] < 1,
    "stopped with KeyError": lambda history: history["KL"].iloc[-1] < 1,
    "not answered yet": lambda history: ...,
}


@pytest.mark.parametrize("message", COLLAPSED)
def test_wrong_detectors(message):
    assert message in check.collapsed.problem(COLLAPSED[message])


def test_right_detectors(capsys):
    check.collapsed(lambda history: history["kl"].iloc[-1] < 1)
    assert capsys.readouterr().out == "Exercise 3.2: right.\n"
    assert check.collapsed.problem(lambda history: bool(history["val_kl"].to_numpy()[-1] < 1)) is None
    check.collapsed(lambda history: ...)
    assert capsys.readouterr().out == "Exercise 3.2: not answered yet.\n"


def table(**columns):
    """Return a history whose rows are counted from 1."""
    rows = pd.RangeIndex(1, len(columns["val_loss"]) + 1, name="epoch") if "val_loss" in columns else None
    return pd.DataFrame({"mse": 0.01, **columns}, rows)


TURNING = table(loss=[9, 5, 2, 1, 0, -1], val_loss=[9, 5, 3, 4, 5, 6])
FALLING = table(loss=[9, 5, 2, 1, 0, -1], val_loss=[9, 5, 3, 2, 1, 0.5])


def test_right_history_that_turns(capsys):
    check.overfitting(TURNING, 3)
    assert capsys.readouterr().out == "Exercise 3.3: right.\n"
    check.overfitting(..., ...)
    assert capsys.readouterr().out == "Exercise 3.3: not answered yet.\n"
    assert check.overfitting.problem(TURNING, np.int64(3)) is None


@pytest.mark.parametrize(
    ("history", "best_epoch", "message"),
    [
        (FALLING, 6, "has not turned yet"),
        (TURNING, 2, "counts them from 1"),
        (TURNING, 6, "best by the training loss"),
        (TURNING, 5, "`val_loss` of the history"),
        (TURNING, [1, 2], "a single number"),
        (TURNING, ..., "not answered yet"),
        (TURNING[:3], 3, "too few"),
        (table(loss=[3, 2, 1, 0]), 3, "no held-out loss"),
        (("network", TURNING), 3, "the history alone"),
        ([9, 5, 3], 3, "the table that `training.fit` returns"),
    ],
)
def test_wrong_histories(history, best_epoch, message):
    assert message in check.overfitting.problem(history, best_epoch)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 255, (8, 16, 16, 3), "uint8")


def trained(images, epochs=3, **options):
    """Return the history of a tiny network."""
    keras.utils.set_random_seed(0)
    vae = training.VAE(16, 4, filters=(4, 8))
    return training.fit(vae, images, epochs=epochs, batch_size=4, optimizer="adam", **options)


def test_right_training_that_goes_on(images, capsys):
    check.resume(lambda folder, callbacks: trained(images, folder=folder, callbacks=callbacks))
    assert capsys.readouterr().out == "Exercise 3.4: right.\n"
    check.resume(lambda folder, callbacks: ...)
    assert capsys.readouterr().out == "Exercise 3.4: not answered yet.\n"


def begin_again(images):
    """Return an answer that removes the checkpoint before its second call."""
    import shutil

    calls = []

    def answer(folder, callbacks):
        if calls:
            shutil.rmtree(f"{folder}/checkpoint")
        calls.append(folder)
        return trained(images, folder=folder, callbacks=callbacks)

    return answer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda images: lambda folder, callbacks: trained(images, folder=folder), "hand `callbacks` on"),
        (lambda images: lambda folder, callbacks: trained(images, callbacks=callbacks), "hand `folder` on"),
        (
            lambda images: lambda folder, callbacks: trained(images, 2, folder=folder, callbacks=callbacks),
            "has 2 rows, not 3",
        ),
        (begin_again, "began again"),
        (
            lambda images: lambda folder, callbacks: len(trained(images, folder=folder, callbacks=callbacks)),
            "this is of type int",
        ),
        (lambda images: lambda folder: None, "stopped with TypeError"),
        (lambda images: "a history", "without calling it"),
    ],
)
def test_wrong_trainings(images, make, message):
    assert message in check.resume.problem(make(images))
