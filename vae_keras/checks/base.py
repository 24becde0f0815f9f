"""What the checks of all lessons share: the verdict that is printed, and how answers are called and compared."""

import functools

import numpy as np


class Unanswered(Exception):
    """The reader has not answered yet: the answer is `...` or None, or a function that returns one of these."""


class WrongAnswer(Exception):
    """The answer cannot be checked further; its text says why."""


def exercise(number: str):
    """Make a check of a function that finds what is wrong with an answer.

    Args:
        number: of the exercise, such as "2.1".

    Returns:
        A decorator for functions `find(answer, ...)` that return None for a right answer, and else a message in one
        sentence. The check prints the verdict and returns nothing; its attribute `problem`, called with the same
        arguments, returns the message, "not answered yet", or None.
    """

    def decorate(find):
        @functools.wraps(find)
        def problem(*answers, **context):
            try:
                refuse_unanswered(*answers)
                return find(*answers, **context)
            except Unanswered:
                return "not answered yet"
            except WrongAnswer as error:
                return str(error)
            except Exception as error:  # whatever the reader's code does, the notebook goes on
                return f"your code stopped with {type(error).__name__}: {error}"

        @functools.wraps(find)
        def check(*answers, **context):
            message = problem(*answers, **context)
            if message is None:
                print(f"Exercise {number}: right.")
            elif message == "not answered yet":
                print(f"Exercise {number}: not answered yet.")
            else:
                print(f"Exercise {number}: not yet. {message[0].upper()}{message[1:]}")

        check.problem = problem
        return check

    return decorate


def refuse_unanswered(*answers):
    """Raise `Unanswered` where one of the answers is missing."""
    for answer in answers:
        if answer is None or answer is ...:
            raise Unanswered


def call(function, *inputs):
    """Return what a reader's function gives for these inputs.

    Raises:
        Unanswered: It returns None or `...`.
        WrongAnswer: It is no function.
    """
    if not callable(function):
        raise WrongAnswer("Give the function itself, without calling it.")
    result = function(*inputs)
    refuse_unanswered(result)
    return result


def as_array(answer, shape, name: str = "the answer") -> np.ndarray:
    """Return an answer as a float64 array.

    Args:
        answer: a number, an array, a tensor, or a list of these.
        shape: the shape it has to have, such as () for a number.
        name: what the answer is, for the message.

    Raises:
        WrongAnswer: It holds no numbers, has another shape, or is not finite.
    """
    try:
        array = np.asarray(answer, "float64")
    except (TypeError, ValueError):
        raise WrongAnswer(f"{name} has to hold numbers, and it is {type(answer).__name__}.") from None
    if array.shape != tuple(shape):
        wanted = "a single number" if shape == () else f"of shape {tuple(shape)}"
        raise WrongAnswer(f"{name} has to be {wanted}, and it has the shape {array.shape}.")
    if not np.isfinite(array).all():
        raise WrongAnswer(f"{name} holds values that are not finite.")
    return array


def close(answer, expected, tolerance: float = 1e-4) -> bool:
    """Return whether an answer equals the expected numbers, relative to the largest of them."""
    scale = max(1e-8, float(np.abs(expected).max()))
    return bool(np.abs(np.asarray(answer, "float64") - expected).max() <= tolerance * scale)


def diagnose(result, right, mistakes: dict, otherwise: str, tolerance: float = 1e-4) -> str | None:
    """Return what is wrong with numbers, None where they are right.

    The right answer is looked at first: by chance a usual mistake may give nearly the same numbers.

    Args:
        result: the answer's numbers.
        right: what they should be.
        mistakes: what each usual mistake gives, by the message that names it.
        otherwise: the message for any other answer.
        tolerance: relative difference that counts as equal.
    """
    if close(result, right, tolerance):
        return None
    for message, wrong in mistakes.items():
        if close(result, wrong, tolerance):
            return message
    return otherwise
