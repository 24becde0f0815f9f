# ---
# jupyter:
#   lesson:
#     title: Look at the data
#     question: What must a face model beat?
#     do: |
#       - ask whose faces these are, and on what terms you may use them,
#       - follow photographs to the 64×64 pixels that a model sees,
#       - find out what is common and what is rare in them,
#       - measure three simple models: the mean face, the nearest face and principal component analysis (PCA).
#     learn: |
#       - why the pictures are split into three parts,
#       - what a squared error sees and what it misses,
#       - how 128 numbers can stand for the 12,288 of a face,
#       - what PCA cannot do, so that a better model has something to win.
#     need: |
#       Python and a little NumPy. No earlier lesson, no GPU.
#     minutes: {quick: 0.5, cpu: 0.5, full: 1}
#     settings: [dataset]
#     learned: |
#       - A data set of faces is people. Terms and consent come before the first array.
#       - No model learns from the test pictures, so an error on them tells what it makes of new faces.
#       - What is rare in the data costs a model little: look at hats and bald heads in the coming lessons.
#       - **What must a face model beat?** PCA. It describes a face by <<PCA with (\d+)>> numbers and leaves a squared
#         error of <<PCA with \d+ numbers: error ([\d.]+)>> on new faces, against <<mean face: error ([\d.]+)>> of the
#         mean face. Its weak spot is invention: faces that PCA makes up are ghosts.
# ---

# %% [markdown]
# ## Whose faces are these?
# The pictures of this page are a part of CelebA: photographs of celebrities, collected from the web in 2015. The first time, the
# cell below crops and shrinks them and keeps the result on disk. After that it only opens the result.
#
# <details><summary>How much memory and disk?</summary>
#
# In Colab all of CelebA is downloaded first, which is 1,400 MB. The prepared pictures take 100 MB of disk in the profile
# `cpu`, and 700 MB in `gpu`. Each lesson is content with 4 GB of memory. To keep the download for another day, run
# `from google.colab import drive; drive.mount("/content/drive"); os.environ["KAGGLEHUB_CACHE"] = "/content/drive/MyDrive"`
# before the cell of the settings.
#
# </details>

# %%
import numpy as np

from vae_keras import data, evaluation, pipeline, plots
from vae_keras.checks import lesson_01 as check
from vae_keras.directions import has, lacks, usable_attributes
from vae_keras.evaluation.pca import at_random, flatten

faces = data.load_faces(config.dataset, config.image_size, config.pictures)
print(f"{len(faces.images):,} pictures. {faces.dataset.terms}")

# %% [markdown]
# Two people are concerned by each photograph: the one who took it and the one it shows. Nobody asked the people of
# CelebA. Its terms allow research without profit, and forbid passing the pictures on. This page shows a few small ones to
# explain.
#
# A model mirrors its data. Most of these people are young, and photographed to look good. Who is rare here will be rare,
# and badly drawn, among the faces that the model invents.

# %% [markdown]
# ## What does the computer see?
# A picture is an array of 64 rows, 64 columns and three values per pixel: red, green and blue, each from 0 to 255.

# %% caption="One face, and the 8×8 pixels around an eye with their red, green and blue values." alt="Left a face of visible pixels with an orange square around one eye. Right the square enlarged, three numbers in each of its 64 pixels: small in the dark pupil, large on the skin."
print(f"numbers per face: {faces.preview[0].size:,}")
plots.pixels(faces.preview[0], top=29, left=20)

# %% [markdown]
# A face is a list of <<numbers per face: ([\d,]+)>> numbers. By the end of this lesson, 128 numbers will do for a rough
# picture.

# %% [markdown]
# ## How does a photograph become 64×64 pixels?
# A square around the face is cut out. It is then shrunk: each new pixel is the average of the old pixels that it covers.

# %% caption="Photograph, crop and the 64×64 pixels that remain." alt="Three rows of three large pictures of the same people: whole photograph, square around the face, and the same square, softer."
photographs = [faces.photograph(i) for i in range(3)]
crops = [data.crop_square(photograph, faces.dataset.crop) for photograph in photographs]
plots.rows({"photograph": photographs, "crop": crops, "64×64": faces.preview[:3]}, size=256)

# %% [markdown]
# What lay outside the square is gone, and so is every detail finer than a new pixel. No model can bring it back. The
# eyes stand at nearly the same place in all crops, because the publishers of CelebA aligned the photographs.

# %% [markdown]
# ## Why three parts?
# A model may remember what it has seen. To learn how it treats *new* faces, you must hold some back.

# %%
for split in ("train", "validation", "test"):
    print(f"{split:<10} {len(getattr(faces, split)):>7,} pictures")

