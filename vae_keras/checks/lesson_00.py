"""Checks of lesson 00: the shape of the codes, an edit the other way, a blend at one quarter."""

import numpy as np

from vae_keras.checks.base import as_array, call, diagnose, exercise

RANDOM = np.random.default_rng()


@exercise("0.1")
def shape(answer, z):
    """Find what is wrong with the shape of the codes z (n, latent_dim)."""
    count, width = np.shape(z)
    numbers = np.atleast_1d(np.asarray(answer)).tolist()
    mistakes = {
        "You turned it round: the faces come first, one row each.": [width, count],
        "That is one code: the array holds the codes of all faces.": [width],
        "That is the number of all values: a shape has a number for each axis.": [count * width],
        "That is the number of faces: how many numbers stand in a row?": [count],
    }
    if numbers == [count, width]:
        return None
    for message, wrong in mistakes.items():
        if numbers == wrong:
            return message
    if len(numbers) > 2:
        return "That is the shape of pictures: a code has neither rows nor columns of pixels."
    return "A code is a row of latent variables, and each face has one: (faces, latent variables)."


@exercise("0.2")
def less(answer):
    """Find what is wrong with a function of (codes, direction) that goes half a step against the direction."""
    z, direction = RANDOM.normal(0, 1, (4, 6)), RANDOM.normal(0, 1, 6)
    result = as_array(call(answer, z.copy(), direction.copy()), z.shape, "what your function returns")
    mistakes = {
        "That is more of it: subtract the step.": z + 0.5 * direction,
        "You went a whole step: half of it was asked for.": z - direction,
        "You went a whole step, and the wrong way: subtract half of it.": z + direction,
        "You halved the code, too: halve the direction alone.": 0.5 * (z - direction),
        "That is the step alone: add it to the codes.": np.broadcast_to(-0.5 * direction, z.shape),
        "You went from the direction towards the code: the code is where the way begins.": direction
        - 0.5 * z,
        "That is the code unchanged: move it.": z,
        "You multiplied by the direction: an edit is a sum.": -0.5 * z * direction,
    }
    return diagnose(
        result,
        z - 0.5 * direction,
        mistakes,
        "That is another code. Take half of the direction away from the codes.",
    )


@exercise("0.3")
def quarter(answer):
    """Find what is wrong with a function of (start, end) that returns the code a quarter of the way between them."""
    start, end = RANDOM.normal(0, 1, (2, 6))
    result = as_array(call(answer, start.copy(), end.copy()), start.shape, "what your function returns")
    mistakes = {
        "You went three quarters of the way: near the start, the start has the larger share.": (
            0.25 * start + 0.75 * end
        ),
        "You went half of the way: the shares are three quarters and one quarter.": 0.5 * (start + end),
        "You kept all of the start: the two shares add up to 1.": start + 0.25 * end,
        "That is the step alone: add it to the start.": 0.25 * (end - start),
        "You went away from the end: the step is end - start.": start - 0.25 * (end - start),
        "You took a quarter of both: the two shares add up to 1.": 0.25 * (start + end),
    }
    return diagnose(
        result,
        0.75 * start + 0.25 * end,
        mistakes,
        "That is another code. Weigh start and end, and add them up.",
    )
