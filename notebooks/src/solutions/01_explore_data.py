# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 1
#     settings: [dataset]
# ---

# %%
import numpy as np

from vae_keras import data, evaluation, plots
from vae_keras.checks import lesson_01 as check

faces = data.load_faces(config.dataset, config.image_size, config.pictures)
pca = evaluation.fit_pca(faces.train)

# %% [markdown]
# ## Exercise 1.1: the error of the mean face
# The mean face comes from the training pictures, because a model must not learn from the test pictures. Dividing by 255
# comes before the difference: bytes have no negative numbers, so `test - mean` of bytes would wrap around.


# %%
def mean_face_error(train, test):
    mean = train.mean(axis=0) / 255
    difference = test / 255 - mean
    return np.square(difference).mean()


check.mean_face_error(mean_face_error)

# %% [markdown]
# ## Exercise 1.2: how many numbers?
# `cumsum` adds the shares up. `searchsorted` finds the index of the first sum that reaches nine tenths. An index counts
# from 0, so the number of components is one more.

# %%
components = np.searchsorted(pca.explained_variance_ratio_.cumsum(), 0.9) + 1
print(f"{components} of {pca.n_components_} numbers")

check.components(components, pca)

# %% [markdown]
# ## Exercise 1.3: scattered pixels
# The error stays. PCA treats a picture as a list of numbers and looks at each pair of them. It does not know which
# pixels are neighbours, so reordering all lists alike changes only the order of its answers.
#
# A network of convolutions would mind. Its filters look at neighbours and use the same weights everywhere. After the
# shuffle there are no edges and no shapes for them to find. That knowledge of neighbours is what such a network has and
# PCA has not.


# %%
def shuffled_error(train, test, components):
    order = np.random.default_rng(0).permutation(train[0].size)
    train, test = [images.reshape(len(images), -1)[:, order] for images in (train, test)]
    pca = evaluation.fit_pca(train, components)
    return evaluation.pca_error(pca, test)


check.shuffled_error(shuffled_error)

# %%
few = faces.train[:1000]
print(f"as they are: {evaluation.pca_error(evaluation.fit_pca(few, 20), faces.test[:200]):.5f}")
print(f"shuffled:    {shuffled_error(few, faces.test[:200], 20):.5f}")

# %% [markdown]
# ## Exercise 1.4: are the numbers correlated?
# The matrix is nearly diagonal: PCA chooses its directions so that the numbers of a code are uncorrelated.
# So the full matrix gives the same faces as the standard deviations alone. Uncorrelated is not independent, though.
# The codes are not spread like a normal distribution, and a model that learns their shape can draw better ones.

# %%
train_codes = evaluation.pca_codes(pca, faces.train)
covariance = np.cov(train_codes, rowvar=False)
deviations = np.sqrt(np.diag(covariance))
correlations = covariance / np.outer(deviations, deviations)
print(f"largest correlation: {np.abs(correlations - np.eye(len(covariance))).max():.3f}")

check.covariance(covariance, train_codes)

# %% caption="Eight faces from the diagonal alone and from the full covariance, with the same random numbers." alt="Two rows of eight ghostly faces. Each lower face is nearly the same as the one above."
noise = np.random.default_rng(config.seed).normal(size=(8, pca.n_components_))
draws = {"diagonal": noise * deviations, "full matrix": noise @ np.linalg.cholesky(covariance).T}
plots.rows(
    {name: (pca.mean_ + z @ pca.components_).reshape(faces.preview.shape) for name, z in draws.items()}
)
