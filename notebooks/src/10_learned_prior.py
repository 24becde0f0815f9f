# ---
# jupyter:
#   lesson:
#     title: A prior that learns
#     question: Can a network draw the codes?
#     do: |
#       - train a small network to take noise off points, and draw its guesses as arrows,
#       - follow the arrows from noise to new points,
#       - do the same with the codes of faces, and look at faces on the way,
#       - compare the network with the priors of lesson 04.
#     learn: |
#       - why the best guess under noise is a mean, and what it takes to know it,
#       - how a diffusion model draws: many small steps towards its guesses,
#       - how many steps are enough,
#       - how to judge a small gain honestly.
#     need: |
#       [Lesson 04](04_generate_faces.ipynb), which fits a Gaussian and a mixture to the codes, and
#       [lesson 07](07_sharper_faces.ipynb), which sharpens the decoder. This lesson is optional and a little harder than
#       the others.
#     minutes: {quick: 1, cpu: 4, full: 6}
#     settings: [dataset, latent_dim]
#     learned: |
#       - The best guess of what hides under noise is the mean of all that could hide there.
#       - A network that makes this guess at every level of noise knows the shape of the data. Following its guesses step
#         by step draws new data: diffusion.
#       - One step gives means, and many small steps give samples. For faces half a dozen of Heun's steps are enough.
#       - **Can a network draw the codes?** Yes. Its faces are closer to photographs than those of the mixture, by a step
#         that is small and can be measured. The large step was lesson 04's, from $N(0, I)$ to a fitted Gaussian.
# ---

# %% [markdown]
# ## Points first
# Lesson 04 drew codes from Gaussians. A Gaussian is an ellipse, and the codes of faces need not fill ellipses. Can a
# network learn their real shape? We begin with points in a plane, where everything can be seen.

# %% caption="Points on two moons, and draws from distributions that were fitted to them." alt="Three panels. The data: two interleaved half circles. One Gaussian: an oblong cloud. A mixture of three: three clouds that follow the moons roughly and fill some of the gap."
import keras
import numpy as np
import pandas as pd
from keras import layers, ops
from sklearn.datasets import make_moons

from vae_keras import data, evaluation, hub, latent, plots, priors, sharpening
from vae_keras.checks import lesson_10 as check
from vae_keras.priors import Mixture
from vae_keras.sharpening.denoiser import FREQUENCIES, LARGEST_NOISE, Denoiser, DiffusionPrior
from vae_keras.sharpening.denoiser import dense, noise_levels, normalize

random = np.random.default_rng(config.seed)
points, _ = make_moons(2000, noise=0.05, random_state=config.seed)
points = (points - points.mean(axis=0)) / points.std(axis=0)  # now they spread about as N(0, I) does
gaussians = {"one Gaussian": 1, "mixture of 3": 3}
draws = {name: priors.fit_prior(points, count).sample(2000) for name, count in gaussians.items()}
plots.point_clouds({"the data": points, **draws})

# %% [markdown]
# The Gaussian knows nothing of the moons. The mixture follows them roughly.

# %% [markdown]
# ## What hides under the noise?
# Here is the task that teaches a network the shape. Take a point $z$, hide it in noise, and show the network only the
# result:
#
# $$x = z + s\,\varepsilon, \qquad \varepsilon \sim N(0, I)$$
#
# The network is told $x$ and the noise's deviation $s$. It has to guess $z$. Many points could hide in the same $x$, and
# the squared error is least for their **mean**. Under little noise, that is a point near $x$. Under much noise anything
# could hide there, so the guess is near the mean of all the data.

# %% [markdown]
# For $N(0, 1)$ the mean has a formula. The noisy number has a variance of $1 + s^2$, and a share of $1 / (1 + s^2)$ of it
# belongs to $z$. So the best guess is $x / (1 + s^2)$.

# %% [markdown]
# ### Exercise 10.1: any Gaussian
# Let the hidden numbers come from a Gaussian with this `mean` and `deviation`. You see `noisy`, which is $z +
# s\varepsilon$ with $s$ = `noise`. Write the best guess of $z$.
#
# <details><summary>Hint</summary>Shrink the distance from the mean. Which share of the variance of `noisy` belongs to $z$?
# To check yourself, draw a million numbers, hide them, and fit a line from `noisy` to them by `np.polyfit`.</details>
#
# [Solution](solutions/10_learned_prior.ipynb)


