"""Checks of lesson 04: a Gaussian of one's own, the number of components, temperature 0, a copy that hides."""

import numpy as np

from vae_keras.checks.base import as_array, call, close, exercise

RANDOM = np.random.default_rng()
COUNTS = (1, 3, 10, 30)  # components, in exercise 4.2
SLACK = 1.02  # times the least distance is as good as the least
LIKE = 0.15  # relative difference of two distances that differ by chance alone
FACES = 40  # new ones, in exercise 4.4
PICTURES = 300  # of the training, there


def plain_noise(count: int, width: int) -> np.ndarray:
    """Return noise (count, width) with a mean of exactly 0 and a covariance of exactly I."""
    noise = RANDOM.standard_normal((count, width))
    noise -= noise.mean(axis=0)
    root = np.linalg.cholesky(np.cov(noise, rowvar=False))
    return np.linalg.solve(root, noise.T).T


@exercise("4.1")
def new_codes(answer):
    """Find what is wrong with a function of (z, noise) that gives the noise the mean and covariance of the codes z."""
    width = 5
    shape = np.tril(RANDOM.normal(0, 1, (width, width))) + 2 * np.diag(np.arange(1, width + 1))
    z = RANDOM.standard_normal((200, width)) @ shape.T + RANDOM.uniform(2, 6, width)
    noise = plain_noise(80, width)
    result = as_array(call(answer, z.copy(), noise.copy()), noise.shape, "the new codes")
    mean, covariance = z.mean(axis=0), np.cov(z, rowvar=False)
    found = np.cov(result, rowvar=False)
    if close(result.mean(axis=0), np.zeros(width), 1e-6):
        return "The new codes lie around 0: add the mean of the codes."
    if not close(result.mean(axis=0), mean, 1e-6):
        return "The new codes have another mean: add z.mean(axis=0)."
    factor = np.linalg.cholesky(covariance)
    mistakes = {
        "You multiplied by factor: codes are rows, so it is noise @ factor.T.": factor.T @ factor,
        "You multiplied by the covariance: take its Cholesky factor.": covariance @ covariance,
        "You took the deviations alone: the covariance holds more than its diagonal.": np.diag(
            np.diag(covariance)
        ),
        "You took the variances for the deviations.": np.diag(np.diag(covariance) ** 2),
        "You added the mean alone: the noise needs the shape of the codes.": np.eye(width),
    }
    for message, wrong in mistakes.items():
        if close(found, wrong, 1e-6):
            return message
    if not close(found, covariance, 0.01):
        return "The covariance differs: np.cov(z, rowvar=False), its Cholesky factor, noise @ factor.T, the mean."
    return None


@exercise("4.2")
def components(measured, enough, distances):
    """Find what is wrong with the distances by number of components, and with the number that is enough."""
    if not isinstance(measured, dict) or sorted(measured) != list(COUNTS):
        return f"`measured` has to be a dictionary with the keys {', '.join(map(str, COUNTS))}."
    values = as_array([measured[count] for count in COUNTS], (len(COUNTS),), "`measured`")
    known = distances[["VAE, one Gaussian", "VAE, mixture"]].to_numpy("float64")
    if np.ptp(values) == 0 and np.ptp(known) > 0:
        return "All four distances are the same: hand the number of components on to `fit_prior`."
    for count, distance in zip((1, 10), known):
        if abs(measured[count] - distance) > LIKE * distance:
            return (
                f"With {count} the lesson measured {distance:.1f}, not {measured[count]:.1f}: draw as many codes as "
                "there are test faces, decode them, and compare with the test faces."
            )
    enough = as_array(enough, (), "`enough`")
    right = next(count for count in COUNTS if measured[count] <= SLACK * values.min())
    if enough == right:
        return None
    if enough == COUNTS[values.argmin()]:
        return f"{int(enough)} is the best; the smallest count that comes within 1.02 times of it is smaller."
    if enough not in COUNTS:
        return "`enough` is a number of components: 1, 3, 10 or 30."
    if enough > right:
        return f"Fewer do: look at the distance of {right}."
    return f"{int(enough)} is too few: its distance is more than {SLACK} times the least."


@exercise("4.3")
def cold_codes(answer, prior):
    """Find what is wrong with the different codes that a mixture gives at temperature 0."""
    width = prior.means.shape[1]
    codes = np.asarray(answer, "float64")
    if codes.ndim != 2 or codes.shape[1] != width:
        return f"Give the codes, one row each, of shape (count, {width}), not {codes.shape}."
    differences = np.abs(codes[:, None] - prior.means[None]).max(axis=2)
    known = differences < 1e-3 * np.abs(prior.means).max()
    if not known.any(axis=1).all():
        overall = np.average(prior.means, axis=0, weights=prior.weights)
        if close(codes[0], overall, 1e-3):
            return "This is the mean of all codes; draw from the mixture instead."
        return "Some of these codes are no centres of a component: draw with `temperature=0`."
    if known.sum(axis=0).max() > 1:
        return "Some codes come twice: keep the different ones, by np.unique(…, axis=0)."
    missing = ~known.any(axis=0) & (prior.weights > 0.02)
    if missing.any():
        return f"{missing.sum()} more can come: draw more codes before you look for the different ones."
    return None


@exercise("4.4")
def find_copy(answer):
    """Find what is wrong with a function of (new codes, training codes) that names the new code that is a copy."""
    scale = np.geomspace(0.5, 3, 12)
    training = RANDOM.standard_normal((PICTURES, 12)) * scale + 4
    new = RANDOM.standard_normal((FACES, 12)) * scale + 4
    # The face that is copied stands apart from the others, so that its mean distance to them is no help.
    original = np.argmax(np.linalg.norm((training - 4) / scale, axis=1))
    place = (original + RANDOM.integers(1, FACES)) % FACES
    new[place] = training[original] + RANDOM.normal(0, 0.02, 12)
    result = as_array(call(answer, new.copy(), training.copy()), (), "what your function returns")
    if result == place:
        return None
    distances = np.linalg.norm(new[:, None] - training[None], axis=2)  # (new, training)
    mistakes = {
        "That is the place of the original in the training set: return the place of the copy among the new faces.": (
            original
        ),
        "You named the new face that is farthest from its nearest training face: a copy is near.": (
            distances.min(axis=1).argmax()
        ),
        "You averaged the distances: a copy is near to one training face, not to all.": (
            distances.mean(axis=1).argmin()
        ),
        "You took the largest distance to a training face: take the smallest.": distances.max(
            axis=1
        ).argmin(),
    }
    for message, wrong in mistakes.items():
        if result == wrong:
            return message
    return "Another new face lies much nearer to a training face: take the distance to the nearest one, then argmin."
