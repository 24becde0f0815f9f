# ---
# jupyter:
#   lesson:
#     title: Put it to use
#     question: What is it good for?
#     do: |
#       - take noise out of faces, and fill in what a hand or glasses cover,
#       - find pictures that do not belong among the faces,
#       - write a face in half a hundred bytes, and search faces that are alike,
#       - put a rival beside most of these uses.
#     learn: |
#       - when a code of 128 numbers helps, and when it loses too much,
#       - why a high likelihood does not mean that a picture is a face,
#       - how a prior turns codes into few bits.
#     need: |
#       [Lesson 04](04_generate_faces.ipynb), which fits a prior to the codes. The weights that ship are used if you have
#       trained none.
#     minutes: {quick: 1, cpu: 4, full: 9}
#     settings: [dataset, latent_dim]
#     learned: |
#       - A network that learned from pairs of noisy and clean faces resists strong noise better than one that did not.
#       - A code that fits the visible pixels draws the hidden ones. Different draws give different fillings.
#       - The likelihood rewards pictures that are easy to draw. Compare it with that of a rival that knows no faces.
#       - A prior and an entropy coder write a face in a fraction of the bytes of JPEG, up to a ceiling of quality.
#       - **What is it good for?** For whatever asks how a face *should* look: denoise, fill in, find what does not belong,
#         compress, search. Where every pixel counts, it loses too much.
# ---

# %% [markdown]
# ## The model
# The model is the calibrated VAE of lesson 03 with the prior of lesson 04. `few` holds test faces, which the model has
# never seen, and `sample` the first of them, for what is slow. The `pictures` are for a short training.

# %%
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score, roc_curve

from vae_keras import VAE, data, directions, evaluation, hub, latent, plots
from vae_keras.applications import anomalies, compression, denoising, filling, search
from vae_keras.checks import lesson_08 as check
from vae_keras.release.classifier import label_faces

model = hub.load_for(config, plain=True)
vae, prior = model.vae, model.prior
faces = label_faces(data.load_faces(config.dataset, config.image_size, config.pictures)).wholly_labelled()
few, sample = faces.test[:200], faces.test[:40]
pictures, epochs = faces.train[: config.comparison_pictures], config.comparison_epochs
print(f"{len(few)} test faces; {len(pictures):,} pictures, {epochs} epochs")

# %% [markdown]
# ## Denoise: as it is
# A camera in a dark room gives noisy pictures. We add such noise: to each value in [0, 1] a draw from
# $N(0, s^2)$, where $s$ is the strength.

# %% caption="Left, four faces with more and more noise. Right, what the VAE draws of them." alt="Four rows. Left, faces with fine grain, then ever coarser, until they are hardly seen. Right, soft faces without grain, which in the last row are greyish and those of other people."
noisy = {strength: denoising.add_noise(sample, strength) for strength in denoising.STRENGTHS}
shown = {}
for strength, images in noisy.items():
    shown[f"strength {strength}"] = [*images[:4], *latent.reconstruct(vae, images[:4])]
plots.rows(shown)

# %% [markdown]
# The decoder can draw no grain, so the grain is gone. Weak noise does little harm. Strong noise misleads the encoder: it
# has never seen any, and its code is that of another, greyer face.

# %% [markdown]
# ## Denoise: learn from pairs
# The remedy is training. Show the encoder a noisy face, and compare the decoding with the *clean* one:
# $$\text{loss} = -\log p(x_\text{clean} \mid z) + \mathrm{KL}, \qquad z \sim q(z \mid x_\text{noisy}).$$
# Each picture gets a strength of its own, so that one network knows all of them.

# %% include vae_keras/applications/denoising.py::noisy_pairs

# %% [markdown]
# Does the random draw of the code help here? A rival finds out: the denoising autoencoder of Vincent et al. (2008).
# It is the same network without the draw and without the KL. Both begin with the weights of our VAE, and see the same
# <<([\d,]+) pictures, \d+ epochs>> pairs in each of <<pictures, (\d+) epochs>> epochs.

