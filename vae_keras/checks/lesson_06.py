"""Checks of lesson 06: a gain against chance, orders of β, a likelihood's β, a knob that is turned, a fair choice."""

import numpy as np
import pandas as pd

from vae_keras.checks.base import as_array, call, diagnose, exercise

RANDOM = np.random.default_rng()
CHANCE = 0.03  # a smaller relative difference between two trainings says nothing


@exercise("6.1")
def gain(answer):
    """Find what is wrong with a function of the errors of two settings, base and other, that returns the gain."""
    base, other = RANDOM.uniform(0.010, 0.012, 3), RANDOM.uniform(0.007, 0.009, 3)
    result = as_array(call(answer, base.copy(), other.copy()), (), "the gain")
    difference, spread = base.mean() - other.mean(), base.std(ddof=1)
    mistakes = {
        "The sign is turned: a smaller error of the other setting is a gain above 0.": -difference / spread,
        "You divided by the number of seeds; the deviation of a sample needs ddof=1.": difference
        / base.std(),
        "You divided by the variance: take its root, the standard deviation.": difference / spread**2,
        "Divide the difference by the spread of the base's seeds.": difference,
        "You divided by the mean error: divide by the spread of the base's seeds.": difference / base.mean(),
        "You divided by the spread of the other setting: take that of the base.": difference
        / other.std(ddof=1),
        "You compared the best seeds: luck decides which those are; compare the means.": (
            (base.min() - other.min()) / spread
        ),
        "You divided by the error of the mean; divide by the deviation of single seeds.": (
            difference / spread * 3**0.5
        ),
    }
    return diagnose(
        result,
        difference / spread,
        mistakes,
        "The gain is the difference of the mean errors, divided by base.std(ddof=1).",
    )


@exercise("6.2")
def orders(by_error, by_kl, sweep):
    """Find what is wrong with values of β, sorted by error and by KL; `sweep` has a row for each β."""
    for name, answer, column in (("by_error", by_error, "error"), ("by_kl", by_kl, "kl")):
        answer = list(answer)
        right = list(sweep[column].sort_values().index)
        other = "kl" if column == "error" else "error"
        if answer == right:
            continue
        if sorted(answer) != sorted(right):
            return f"`{name}` has to hold each β of the table once: the index of the sorted table."
        if answer == right[::-1]:
            return f"`{name}` begins with the largest; begin with the smallest."
        if answer == list(sweep[other].sort_values().index):
            return f"`{name}` is sorted by the other column."
        return f"`{name}` is in another order than the column {column!r} of `sweep`."
    return None


@exercise("6.3")
def same_beta(answer):
    """Find what is wrong with a function of the squared error that gives the β of the calibrated likelihood."""
    error = float(RANDOM.uniform(0.004, 0.05))
    result = as_array(call(answer, error), (), "the β")
    mistakes = {
        "You forgot the 2 of the Gaussian: its squared error stands over 2σ².": 1 / error,
        "It is the other way round: a small error makes 1/(2σ²) large.": 2 * error,
        "You took the error for σ; it is the variance σ².": 1 / (2 * error**2),
        "You took the root: the squared error is σ² already.": 1 / (2 * error**0.5),
        "The 2 belongs below the line.": 2 / error,
        "The pixels are summed in both losses: their number cancels.": 12288 / (2 * error),
    }
    return diagnose(
        result,
        1 / (2 * error),
        mistakes,
        "Multiply the calibrated loss by 2σ²; the KL then has the factor 2σ²β, which has to be 1.",
    )


@exercise("6.4")
def turned(prediction, mine, base):
    """Find what is wrong with two predicted signs, and with the measures of a network whose knob was turned."""
    signs = as_array(prediction, (2,), "`prediction`")
    if set(np.abs(signs)) != {1.0}:
        return "`prediction` is a pair of signs, for error and KL: 1 for up, -1 for down."
    if not isinstance(mine, dict) or not {"error", "KL"} <= set(mine):
        return "`mine` is what `measure` returns: a dictionary with error and KL."
    for sign, name in zip(signs, ("error", "KL")):
        change = mine[name] / max(base[name], 1e-12) - 1
        if change == 0:
            return "Your network measures what the base does: train it with another setting."
        if abs(change) < CHANCE:
            return (
                f"The {name} changed by {change:+.1%}, which may be chance: turn the knob further, "
                "or train with other seeds."
            )
        if np.sign(change) != sign:
            return (
                f"The {name} went {'up' if change > 0 else 'down'}, from {base[name]:.4g} to {mine[name]:.4g}. "
                "Say why before you correct the prediction."
            )
    return None


@exercise("6.5")
def choose(answer):
    """Find what is wrong with a function of a table of trainings that chooses a setting by its new faces."""
    table = made_table()
    result = call(answer, table.copy())
    validation = table[table["split"] == "validation"]
    test = table[table["split"] == "test"]
    mistakes = {
        "That setting has the best single seed; choose by the mean of its seeds.": (
            validation.loc[validation["distance"].idxmin(), "setting"]
        ),
        "That setting is the best on test pictures: keep them closed and choose on validation rows.": (
            test.groupby("setting")["distance"].mean().idxmin()
        ),
        "Test rows took part in the mean: keep the validation rows only.": (
            table.groupby("setting")["distance"].mean().idxmin()
        ),
        "That setting has the largest distance: new faces should be near.": (
            validation.groupby("setting")["distance"].mean().idxmax()
        ),
        "That setting has the smallest error; here the new faces decide.": (
            validation.groupby("setting")["error"].mean().idxmin()
        ),
    }
    if result == validation.groupby("setting")["distance"].mean().idxmin():
        return None
    for message, wrong in mistakes.items():
        if isinstance(result, str) and result == wrong:
            return message
    return "Return the name of a setting: of the validation rows, the one with the smallest mean distance."


def made_table() -> pd.DataFrame:
    """Return a table of trainings in which each usual mistake chooses another setting, with names that are drawn."""
    names = RANDOM.permutation([f"setting {letter}" for letter in "ABCDEF"])
    # Distances of three seeds on validation pictures, on test pictures, and the error.
    rows = {
        "right": ((10, 11, 12), (13, 14, 15), 0.010),
        "best seed": ((6, 20, 22), (20, 21, 22), 0.011),
        "best on test": ((17, 18, 19), (4, 5, 6), 0.012),
        "best of both": ((12, 13, 14), (7, 8, 9), 0.013),
        "farthest": ((40, 41, 42), (40, 41, 42), 0.014),
        "least error": ((25, 26, 27), (25, 26, 27), 0.005),
    }
    table = []
    for name, (validation, test, error) in zip(names, rows.values()):
        for split, distances in (("validation", validation), ("test", test)):
            for seed, distance in enumerate(distances):
                table.append((str(name), seed, split, distance + RANDOM.uniform(-0.2, 0.2), error))
    columns = ["setting", "seed", "split", "distance", "error"]
    return pd.DataFrame(table, columns=columns).sample(frac=1, random_state=0).reset_index(drop=True)
