# ---
# jupyter:
#   lesson:
#     title: Train the VAE
#     do: |
#       - train the model of lesson 02 and read the curves of both terms of its loss,
#       - save the model, load it again, and continue a run that was cut off,
#       - train other models beside it, to see what each choice does, and watch faces form, epoch by epoch.
#     learn: |
#       - what reconstruction error and KL tell about a run, and what they leave out,
#       - why a *variational* autoencoder: what noise and KL add to a plain one, and what they do not,
#       - what the latent size buys,
#       - a common mistake in VAE code, how to recognize it and how to mend it.
#     need: |
#       [Lesson 02](02_build_vae.ipynb), which builds the model. A GPU is welcome, not required.
#     minutes: {quick: 1, cpu: 12, gpu: not measured, full: 60}
#     learned: |
#       - A training run has two numbers to watch, not one: the error of the reconstructions, and the KL, which is the price
#         of the code. Held-out pictures say whether the model learned faces or learned *these* faces.
#       - A plain autoencoder reconstructs well, and what it makes from $N(0, I)$ is no face: nothing told it which codes to use.
#         A distribution fitted to its codes mends that.
#       - The weight between the two terms decides between sharp reconstructions and codes that look like $N(0, I)$.
#         Calibrating the variance finds the weight; the codes then need a prior of their own (lesson 04).
#       - Sum over pixels, sum over latent dimensions, mean over the batch. The mean over pixels gives the mean face.
#     questions: |
#       1. The autoencoder's faces from a distribution fitted to its codes: in a cell of your own, set
#          `network = compared["autoencoder"]`, then `prior = priors.fit_prior(latent.encode(network, few)[0])`, and show
#          `plots.grid(latent.decode(network, prior.sample(8)))`. Do they convince you as much as their distance does? Then
#          set `likelihood="bce"` in the comparison: more like the classic model or like the calibrated one?
#       2. In the comparison, train the calibrated model with `dropout=0.2` or with `normalization=None`, give
#          `training.fit` the pictures `faces.validation`, too, and keep the table that it returns. What happens to the
#          distance between training and held-out error, and what to the seconds per epoch?
#       3. Raise beta slowly: add `training.BetaWarmUp(2)` to the `callbacks` of the first training and, when the lesson has
#          run to its end, run it again from the top. Which curve changes most?
# ---

# %% [markdown]
# ## The pictures, again
# Lesson 01 looked at them, lesson 02 built a model for them. Here both meet. The pictures come from the prepared array of
# lesson 01, so nothing is decoded again. The test pictures are not trained on, and the eight faces that go with us through
# the course are the first of them.

# %%
import shutil

import keras
import numpy as np
import pandas as pd

from vae_keras import data, evaluation, hub, latent, pipeline, plots, priors, training
from vae_keras.release.package import package

faces = data.load_faces(config.dataset, config.image_size, config.pictures)
{
    part: images.shape
    for part, images in [("train", faces.train), ("validation", faces.validation), ("test", faces.test)]
}

# %% [markdown]
# ## The model of lesson 02
# `build_vae` calls the class `VAE` that you built, with the sizes of the settings. Its likelihood is the calibrated
# Gaussian, and KL has weight 1: there is no weight to tune.

# %% tags=["nbval-check-output"]
vae = training.build_vae(config)
{name: vae.get_config()[name] for name in ("likelihood", "beta", "variational", "seed")}

# %% [markdown]
# ## Training, watched
# `training.fit` is a thin wrapper around `compile` and `fit` of Keras. Its optimizer is **Muon**; the end of this lesson
# compares it with the usual one, Adam. The learning rate falls along a cosine,
# $$\eta_t = \tfrac{1}{2}\,\eta_0\left(1 + \cos\frac{\pi t}{T}\right),$$
# from $\eta_0 = 0.008$ to zero over all $T$ steps: large steps first, to get to faces quickly, small ones last, to settle. (A
# `learning_rate` of your own is kept as it is; `optimizers.cosine_decay` makes a falling one of it.)
#
# What counts is the number of steps. Blurred faces take a few hundred of them, good ones a few thousand: a folder of a few
# hundred pictures, of which an epoch is a few steps, wants `epochs` raised to several hundred in the settings.
#
# A callback prints a line every few epochs. Because `folder` is given, a checkpoint is kept there after every epoch. Should
# the run be cut off, run the lesson again with the same settings: this cell goes on with the next epoch.

