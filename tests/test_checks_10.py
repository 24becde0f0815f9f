"""The checks of lesson 10: right answers pass, typical mistakes are named, and no answer stops a notebook."""

import re

import numpy as np
import pytest

from vae_keras.checks import lesson_10 as check


def holds(said, words):
    assert said is None if words is None else re.search(words, str(said)), said


def share(noise, deviation):
    return deviation**2 / (deviation**2 + noise**2)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x, s, m, d: m + share(s, d) * (x - m), None),
        (lambda x, s, m, d: x - (1 - share(s, d)) * (x - m), None),
        (lambda x, s, m, d: x, "kept the noisy number"),
        (lambda x, s, m, d: 0 * x + m, "before you see"),
        (lambda x, s, m, d: x / (1 + s**2), r"guess for N\(0, 1\)"),
        (lambda x, s, m, d: m + (x - m) / (1 + s**2), "forgets the deviation"),
        (lambda x, s, m, d: share(s, d) * (x - m), "add the mean again"),
        (lambda x, s, m, d: share(s, d) * x, "distance from the mean"),
        (lambda x, s, m, d: m + d / (d + s) * (x - m), "square both"),
        (lambda x, s, m, d: m + share(d, s) * (x - m), "belongs to the noise"),
        (lambda x, s, m, d: -x, "Shrink the distance"),
        (lambda x, s, m, d: m, "of shape"),
        (lambda x, s: x, "stopped with TypeError"),
        (lambda x, s, m, d: ..., "not answered yet"),
        (..., "not answered yet"),
        (0.5, "Give the function itself"),
    ],
)
def test_best_guess(answer, words):
    holds(check.best_guess.problem(answer), words)


def squared(noisy, points):
    return ((noisy[:, None] - points[None]) ** 2).sum(axis=2)


def weighed(weights):
    """Return an answer that weighs points by a function of squared distance and noise."""

    def answer(noisy, points, noise):
        found = weights(squared(noisy, points), noise)
        return found @ points / found.sum(axis=1, keepdims=True)

    return answer


def not_normalized(noisy, points, noise):
    return np.exp(-squared(noisy, points) / (2 * noise**2)) @ points


def over_the_wrong_axis(noisy, points, noise):
    weights = np.exp(-squared(noisy, points) / (2 * noise**2))
    return (weights / weights.sum(axis=0)) @ points


@pytest.mark.parametrize(
    "answer, words",
    [
        (weighed(lambda apart, noise: np.exp(-apart / (2 * noise**2))), None),
        (weighed(lambda apart, noise: 5 * np.exp(-apart / (2 * noise**2))), None),
        (lambda noisy, points, noise: points[squared(noisy, points).argmin(axis=1)], "nearest point"),
        (weighed(lambda apart, noise: np.ones_like(apart)), "same weight"),
        (weighed(lambda apart, noise: np.exp(-apart / noise**2)), "forgot the 2"),
        (weighed(lambda apart, noise: np.exp(-apart / (2 * noise))), "square it"),
        (weighed(lambda apart, noise: np.exp(-np.sqrt(apart) / (2 * noise**2))), "took the distance"),
        (weighed(lambda apart, noise: np.exp(-apart / 2)), "left out the noise"),
        (not_normalized, "add up to 1"),
        (over_the_wrong_axis, "axis 1"),
        (lambda noisy, points, noise: noisy / (1 + noise**2), "Weigh each point"),
        (lambda noisy, points, noise: points, "of shape"),
        (lambda noisy, points, noise: noisy - points, "stopped with ValueError"),
        (lambda noisy, points, noise: None, "not answered yet"),
        (..., "not answered yet"),
    ],
)
def test_exact_guess(answer, words):
    holds(check.exact_guess.problem(answer), words)


POINTS = np.stack([np.linspace(-1, 1, 50), np.zeros(50)], axis=1)
START = np.random.default_rng(0).normal(0, 4, (400, 2))


def walk(start, steps):
    """End nearer to the points the more steps there are."""
    end = np.stack([np.clip(start[:, 0], -1, 1), start[:, 1] * 0.5 / steps], axis=1)
    return np.stack([start, end])


def nearest(steps):
    return np.sqrt(squared(walk(START, steps)[-1], POINTS)).min(axis=1)


def measured(measure):
    return {steps: measure(nearest(steps)) for steps in (3, 6, 12)}


SHARES = measured(lambda apart: (apart > 0.2).mean())
UNVISITED = {
    steps: (np.sqrt(squared(POINTS, walk(START, steps)[-1][:3])).min(axis=1) > 0.2).mean()
    for steps in (3, 6, 12)
}


@pytest.mark.parametrize(
    "answer, words",
    [
        (SHARES, None),
        (measured(lambda apart: round((apart > 0.2).mean(), 3)), None),
        (measured(lambda apart: 100 * (apart > 0.2).mean()), "per cent"),
        (measured(lambda apart: (apart > 0.2).sum()), "counts"),
        (measured(lambda apart: (apart < 0.2).mean()), "near a point"),
        (measured(np.mean), "mean distances"),
        (dict.fromkeys((3, 6, 12), 0.9), "hand the number of steps on"),
        ({3: 0.9, 6: 0.8, 12: 0.7}, "The shares differ"),
        ({3: 0.9, 6: 0.8}, "keys 3, 6, 12"),
        ([0.9, 0.8, 0.7], "dictionary"),
        ({3: "many", 6: 0.8, 12: 0.7}, "has to hold numbers"),
        (..., "not answered yet"),
    ],
)
def test_strays(answer, words):
    holds(check.strays.problem(answer, walk, START, POINTS), words)


def test_strays_the_other_way_round():
    few = START[:3]
    assert "have no walk near" in check.strays.problem(UNVISITED, walk, few, POINTS)


class Prior:
    """Stands for a diffusion prior: each guess is a share of the last code."""

    shares = (0.1, 0.2, 0.25, 0.6, 0.9, 1.0)  # the rest, squared: 0.81, 0.64, 0.56, 0.16, 0.01, 0

    def path(self, count, seed):
        last = np.random.default_rng(seed).standard_normal((count, 32))
        last -= last.mean(axis=0)
        return (share * last for share in self.shares)


@pytest.mark.parametrize(
    "answer, words",
    [
        (4, None),
        (4.0, None),
        (3, "counted from 1"),
        (2, "less than half"),
        (1, "less than half"),
        (5, "before step 5"),
        (0.5, "number of a step"),
        (20, "from 1 to 6"),
        ("four", "has to hold numbers"),
        ([4], "a single number"),
        (..., "not answered yet"),
    ],
)
def test_decided(answer, words):
    holds(check.decided.problem(answer, Prior()), words)


def test_a_distance_is_not_its_square(monkeypatch):
    monkeypatch.setattr(Prior, "shares", (0.1, 0.4, 0.45, 0.6, 0.9, 1.0))  # squared: 0.81, 0.36, 0.3, 0.16
    assert check.decided.problem(2, Prior()) is None
    assert "compare their squares" in check.decided.problem(4, Prior())


def test_verdicts_are_printed(capsys):
    check.best_guess(lambda x, s, m, d: None)
    check.decided(4, Prior())
    assert capsys.readouterr().out == "Exercise 10.1: not answered yet.\nExercise 10.4: right.\n"
