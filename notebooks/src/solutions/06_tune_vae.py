# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 6
#     settings: [dataset]
# ---

# %%
import numpy as np
import pandas as pd

from vae_keras import data, evaluation, latent, training
from vae_keras.checks import lesson_06 as check

study = pd.read_csv(project / "benchmarks" / "study.csv")
celeba = study[(study["dataset"] == "celeba") & (study["split"] == "validation")]
by_beta = celeba[celeba["knob"].isin(["base", "beta"])].groupby("beta")[["error", "kl"]].mean()

# %% [markdown]
# ## Exercise 6.1: a gain in units of chance
# The difference alone says nothing: with seeds that differ by as much, it is luck. Divided by their standard deviation
# it says how many usual differences it is worth. With three seeds even a gain of two may be chance.


# %%
def gain(base, other):
    return (base.mean() - other.mean()) / base.std(ddof=1)


check.gain(gain)

# %% [markdown]
# ## Exercise 6.2: two orders
# The orders run against each other: what a larger β saves in nats, it pays in error. So no β is best in both. Where the
# lists are not exactly opposite, two neighbours are closer than chance.

# %%
by_error = list(by_beta["error"].sort_values().index)
by_kl = list(by_beta["kl"].sort_values().index)
print("by error:", by_error)
print("by KL:   ", by_kl)

check.orders(by_error, by_kl, by_beta)

# %% [markdown]
# ## Exercise 6.3: which β is it?
# Multiplied by 2σ², the calibrated loss is the squared error plus 2σ²β times the KL. That weight is 1 for β = 1/(2σ²).
# The small error of a trained network makes this a large β. So the plain squared error, which looks like a choice
# without any weight, presses hard on the KL.


# %%
def same_beta(error):
    return 1 / (2 * error)


error = celeba.loc[celeba["setting"] == "likelihood=mse", "error"].mean()
print(f"error {error:.4f}: β = {same_beta(error):.0f}")

check.same_beta(same_beta)

# %% [markdown]
# ## Exercise 6.4: predict, then turn
# Four latent variables cannot hold what 64 hold. So the KL falls, and the error rises.

# %%
faces = data.load_faces(config.dataset, 32, config.comparison_pictures)
held_out = faces.validation[:500]


def train_small(epochs=config.comparison_epochs, optimizer="adam", learning_rate=0.002, **knobs):
    small = {"image_size": 32, "latent_dim": 64, "filters": (8, 16, 32)}
    network = training.build_vae(config, **{**small, **knobs})
    how = {"batch_size": 32, "optimizer": optimizer, "learning_rate": learning_rate}
    training.fit(network, faces.train, epochs=epochs, seed=config.seed, **how)
    return network


def measure(network, pictures):
    error = evaluation.squared_error(pictures, latent.reconstruct(network, pictures))
    kl = latent.statistics(*latent.encode(network, pictures))["kl"].sum()
    return {"error": float(error), "KL": float(kl)}


base = measure(train_small(), held_out)
prediction = (1, -1)
mine = measure(train_small(latent_dim=4), held_out)
for name, measured in {"base": base, "mine": mine}.items():
    print(f"{name}: error {measured['error']:.4f}, KL {measured['KL']:.1f}")

check.turned(prediction, mine, base)

# %% [markdown]
# ## Exercise 6.5: a fair choice
# Only validation rows count, and the mean over the seeds decides. The best single row would reward luck, and the more
# settings there are, the more luck.


# %%
def choose(table):
    validation = table[table["split"] == "validation"]
    return validation.groupby("setting")["distance"].mean().idxmin()


print("chosen on CelebA:", choose(celeba))

check.choose(choose)
