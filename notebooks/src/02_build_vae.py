# ---
# jupyter:
#   lesson:
#     title: Build the VAE
#     do: |
#       - build an encoder and a decoder, and draw them with their true shapes,
#       - put noise between them, in a way that lets gradients through,
#       - derive the loss, and check each of its terms against another way of computing it,
#       - put the pieces together into a `keras.Model`, take its first steps, save it and load it.
#     learn: |
#       - what a variational autoencoder is, and what its evidence lower bound (ELBO) says in plain words,
#       - why the draw of the code is written as mean + deviation · noise,
#       - why the terms are sums and not means,
#       - which likelihoods there are, and why a calibrated one has no weight to tune.
#     need: |
#       [Lesson 01](01_explore_data.ipynb) for the pictures. You have seen `keras.Model` and a logarithm before; of
#       probability you need the normal distribution and its density, the word "expectation", and Bayes' rule.
#     minutes: {quick: 0.5, cpu: 0.5, gpu: not measured, full: 0.5}
#     settings: [dataset, latent_dim]
#     learned: |
#       - The encoder names a distribution over codes for every face, the decoder a distribution over faces for every code.
#       - The ELBO has two terms: what the reconstruction fails to explain, and the KL, the price of the code. Both are in
#         nats, and both are sums.
#       - `mean + deviation * noise` is a draw that has a derivative.
#       - A Gaussian likelihood whose deviation is set to the present error weighs the two terms by itself.
#       - Each formula can be checked: against sampling, against another library, by hand.
#     questions: |
#       1. Build the network with `filters=(16, 32, 64)`. Which part loses most of its weights, and why does the number of
#          weights hardly follow the number of layers?
#       2. Set `variational=False` and `beta=0.0`. What is left of the loss? Do eight faces reconstruct better or worse?
#       3. Replace the sum by a mean in `gaussian` and run the lesson again. What happens to the KL while eight faces are
#          learned?
# ---

# %% [markdown]
# ## The pictures to build for
# While you build, eight faces are enough: the eight held-out ones that go with us through the course. The network takes
# numbers between 0 and 1, so the bytes are divided by 255.

# %%
import math
import tempfile

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.stats
import tensorflow as tf
from keras import layers, ops

from vae_keras import data, pipeline, plots
from vae_keras.model import LEAST_SIGMA, LOG_VARIANCE_RANGE, activate, add_details, stage_filters
from vae_keras.model import check_images, check_type, mean_of_replicas, unpack

plt.rcParams.update(plots.STYLE)

faces = data.load_faces(config.dataset, config.image_size, config.pictures)
images = faces.preview.astype("float32") / 255  # (8, 64, 64, 3), in [0, 1]
plots.grid(faces.preview, columns=8)

# %% [markdown]
# ## The idea: a face as a few numbers
# A picture of 64 × 64 pixels has 12,288 values, yet few lists of 12,288 values are faces. Suppose that a face could be
# described by a short list of numbers, its **code** $z$: how dark the hair, how wide the smile, where the light comes from.
# Each of its numbers is called a **latent variable**. Then two machines would be enough:
#
# - an **encoder** that reads a code off a picture,
# - a **decoder** that draws a picture from a code.
#
# If we also knew which codes belong to faces, we could make new faces: choose such a code, decode it. That last wish is what
# the *variational* autoencoder was made for, and most of this lesson is about it.

# %% [markdown]
# ## The encoder
# Each convolution with `strides=2` halves the side of the picture, and the number of channels grows, first to 32, then
# twofold from stage to stage: less *where*, more *what*. Two small helpers come from the module. `stage_filters` lists the
# channels of every stage; `activate` adds batch normalization and ReLU. (`dtype` is the number format; `None` takes that of the
# settings.)
#
# At the end stand two dense layers, not one. The encoder does not answer "the code of this face is $z$" but "the code is
# about $\mu$, give or take $\sigma$": a normal distribution for every latent variable,
# $$q(z \mid x) = N\big(\mu(x),\ \sigma^2(x)\big),$$
# each drawn independently of the others.
# Read $q(z \mid x)$ as "the distribution of the code $z$, given the picture $x$"; $\sigma$ is its standard deviation, in this
# course often just *deviation*.
# The second layer gives $\log \sigma^2$, since a logarithm may be any number while a variance may not be negative. It is
# clipped, so that its exponential stays within sensible numbers.