# %% include vae_keras/applications/denoising.py::train_denoiser
denoisers = {
    "denoising VAE": denoising.train_denoiser(vae, pictures, epochs),
    "denoising autoencoder": denoising.train_denoiser(vae, pictures, epochs, variational=False),
}

# %% [markdown]
# A second rival needs no training. *Non-local means* replaces each pixel by an average over pixels with similar
# surroundings. It comes with OpenCV, and we tell it the strength of the noise, which the networks have to see for
# themselves.
#
# PSNR measures the error in decibels: 6 more halve the root of the mean squared error. SSIM compares local contrasts, and is 1 for equal
# pictures.

# %% include vae_keras/applications/denoising.py::non_local_means caption="Likeness to the clean face over the strength of the noise. The curves of the two trained networks coincide." alt="Two panels of five curves that fall with the strength. Noisy pictures fall fastest. Non-local means begins highest, and the curves of the two trained networks lie on each other, stay nearly level and end highest."
networks = {"VAE as it is": vae, **denoisers}


def denoise(images, strength):
    cleaned = {name: latent.reconstruct(network, images) for name, network in networks.items()}
    return {"noisy": images, "non-local means": denoising.non_local_means(images, strength), **cleaned}


rows = [
    {"strength": strength, "method": method, **evaluation.similarity(sample, cleaned)}
    for strength, images in noisy.items()
    for method, cleaned in denoise(images, strength).items()
]
quality = pd.DataFrame(rows).pivot(index="method", columns="strength", values=["psnr", "ssim"])
print(quality["psnr"].round(1).to_string())
panels = {"PSNR (dB)": quality["psnr"], "SSIM": quality["ssim"]}
plots.lines({title: table.T for title, table in panels.items()}, "strength of the noise", share_y=False)

# %% [markdown]
# At the strongest noise the denoising VAE reaches <<denoising VAE .*\s([\d.]+)\n>> dB, non-local means
# <<non-local means .*\s([\d.]+)\n>>, and the VAE as it is <<VAE as it is .*\s([\d.]+)\n>>. At the weakest, non-local means
# wins, and the noisy picture itself beats every network: it keeps the pixels, and the code cannot. The pairs help. In this
# training the draw and the KL add nothing: the autoencoder does as well as the denoising VAE.

# %% caption="The third strength of the noise, and what four methods make of it." alt="Rows of eight faces: grainy; patchy and smeared by non-local means; duller reconstructions by the VAE as it is; clean soft faces by the two trained networks, which hardly differ; photographs."
plots.rows(denoise(noisy[0.2][:8], 0.2) | {"photograph": sample[:8]})

# %% [markdown]
# ### Exercise 8.1: decibels
# Write the PSNR of pictures. `images` and `others` are uint8 (n, size, size, 3). Return one value for each picture:
# $10 \log_{10}(255^2 / \text{mean squared error})$.
# <details><summary>Hint</summary>Bytes overflow: convert to float before you subtract. The mean goes over the axes 1, 2
# and 3.</details>
#
# [Solution](solutions/08_use_vae.ipynb)


# %%
def psnr(images, others):
    return ...  # your answer


check.psnr(psnr)

# %% [markdown]
# ## Fill in what is covered
# Glasses hide the eyes, a hand hides the mouth. The encoder would read the cover as a part of the face. So leave the
# encoder out, and *search* for a code $z$ whose decoding $g(z)$ fits the visible pixels $M$:
# $$\frac{1}{2\sigma^2} \sum_{i \in M} (x_i - g(z)_i)^2 \; + \; \frac{1}{2} \lVert u - u_0 \rVert^2, \qquad
# z = m + L u.$$
# $\sigma$ is the decoder's deviation from lesson 02. The second term keeps the code near a draw from the prior: lesson 04
# wrote its codes as $z = m + L u$ with $u \sim N(0, I)$, and each search begins at such a draw $u_0$. What the visible
# pixels leave open stays as it was drawn, so three draws give three fillings.

# %% include vae_keras/applications/filling.py::search_loss

# %% [markdown]
# The search is gradient descent by Adam, on codes in the place of weights.