# %%
history = training.fit(
    vae,
    faces.train,
    faces.validation,
    epochs=config.epochs,
    batch_size=config.batch_size,
    seed=config.seed,
    augment=data.augment,
    folder=config.model_folder,
    callbacks=[training.Progress()],
)

# %% [markdown]
# **How fast was that?** `history` has a row per epoch; the first, the middle and the last are shown. The first epoch contains
# the tracing of the step, some seconds; other differences come from what else ran at the time. The speed depends on the
# device; the last line of the lesson names it.

# %%
seconds = history["seconds"].sum()
print(f"{seconds / 60:.1f} minutes, {len(faces.train) / history['seconds'].median():.0f} pictures per second")
history.iloc[[0, len(history) // 2, -1]].round(4)

# %% [markdown]
# ## What do the two terms do?
# The loss is their sum. What happens to each while it falls?

# %%
plots.curves(history)

# %% [markdown]
# The reconstruction term falls: the decoder learns. The KL is what the codes cost, in nats. Before training it is small;
# where an epoch has many steps, that rise is over before the first point, and may go too far at first. Then the KL stays
# about where it is, while the error still falls: what the code says is better chosen, and the decoder makes more of it.
#
# The curves called `held out` are those of the validation pictures. Why may their error be *smaller* at first? A point of the
# training curve is a mean over all steps of an epoch, its first, bad ones too, and the pictures of training are augmented. A
# held-out point is measured at the end of the epoch, on pictures as they are. (Their KL may be larger: in the first epoch the
# encoder may pay too much, most of all for pictures that it was not trained on.) A held-out point also shows the weights of
# one moment, and so it jumps as long as steps are large. Look at the end of the curves: a gap is not yet harm while both
# fall; where the held-out error rises while the other falls, more epochs only memorize.

# %% [markdown]
# ## How close are reconstructions?
# The eight held-out faces go through the encoder and, from the mean of their codes, through the decoder. What is lost?

# %%
pca = evaluation.fit_pca(faces.train, seed=config.seed)
flat = faces.preview.reshape(len(faces.preview), -1) / 255
from_pca = pca.inverse_transform(pca.transform(flat)).reshape(faces.preview.shape)
plots.rows(
    {
        "photograph": faces.preview,
        "VAE": latent.reconstruct(vae, faces.preview),
        "PCA": pipeline.to_uint8(from_pca),
    }
)

# %% [markdown]
# What varies in many faces survives: light, the shape of the hair, most of the pose and of the expression. What is rare or
# fine, such as strands of hair, a hand, writing, or a head turned far aside, is smoothed. The last row is PCA, the linear
# model of lesson 01 (128 numbers per face, or fewer where there are fewer pictures): it spends them on soft, ghostly copies
# of edges. Now the same in numbers, on all test pictures.

# %%
error = evaluation.squared_error(faces.test, latent.reconstruct(vae, faces.test))
pca_error = evaluation.pca_error(pca, faces.test)
print(
    f"squared error: VAE {error:.5f}, PCA with {pca.n_components_} components {pca_error:.5f}, ratio {error / pca_error:.2f}"
)

# %% [markdown]
# Below 1 the network does better than PCA. After few epochs it may be above 1: PCA is fitted in one go, a network has to be
# trained.

# %% [markdown]
# ## Saving
# A trained model is a folder with three files: the weights, what was learned about the codes (lessons 04 and 05 use it),
# and a card that says where the model comes from. `package` fits and measures, `save` writes. The same training as a command
# is `python -m vae_keras train`; it calls the same functions. The card keeps more than this lesson explains. Here is what you
# know already: compare it with the cell above.

# %%
note = dict(epochs=config.epochs, seconds=seconds, seed=config.seed, command="notebooks/03_train_vae.ipynb")
model = package(vae, faces, **note)
hub.save(model, config.model_folder)
{name: round(model.card["figures"][name], 5) for name in ("pictures", "squared_error", "ratio", "kl")}

# %% [markdown]
# Does the folder really hold the model? Load it and compare: on average a value may differ by less than half a grey level,
# for the weights are stored as half-precision numbers.

# %% tags=["nbval-check-output"]
loaded = hub.load(config.model_folder)
difference = loaded.reconstruct(faces.preview).astype(int) - model.reconstruct(faces.preview)
bool(np.abs(difference).mean() < 0.5)  # in grey levels of 256

# %% [markdown]
# ## Going on after an interruption
# Sessions end, computers sleep. To see that nothing is lost, a small model is trained for two epochs in one go, and a
# second one is stopped by an exception after its first epoch and then called again with the same settings.


# %%
class PullThePlug(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


# %% [markdown]
# The random numbers of an epoch depend on its number alone: the order of the pictures, the flips, the noise in the code. So
# the second model ends where the first one does.

# %%
few = faces.train[: 2 * config.batch_size]
small = dict(filters=(8, 16), latent_dim=8)
short = dict(epochs=2, augment=data.augment)
whole = training.build_vae(config, **small)
training.fit(whole, few, **short)
folder = config.model_folder / "interrupted"
shutil.rmtree(folder, ignore_errors=True)  # of an earlier visit
try:
    training.fit(training.build_vae(config, **small), few, folder=folder, callbacks=[PullThePlug()], **short)
except KeyboardInterrupt:
    print("cut off after", pd.read_json(folder / "checkpoint" / "checkpoint.json", typ="series")["weights"])

# %% [markdown]
# The same call once more finds the checkpoint and trains the epoch that is missing. Its two steps, at learning rates of
# 0.004 and 0.0012 (see the formula above), move a typical weight by about 0.001 together, since Muon moves it by about a fifth
# of the rate. Do the two models differ by less than 0.00001, on average?

# %% tags=["nbval-check-output"]
resumed = training.build_vae(config, **small)
print("epochs in the history:", len(training.fit(resumed, few, folder=folder, **short)))
apart = [np.abs(a - b).mean() for a, b in zip(whole.get_weights(), resumed.get_weights())]
bool(np.mean(apart) < 1e-5)

# %% [markdown]
# ## Why variational?
# An autoencoder without noise and without KL is simpler. The textbook's VAE adds the KL to the squared error with a fixed
# weight. The calibrated VAE finds the weight itself. The same network, the same pictures, the same number of epochs: what
# does each do well?
#
# - **autoencoder**: squared error alone, $\mathcal{L} = \lVert x - \hat x \rVert^2$ with $z = \mu(x)$;
# - **classic VAE**: $\mathcal{L} = \lVert x - \hat x \rVert^2 + \beta\,\mathrm{KL}$ with $\beta = 1$, both as sums;
# - **calibrated VAE**: $\mathcal{L} = -\log N(x; \hat x, \sigma^2) + \mathrm{KL}$ with $\sigma^2$ = the mean squared error.
#
# The last two differ in one number. Multiplied by $2\sigma^2$, as in lesson 02, the calibrated loss is the classic one with
# $\beta = 2\sigma^2$, a small number by the end (about twice the squared error in the table below). So what is compared is what the
# weight does. Whether calibrating beats a weight that somebody took the time to choose well is not: it spares the search.

# %%
choices = {
    "autoencoder": dict(likelihood="mse", beta=0.0, variational=False),
    "classic": dict(likelihood="mse", beta=1.0),
    "calibrated": dict(likelihood="gaussian", beta=1.0),
}

# %% [markdown]
# The settings `comparison_epochs` and `comparison_pictures` keep the comparison from taking as long as three trainings. A
# second callback watches: before the first epoch and after every epoch it decodes the same eight codes, which are drawn once
# from $N(0, I)$ and then kept.

# %%
fixed_codes = np.random.default_rng(config.seed).standard_normal((8, config.latent_dim)).astype("float32")
watch = {name: training.FacesPerEpoch(fixed_codes) for name in choices}
few = faces.train[: config.comparison_pictures]
budget = dict(epochs=config.comparison_epochs, batch_size=config.batch_size, seed=config.seed)
budget["augment"] = data.augment
compared = {name: training.build_vae(config, **choice) for name, choice in choices.items()}
for name, network in compared.items():
    training.fit(network, few, callbacks=[watch[name]], **budget)

# %% [markdown]
# ## When do faces appear?
# Each frame decodes the same eight codes with the classic model's weights of one epoch; the first frame is from before
# training. The bar below the faces shows how much of the training is done. What comes first, and what comes last?

# %%
plots.gif(watch["classic"].frames)  # a dozen of them at most, evenly spaced

# %% [markdown]
# First nothing; then blurred faces, which differ in light and hair before they differ in anything else; fine things come last.
# (After few steps all may still be the mean face of lesson 01.) No code was ever told which face to be: the eight are
# made up, nobody's photographs. Some may never become faces: $N(0, I)$ also holds codes that no photograph has.

# %% [markdown]
# ## What does each model do well?
# Three things are asked of each: reconstruct the eight held-out faces; generate from codes $z \sim N(0, I)$; and walk from
# the first of the eight to the second in equal steps of the code. Each model has three rows, in this order. The codes of the
# rows `from N(0, I)` are the same for all three models.

# %%
figure = {}
for name, network in compared.items():
    z_mean, _ = latent.encode(network, faces.preview)
    figure[f"{name}:\nreconstructed"] = latent.decode(network, z_mean)
    figure[f"{name}:\nfrom N(0, I)"] = latent.decode(network, fixed_codes)
    figure[f"{name}:\nfirst to second"] = latent.decode(network, latent.interpolate(z_mean[0], z_mean[1], 8))
plots.rows(figure)

# %% [markdown]
# Expect this. The autoencoder reconstructs well, but what it makes from $N(0, I)$ is no face: nothing ever told it to use codes
# from there. (If its own codes lie far out, those near zero are all alike to its decoder.) The classic VAE pays with softer
# reconstructions for codes nearer to $N(0, I)$, so its new faces look most like faces. The calibrated VAE reconstructs with
# detail; what it makes from $N(0, I)$ lies between the two. All three walk smoothly from face to face. Check it against the
# rows, and in numbers. The last two columns are distances between new faces and held-out ones: smaller is better, and the text
# below the table says how they are measured. In the first of the two the codes come from $N(0, I)$. But is $N(0, I)$ simply the
# wrong place to draw the autoencoder's codes from? In the last column they come from a distribution that was fitted to the
# means of the codes that each model gives its training pictures (a mixture of Gaussians: lesson 04 explains it).


# %%
def describe(network, images):
    z_mean, z_log_variance = latent.encode(network, images)
    z = np.random.default_rng(config.seed).standard_normal(z_mean.shape)
    own = priors.fit_prior(latent.encode(network, few)[0]).sample(len(images), seed=config.seed)
    return {
        "squared error": evaluation.squared_error(images, latent.decode(network, z_mean)),
        "KL (nats)": latent.statistics(z_mean, z_log_variance)["kl"].sum(),
        "distance of N(0, I) faces": evaluation.pca_distance(pca, images, latent.decode(network, z)),
        "fitted prior": evaluation.pca_distance(pca, images, latent.decode(network, own)),
    }


test = faces.test[: config.evaluation_pictures]
table = pd.DataFrame({name: describe(network, test) for name, network in compared.items()}).T
table.round(4)

# %% [markdown]
# The distance is the Fréchet distance between generated and held-out faces (`evaluation.pca_distance`). Each face is reduced to
# its first principal components, those of the training pictures. Let $m$ and $C$ be the mean and the covariance of these
# numbers over the one set, $m'$ and $C'$ over the other:
# $$\lVert m - m' \rVert^2 + \mathrm{tr}\big(C + C' - 2\,(C\,C')^{1/2}\big).$$
# It is 0 where they agree, and counts like a squared error summed over a picture. It sees layout, light, colour and coarse
# detail; blur that is finer than those components it does not see. The scale is set by real faces: how far are training
# pictures from test pictures?

# %%
real = evaluation.pca_distance(pca, test, faces.train[: len(test)])
print(f"real training faces to real test faces: {real:.2f} ({len(test)} pictures each)")

# %% [markdown]
# (The KL of the autoencoder is not part of its loss, so its number says only that nobody asked for less. And compare the
# squared errors of the autoencoder and of the calibrated VAE: these faces are held out. Where they are nearly equal, a little
# noise was no handicap. The classic model's error shows that more of it would be.)

# %% [markdown]
# So the answer to "why variational" is not that a plain autoencoder cannot generate. From $N(0, I)$ it cannot; but with a
# distribution fitted to its codes it does, as far as this distance sees, and in one run
# ([Ghosh et al. 2020](https://arxiv.org/abs/1903.12436) build on that; the first question below asks you to look). The
# classic VAE gains by a fitted distribution, too: even its codes, all taken together, are not spread quite like $N(0, I)$.
# What noise and KL add is a measure: each number of the code has a price in nats and a known precision (lessons 04 and 05 use
# both), and the loss, with its sign turned, is never more than $\log p(x)$ (the classic one's up to a constant). How much the
# KL should weigh is a choice: the classic weight gives codes nearer to $N(0, I)$ and faces without detail, the calibrated one
# keeps the detail and leaves the codes' true shape to be found. That is the first thing lesson 04 does.

# %% [markdown]
# ## How many numbers does a face need?
# The calibrated VAE with a small, a middling and the chosen latent size, trained alike. What appears as the code grows?

# %%
sizes = {size: training.build_vae(config, latent_dim=size) for size in (8, 32)}
for network in sizes.values():
    training.fit(network, few, **budget)
sizes[config.latent_dim] = compared["calibrated"]

# %%
rows = {f"{size} numbers": latent.reconstruct(network, faces.preview) for size, network in sizes.items()}
plots.rows({"photograph": faces.preview} | rows)

# %%
latent_sizes = pd.DataFrame({size: describe(network, test) for size, network in sizes.items()}).T
latent_sizes.rename_axis("latent size").round(4)

# %% [markdown]
# A handful of numbers holds what is coarse, light and dark above all; more numbers buy pose, expression and finer detail.
# Compare the errors: how much did the step from 8 to 32 buy, and how much the last one? The KL says what was paid for it. And
# is a short code easier to draw from $N(0, I)$ than a long one? Compare the two distances in each row: the last column shows
# how near this decoder comes with codes like its own. (The KL divided by the size says what a number costs; it does not say
# how the codes of all faces together are spread. Lesson 04 measures that.)

# %% [markdown]
# ## A failure on purpose
# A common mistake in VAE code is one word: `mean` where `sum` belongs. Averaging the squared error over the pixels
# divides it by their number, which, but for a factor in front of everything, is the same as multiplying the KL by it:
# $$\tfrac{1}{N}\lVert x - \hat x \rVert^2 + \mathrm{KL} = \tfrac{1}{N}\left(\lVert x - \hat x \rVert^2 +
# N\,\mathrm{KL}\right).$$
# The factor in front hardly matters, since the size of Muon's steps, like that of Adam's, does not depend on the scale of the
# loss.

# %% tags=["nbval-check-output"]
values = config.image_size**2 * 3
print(f"N = {values:,}: the KL weighs {values:,} times too much")

# %%
broken = training.build_vae(config, likelihood="mse", beta=float(values))
_ = training.fit(broken, few, **budget)


# %%
def decode_a_draw(network):  # encode, draw z, decode: as in training
    z = network.sampling(latent.encode(network, faces.preview))
    return latent.decode(network, z)


mean_face = pipeline.to_uint8(faces.train[:1000].mean(axis=0) / 255)
plots.rows(
    {
        "photograph": faces.preview,
        "mean over pixels": decode_a_draw(broken),
        "mean face": [mean_face] * len(faces.preview),
        "sum over pixels": decode_a_draw(compared["classic"]),
    }
)

# %% [markdown]
# **Symptom:** every reconstruction is nearly the same, whatever the picture (what differs is the noise of the draw): the
# decoder learns nothing from the code, so its best answer is always the mean face. **Number:** a KL near 0, so the code says
# nothing about the picture. The literature calls it **posterior collapse**: $q(z \mid x)$, the approximate posterior, is the
# prior for every picture. **Cure** here: the sum, in the last row. Below are the numbers of both. (A KL that weighs too much
# is one cause. Another is a decoder so strong that it can do without a code,
# [Bowman et al. 2016](https://arxiv.org/abs/1511.06349). And some latent variables can collapse while others work: lesson 05
# counts those.)

# %%
pd.DataFrame({"mean": describe(broken, test), "sum": describe(compared["classic"], test)}).round(4)

# %% [markdown]
# (Is the error in the first column above that of lesson 01's mean face? The table decodes the mean of the code, here nearly the
# same for every face, while this decoder was trained on draws, which lie elsewhere. If the last row is worse than the one above
# it, that is why, too: a distribution fitted to means that are nearly all the same gives that one code again and again.)

# %% [markdown]
# ## Beside others
# This section is about time, not about how a VAE works. Some of its words are explained in lesson 04 only, which comes back
# to one of its tables. At a first reading, go on to the end of this page.
#
# Could another library do it faster? The same network, batch, number format and optimizer (Adam, explained below), timed in
# turns on two processor cores by `make bench` ([what was measured, and how](../benchmarks/RESULTS.md)):
#
# | pictures per second | 64×64 | 128×128 |
# | --- | --- | --- |
# | this course | 1,277 | 400 |
# | PyTorch at its best | 1,230 | 376 |
# | Keras with its defaults | 752 | 209 |
#
# These are training steps alone, timed on another day, by Adam. The epochs above are Muon's, whose step takes longer, perhaps
# in another number format; they read, augment and measure besides, and other work may have run beside them. So do not compare
# these speeds with the one printed above. The fastest and the slowest of the repetitions, which stand with the results, lie
# farther apart than this course and PyTorch. What the course has and Keras's defaults lack are *fused kernels*, one operation
# in the place of a dozen: for batch normalization, and for Adam's update of a variable ([where the time
# goes](../benchmarks/CONCLUSIONS.md)).
#
# A step can also be worth more. Adam, by which most networks are trained, gives every weight a step of its own size. The newer
# **Muon** ([Jordan et al. 2024](https://kellerjordan.github.io/posts/muon/)), which the cells above trained with, takes the
# kernel of a layer as a matrix, which maps what comes in to what goes out, and makes the step equally large in every direction
# of that map, whereas a gradient is large in a few directions and small in most. This costs a few products of matrices per step
# ([`optimizers.Muon`](../vae_keras/optimizers.py)). Here both train the model of this lesson on CelebA for the same processor
# time: as long as Adam takes for about 60,000 pictures, as many as three epochs have. The error is that of the reconstructions
# of validation pictures. Three rates of Muon were tried on these, too: they hardly differ, and the default is the middle one
# ([variants](../benchmarks/CONCLUSIONS.md#the-plain-model-6464)). Adam has the rate that Keras gives it, and another might
# narrow the gap. The distance is measured in the features of the course's own attribute classifier (lesson 04). Lower is
# better.
#
# | optimizer | processor time per picture, Adam's is 1 | pictures seen | squared error | distance of reconstructions |
# | --- | --- | --- | --- | --- |
# | Adam | 1.00 | 59,904 | 0.00693 | 69.1 |
# | Muon | 1.29 | 46,080 | 0.00450 | 29.7 |
#
# Pass `optimizer="adam"` to `training.fit` to try Adam. ([Other changes to the model](../benchmarks/CONCLUSIONS.md), each given
# the same time.)
#
# And what are the seconds worth beside others? Here the course stands beside face models from elsewhere
# ([which](../benchmarks/CONCLUSIONS.md#the-same-seconds-for-other-vaes)), each with its own published loss and settings,
# trained once on the same pictures for at most the same time, on two cores without bfloat16 (numbers of 16 bits in the place of
# 32). The table gives Fréchet distances of held-out photographs to reconstructions / to new faces from a mixture fitted to the
# model's codes (lesson 04 explains that; those of our sharpened model were encoded and decoded once more), in the features of
# SqueezeNet, a network trained on ImageNet's photographs of all kinds, which no loss contains. They cannot be compared with the
# distances above, nor with published ones, which use another network. Lower is better. *Sharpened* is what lesson 04 does near
# its end: a part of the seconds trains the model of this lesson, the rest its decoder alone, which gets a few more layers.
# (DCGAN is an early generative adversarial network, a kind that lesson 04 explains; the VAE in its row has such layers. A
# Wasserstein auto-encoder, here without noise, asks all codes together, not each by itself, to look like $N(0, I)$.)
#
# | trained for | 200 s | 600 s | 1,800 s |
# | --- | --- | --- | --- |
# | this course, sharpened | 1,407 / 1,687 | 777 / 833 | 469 / 589 |
# | this course, plain | 1,153 / 1,321 | 907 / 1,062 | 814 / 951 |
# | four convolutions, as DCGAN | 3,831 / 3,894 | 2,197 / 2,288 | 1,494 / 1,536 |
# | *Generative Deep Learning* | 4,362 / 3,446 | 3,446 / 2,860 | 3,010 / 2,789 |
# | Keras's example | 5,235 / 3,972 | 4,444 / 3,371 | 3,568 / 3,147 |
# | Wasserstein auto-encoder | 9,230 / 9,236 | 5,769 / 5,807 | 3,273 / 3,383 |
#
# Sharpening needs time: with 200 seconds there is none for a whole epoch of it, and the plain model is ahead (lesson 04 shows
# what such a short run leaves in the pictures).
#
# Before you believe this table: the same distance helped to choose how the course sharpens, partly on the very pictures of this
# table, the test part included ([what was tried](../benchmarks/CONCLUSIONS.md#sharpening-the-decoder)), and the networks from
# elsewhere were not chosen by it. And all were given our mixture. From $N(0, I)$, for which theirs are made, new faces are
# farther with ours than with the nearest of theirs: the weight of the KL is one of the things in which the losses differ ([all
# figures](../benchmarks/CONCLUSIONS.md#the-same-seconds-for-other-vaes)). And Keras's example, on faces, loses nearly all units
# of a layer in its first steps, whatever its initial weights: how well it does is largely chance.
#
# And on a GPU? This notebook was not timed on one. A program of its own ([accelerator.py](../benchmarks/accelerator.py))
# trains the same networks with Keras on JAX, also by Muon, in bfloat16, all pictures in the GPU's memory; the cells above will
# not be as fast. The column `of everything` adds building and compiling (the last row found its networks compiled by the
# second), the last one is reconstructions / new faces, as above. The pictures were compressed once more on their way there.
#
# | on one NVIDIA H200 | epochs, plain and sharpening | seconds of the steps | of everything | distances |
# | --- | --- | --- | --- | --- |
# | plain | 23 + 0 | 11 | 29 | 826 / 960 |
# | sharpened | 9 + 4 | 9 | 49 | 335 / 435 |
# | sharpened, for longer | 50 + 100 | 109 | 123 | 182 / 301 |
#
# The first two have as many epochs as two cores had time for in 1,800 seconds. By this distance the second comes nearer than
# on two cores, by that of the course's own classifier it does not. Whether that is the number format, the pictures, the program
# with its other random numbers, or chance, is not known: one run tells little, and so does one measure.