# %% include vae_keras/model.py::build_encoder

# %% [markdown]
# A function is run once before anything relies on it. Eight pictures go in; what comes out?

# %% tags=["nbval-check-output"]
encoder = build_encoder(config.image_size, config.latent_dim)
z_mean, z_log_variance = encoder(images)
print("channels per stage:", stage_filters(config.image_size))
print("pictures", images.shape, "-> mean and log-variance", tuple(z_mean.shape), tuple(z_log_variance.shape))

# %% [markdown]
# Two numbers per latent variable and face: its mean and its log-variance. The weights are still random, so the numbers mean
# nothing yet.

# %% [markdown]
# ## The decoder
# The decoder walks the same way back. A dense layer makes a small map from the code, and each transposed convolution doubles
# the side. The sigmoid at the end keeps every value between 0 and 1. (`details` adds a branch that [lesson
# 04](04_generate_faces.ipynb) needs; until then there is none.)

# %% include vae_keras/model.py::build_decoder

# %% [markdown]
# Does a code become a picture of the right size? And how many weights do the two halves have?

# %% tags=["nbval-check-output"]
decoder = build_decoder(config.image_size, config.latent_dim)
print("code", tuple(z_mean.shape), "-> pictures", tuple(decoder(z_mean).shape))
print(f"weights: encoder {encoder.count_params():,}, decoder {decoder.count_params():,}")

# %% [markdown]
# ## How does the whole look?
# `summary()` would print a long table. The drawing below is read off the two models: each block is the output of one layer. A
# box is higher where the picture is larger and wider where it has more channels; a bar is a list of numbers.

# %%
shown = (layers.InputLayer, layers.Conv2D, layers.Conv2DTranspose, layers.Dense, layers.Reshape)
blocks = []
for half in (encoder, decoder):
    kept = [layer for layer in half.layers if isinstance(layer, shown)]
    blocks.append([(type(layer).__name__, layer.output.shape) for layer in kept])
plots.architecture(*blocks)

# %% [markdown]
# Read the first row from left to right: the boxes get lower and wider, until two bars remain, the dense layers of the mean
# and of the log-variance. (Nothing is to scale: see the numbers. Normalization, activation, dropout and flattening are not drawn.) The second row goes
# the other way. All that the decoder will ever know of a face passes through the first bar of that row, a list far
# shorter than that of the picture's values.

# %% [markdown]
# ## Noise between the two
# Training needs a code $z$ drawn from $q(z \mid x)$. The obvious way, "ask a random generator for a number with this mean and
# this deviation", has a flaw: what comes back is a number, not a function of the mean and the deviation. So how it would
# change if the mean moved a little, its derivative, is not known. The way out is to draw noise that depends on nothing, and
# to compute the code from it:
# $$z = \mu + \sigma \cdot \varepsilon, \qquad \varepsilon \sim N(0, 1), \qquad \sigma = e^{\frac{1}{2} \log \sigma^2}.$$
# Now $z$ is an ordinary function of $\mu$ and $\sigma$, and has derivatives with respect to both. This is the
# **reparametrization trick** (Kingma and Welling 2014).

# %% [markdown]
# `SeedGenerator` holds the state of the random numbers, so that a seeded run can be repeated. First check, right below the
# class: do draws have the mean and the deviation that were asked for? The code of the first face is drawn many times.

# %% include vae_keras/model.py::Sampling
draws = Sampling(seed=0)([np.repeat(part[:1], 20_000, axis=0) for part in (z_mean, z_log_variance)])
deviation = np.exp(0.5 * z_log_variance[0])
print(f"largest error of a mean      {np.abs(np.mean(draws, axis=0) - z_mean[0]).max():.3f}")
print(f"largest error of a deviation {np.abs(np.std(draws, axis=0) - deviation).max():.3f}")

# %% [markdown]
# Are these close enough to zero? The mean of 20,000 draws with a deviation near 1 is off by about
# $1/\sqrt{20{,}000} = 0.007$, by chance, and the largest error among many variables is some three times that. So the draws
# are right.