# %% include vae_keras/applications/filling.py::fill_in caption="Covered faces, and three fillings of each. The visible pixels are the photograph's." alt="Four faces with a grey bar over the eyes and four with a grey block over the mouth. Below, three rows in which eyes and mouths are drawn in, each time a little different. Last the photographs."
covers = {"glasses": few[:4], "a hand": few[-4:]}
covered, fillings = [], []
for name, images in covers.items():
    known = filling.visible(config.image_size, name)
    covered.append(filling.paint_over(images, known))
    fillings.append(filling.fill_in(vae, prior, covered[-1], known, steps=30 * config.comparison_epochs))
covered, fillings = np.concatenate(covered), np.concatenate(fillings, axis=1)
shown = {"covered": covered} | {f"filling {1 + i}": images for i, images in enumerate(fillings)}
plots.rows(shown | {"photograph": np.concatenate(list(covers.values()))})

# %% [markdown]
# Most fillings fit light, skin and pose, because the code that draws the visible part draws the whole face. They differ in
# gaze or in the shape of the mouth: several faces fit the same visible pixels. Some fail: the third face lacks an eye. Hair
# and background behind a cover stay a smudge, as a code holds little of them.
#
# No filling knows what was there. Of the moustache of the seventh face there is a faint shadow at best. Never take a
# filling for evidence of how somebody looks.

# %% [markdown]
# ### Exercise 8.2: the loss of the search
# Write the two terms for one face. `x` and `decoded` are (size, size, 3), `known` is 1 where a pixel is visible and
# (size, size, 1), `u` and `u_start` are vectors, `sigma` is a number.
# <details><summary>Hint</summary>Multiply the difference by `known` before you square. Both terms are sums, and both
# carry a half.</details>
#
# [Solution](solutions/08_use_vae.ipynb)


# %%
def loss(x, decoded, known, u, u_start, sigma):
    return ...  # your answer


check.search_loss(loss)

# %% [markdown]
# ## Find what does not belong
# A folder of faces may hold other things. Here are strangers to try: drawn faces, anime faces, pictures from scikit-image
# that show no person, and our test faces with an eighth covered by a square of one colour.

# %% caption="What does not belong: eight of each kind, and ordinary test faces above." alt="Rows of eight pictures: photographs of faces, drawn faces, anime faces, a cat, coffee, sky, stars, the inside of an eye, tissue, grass, gravel, and faces with a coloured square somewhere."
strangers = anomalies.strangers(few, seed=config.seed)
plots.rows({name: images[:8] for name, images in {"faces": few, **strangers}.items()})

# %% [markdown]
# A VAE offers four scores without further training: the reconstruction **error**; the **KL**, the price of the code; the
# negative **ELBO**, which adds the KL to the error in nats; and minus the log-density of the code under the **prior**. The
# code below computes two more, which come later.

# %% include vae_keras/applications/anomalies.py::scores
scored = {name: anomalies.scores(vae, prior, images) for name, images in {"faces": few, **strangers}.items()}

# %% [markdown]
# Each score asks: is a stranger higher than a face? A threshold finds some strangers and raises some false alarms. The
# **ROC curve** shows both for every threshold. The area under it, the AUC, is the probability that a stranger scores
# higher than a face.

# %% caption="ROC curves of the four scores, a panel for each kind of stranger. Error and ELBO coincide." alt="Panels of four curves. For anime faces all rise steeply, for covered faces those of error and ELBO. For drawn faces and for no faces KL and prior lie below the diagonal."
first_four = ["error", "KL", "ELBO", "prior"]
panels, areas = {}, {}
for name in strangers:
    truth = np.repeat([0, 1], [len(few), len(strangers[name])])
    both = pd.concat([scored["faces"], scored[name]])
    panels[name] = {score: roc_curve(truth, both[score])[:2] for score in first_four}
    areas[name] = {score: roc_auc_score(truth, both[score]) for score in both}
areas = pd.DataFrame(areas)
print(areas.loc[first_four].round(2).to_string())
plots.lines(panels, "false alarms", "strangers found")

# %% [markdown]
# ## Where the likelihood misleads
# Error and ELBO find most anime and covered faces. The KL is so small beside the error that both rank pictures alike. But
# KL and prior call most drawn faces, and most pictures without a face, *more* ordinary than a face. Look at the pictures
# that the model finds most likely.

