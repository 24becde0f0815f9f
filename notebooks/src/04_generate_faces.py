# ---
# jupyter:
#   lesson:
#     title: Generate faces
#     do: |
#       - draw ten new faces the classic way, from $N(0, I)$, and see why that disappoints,
#       - look at where the codes of real faces lie, and fit a distribution to them,
#       - draw new faces from it, colder and warmer,
#       - check that they are new, and walk from one real face to another,
#       - sharpen the decoder against a network that knows photographs,
#       - draw codes by diffusion.
#     learn: |
#       - why a calibrated VAE needs a prior of its own, and how little it takes to fit one,
#       - what temperature trades,
#       - how to tell a generated face from a remembered one,
#       - linear and spherical interpolation,
#       - why a squared error blurs, what a discriminator adds, and what that costs,
#       - how diffusion turns a noisy code into a likely one.
#     need: |
#       [Lesson 03](03_train_vae.ipynb) explains the model. If you have not trained one, the weights that ship
#       are used; for a folder of your own, or another latent size, run lesson 03 first.
#     minutes: {quick: 0.5, cpu: 4, gpu: not measured, full: 10}
#     settings: [dataset, latent_dim]
#     learned: |
#       - New faces come from codes drawn where the codes of real faces lie. $N(0, I)$ is such a place only if the loss made
#         it one.
#       - One Gaussian with the codes' own covariance repairs most of the samples, a mixture a little more.
#       - Low temperature: safe, similar faces. High temperature: varied and odd ones.
#       - Whether a model copies, its nearest training pictures show: new faces should be no nearer to them than held-out ones.
#       - The squared error asks for the mean of all faces that a code may stand for. A discriminator asks for one of them.
#       - A network that guesses codes under noise has learned which codes there are; following its guesses leads to such codes.
#     questions: |
#       1. Fit priors with 1, 3, 10 and 30 components (each needs at least four times as many codes as a code has numbers;
#          `len(prior.weights)` says how many were fitted). Where does the distance stop falling, and why not further?
#       2. Draw at temperature 0. How many different faces do you get, and what are they?
#       3. Interpolate from a face to its own mirror image. What happens halfway?
# ---

# %% [markdown]
# ## The model
# `load_for` takes the model that lesson 03 trained with the same settings. Where there is none, it takes the
# weights that ship for this data set. Either way it comes with a card, which says what the model was made from. (For a folder
# of your own, or another latent size, run lesson 03 first.) All models that ship, except that of drawn faces, have a second,
# sharper decoder as well. Its turn comes near the end of this lesson; until then, `plain=True` leaves it out.

# %%
import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from vae_keras import data, evaluation, hub, latent, pipeline, plots, priors, sharpening

model = hub.load_for(config, plain=True)
vae = model.vae
{name: model.card[name] for name in ("title", "pictures", "epochs", "date")}

# %% [markdown]
# ## One new face
# Two lines make a face that nobody has: draw a code, decode it. No picture is needed for that, only the weights.

# %%
z = model.prior.sample(1, seed=config.seed)  # (1, latent_dim)
face = latent.decode(vae, z)  # (1, size, size, 3), uint8
plots.grid(face)

# %% tags=["nbval-check-output"]
print("code:", z.shape, z.dtype)
print("face:", face.shape, face.dtype)

# %% [markdown]
# The code did not come from $N(0, I)$ but from `model.prior`. Why? That is what this lesson is about. First the classic way.

# %% [markdown]
# ## What does the classic way give?
# In the textbook, new faces are decoded from $z \sim N(0, I)$, because the KL term pulls the codes of all pictures towards
# it. Here are ten, the first ten of the seed.

# %%
classic = vae.generate(10, seed=config.seed)  # float32 in [0, 1]
plots.grid(pipeline.to_uint8(classic), columns=10)

# %% [markdown]
# Here and there something like a face, and hardly one that would pass: patches that do not fit together, outlines that
# run into the background. The decoder is not to blame: it decodes the codes of real faces well. So let us look at those codes.

# %% [markdown]
# ## Where do real codes lie?
# For this we need pictures. Encode the training pictures and draw one code for each from its own distribution, as training
# did:
# $$z = \mu(x) + \sigma(x)\,\varepsilon, \qquad \varepsilon \sim N(0, I).$$