# %% [markdown]
# ## Do gradients get through?
# Second check, the important one. We ask for the gradient of some function of $z$ with respect to the weights of the encoder,
# twice: once with $z$ from `Sampling`, once with $z$ drawn by NumPy from the very same distribution. How many of the encoder's
# weight arrays get a gradient?

# %% tags=["nbval-check-output"]
with tf.GradientTape(persistent=True) as tape:
    z_mean, z_log_variance = encoder(images)
    through = tf.reduce_sum(Sampling(seed=0)([z_mean, z_log_variance]) ** 2)
    drawn = np.random.default_rng(0).normal(z_mean, np.exp(0.5 * z_log_variance))
    outside = tf.reduce_sum(tf.constant(drawn, "float32") ** 2)
for name, target in (("mean + deviation * noise", through), ("drawn by NumPy", outside)):
    gradients = tape.gradient(target, encoder.trainable_weights)
    print(f"{name}: {sum(g is not None for g in gradients)} of {len(gradients)} arrays have a gradient")

# %% [markdown]
# All of them, and none. A number from NumPy is a constant to the tape: an encoder behind it would never learn. (So is whatever
# else NumPy computes. `tf.random.normal`, given a mean and a deviation, does have gradients: inside it computes
# noise · deviation + mean, the same trick. Gradients can also be had without it, by the *score function*, but they are much
# noisier.)

# %% [markdown]
# ## What should be small? The ELBO in words
# We want a model under which real faces are probable: $\log p(x)$ should be large. The model says: nature draws a code from
# the **prior** $p(z) = N(0, I)$ (each number by itself, with mean 0 and deviation 1), then a picture from $p(x \mid z)$,
# which the decoder describes. So $p(x) = \int p(x \mid z)\,p(z)\,dz$: an average over *all* codes, nearly all of which have
# nothing to do with this face. Nobody can compute that average.
#
# But the encoder knows where to look. Write $KL(q\,\|\,p)$ for the mean of $\log q - \log p$ over draws from $q$, the
# Kullback–Leibler divergence: how far $q$ is from $p$, never negative, and 0 if they are equal (but no distance: exchange
# the two, and it changes). $E_q[\ldots]$ is a mean over codes drawn from $q(z \mid x)$. For any distribution $q(z \mid x)$
# whatever,
# $$\log p(x) = \underbrace{E_{q}\big[\log p(x \mid z)\big] - KL\big(q(z \mid x)\,\|\,p(z)\big)}_{\text{ELBO}}
# + \underbrace{KL\big(q(z \mid x)\,\|\,p(z \mid x)\big)}_{\ge\, 0}.$$
# Here $p(z \mid x)$ is the **posterior**: which codes may have made this picture, if the model is right. The encoder's
# $q(z \mid x)$ stands in for it, and is called the *approximate posterior*.

# %% [markdown]
# **Where it comes from.** Bayes' rule says $p(x) = p(x \mid z)\,p(z) / p(z \mid x)$ for every $z$. Take the logarithm, write
# $q(z \mid x)$ once above and once below the line, and average over $z \sim q$:
# $$\log p(x) = E_q\left[\log p(x \mid z) - \log\frac{q(z \mid x)}{p(z)} + \log\frac{q(z \mid x)}{p(z \mid x)}\right].$$
# The averages of the two fractions' logarithms are divergences. So if we leave out the last one, which we cannot compute,
# what remains is never more than $\log p(x)$: the **evidence lower bound**.
#
# To look for a good distribution $q$ in this way is called *variational* inference: hence the name of the autoencoder.
#
# Raise the bound, and either $\log p(x)$ rises, or $q$ comes nearer to $p(z \mid x)$, or both. The loss is the bound with its
# sign turned:
# $$\text{loss} = \underbrace{E_q\big[-\log p(x \mid z)\big]}_{\text{reconstruction}} + \underbrace{KL\big(q(z \mid x)\,\|\,N(0,
# I)\big)}_{\text{price of the code}}.$$

# %% [markdown]
# In words: *draw a code for the face, decode it, and count two things. How much of the face was not explained? And how far is
# the code's distribution from that of a code drawn without having looked?* Both are measured in **nats** (the unit of
# information when logarithms are natural; 1 nat is 1.44 bits). The first wants exact codes, the second wants vague ones. A
# VAE is the compromise, and the second term is what keeps the codes of real faces near the codes that the prior would draw.
#
# The first term is a mean over all draws from $q$. Training takes a single draw per picture and step: right on average, and
# over many steps chance averages out. The second needs no draw, as the next section shows.