# %%
def best_guess(noisy, noise, mean, deviation):
    return ...  # your answer


check.best_guess(best_guess)

# %% [markdown]
# ## Train a network to guess
# We know the moons only by points, so a network learns the guess. It begins with that of $N(0, I)$ and learns what this
# one misses. The errors of the Gaussian's guess have a deviation of $s / \sqrt{1 + s^2}$. Divided by that, the targets are
# equally large at every level of noise. A loss of 1 then means: no better than the Gaussian.


# %%
def inputs(noisy, noise):
    noise = np.broadcast_to(noise, (len(noisy), 1))
    return np.hstack([noisy / np.sqrt(1 + noise**2), np.log(noise)])


def unit(noise):
    return noise / np.sqrt(1 + noise**2)


def guess(noisy, noise):
    missed = network.predict(inputs(noisy, noise), batch_size=10_000, verbose=0)
    return noisy / (1 + noise**2) + unit(noise) * missed


# %% [markdown]
# Now hide a hundred thousand points, each in noise of its own, from little to four times the spread of the data. Train
# by the plain squared error.

# %%
hidden = points[random.integers(0, len(points), 100_000)]
noise = np.exp(random.uniform(np.log(0.02), np.log(4), (len(hidden), 1)))
noisy = hidden + noise * random.standard_normal(hidden.shape)
missed = (hidden - noisy / (1 + noise**2)) / unit(noise)
keras.utils.set_random_seed(config.seed)
network = keras.Sequential([layers.Dense(128, "relu"), layers.Dense(128, "relu"), layers.Dense(128, "relu")])
network.add(layers.Dense(2))
network.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.005, 1600)), "mse")
history = network.fit(inputs(noisy, noise), missed, batch_size=500, epochs=8, verbose=0).history
print("loss after each epoch:", *np.round(history["loss"], 3))
print(f"the last is {history['loss'][-1]:.0%} of the Gaussian's error")

# %% [markdown]
# Now draw the guesses as arrows, from a place to what the network guesses there.

# %% caption="Arrows from noisy places to the network's guesses, under three levels of noise." alt="Three panels with the moons in grey. Noise 2: all arrows end in a small area in the middle. Noise 0.7: they end on a coarse bent shape. Noise 0.2: they end on the nearest part of a moon."
places = np.stack(np.meshgrid(*2 * [np.linspace(-2.2, 2.2, 10)]), axis=-1).reshape(-1, 2)
fields = {f"noise {level}": (places, guess(places, level)) for level in (2, 0.7, 0.2)}
plots.arrow_fields(points, fields)

# %% [markdown]
# Read it from left to right. Under much noise all arrows point to the middle. Under less noise they tell the upper moon
# from the lower one. Under little noise most lead to a near place on a moon. Places far from both moons hardly occur in
# training, and there the arrows fall short.

# %% [markdown]
# ## Follow the arrows
# To make a new point, start with noise alone and pretend that a point hides in it. Ask for the guess. Do not jump there: go
# only so far that a little less noise is left. Ask again from the new place. This is **diffusion** ([Ho et al.
# 2020](https://arxiv.org/abs/2006.11239)).


# %%
def walk(start, steps):
    levels = np.geomspace(4, 0.02, steps)
    noisy, way = start, [start]
    for level, lower in zip(levels, [*levels[1:], 0]):
        hidden = guess(noisy, level)
        noisy = hidden + lower / level * (noisy - hidden)  # this share of the noise stays
        way.append(noisy)
    return np.stack(way)  # (steps + 1, points, 2)


# %% caption="Twenty walks of 24 steps from noise to a moon." alt="Blue lines run from white dots far outside towards the middle, bend near the two moons and end on them in orange dots."
start = np.sqrt(1 + 4**2) * random.standard_normal((1000, 2))  # the data and noise of deviation 4
plots.paths(points, walk(start, 24)[:, :20])

# %% [markdown]
# Most walks run straight for the middle at first. Near the moons many bend: now little noise is left, and the guess
# decides for one place. Does a walk need that many steps?