# %%
faces = data.load_faces(config.dataset, config.image_size, config.pictures)
z_mean, z_log_variance = latent.encode(vae, faces.train[:20_000])
noise = np.random.default_rng(config.seed).standard_normal(z_mean.shape)
codes = z_mean + np.exp(0.5 * z_log_variance) * noise  # (pictures, latent_dim)

# %% [markdown]
# If these codes were distributed like $N(0, I)$, their deviation would be 1 in every direction. Turn to their principal
# axes, the directions in which they spread most and least, and measure.

# %%
variances = np.linalg.eigvalsh(np.cov(codes, rowvar=False))[::-1]
deviations = pd.Series(np.sqrt(np.maximum(variances, 0)), name="standard deviation of the codes")
print(f"{(deviations < 1).mean():.0%} of the axes are narrower than N(0, I), which has 1 along each:")
print(f"least {deviations.min():.2f}, median {deviations.median():.2f}, most {deviations.max():.2f}")
plots.histograms({"standard deviation along each principal axis": deviations})

# %% [markdown]
# Where the spread is wider than 1, a code from $N(0, I)$ is too timid; where it is narrower, too bold. The decoder has hardly
# ever seen such codes.
#
# It is no accident. The calibrated likelihood values detail highly, so the model pays many nats for exact codes, and the
# pull towards $N(0, I)$ is weak beside it. The KL acts on each picture's code; it only weakly forces all codes taken
# together, the average of their distributions (the **aggregate posterior**), to look like $N(0, I)$. The classic model of
# lesson 03 is pulled harder, and pays with detail.

# %% [markdown]
# ## A prior that fits
# So draw from where the codes are. The simplest such place is a Gaussian with their mean and covariance. Better is a mixture
# of a few,
# $$p(z) = \sum_{k=1}^{K} \pi_k\, N(z; m_k, C_k).$$
# The codes are whitened first (turned to the principal axes and divided by the deviations above), because the fit begins with
# clusters by plain distance, in which the widest axes would count most, and adds the same small amount to each variance,
# which would weigh most on the narrowest. (Each of the $K$ Gaussians is a **component**, with a weight $\pi_k$, a mean $m_k$
# and a covariance $C_k$. It needs at least four times as many codes as a code has numbers. Where there are too few for two
# components, the two priors are the same.)
#
# What does it change? Ten draws from each of the three. (The two fitted priors use the same random numbers, so their columns
# belong together.)

# %%
gaussian = priors.fit_prior(codes, components=1)
mixture = priors.fit_prior(codes, components=10)
print(len(mixture.weights), "components, weights", mixture.weights.round(2))
plots.rows(
    {
        "N(0, I)": pipeline.to_uint8(classic),
        "one Gaussian": latent.decode(vae, gaussian.sample(10, seed=config.seed)),
        "mixture": latent.decode(vae, mixture.sample(10, seed=config.seed)),
    }
)

# %% [markdown]
# From the fitted priors come whole faces, mostly. In numbers: the Fréchet distance of lesson 03 between generated and
# held-out faces, beside two marks: the reconstructions of these very test faces, and other real faces, about as near as
# another set of that size can come. (This distance sees layout, light and colour and hardly any blur, so the reconstructions,
# being of the same faces, come nearer than other real ones. With few pictures chance makes all of them large.)

# %%
pca = evaluation.fit_pca(faces.train, seed=config.seed)
test = faces.test[: config.evaluation_pictures]
standard = np.random.default_rng(config.seed).standard_normal((len(test), config.latent_dim))
sets = {
    "N(0, I)": latent.decode(vae, standard),
    "one Gaussian": latent.decode(vae, gaussian.sample(len(test))),
    "mixture": latent.decode(vae, mixture.sample(len(test))),
    "reconstructions": latent.reconstruct(vae, test),
    "real training faces": faces.train[: len(test)],
}
pd.Series(
    {name: evaluation.pca_distance(pca, test, some) for name, some in sets.items()}, name="distance"
).round(2)

