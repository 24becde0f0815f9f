# ---
# jupyter:
#   lesson:
#     title: Explore the data
#     do: |
#       - load a set of face pictures and ask whose they are and on what terms,
#       - follow eight photographs through crop and reduction to the 64×64 pixels that the model will see,
#       - look at means, spreads, attributes and correlations,
#       - squeeze faces into 128 numbers with the oldest tool there is, and feed pictures to Keras.
#     learn: |
#       - why pictures are split into three parts, and what the eight held-out faces are for,
#       - what cropping and shrinking keep and what they destroy,
#       - what labels can tell and what they cannot,
#       - why a face of 12,288 numbers has far fewer degrees of freedom, which is what makes an autoencoder possible.
#     need: |
#       Python and a little NumPy. No earlier lesson, no GPU.
#     minutes: {quick: 0.5, cpu: 0.5, gpu: not measured, full: 0.5}
#     settings: [dataset]
#     learned: |
#       - A data set is people or their work. Terms and consent come before the first array.
#       - Pictures are split once, by person or by name, and no model that is measured learns from the test part.
#       - Cropping and averaging (`INTER_AREA`) decide what a model can ever learn; both happen once, before training.
#       - Attributes are opinions, they are correlated, and a model will learn the correlations with the faces.
#       - Neighbouring pixels say almost the same. A few directions hold most of the variance, so 128 numbers per face
#         are a fair budget; straight lines through pixel space spend it badly, and that is the gap a VAE fills.
#       - Pictures wait as bytes on disk and reach the model as `float32` in $[0, 1]$, shuffled and augmented.
#     questions: |
#       1. Set `dataset` to another data set in the settings and run the lesson again. Which mean face is the sharpest,
#          and what does that say about how the pictures were cropped and aligned?
#       2. Cut the training pictures into two random halves and show the difference of their mean faces beside the
#          differences between "with" and "without". How much of a difference is chance?
#       3. Shuffle all pixels of each picture in the same way, so that neighbours are scattered. Does the error of PCA
#          change? Would the error of a network of convolutions change?
# ---

# %% [markdown]
# ## The pictures
# One call brings them: `data.load_faces` finds the archive, decodes each photograph once, crops it, shrinks it and keeps
# the result as one large array of bytes on disk. The next call only opens that array.

# %%
import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from vae_keras import data, evaluation, pipeline, plots
from vae_keras.directions import usable_attributes

plt.rcParams.update(plots.STYLE)  # one look for all figures
faces = data.load_faces(config.dataset, config.image_size, config.pictures)
print(f"{faces.dataset.title}: {len(faces.images):,} pictures, {len(faces.skipped)} left out")
print(faces.dataset.terms)

# %% [markdown]
# (How many there are depends on the archive. CelebA as published has 202,599 photographs of 178×218 pixels; smaller archives of
# it go round, such as the one behind the figures of this page.) Left out is what cannot be decoded, and a picture that would
# stand in two parts of the split (more on that below).
#
# ## Whose faces are these?
# Before the numbers, the people. A photograph of a face concerns at least two people: the one who pressed the button
# and the one in front. What you may do with a data set stands in its terms, printed above. In practice, for the
# data sets that this course knows:
#
# - **CelebA** shows celebrities, mostly Western ones, photographed in public. Nobody asked them. Non-commercial
#   research is allowed, business and passing the pictures on are not.
# - **Labeled Faces in the Wild** holds news photographs from the years around 2003. Its people were not asked either;
#   some of them had never chosen to be public.
# - **Anime faces** are drawings. Nobody's likeness is at stake, but somebody's work is: the rights lie with the
#   artists.
# - **Drawn faces** are made by this project with OpenCV. They belong to nobody and hurt nobody. Outside Colab
#   the course starts with them where nothing else is chosen.
# - **Your own folder**: use photographs of yourself, or of people who agreed.
#
# A model mirrors what it saw. Train it on celebrities and its people will be young, groomed and lit by professionals;
# who is rare in the data will be rare, and worse drawn, in what it generates.

# %% [markdown]
# ## What does one picture look like to the computer?
# A block of bytes: rows, columns, and three values for red, green and blue. Count them.

# %% tags=["nbval-check-output"]
print("shape of a picture: ", faces.images.shape[1:])  # (rows, columns, channels)
print("kind of number:     ", faces.images.dtype)  # whole numbers, 0 to 255
print("numbers per picture:", np.prod(faces.images.shape[1:]))

