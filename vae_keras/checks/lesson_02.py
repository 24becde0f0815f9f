"""Checks of lesson 02: a draw with gradients, the KL, a likelihood's width, the whole loss, a bug in a curve."""

import numpy as np
import pandas as pd
import tensorflow as tf

from vae_keras.checks.base import WrongAnswer, as_array, call, close, diagnose, exercise

RANDOM = np.random.default_rng()
LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)

# Squared error per value, and KL in nats, of four trainings of a small VAE: 16 latent variables, 2,000 faces of 32×32.
CURVES = pd.DataFrame(
    {
        "A error": [0.0667, 0.0342, 0.0254, 0.0229, 0.0216, 0.0209, 0.0201, 0.0196],
        "A KL": [8.05, 15.13, 16.93, 17.09, 17.32, 17.61, 17.85, 17.86],
        "B error": [0.0757, 0.0665, 0.0646, 0.0639, 0.0636, 0.0635, 0.0633, 0.0632],
        "B KL": [2.96, 0.25, 0.12, 0.08, 0.06, 0.05, 0.04, 0.03],
        "C error": [0.0605, 0.0271, 0.0214, 0.0193, 0.0177, 0.0167, 0.0160, 0.0156],
        "C KL": [214.38, 330.99, 361.72, 353.93, 330.41, 328.74, 327.57, 325.58],
        "D error": [0.0928, 0.0878, 0.0833, 0.0798, 0.0767, 0.0734, 0.0699, 0.0663],
        "D KL": [7.22, 5.97, 6.20, 6.19, 6.11, 6.45, 6.86, 7.68],
    },
    index=pd.RangeIndex(1, 9, name="epoch"),
)


@exercise("2.1")
def draw(answer):
    """Find what is wrong with a function that draws codes of a mean and a log-variance."""
    rows, columns = 20_000, 3
    mean = RANDOM.uniform(-3, 3, columns)
    log_variance = RANDOM.choice([-1, 1], columns) * RANDOM.uniform(0.8, 1.6, columns)
    z_mean, z_log_variance = (tf.constant(np.tile(x, (rows, 1)), "float32") for x in (mean, log_variance))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([z_mean, z_log_variance])
        result = call(answer, z_mean, z_log_variance)
        total = tf.reduce_sum(tf.cast(tf.convert_to_tensor(result), "float32") ** 2)
    z = as_array(result, (rows, columns), "the code")
    again = as_array(call(answer, z_mean, z_log_variance), (rows, columns), "the code")
    return _wrong_distribution(z, again, mean, log_variance) or _blocked_gradient(
        tape.gradient(total, z_mean), tape.gradient(total, z_log_variance)
    )


def _wrong_distribution(z, again, mean, log_variance):
    """Return what is wrong with draws, whose rows all have the same mean and log-variance."""
    measured = z.std(axis=0)
    if np.abs(measured).max() < 1e-4:
        return "All rows are the same: each row needs noise of its own, so draw it in the shape of z_mean."
    if np.allclose(z, again):
        return "Two calls gave the same codes: draw the noise anew in each call, without a fixed seed."
    deviations = {
        "You multiplied the noise by the variance: halve the log-variance before the exponential.": (
            np.exp(log_variance)
        ),
        "You took the log-variance for the deviation: halve it, then take the exponential.": (
            np.abs(log_variance)
        ),
        "You left out the exponential: half the log-variance is the logarithm of the deviation.": (
            np.abs(log_variance / 2)
        ),
        "The noise is not scaled: multiply it by the deviation.": np.ones_like(mean),
    }
    if not close(measured, np.exp(log_variance / 2), 0.05):
        wrong = [message for message, value in deviations.items() if close(measured, value, 0.05)]
        return wrong[0] if wrong else "The deviation of your codes is not exp(z_log_variance / 2)."
    if not np.allclose(z.mean(axis=0), mean, atol=0.1):
        return "The mean of your codes is not z_mean: add z_mean to the scaled noise."
    return None


def _blocked_gradient(of_mean, of_log_variance):
    """Return what is wrong where a gradient is missing."""
    if of_mean is None and of_log_variance is None:
        return (
            "The draw is right, but no gradient passes it: draw the noise alone, and compute "
            "mean + deviation * noise with TensorFlow."
        )
    if of_mean is None:
        return "No gradient reaches the mean: use z_mean as it is, not as a NumPy array."
    if of_log_variance is None:
        return "No gradient reaches the log-variance: compute the deviation with tf.exp, not with NumPy."
    return None