# %% caption="A thousand walks with 1, 3, 6 and 24 steps: where they end." alt="Four panels. One step: a small blob in the middle. Three steps: a smeared shape with points between the moons. Six: moons with some strays. Twenty-four: two moons with few strays."
plots.point_clouds({f"steps: {steps}": walk(start, steps)[-1] for steps in (1, 3, 6, 24)})

# %% [markdown]
# One step is one guess, and the guess under much noise is a mean. Means of moons lie on no moon. The more steps, the more
# often the network may correct itself.

# %% [markdown]
# ### Exercise 10.2: 3, 6 and 12 steps
# Call the end of a walk a stray if it is farther than `0.2` from the nearest of `points`. Walk from `start` with 3, 6
# and 12 steps. Which share are strays? Give a dictionary `{3: …, 6: …, 12: …}`.
#
# <details><summary>Hint</summary>`end[:, None] - points[None]` has the shape (walks, points, 2). Take its length over the
# last axis, then the smallest over the points.</details>
#
# [Solution](solutions/10_learned_prior.ipynb)

# %%
strays = ...  # {3: …, 6: …, 12: …}

check.strays(strays, walk, start, points)

# %% [markdown]
# ### Exercise 10.3: a guess without a network
# The data are a list of points. If a hidden point is one of `points`, the mean has a formula: weigh every point by
# $\exp(-\lVert x - z \rVert^2 / 2s^2)$, add them up, and divide by the sum of the weights. Write it for `noisy` (n, 2) and
# `points` (m, 2). Then copy `walk` into a cell of your own, and let the copy call your guess. Where do all walks end, and
# why do we train a network?
#
# <details><summary>Hint</summary>First the squared distances (n, m), then the weights (n, m), then `weights @
# points`.</details>
#
# [Solution](solutions/10_learned_prior.ipynb)


# %%
def exact_guess(noisy, points, noise):
    return ...  # your answer


check.exact_guess(exact_guess)

# %% [markdown]
# ## Now the codes of faces
# A code is a point with 128 coordinates. Image generators draw codes of an autoencoder in this way ([Rombach et al.
# 2022](https://arxiv.org/abs/2112.10752)). The model is the one of lesson 07, with the sharper decoder. It brings a
# mixture of ten Gaussians as in lesson 04, and a network that was trained on the codes for much longer than we can here.

# %%
faces = data.load_faces(config.dataset, config.image_size, config.pictures)
model = hub.load_for(config, sharpened=True)
vae, mixture = model.vae, model.prior
test = faces.test[: min(1000, config.evaluation_pictures)]
z_mean, z_log_variance = latent.encode(vae, test)
codes = z_mean + np.exp(0.5 * z_log_variance) * random.standard_normal(z_mean.shape)

# %% [markdown]
# Two things differ from the plane. The codes are whitened, as for the mixture: turned and scaled to variance 1 along
# every axis. And the network starts from a better guess. If we knew which Gaussian of the mixture a code came from, your
# formula would be the best guess. We do not, so we average the guesses of all ten, each weighed by how likely its
# Gaussian is. The network learns what this *mixture's guess* misses.
#
# It sees the noisy code, how far the mixture's guess lies from one Gaussian's, the weights of the ten, and the noise level
# as waves of many lengths. `dense` is a product with weights and a bias, `normalize` scales each row, and `silu` is a
# smooth ReLU.

# %% include vae_keras/sharpening/denoiser.py::Denoiser.call

# %% [markdown]
# Does such a network learn anything? Train one for a few passes over the training faces and their mirror images.

# %%
learned, history = sharpening.fit_denoiser(
    vae,
    faces.train,
    mixture,
    faces.validation,
    epochs=config.comparison_epochs,
    batch_size=256,
    seed=config.seed,
)
print(history[["loss", "val_loss"]].round(4).to_string())
print(f"mixture: {history['val_loss'][0]:.4f}, trained here: {history['val_loss'].min():.4f}")

# %% [markdown]
# Again a loss of 1 is no better than one Gaussian. Row 0 is the mixture alone: <<mixture: ([\d.]+)>> on codes of
# validation faces. The first passes make it worse. The last one reaches <<trained here: ([\d.]+)>>.

# %% caption="Error of the guesses for codes of test faces. The mixture's curve lies under that of the short training." alt="Three curves over the noise, all below 1 in the middle. The mixture's is the highest, that of the network trained here covers it, that of the network trained longer is the lowest."
diffusion = model.diffusion or learned  # with the network that comes with the model
untrained = DiffusionPrior(mixture)
white = (codes - untrained.center) @ untrained.whiten