# %% [markdown]
# - **train**: the model learns from these <<train\s+([\d,]+)>> pictures.
# - **validation**: you look at these while you choose settings.
# - **test**: these are for measuring at the end. No model is trained on them.
#
# The split is CelebA's own. The first eight test pictures accompany you through all lessons as `faces.preview`. Nobody
# picked them: their order follows from a hash of their names.

# %% caption="The eight held-out faces of the course." alt="A row of eight faces of women and men, blond, dark and white-haired, in front of plain and busy backgrounds."
plots.grid(faces.preview)

# %% [markdown]
# ## What is in the set?
# Never trust data that you have not looked at. Here are forty training pictures. What do they share? What stands out?

# %% caption="The first forty training pictures." alt="Five rows of eight faces. Most look at the camera, many smile; a few wear hats or glasses or turn away."
plots.grid(faces.train[:40], columns=8)

# %% [markdown]
# All faces share the place of the eyes. That will be easy for a model. Few of them show hats or glasses. That will be
# hard: a model lowers its error most by drawing what is common.

# %% [markdown]
# ## First model: the mean face
# The simplest model gives the same answer for every picture: the mean of the training pictures. A few thousand of them
# are enough to compute it.

# %% caption="The mean face and, brighter where faces differ more, the standard deviation of each pixel." alt="Left a blurred, friendly face of nobody in particular. Right a grey picture of a face: dark at nose and cheeks, bright at the hair and in the corners."
sample = faces.train[: config.evaluation_pictures]
mean = sample.mean(axis=0) / 255
deviation = sample.std(axis=0, dtype="float32").mean(axis=-1)
plots.grid([mean, deviation / deviation.max()], captions=["mean", "standard deviation"], size=256)

# %% [markdown]
# The mean is nobody's face. Faces differ little around the nose, more in the hair, and most in the background.
#
# How wrong is this model? Divide all values by 255, so that they lie between 0 and 1. The **mean squared error** (MSE)
# averages the squared difference over all $N$ test pictures and all $D$ values of a picture:
#
# $$\text{MSE} = \frac{1}{N D} \sum_{n=1}^{N} \sum_{d=1}^{D} \left(x_{nd} - \hat{x}_{nd}\right)^2$$
#
# Here $x_{nd}$ is a value of a test picture, and $\hat{x}_{nd}$ is the model's answer. On the pictures that the mean was
# computed from, no other single answer has a smaller error. `squared_error` divides bytes by 255 itself.

# %%
mean_error = evaluation.squared_error(faces.test, np.broadcast_to(mean, faces.test.shape))
print(f"mean face: error {mean_error:.4f}")
print(f"a typical value is off by {255 * mean_error**0.5:.0f} of 255")

# %% [markdown]
# A network that ends near <<mean face: error ([\d.]+)>> has learned the mean face and nothing else.

# %% [markdown]
# ### Exercise 1.1: the error of the mean face
# Write the function that measured it, in three lines of NumPy. `train` and `test` are pictures as bytes, of shape
# (n, height, width, 3). The check tries it on pictures of its own.
#
# <details><summary>Hint</summary>Divide both sets by 255 first. A mean face is a mean over
# axis 0 of the training pictures.</details>
#
# [Solution](solutions/01_explore_data.ipynb)


# %%
def mean_face_error(train, test):
    return ...  # your answer


check.mean_face_error(mean_face_error)

# %% [markdown]
# ## What is rare?
# CelebA comes with forty labels a picture, given by people who looked at it. Labels are opinions: `Male` is what
# somebody thought to see, and `Attractive` says more about that person than about the picture. Use them to explore a
# model, never to judge people.

# %% caption="Common and rare: the share of training pictures with a label, eight common and eight rare ones." alt="A chart of sixteen labels with a dot each, sorted from those that most pictures have down to those that hardly any has."
labels = faces.labels("train", faces.table.columns.drop("split"))  # True or False
shares = labels[faces.label_names].mean().sort_values(ascending=False)
print(f"rarest: {shares.index[-1]}, {shares.iloc[-1]:.1%} of the pictures")
plots.bars(shares.drop(shares.index[8:-8]), label="share of the training pictures")

# %% [markdown]
# A model sees few examples of `<<rarest: (\w+)>>` and may learn it late.
#
# Labels are not independent. The correlation of two of them is 1 when they always agree, −1 when they never do,
# and near 0 when one says nothing about the other.

# %% caption="Correlations of ten labels: the five that the course shows, and those most related to them." alt="A square table of ten labels, red where two come together and blue where they avoid each other."
shown = list(faces.dataset.attributes)
related = labels.corr()[shown].abs().max(axis=1).nlargest(10).index
plots.heatmap(labels[related].corr())

# %% [markdown]
# Red pairs come together, blue pairs avoid each other. Smiling and high cheekbones often come together.
# Other pairs are habits of this collection: `Male` and lipstick avoid each other. A model never sees the labels, yet it
# learns such habits from the pictures. In [lesson 05](05_explore_latent_space.ipynb) an edit of one attribute will move another along.
#
# Where in the picture does an attribute live? Average the faces that have it, then those that lack it.