# %% [markdown]
# ## The price of the code
# Between two normal distributions the KL has a closed form. For one latent variable:
# $$KL\big(N(\mu, \sigma^2)\,\|\,N(0, 1)\big) = \tfrac{1}{2}\left(\mu^2 + \sigma^2 - \log\sigma^2 - 1\right).$$
# In $q$ as in the prior the latent variables are independent of each other, so the price of a code is the sum over them.

# %% include vae_keras/model.py::kl_divergence

# %% [markdown]
# Is that right? The definition is an average of $\log q(z) - \log p(z)$ over draws from $q$. SciPy knows both densities, NumPy
# draws a million codes. Four cases: the prior itself, a shifted code, an exact code, and a vague one.

# %% tags=["nbval-check-output"]
generator = np.random.default_rng(0)
for mean, deviation in ((0, 1), (2, 1), (0, 0.1), (1, 3)):
    z = generator.normal(mean, deviation, 1_000_000)
    sampled = np.mean(scipy.stats.norm.logpdf(z, mean, deviation) - scipy.stats.norm.logpdf(z))
    closed = float(kl_divergence(float(mean), 2 * math.log(deviation)))
    print(f"N({mean}, {deviation}²): {closed:.2f} nats; equal to sampling: {abs(closed - sampled) < 0.01}")

# %% [markdown]
# A code equal to the prior costs nothing. Being elsewhere costs, and so does being exact: ten times as exact costs
# $\log 10 = 2.30$ nats, less the 0.495 that the smaller variance gives back. Being vaguer than the prior costs, too: most of the
# last case's price, $\tfrac{1}{2}(9 - \log 9 - 1) = 2.90$, is for its width alone.

# %% [markdown]
# ## The reconstruction: three likelihoods
# $p(x \mid z)$, the **likelihood**, is a distribution over pictures with the decoder's picture $\hat{x}$ at its centre. Which
# one? Each choice is another way to count errors. All three make one assumption: *given the code*, each value is independent of
# the others, so that logarithms add up to a sum over the picture. Lesson 01 showed that pixels are not independent; what the
# code does not hold, this model takes for noise. The best centre is then the mean of all faces that share a code, and that is
# the blur of VAEs: when we show a face, we show $\hat{x}$, the centre. (A true draw from $p(x \mid z)$ would be the same face
# under grain.)
#
# **Squared error.** The loss of the textbooks: up to a constant, $-\log$ of a normal distribution with $2\sigma^2 = 1$. That is
# a deviation of 0.71, for values between 0 and 1: hardly any precision is claimed, so details are worth little.
# $$\sum_i (x_i - \hat{x}_i)^2$$

# %% include vae_keras/model.py::mse

# %% [markdown]
# **Binary cross-entropy.** Each value counts as the probability of a pixel that is either on or off. Faces are not black and
# white, so for them this is $-\log$ of no distribution, and its nats cannot be compared with those of a Gaussian. (Nor is it 0
# for a perfect picture.) But it, too, is smallest where $\hat{x} = x$, and many examples use it.
# $$-\sum_i \big(x_i \log \hat{x}_i + (1 - x_i) \log(1 - \hat{x}_i)\big)$$

# %% include vae_keras/model.py::bce

# %% [markdown]
# **A Gaussian with a width.** Each value is normal around the decoder's, with one deviation $\sigma$ for all pixels. (This
# $\sigma$ belongs to pictures, not to codes.)
# $$-\log N(x;\ \hat{x}, \sigma^2) = \sum_i \left(\frac{(x_i - \hat{x}_i)^2}{2\sigma^2} + \log\sigma
# + \tfrac{1}{2}\log 2\pi\right)$$
# It is the squared error once more, but divided by $2\sigma^2$, and with a term that stops $\sigma$ from growing.

# %% include vae_keras/model.py::gaussian

# %% [markdown]
# ## Which width should it have?
# A decoder that is off by 0.2 should not claim a precision of 0.02, nor one of 2. Take two stand-ins for a decoder, a poor one
# that always draws the mean of the eight faces, and a better one that makes a quarter of its errors. For which $\sigma$ is each
# one's loss smallest?