# %% [markdown]
# Nothing was trained again. The decoder is the same, only the codes are drawn from a better place. Such a mixture is what
# `model.prior` holds (fitted when the model was made, so its faces are not quite those above), and what the command line
# draws from: `python -m vae_keras generate --model celeba --plain --out new.png`. (Without `--plain` it does what the end of
# this lesson adds.)

# %% [markdown]
# ## What does temperature do?
# Temperature multiplies how far a code lies from the centre of its component. 1 is the fitted spread, 0 the centre itself.

# %%
temperatures = (0.3, 0.6, 0.8, 1.0, 1.3)
plots.rows({f"temperature {t}": model.generate(10, seed=config.seed, temperature=t) for t in temperatures})

# %% [markdown]
# Each column is the same draw. Cold faces are regular and alike; hotter ones differ more, up to faces that fall apart.

# %% [markdown]
# ## A hundred faces
# These are the first hundred of the seed at temperature 1. None was left out: a chosen grid says little about a model.

# %%
plots.grid(model.generate(100, seed=config.seed), columns=20)

# %% [markdown]
# Read the grid as a stranger would: how many faces would pass at a glance? What goes wrong in those that do not: eyes of
# different size, hair that melts into the background? And is there variety of pose, light and expression?

# %% [markdown]
# ## Are they new?
# A model could cheat by remembering training pictures. For six new faces, find the nearest training picture, once by the
# pixels and once by the code.

# %%
new = model.generate(6, seed=config.seed)
by_pixels, _ = evaluation.nearest_pictures(new, faces.train)
new_codes, _ = latent.encode(vae, new)
apart = np.linalg.norm(z_mean[None] - new_codes[:, None], axis=2)  # (6, training pictures)
by_code = apart.argmin(axis=1)
plots.rows(
    {"new": new, "nearest by pixels": faces.train[by_pixels[:, 0]], "nearest by code": faces.train[by_code]}
)

# %% [markdown]
# The neighbours resemble the new faces in one thing or another, light, pose or hair; a remembered picture would be the same
# face again. In numbers: is a new face closer to the training pictures than a face of the test part, which was certainly never
# seen? (Training saw each picture in the mirror, too, so mirror images are searched as well.)

# %%
sets = {"new faces": model.generate(200, seed=config.seed), "held-out faces": model.reconstruct(test[:200])}
nearest = {}
for name, some in sets.items():
    _, straight = evaluation.nearest_pictures(some, faces.train)
    _, mirrored = evaluation.nearest_pictures(some[:, :, ::-1], faces.train)
    nearest[name] = pd.Series(np.minimum(straight, mirrored)[:, 0]).describe()
pd.DataFrame(nearest).loc[["min", "50%", "max"]].round(4)

# %% [markdown]
# The numbers are mean squared errors to the nearest training picture. Compare the medians (`50%`), and the least of each. If
# new faces were much nearer to the training pictures than held-out faces are, the model would be remembering: a copy would be
# about as near to its original as a training picture is to its own reconstruction (near the `mse` at the end of lesson 03's
# training). (The held-out faces are compared as reconstructions, so that both sets are equally smooth.)

# %% [markdown]
# ## One face is a cloud
# The encoder does not give a face one code but a distribution. Here are eight decodings of codes drawn from the
# distribution of the first of our eight faces. How much do they differ?

# %%
mean, log_variance = latent.encode(vae, faces.preview[:1])
noise = np.random.default_rng(config.seed).standard_normal((8, config.latent_dim))
draws = mean + np.exp(0.5 * log_variance) * noise
cloud = latent.decode(vae, draws)
plots.rows({"photograph": np.repeat(faces.preview[:1], 8, axis=0), "its own cloud": cloud})

# %% tags=["nbval-check-output"]
print("the eight decodings differ:", bool(cloud.std(axis=0).max() > 0))
print("codes of one face:", draws.shape)

# %% [markdown]
# To the eye they are one picture, eight times. The noise of a code is small beside the spread of all codes (lesson 05 prints
# both), so what moves is a little of the fine details. The cloud of one face is narrow: that is the exactness for which so
# many nats are paid.