# %% [markdown]
# A face is a point in a space with that many dimensions. Keep the number in mind: by the end of the lesson you will
# see how few of these dimensions faces use.
#
# The array is *memory-mapped*: `faces.images` looks like NumPy, but its bytes stay on disk until you touch them.
# Memory does not grow with the number of pictures.

# %% [markdown]
# ## Three parts, and why
# A model that has seen a picture may remember it. So the pictures are split once and for all:
#
# - **train**: the model learns from these,
# - **validation**: you look at these while you choose settings,
# - **test**: no model of this course is trained on these (but for a throw-away one in lesson 02); they are for the final
#   measurements, and eight of them you are about to meet.

# %%
faces.table.groupby("split", sort=False).size().rename("pictures").to_frame().T

# %% [markdown]
# How a set is split matters more than the percentages. CelebA comes with its own partition. Pictures of LFW are split
# by *person*: if one photograph of somebody were in the training part and another in the test part, recognizing the
# person would look like skill. All other sets are split by a hash of the file's name, so that a picture keeps its
# place when others are added.
#
# Two things have to be true in any case. `faces.preview` are eight test pictures, which you meet in a moment:

# %% tags=["nbval-check-output"]
print("every name stands in one part only:       ", faces.table.index.is_unique)
_, distance = evaluation.nearest_pictures(faces.preview, faces.train)  # to the most similar training picture
print("none of the eight is a training picture:  ", bool((distance > 0).all()))

# %% [markdown]
# ## Eight faces to keep
# These eight held-out faces go with you through all lessons: you will see their codes, their reconstructions and what
# editing does to them. They were not picked by hand. They are the first eight of the test part, in an order made by
# hashing, so nobody could choose the ones that flatter the model.
#
# **What happens to a photograph before the model sees it?**

# %%
photographs = [faces.photograph(i) for i in range(len(faces.preview))]
crops = [data.crop_square(photograph, faces.dataset.crop) for photograph in photographs]
plots.rows({"photograph": photographs, "crop": crops, "64×64": faces.preview})

# %% [markdown]
# Upper row: the photograph as it lies in the archive. Middle row: the square that is kept. Lower row: the same square
# with 64 pixels a side, which is all that the model will ever know. Look at what is gone: what lay outside the
# square, and every detail finer than one of the new pixels. No model can give back what this step threw away. (Where
# the three rows look alike, the pictures were published cropped and small.)

# %%
print("side of the crop as a fraction of the width:", faces.dataset.crop or "as large as it can be")
steps = {"photograph": photographs, "crop": crops, "kept": faces.preview}
pd.DataFrame({name: [picture.shape[:2] for picture in pictures] for name, pictures in steps.items()})

# %% [markdown]
# The table gives heights and widths in pixels. Where all pictures come in one size, somebody usually aligned them
# before publication, with the eyes at the same place in each. Where sizes differ, as in most folders of one's own,
# the crop has to do that work.

# %% [markdown]
# ## How much of the picture should be face?
# The crop is given as a fraction of the photograph's width, so that it works for any size of it. **What do other
# fractions do?**

# %%
tighter = {}
for fraction in (1.0, 0.8, 0.6, 0.4):
    squares = [data.crop_square(photograph, fraction) for photograph in photographs]
    tighter[f"{fraction:.0%} of the width"] = [data.resize(square, 64) for square in squares]
plots.rows(tighter)

# %% [markdown]
# All of these have 64×64 pixels. In the upper rows many are spent on backgrounds, which differ in everything and help
# nobody. Further down the face fills the frame; where the photographs were close already, chin, hair and ears are cut
# off. Where the square has fewer than 64 pixels it had to be *enlarged*, and it looks soft, because that adds no
# detail. A good crop shows a whole face and little else, and which fraction does that depends on the data set.

# %% [markdown]
# ## Two ways to shrink a picture
# To halve a picture you can keep every second pixel (*nearest*), or average each block of four (*area*). Both give
# the right size. A small picture should change little when the camera moves by one pixel. So shrink the eight faces
# strongly, from 64 to 16 pixels a side, then move them one pixel to the right and shrink them again. **Which way of
# shrinking is steady?**