def errors_at(noise):
    noisy = white + noise * random.standard_normal(white.shape)
    gaussian = np.mean((noisy / (1 + noise**2) - white) ** 2)
    guesses = {"mixture": untrained, "trained here": learned, "trained longer": diffusion}
    errors = {name: np.mean((prior.guess(noisy, noise) - white) ** 2) for name, prior in guesses.items()}
    return {name: error / gaussian for name, error in errors.items()}


shares = pd.DataFrame({noise: errors_at(noise) for noise in (0.125, 0.25, 0.5, 1, 2, 4)}).T
print(shares.round(3).to_string())
plots.line_panels({"error, as a share of one Gaussian's": shares}, label="noise")

# %% [markdown]
# At both ends there is little to win. Under little noise the code is nearly known. Under much noise the mean is the best
# anybody can say. In between it pays to know the codes: at a noise of 1 the mixture makes
# <<(?m)^1\.000 +([\d.]+)>> of one Gaussian's error, the network trained here <<(?m)^1\.000 +[\d.]+ +([\d.]+)>>, the one
# trained longer <<(?m)^1\.000 +[\d.]+ +[\d.]+ +([\d.]+)>>.
#
# The short training gains next to nothing, the long one a few percent. The codes are no moons: the KL has pulled them
# towards one Gaussian all along.

# %% [markdown]
# ## Walk to a face
# The sampler refines the walk twice ([Karras et al. 2022](https://arxiv.org/abs/2206.00364)). `noise_levels` spaces the
# levels of noise in its own way. And `walk` follows one slope, (noisy − guess) / level: Heun's rule
# averages it with the slope one step ahead, so fewer steps are enough. `path` yields the guess of every step.

# %% include vae_keras/sharpening/denoiser.py::DiffusionPrior.path step

# %% [markdown]
# The prior's method `guess` adds what the network says to the mixture's guess. Decode the guesses on the way.

# %% caption="Guesses on the way to eight new faces, decoded: after steps 1, 3, 5, 7, 9 and 12." alt="Six rows of eight faces. Above, eight times nearly the same soft face. By step 5 they are different people; the rows below are almost the same."
way = list(diffusion.path(8, seed=config.seed))
plots.rows({f"step {step}": latent.decode(vae, way[step - 1]) for step in (1, 3, 5, 7, 9, 12)})

# %% [markdown]
# The first guesses are nearly the mean face, since anybody could hide there. Then the people part. After half of the steps
# little changes.

# %% [markdown]
# ### Exercise 10.4: when is it decided?
# `list(diffusion.path(200, seed=1))` holds the guesses of 12 steps for 200 faces. Take the squared distance of each guess
# from the face's last code, and average over the faces. Give the first `step`, counted from 1, at which that is less than
# half of the last codes' mean squared distance from *their* mean.
#
# <details><summary>Hint</summary>As an array the guesses have the shape (12, 200, latent_dim). The mean of the last codes
# is `guesses[-1].mean(axis=0)`.</details>
#
# [Solution](solutions/10_learned_prior.ipynb)

# %%
step = ...  # a number from 1 to 12

check.decided(step, diffusion)

# %% [markdown]
# ## Is it better than the mixture?
# Draw as many new faces as there are test faces from each of four priors. The network is the one trained longer. Two
# distances measure them. The **PCA distance** of lesson 04 sees light, colour and layout. The **classifier's distance** of
# lesson 07 compares what a network sees that names 40 attributes: it sees details. Two seeds show how far chance moves both.

# %%
classifier = evaluation.load_classifier()
pca = evaluation.fit_pca(faces.train, seed=config.seed)


def measure(images):
    seen = {"PCA distance": evaluation.pca_distance(pca, test, images)}
    return seen | {"classifier's distance": classifier.distance(test, images)}


width = config.latent_dim
standard = Mixture(np.ones(1), np.zeros((1, width)), np.eye(width)[None])
gaussian = Mixture(np.ones(1), untrained.center[None], untrained.unwhiten.T[None])  # mean, covariance
drawn_by = {"N(0, I)": standard, "one Gaussian": gaussian, "mixture": mixture, "network": diffusion}
new_faces, rows = {}, []
for name, prior in drawn_by.items():
    for seed in (1, 2):
        images = latent.decode(vae, prior.sample(len(test), seed=seed))
        rows.append({"codes from": name, "seed": seed, **measure(images)})
        new_faces[name] = images[:8]