@exercise("2.2")
def kl(answer):
    """Find what is wrong with a function that returns the KL of each code, summed over its latent variables."""
    mean, log_variance = RANDOM.normal(0, 1.5, (6, 4)), RANDOM.uniform(-3, 1.5, (6, 4))
    each = _kl(mean, log_variance)
    result = call(answer, mean.copy(), log_variance.copy())
    if np.shape(result) == (6, 4):
        return "You return a price for each latent variable: sum over axis 1."
    if np.shape(result) == ():
        return (
            "You return one number: sum over the latent variables alone, so that each code keeps its price."
        )
    right = each.sum(axis=1)
    result = as_array(result, (6,), "the KL")
    mistakes = {
        "You forgot the factor ½.": 2 * right,
        "You took the mean over the latent variables: the price of a code is the sum.": each.mean(axis=1),
        "The sign is turned: the KL is never negative.": -right,
        "You swapped the mean and the log-variance.": _kl(log_variance, mean).sum(axis=1),
        "You took the log-variance for the log-deviation: its exponential is the variance already.": (
            _kl(mean, 2 * log_variance).sum(axis=1)
        ),
        "You took the deviation for the variance: exp(z_log_variance) needs no ½.": (
            0.5 * (mean**2 + np.exp(log_variance / 2) - log_variance - 1).sum(axis=1)
        ),
        "You left out the − 1: a code equal to N(0, I) would cost something.": right + 2,
        "You did not square the mean.": (each - 0.5 * mean**2 + 0.5 * mean).sum(axis=1),
    }
    return diagnose(result, right, mistakes, "Compare with ½ (μ² + σ² − log σ² − 1), summed over axis 1.")


def _kl(mean, log_variance):
    return 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)


@exercise("2.3")
def log_sigma(answer):
    """Find what is wrong with the log_sigma for which `gaussian` differs from `mse` by a constant."""
    value = float(as_array(answer, (), "log_sigma"))
    if abs(value - 0.5 * np.log(0.5)) < 1e-3:
        return None
    hints = {
        "That is σ_x itself: take its logarithm.": 0.5**0.5,
        "That is the variance: take its root, then the logarithm.": 0.5,
        "That is the logarithm of the variance: halve it.": np.log(0.5),
        "The sign is turned: σ_x is below 1, so its logarithm is negative.": -0.5 * np.log(0.5),
        "With log_sigma = 0, σ_x is 1, and the squared error is divided by 2.": 0.0,
    }
    wrong = [message for message, other in hints.items() if abs(value - other) < 1e-3]
    errors = np.square(RANDOM.random((8, 48)) - RANDOM.random((8, 48))).sum(axis=1)
    spread = np.ptp(errors * (0.5 * np.exp(-2 * value) - 1))
    return (
        wrong[0]
        if wrong
        else f"With {value:.3g} the difference varies by {spread:.2g} among random pictures."
    )


@exercise("2.4")
def loss(answer, beta: float = 4.0):
    """Find what is wrong with a function that returns the loss of a batch."""
    x, x_hat = RANDOM.random((5, 8, 8, 3)), RANDOM.random((5, 8, 8, 3))
    mean, log_variance = RANDOM.normal(0, 3, (5, 7)), RANDOM.uniform(-3, 1.5, (5, 7))
    sigma, values = RANDOM.uniform(0.2, 0.6), 8 * 8 * 3
    inputs = (x, x_hat, mean, log_variance)
    result = call(answer, *(part.copy() for part in inputs), sigma, beta)
    if np.shape(result) == (5,):
        return "You return a loss for each picture: take the mean over the batch last."
    result = as_array(result, (), "the loss")
    squared = np.square(x - x_hat).sum(axis=(1, 2, 3)).mean()
    constant = values * (np.log(sigma) + LOG_ROOT_2PI)
    price = _kl(mean, log_variance).sum(axis=1).mean()
    reconstruction = squared / (2 * sigma**2) + constant
    right = reconstruction + beta * price
    mistakes = {
        "You took the mean over the pixels: sum over axes 1, 2 and 3.": reconstruction / values
        + beta * price,
        "You took the mean over the latent variables: sum over axis 1.": reconstruction + beta * price / 7,
        "You took the sum over the batch: take its mean.": 5 * right,
        "You forgot beta.": reconstruction + price,
        "Beta weighs the KL, not the reconstruction.": beta * reconstruction + price,
        "You forgot the factor ½ of the KL.": reconstruction + 2 * beta * price,
        "You subtracted the KL: it is a price, so add it.": reconstruction - beta * price,
        "You left out log σ_x.": right - values * np.log(sigma),
        "You left out ½ log 2π.": right - values * LOG_ROOT_2PI,
        "You counted the part without x once a picture: it stands in the sum, once for each value.": (
            right - constant + constant / values
        ),
        "You left out the 2 of 2 σ_x².": right + squared / (2 * sigma**2),
        "You divided by 2 σ_x: square it.": right + squared / (2 * sigma) - squared / (2 * sigma**2),
        "You divided by nothing: the squared error stands over 2 σ_x².": squared + constant + beta * price,
    }
    return diagnose(
        result,
        right,
        mistakes,
        "Compute the reconstruction and the KL alone, and compare each with its formula.",
        1e-5,
    )


@exercise("2.5")
def mean_bug(answer):
    """Find what is wrong with the letter of the training that took a mean over pixels."""
    if not isinstance(answer, str):
        raise WrongAnswer("Answer with a letter in quotes, such as a name of the table's columns.")
    explanations = {
        "A": "In A the error falls and the KL stays finite: that is how it should be.",
        "C": "In C the KL is far above the others': codes cost nothing, so its KL term is missing.",
        "D": "In D the error still falls and the KL does not go to zero: its learning rate is too low.",
    }
    letter = answer.strip().upper()
    return None if letter == "B" else explanations.get(letter, "Answer with A, B, C or D.")
