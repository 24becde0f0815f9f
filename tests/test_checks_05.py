"""The checks of lesson 05: right answers pass, typical mistakes are named, and no answer stops a notebook."""

import re

import numpy as np
import pandas as pd
import pytest

from vae_keras import evaluation, hub, latent
from vae_keras.checks import lesson_05 as check


def difference(z, has):
    return z[has].mean(axis=0) - z[~has].mean(axis=0)


@pytest.mark.parametrize(
    "answer, words",
    [
        (difference, None),
        (lambda z, has: -difference(z, has), "other way round"),
        (lambda z, has: z[has].mean(axis=0) - z.mean(axis=0), "mean of all codes"),
        (lambda z, has: z[has].mean(axis=0), "subtract the mean of those without"),
        (lambda z, has: z[has].sum(axis=0) - z[~has].sum(axis=0), "take means"),
        (lambda z, has: difference(z, has) / np.linalg.norm(difference(z, has)), "length"),
        (lambda z, has: np.ones(6), "cosine"),
        (lambda z, has: z[has].mean() - z[~has].mean(), r"of shape \(6,\)"),
        (lambda z, has: z.no_such_thing, "AttributeError"),
        (lambda z, has: None, "not answered yet"),
        (..., "not answered yet"),
        (3, "Give the function itself"),
    ],
)
def test_difference_of_means(answer, words):
    said = check.difference_of_means.problem(answer)
    assert said is None if words is None else re.search(words, said), said


@pytest.fixture(scope="module")
def codes():
    """Codes in which latent variables 7, 6, 5 ... tell less and less of an attribute, with labels."""
    rng = np.random.default_rng(0)
    has = rng.random(1200) < 0.4
    z = rng.standard_normal((1200, 16)) + has[:, None] * np.r_[np.zeros(4), 0.9 * np.ones(4), np.zeros(8)]
    other = has ^ (rng.random(1200) < 0.2)
    labels = pd.DataFrame({"Smiling": has, "Sad": ~other, "Young": rng.random(1200) < 0.5})
    return z.astype("float32"), labels


def test_signs(codes, capsys):
    z, labels = codes
    pairs = [("Smiling", "Sad")]
    assert check.signs.problem([-1], pairs, z, labels) is None
    assert "Smiling and Sad again" in check.signs.problem([1], pairs, z, labels)
    two = [("Smiling", "Sad"), ("Sad", "Smiling")]
    assert "turned round" in check.signs.problem([1, 1], two, z, labels)
    assert "again" in check.signs.problem([-1, 1], two, z, labels)
    assert "1 or -1" in check.signs.problem([0.3], pairs, z, labels)
    assert "shape" in check.signs.problem(-1, pairs, z, labels)
    check.signs(..., pairs, z, labels)
    assert capsys.readouterr().out == "Exercise 5.2: not answered yet.\n"


def test_how_many(codes):
    z, labels = codes
    has = labels[["Smiling"]]
    order = np.r_[4:8, 0:4, 8:16]
    parts = (z[:800], has[:800], z[800:], has[800:])
    assert check.how_many.problem(4, order, *parts) is None
    assert "take more" in check.how_many.problem(2, order, *parts)
    assert "order[:count]" in check.how_many.problem(8, order, *parts)
    assert "Fewer do: 8" in check.how_many.problem(16, order, *parts)
    assert "one of these counts" in check.how_many.problem(5, order, *parts)
    assert "one of these counts" in check.how_many.problem(0, order, *parts)
    assert check.how_many.problem(None, order, *parts) == "not answered yet"
    assert "a single number" in check.how_many.problem([4], order, *parts)


def test_how_many_on_training_faces_is_named():
    """Few faces and many latent variables: the probe knows its training faces by heart."""
    rng = np.random.default_rng(1)
    labels = pd.DataFrame({"A": np.arange(400) % 2 == 0})
    z = rng.standard_normal((400, 64)) + 0.45 * labels.to_numpy()
    said = check.how_many.problem(16, np.arange(64), z[:40], labels[:40], z[40:], labels[40:])
    assert "flatter" in said


@pytest.fixture(scope="module")
def model():
    return hub.load("cartoon")


@pytest.fixture(scope="module")
def smile(model):
    """A function of (strength, sign, all faces, fixed) that scores edits of new faces."""
    z = model.sample(60, seed=3)
    classifier = evaluation.load_classifier()
    before = classifier.decisions(latent.decode(model.vae, z))

    def score(strength, everybody=False):
        after = classifier.decisions(latent.decode(model.vae, z + strength * model.direction("Smiling")))
        counted = before["Smiling"] | True if everybody else ~before["Smiling"]
        others = (before != after).drop(columns="Smiling")[counted].to_numpy().mean()
        return after["Smiling"][counted].mean(), others

    return z, score


def test_smile(model, smile):
    z, score = smile

    def problem(answer):
        return check.smile.problem(answer, model, z, "Smiling")

    assert problem(score) is None
    assert "Swap" in problem(lambda strength: score(strength)[::-1])
    assert "does not count" in problem(lambda strength: score(1))
    assert "other way" in problem(lambda strength: score(-strength))
    assert "leave the others out" in problem(lambda strength: score(strength, everybody=True))
    assert "turned is" in problem(lambda strength: (0.123, 0.456))
    assert "shape" in problem(lambda strength: score(strength)[0])
    assert "ZeroDivisionError" in problem(lambda strength: 1 / 0)
    assert problem(lambda strength: ...) == "not answered yet"