# %% caption="The most likely pictures without a face, and the most likely faces, with their ELBO in nats." alt="Upper row: the grey surface of the moon, a blurred brown, blue sky, the red inside of an eye. Lower row: faces before plain or dark backgrounds. Below each stands a number."
likely = {name: scored[name]["ELBO"].to_numpy().argsort()[:8] for name in ("no faces", "faces")}
for name in likely:
    print(name, (-scored[name]["ELBO"]).agg(["max", "mean"]).round().to_dict())
captions = [f"{-value:.0f}" for name in likely for value in scored[name]["ELBO"].iloc[likely[name]]]
shown = [*strangers["no faces"][likely["no faces"]], *few[likely["faces"]]]
plots.grid(shown, captions=captions)

# %% [markdown]
# The most likely picture without a face has <<no faces \{'max': (-?[\d.]+)|,.0f>> nats, the most likely face
# <<\nfaces \{'max': (-?[\d.]+)|,.0f>>. On average faces still lead, by
# <<\nfaces \{'max': -?[\d.]+, 'mean': (-?[\d.]+)|,.0f>> to <<no faces \{'max': -?[\d.]+, 'mean': (-?[\d.]+)|,.0f>>. The moon's
# surface is no face, but nearly flat, and a flat picture is *easy to draw*. The likelihood adds up how well each pixel is predicted. That depends on the amount of detail far more
# than on what is shown.
#
# So do not ask how well the model draws a picture. Ask how much better it draws it than a rival who knows no faces
# (Serrà et al. 2020):
#
# - **against a thumbnail**: the error, divided by that of a thumbnail of about as many numbers as the code has, enlarged;
# - **against PNG**: the bits of the ELBO, minus those of the picture's PNG file.
#
# Both should be low for a face and higher for most other pictures. `strangeness` takes the higher of the two, in standard
# deviations from the mean of ordinary training faces.

# %% include vae_keras/applications/anomalies.py::strangeness caption="AUC of the scores for each kind of stranger. The dots of error and ELBO coincide." alt="For each kind of stranger a line with dots. The dots of strangeness lie close to the right end for all kinds; those of the other scores for anime faces only, or lower."
usual = anomalies.scores(vae, prior, faces.train[:300])
for name in strangers:
    truth = np.repeat([0, 1], [len(few), len(strangers[name])])
    both = pd.concat([scored["faces"], scored[name]])
    areas.loc["strangeness", name] = roc_auc_score(truth, strangeness(both, usual))
print(areas.loc[["ELBO", "strangeness"]].round(3).to_string())
plots.bars(areas.T[["error", "KL", "ELBO", "prior", "strangeness"]], label="AUC", reference=0.5)

# %% [markdown]
# For pictures without a face the AUC of strangeness is <<strangeness.* ([\d.]+) +[\d.]+\n>>, where the ELBO
# had <<ELBO.* ([\d.]+) +[\d.]+\n>>. For anime faces the
# plain scores do as well. For faces with an eighth covered it is <<strangeness.* ([\d.]+)\n>>.

# %% [markdown]
# ### Exercise 8.3: AUC by counting
# Write the AUC without a library. `usual` and `strange` are arrays of scores. Over all pairs of one usual and one strange
# picture: in which share is the strange score higher? Count a tie as half.
# <details><summary>Hint</summary>`strange[:, None] > usual[None, :]` compares all pairs at once. Its mean is the share.
# </details>
#
# [Solution](solutions/08_use_vae.ipynb)


# %%
def auc(usual, strange):
    return ...  # your answer


check.auc(auc)

# %% [markdown]
# ## Compress
# A code is 128 numbers, or 512 bytes as float32. How few bytes do? Round each latent variable to a multiple of a
# **step**. The rounded values are whole numbers, and most of them are small.

