# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 10
#     settings: [dataset, latent_dim]
# ---

# %%
import keras
import numpy as np
from keras import layers
from sklearn.datasets import make_moons

from vae_keras import hub, latent, plots, sharpening
from vae_keras.checks import lesson_10 as check

random = np.random.default_rng(config.seed)
points, _ = make_moons(2000, noise=0.05, random_state=config.seed)
points = (points - points.mean(axis=0)) / points.std(axis=0)

# %% [markdown]
# ## Exercise 10.1: any Gaussian
# The variances of hidden numbers and noise add up. The share of the hidden ones is what remains of the distance from the
# mean. Without noise you keep what you see, and under much noise you guess the mean. Least squares finds the same line.


# %%
def best_guess(noisy, noise, mean, deviation):
    share = deviation**2 / (deviation**2 + noise**2)
    return mean + share * (noisy - mean)


check.best_guess(best_guess)

z = 3 + 1.5 * random.standard_normal(1_000_000)
noisy = z + 2 * random.standard_normal(len(z))
slope, intercept = np.polyfit(noisy, z, 1)
print(f"least squares at 6: {intercept + 6 * slope:.2f}, the formula: {best_guess(6, 2, 3, 1.5):.2f}")

# %% [markdown]
# ## Exercise 10.2: 3, 6 and 12 steps
# First the network and the walk of the lesson.


# %%
def inputs(noisy, noise):
    noise = np.broadcast_to(noise, (len(noisy), 1))
    return np.hstack([noisy / np.sqrt(1 + noise**2), np.log(noise)])


def unit(noise):
    return noise / np.sqrt(1 + noise**2)


def guess(noisy, noise):
    missed = network.predict(inputs(noisy, noise), batch_size=10_000, verbose=0)
    return noisy / (1 + noise**2) + unit(noise) * missed


def walk(start, steps, guess=guess):
    levels = np.geomspace(4, 0.02, steps)
    noisy, way = start, [start]
    for level, lower in zip(levels, [*levels[1:], 0]):
        hidden = guess(noisy, level)
        noisy = hidden + lower / level * (noisy - hidden)
        way.append(noisy)
    return np.stack(way)


# %%
hidden = points[random.integers(0, len(points), 100_000)]
noise = np.exp(random.uniform(np.log(0.02), np.log(4), (len(hidden), 1)))
noisy = hidden + noise * random.standard_normal(hidden.shape)
missed = (hidden - noisy / (1 + noise**2)) / unit(noise)
keras.utils.set_random_seed(config.seed)
network = keras.Sequential([layers.Dense(128, "relu"), layers.Dense(128, "relu"), layers.Dense(128, "relu")])
network.add(layers.Dense(2))
network.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.005, 1600)), "mse")
network.fit(inputs(noisy, noise), missed, batch_size=500, epochs=8, verbose=0)
start = np.sqrt(1 + 4**2) * random.standard_normal((1000, 2))

# %% [markdown]
# The nearest point decides whether an end is a stray, so take the smallest distance over the points. More steps leave
# fewer strays.


# %%
def share_of_strays(end):
    apart = np.linalg.norm(end[:, None] - points[None], axis=2)  # (walks, points)
    return float((apart.min(axis=1) > 0.2).mean())


strays = {steps: share_of_strays(walk(start, steps)[-1]) for steps in (3, 6, 12)}
print(strays)

check.strays(strays, walk, start, points)

# %% [markdown]
# ## Exercise 10.3: a guess without a network
# The formula is the exact mean for a list of points. So the walks end on points of the list, and nothing new ever comes: a
# perfect memory of the training data. A network of limited size cannot store every point. It smooths between them, and
# that is what makes new ones.


# %%
def exact_guess(noisy, points, noise):
    squared = ((noisy[:, None] - points[None]) ** 2).sum(axis=2)
    weights = np.exp(-squared / (2 * noise**2))
    return weights @ points / weights.sum(axis=1, keepdims=True)


check.exact_guess(exact_guess)

# %% [markdown]
# Walk towards the exact guesses, and measure how far each end is from the nearest point of the list. Far from all points
# every weight rounds to 0, so subtract the smallest squared distance first. That changes no share.


# %%
def stable_guess(noisy, noise):
    squared = ((noisy[:, None] - points[None]) ** 2).sum(axis=2)
    weights = np.exp(-(squared - squared.min(axis=1, keepdims=True)) / (2 * noise**2))
    return weights @ points / weights.sum(axis=1, keepdims=True)


for name, function in {"exact": stable_guess, "network": guess}.items():
    end = walk(start[:200], 24, function)[-1]
    apart = np.linalg.norm(end[:, None] - points[None], axis=2).min(axis=1)
    print(f"{name:<8} median distance to the nearest point {np.median(apart):.4f}")

# %% [markdown]
# ## Exercise 10.4: when is it decided?
# Early guesses are means of many faces, so they lie near the common mean, which is a share of 1 away from the last codes.
# The first guess is <<\[([\d.]+) [\d.]+ [\d.]+>> away, the second <<\[[\d.]+ ([\d.]+) [\d.]+>>: it is decided early, while
# the noise is still stronger than the codes themselves. The later steps add what tells similar faces apart.

# %%
model = hub.load_for(config, sharpened=True)
diffusion = model.diffusion or sharpening.DiffusionPrior(model.prior)
guesses = np.array(list(diffusion.path(200, seed=1)))  # (steps, faces, latent_dim)
squared = ((guesses - guesses[-1]) ** 2).sum(axis=2).mean(axis=1)
spread = ((guesses[-1] - guesses[-1].mean(axis=0)) ** 2).sum(axis=1).mean()
step = 1 + int(np.argmax(squared < spread / 2))
print((squared / spread).round(2))

check.decided(step, diffusion)

# %% caption="Three steps on the way of eight faces: before the decision, at it, and the last." alt="Three rows of eight faces: soft and alike, then clearly different people, then the same people with their details."
shown = {f"step {number}": guesses[number - 1][:8] for number in (max(1, step - 2), step, len(guesses))}
plots.rows({name: latent.decode(model.vae, z) for name, z in shown.items()})