# %% [markdown]
# ## From one face to another
# The straight line between two codes,
# $$z(t) = (1 - t)\,z_0 + t\,z_1,$$
# passes nearer to the centre than its ends. In many dimensions that is an unusual place: nearly all draws from $N(0, I)$ are
# about $\sqrt{d}$ long ($d$ numbers). The spherical way turns from one direction to the other, while the length changes
# evenly. Does it matter for our codes, which are not quite $N(0, I)$? The lengths of the codes on the way, then their faces:

# %%
start, end = latent.encode(vae, faces.preview[:2])[0]
ways = {name: latent.interpolate(start, end, 10, name == "spherical") for name in ("linear", "spherical")}
print(pd.DataFrame({name: np.linalg.norm(way, axis=1) for name, way in ways.items()}).T.round(1))
plots.rows({name: latent.decode(vae, way) for name, way in ways.items()})

# %% [markdown]
# Look at the steps between: is each a face? Linear interpolation dips in the middle, and its faces there are a little more
# average; the spherical way changes the length evenly. The difference to the eye is small. Seen in motion, for the eight
# faces at once, each turning into the next:

# %%
eight, _ = latent.encode(vae, faces.preview)
ways = [latent.interpolate(a, b, steps=10, spherical=True) for a, b in zip(eight, np.roll(eight, -1, axis=0))]
plots.gif([latent.decode(vae, step) for step in np.stack(ways, axis=1)])

# %% [markdown]
# ## Why are the faces soft?
# Go back to the hundred faces: hair has no strands, and the background no edges. How large is the step from a pixel to its
# right neighbour, in photographs and in their reconstructions?

# %%
reconstructions = latent.reconstruct(vae, test)
steps = {"photographs": test, "reconstructions": reconstructions}
steps = {name: np.abs(np.diff(np.float32(some), axis=2)).mean() for name, some in steps.items()}
pd.Series(steps, name="mean step between neighbours (grey levels)").round(2)

# %% [markdown]
# A code has no room for every strand, so many photographs that might have been taken belong to nearly one code. What should
# the decoder draw for it? The squared error is least for the mean of them all, and a mean of faces is blurred. A better
# answer is *one* face that could be among them. But which loss asks for that?
#
# Let a second network learn it. The **discriminator** is trained to tell photographs from decoded faces, and the decoder to
# pass its test: a **generative adversarial network**, GAN ([Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661)). What
# its layers see in a photograph and in the reconstruction is a second measure of likeness ([Larsen et al.
# 2016](https://arxiv.org/abs/1512.09300)). Together the decoder's loss is
# $$\frac{\text{mean squared error}}{\sigma^2} + w_1 \cdot \text{difference in what the discriminator sees} - w_2 \log p(\text{taken for a photograph}).$$
# ($\sigma^2$ is the calibrated variance of lesson 03, not the encoder's. The error is a mean over the values this time: there
# is no KL any more that a sum would have to be weighed against.) The encoder is left alone, so the codes and their prior stay.
# The decoder gets three more convolutions, which add details at the full size and begin with nothing. All of it is [in one
# file](../vae_keras/sharpening/adversarial.py), with the two weights. Here is a short run, on a part of the pictures.