# %%
moved = np.pad(faces.preview, ((0, 0), (0, 0), (1, 0), (0, 0)), "edge")[:, :, :-1]  # the left edge twice
shrunk = {"64×64": faces.preview}
for name, method in ("nearest", cv2.INTER_NEAREST), ("area", cv2.INTER_AREA):
    for label, part in (name, faces.preview), (f"{name}, moved", moved):
        small = np.stack([cv2.resize(face, (16, 16), interpolation=method) for face in part])
        shrunk[label] = small.repeat(8, axis=1).repeat(8, axis=2)  # each pixel as a block, to be seen
    change = np.abs(np.subtract(shrunk[name], shrunk[label], dtype=float)).mean()
    print(f"{name} changes by {change:.1f} of 255 grey levels on average")
plots.rows(shrunk)

# %% [markdown]
# *Nearest* looks crisper, but it shows whatever pixel it happens to hit. Compare
# the eyes and the outlines of a face in its two rows: they jump. *Area* is softer and changes less: compare the two numbers.
# What goes wrong has a name, aliasing, and a chequerboard shows it in its purest form. Its fields are 0 and 255 in
# turn. Seen from afar it is grey:

# %% tags=["nbval-check-output"]
board = np.uint8(255 * (np.indices((64, 64)).sum(axis=0) % 2))
print("chequerboard:", np.unique(board))
print("area:        ", np.unique(cv2.resize(board, (16, 16), interpolation=cv2.INTER_AREA)))
print("nearest:     ", np.unique(cv2.resize(board, (16, 16), interpolation=cv2.INTER_NEAREST)))

# %% [markdown]
# The average of 0 and 255 is 127.5, rounded to 128: grey. Nearest hit fields of the same kind every time and calls the
# board black. A model would have to learn such accidents along with the faces. So the course shrinks with
# `INTER_AREA`, always, and enlarges with `INTER_CUBIC` where a picture is too small.

# %% [markdown]
# ## What is in the set?
# Never trust a set that you have not looked at. **What do forty pictures have in common, and what stands out?**

# %%
plots.grid(faces.train[:40], columns=10)

# %% [markdown]
# Look for what a model will find easy, which is what all pictures share: the place of the eyes, the outline of the head, the
# colours of skin. Then look for what will be hard, which is what only few of them show: hats, glasses, hands, faces turned
# away, writing in the background. Drawing rare things well hardly lowers its error, so it will leave them out first.

# %% [markdown]
# ## The mean face
# The simplest model of all says the same picture every time. If the squared error is what counts, the best such
# picture is the mean. **What is left when all faces are laid on one another, and where do they differ?**

# %%
sample = faces.train[: config.evaluation_pictures]  # enough for every statistic below
mean = sample.mean(axis=0) / 255  # (64, 64, 3) in [0, 1]
spread = sample.std(axis=0, dtype="float32") / 255  # the same shape
grey = spread.mean(axis=-1)
plots.grid(
    [mean, grey], captions=["mean", f"standard deviation, black: {grey.min():.2f}, white: {grey.max():.2f}"]
)

# %% [markdown]
# The mean is a blurred face, nobody's, with eyes where most eyes are: the better the pictures are aligned, the
# clearer it is. In the standard deviation bright means that the pictures disagree there, as they do about the outline
# of the hair or about what is behind the head. Dark means that they agree.
#
# How good is this model that knows nothing about the picture in question? Its error on held-out pictures is the first
# number to beat:
#
# $$\text{MSE} = \frac{1}{N D} \sum_{n=1}^{N} \sum_{d=1}^{D} \left(x_{nd} - \bar{x}_d\right)^2$$
#
# $N$ is the number of test pictures, $D$ that of the values in one, $x_{nd}$ a value and $\bar{x}_d$ the same of the mean face.

# %%
mean_error = evaluation.squared_error(faces.test, np.broadcast_to(mean, faces.test.shape))
print(f"mean squared error of the mean face on the test pictures: {mean_error:.4f}")
print(f"so a typical value is off by {255 * mean_error**0.5:.0f} of 255 grey levels")

# %% [markdown]
# If a network that you train ends near this number, it has learned the mean face and nothing else. That is a well-known
# failure of variational autoencoders (posterior collapse), and in [lesson 03](03_train_vae.ipynb) you will cause it on purpose.