# %%
mean_face = images.mean(axis=0, keepdims=True)  # (1, 64, 64, 3)
decoders = {"mean face": mean_face + 0 * images, "better decoder": images + (mean_face - images) / 4}
widths = np.geomspace(0.02, 1, 60)
lowest = []
figure, axes = plt.subplots(figsize=(7, 3))
for name, pictures in decoders.items():
    error = np.sqrt(np.mean((images - pictures) ** 2))
    losses = [np.mean(gaussian(images, pictures, math.log(w))) for w in widths]
    curve = axes.plot(widths, losses, label=name)
    lowest.append(min(losses))
    axes.axvline(error, color=curve[0].get_color(), linestyle=":", label=f"error of the {name}: {error:.2f}")
ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1]
axes.set_xscale("log")
axes.set_xticks(ticks, map(str, ticks))
axes.set(xlabel="width σ", ylabel="nats per picture", ylim=(min(lowest) - 3000, 25000))
axes.set_title("loss of two decoders, by the width")
_ = axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))

# %% [markdown]
# Each curve is lowest at that decoder's own root mean squared error (dotted). Set the derivative with respect to $\log\sigma$
# to zero and you find the same in closed form:
# $$\sigma^2 = \frac{1}{D} \sum_i (x_i - \hat{x}_i)^2,$$
# with $D$ the number of values of a picture, and a mean over the pictures where there are several. So $\sigma$ need not be
# chosen nor learned: in each training step it is set to the error that the batch has (but never below a floor,
# `LEAST_SIGMA`). That is the calibrated decoder, the **σ-VAE** (Rybkin et al. 2021). Put it back, and the term becomes, in
# the mean over a batch,
# $$-\log N(x;\ \hat{x}, \sigma^2) = \tfrac{D}{2}\left(\log(2\pi \cdot \text{mean squared error}) + 1\right):$$
# what training lowers is the logarithm of the error, and it becomes negative when the error is small.

# %% include vae_keras/model.py::best_log_sigma

LIKELIHOODS = {"mse": mse, "bce": bce, "gaussian": gaussian}
for name, pictures in decoders.items():
    sigma = np.exp(best_log_sigma(np.mean((images - pictures) ** 2)))
    print(f"{name}: σ = {sigma:.3f}, 2σ² = {2 * sigma**2:.4f}")

# %% [markdown]
# ## The weight that disappears: beta
# With the plain squared error somebody has to choose how much the KL counts, the factor $\beta$ (Higgins et al. 2017):
# $$\text{loss} = \text{reconstruction} + \beta \cdot KL.$$
# A larger $\beta$ asks for cheaper codes: nearer to $N(0, I)$, blurrier faces. A smaller one allows expensive codes: sharper
# faces, but codes that the prior seldom draws. For a fixed $\sigma$, multiply the Gaussian's loss by $2\sigma^2$ and you see
# that its width *is* such a weight:
# $$2\sigma^2 \cdot \text{loss} = \sum_i (x_i - \hat{x}_i)^2 + 2\sigma^2 \cdot KL + \text{something without } \hat{x}.$$
#
# So the cell above printed, for each of the two stand-ins, the $\beta$ that its width amounts to beside the plain squared
# error. No single $\beta$ is right for the whole of a training: the weight that suits the first blurred attempts is far too
# large later. The calibrated width follows the error down by itself. So no weight has to be chosen: $\beta = 1$ is the true
# ELBO with this width, and $\beta$ stays in the class for experiments. That has a price. When the error is small, so is
# $2\sigma^2$, and the pull towards $N(0, I)$ is weak: faces come back with detail, but the prior seldom draws codes like theirs.
# [Lesson 03](03_train_vae.ipynb) shows it, lesson 04 mends it.

# %% [markdown]
# ## Why sums and not means?
# Keras's losses are means over pixels, and it is tempting to write `mean + KL`. What would that do? Look at what the mean face,
# which needs no code at all, costs in either way of counting:

# %%
error = float(ops.mean(mse(images, decoders["mean face"])))
print(f"{images[0].size:,} values per picture")
print(f"squared error of the mean face: as a sum {error:.0f}, as a mean {error / images[0].size:.3f}")

