# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 2
#     settings: [dataset]
# ---

# %% [markdown]
# None of the answers needs pictures or a trained model.

# %%
import math

import numpy as np
import tensorflow as tf

from vae_keras.checks import lesson_02 as check
from vae_keras.model import gaussian, mse

# %% [markdown]
# ## Exercise 2.1: a draw that learns
# The noise is drawn without any knowledge of the encoder. All that follows is multiplication and addition, and TensorFlow
# knows their derivatives. Half the log-variance is the logarithm of the deviation, because $\sigma = (\sigma^2)^{1/2}$.


# %%
def draw(z_mean, z_log_variance):
    noise = tf.random.normal(tf.shape(z_mean))
    return z_mean + tf.exp(0.5 * z_log_variance) * noise


check.draw(draw)

# %% [markdown]
# ## Exercise 2.2: the KL
# This is the formula, line by line. $\log \sigma^2$ is given, so only $\sigma^2$ needs an exponential. Latent variables are
# independent, so their prices add up.


# %%
def kl(z_mean, z_log_variance):
    each = 0.5 * (z_mean**2 + np.exp(z_log_variance) - z_log_variance - 1)
    return each.sum(axis=1)


check.kl(kl)

# %% [markdown]
# ## Exercise 2.3: squared error in disguise
# $2\sigma_x^2 = 1$ gives $\sigma_x = \sqrt{1/2}$ and $\log \sigma_x = -\tfrac{1}{2}\log 2$. What is left of the difference is
# $\log \sigma_x + \tfrac{1}{2}\log 2\pi = \tfrac{1}{2} \log \pi$ for each value, whatever the picture. A constant has no gradient: both
# losses train the same model.

# %%
log_sigma = -0.5 * math.log(2)
check.log_sigma(log_sigma)

x, x_hat = np.random.default_rng(0).random((2, 5, 64, 64, 3), dtype="float32")
difference = np.array(gaussian(x, x_hat, log_sigma) - mse(x, x_hat))
print(difference.round(1), "and", round(x[0].size * 0.5 * np.log(np.pi), 1))

# %% [markdown]
# ## Exercise 2.4: the whole loss
# Sums run inside a picture, the mean runs over the pictures. The weight multiplies the KL alone.


# %%
def loss(x, x_hat, z_mean, z_log_variance, sigma_x, beta):
    each = (x - x_hat) ** 2 / (2 * sigma_x**2) + np.log(sigma_x) + 0.5 * np.log(2 * np.pi)
    return np.mean(each.sum(axis=(1, 2, 3)) + beta * kl(z_mean, z_log_variance))


check.loss(loss)

# %% [markdown]
# ## Exercise 2.5: find the bug
# Training B took the mean over the pixels. Beside such a small reconstruction term no code is worth its price. So its KL
# goes to zero, the decoder learns nothing about the picture, and the error stays that of the mean face. C was trained
# without its KL term: its codes cost far more. D has a learning rate that is too low: its error still falls.

# %%
answer = "B"
check.mean_bug(answer)