# %% [markdown]
# ## What the pictures are said to show
# Many sets come with labels. CelebA has forty per picture, given by annotators who looked at the photograph.
# They are opinions: `Male` is what somebody thought they saw, `Attractive` says more about the annotator than about the
# person. Use such labels to explore what a model has learned, never to judge people.
#
# The course also measures five things in every picture itself (brightness, contrast, warmth, brightness of the
# background, light from the left) and cuts each at its median. Where nobody labelled anything, the lessons show these.
# **How frequent is what?**

# %%
every = faces.table.columns.drop("split")
labels = faces.labels("train", every)  # one row per picture, True or False
plots.bars(labels.mean().sort_values(ascending=False), title="Share of the training pictures")

# %% [markdown]
# The measured attributes all stand at about one half, since the median cuts in two equal parts by definition. Labelled ones,
# where there are any, run from common to rare. What only a few pictures in a hundred have, a model sees rarely and
# learns late.

# %% [markdown]
# ## What goes together?
# The lessons show a handful of attributes of each data set. **Are they independent of one another?** The correlation of
# two such columns is 1 when they always agree, −1 when they never do, and near 0 when one says nothing about the
# other.

# %%
shown = list(dict.fromkeys([*faces.dataset.attributes, *data.MEASURED]))  # each name once
plots.heatmap(labels[shown].corr())

# %% [markdown]
# Read along a row. Strong colours away from the diagonal are pairs that come together, or avoid each other. These are
# facts about the collection, not about the world: who was photographed, how, and who wrote the labels. Here are the
# strongest pairs among all columns:

# %%
pairs = labels.corr().where(np.triu(np.ones((len(every),) * 2, bool), k=1)).stack()
strongest = pairs[pairs.abs().nlargest(8).index].round(2)
strongest.rename_axis(["one", "other"]).rename("correlation").reset_index()

# %% [markdown]
# Ask of each pair: one thing with two names, opposites by definition, or a habit of the collection? The model sees
# only pictures, not labels, yet it learns such habits: ask it for more of one and it may bring the other along.
# [Lesson 05](05_explore_latent_space.ipynb) measures that.

# %% [markdown]
# ## Can you see an attribute in the mean?
# Average only the faces that have an attribute, then only those that lack it. **Where in the picture does an
# attribute live?**

# %%
attributes = usable_attributes(labels.loc[:, faces.dataset.attributes].iloc[: len(sample)])
has = attributes.to_numpy().T  # (attributes, pictures)
with_it = np.stack([sample[rows].mean(axis=0) / 255 for rows in has])
without = np.stack([sample[~rows].mean(axis=0) / 255 for rows in has])
difference = 0.5 + 2 * (with_it - without)  # twice as strong, to be seen; grey: none
pictures = {"with": with_it, "without": without, "difference": difference}
plots.rows(pictures, captions=attributes.columns)

# %% [markdown]
# First row with the attribute, second row without, third row the difference: plain grey where the means agree,
# brighter or darker where they do not. Some attributes live in one place, others change light and colour all over,
# and most drag something along that has nothing to do with their name. Means of few pictures are grainy; that grain
# is chance.
#
# Adding the third row to a photograph would be the crudest way to edit it. It fails, because it paints the same
# pixels whatever the pose. Editing needs a better space than that of pixels, and the next lessons build one.

# %% [markdown]
# ## Which values do pixels take?
# Count how often each of the 256 values comes in red, green and blue. **Are the values spread evenly?**

# %%
figure, axes = plt.subplots(figsize=(7, 2.5))
for channel, color in enumerate(("red", "green", "blue")):
    counts = np.bincount(sample[..., channel].ravel(), minlength=256)
    axes.plot(counts / counts.sum(), color=color, label=f"{color}, mean {sample[..., channel].mean():.0f}")
axes.set(xlabel="value", ylabel="share of pixels")
_ = axes.legend()

# %% [markdown]
# They are not. Look at the two ends: in photographs, what was too dark for the camera is 0, what was too bright is 255,
# and both pile up. Drawings have spikes where the same paint was used again and again. The three curves differ: where
# skin fills much of the picture, red is the brightest channel.
#
# Values have two hard ends, 0 and 255. Divided by 255 they lie in $[0, 1]$, and the last layer of the decoder in
# [lesson 02](02_build_vae.ipynb) is a sigmoid, which cannot leave that range either.

# %% [markdown]
# ## Could faces be made pixel by pixel?
# You now know which values pixels take. Go one step further and draw each pixel by itself: for every place take the colour
# that a random training picture has there. Each pixel is then as it should be. **Do faces come out?**