for name, images in {"reconstructions": latent.decode(vae, codes), "real": faces.train[: len(test)]}.items():
    rows.append({"codes from": name, "seed": 1, **measure(images)})
distances = pd.DataFrame(rows).set_index(["codes from", "seed"])
print(distances.round(2).to_string())
means = distances["classifier's distance"].groupby(level=0).mean()
closed = (means["mixture"] - means["network"]) / (means["mixture"] - means["reconstructions"])
print(f"the network closes {closed:.0%} of the gap by the classifier")

# %% caption="The answer: faces from four priors, decoded by one decoder. The network's walks lead to other people." alt="Four rows of eight faces. N(0, I): broken faces. One Gaussian: whole faces, some odd. Mixture and network: mostly whole faces."
plots.rows({f"{name}: classifier's distance {means[name]:.1f}": images for name, images in new_faces.items()})

# %% [markdown]
# - **$N(0, I)$ to one Gaussian** is the large step, as in lesson 04: from <<(?m)^N\(0, I\) +1 +[\d.]+ +([\d.]+)>> to
#   <<(?m)^one Gaussian +1 +[\d.]+ +([\d.]+)>> by the classifier, with the first seed. It costs a few lines of NumPy.
# - **Mixture to network** is the small one: from <<(?m)^mixture +1 +[\d.]+ +([\d.]+)>> to
#   <<(?m)^network +1 +[\d.]+ +([\d.]+)>>, with the second seed from <<(?m)^mixture.*\n +2 +[\d.]+ +([\d.]+)>> to
#   <<(?m)^network.*\n +2 +[\d.]+ +([\d.]+)>>.
# - **What is left?** Decoded codes of the test faces stand at <<(?m)^reconstructions +1 +[\d.]+ +([\d.]+)>>, but they show
#   the same people. Decoded codes of other people would stand farther off. So the network closes at least
#   <<closes (\d+%) of the gap by the classifier>> of the gap that the mixture leaves. By the PCA distance real training
#   faces stand at <<(?m)^real +1 +([\d.]+)>>, so it cannot rank mixture and network.
#
# Eight faces are few. Trust the thousand that were measured.

# %% [markdown]
# ## How many steps are enough?
# Each step but the last asks the network twice. So far the walks had 12 steps. Try more and fewer.

# %% caption="Distances of the network's faces by the number of steps, beside the mixture's. Lower is better." alt="Two charts. The network's curves fall steeply from one to six steps, then stay level: on the mixture's line by PCA, just below it by the classifier."
counts = (1, 3, 6, 12, 24)
by_steps = {steps: diffusion.sample(len(test), seed=1, steps=steps) for steps in counts}
measured = pd.DataFrame({steps: measure(latent.decode(vae, z)) for steps, z in by_steps.items()}).T
print(measured.round(2).to_string())
tables = {}
for name in measured:
    tables[name] = measured[[name]].set_axis(["network"], axis=1)
    tables[name]["mixture"] = distances.loc[("mixture", 1), name]
plots.line_panels(tables, label="steps")

# %% caption="The same eight starts, walked with 1 to 24 steps." alt="Five rows of eight faces. One step: eight nearly equal soft faces. Three: different faces with harsh contrast. From six on: varied faces, almost the same in the last two rows."
plots.rows({f"steps: {steps}": latent.decode(vae, z[:8]) for steps, z in by_steps.items()})

# %% [markdown]
# One step gives means: the same soft face with little of its own. Three steps give faces of harsh contrast. From six
# steps on the distances hardly change. The course takes twelve, to be safe.

# %% [markdown]
# <details><summary>With other pictures</summary>
#
# Only some models come with a trained network: CelebA's and LFW's do. Without one, "trained longer" is the network that was
# trained here, and the faces are drawn by it. With few codes the mixture is a single Gaussian, and a network learns them
# by heart: `python -m vae_keras train --sharpen 24` trains one for your own pictures and keeps it only if it guesses
# validation codes better than the mixture. The classifier has learned from photographs, so its distances mean less for
# drawn faces.
#
# </details>