# %% [markdown]
# Counted as a sum, the mean face leaves a large debt: a code may cost many nats and still be worth it. Counted as a mean, the
# whole debt is a fraction of a nat. The best code in the world cannot save more than that, so it pays to say nothing: the KL
# goes to zero, and every face comes out as the mean face. The KL is the same, but beside a mean it weighs 12,288 times as much.
# [Lesson 03](03_train_vae.ipynb) does it on purpose, so that you will recognize it.
#
# The rule: **sum over pixels, sum over latent dimensions, mean over the batch.**

# %% [markdown]
# ## The class
# Now everything comes together in a `keras.Model`. Its constructor makes the parts that you know. Some details are worth a
# look:
#
# - `beta` and `log_sigma` are `keras.Variable`s, not numbers. Keras traces the training step into a graph once, and a Python
#   number would be frozen into it; a variable can be changed by a callback, and is saved with the weights. `full_beta`
#   remembers the number that was given.
# - `means` are running means for the progress bar. Keras resets whatever `metrics` lists at the start of an epoch.
# - `get_config` returns what the constructor needs to make the same model again.
# - `call` draws a code in training alone; otherwise it decodes the mean. `check_type` refuses bytes. The last line
#   of the constructor calls the model with a shape alone, so that Keras knows what to save.

# %% include vae_keras/model.py::VAE only __init__ call metrics get_config

# %% [markdown]
# The other methods follow one by one. In the module they stand inside the class; here each is added to it after its
# definition, which Python allows.
#
# **The loss** is one method, and both training and evaluation use it. There is one difference between the two: training sets
# $\sigma$ to the error of the batch. Evaluation uses the one that is stored, since a model that is tested must not look at the
# answer first. (`targets` are the pictures themselves; somebody who wants to remove noise gives others. `mean_of_replicas` does
# something only where several devices train together, and so does `replicas` in the training step below.)

# %% include vae_keras/model.py::VAE.compute_terms

# %% [markdown]
# **Bookkeeping.** Four numbers per batch go into the running means: the loss, its two terms, and the mean squared error, which
# is easier to compare between models.

# %% include vae_keras/model.py::VAE.track

# %% [markdown]
# **Evaluation** measures without changing anything. With it, `evaluate` and `validation_data` work as for any Keras model.
# (`unpack` takes a batch apart into pictures and targets, and refuses labels.)

# %% include vae_keras/model.py::VAE.test_step

# %% [markdown]
# ## One face's loss by hand
# The pieces were checked one at a time. Is the whole right, too? We compute the loss of a single face in NumPy, formula by
# formula, and compare it with `evaluate`. The noise is drawn with the seed that the model has, so both see the same $z$.

# %%
vae = VAE(config.image_size, config.latent_dim, seed=7)
vae.compile(optimizer="adam", jit_compile=False)  # XLA, which a GPU would use, draws other noise
measured = vae.evaluate(images[:1], return_dict=True, verbose=0)

z_mean, z_log_variance = (np.array(part, "float64") for part in vae.encoder(images[:1]))
noise = np.array(keras.random.normal(z_mean.shape, seed=keras.random.SeedGenerator(7)))
x_hat = np.array(vae.decoder(z_mean + np.exp(z_log_variance / 2) * noise), "float64")
sigma = np.exp(float(vae.log_sigma))
by_hand = {"kl": 0.5 * np.sum(z_mean**2 + np.exp(z_log_variance) - z_log_variance - 1)}
squared = (images[:1] - x_hat) ** 2
by_hand["reconstruction"] = np.sum(squared / (2 * sigma**2) + np.log(sigma * np.sqrt(2 * np.pi)))
by_hand["loss"] = by_hand["reconstruction"] + 1.0 * by_hand["kl"]  # beta = 1
pd.DataFrame({"by hand": by_hand, "evaluate": measured}).loc[list(by_hand)].round(3)

# %% [markdown]
# The same, up to the rounding of 32-bit numbers. From here on you can trust the class, and know what its numbers mean. (A new
# model has $\sigma = 1$, and random weights give random codes: the numbers will look different after training.)

