"""The checks of lesson 07: right answers pass, typical mistakes are named, and no answer stops a notebook."""

import re

import numpy as np
import pytest

from vae_keras import latent
from vae_keras.checks import lesson_07 as check

CHANCE = 2 * np.log(2)


def holds(said, words):
    assert said is None if words is None else re.search(words, str(said)), said


def minus_log(logits):
    """Return -log of the sigmoid."""
    return np.logaddexp(0, -np.asarray(logits))


def loss(real, made):
    return minus_log(real).mean() + minus_log(-made).mean()


def by_probabilities(real, made):
    probability, other = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-made))
    return -np.log(probability).mean() - np.log(1 - other).mean()


@pytest.mark.parametrize(
    "answer, chance, words",
    [
        (loss, CHANCE, None),
        (by_probabilities, 1.386, None),
        (lambda real, made: loss(made, real), CHANCE, "took photographs for decoded faces"),
        (lambda real, made: loss(real, made) / 2, CHANCE, "halved"),
        (lambda real, made: minus_log(real).sum() + minus_log(-made).sum(), CHANCE, "summed"),
        (lambda real, made: minus_log(real).mean() + minus_log(made).mean(), CHANCE, r"-log\(1 - D\)"),
        (lambda real, made: -loss(real, made), CHANCE, "sign"),
        (lambda real, made: made.mean() - real.mean(), CHANCE, "logits for probabilities"),
        (lambda real, made: minus_log(real).mean(), CHANCE, "that of the decoded faces"),
        (lambda real, made: minus_log(-made).mean(), CHANCE, "that of the photographs"),
        (lambda real, made: 3 * loss(real, made), CHANCE, "The loss differs"),
        (lambda real, made: minus_log(real), CHANCE, "a single number"),
        (lambda real, made: real @ made, CHANCE, "stopped with ValueError"),
        (loss, np.log(2), "one of the two terms"),
        (loss, 0.5, "probability D"),
        (loss, 2 * np.log10(2), "base 10"),
        (loss, 2, "base 2"),
        (loss, 0, "always right"),
        (loss, 1, "says D = 1/2"),
        (loss, "much", "has to hold numbers"),
        (loss, ..., "not answered yet"),
        (lambda real, made: ..., CHANCE, "not answered yet"),
        (..., ..., "not answered yet"),
        (1.386, CHANCE, "Give the function itself"),
    ],
)
def test_discriminator_loss(answer, chance, words):
    holds(check.discriminator_loss.problem(answer, chance), words)


def means(vae, images):
    return latent.encode(vae, images)[0]


def draws(vae, images):
    return np.array(vae.sampling(latent.encode(vae, images)))


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda old, new, images: np.abs(means(new, images) - means(old, images)).max(), None),
        (lambda old, new, images: np.abs(means(new, images) - means(old, images)).mean(), "took the mean"),
        (lambda old, new, images: (means(new, images) - means(old, images)).mean(), "cancel"),
        (lambda old, new, images: np.abs(means(old, images) - means(old, images)).max(), "one model twice"),
        (
            lambda old, new, images: np.abs(
                np.float32(latent.reconstruct(new, images)) - latent.reconstruct(old, images)
            ).max(),
            "only the decoder differs",
        ),
        (
            lambda old, new, images: np.abs(draws(new, images) - draws(old, images)).max(),
            "not pictures or draws",
        ),
        (
            lambda old, new, images: np.abs(
                latent.encode(new, images)[1] - latent.encode(old, images)[1]
            ).max(),
            "log-variances",
        ),
        (
            lambda old, new, images: 7 * np.abs(means(new, images) - means(old, images)).max(),
            "Take the largest",
        ),
        (lambda old, new, images: means(new, images) - means(old, images), "a single number"),
        (lambda old, new, images: new - old, "stopped with TypeError"),
        (lambda old, new, images: None, "not answered yet"),
        (..., "not answered yet"),
    ],
)
def test_code_change(answer, words):
    holds(check.code_change.problem(answer), words)


def test_without_adversarial_loss():
    rows = check.unlabelled("grain", "smooth")
    right = next(name for name, faces in rows.items() if faces == "smooth")[-1]
    wrong = next(name for name, faces in rows.items() if faces == "grain")[-1]
    problem = check.without_adversarial_loss.problem
    assert sorted(rows) == ["row A", "row B"]
    assert problem(right) is None and problem(f"row {right.lower()}") is None
    assert "had the adversarial loss" in problem(wrong)
    assert '"A" or "B"' in problem("C")
    assert '"A" or "B"' in problem(0)
    assert problem(...) == "not answered yet"


@pytest.mark.parametrize(
    "cold, words",
    [
        ((1.9, 0.4), None),
        (np.array([1.9, 0.4]), None),
        ((0.9, 0.7), "temperature=0.5"),
        ((0.4, 1.9), "swapped"),
        ((0.5, 0.4), "Both fell"),
        ((1.1, 0.9), "Both rose"),
        ((0.6, 0.9), "Coverage rose"),
        ((190, 40), "Coverage is a share"),
        (1.9, "of shape"),
        ("cold", "has to hold numbers"),
        (..., "not answered yet"),
    ],
)
def test_temperature(cold, words):
    holds(check.temperature.problem(cold, (0.9, 0.7)), words)


def test_verdicts_are_printed(capsys):
    check.discriminator_loss(loss, CHANCE)
    check.temperature(..., (0.9, 0.7))
    assert capsys.readouterr().out == "Exercise 7.1: right.\nExercise 7.4: not answered yet.\n"