# %% include vae_keras/applications/compression.py::quantize caption="Faces decoded from rounded codes." alt="Rows of eight faces for larger and larger steps. Up to a step of one half they look alike. With a step of two they are other people."
z, _ = latent.encode(vae, few)
steps = (0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0)
sizes = {step: len(compression.encode(prior, compression.quantize(z, step), step)) / len(z) for step in steps}
print(*(f"step {step}: {size:.1f} bytes a face" for step, size in sizes.items()), sep="\n")
decoded = {step: latent.decode(vae, compression.quantize(z, step) * step) for step in steps}
shown = {f"step {step}: {sizes[step]:.0f} bytes": decoded[step][:8] for step in (0.1, 0.5, 1.2, 2.0)}
plots.rows({"photograph": few[:8], **shown})

# %% [markdown]
# Where do the bytes come from? An **entropy coder** writes a symbol of probability $p$ in $-\log_2 p$ bits. The better we
# predict a number, the fewer bits it takes. Our prediction is the prior. It may have several Gaussians, and `number` says
# which of them suits a face best. In one Gaussian $z = m + L u$ with triangular $L$,
# latent variable $j$ follows from those before it:
# $$z_j \sim N\Big(m_j + \sum_{i<j} L_{ji} u_i, \; L_{jj}^2\Big).$$
# `walk` goes through them one by one. `code` hands each number to the coder of the library *constriction*, or gets it
# back from there.

# %% include vae_keras/applications/compression.py::walk

# %% [markdown]
# The rivals are JPEG, WebP and AVIF at the same 64×64 pixels. Of a small JPEG or AVIF file most is a header, alike in all.
# The left panel leaves headers out, to compare what codes a face. The right one has the whole files, and for the VAE the
# file of one face with its header. Both sides of our coder need the model, too: several megabytes, once.

# %% caption="Likeness over the size of a face in bytes, on a logarithmic scale." alt="Two panels of four curves. The VAE's lies far to the left and levels off at a middle height; the others begin further right and rise above it."
curves = {}
panels = {"without headers": curves, "whole files": {}}
ssim = [evaluation.similarity(sample, decoded[step][: len(sample)])["ssim"] for step in steps]
head = compression.HEADER.size + 4
panels["without headers"]["VAE"] = (list(sizes.values()), ssim)
panels["whole files"]["VAE"] = ([size + head for size in sizes.values()], ssim)
for form, qualities in {"JPEG": (1, 5, 10, 20), "WEBP": (0, 3, 10), "AVIF": (0, 10, 25)}.items():
    written = [compression.ordinary(sample, form, quality) for quality in qualities]
    ssim = [evaluation.similarity(sample, images)["ssim"] for images, _, _ in written]
    for title, place in {"without headers": 2, "whole files": 1}.items():
        panels[title][form] = ([row[place] for row in written], ssim)
for name, (bytes_of, ssim) in curves.items():
    print(name, *(f"{size:.0f} bytes: {value:.3f}" for size, value in zip(bytes_of, ssim)), sep="   ")
plots.lines(panels, "bytes of a face", "SSIM", log_x=True)

# %% [markdown]
# Without headers the VAE reaches an SSIM of <<VAE .*?bytes: [\d.]+ +\d+ bytes: [\d.]+ +\d+ bytes: ([\d.]+)>> with
# <<VAE +\d+ bytes: [\d.]+ +\d+ bytes: [\d.]+ +(\d+) bytes>> bytes. WebP's smallest files take
# <<WEBP +(\d+) bytes>> and reach <<WEBP +\d+ bytes: ([\d.]+)>>; AVIF has <<AVIF +\d+ bytes: [\d.]+ +\d+ bytes: ([\d.]+)>>
# with <<AVIF +\d+ bytes: [\d.]+ +(\d+) bytes>>. AVIF's encoder is set to be fast here. With more time its files are a
# fifth smaller, and still larger than those of the VAE. But the curve of the VAE soon turns level. More bytes do not help: what a
# code of 128 numbers cannot hold is lost. The others rise on, to any quality.

