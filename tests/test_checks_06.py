"""The checks of lesson 06: the right answer passes, typical wrong ones are told what is wrong with them."""

import numpy as np
import pandas as pd
import pytest

from vae_keras.checks import lesson_06 as check

SWEEP = pd.DataFrame(
    {"error": [0.008, 0.01, 0.02, 0.03], "kl": [300.0, 200.0, 80.0, 20.0]},
    index=pd.Index([0.1, 1.0, 10.0, 30.0], name="beta"),
)
RISING = [0.1, 1.0, 10.0, 30.0]


def test_right_orders(capsys):
    check.orders(list(SWEEP["error"].sort_values().index), SWEEP["kl"].sort_values().index, SWEEP)
    assert capsys.readouterr().out == "Exercise 6.2: right.\n"
    check.orders(..., ..., SWEEP)
    assert capsys.readouterr().out == "Exercise 6.2: not answered yet.\n"
    assert check.orders.problem(RISING, ..., SWEEP) == "not answered yet"


@pytest.mark.parametrize(
    ("by_error", "by_kl", "message"),
    [
        (RISING[::-1], RISING[::-1], "`by_error` begins with the largest"),
        (RISING, RISING, "`by_kl` begins with the largest"),
        ([1.0, 0.1, 10.0, 30.0], RISING[::-1], "another order than the column 'error'"),
        (RISING[:3], RISING[::-1], "each β of the table once"),
        (3, RISING, "stopped with TypeError"),
    ],
)
def test_wrong_orders(by_error, by_kl, message):
    assert message in check.orders.problem(by_error, by_kl, SWEEP)


def test_an_order_by_the_other_column_is_named():
    sweep = SWEEP.assign(kl=[200.0, 300.0, 20.0, 80.0])
    assert "sorted by the other column" in check.orders.problem([10.0, 30.0, 0.1, 1.0], RISING, sweep)


def test_right_gain(capsys):
    check.gain(lambda base, other: (base.mean() - other.mean()) / base.std(ddof=1))
    check.gain(lambda base, other: ...)
    assert capsys.readouterr().out == "Exercise 6.1: right.\nExercise 6.1: not answered yet.\n"


GAINS = {
    "sign is turned": lambda base, other: (other.mean() - base.mean()) / base.std(ddof=1),
    "needs ddof=1": lambda base, other: (base.mean() - other.mean()) / base.std(),
    "by the variance": lambda base, other: (base.mean() - other.mean()) / base.var(ddof=1),
    "Divide the difference": lambda base, other: base.mean() - other.mean(),
    "by the mean error": lambda base, other: 1 - other.mean() / base.mean(),
    "take that of the base": lambda base, other: (base.mean() - other.mean()) / other.std(ddof=1),
    "best seeds": lambda base, other: (base.min() - other.min()) / base.std(ddof=1),
    "error of the mean": lambda base, other: (base.mean() - other.mean()) / base.std(ddof=1) * 3**0.5,
    "single number": lambda base, other: (base - other) / base.std(ddof=1),
    "stopped with": lambda base: 1,
    "difference of the mean errors": lambda base, other: 7.0,
}


@pytest.mark.parametrize("message", GAINS)
def test_wrong_gains(message):
    assert message in check.gain.problem(GAINS[message])


def test_right_beta(capsys):
    check.same_beta(lambda error: 1 / (2 * error))
    check.same_beta(lambda error: None)
    assert capsys.readouterr().out == "Exercise 6.3: right.\nExercise 6.3: not answered yet.\n"


BETAS = {
    "forgot the 2": lambda error: 1 / error,
    "other way round": lambda error: 2 * error,
    "took the error for σ": lambda error: 1 / (2 * error**2),
    "is σ² already": lambda error: 0.5 * error**-0.5,
    "below the line": lambda error: 2 / error,
    "their number cancels": lambda error: 64 * 64 * 3 / (2 * error),
    "has to be 1": lambda error: 42.0,
    "hold numbers": lambda error: "many",
}


@pytest.mark.parametrize("message", BETAS)
def test_wrong_betas(message):
    assert message in check.same_beta.problem(BETAS[message])


BASE = {"error": 0.02, "KL": 100.0}
HEAVY = {"error": 0.03, "KL": 40.0}


def test_right_prediction(capsys):
    check.turned((1, -1), HEAVY, BASE)
    check.turned(..., ..., BASE)
    assert capsys.readouterr().out == "Exercise 6.4: right.\nExercise 6.4: not answered yet.\n"


@pytest.mark.parametrize(
    ("prediction", "mine", "message"),
    [
        ((1, 1), HEAVY, "The KL went down"),
        ((-1, -1), HEAVY, "The error went up"),
        ((1, -1), dict(BASE), "measures what the base does"),
        ((1, -1), {"error": 0.0201, "KL": 40.0}, "may be chance"),
        ((0.5, -1), HEAVY, "a pair of signs"),
        (1, HEAVY, "of shape (2,)"),
        ((1, -1), 0.03, "what `measure` returns"),
    ],
)
def test_wrong_predictions(prediction, mine, message):
    assert message in check.turned.problem(prediction, mine, BASE)


def validation(table):
    return table[table["split"] == "validation"]


def test_right_choice(capsys):
    check.choose(lambda table: validation(table).groupby("setting")["distance"].mean().idxmin())
    check.choose(lambda table: ...)
    assert capsys.readouterr().out == "Exercise 6.5: right.\nExercise 6.5: not answered yet.\n"


CHOICES = {
    "best single seed": lambda table: validation(table).sort_values("distance")["setting"].iloc[0],
    "best on test": lambda table: (
        table[table["split"] == "test"].groupby("setting")["distance"].mean().idxmin()
    ),
    "took part in the mean": lambda table: table.groupby("setting")["distance"].mean().idxmin(),
    "largest distance": lambda table: validation(table).groupby("setting")["distance"].mean().idxmax(),
    "smallest error": lambda table: validation(table).groupby("setting")["error"].mean().idxmin(),
    "Return the name": lambda table: validation(table)["distance"].min(),
    "stopped with KeyError": lambda table: table["Distance"],
}


@pytest.mark.parametrize("message", CHOICES)
@pytest.mark.parametrize("attempt", range(3))
def test_wrong_choices(message, attempt):
    assert message in check.choose.problem(CHOICES[message])


def test_a_made_table_tells_all_mistakes_apart():
    table = check.made_table()
    assert len(table) == 36 and np.isfinite(table["distance"]).all()
    chosen = {
        str(choice(table)) for name, choice in CHOICES.items() if name not in ("stopped with KeyError",)
    }
    assert len(chosen) == 6
