"""Checks of lesson 08: decibels, the loss of a search for a code, the AUC by counting, bits of a rounded value."""

import numpy as np
from scipy.stats import norm

from vae_keras.checks.base import as_array, call, diagnose, exercise

RANDOM = np.random.default_rng()


@exercise("8.1")
def psnr(answer):
    """Find what is wrong with a function of two sets of uint8 pictures that returns the PSNR of each pair."""
    images = RANDOM.integers(40, 200, (4, 8, 8, 3), dtype=np.uint8)
    strengths = np.array([2, 5, 20, 50]).reshape(-1, 1, 1, 1)
    others = np.clip(images + strengths * RANDOM.standard_normal(images.shape), 0, 255).astype("uint8")
    result = as_array(call(answer, images.copy(), others.copy()), (4,), "the list of decibels")
    difference = images.astype("float64") - others
    mse = np.square(difference).mean(axis=(1, 2, 3))
    overflowed = np.square(images - others).astype("float64").mean(axis=(1, 2, 3))
    mistakes = {
        "Bytes overflow when they are subtracted: convert to float first.": _decibels(overflowed),
        "Bytes overflow when they are squared: convert to float first.": _decibels(
            (difference.astype("uint8") ** 2).mean(axis=(1, 2, 3))
        ),
        "The error is in grey levels, so its largest value is 255, not 1.": 10 * np.log10(1 / mse),
        "The sign is wrong: a smaller error has more decibels.": -_decibels(mse),
        "255 has to be squared, as the error is.": 10 * np.log10(255 / mse),
        "This is the natural logarithm: take np.log10.": 10 * np.log(255**2 / mse),
        "You summed the squares: take their mean over each picture.": _decibels(mse * 8 * 8 * 3),
        "This is the error alone: take ten times the logarithm of 255² over it.": mse,
        "You averaged over all pictures: the mean goes over the axes 1, 2 and 3.": _decibels(
            np.full(4, mse.mean())
        ),
    }
    decibels = f"{_decibels(mse[0]):.2f} dB, not {result[0]:.2f}"
    otherwise = f"A picture with a mean squared error of {mse[0]:.1f} has {decibels}."
    return diagnose(result, _decibels(mse), mistakes, otherwise)


def _decibels(mse):
    """Return the PSNR of errors in squared grey levels."""
    return 10 * np.log10(255**2 / mse)


@exercise("8.2")
def search_loss(answer):
    """Find what is wrong with a function that returns the loss of one code in the search."""
    x, decoded = RANDOM.random((2, 8, 8, 3))
    known = (RANDOM.random((8, 8, 1)) < 0.7).astype("float64")
    u, u_start = RANDOM.normal(0, 1, (2, 16))
    sigma = RANDOM.uniform(0.2, 0.4)
    result = as_array(call(answer, x, decoded, known, u, u_start, sigma), (), "the loss")
    squares = (x - decoded) ** 2
    misfit, pull = (known * squares).sum() / (2 * sigma**2), 0.5 * ((u - u_start) ** 2).sum()
    hidden = ((1 - known) * squares).sum() / (2 * sigma**2)
    mistakes = {
        "You counted the hidden pixels, too: multiply the difference by known.": misfit + hidden + pull,
        "You counted the hidden pixels in the place of the visible ones: known is 1 where a pixel is visible.": (
            hidden + pull
        ),
        "The prior is missing: add half the squared distance of u from u_start.": misfit,
        "The pixels are missing: add their squared differences over 2 sigma².": pull,
        "The prior pulls to where the search began: subtract u_start from u.": misfit + 0.5 * (u**2).sum(),
        "The pixels lack their half: divide by 2 sigma².": 2 * misfit + pull,
        "The prior lacks its half.": misfit + 2 * pull,
        "Both halves are missing.": 2 * (misfit + pull),
        "Divide the squares by sigma², not by sigma.": misfit * sigma + pull,
        "You took means: both terms are sums.": (known * squares).mean() / (2 * sigma**2) + pull / len(u),
        "The pixels are summed, not averaged.": (known * squares).mean() / (2 * sigma**2) + pull,
        "The two terms are added: the search keeps both small.": misfit - pull,
    }
    otherwise = f"Here the pixels give {misfit:.2f} and the prior {pull:.2f}: not {result:.2f} together."
    return diagnose(result, misfit + pull, mistakes, otherwise)


