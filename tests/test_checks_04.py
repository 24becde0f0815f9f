"""The checks of lesson 04: right answers pass, typical mistakes are named, and no answer stops a notebook."""

import re

import numpy as np
import pandas as pd
import pytest

from vae_keras.checks import lesson_04 as check
from vae_keras.priors import Mixture


def holds(said, words):
    assert said is None if words is None else re.search(words, str(said)), said


def factor(z):
    return np.linalg.cholesky(np.cov(z, rowvar=False))


def by_eigenvectors(z, noise):
    variances, axes = np.linalg.eigh(np.cov(z, rowvar=False))
    return z.mean(axis=0) + noise * np.sqrt(variances) @ axes.T


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda z, noise: z.mean(axis=0) + noise @ factor(z).T, None),
        (by_eigenvectors, None),  # another root of the covariance
        (lambda z, noise: noise @ factor(z).T, "around 0"),
        (lambda z, noise: z.mean() + noise @ factor(z).T, "another mean"),
        (lambda z, noise: z.mean(axis=0) + noise @ factor(z), r"noise @ factor\.T"),
        (lambda z, noise: z.mean(axis=0) + noise @ np.cov(z, rowvar=False), "Cholesky factor"),
        (lambda z, noise: z.mean(axis=0) + noise * z.std(axis=0, ddof=1), "deviations alone"),
        (lambda z, noise: z.mean(axis=0) + noise * z.var(axis=0, ddof=1), "variances for"),
        (lambda z, noise: z.mean(axis=0) + noise, "added the mean alone"),
        (lambda z, noise: z.mean(axis=0) + 2 * noise @ factor(z).T, "The covariance differs"),
        (lambda z, noise: z.mean(axis=0) + noise @ np.linalg.cholesky(np.cov(z)).T, "stopped with"),
        (lambda z, noise: (z.mean(axis=0) + noise @ factor(z).T)[:3], "of shape"),
        (lambda z, noise: None, "not answered yet"),
        (..., "not answered yet"),
        (3, "Give the function itself"),
    ],
)
def test_new_codes(answer, words):
    holds(check.new_codes.problem(answer), words)


MEASURED = {1: 12.0, 3: 10.4, 10: 10.1, 30: 10.0}
DISTANCES = pd.Series({"PCA, one Gaussian": 9.0, "VAE, one Gaussian": 12.1, "VAE, mixture": 10.2})


@pytest.mark.parametrize(
    "measured, enough, words",
    [
        (MEASURED, 10, None),
        (MEASURED, 30, "is the best; the smallest"),
        (MEASURED, 3, "too few"),
        ({**MEASURED, 3: 10.1}, 10, "Fewer do: look at the distance of 3"),
        (MEASURED, 5, "number of components"),
        (dict.fromkeys(MEASURED, 10.1), 1, "hand the number of components on"),
        ({1: 5.0, 3: 4.0, 10: 3.9, 30: 3.8}, 10, "compare with the test faces"),
        ({1: 12.0, 10: 10.0}, 10, "with the keys 1, 3, 10, 30"),
        ([12.0, 10.4, 10.1, 10.0], 10, "dictionary"),
        ({**MEASURED, 3: "low"}, 10, "has to hold numbers"),
        (..., 10, "not answered yet"),
        (MEASURED, ..., "not answered yet"),
    ],
)
def test_components(measured, enough, words):
    holds(check.components.problem(measured, enough, DISTANCES), words)


def test_few_codes_have_one_component_whatever_is_asked_for():
    same = pd.Series({"VAE, one Gaussian": 12.1, "VAE, mixture": 12.1})
    assert check.components.problem(dict.fromkeys(MEASURED, 12.1), 1, same) is None


@pytest.fixture
def prior():
    generator = np.random.default_rng()
    return Mixture(np.full(4, 0.25), generator.normal(size=(4, 6)), np.stack([np.eye(6)] * 4))


def test_cold_codes(prior):
    draws = prior.sample(500, temperature=0)
    right = np.unique(draws, axis=0)
    problem = check.cold_codes.problem
    assert problem(right, prior) is None
    assert problem(right[::-1], prior) is None
    assert "come twice" in problem(draws, prior)
    assert "temperature=0" in problem(np.unique(prior.sample(500), axis=0), prior)
    assert "1 more can come" in problem(right[:3], prior)
    assert "mean of all codes" in problem(prior.means.mean(axis=0)[None], prior)
    assert "one row each" in problem(len(right), prior)
    assert "stopped with" in problem("four", prior)
    assert problem(..., prior) == "not answered yet"


def apart(new, training):
    return np.linalg.norm(new[:, None] - training[None], axis=2)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda new, training: apart(new, training).min(axis=1).argmin(), None),
        (lambda new, training: int(apart(new, training).argmin() // len(training)), None),
        (lambda new, training: apart(new, training).min(axis=0).argmin(), "place of the original"),
        (lambda new, training: apart(new, training).min(axis=1).argmax(), "a copy is near"),
        (lambda new, training: apart(new, training).mean(axis=1).argmin(), "averaged"),
        (lambda new, training: -1, "Another new face"),
        (lambda new, training: apart(new, training).min(axis=1), "a single number"),
        (lambda new, training: new - training, "stopped with ValueError"),
        (lambda new, training: ..., "not answered yet"),
        (..., "not answered yet"),
    ],
)
def test_find_copy(answer, words):
    holds(check.find_copy.problem(answer), words)


def test_the_largest_distance_is_told_from_the_mean():
    """In some draws both mistakes name the same face, and cannot be told apart."""
    verdicts = [
        check.find_copy.problem(lambda new, training: apart(new, training).max(axis=1).argmin())
        for _ in range(40)
    ]
    assert all("averaged" in verdict or "take the smallest" in verdict for verdict in verdicts)
    assert any("take the smallest" in verdict for verdict in verdicts)


def test_verdicts_are_printed(prior, capsys):
    check.find_copy(lambda new, training: None)
    check.cold_codes(np.unique(prior.sample(500, temperature=0), axis=0), prior)
    assert capsys.readouterr().out == "Exercise 4.4: not answered yet.\nExercise 4.3: right.\n"