# %%
few, epochs = faces.train[: config.comparison_pictures], max(1, config.comparison_epochs // 4)
sharper, history = sharpening.sharpen(vae, few, epochs=epochs, seed=config.seed, augment=data.augment)
history.round(4)

# %% [markdown]
# `mse`, `likeness` and `adversary` are the three terms, without their weights; `likeness` is the difference, so less of it is
# more alike. They need not fall: the discriminator, which defines the last two, gets stricter as it learns, and the squared
# error is what is given up for detail. `discriminator` is the discriminator's own loss: $2 \log 2 = 1.39$ if it guesses, less
# the better it tells the two apart. (It also has to stay smooth, by a penalty on its slope: [Mescheder et al.
# 2018](https://arxiv.org/abs/1801.04406).)
#
# The decoder in the model folder (the last row below) was sharpened for longer, if its card says so. What did the short run
# change, and what the long one? Look at hair, eyes and the edges of the face. (A model that you trained in lesson 03 is
# plain: then the line says 0 epochs, and the last row equals the second. `python -m vae_keras train --sharpen 24` with its
# `--data` and `--out`, the folder `config.model_folder`, goes on from there.)

# %%
shipped = hub.load_for(config)
print("sharpened for", shipped.card.get("sharpened", {}).get("epochs", 0), "epochs")
plots.rows(
    {
        "photograph": faces.preview,
        "plain": model.reconstruct(faces.preview),
        "sharpened here": latent.reconstruct(sharper, faces.preview),
        "model folder": shipped.reconstruct(faces.preview),
    }
)

# %% [markdown]
# The same for new faces, from the same codes.

# %%
ten = model.sample(10, seed=config.seed)
decoders = {"plain": vae, "sharpened here": sharper, "model folder": shipped.vae}
plots.rows({name: latent.decode(decoder, ten) for name, decoder in decoders.items()})

# %% [markdown]
# Is that better, or only different? Ask a network that no loss here contains: the course's **attribute classifier**, a small
# network that has learned to name 40 attributes of CelebA's faces. Its Fréchet distance compares what it sees in two sets of
# faces; unlike the distance above, it sees blur, and has a scale of its own. (Papers use the features of a network named
# Inception, and call the distance **Fréchet inception distance**, FID.) Beside it stands the squared error. The first row is
# the mark: as many real faces in the place of new ones.

# %%
classifier = evaluation.load_classifier()
report = {"training pictures": {"new faces": classifier.distance(test, faces.train[: len(test)])}}
codes_of_test = latent.encode(vae, test)[0]
for name, decoder in decoders.items():
    again = latent.decode(decoder, codes_of_test)
    new = latent.decode(decoder, model.sample(len(test), seed=2))
    report[name] = {"squared error": evaluation.squared_error(test, again)}
    report[name] |= {
        "reconstructions": classifier.distance(test, again),
        "new faces": classifier.distance(test, new),
    }
pd.DataFrame(report).T[["squared error", "reconstructions", "new faces"]].round(4)

# %% [markdown]
# Read it as a trade. Details that only *could* be there raise the squared error: the strands are not where they were in the
# photograph. What the classifier sees comes nearer to photographs. (It knows photographs; for drawn faces its distances mean
# less.)
#
# One number mixes two questions: does each new face look real, and do all kinds of faces come? A colder draw may help the
# first and harm the second. The cards of the models answer them apart: `density` says how near new faces are to real ones,
# `coverage` how many of the real ones have a new face near them ([Naeem et al. 2020](https://arxiv.org/abs/2002.09797)).
#
# But a classifier sees only what it has learned to see. Look at the rows that were sharpened here: after so short a run there
# may be a weave over hair and background, and the classifier hardly minds it. A network from outside, whose distances stand at
# the end of lesson 03, may see it otherwise. In that table a model that was sharpened for less than an epoch has worse faces
# than one that was trained plain instead; after longer training, better ones. (The classifier says the same of those models,
# though after the shortest training it hardly sees a difference between their new faces.)

# %% [markdown]
# ## A prior that learns
# Sharp faces show another fault better: some are odd. Their codes came from ten Gaussians, which know only roughly which
# numbers go together. A network can learn more of that from a riddle: a code $z$ was hidden in noise, $z + s\,\varepsilon$ with
# $\varepsilon \sim N(0, I)$, with another $s$ each time. What was it? Under much noise the best answer is the mean of all
# codes, under little nearly what you see, and in between it takes knowledge of which codes there are.
#
# The mixture can answer, too. If we knew which component the code came from, the best answer would be a simple formula. We do
# not, so we average the components' answers, each weighed by how probable it is that the code came from that one. So [our
# network](../vae_keras/sharpening/denoiser.py) only learns what that average misses. (All codes are whitened first, as for the
# mixture.) A short run:

# %%
learned, history = sharpening.fit_denoiser(
    vae, few, mixture, epochs=config.comparison_epochs, batch_size=128, seed=config.seed
)
history[["loss"]].round(4)

# %% [markdown]
# `loss` is the mean squared error of the answers, in units of that of a single Gaussian's best answer. Epoch 0 is the mixture
# alone, the other rows were measured with dropout, and chance moves them all. Most of the error can never go, since nobody
# can know the noise, and a short run wins little, if anything, of the rest. Models that ship may have a network with many more
# passes over all their pictures: a card that has one ([CelebA's](../vae_keras/hub/weights/celeba/card.json)) tells, under
# `sharpened` and `diffusion`, the losses on validation codes of the mixture and of the network. The gain looks small; what it
# is worth in faces stands among [what was tried](../benchmarks/CONCLUSIONS.md). `train --sharpen` fits such a network and keeps
# it only if it guesses validation codes better than the mixture; where a model has one, `generate` draws from it.
#
# How does a riddle make faces? Begin with noise alone, four times as wide as the codes, and take it for a hidden code. Ask
# for the answer; go from where you are towards it, a part of the way only, so that a little less noise is left; ask again. No
# code was hidden, but the answer is the mean of all codes that could have been. The less noise is left, the fewer codes are
# possible, so the answers move from the mean towards a single code like those of real faces. This is **diffusion** ([Ho et
# al. 2020](https://arxiv.org/abs/2006.11239), with the steps of [Karras et al. 2022](https://arxiv.org/abs/2206.00364)).
# Image generators do it with the codes of an autoencoder, as here ([Rombach et al. 2022](https://arxiv.org/abs/2112.10752)).
# Below are answers on the way, and the last ones: a new face in each column. (The network is the one in the model folder, if
# there is one, else the one above.)

# %%
better = shipped.diffusion or learned
path = list(better.path(10, seed=config.seed))
plots.rows({f"step {step}": latent.decode(shipped.vae, path[step - 1]) for step in (1, 3, 5, 7, len(path))})

# %% [markdown]
# The first answers are much alike, all near an average face, as at a low temperature; then they part. When is it decided who it
# will be, and what changes after that?

# %% [markdown]
# ## Are the sharp faces new?
# A discriminator that knows the training pictures by heart could teach the decoder to copy them. So look for twins once more:
# how near is the nearest training picture, by what the classifier sees and by the code? The figure shows the six of 200 new
# faces that come nearest by the code, and their distances by it.

# %%
sets = {
    "new faces": shipped.generate(200, seed=config.seed),
    "held-out faces": shipped.reconstruct(test[:200]),
    "training faces": shipped.reconstruct(faces.train[:200]),
}
ways = {"classifier": classifier.features, "code": lambda some: latent.encode(shipped.vae, some)[0]}
found, near = {}, {}
for way, look in ways.items():
    known = NearestNeighbors(n_neighbors=1).fit(look(faces.train))
    for name, some in sets.items():
        apart, rows = known.kneighbors(look(some))  # (200, 1) each
        found[way, name] = apart[:, 0], rows[:, 0]
        near[way, name] = pd.Series(apart[:, 0]).describe()
near = pd.DataFrame(near).loc[["min", "50%", "max"]].T
print("distance to the nearest training picture:", near.round(2), sep="\n")
apart, by_code = found["code", "new faces"]
six = np.argsort(apart)[:6]  # the most suspicious of the 200
by_features = found["classifier", "new faces"][1]
shown = {"new": sets["new faces"], "nearest by the classifier": faces.train[by_features]}
shown |= {"nearest by the code": faces.train[by_code]}
plots.rows({name: some[six] for name, some in shown.items()}, captions=apart[six].round(2))

# %% [markdown]
# The held-out and the training faces are reconstructions: of faces that were never seen, and of faces that were, which is about
# how near a copy by this model would come. (The classifier looks at each picture and its mirror image.) With which of the two
# do the new faces go? First compare these two with each other. Where they lie close together the test is weak: it would hardly
# notice copies. Which of the two tests, classifier or code, is the stronger one? And the pairs tell more than a number: what do
# they share, and would you take one for a copy of the other?

# %% [markdown]
# ## Other faces, the same course
# The weights that ship were made with the same code from other pictures, too: the [README](../README.md) shows ten new faces of
# each.
#
# The model knows nothing of faces but what its pictures show: where they come from, who is in them, how they were cropped
# and lit. Generated people look like the people of the training set, with its tilts and gaps (lesson 01).
