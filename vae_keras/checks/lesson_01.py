"""Checks of lesson 01: the mean face, shares of the variance, shuffled pixels, the covariance of codes."""

import numpy as np

from vae_keras.checks.base import as_array, call, close, diagnose, exercise

RANDOM = np.random.default_rng()
SHARE = 0.9  # of the variance, in exercise 1.2


def new_faces(count: int, side: int = 6) -> np.ndarray:
    """Return pictures of noise with a common light, uint8 (count, side, side, 3)."""
    mean = RANDOM.uniform(60, 200, (side, side, 3))
    light = RANDOM.normal(0, 30, (count, 1, 1, 1))
    noise = RANDOM.normal(0, 20, (count, side, side, 3))
    return np.clip(mean + light + noise, 0, 255).astype("uint8")


def squares(pictures: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the squared difference of each value, in [0, 1], from a mean face of bytes."""
    return np.square(pictures / 255 - mean / 255)


@exercise("1.1")
def mean_face_error(answer):
    """Find what is wrong with a function of (train, test) that returns the squared error of the mean face."""
    train, test = np.split(new_faces(42), [30])
    result = as_array(call(answer, train.copy(), test.copy()), (), "the error")
    mean = train.mean(axis=0)
    right = squares(test, mean)
    mistakes = {
        "Your mean face is that of the test pictures: a model may learn from the training pictures alone.": (
            squares(test, test.mean(axis=0)).mean()
        ),
        "You measured the training pictures: the error counts on the test pictures.": squares(
            train, mean
        ).mean(),
        "You worked with values of 0 to 255: divide the pictures by 255 first.": 255**2 * right.mean(),
        "You took the sum: the error is the mean over all pictures and all values.": right.sum(),
        "You summed over the values of a picture: average over them, too.": right.sum(axis=(1, 2, 3)).mean(),
        "You took the root: the squared error is wanted, without a root.": np.sqrt(right.mean()),
        "You took the absolute difference: square it instead.": np.sqrt(right).mean(),
        "You took one mean over all pixels: average over axis 0, the pictures, alone.": (
            squares(test, train.mean()).mean()
        ),
    }
    return diagnose(
        result,
        right.mean(),
        mistakes,
        "That is not the number. Average train over axis 0, subtract, square, average all.",
    )


@exercise("1.2")
def components(answer, pca):
    """Find what is wrong with the number of components that hold 90 % of the variance."""
    count = as_array(answer, (), "the number")
    shares = pca.explained_variance_ratio_
    reached = np.flatnonzero(shares.cumsum() >= SHARE)
    if not len(reached):  # other pictures than CelebA's may need more than were fitted
        return (
            None if count > len(shares) else "All numbers that were fitted hold less: the answer is larger."
        )
    right = reached[0] + 1
    roots = np.sqrt(pca.explained_variance_)
    mistakes = {
        "You gave the index, which counts from 0: one number more is needed.": right - 1,
        "You added standard deviations: shares of the variance are asked for, without a root.": (
            np.searchsorted(roots.cumsum() / roots.sum(), SHARE) + 1
        ),
        "You gave a share: how many numbers reach it?": SHARE,
        "You divided by the variance of the fitted numbers: the whole variance is larger.": (
            np.searchsorted(shares.cumsum() / shares.sum(), SHARE) + 1
        ),
    }
    return diagnose(
        count,
        right,
        mistakes,
        "That is not the number. Find the first place where the cumulated shares reach 0.9.",
    )


@exercise("1.3")
def shuffled_error(answer):
    """Find what is wrong with a function of (train, test, components): PCA's error on shuffled pixels."""
    from vae_keras import evaluation

    train, test = np.split(new_faces(80, 4), [60])
    count = 5
    result = as_array(call(answer, train.copy(), test.copy(), count), (), "the error")
    pca = evaluation.fit_pca(train, count)
    right = evaluation.pca_error(pca, test)
    other = evaluation.pca_error(evaluation.fit_pca(test, count), test)
    own = evaluation.pca_error(pca, train)
    if close(result, right, 0.02):
        return None
    if close(result, other, 0.02):
        return "You fitted PCA to the test pictures: fit it to the shuffled training pictures."
    if close(result, own, 0.02):
        return "You measured the training pictures: return the error on the shuffled test pictures."
    if result > 1.02 * right:
        return (
            "Your error is larger than before: every picture, train and test, has to be shuffled by the same order. "
            "Draw one permutation and use it for all."
        )
    return "Your error is smaller than before: shuffle whole pictures, fit PCA with all components asked for."


@exercise("1.4")
def covariance(answer, codes):
    """Find what is wrong with the covariance matrix of codes (n, k)."""
    codes = np.asarray(codes, "float64")
    count, width = codes.shape
    if np.shape(answer) == (count, count):
        return "Your matrix compares pictures, not numbers of the code: pass rowvar=False, or codes.T."
    matrix = as_array(answer, (width, width), "the covariance")
    right = np.cov(codes, rowvar=False)
    mistakes = {
        "You took correlations, whose diagonal is 1: take np.cov.": np.corrcoef(codes, rowvar=False),
        "You forgot to divide by the number of codes.": right * (count - 1),
        "You kept the diagonal alone: the other entries are the question.": np.diag(np.diag(right)),
    }
    return diagnose(matrix, right, mistakes, "Give np.cov(codes, rowvar=False).", 0.02)
