# ---
# jupyter:
#   lesson:
#     title: Build the VAE
#     question: Why does the encoder answer with a distribution?
#     do: |
#       - squeeze faces into two numbers, in two ways, and compare the maps,
#       - build encoder, decoder and the draw between them,
#       - work out the loss and check it by hand.
#     learn: |
#       - why codes need a place and a width,
#       - how gradients pass a random draw,
#       - what the two terms of the loss ask for, and why they are sums.
#     need: |
#       [Lesson 01](01_explore_data.ipynb) for the pictures. You have seen a `keras.Model` and a normal distribution.
#     minutes: {quick: 0.5, cpu: 2, full: 2}
#     settings: [dataset, latent_dim]
#     learned: |
#       - **Why does the encoder answer with a distribution?** So that a code's surroundings decode to the same face, and all
#         codes together fill the region that new ones are drawn from.
#       - `mean + deviation * noise` is a random draw that gradients can pass.
#       - The loss has two terms in nats: what the reconstruction misses, and the KL, the price of the code.
#       - Sum over pixels, sum over latent variables, mean over the batch.
# ---

# %% [markdown]
# ## The task
# A picture of 64 × 64 pixels in three colours has 12,288 values. Can a few numbers say the same? Two networks share the
# work:
#
# - The **encoder** reads a picture and answers with a short list of numbers, the **code** $z$.
# - The **decoder** reads a code and draws a picture.
#
# Each number of a code is a **latent variable**. The course uses 128 of them. We start with two, since two fit on a map.
# The eight faces below stay with us through the course.

# %% caption="The eight faces of this course." alt="Eight photographs of faces in a row, cropped to squares."
import math

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers, ops

from vae_keras import data, latent, plots
from vae_keras.checks import lesson_02 as check
from vae_keras.model import LIKELIHOODS, LOG_VARIANCE_RANGE, VAE, activate, add_details, best_log_sigma
from vae_keras.model import check_likelihood, check_type, kl_divergence, mean_of_replicas, share_of_replica
from vae_keras.model import stage_filters, unpack

faces = data.load_faces(config.dataset, config.image_size, config.pictures)
images = faces.preview.astype("float32") / 255  # values from 0 to 1
plots.grid(faces.preview, columns=8)

# %% [markdown]
# ## A plain autoencoder
# Train encoder and decoder together, so that each picture comes back with a small squared error. That is an
# **autoencoder**. Ours learns from a few thousand faces at half size, which takes a minute. The class `VAE` is what this
# lesson builds. With `variational=False, beta=0.0` it is a plain autoencoder.
#
# Each blue dot on the map is the code of one face. For a *new* face we have to choose a code. The usual way is to draw
# each latent variable from the normal distribution with mean 0 and standard deviation 1, written $N(0, I)$: the orange dots.

# %% caption="Codes of the plain autoencoder, and draws from N(0, I)." alt="A map. Blue dots spread over tens of units. The orange dots form a small disc at the edge of the blue cloud."
half = layers.AveragePooling2D(2)
little = np.array(half(faces.train[:4000] / np.float32(255)))


