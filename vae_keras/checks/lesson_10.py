"""Checks of lesson 10: the best guess of what noise hides, the number of steps, and when a face is decided."""

import numpy as np

from vae_keras.checks.base import as_array, call, close, diagnose, exercise

RANDOM = np.random.default_rng()
STEPS = (3, 6, 12)  # in exercise 10.2
FAR = 0.2  # from the nearest point of the data, there
FACES = 200  # in exercise 10.4


@exercise("10.1")
def best_guess(answer):
    """Find what is wrong with a function of (noisy, noise, mean, deviation) that guesses what a Gaussian hid."""
    mean, deviation, noise = RANDOM.uniform(3, 5), RANDOM.uniform(1.2, 1.8), RANDOM.uniform(2, 3)
    noisy = mean + RANDOM.normal(0, 3, 50)
    result = as_array(call(answer, noisy.copy(), noise, mean, deviation), noisy.shape, "the guess")
    share = deviation**2 / (deviation**2 + noise**2)
    mistakes = {
        "You kept the noisy number: a large one is large by its noise, too, so guess nearer to the mean.": noisy,
        "The mean is the best guess before you see the noisy number; then it is nearer to it.": (
            np.full_like(noisy, mean)
        ),
        "This is the guess for N(0, 1): subtract the mean first, and use the deviation.": noisy
        / (1 + noise**2),
        "This forgets the deviation of the hidden numbers, which is not 1.": (
            mean + (noisy - mean) / (1 + noise**2)
        ),
        "You shrank the distance from the mean: add the mean again.": share * (noisy - mean),
        "You shrank the noisy number itself: shrink its distance from the mean.": share * noisy,
        "You took deviations: it is the variances that add up, so square both.": (
            mean + deviation / (deviation + noise) * (noisy - mean)
        ),
        "You kept the share that belongs to the noise: the other share belongs to the hidden number.": (
            mean + (1 - share) * (noisy - mean)
        ),
    }
    otherwise = (
        "Shrink the distance from the mean by (variance of the hidden) / (variance of the noisy numbers)."
    )
    return diagnose(result, mean + share * (noisy - mean), mistakes, otherwise)


@exercise("10.2")
def strays(answer, walk, start, points):
    """Find what is wrong with the shares of walks of 3, 6 and 12 steps that end far from all points."""
    if not isinstance(answer, dict) or sorted(answer) != list(STEPS):
        return f"`strays` has to be a dictionary with the keys {', '.join(map(str, STEPS))}."
    found = as_array([answer[steps] for steps in STEPS], (len(STEPS),), "`strays`")
    ends = [np.asarray(walk(start, steps)[-1]) for steps in STEPS]
    distances = np.stack([np.linalg.norm(end[:, None] - points[None], axis=2) for end in ends])
    nearest = distances.min(axis=2)  # of (steps, walks, points)
    shares = (nearest > FAR).mean(axis=1)
    if np.abs(found - shares).max() < 0.005:
        return None
    mistakes = {
        "These are per cent: give shares, between 0 and 1.": 100 * shares,
        "These are counts: divide by the number of walks.": len(start) * shares,
        f"These are the shares that end near a point: count distances above {FAR}.": 1 - shares,
        f"These are mean distances: count how many are above {FAR}.": nearest.mean(axis=1),
        "You asked which points have no walk near them: take the nearest point of each walk's end.": (
            (distances.min(axis=1) > FAR).mean(axis=1)
        ),
    }
    for message, wrong in mistakes.items():
        if close(found, wrong, 0.01):
            return message
    if np.ptp(found) == 0:
        return "All three are the same: hand the number of steps on to `walk`."
    return "The shares differ: walk from `start`, take the last places, and the distance to the nearest of `points`."


@exercise("10.3")
def exact_guess(answer):
    """Find what is wrong with a function of (noisy, points, noise) that averages the points that could be hidden."""
    points = RANDOM.normal(0, 1, (40, 2))
    noisy, noise = RANDOM.normal(0, 1, (7, 2)), RANDOM.uniform(0.6, 0.8)
    result = as_array(call(answer, noisy.copy(), points.copy(), noise), noisy.shape, "the guess")
    squared = ((noisy[:, None] - points[None]) ** 2).sum(axis=2)  # (noisy, points)
    weights = np.exp(-squared / (2 * noise**2))
    exact = weights @ points / weights.sum(axis=1, keepdims=True)
    if close(result, exact):
        return None
    other_weights = {
        "You took the nearest point: every point could be the hidden one, so average them.": (
            squared == squared.min(axis=1, keepdims=True)
        ),
        "You gave all points the same weight: a near one is more likely to be hidden there.": np.ones_like(
            squared
        ),
        "You forgot the 2: the weight is exp(-squared / (2 * noise**2)).": np.exp(-squared / noise**2),
        "You divided by the noise: square it.": np.exp(-squared / (2 * noise)),
        "You took the distance: square it.": np.exp(-np.sqrt(squared) / (2 * noise**2)),
        "You left out the noise: the weights are wide under much noise.": np.exp(-squared / 2),
    }
    for message, wrong in other_weights.items():
        if close(result, wrong @ points / wrong.sum(axis=1, keepdims=True)):
            return message
    if close(result, weights @ points):
        return "The weights of a noisy point have to add up to 1: divide by their sum."
    if close(result, weights / weights.sum(axis=0) @ points):
        return "You added the weights up over the noisy points: sum over the points, axis 1."
    return (
        "Weigh each point by exp(-squared / (2 * noise**2)), divide by the sum of the weights, and average."
    )


@exercise("10.4")
def decided(answer, diffusion):
    """Find what is wrong with the number of the first step at which the guesses are half way to the last codes."""
    guesses = np.float64(list(diffusion.path(FACES, seed=1)))  # (steps, faces, latent_dim)
    squared = ((guesses - guesses[-1]) ** 2).sum(axis=2).mean(axis=1)
    spread = ((guesses[-1] - guesses[-1].mean(axis=0)) ** 2).sum(axis=1).mean()
    right = 1 + int(np.argmax(squared < spread / 2))
    answer = as_array(answer, (), "`step`")
    if answer == right:
        return None
    if answer not in range(len(guesses) + 1):
        return f"`step` is the number of a step, from 1 to {len(guesses)}."
    if answer == right - 1:
        return "Steps are counted from 1 here; and below half, not above."
    if answer == 1 + int(np.argmax(squared < spread / 4)):
        return "You compared distances: compare their squares."
    if answer < right:
        return f"At step {int(answer)} less than half is decided: compare with the last codes, not the step before."
    return f"It is decided before step {int(answer)}: take the first step below half."