# %%
random = np.random.default_rng(config.seed)
rows, columns = np.indices(sample.shape[1:3])
independent = sample[random.integers(len(sample), size=(8, *rows.shape)), rows, columns]  # (8, 64, 64, 3)
plots.grid(independent, columns=8)

# %% [markdown]
# Mean and spread of each pixel are right, and the eye sees the mean face behind a curtain of noise. What is missing
# is what pixels know about *each other*.

# %% [markdown]
# ## How alike are neighbours?
# Take the mean face away, so that only what differs from picture to picture is left. **How strongly does a pixel
# correlate with the one that stands $k$ columns to the right?**

# %%
grey = sample[:500].mean(axis=-1)  # (pictures, 64, 64)
grey -= grey.mean(axis=0)
distances = [1, 2, 4, 8, 16, 32]
neighbours = [(grey[:, :, :-k].ravel(), grey[:, :, k:].ravel()) for k in distances]
correlations = [np.corrcoef(*pair)[0, 1] for pair in neighbours]
pd.DataFrame([correlations], index=["correlation"], columns=distances).round(2)

# %% [markdown]
# The column heads are distances in pixels. Next-door neighbours say nearly the same, and the likeness fades with distance.
# Knowing a pixel, you can guess those around it. So the 12,288 numbers of a face are far from independent, and a much shorter
# description should do.

# %% [markdown]
# ## How short can a description be?
# Principal component analysis (PCA) finds the best linear description. It takes the direction in which
# the pictures differ most, then the one that explains most of what is left, and so on, each at right angles to those
# before it and of length 1. A picture becomes the mean plus a weighted sum of these directions $v_k$, and the weights
# $z_k$ are its code:
#
# $$x \approx \bar{x} + \sum_{k=1}^{K} z_k v_k, \qquad z_k = (x - \bar{x})^\top v_k$$
#
# **How much of all differences do the first $K$ directions hold?**

# %%
pca = evaluation.fit_pca(faces.train, components=128)
explained = pca.explained_variance_ratio_.cumsum()
figure, axes = plt.subplots(figsize=(7, 2.5))
axes.plot(np.arange(1, len(explained) + 1), explained, marker=".")
axes.set(xlabel="numbers in the code", ylabel="share of the variance", ylim=(0, 1))
_ = axes.set_title(f"{len(explained)} numbers hold {explained[-1]:.0%} of the variance")

# %% [markdown]
# The curve climbs steeply and then bends: the first few directions hold the bulk, each later one adds less. The title
# says how many numbers there are (at most one fewer than training pictures) and how much of the training pictures'
# variance they hold. 128 numbers are about a hundredth of the 12,288: the size of the code that your VAE will have.
#
# A direction has as many values as a picture, so you can look at it. **What do the first eight stand for?**

# %%
directions = pca.components_[:8].reshape(-1, *faces.images.shape[1:])  # (8, 64, 64, 3), unit length each
way = 2 * np.sqrt(pca.explained_variance_[:8]).reshape(-1, 1, 1, 1) * directions  # two standard deviations
plots.rows({"mean − 2 σ": mean - way, "mean + 2 σ": mean + way})

# %% [markdown]
# Each column is one direction, once subtracted from the mean face and once added, each time by two of the standard
# deviations (σ) that the training pictures have along it. The first ones are about whatever
# covers many pixels, such as background, hair, skin or the side that the light comes from. Eyes and mouth, by which you
# recognize people, cover few pixels and have to wait.

# %% [markdown]
# ## The eight faces from a few numbers
# Now keep only the first $K$ numbers of each code and paint the faces again. The eight had no part in the fit. **How
# many numbers does a face need?**

# %%
codes = evaluation.pca_codes(pca, faces.preview)  # (8, 128)
painted = {"64×64": faces.preview}
for count in sorted({min(count, len(explained)) for count in (2, 8, 32, 128)}):
    kept = codes * (np.arange(codes.shape[1]) < count)  # the others become 0
    painted[f"{count} numbers"] = pca.inverse_transform(kept).reshape(faces.preview.shape)
plots.rows(painted)

# %% [markdown]
# Two numbers set only the coarsest differences of colour and light; with each further row the faces differ more. In the
# last row, given thousands of pictures to learn the directions from, you would know most of them again, through frosted
# glass: no sharp edges, and shadows of other faces around the hair.