def train(**options):
    keras.utils.set_random_seed(config.seed)
    vae = VAE(config.image_size // 2, latent_dim=2, filters=(16, 32, 64), likelihood="mse", **options)
    vae.compile(keras.optimizers.Adam(5e-3))
    vae.fit(little, epochs=3 * config.comparison_epochs, batch_size=32, verbose=0)
    return vae


autoencoder = train(variational=False, beta=0.0)
codes, _ = latent.encode(autoencoder, little)
draws = np.random.default_rng(config.seed).standard_normal((400, 2))
print(f"latent variables between {codes.min():.0f} and {codes.max():.0f}")
plots.code_map(codes, draws)

# %% [markdown]
# The codes lie between <<variables between (-?\d+)>> and <<variables between -?\d+ and (-?\d+)>>. The loss wants good
# reconstructions and does not care where codes lie. So only the finished map says where to take a new code from, and 128
# latent variables have no map. What lies between the dots, and around them? We decode a grid of codes that covers the map.

# %% caption="What the plain autoencoder decodes from a grid over its map." alt="A grid of blurred faces. Towards some corners the faces turn into smears without eyes."
low, high = codes.min(axis=0), codes.max(axis=0)
x, y = np.linspace(low[0], high[0], 7), np.linspace(high[1], low[1], 5)
plots.decoded_grid(latent.decode(autoencoder, [(a, b) for b in y for a in x]), x, y)

# %% [markdown]
# Two numbers give blurred faces, but blur is not the problem here. The problem is the places without dots. The decoder was
# trained on single points. Nothing told it what to draw elsewhere: in some empty places it draws faces, in others smears.
#
# ## The same with spots
# Two changes help:
#
# 1. **A code becomes a spot.** The encoder names a place and a width. In training, the code is drawn anew from that spot
#    each time, and the decoder has to draw the same face from all of it. So a code's surroundings are no longer empty.
# 2. **Spots have a price.** It grows when a spot moves away from zero or gets narrow. So the spots gather around zero and
#    fill that region.
#
# Place and width make a normal distribution. An autoencoder whose encoder answers with a distribution is **variational**: a
# VAE. We train one for as long as the plain one.

# %% caption="Means of the VAE's spots, the spots of the eight faces, and draws from N(0, I)." alt="A map. Blue and orange dots cover the same round region around zero. Eight small ellipses mark the eight faces."
small_vae = train()
means, _ = latent.encode(small_vae, little)
spots, spots_log_variance = latent.encode(small_vae, half(images))
deviations = np.exp(spots_log_variance / 2)
print(f"deviation of a spot {deviations.mean():.2f}")
plots.code_map(means, draws, spots=(spots, deviations))

# %% [markdown]
# Blue and orange now share a region. The standard deviation of a spot is <<deviation of a spot ([\d.]+)>> on average. Each
# ellipse is drawn at two standard deviations. The next grid covers most of the orange dots.

# %% caption="What the VAE decodes from a grid between −2 and 2." alt="A grid of blurred faces that change smoothly: background, hair and light differ from corner to corner."
x, y = np.linspace(-2, 2, 6), np.linspace(2, -2, 4)
plots.decoded_grid(latent.decode(small_vae, [(a, b) for b in y for a in x]), x, y)

# %% [markdown]
# One face turns smoothly into the next. Here is the test that counts: eight codes from $N(0, I)$, the same for both models.

# %% caption="The answer to the question: codes from N(0, I) decode to faces only in the VAE." alt="Two rows of eight. Above, from the plain autoencoder, mostly brown smears. Below, from the VAE, blurred faces."
models = {"plain autoencoder": autoencoder, "VAE": small_vae}
plots.rows({name: latent.decode(model, draws[:8]) for name, model in models.items()})

# %% [markdown]
# ## The plan
# The encoder answers with a mean $\mu$ and a standard deviation $\sigma$ for each latent variable. The
# code $z$ is drawn from $N(\mu, \sigma^2)$. The decoder makes the reconstruction $\hat{x}$ of it. The two coloured boxes
# are the terms of the loss.

# %% caption="A variational autoencoder and the two terms of its loss. The reconstruction is the small VAE's." alt="A diagram: face, encoder, mean and deviation, code with noise, decoder, reconstruction. One box compares reconstruction and face, another compares the code's distribution with N(0, I)."
plots.vae_diagram(images[0], small_vae.reconstruct(half(images[:1]))[0])

# %% [markdown]
# ## The encoder
# Each convolution with `strides=2` halves the side. The first makes 32 channels, each further one doubles them: less
# *where*, more *what*. `stage_filters` lists the channels, `activate` adds batch normalization and ReLU.
#
# Two dense layers at the end give the answer. The second one gives $\log \sigma^2$, because a variance may not be negative
# and a logarithm may. `ops.clip` keeps it from extremes.

# %% include vae_keras/model.py::build_encoder tags=["nbval-check-output"]
encoder = build_encoder(config.image_size, config.latent_dim)
z_mean, z_log_variance = encoder(images)
print("channels of the stages:", stage_filters(config.image_size))
print("pictures", images.shape, "-> mean and log-variance", z_mean.shape, z_log_variance.shape)

# %% [markdown]
# ## The decoder
# The decoder goes the same way back. Each transposed convolution doubles the side, and the sigmoid keeps all values
# between 0 and 1. The argument `details` is for later lessons.
#
# The drawing is read off the two models. A box is higher where the picture is larger, and wider where it has more
# channels. An orange bar is a list of numbers.

# %% include vae_keras/model.py::build_decoder caption="Encoder and decoder, block by block." alt="Two rows of blocks. The encoder's boxes shrink and widen down to two bars, the decoder's grow back from one bar to a picture."
decoder = build_decoder(config.image_size, config.latent_dim)
shown = (layers.InputLayer, layers.Conv2D, layers.Conv2DTranspose, layers.Dense, layers.Reshape)
blocks = []
for network in (encoder, decoder):
    kept = [layer for layer in network.layers if isinstance(layer, shown)]
    blocks.append([(type(layer).__name__, layer.output.shape) for layer in kept])
plots.architecture(*blocks)

# %% [markdown]
# ## Drawing the code
# Training needs gradients, from the loss back to the encoder's weights. A random generator returns a number, and no rule for
# how it would change if $\mu$ moved. So gradients stop there.
#
# The **reparameterization trick** draws the noise first, and computes the code from it:
# $$z = \mu + \sigma \cdot \varepsilon, \qquad \varepsilon \sim N(0, I), \qquad \sigma = e^{\frac{1}{2} \log \sigma^2}.$$
# The distribution is the same, and $z$ is now an ordinary function of $\mu$ and $\sigma$.

# %% [markdown]
# ### Exercise 2.1: a draw that learns
# Write `draw`. It gets two tensors of shape (batch, latent variables), the mean and the logarithm of the variance. It
# returns a code for each row, drawn anew in every call. Gradients have to reach both.
#
# <details><summary>Hint</summary>
#
# `tf.random.normal(tf.shape(z_mean))` makes noise. The deviation is `tf.exp` of half the log-variance.
# </details>
#
# [Solution](solutions/02_build_vae.ipynb)


# %%
def draw(z_mean, z_log_variance):
    return ...  # your answer


check.draw(draw)

# %% [markdown]
# Here is the module's layer. Below it, a test: how many of the encoder's weight arrays get a gradient, with the trick and
# with a draw by NumPy?

# %% include vae_keras/model.py::Sampling tags=["nbval-check-output"]
with tf.GradientTape(persistent=True) as tape:
    z_mean, z_log_variance = encoder(images)
    trick = tf.reduce_sum(Sampling(seed=0)([z_mean, z_log_variance]) ** 2)
    drawn = np.random.default_rng(0).normal(z_mean, np.exp(z_log_variance / 2))
    outside = tf.reduce_sum(tf.constant(drawn, "float32") ** 2)
for name, target in (("with the trick", trick), ("drawn by NumPy", outside)):
    gradients = tape.gradient(target, encoder.trainable_weights)
    print(f"{name}: {sum(g is not None for g in gradients)} of {len(gradients)}")

# %% [markdown]
# <<with the trick: (\d+)>> of <<with the trick: \d+ of (\d+)>> with the trick, <<drawn by NumPy: (\d+)>> of
# <<drawn by NumPy: \d+ of (\d+)>> without. An encoder behind NumPy would never learn.
#
# ## The price of a code
# How far is a spot from $N(0, I)$? The measure is the **Kullback–Leibler divergence**, KL for short. In words: draw codes
# from the spot, and ask how much more probable they are under the spot than under $N(0, I)$. The average logarithm of that
# ratio is the KL. Its unit is the **nat**, since the logarithm is natural. For one latent variable:

# %% caption="The KL of one latent variable: over its mean, and over its deviation." alt="Two curves. Over the mean a parabola with its lowest point at 0. Over the deviation a curve that is lowest at 1, steep towards 0 and rising slowly above 1."
mean, deviation = np.linspace(-3, 3, 61), np.linspace(0.02, 3, 150)
price_of_mean = kl_divergence(mean, np.zeros(61))
price_of_deviation = kl_divergence(np.zeros(150), 2 * np.log(deviation))
plots.kl_curves(mean, price_of_mean, deviation, price_of_deviation)

# %% [markdown]
# - **Left:** moving away from zero costs more and more. So spots gather around zero.
# - **Right:** narrow spots are expensive, and so are wide ones. So spots do not shrink to points.
#
# For normal distributions the average can be computed exactly:
# $$\mathrm{KL} = \tfrac{1}{2}\left(\mu^2 + \sigma^2 - \log\sigma^2 - 1\right).$$
# The latent variables of a spot are independent, so the price of a code is the sum over them.

# %% [markdown]
# ### Exercise 2.2: the KL
# Write `kl` in NumPy. It gets the mean and the log-variance, both of shape (batch, latent variables), and returns the price
# of each code in nats, of shape (batch,).
#
# <details><summary>Hint</summary>
#
# $\log \sigma^2$ is what you are given. $\sigma^2$ is its exponential.
# </details>
#
# [Solution](solutions/02_build_vae.ipynb)


# %%
def kl(z_mean, z_log_variance):
    return ...  # your answer


check.kl(kl)

# %% [markdown]
# The module's function does not sum, so that later lessons can look at single latent variables. Does the formula equal
# the average that defines it? We ask SciPy's densities and a million draws.

# %% include vae_keras/model.py::kl_divergence tags=["nbval-check-output"]
from scipy.stats import norm

z = np.random.default_rng(0).normal(2, 0.5, 1_000_000)
average = np.mean(norm.logpdf(z, 2, 0.5) - norm.logpdf(z))
print(f"formula {float(kl_divergence(2.0, 2 * math.log(0.5))):.2f} nats, average {average:.2f} nats")

# %% [markdown]
# ## What the reconstruction misses
# Only terms in the same unit can be added, and a squared error is not in nats. So let the decoder answer with a
# distribution, too: each pixel value is normal around
# $\hat{x}$, with one standard deviation for all pixels. Call it $\sigma_x$; the module has it as `log_sigma`. It belongs to
# pictures, while $\sigma$ and all names that begin with `z_` belong to codes. The term is the negative logarithm of the
# density, summed over pixels:
# $$-\log p(x \mid z) = \sum_i \left(\frac{(x_i - \hat{x}_i)^2}{2\sigma_x^2} + \log \sigma_x + \tfrac{1}{2}\log 2\pi\right).$$
# That is the squared error over $2\sigma_x^2$, and a part that keeps $\sigma_x$ from growing.

# %% include vae_keras/model.py::gaussian tags=["nbval-check-output"]
for sigma in (0.05, 0.1, 0.2):
    print(f"σ_x = {sigma}: {float(np.mean(gaussian(images, images + 0.1, math.log(sigma)))):.0f} nats")

# %% [markdown]
# These pictures are off by `0.1` everywhere, and the width `0.1` costs least. That holds in general: the best $\sigma_x$ is
# the root of the mean squared error. So nobody has to choose it. Each step of training sets it to the error of the batch:
# `best_log_sigma` is `0.5 * log(mean squared error)`. This is the calibrated decoder, or $\sigma$-VAE (Rybkin et al. 2021).
#
# A density may be larger than 1, so this term is negative when the error is small.

# %% [markdown]
# ### Exercise 2.3: squared error in disguise
# Many VAEs use the plain sum of squares, `likelihood="mse"`. It is `gaussian` with a fixed width, up to a constant. Find the
# `log_sigma` for which `gaussian` minus `mse` is the same number for all pictures.
#
# <details><summary>Hint</summary>
#
# The squared error is divided by $2\sigma_x^2$. For which $\sigma_x$ is that 1? Then take the logarithm.
# </details>
#
# [Solution](solutions/02_build_vae.ipynb)

# %%
log_sigma = ...  # your answer

check.log_sigma(log_sigma)

# %% [markdown]
# ## The loss
# Both terms together are the loss:
# $$\boxed{\;\text{loss} = \underbrace{E\big[-\log p(x \mid z)\big]}_{\text{reconstruction}} \;+\;
# \beta \cdot \underbrace{\mathrm{KL}\big(N(\mu, \sigma^2)\,\|\,N(0, I)\big)}_{\text{price of the code}}\;}$$
# $E$ is the average over codes drawn from the spot. Training takes one draw per picture and step. The reconstruction wants
# narrow spots far apart, the KL wants spots of width 1 at zero. $\beta$ weighs them, and is 1 unless you experiment: more
# gives tidier codes and blurrier faces.
#
# With $\beta = 1$ the negative loss is the **evidence lower bound**, ELBO. It is never more than $\log p(x)$, the
# logarithm of how probable the model finds this picture. Training pushes that bound up.
#
# <details><summary>Where the bound comes from</summary>
#
# The model draws a code from the **prior** $p(z) = N(0, I)$, then a picture from $p(x \mid z)$. Which codes could have
# made $x$? The **posterior** $p(z \mid x)$ says so, and nobody can compute it. The encoder's $q(z \mid x) =
# N(\mu, \sigma^2)$ stands in for it. Bayes' rule holds for every $z$:
# $$\log p(x) = \log p(x \mid z) + \log p(z) - \log p(z \mid x).$$
# Add and subtract $\log q(z \mid x)$, and average over codes drawn from $q$:
# $$\log p(x) = E_q\big[\log p(x \mid z)\big] - \mathrm{KL}\big(q(z \mid x)\,\|\,p(z)\big)
# + \mathrm{KL}\big(q(z \mid x)\,\|\,p(z \mid x)\big).$$
# A KL is never negative. Leave out the last one: the rest, the ELBO, is at most $\log p(x)$. The search for such a $q$ is
# called *variational* inference (Kingma and Welling 2014).
# </details>
#
# ## Why sums?
# Keras' own losses are means over pixels. A mean divides the reconstruction by 12,288 and leaves the KL as it is. Then no
# code is worth its price: the KL falls to zero, and every face comes back as the mean face. The rule: **sum over pixels, sum
# over latent variables, mean over the batch.**

# %% [markdown]
# ### Exercise 2.4: the whole loss
# Write the loss of a batch in NumPy. `x` and `x_hat` have the shape (batch, height, width, 3), `z_mean` and
# `z_log_variance` (batch, latent variables). The reconstruction is the Gaussian one, of width `sigma_x`. The check uses
# $\beta = 4$.
#
# <details><summary>Hint</summary>
#
# Compute the two terms as arrays of shape (batch,), with `axis=(1, 2, 3)` and `axis=1`. Add them with the weight. Take the
# mean last.
# </details>
#
# [Solution](solutions/02_build_vae.ipynb)


# %%
def loss(x, x_hat, z_mean, z_log_variance, sigma_x, beta):
    return ...  # your answer


check.loss(loss)

# %% [markdown]
# ## The class
# A `keras.Model` holds all of it. The constructor makes the parts. `call` draws a code only in training, while the loss
# always draws one. `beta` and `log_sigma` are Keras variables, because a compiled step would freeze plain numbers. `means`
# are the numbers of the progress bar; its `mse` is a mean per value.

# %% include vae_keras/model.py::VAE only __init__ call

# %% [markdown]
# The loss is one method: encode, draw, decode, two terms. In training, $\sigma_x$ fits the batch. Evaluation uses the
# stored one, since a test must not look at the answer. The `targets` are the pictures themselves. `build` tells Keras the sizes.

# %% include vae_keras/model.py::VAE.compute_terms build

# %% [markdown]
# A step of training: compute the loss while the tape watches, take the gradients, apply them, and move the stored
# $\log \sigma_x$ a little. `scale_loss` and `share_of_replica` matter only for float16 and for several GPUs. The rest is
# what Keras asks of a model: a step of testing, and running means for the progress bar.

# %% include vae_keras/model.py::VAE.train_step test_step track metrics

# %% [markdown]
# ## One face by hand
# We compute the loss of one face in NumPy and compare it with `evaluate`. Both draw the same noise.

# %%
vae = VAE(config.image_size, config.latent_dim, seed=7)
vae.compile("adam", jit_compile=False)  # XLA draws other noise
measured = vae.evaluate(images[:1], return_dict=True, verbose=0)

z_mean, z_log_variance = (np.array(part, "float64") for part in vae.encoder(images[:1]))
noise = np.array(keras.random.normal(z_mean.shape, seed=keras.random.SeedGenerator(7)))
x_hat = np.array(vae.decoder(z_mean + np.exp(z_log_variance / 2) * noise), "float64")
sigma_x = np.exp(float(vae.log_sigma))
by_hand = {"kl": 0.5 * np.sum(z_mean**2 + np.exp(z_log_variance) - z_log_variance - 1)}
squared = (images[:1] - x_hat) ** 2
by_hand["reconstruction"] = np.sum(squared / (2 * sigma_x**2) + np.log(sigma_x * np.sqrt(2 * np.pi)))
by_hand["loss"] = by_hand["reconstruction"] + by_hand["kl"]
pd.DataFrame({"by hand": by_hand, "evaluate": measured}).loc[list(by_hand)].round(2)

# %% [markdown]
# Up to rounding, draw and loss of the class agree with ours.
#
# ## Does it learn?
# A first test: can the network learn eight pictures by heart? This toy is the only model of the course that learns from
# these eight.

# %% caption="Eight faces, learned by heart." alt="Two rows of eight faces. The reconstructions below look like the photographs above, a little softer."
vae = VAE(config.image_size, config.latent_dim, seed=config.seed)
vae.compile(keras.optimizers.Adam(2e-3))
history = vae.fit(images, epochs=80, verbose=0).history
print(f"loss from {history['loss'][0]:.0f} to {history['loss'][-1]:.0f}, last kl {history['kl'][-1]:.0f}")
plots.rows({"photograph": faces.preview, "reconstruction": np.array(vae(images))})

# %% [markdown]
# The loss fell from <<loss from (-?\d+)>> to <<loss from -?\d+ to (-?\d+)>>, and the faces come back. The codes cost
# <<last kl (\d+)>> nats on average. New faces need many faces to learn from: [lesson 03](03_train_vae.ipynb) has them.

# %% [markdown]
# ### Exercise 2.5: find the bug
# Four trainings of a small VAE. One of them took the mean over pixels in place of the sum. Which?
#
# <details><summary>Hint</summary>
#
# A mean makes the reconstruction cheap. What happens to a price that never pays off?
# </details>
#
# <details><summary>Answer</summary>
#
# B. Its KL falls to zero and its error stays that of the mean face. C has no KL term, D a learning rate that is too low. A is
# as it should be.
# </details>
#
# [Solution](solutions/02_build_vae.ipynb)

# %%
print(check.CURVES.to_string())
answer = ...  # "A", "B", "C" or "D"
check.mean_bug(answer)

# %% [markdown]
# <details><summary>With other pictures</summary>
#
# With a few dozen pictures the maps have few dots, and the small models need more steps to show the difference: raise
# `epochs` in `train`. In the profile `quick` they hardly learn at all.
# </details>
