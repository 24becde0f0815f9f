"""The checks of lesson 02: the right answer passes, typical wrong ones are told what is wrong with them."""

import numpy as np
import pytest
import tensorflow as tf

from vae_keras.checks import lesson_02 as check


def noise_like(z_mean):
    return tf.random.normal(tf.shape(z_mean))


def right_draw(z_mean, z_log_variance):
    return z_mean + tf.exp(0.5 * z_log_variance) * noise_like(z_mean)


def draw_without(z_mean, z_log_variance, *, of_mean=True, of_log_variance=True):
    mean = z_mean if of_mean else tf.stop_gradient(z_mean)
    log_variance = z_log_variance if of_log_variance else tf.stop_gradient(z_log_variance)
    return right_draw(mean, log_variance)


DRAW = {
    "multiplied the noise by the variance": lambda m, v: m + tf.exp(v) * noise_like(m),
    "took the log-variance for the deviation": lambda m, v: m + v * noise_like(m),
    "left out the exponential": lambda m, v: m + 0.5 * v * noise_like(m),
    "The noise is not scaled": lambda m, v: m + noise_like(m),
    "The deviation of your codes": lambda m, v: m + 5 * noise_like(m),
    "The mean of your codes": lambda m, v: right_draw(m, v) - m + 7,
    "All rows are the same": lambda m, v: m,
    "without a fixed seed": lambda m, v: (
        m + tf.exp(0.5 * v) * tf.random.stateless_normal(tf.shape(m), (1, 2))
    ),
    "no gradient passes it": lambda m, v: np.random.default_rng().normal(m, np.exp(0.5 * v)),
    "No gradient reaches the mean": lambda m, v: draw_without(m, v, of_mean=False),
    "No gradient reaches the log-variance": lambda m, v: draw_without(m, v, of_log_variance=False),
    "has to be of shape": lambda m, v: right_draw(m, v)[:5],
    "stopped with NameError": lambda m, v: nothing,  # noqa: F821
    "not answered yet": lambda m, v: ...,
}


@pytest.mark.parametrize("message", DRAW)
def test_wrong_draws(message):
    assert message in check.draw.problem(DRAW[message])


def test_noise_shared_by_all_rows_is_no_draw():
    def shared(z_mean, z_log_variance):
        return z_mean + tf.exp(0.5 * z_log_variance) * tf.random.normal((1, z_mean.shape[1]))

    assert "each row needs noise of its own" in check.draw.problem(shared)


def test_right_draw(capsys):
    check.draw(right_draw)
    assert capsys.readouterr().out == "Exercise 2.1: right.\n"
    assert check.draw.problem(lambda m, v: right_draw(m, v)) is None


def each_kl(mean, log_variance):
    return 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)


KL = {
    "forgot the factor ½": lambda m, v: 2 * each_kl(m, v).sum(axis=1),
    "took the mean over the latent variables": lambda m, v: each_kl(m, v).mean(axis=1),
    "The sign is turned": lambda m, v: -each_kl(m, v).sum(axis=1),
    "swapped the mean and the log-variance": lambda m, v: each_kl(v, m).sum(axis=1),
    "took the log-variance for the log-deviation": lambda m, v: each_kl(m, 2 * v).sum(axis=1),
    "took the deviation for the variance": lambda m, v: 0.5 * (m**2 + np.exp(v / 2) - v - 1).sum(axis=1),
    "left out the − 1": lambda m, v: 0.5 * (m**2 + np.exp(v) - v).sum(axis=1),
    "did not square the mean": lambda m, v: 0.5 * (m + np.exp(v) - v - 1).sum(axis=1),
    "sum over axis 1": each_kl,
    "each code keeps its price": lambda m, v: each_kl(m, v).sum(),
    "has to be of shape": lambda m, v: each_kl(m, v).sum(axis=0),
    "Compare with": lambda m, v: np.ones(len(m)),
    "stopped with NameError": lambda m, v: nothing,  # noqa: F821
    "not answered yet": lambda m, v: ...,
}


@pytest.mark.parametrize("message", KL)
def test_wrong_kl(message):
    assert message in check.kl.problem(KL[message])


def test_right_kl(capsys):
    check.kl(lambda m, v: each_kl(m, v).sum(axis=1))
    check.kl(...)
    assert capsys.readouterr().out == "Exercise 2.2: right.\nExercise 2.2: not answered yet.\n"


LOG_SIGMA = {
    "σ_x itself": np.sqrt(0.5),
    "That is the variance": 0.5,
    "the logarithm of the variance: halve it": np.log(0.5),
    "The sign is turned": 0.5 * np.log(2),
    "σ_x is 1": 0.0,
    "the difference varies by": -1.5,
    "has to be a single number": np.zeros(3),
    "has to hold numbers": "small",
    "not answered yet": ...,
}