@exercise("8.3")
def auc(answer):
    """Find what is wrong with a function of usual and strange scores that returns the AUC."""
    usual = RANDOM.integers(0, 12, 40).astype("float64")
    strange = RANDOM.integers(3, 16, 25).astype("float64")
    strange[:5] = usual[:5]  # some ties
    result = as_array(call(answer, usual.copy(), strange.copy()), (), "the AUC")
    higher = (strange[:, None] > usual[None]).mean()
    ties = (strange[:, None] == usual[None]).mean()
    right = higher + ties / 2
    mistakes = {
        "You counted the pairs in which the usual score is higher: the AUC asks for the strange one.": 1
        - right,
        "You left the ties out: each counts as half.": higher,
        "You counted ties in full: each counts as half.": higher + ties,
        "This is the number of pairs: divide it by how many pairs there are.": right
        * len(usual)
        * len(strange),
        "The means alone do not tell: compare all pairs.": float(strange.mean() > usual.mean()),
        "You compared the first with the first, the second with the second: compare all pairs.": (
            strange > usual[: len(strange)]
        ).mean(),
    }
    counts = f"higher in {higher:.3f} and equal in {ties:.3f}: {right:.3f} in all"
    return diagnose(result, right, mistakes, f"Over all pairs the strange score is {counts}.")


@exercise("8.4")
def bits(answer):
    """Find what is wrong with a function that returns the bits of rounded values of a Gaussian latent variable."""
    symbol = RANDOM.permutation(np.arange(-3, 4))
    step, mean, deviation = RANDOM.uniform(0.4, 0.7), RANDOM.uniform(-0.4, 0.4), RANDOM.uniform(0.8, 1.4)
    result = as_array(call(answer, symbol.copy(), step, mean, deviation), symbol.shape, "the list of bits")
    value = symbol * step
    probability = _mass(value - step / 2, value + step / 2, mean, deviation)
    density = norm.pdf(value, mean, deviation)
    mistakes = {
        "These are nats: bits take the logarithm to base 2.": -np.log(probability),
        "The sign is wrong: a probability below 1 has a negative logarithm.": np.log2(probability),
        "This is the probability: take minus its logarithm to base 2.": probability,
        "You took the density, not the probability of the interval.": -np.log2(density),
        "The density times the step is near, but not the probability: take the difference of two cdf.": (
            -np.log2(density * step)
        ),
        "The value is symbol * step, not the symbol.": -np.log2(
            _mass(symbol - step / 2, symbol + step / 2, mean, deviation)
        ),
        "The interval has the length step: half of it to each side.": -np.log2(
            _mass(value - step, value + step, mean, deviation)
        ),
        "The interval lies around the value, half a step to each side.": -np.log2(
            _mass(value, value + step, mean, deviation)
        ),
        "norm takes the deviation, not the variance.": -np.log2(
            _mass(value - step / 2, value + step / 2, mean, deviation**2)
        ),
        "You left out mean and deviation: give them to norm.cdf.": -np.log2(
            _mass(value - step / 2, value + step / 2, 0, 1)
        ),
    }
    needed = f"has the probability {probability[0]:.4f}, which takes {-np.log2(probability[0]):.2f} bits"
    return diagnose(result, -np.log2(probability), mistakes, f"The value {value[0]:.2f} {needed}.")


def _mass(low, high, mean, deviation):
    """Return the probability that a Gaussian gives to intervals."""
    return norm.cdf(high, mean, deviation) - norm.cdf(low, mean, deviation)
