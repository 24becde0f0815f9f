"""The checks of lesson 00: the right answer passes, typical wrong ones are told what is wrong with them."""

import numpy as np
import pytest

from vae_keras.checks import lesson_00 as check

Z = np.zeros((10, 128), "float32")


@pytest.mark.parametrize("answer", [(10, 128), [10, 128], Z.shape, np.array([10, 128])])
def test_right_shapes(answer):
    assert check.shape.problem(answer, Z) is None


SHAPES = {
    "turned it round": (128, 10),
    "That is one code": 128,
    "one code: the array": (128,),
    "the number of all values": Z.size,
    "the number of faces": 10,
    "the shape of pictures": (10, 64, 64, 3),
    "each face has one": (10, 64),
    "A code is a row": "a row",
    "not answered yet": ...,
}


@pytest.mark.parametrize("message", SHAPES)
def test_wrong_shapes(message):
    assert message in check.shape.problem(SHAPES[message], Z)


LESS = {
    "more of it": lambda z, direction: z + 0.5 * direction,
    "a whole step: half": lambda z, direction: z - direction,
    "the wrong way": lambda z, direction: z + direction,
    "halved the code, too": lambda z, direction: 0.5 * (z - direction),
    "the step alone": lambda z, direction: 0 * z - 0.5 * direction,
    "from the direction towards the code": lambda z, direction: direction - 0.5 * z,
    "unchanged": lambda z, direction: z,
    "an edit is a sum": lambda z, direction: -0.5 * z * direction,
    "Take half of the direction away": lambda z, direction: z - 0.4 * direction,
    "of shape (4, 6)": lambda z, direction: -0.5 * direction,
    "has to hold numbers": lambda z, direction: "less",
    "not finite": lambda z, direction: z * np.nan,
    "stopped with NameError": lambda z, direction: z - 0.5 * smile,  # noqa: F821
    "not answered yet": lambda z, direction: ...,
    "Give the function itself": 3,
}


@pytest.mark.parametrize("message", LESS)
def test_wrong_edits(message):
    assert message in check.less.problem(LESS[message])


QUARTERS = {
    "three quarters": lambda start, end: 0.25 * start + 0.75 * end,
    "half of the way": lambda start, end: (start + end) / 2,
    "kept all of the start": lambda start, end: start + 0.25 * end,
    "the step alone": lambda start, end: 0.25 * (end - start),
    "away from the end": lambda start, end: start - 0.25 * (end - start),
    "a quarter of both": lambda start, end: 0.25 * (start + end),
    "Weigh start and end": lambda start, end: 0.7 * start + 0.3 * end,
    "of shape (6,)": lambda start, end: np.linspace(start, end, 5),
    "stopped with ZeroDivisionError": lambda start, end: 1 / 0,
    "not answered yet": lambda start, end: None,
}


@pytest.mark.parametrize("message", QUARTERS)
def test_wrong_blends(message):
    assert message in check.quarter.problem(QUARTERS[message])


def test_right_edits_and_blends():
    for answer in (
        lambda z, direction: z - 0.5 * direction,
        lambda z, direction: z + -0.5 * direction[None],
    ):
        assert check.less.problem(answer) is None
    for answer in (
        lambda start, end: 0.75 * start + 0.25 * end,
        lambda start, end: start + (end - start) / 4,
        lambda start, end: np.linspace(start, end, 5)[1],
        lambda start, end: (0.75 * start + 0.25 * end).astype("float32"),
    ):
        assert check.quarter.problem(answer) is None


def test_what_is_printed(capsys):
    check.shape((10, 128), Z)
    check.shape(..., Z)
    check.less(lambda z, direction: z + 0.5 * direction)
    assert capsys.readouterr().out.splitlines() == [
        "Exercise 0.1: right.",
        "Exercise 0.1: not answered yet.",
        "Exercise 0.2: not yet. That is more of it: subtract the step.",
    ]