# %% caption="Mean face with and without an attribute, and the difference of the two, doubled; grey means none." alt="Three rows of five blurred faces, a column for each attribute. The difference shows a bright mouth for smiling, dark rings for glasses, bright hair for blond."
usable = usable_attributes(labels.loc[:, shown].iloc[: len(sample)])
with_it = np.stack([sample[has(usable, name)].mean(axis=0) for name in usable]) / 255
without = np.stack([sample[lacks(usable, name)].mean(axis=0) for name in usable]) / 255
difference = 0.5 + 2 * (with_it - without)
plots.rows({"with": with_it, "without": without, "difference": difference}, heads=usable.columns)

# %% [markdown]
# Smiling lives around the mouth, blond hair all around the head. Most attributes drag something along: the mean of the
# faces with glasses is older and more male. You could add a difference to a photograph, but it would paint the same
# pixels whatever the pose. Editing needs a better space than pixels.

# %% [markdown]
# ## Second model: the nearest face
# The next model has a perfect memory. It answers a new face with the training face that has the smallest squared error.

# %% caption="Held-out faces and the nearest of all training faces." alt="Two rows of eight faces. Each lower face is about as bright as the one above, and is another person."
indices, errors = evaluation.nearest_pictures(faces.test[:1000], faces.train)
nearest_error = errors.mean()
print(f"nearest face: error {nearest_error:.4f}")
nearest = faces.train[indices[:8, 0]]
plots.rows({"held-out face": faces.preview, "nearest training face": nearest})

# %% [markdown]
# Bright and dark areas agree, roughly. The person does not. A squared error sees what covers many pixels, and eyes and
# mouth cover few. Still, <<nearest face: error ([\d.]+)>> on the first thousand test faces is well below the mean face.
#
# This model returns in [lesson 04](04_generate_faces.ipynb) as a test: a new face must not be a copy of its nearest
# training face.

# %% [markdown]
# ## Third model: PCA
# Many pixels vary together, so a face holds fewer independent facts than numbers. **Principal component analysis** (PCA)
# describes a face by a few directions, each as long a list as a picture. The first direction $v_1$ is the one in which the
# faces differ most. Each further direction explains most of what is left, at right angles to all before. A face is the
# mean face plus a weighted sum of directions:
#
# $$x \approx \bar{x} + \sum_{k=1}^{128} z_k\, v_k, \qquad z_k = (x - \bar{x}) \cdot v_k$$
#
# The weights $z_1, \dots, z_{128}$ are the face's **code**. scikit-learn finds the directions:

# %% include vae_keras/evaluation/pca.py::fit_pca

# %% [markdown]
# `at_random` keeps 20,000 pictures where there are more, and `flatten` makes a row of values from 0 to 1 of each. The
# directions come from training pictures alone.

# %%
pca = fit_pca(faces.train)
variance = pca.explained_variance_ratio_.sum()
print(f"{pca.n_components_} numbers hold {variance:.0%} of the variance")

# %% [markdown]
# The variance is the mean of all squared differences from the mean face. A direction can be looked at, too:

# %% caption="The first eight directions, each subtracted from the mean face and added to it." alt="Two rows of eight blurred faces. From left to right the columns change the brightness of the background, the light from one side, the hair, and the colour of the whole."
shape = faces.preview.shape  # (8, 64, 64, 3)
step = 2 * np.sqrt(pca.explained_variance_[:8, None]) * pca.components_[:8]  # two standard deviations
minus, plus = (pca.mean_ - step).reshape(shape), (pca.mean_ + step).reshape(shape)
plots.rows({"mean − 2 standard deviations": minus, "mean + 2 standard deviations": plus}, heads=range(1, 9))

# %% [markdown]
# The first directions are about background, light and hair: whatever covers many pixels.

# %% [markdown]
# ### Exercise 1.2: how many numbers?
# The shares of the variance stand in `pca.explained_variance_ratio_`, the largest first. How many numbers hold nine
# tenths of it?
#
# <details><summary>Hint</summary>`cumsum` adds the shares up. Python counts from 0, you want a count.</details>
#
# [Solution](solutions/01_explore_data.ipynb)

# %%
components = ...  # your answer

check.components(components, pca)

# %% [markdown]
# ## What must a face model beat?
# To **encode** a face is to compute its numbers $z_k$, the right half of the formula. To **decode** is to compute the
# sum, the left half. Do both with the eight faces, which had no part in the fit. Then compare all three models.