# %%
pca_error = evaluation.pca_error(pca, faces.test)
print(f"mean face: {mean_error:.4f}    PCA with {pca.n_components_} numbers: {pca_error:.4f}")
print(f"PCA leaves {pca_error / mean_error:.0%} of the error of the mean face on held-out pictures")

# %% [markdown]
# The error of PCA is the number to beat from [lesson 03](03_train_vae.ipynb) on. PCA is a linear autoencoder: it encodes
# with one matrix and decodes with its transpose. A network of convolutions has as many numbers to spend and should
# spend them better.
#
# **And can PCA invent faces?** Draw each number of a code at random, with the spread it has in the training pictures:

# %%
z = random.normal(size=(8, pca.n_components_)) * np.sqrt(pca.explained_variance_)  # (8, 128)
plots.grid(pca.inverse_transform(z).reshape(-1, *faces.images.shape[1:]), columns=8)

# %% [markdown]
# Far better than independent pixels, and yet ghosts: several faces laid over one another, smeared where hair and
# background meet. The mean of two faces in pixel space is a double exposure, not a third face, and PCA can do nothing
# but add. A variational autoencoder keeps the idea, a short code that is asked to have a simple distribution, and bends
# the space, so that points between faces look more like faces. How far that succeeds, lessons 03 and 04 measure.

# %% [markdown]
# ## More pictures than there are
# A face seen in a mirror is a face, and so is one in slightly different light. Such changes are made anew each time a
# picture is used, so that the model never sees quite the same picture twice. **What do they look like?**

# %%
copies = np.repeat(faces.preview[:1] / np.float32(255), 9, axis=0)  # one face, nine times
augmented = np.asarray(data.augment(copies, seed=config.seed))
plots.grid([copies[0], *augmented], columns=10)

# %% [markdown]
# The first is the original. The others are flipped or not, a little brighter or darker, with a little more or less
# contrast. The changes are kept small, because the model will draw what it is shown: strong ones would come back in
# the generated faces. Validation and test pictures are never changed.

# %% [markdown]
# ## Feeding Keras
# `pipeline.batches` makes a `tf.data.Dataset` of the array: shuffled anew in each epoch, cut into batches, divided by
# 255, augmented, and prepared ahead while the model computes. Take out one batch and check what every later lesson
# relies on.

# %% tags=["nbval-check-output"]
batches = pipeline.batches(
    faces.train, config.batch_size, training=True, seed=config.seed, augment=data.augment
)
batch = next(iter(batches)).numpy()
print("one picture:", batch.shape[1:], batch.dtype)  # rows, columns, channels
print("all values in [0, 1]:", bool(batch.min() >= 0 and batch.max() <= 1))

# %% [markdown]
# **How long does one pass over the training pictures take?** The pipeline has to be faster than the model, or the
# model waits.

# %%
import time

start = time.perf_counter()
count = sum(len(batch) for batch in batches)
seconds = time.perf_counter() - start
print(f"{count:,} pictures in {seconds:.2f} s, {count / seconds:,.0f} pictures per second")

# %% [markdown]
# Compare this with the pictures per second of the training in [lesson 03](03_train_vae.ipynb). What is left to do here
# is little, because the slow work (finding files, decoding, cropping, shrinking) was done once, before the first
# epoch. If fewer pictures came than the training part holds, the rest did not fill a batch; all are shuffled, so
# others are left out in the next epoch.

# %% [markdown]
# ## A folder of your own
# Any folder or zip of pictures works in the same way: write its path into `dataset` in the settings. **And if a file
# in it is damaged?** Make a small folder with thirty faces and one file that only pretends, and prepare it:

# %%
folder = config.model_folder.parent / "my_faces"
data.save_images(faces.images[:30], folder)
(folder / "00030.png").write_bytes(b"this is no picture")
mine = data.load_faces(folder, config.image_size)
print({part: len(getattr(mine, part)) for part in ("train", "validation", "test")})

# %% [markdown]
# The file is named and left out; it does not become a grey rectangle that the model would learn to draw. Small
# folders are split too, so that there are always faces held out. For good results use a few hundred pictures, let
# the face fill most of the square, and ask everybody whom they show.
#
# You can put labels beside the pictures: a file `attributes.csv` in the folder with the file's name in the first
# column and 0 or 1 in the others. The lessons then show your attributes in place of the measured ones.
