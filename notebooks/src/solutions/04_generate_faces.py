# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 4
#     settings: [dataset, latent_dim]
# ---

# %%
import numpy as np
import pandas as pd

from vae_keras import data, evaluation, hub, latent, plots, priors
from vae_keras.checks import lesson_04 as check

faces = data.load_faces(config.dataset, config.image_size, config.pictures)
vae = hub.load_for(config, plain=True).vae
test = faces.test[: config.evaluation_pictures]

# %%
random = np.random.default_rng(config.seed)
z_mean, z_log_variance = latent.encode(vae, faces.train)
codes = z_mean + np.exp(0.5 * z_log_variance) * random.standard_normal(z_mean.shape)
mixture = priors.fit_prior(codes, components=10)

# %% [markdown]
# ## Exercise 4.1: your own Gaussian
# The noise has mean 0 and covariance $I$. Multiplied by $L$, its covariance becomes $L I L^\top = C$. Adding the mean
# does not change that. Codes are rows, so the product is turned round.


# %%
def new_codes(z, noise):
    factor = np.linalg.cholesky(np.cov(z, rowvar=False))
    return z.mean(axis=0) + noise @ factor.T


check.new_codes(new_codes)

# %% [markdown]
# ## Exercise 4.2: how many components?
# The distance falls from <<\{1: ([\d.]+)>> with one Gaussian to <<10: ([\d.]+), 30>> with ten and
# <<30: ([\d.]+)\}>> with thirty, so <<enough: (\d+)>> are enough here. More components share the same codes, and each
# has fewer to learn its covariance from. `fit_prior` therefore fits fewer components where codes are few.

# %%
pca = evaluation.fit_pca(faces.train, seed=config.seed)


def distance(components):
    prior = priors.fit_prior(codes, components)
    return evaluation.pca_distance(pca, test, latent.decode(vae, prior.sample(len(test))))


measured = {components: distance(components) for components in (1, 3, 10, 30)}
enough = next(count for count in measured if measured[count] <= 1.02 * min(measured.values()))
print({count: round(value, 2) for count, value in measured.items()}, "enough:", enough)

# %%
distances = pd.Series({"VAE, one Gaussian": measured[1], "VAE, mixture": measured[10]})  # as in the lesson
check.components(measured, enough, distances)

# %% [markdown]
# ## Exercise 4.3: temperature zero
# Without noise a draw is the centre of its component. So there are as many different faces as components, ten at most.
# Each is a kind of mean face: the average of the faces of its component, by their codes.

# %%
cold_codes = np.unique(mixture.sample(1000, temperature=0), axis=0)
print(len(cold_codes), "different faces")

check.cold_codes(cold_codes, mixture)

# %% caption="All faces that come at temperature 0." alt="Up to ten smooth faces that differ in background, light and hair."
plots.grid(latent.decode(vae, cold_codes))

# %% [markdown]
# ## Exercise 4.4: find the copy
# A new face is far from most training faces, and so is a copy. What gives it away is one training face that is very
# near. So take the smallest distance of each new face, and then the new face for which that is least.


# %%
def find_copy(new, training):
    apart = np.linalg.norm(new[:, None] - training[None], axis=2)  # (new, training)
    return apart.min(axis=1).argmin()


check.find_copy(find_copy)

# %% [markdown]
# The same test on real faces: the reconstruction of a training face hides at place 5 among new ones.

# %%
new = latent.decode(vae, mixture.sample(24))
new[5] = latent.reconstruct(vae, faces.train[7:8])[0]
print("the copy is at place", find_copy(latent.encode(vae, new)[0], z_mean[:2000]))