@pytest.mark.parametrize("message", LOG_SIGMA)
def test_wrong_log_sigma(message):
    assert message in check.log_sigma.problem(LOG_SIGMA[message])


def test_right_log_sigma(capsys):
    check.log_sigma(tf.constant(0.5 * np.log(0.5)))
    assert capsys.readouterr().out == "Exercise 2.3: right.\n"


def whole(reconstruction=1.0, half=0.5, axes=(1, 2, 3), batch=np.mean, constant=True):
    """Return a loss with one of its parts changed."""

    def loss(x, x_hat, z_mean, z_log_variance, sigma_x, beta):
        parts = (x - x_hat) ** 2 / (2 * sigma_x**2)
        parts = parts + (np.log(sigma_x) + 0.5 * np.log(2 * np.pi) if constant else 0)
        price = half * (z_mean**2 + np.exp(z_log_variance) - z_log_variance - 1).sum(axis=1)
        return batch(reconstruction * parts.sum(axis=axes) + beta * price)

    return loss


def terms(x, x_hat, m, v, s, beta):
    squared = (x - x_hat) ** 2
    parts = squared / (2 * s**2) + np.log(s) + 0.5 * np.log(2 * np.pi)
    return squared.sum(axis=(1, 2, 3)), parts, each_kl(m, v), x[0].size


def changed(combine):
    """Return a loss that `combine` makes of the squared error, the reconstruction's parts, the KL, and the inputs."""

    def loss(x, x_hat, m, v, s, beta):
        squared, parts, price, values = terms(x, x_hat, m, v, s, beta)
        return np.mean(combine(squared, parts.sum(axis=(1, 2, 3)), price.sum(axis=1), values, s, beta))

    return loss


LOSS = {
    "mean over the pixels": changed(lambda e, r, k, n, s, b: r / n + b * k),
    "mean over the latent variables": changed(lambda e, r, k, n, s, b: r + b * k / 7),
    "You took the sum over the batch": whole(batch=np.sum),
    "You forgot beta": changed(lambda e, r, k, n, s, b: r + k),
    "Beta weighs the KL": changed(lambda e, r, k, n, s, b: b * r + k),
    "forgot the factor ½ of the KL": whole(half=1.0),
    "You subtracted the KL": changed(lambda e, r, k, n, s, b: r - b * k),
    "left out log σ_x": changed(lambda e, r, k, n, s, b: r - n * np.log(s) + b * k),
    "left out ½ log 2π": changed(lambda e, r, k, n, s, b: r - n * 0.5 * np.log(2 * np.pi) + b * k),
    "once for each value": changed(
        lambda e, r, k, n, s, b: e / (2 * s**2) + np.log(s * np.sqrt(2 * np.pi)) + b * k
    ),
    "left out the 2": changed(lambda e, r, k, n, s, b: r + e / (2 * s**2) + b * k),
    "divided by 2 σ_x": changed(lambda e, r, k, n, s, b: r - e / (2 * s**2) + e / (2 * s) + b * k),
    "divided by nothing": changed(lambda e, r, k, n, s, b: r - e / (2 * s**2) + e + b * k),
    "the mean over the batch last": whole(batch=np.asarray),
    "compare each with its formula": whole(constant=False, half=0.1),
    "stopped with TypeError": lambda x: x,
    "not answered yet": lambda *inputs: ...,
}


@pytest.mark.parametrize("message", LOSS)
def test_wrong_losses(message):
    assert message in check.loss.problem(LOSS[message])


def test_right_loss(capsys):
    check.loss(whole())
    check.loss(changed(lambda e, r, k, n, s, b: r + b * k))
    assert capsys.readouterr().out == 2 * "Exercise 2.4: right.\n"


@pytest.mark.parametrize(
    "answer, message",
    [
        ("A", "should be"),
        ("C", "codes cost nothing"),
        ("d", "learning rate"),
        ("E", "A, B, C or D"),
        (2, "a letter in quotes"),
        (..., "not answered yet"),
    ],
)
def test_wrong_letters(answer, message):
    assert message in check.mean_bug.problem(answer)


def test_right_letter(capsys):
    check.mean_bug(" b")
    assert capsys.readouterr().out == "Exercise 2.5: right.\n"


def test_the_curves_show_what_the_answers_say():
    curves = check.CURVES
    errors, prices = (
        curves.filter(like=part).rename(columns=lambda name: name[0]) for part in ("error", "KL")
    )
    assert list(errors) == list(prices) == ["A", "B", "C", "D"]
    assert prices["B"].iloc[-1] < 0.1 and errors["B"].iloc[-1] > 1.3 * errors["A"].iloc[-1]
    assert prices["C"].min() > 10 * prices["A"].max()
    assert errors["D"].is_monotonic_decreasing and errors["D"].iloc[-1] > errors["A"].iloc[-1]
    assert prices["D"].min() > 5
