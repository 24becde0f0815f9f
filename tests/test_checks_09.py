"""The checks of lesson 09: right answers pass, typical mistakes are named, and no answer stops a notebook."""

import re

import numpy as np
import pytest

from vae_keras.checks import lesson_09 as check


def holds(said, words):
    assert said is None if words is None else re.search(words, str(said)), said


def part(z, d):
    return z @ d / (d @ d) * d


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda z, other, d: z - part(z, d) + part(other, d), None),
        (lambda z, other, d: z + (other - z) @ d / np.linalg.norm(d) ** 2 * d, None),
        (lambda z, other, d: other, "returned the other code"),
        (lambda z, other, d: z, "as it was"),
        (lambda z, other, d: z + (other - z) @ d * d, "Divide by the squared length"),
        (lambda z, other, d: z + (other - z) @ d / np.linalg.norm(d) * d, "divided by the length"),
        (lambda z, other, d: z + part(other, d), "own part is still there"),
        (lambda z, other, d: z + part(z - other, d), "other way round"),
        (lambda z, other, d: other + part(z - other, d), "changed the other face"),
        (lambda z, other, d: (z + other) / 2, "Afterwards the part"),
        (lambda z, other, d: (other - z) @ d, "of shape"),
        (lambda z, other: z, "stopped with TypeError"),
        (lambda z, other, d: ..., "not answered yet"),
        (..., "not answered yet"),
        (np.zeros(6), "Give the function itself"),
    ],
)
def test_swap(answer, words):
    holds(check.swap.problem(answer), words)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda step, d: step - part(step, d), None),
        (part, "part along the direction: subtract"),
        (lambda step, d: step, "as it was"),
        (lambda step, d: step - d, "whole direction"),
        (lambda step, d: step - step @ d * d, "squared length, d @ d: this"),
        (lambda step, d: step - step @ d / np.linalg.norm(d) * d, "divided by the length"),
        (lambda step, d: step + part(step, d), "added"),
        (lambda step, d: 0.5 * step, "should be 0"),
        (lambda step, d: step @ d, "of shape"),
        (lambda step, d: 1 / 0, "stopped with ZeroDivisionError"),
        (lambda step, d: None, "not answered yet"),
    ],
)
def test_without(answer, words):
    holds(check.without.problem(answer), words)


def length(amounts):
    return np.sqrt(np.square(amounts).sum())


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda z, a, m: m + (a @ z - m) / length(a), None),
        (lambda z, a, m: m + a @ (z - m) / length(a), None),
        (lambda z, a, m: a @ z, "plain mixture"),
        (lambda z, a, m: a @ z / length(a), "after the mean is taken away"),
        (lambda z, a, m: (a @ z - m) / length(a), "Add the mean again"),
        (lambda z, a, m: m + (a @ z - m) / length(a) ** 2, "square root"),
        (lambda z, a, m: m + (a @ z - m) * length(a), "multiplied"),
        (lambda z, a, m: m + (a @ z - m) / np.sqrt(a).sum(), "squares of the amounts"),
        (lambda z, a, m: m, "Take the mean away"),
        (lambda z, a, m: z, "of shape"),
        (lambda z, a, m: z @ a, "stopped with ValueError"),
        (lambda z, a, m: ..., "not answered yet"),
    ],
)
def test_lively_mix(answer, words):
    holds(check.lively_mix.problem(answer), words)


def test_a_lively_mix_of_faces_spreads_as_faces_do():
    z = np.random.default_rng(0).normal(0, 1, (2000, 3, 8)) + 4
    amounts = np.array([0.5, 0.3, 0.2])
    mixtures = np.array([4 + (amounts @ faces - 4) / length(amounts) for faces in z])
    assert mixtures.std() == pytest.approx(z.std(), rel=0.03)


@pytest.mark.parametrize(
    "answer, words",
    [
        ({"B", "C", "D"}, None),
        ("B, C, D", None),
        (["d", "c", "b"], None),
        ({"A"}, "leaks nothing"),
        ("ABCD", "leaks nothing"),
        ({"B", "D"}, "1 more"),
        (set(), "3 more"),
        ("BCE", "There are the recipes"),
        (3, "Give the letters"),
        (..., "not answered yet"),
    ],
)
def test_leaks(answer, words):
    holds(check.leaks.problem(answer), words)
