# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 8
#     settings: [dataset, latent_dim]
# ---

# %%
import numpy as np
from scipy.stats import norm

from vae_keras import data, evaluation, hub, latent, plots
from vae_keras.applications import anomalies, compression, denoising, filling
from vae_keras.checks import lesson_08 as check

model = hub.load_for(config, plain=True)
vae, prior = model.vae, model.prior
faces = data.load_faces(config.dataset, config.image_size, config.pictures)
few = faces.test[:100]

# %% [markdown]
# ## Exercise 8.1: decibels
# Bytes go from 0 to 255, and 3 − 5 is 254 in them: hence the conversion. The mean over three axes leaves one value for
# each picture.


# %%
def psnr(images, others):
    difference = images.astype("float64") - others
    mse = (difference**2).mean(axis=(1, 2, 3))
    return 10 * np.log10(255**2 / mse)


check.psnr(psnr)

# %%
noisy = denoising.add_noise(few, 0.2)
print(f"the module agrees: {np.isclose(psnr(few, noisy).mean(), evaluation.similarity(few, noisy)['psnr'])}")

# %% [markdown]
# ## Exercise 8.2: the loss of the search
# `known` is 0 below the cover, so a hidden pixel adds nothing, whatever is drawn there. Both terms are nats: that is why
# they can be added without a weight to choose.


# %%
def loss(x, decoded, known, u, u_start, sigma):
    misfit = (known * (x - decoded)) ** 2
    return misfit.sum() / (2 * sigma**2) + 0.5 * ((u - u_start) ** 2).sum()


check.search_loss(loss)

# %% [markdown]
# What does the search do with half of a face?

# %% caption="Half of a face covered, and two fillings." alt="Four faces whose right half is grey; below, two rows in which the other half is drawn in, with a hair and a light that fit."
known = filling.visible(config.image_size, "half")
covered = filling.paint_over(few[:4], known)
fillings = filling.fill_in(vae, prior, covered, known, count=2, steps=30 * config.comparison_epochs)
plots.rows({"covered": covered, "filling 1": fillings[0], "filling 2": fillings[1]})

# %% [markdown]
# ## Exercise 8.3: AUC by counting
# Two new axes make a table of all pairs. Its mean is the share of true values. Ties get a half, as a coin would decide.


# %%
def auc(usual, strange):
    higher = strange[:, None] > usual[None, :]
    ties = strange[:, None] == usual[None, :]
    return (higher + 0.5 * ties).mean()


check.auc(auc)

# %%
faces_error = anomalies.scores(vae, prior, few)["error"].to_numpy()
covered_error = anomalies.scores(vae, prior, anomalies.cover(few))["error"].to_numpy()
print(f"the error finds an eighth covered with an AUC of {auc(faces_error, covered_error):.2f}")

# %% [markdown]
# ## Exercise 8.4: how many bits?
# The coder divides the line into intervals of the length of a step. A value in the middle of the bell has a probable
# interval and takes few bits; one in its tail takes many.


# %%
def bits(symbol, step, mean, deviation):
    value = symbol * step
    upper = norm.cdf(value + step / 2, mean, deviation)
    lower = norm.cdf(value - step / 2, mean, deviation)
    return -np.log2(upper - lower)


check.bits(bits)

# %% [markdown]
# Count the bits of whole codes in this way, each latent variable with its own mean and deviation. The file is smaller:
# its coder knows how the latent variables depend on each other.

# %%
z, _ = latent.encode(vae, few)
symbols = compression.quantize(z, compression.STEP)
alone = bits(symbols, compression.STEP, z.mean(axis=0), z.std(axis=0)).sum(axis=1).mean() / 8
written = len(compression.encode(prior, symbols, compression.STEP)) / len(z)
print(f"{alone:.1f} bytes each by itself, {written:.1f} in the file")
