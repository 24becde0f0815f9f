# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 0
#     settings: [shipped]
# ---

# %%
import numpy as np

from vae_keras import latent, plots
from vae_keras.applications.dial import first_model, pick_attribute
from vae_keras.checks import lesson_00 as check

model = first_model(config)
vae = model.vae
z = model.sample(10, seed=2, temperature=0.7)
direction = model.direction(pick_attribute(model, "Smiling"))

# %% [markdown]
# ## Exercise 0.1: the shape of the codes
# There are ten faces, and each has a row of 128 latent variables. The decoder turns every row into a picture of its own.

# %%
shape = (10, vae.latent_dim)
print("z has the shape", z.shape)

check.shape(shape, z)

# %% [markdown]
# ## Exercise 0.2: the other way
# A direction has two ends. Adding it gives more of the attribute, so subtracting half of it gives half a step less. NumPy
# subtracts it from every row.


# %%
def less(z, direction):
    return z - 0.5 * direction


check.less(less)

# %% caption="Eight new faces, and the same with less of a smile." alt="Two rows of eight faces. Below, the mouths are more closed than above."
eight = z[:8]
plots.rows({"as they were": latent.decode(vae, eight), "less": latent.decode(vae, less(eight, direction))})

# %% [markdown]
# ## Exercise 0.3: a quarter of the way
# Three quarters of the start and one quarter of the end. Written as `start + (end - start) / 4` it is the same: begin at the
# start and go a quarter of the step that leads to the end.


# %%
def quarter(start, end):
    return 0.75 * start + 0.25 * end


check.quarter(quarter)

# %% caption="The start, a quarter of the way, and the end." alt="Three faces. The one in the middle is more like the left one than like the right one."
three = np.stack([z[1], quarter(z[1], z[7]), z[7]])
plots.grid(latent.decode(vae, three), captions=["start", "a quarter", "end"], size=256)
