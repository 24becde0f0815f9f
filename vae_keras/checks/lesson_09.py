"""Checks of lesson 09: the part along a direction, a style without an attribute, a mixture's spread, leaked labels."""

import numpy as np

from vae_keras.checks.base import WrongAnswer, as_array, call, diagnose, exercise

RANDOM = np.random.default_rng()
RECIPES = "ABCD"
LEAKING = {"B", "C", "D"}  # what exercise 9.4 asks for
WHY = {
    "A": "A uses the labels of the 50 pictures alone, and those are given.",
    "B": "B fits its Gaussians to codes of other labelled pictures: their labels are not given.",
    "C": "C steers by a direction that was found with the labels of all training pictures.",
    "D": "D asks a network that has learned from the labels of all training pictures.",
}


@exercise("9.1")
def swap(answer):
    """Find what is wrong with a function of (z, other, direction) that puts other's part along it into z."""
    z, other, direction = RANDOM.normal(0, 1, (3, 6)) * np.array([[1], [1], [3]])
    result = as_array(call(answer, z.copy(), other.copy(), direction.copy()), (6,), "the code")
    squared = direction @ direction
    right = z + (other - z) @ direction / squared * direction
    mistakes = {
        "You returned the other code: only the part along the direction is to be taken.": other,
        "You returned the code as it was: the part along the direction has to change.": z,
        "Divide by the squared length, d @ d: this direction is not of length 1.": (
            z + (other - z) @ direction * direction
        ),
        "You divided by the length; it has to be the squared length, d @ d.": (
            z + (other - z) @ direction / np.sqrt(squared) * direction
        ),
        "The other's part was added, but the face's own part is still there: take it out.": (
            z + other @ direction / squared * direction
        ),
        "You subtracted the other way round: (other - z) leads to the other face.": (
            z - (other - z) @ direction / squared * direction
        ),
        "You changed the other face: give its part to z.": other
        + (z - other) @ direction / squared * direction,
    }
    otherwise = (
        f"Afterwards the part along the direction is {result @ direction / squared:.2f}, and that of "
        "`other` is "
        f"{other @ direction / squared:.2f}. Everything else should be z's."
    )
    return diagnose(result, right, mistakes, otherwise)


@exercise("9.2")
def without(answer):
    """Find what is wrong with a function of (step, direction) that returns the step without its part along it."""
    step, direction = RANDOM.normal(0, 1, (2, 6)) * np.array([[1], [3]])
    result = as_array(call(answer, step.copy(), direction.copy()), (6,), "the step")
    squared = direction @ direction
    part = step @ direction / squared * direction
    mistakes = {
        "This is the part along the direction: subtract it from the step.": part,
        "This is the step as it was.": step,
        "You subtracted the whole direction: subtract only as much of it as the step holds.": step
        - direction,
        "Divide by the squared length, d @ d: this direction is not of length 1.": (
            step - step @ direction * direction
        ),
        "You divided by the length; it has to be the squared length, d @ d.": (
            step - step @ direction / np.sqrt(squared) * direction
        ),
        "You added the part: subtract it.": step + part,
    }
    return diagnose(
        result,
        step - part,
        mistakes,
        f"The product of your step with the direction is {result @ direction:.3f}, and it should be 0.",
    )


@exercise("9.3")
def lively_mix(answer):
    """Find what is wrong with a function of (z, amounts, mean): a mixture as far from the mean as one face."""
    mean = RANDOM.normal(0, 2, 5)
    z = mean + RANDOM.normal(0, 1, (3, 5))
    amounts = RANDOM.uniform(0.1, 0.6, 3)
    amounts /= amounts.sum()
    result = as_array(call(answer, z.copy(), amounts.copy(), mean.copy()), (5,), "the code")
    length = np.sqrt((amounts**2).sum())
    plain = amounts @ z
    mistakes = {
        "This is the plain mixture, which is nearer to the mean than a face: stretch it.": plain,
        "Stretch what is left after the mean is taken away, and then add the mean again.": plain / length,
        "Add the mean again: this is only how far the mixture is from it.": (plain - mean) / length,
        "Take the square root of the summed squares: variances add, deviations do not.": (
            mean + (plain - mean) / length**2
        ),
        "You multiplied: the mixture has to be stretched, so divide.": mean + (plain - mean) * length,
        "Sum the squares of the amounts, not the amounts: these add up to 1.": mean
        + (plain - mean) / np.sqrt(amounts).sum(),
    }
    otherwise = (
        "Take the mean away from the plain mixture, divide by the root of the summed squares, add the mean."
    )
    return diagnose(result, mean + (plain - mean) / length, mistakes, otherwise)


@exercise("9.4")
def leaks(answer):
    """Find what is wrong with the letters of the recipes that use labels which are not given."""
    if isinstance(answer, str):
        answer = answer.replace(",", " ").replace(" ", "")
    try:
        given = {str(letter).strip().upper() for letter in answer}
    except TypeError:
        raise WrongAnswer('Give the letters, such as {"A", "B"}.') from None
    if not given <= set(RECIPES):
        raise WrongAnswer(f"There are the recipes {', '.join(RECIPES)}, and you gave {sorted(given)}.")
    if given - LEAKING:
        return f"{WHY[min(given - LEAKING)]} So it leaks nothing."
    if LEAKING - given:
        return f"One is missing. Of each recipe, ask whose labels it needs: {len(LEAKING - given)} more leak."
    return None