# %% caption="The same faces in few bytes: the VAE beside the smallest files of the others. Sizes are means of the row." alt="Five rows of eight faces: photographs; soft, complete faces by the VAE; JPEG's coarse coloured blocks; WebP's and AVIF's smeared faces."
smallest = {"JPEG": 1, "WEBP": 0, "AVIF": 0}
shown = {"photograph": few[:8], f"VAE, {sizes[0.3]:.0f} bytes": decoded[0.3][:8]}
for form, quality in smallest.items():
    images, whole, bare = compression.ordinary(few[:8], form, quality)
    shown[f"{form}, {bare:.0f} bytes and a header of {whole - bare:.0f}"] = images
plots.rows(shown)

# %% [markdown]
# ### Exercise 8.4: how many bits?
# Write how many bits the rounded value `symbol * step` takes, if the latent variable is distributed as
# $N(\text{mean}, \text{deviation}^2)$: minus $\log_2$ of the probability of the interval of length `step` around it.
# `symbol` may be an array.
# <details><summary>Hint</summary><code>scipy.stats.norm.cdf</code> at the upper end of the interval, minus the same at
# the lower end.</details>
#
# [Solution](solutions/08_use_vae.ipynb)


# %%
def bits(symbol, step, mean, deviation):
    return ...  # your answer


check.bits(bits)

# %% [markdown]
# ## Search
# Whose face is most like this one? Compare codes: the nearest has the least distance. The rival compares pixels. Which
# finds the better matches? For a count, see how often the match has the same attributes as the face that we look for.

# %% include vae_keras/applications/search.py::nearest_codes caption="Two test faces, and the seven training faces nearest to each." alt="Four rows of eight faces. For a woman with fair hair both ways find such women before light backgrounds. For a dark-haired man both find women and men of all kinds in dark surroundings."
train = faces.train[:20_000]
train_codes, _ = latent.encode(vae, train)
by_code, _ = nearest_codes(z, train_codes, 7)
by_pixels, _ = evaluation.nearest_pictures(few, train, 7)
known = directions.usable_attributes(faces.labels("train", faces.label_names)[: len(train)])
wanted = faces.labels("test", list(known))[: len(few)].to_numpy()
others = np.random.default_rng(config.seed).integers(len(train), size=(len(few), 1))
for name, found in {"by code": by_code, "by pixels": by_pixels, "at random": others}.items():
    print(f"{name}: {(known.to_numpy()[found[:, 0]] == wanted).mean():.1%} of the attributes agree")
shown = {}
for i in (0, 1):
    for name, found in {"by code": by_code, "by pixels": by_pixels}.items():
        shown[f"face {i}, {name}"] = [few[i], *train[found[i]]]
plots.rows(shown)

# %% [markdown]
# Of the attributes <<by code: ([\d.]+%)>> agree for matches by code, <<by pixels: ([\d.]+%)>> for matches by pixels, and
# <<at random: ([\d.]+%)>> at random. Most attributes are rare, so even random faces agree often. A near code does not mean
# the same person: the model learned to draw faces, not to tell people apart.

# %% [markdown]
# ## What is it good for?
# Four of the five uses, side by side.

# %% caption="The answer: three faces, and what the model does with each." alt="Three rows of seven faces: a photograph; the same with noise; without it; with a grey bar over the eyes; filled in; from about fifty bytes; and the nearest face by code, another person."
heads = ["photograph", "noise", "denoised", "covered", "filled in", f"{sizes[0.3]:.0f} bytes", "most alike"]
clean = latent.reconstruct(denoisers["denoising VAE"], noisy[0.2][:8])
columns = [few, noisy[0.2], clean, covered, fillings[0], decoded[0.3], train[by_code[:8, 0]]]
plots.rows({f"face {i}": [column[i] for column in columns] for i in range(3)}, heads=heads)

# %% [markdown]
# The model draws what a face *should* be. That is its strength and its limit: a mole, an earring, the pattern of a scarf
# are not in 128 numbers. Where a single pixel counts, take the pixels.
#
# There are commands, too: `denoise`, `anomaly`, `compress`, `decompress` and `search`.
#
# <details><summary>With other pictures</summary>Drawn faces are no strangers to a model of drawn faces. Anime faces appear
# only if their archive lies among the data. Where pictures have no labels, the classifier says what it sees. In short
# profiles the denoisers learn from few pictures, and the VAE as it is may do as well.</details>