# %% [markdown]
# ## The training step
# One step of learning, written out: compute the loss while the tape watches, ask for the gradients, let the optimizer apply
# them, and move the stored $\log\sigma$ a tenth of the way to that of the batch. `scale_loss` does nothing in float32 and in
# bfloat16; with float16 it keeps small gradients from vanishing.

# %% include vae_keras/model.py::VAE.train_step

# %% [markdown]
# ## Does it learn?
# The oldest test of a network: can it learn a handful of pictures by heart? Our eight faces are one batch, so each epoch is one
# step. If the loss does not fall here, no amount of data would help. What do you expect of the KL?

# %%
vae = VAE(config.image_size, config.latent_dim, seed=config.seed)
vae.compile(optimizer=keras.optimizers.Adam(2e-3))
history = pd.DataFrame(vae.fit(images, epochs=150, verbose=0).history)
for moment, step in (("at the start", 0), ("after ten steps", 10), ("at the end", -1)):
    print(f"loss {moment}: {history['loss'].iloc[step]:.0f}")
plots.curves(history)

# %% [markdown]
# The reconstruction term falls steeply and becomes negative: a density, unlike a probability, may be larger than 1, and its
# logarithm positive. The loss is the sum of both terms, and it falls, for what the codes save is far more than what they
# cost. The squared error says the same in a number that does not depend on the likelihood. A jump now and then is the price
# of large steps and of fresh noise in each.
#
# And the KL? It jumps about at first and then stays high. To tell eight faces apart, $\log 8 = 2.1$ nats would do. But,
# averaged over the pictures, the KL is a sum of two: what the codes say about the faces, here $\log 8$ at most, and how far all
# codes, taken together, are from $N(0, I)$. Eight narrow clouds are very far from it, and nearly the whole price is paid for
# that. So the KL is a bound on what a code says, not a measure of it.

# %% [markdown]
# ## What the model offers
# The rest is convenience. `encode` and `decode` are the two halves in evaluation mode, without dropout and with the stored
# statistics of batch normalization. `check_images` refuses pictures whose values are not between 0 and 1.

# %% include vae_keras/model.py::VAE.encode

# %% include vae_keras/model.py::VAE.decode

# %% [markdown]
# **Reconstruction.** To see what a code holds one decodes its mean, without noise. Do the eight faces come back?

# %% include vae_keras/model.py::VAE.reconstruct
plots.rows({"faces": faces.preview, "reconstructions": pipeline.to_uint8(vae.reconstruct(images))})

# %% [markdown]
# Each comes back as itself. These are eight faces learned by heart, nothing more: this model has never seen
# another. Yet every part works: encoder, noise, decoder, loss, step.

# %% [markdown]
# **Generation** needs no picture: draw a code from the prior, decode it. `temperature` scales the draw: below 1 the codes stay
# nearer to the centre, where faces are more alike and safer. What does a model draw that knows eight faces?

# %% include vae_keras/model.py::VAE.generate
plots.grid(pipeline.to_uint8(vae.generate(8, seed=config.seed)), columns=8)

# %% [markdown]
# Smears, in some of them traces of one or several of the eight. In so many dimensions a code from the prior almost never
# falls near one of the eight clouds, and what to draw elsewhere the decoder was never told. (A regular grid, where you see
# one, is a known mark of transposed convolutions: a kernel of three with steps of two paints some places more often than
# others, [Odena et al. 2016](https://distill.pub/2016/deconv-checkerboard/).) [Lesson 03](03_train_vae.ipynb) trains on many
# faces, and [lesson 04](04_generate_faces.ipynb) asks where the good codes are.

# %% [markdown]
# ## Save and load
# Two things make a model: its settings and its weights. The weights go into a `.weights.h5` file, which every Keras 3
# can read; the settings are a small dictionary. Does the model that comes back make the same faces?

# %%
with tempfile.TemporaryDirectory() as folder:
    vae.save_weights(f"{folder}/vae.weights.h5")
    again = VAE.from_config(vae.get_config())
    again.load_weights(f"{folder}/vae.weights.h5")
print("the same faces:", np.allclose(again.generate(8, seed=0), vae.generate(8, seed=0), atol=1e-5))

# %% [markdown]
# The class that you built here stands in `vae_keras/model.py`, with longer docstrings and with checks of what it is given; the
# following lessons import it from there. What it lacks is training on more than eight faces.
