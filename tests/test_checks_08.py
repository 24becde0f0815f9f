"""The checks of lesson 08: right answers pass, typical mistakes are named, and no answer stops a notebook."""

import re

import numpy as np
import pytest
from scipy.stats import norm

from vae_keras.checks import lesson_08 as check


def right_psnr(images, others, peak=255**2, mean=np.mean, log=np.log10):
    squares = np.square(images.astype("float64") - others)
    return 10 * log(peak / mean(squares, axis=(1, 2, 3)))


def right_loss(x, decoded, known, u, u_start, sigma):
    return (known * (x - decoded) ** 2).sum() / (2 * sigma**2) + 0.5 * ((u - u_start) ** 2).sum()


def right_auc(usual, strange):
    higher = strange[:, None] > usual[None]
    return (higher + 0.5 * (strange[:, None] == usual[None])).mean()


def right_bits(symbol, step, mean, deviation, half=0.5):
    value = symbol * step
    upper = norm.cdf(value + half * step, mean, deviation)
    return -np.log2(upper - norm.cdf(value - half * step, mean, deviation))


OTHERS = [
    (..., "not answered yet"),
    (lambda *values: ..., "not answered yet"),
    (lambda *values: None, "not answered yet"),
    (lambda *values: values[0].no_such_thing, "AttributeError"),
    (3, "Give the function itself"),
    (lambda *values: "much", "has to hold numbers"),
]


@pytest.mark.parametrize(
    "answer, words",
    [
        (right_psnr, None),
        (lambda a, b: 10 * np.log10(255**2 / np.square(a - b).mean(axis=(1, 2, 3))), "overflow"),
        (lambda a, b: right_psnr(a, b, peak=1), "255, not 1"),
        (lambda a, b: right_psnr(a, b, peak=255), "255 has to be squared"),
        (lambda a, b: -right_psnr(a, b), "sign"),
        (lambda a, b: right_psnr(a, b, mean=np.sum), "take their mean"),
        (lambda a, b: right_psnr(a, b, log=np.log), "natural logarithm"),
        (lambda a, b: np.square(a.astype(float) - b).mean(axis=(1, 2, 3)), "error alone"),
        (
            lambda a, b: np.full(4, 10 * np.log10(255**2 / np.square(a.astype(float) - b).mean())),
            "axes 1, 2 and 3",
        ),
        (lambda a, b: right_psnr(a, b).mean(), r"of shape \(4,\)"),
        (lambda a, b: np.ones(4), "dB, not 1.00"),
        *OTHERS,
    ],
)
def test_psnr(answer, words):
    said = check.psnr.problem(answer)
    assert said is None if words is None else re.search(words, said), said


@pytest.mark.parametrize(
    "answer, words",
    [
        (right_loss, None),
        (lambda x, d, k, u, s, o: right_loss(x, d, 1 + 0 * k, u, s, o), "counted the hidden pixels, too"),
        (lambda x, d, k, u, s, o: right_loss(x, d, 1 - k, u, s, o), "in the place of the visible"),
        (lambda x, d, k, u, s, o: right_loss(x, d, k, u, u, o), "prior is missing"),
        (lambda x, d, k, u, s, o: right_loss(x, x, k, u, s, o), "pixels are missing"),
        (lambda x, d, k, u, s, o: right_loss(x, d, k, u, 0 * s, o), "subtract u_start"),
        (lambda x, d, k, u, s, o: right_loss(x, d, k, u, s, o / np.sqrt(2)), "pixels lack their half"),
        (lambda x, d, k, u, s, o: 2 * right_loss(x, d, k, u, s, o), "Both halves"),
        (lambda x, d, k, u, s, o: right_loss(x, d, k, u, s, np.sqrt(o)), "by sigma², not by sigma"),
        (lambda x, d, k, u, s, o: right_loss(x, d, k, u, s, 14 * o), "together"),
        (lambda x, d, k, u, s, o: k * (x - d) ** 2, "a single number"),
        *OTHERS,
    ],
)
def test_search_loss(answer, words):
    said = check.search_loss.problem(answer)
    assert said is None if words is None else re.search(words, said), said


@pytest.mark.parametrize(
    "answer, words",
    [
        (right_auc, None),
        (lambda usual, strange: right_auc(strange, usual), "usual score is higher"),
        (lambda usual, strange: (strange[:, None] > usual[None]).mean(), "ties out"),
        (lambda usual, strange: (strange[:, None] >= usual[None]).mean(), "ties in full"),
        (lambda usual, strange: right_auc(usual, strange) * len(usual) * len(strange), "divide it"),
        (lambda usual, strange: (strange[:25] > usual[:25]).mean(), "compare all pairs"),
        (lambda usual, strange: 0.123, "Over all pairs"),
        (lambda usual, strange: strange > 3, "a single number"),
        *OTHERS,
    ],
)
def test_auc(answer, words):
    said = check.auc.problem(answer)
    assert said is None if words is None else re.search(words, said), said


@pytest.mark.parametrize(
    "answer, words",
    [
        (right_bits, None),
        (lambda k, s, m, d: np.log(2) * right_bits(k, s, m, d), "nats"),
        (lambda k, s, m, d: -right_bits(k, s, m, d), "sign"),
        (lambda k, s, m, d: 2 ** -right_bits(k, s, m, d), "This is the probability"),
        (lambda k, s, m, d: -np.log2(norm.pdf(k * s, m, d)), "density, not"),
        (lambda k, s, m, d: -np.log2(s * norm.pdf(k * s, m, d)), "difference of two cdf"),
        (lambda k, s, m, d: right_bits(k, s, m, d, half=1), "half of it to each side"),
        (lambda k, s, m, d: right_bits(k + 0.5, s, m, d), "lies around the value"),
        (lambda k, s, m, d: right_bits(k, s, m, d**2), "not the variance"),
        (lambda k, s, m, d: right_bits(k, s, 0, 1), "left out mean and deviation"),
        (lambda k, s, m, d: 9.0 + k, "has the probability"),
        (lambda k, s, m, d: right_bits(k, s, m, d).sum(), r"of shape \(7,\)"),
        *OTHERS,
    ],
)
def test_bits(answer, words):
    said = check.bits.problem(answer)
    assert said is None if words is None else re.search(words, said), said


def test_the_module_computes_what_the_exercises_ask_for():
    from vae_keras import evaluation
    from vae_keras.applications import filling

    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    others = images[::-1]
    assert right_psnr(images, others).mean() == pytest.approx(
        evaluation.similarity(images, others)["psnr"], rel=1e-6
    )

    def loss(*values):
        return float(filling.search_loss(*(np.float32(value) for value in values)))

    assert check.search_loss.problem(loss) is None
    assert check.search_loss.problem(lambda x, d, k, u, s, o: loss(x, d, 1 - k, u, s, o))