# %% caption="The answer: three models and their mean squared errors, the nearest face's on a thousand test pictures." alt="Four rows of eight faces: held-out faces, the same mean face eight times, nearest training faces of other people, and PCA reconstructions that resemble the first row through frosted glass."
codes = (faces.preview.reshape(8, -1) / 255 - pca.mean_) @ pca.components_.T  # (8, 128)
decoded = (pca.mean_ + codes @ pca.components_).reshape(shape)
pca_error = evaluation.pca_error(pca, faces.test)
print(f"PCA with {pca.n_components_} numbers: error {pca_error:.4f}")
ladder = {"held-out face": faces.preview}
ladder[f"mean face: {mean_error:.4f}"] = [mean] * 8
ladder[f"nearest training face: {nearest_error:.4f}"] = nearest
ladder[f"PCA, {pca.n_components_} numbers: {pca_error:.4f}"] = decoded
plots.rows(ladder)

# %% [markdown]
# PCA leaves <<PCA with \d+ numbers: error ([\d.]+)>>. Light and the rough shape of the hair are right, as if seen through frosted
# glass: edges are soft, and smears hang around the heads. A better model has a smaller error with the same 128 numbers,
# or it invents better faces. The error alone says little about eyes and mouths. [Lesson 03](03_train_vae.ipynb)
# compares errors, [lesson 04](04_generate_faces.ipynb) invented faces.

# %% [markdown]
# ### Exercise 1.3: scattered pixels
# Reorder the values of every picture by one random permutation, the same for all, so that neighbours are scattered. Fit
# PCA to the shuffled training pictures. Return its error on the shuffled test pictures. Guess first: is it larger? Would a
# network of convolutions mind?
#
# <details><summary>Hint</summary>`np.random.default_rng(0).permutation` of the number of values in a picture gives
# `order`. `images.reshape(len(images), -1)[:, order]` shuffles. Then `fit_pca` of the shuffled training pictures, and
# `evaluation.pca_error` of the shuffled test pictures.</details>
#
# [Solution](solutions/01_explore_data.ipynb)


# %%
def shuffled_error(train, test, components):
    return ...  # your answer


check.shuffled_error(shuffled_error)

# %% [markdown]
# ## Can PCA invent faces?
# A model that describes faces by codes can invent some: make up a code and decode it. Draw each of the 128 numbers from
# a normal distribution with the standard deviation that it has among the training faces.

# %% caption="Eight faces that PCA made up." alt="Eight ghostly faces: eyes, nose and mouth are in place, with smeared hair and backgrounds, as if several photographs were printed on one another."
random = np.random.default_rng(config.seed)
z = random.normal(size=(8, pca.n_components_)) * np.sqrt(pca.explained_variance_)
invented = (pca.mean_ + z @ pca.components_).reshape(shape)
plots.grid(invented)

# %% [markdown]
# Eyes, nose and mouth are in place, but hair and background are smeared: ghosts. PCA only adds and subtracts fixed
# pictures, and numbers that are drawn one by one do not fit together as those of a real face do. A variational
# autoencoder keeps the idea of a short code, and replaces the sum by a network. In [lesson 04](04_generate_faces.ipynb)
# these eight stand beside the faces that it invents.

# %% [markdown]
# ### Exercise 1.4: are the numbers correlated?
# The faces above were drawn as if the 128 numbers of a code were uncorrelated. Are they? Compute the covariance matrix
# of `train_codes` and compare its diagonal with the rest. Can correlation explain the ghosts?
#
# <details><summary>Hint</summary>`np.cov` takes variables in rows unless told otherwise.</details>
#
# [Solution](solutions/01_explore_data.ipynb)

# %%
train_codes = evaluation.pca_codes(pca, faces.train)  # (pictures, 128)
covariance = ...  # your answer

check.covariance(covariance, train_codes)

# %% [markdown]
# ## From pictures to batches
# One thing is left before you build the model: feeding it. The pictures are shuffled, divided by 255, mirrored at random
# and made a little brighter or darker, so that the model never sees quite the same picture twice.

# %%
batches = pipeline.batches(faces.train, config.batch_size, training=True, augment=data.augment)
batch = next(iter(batches)).numpy()
print("a batch:", batch.shape, batch.dtype, "in [0, 1]:", batch.min() >= 0 and batch.max() <= 1)

# %% [markdown]
# <details><summary>With other pictures</summary>
#
# Set `dataset` in the settings. `"lfw"` are news photographs of people who were not asked, split by person so that
# nobody is in two parts. `"anime"` are drawings; their rights lie with the artists. `"cartoon"` are faces that this
# project draws, free of anybody's rights. A folder or zip of your own needs 40 pictures, and some hundred are better: use
# photographs of yourself, or of people who agreed. A file `attributes.csv` beside them may hold labels, with the file's
# name in its first column. Without labels the lessons show five attributes that are measured in the pixels, such as
# brightness, each cut at its median. With fewer than 129 training pictures, PCA has fewer than 128 numbers.
#
# </details>
