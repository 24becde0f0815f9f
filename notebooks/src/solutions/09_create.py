# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 9
#     settings: [dataset]
# ---

# %% [markdown]
# ## The model
# The exercises need a model, some codes and their mean.

# %%
import numpy as np

from vae_keras import data, latent, plots
from vae_keras.applications.dial import first_model, pick_attribute
from vae_keras.applications.transfer import style
from vae_keras.checks import lesson_09 as check

model = first_model(config)
vae = model.vae
faces = data.load_faces(config.dataset, config.image_size, config.pictures)
z, _ = latent.encode(vae, faces.preview)
direction = model.direction(pick_attribute(model, "Smiling"))

# %% [markdown]
# ## Exercise 9.1: exchange a part
# The scalar product with $d$, over $d \cdot d$, is the part of a code along $d$. The difference of the two parts is what
# `z` lacks. Everything at a right angle to $d$ stays as it was. On the scale of the directions the parts of two people
# differ little, so the lesson goes on to a scale of its own.


# %% caption="Seven faces with the plain part of the last one along the direction of a smile." alt="Two rows of seven faces. Those below differ a little from those above around the mouth."
def swap(z, other, direction):
    return z + (other - z) @ direction / (direction @ direction) * direction


check.swap(swap)
swapped = np.stack([swap(code, z[-1], direction) for code in z[:-1]])
plots.rows({"as they are": latent.decode(vae, z[:-1]), "part of the last": latent.decode(vae, swapped)})

# %% [markdown]
# ## Exercise 9.2: only the light
# A step and its part along $d$ differ by what is at a right angle to $d$. Without that part the step changes the
# attribute no more, as far as one direction holds it.


# %%
def without(step, direction):
    return step - step @ direction / (direction @ direction) * direction


check.without(without)
order = np.argsort(faces.table["Warm"].iloc[faces.rows("train")].to_numpy())
count = min(100, len(order) // 4)
step = style(vae, faces.train[np.sort(order[:count])], faces.train[np.sort(order[-count:])])
print(f"before {step @ direction:.2f}, after {abs(without(step, direction) @ direction):.2f}")

# %% [markdown]
# ## Exercise 9.3: a lively mixture
# Codes of different people are independent, so the variance of their weighted sum is $\sum w_i^2$ times that of one. Its
# root is the deviation that is left. Dividing by it, around the mean code, gives mixtures the spread of faces.


# %% caption="Three new faces, their plain mixture, and the lively one." alt="Five faces: three different people, a soft ordinary face of all three, and a more marked one."
def lively_mix(z, amounts, mean):
    return mean + (amounts @ z - mean) / np.sqrt(np.square(amounts).sum())


check.lively_mix(lively_mix)
mean_code = model.prior.weights @ model.prior.means
three, third = model.sample(3, seed=2, temperature=0.7), np.full(3, 1 / 3)
mixtures = [third @ three, lively_mix(three, third, mean_code)]
names = ["A", "B", "C", "plain", "lively"]
plots.grid(latent.decode(vae, np.stack([*three, *mixtures])), captions=names)

# %% [markdown]
# ## Exercise 9.4: who leaks?
# A uses the labels that are given. B uses the labels of all training pictures. So do the direction of C and the
# classifier of D, one step earlier: whoever made them used those labels. Gains of B, C and D say nothing of somebody who
# has 50.

# %%
letters = {"B", "C", "D"}

check.leaks(letters)
