# ---
# jupyter:
#   lesson:
#     title: Generate faces
#     question: Where must a code lie to decode to a face?
#     do: |
#       - draw codes from $N(0, I)$ as the textbook says, and see why that disappoints,
#       - look at where the codes of real faces lie, and fit a distribution to them,
#       - draw new faces, measure them, and check that they are new,
#       - train an autoencoder and two VAEs, and find out what the KL buys.
#     learn: |
#       - why a VAE needs a prior that is fitted to its codes,
#       - what a Fréchet distance sees, and what it does not see,
#       - what temperature trades,
#       - how to tell a new face from a remembered one.
#     need: |
#       [Lesson 03](03_train_vae.ipynb), which explains the training. Without a model of your own, this lesson takes the
#       one that comes with the course.
#     minutes: {quick: 1, cpu: 5, full: 4}
#     settings: [dataset, latent_dim]
#     learned: |
#       - A Gaussian with the mean and the covariance of the codes repairs most faces. A mixture follows the codes more
#         closely.
#       - A distance between two sets of faces compares what its features hold. Look at the faces as well.
#       - Low temperature gives safe, similar faces. High temperature gives varied and odd ones.
#       - New faces should be no nearer to the training faces than held-out faces are.
#       - The KL holds the codes near a known place and gives each a price in nats. It does not make faces sharper.
#       - **Where must a code lie to decode to a face?** Where the codes of real faces lie. The decoder has learned that
#         region and no other. $N(0, I)$ misses it along many axes; a distribution that is fitted to the codes hits it.
# ---

# %% [markdown]
# ## The model
# `hub.load_for` loads the model that lesson 03 trained with these settings, or the one that comes with the course.
# `plain=True` asks for the VAE as lesson 03 leaves it, without what lesson 07 adds.

# %%
import numpy as np
import pandas as pd
from keras import ops
from sklearn.neighbors import NearestNeighbors

from vae_keras import data, evaluation, hub, latent, plots, priors, training
from vae_keras.checks import lesson_04 as check
from vae_keras.priors import Mixture, principal_axes

model = hub.load_for(config, plain=True)
vae = model.vae
random = np.random.default_rng(config.seed)

# %% [markdown]
# ## Does a code from N(0, I) give a face?
# The KL term pulls the code of every face towards $N(0, I)$. So the textbook draws new codes from $N(0, I)$ and decodes
# them. `standard` holds many such codes. What do the first eight give?

# %% caption="Eight draws from N(0, I), decoded. They are the first eight of the seed." alt="Eight pictures in which eyes, hair and background run into each other. Two or three resemble a face."
standard = random.standard_normal((config.evaluation_pictures, config.latent_dim))
plots.grid(latent.decode(vae, standard[:8]))

# %% [markdown]
# Patches of faces, and hardly a face. Is the decoder bad? No: it decodes the codes of real faces well, as lesson 03
# showed. So compare the codes.

# %% [markdown]
# ## Where do the codes of faces lie?
# Now we need pictures. Encode the training faces. Draw one code for each from its posterior, the encoder's $N(\mu, \sigma^2)$, as the
# training did:
#
# $$z = \mu(x) + \sigma(x)\,\varepsilon, \qquad \varepsilon \sim N(0, I)$$

# %%
faces = data.load_faces(config.dataset, config.image_size, config.pictures)
test = faces.test[: config.evaluation_pictures]
standard = standard[: len(test)]  # as many codes as test faces
z_mean, z_log_variance = latent.encode(vae, faces.train)
codes = z_mean + np.exp(0.5 * z_log_variance) * random.standard_normal(z_mean.shape)  # (pictures, latent_dim)

# %% [markdown]
# We cannot look at 128 axes at once. So turn the codes to their principal axes, the directions in which they spread
# most and least. Draws from $N(0, I)$ have a standard deviation of 1 along every axis, however they are turned.

# %% caption="Standard deviation of the codes along each of their principal axes. N(0, I) has 1 along all of them." alt="A histogram. Most axes lie between one half and one; a tail of few axes reaches above three."
deviations, axes = principal_axes(codes)
print(f"deviation along the axes: least {deviations[0]:.2f}, most {deviations[-1]:.2f}")
print(f"{(deviations < 1).mean():.0%} of the axes are narrower than N(0, I)")
plots.histograms({"standard deviation along an axis": deviations})

# %% [markdown]
# Along <<(\d+%) of the axes are narrower>> of the axes the codes spread less than $N(0, I)$. Along the others they
# spread more, up to <<most ([\d.]+)>> times as far. Look at both ends.

# %% caption="The answer: codes of faces and draws from N(0, I). Half of the draws lie in the inner circle." alt="Left, along the two widest axes, blue codes reach far beyond the circles, which the orange draws fill. Right, along the two narrowest axes, the codes are a small cloud away from the centre, and most draws miss it."
turned = codes[:2000] @ axes  # the narrowest axis comes first
ends = {"the two widest axes": slice(-2, None), "the two narrowest axes": slice(0, 2)}
plots.code_planes({name: (turned[:, end], standard[:2000, end]) for name, end in ends.items()})

# %% [markdown]
# Left, the draws stay in the middle of the codes. They lack variety but miss nothing. Right, the codes are a small cloud
# whose centre is not zero, and most draws miss it. A draw that misses along many axes is a code that the decoder has
# never seen.
#
# Why does the KL allow this? It acts on the code of *each* face. All codes together form the **aggregate posterior**.
# The KL pulls that one towards $N(0, I)$ only indirectly, and the loss gains more from precise codes than from a tidy
# cloud.

# %% [markdown]
# ## Fit a Gaussian to the codes
# The codes have a mean $m$ and a covariance $C$. Draw from the Gaussian that has the same. The Cholesky factor $L$ of
# $C$ is the triangular matrix with $L L^\top = C$. It gives standard noise the right shape:
#
# $$z = m + L\,\varepsilon, \qquad \varepsilon \sim N(0, I)$$

# %% include vae_keras/priors.py::fit_gaussian

# %% [markdown]
# `ledoit_wolf` is `np.cov`, made safe for few codes.

# %% [markdown]
# ### Exercise 4.1: your own Gaussian
# Write the function that turns standard noise into new codes. `z` are codes (n, d) and `noise` is (count, d). Use
# `np.cov` and `np.linalg.cholesky`. Return codes (count, d) with the mean and the covariance of `z`.
#
# <details><summary>Hint</summary>Codes are rows here, while the formula has columns: the product is `noise @ factor.T`.
# `np.cov` takes variables in rows unless told otherwise.</details>
#
# [Solution](solutions/04_generate_faces.ipynb)


# %%
def new_codes(z, noise):
    return ...  # your answer


check.new_codes(new_codes)

# %% [markdown]
# ## Fit a mixture
# The cloud of codes need not be one ellipsoid. A mixture of $K$ Gaussians follows it more closely:
#
# $$p(z) = \sum_{k=1}^{K} \pi_k\, N(z; m_k, C_k)$$
#
# Each Gaussian is a **component** with a weight $\pi_k$, a mean $m_k$ and a covariance $C_k$. The codes are whitened first, that is turned and scaled to variance 1 along every axis, so that no axis dominates the fit.

# %% include vae_keras/priors.py::fit_mixture

# %% [markdown]
# To draw from the mixture, choose a component by the weights, then draw from its Gaussian. `_fit_quietly` is
# scikit-learn's fit without its warnings, and `_triangular` gives each factor the form of a Cholesky factor. The module's
# `fit_prior` calls one of the two functions above.
#
# Next to these faces stand those that PCA made up in lesson 01, from a Gaussian as well.

# %% caption="Faces drawn from four distributions. None was chosen." alt="Four rows of eight faces. PCA: ghosts with smeared outlines. N(0, I): fragments. One Gaussian: whole faces, some with odd hair. Mixture: whole faces, the same people as above with small changes."
gaussian = priors.fit_prior(codes, components=1)
mixture = priors.fit_prior(codes, components=10)
pca = evaluation.fit_pca(faces.train, seed=config.seed)
pca_codes = np.random.default_rng(config.seed).normal(size=(len(test), pca.n_components_))
invented = pca.mean_ + pca_codes * np.sqrt(pca.explained_variance_) @ pca.components_
new_faces = {"PCA, one Gaussian": np.clip(invented, 0, 1).reshape(test.shape)}
new_faces["VAE, N(0, I)"] = latent.decode(vae, standard)
new_faces["VAE, one Gaussian"] = latent.decode(vae, gaussian.sample(len(test)))
new_faces["VAE, mixture"] = latent.decode(vae, mixture.sample(len(test)))
plots.rows({name: images[:8] for name, images in new_faces.items()})

# %% [markdown]
# The same decoder draws whole faces now. Nothing was trained again; the codes come from a better place. The last two
# rows use the same noise, so their columns belong together.

# %% [markdown]
# ## Put a number on it
# How far are the new faces from real ones, as a set? Describe each face by its 128 PCA numbers of lesson 01. Summarize
# the test faces by the mean $m_1$ and covariance $C_1$ of these numbers, and the new faces by $m_2$ and $C_2$. The
# **Fréchet distance** of the two Gaussians is
#
# $$\lVert m_1 - m_2 \rVert^2 + \operatorname{tr}\left(C_1 + C_2 - 2\,(C_1 C_2)^{1/2}\right).$$
#
# It is zero when means and covariances agree. We call it the **PCA distance**.


# %% include vae_keras/evaluation/distances.py::frechet_of_moments
def moments(images):
    numbers = np.float64(evaluation.pca_codes(pca, images))
    return numbers.mean(axis=0), np.cov(numbers, rowvar=False)


def pca_distance(images):
    return float(frechet_of_moments(*moments(test), *moments(images)))


# %% [markdown]
# Two marks to compare with: reconstructions of the test faces, and as many real faces of the training part.

# %%
new_faces["reconstructions"] = latent.reconstruct(vae, test)
new_faces["real training faces"] = faces.train[: len(test)]
distances = pd.Series({name: pca_distance(images) for name, images in new_faces.items()})
print(distances.round(2).to_string())

# %% [markdown]
# Two sets of that many *real* faces are <<real training faces\s+([\d.]+)>> apart, partly by chance, so nobody needs to
# come much below that. Reconstructions of these very test faces come nearer, since they copy their layout.
#
# - $N(0, I)$ stands at <<VAE, N\(0, I\)\s+([\d.]+)>>, the fitted Gaussian at <<VAE, one Gaussian\s+([\d.]+)>>, the
#   mixture at <<VAE, mixture\s+([\d.]+)>>.
# - PCA's faces stand at <<PCA, one Gaussian\s+([\d.]+)>>. Their hair and outlines are smeared, yet they measure nearly as
#   well. The distance compares means and covariances of PCA numbers, and PCA's faces were drawn from exactly these. It
#   sees light, colour and layout. It does not see a smeared outline.
#
# So a distance is a good alarm, as for $N(0, I)$, and no proof of quality. Always show the faces, too.

# %% [markdown]
# ### Exercise 4.2: how many components?
# Fit priors with 1, 3, 10 and 30 components. Draw as many codes as there are test faces, decode, and measure. Fill in
# `measured` with the four PCA distances. `enough` is the smallest count whose distance is at most `1.02` times the
# best. Where does it stop paying?
#
# <details><summary>Hint</summary>`priors.fit_prior(codes, components)`, then `sample(len(test))`, `latent.decode` and
# `pca_distance`. Thirty components take a minute.</details>
#
# [Solution](solutions/04_generate_faces.ipynb)

# %%
measured = ...  # {1: …, 3: …, 10: …, 30: …}
enough = ...  # 1, 3, 10 or 30

check.components(measured, enough, distances)

# %% [markdown]
# ## What does temperature do?
# Temperature $T$ multiplies the noise: $z = m_k + T\,L_k\,\varepsilon$. At 1 the codes spread as those of real faces.

# %% caption="The same eight draws from the mixture at four temperatures." alt="Four rows of eight faces. At 0.3 the faces are smooth and alike, at 1 they differ in pose, hair and light, at 1.3 some fall apart."
temperatures = (0.3, 0.6, 1.0, 1.3)
plots.rows({f"temperature {t}": latent.decode(vae, mixture.sample(8, temperature=t)) for t in temperatures})

# %% [markdown]
# Cold faces are regular and alike. Hot ones are varied and odd. You trade variety for safety.

# %% [markdown]
# ### Exercise 4.3: temperature zero
# Draw 1,000 codes from `mixture` at temperature 0. Give the different ones, a row each, as `cold_codes`. How many are
# they, and what are they? Decode them.
#
# <details><summary>Hint</summary>`np.unique(…, axis=0)` keeps different rows. Set $T$ to zero in the formula.</details>
#
# [Solution](solutions/04_generate_faces.ipynb)

# %%
cold_codes = ...  # your answer

check.cold_codes(cold_codes, mixture)

# %% [markdown]
# ## Sixty-four faces
# A chosen grid says little about a model. These are the first sixty-four of the seed, none left out.

# %% caption="Sixty-four new faces at temperature 1, none left out." alt="A square of sixty-four invented faces. Most are whole and soft; a few have melting hair or uneven eyes."
plots.grid(latent.decode(vae, mixture.sample(64)), columns=8)

# %% [markdown]
# Most pass at a glance. Hair and the side of a face are what goes wrong. All are soft. Why, and what sharpness costs, is
# the question of lesson 07.

# %% [markdown]
# ## Are they new?
# A model could cheat and repeat its training faces. So ask how far each new face is from the nearest training face.
# Encode the pictures anew, and compare the codes. We compare with reconstructions of held-out faces, which the model cannot know, and of training faces,
# which are the copies that this model would make. Training also saw every face mirrored, so we look up each picture and its mirror image.

# %%
known = NearestNeighbors(n_neighbors=1).fit(z_mean)


def nearest_training_face(images):
    found = [known.kneighbors(latent.encode(vae, view)[0]) for view in (images, images[:, :, ::-1])]
    distance, index = np.concatenate(found, axis=2)  # straight and mirrored: (pictures, 2) each
    row, closer = np.arange(len(images)), distance.argmin(axis=1)
    return distance[row, closer], index[row, closer].astype(int)


originals = {"copies": faces.train[:200], "held-out faces": test[:200]}
sets = {name: latent.reconstruct(vae, images) for name, images in originals.items()}
sets["new faces"] = latent.decode(vae, mixture.sample(200))
nearest = {name: nearest_training_face(images) for name, images in sets.items()}
for name, (distance, _) in nearest.items():
    print(f"{name:<15} nearest at: median {np.median(distance):.2f}, least {distance.min():.2f}")

# %% [markdown]
# Copies lie at <<copies .* median ([\d.]+)>>, new faces at <<new faces .* median ([\d.]+)>>, held-out faces at
# <<held-out faces .* median ([\d.]+)>>. New faces go with the held-out ones: they are no copies. Look at the most
# suspicious, too.

# %% caption="Of 200 new faces the eight that come nearest to a training face, with that face and the distance." alt="Two rows of eight faces. Each pair shares pose, light or hair, and shows two different people."
distance, index = nearest["new faces"]
closest = np.argsort(distance)[:8]
pairs = {"new face": sets["new faces"][closest], "nearest training face": faces.train[index[closest]]}
plots.rows(pairs, captions=distance[closest].round(2))

# %% [markdown]
# ### Exercise 4.4: find the copy
# Somebody hid the reconstruction of a training face among new faces. Write a test that finds it: a function of the
# codes of the new faces (n, d) and of the training faces (m, d) that returns the place of the copy, a number from 0 to
# n − 1.
#
# <details><summary>Hint</summary>For each new face, take the distance to its *nearest* training face. `np.linalg.norm`
# of `new[:, None] - training[None]` over the last axis gives all distances.</details>
#
# [Solution](solutions/04_generate_faces.ipynb)


# %%
def find_copy(new, training):
    return ...  # your answer


check.find_copy(find_copy)

# %% [markdown]
# ## From one face to another
# Take the codes of two held-out faces, and walk along the straight line between them: $z(t) = (1 - t)\,z_0 + t\,z_1$.
# Is each step a face?

# %% caption="Eight steps from one held-out face to another. The ends are reconstructions of real faces." alt="A row of eight faces in which the first person turns step by step into the second; every step is a whole face."
start, end = latent.encode(vae, faces.preview[:2])[0]
share = np.linspace(0, 1, 8)[:, None]
plots.grid(latent.decode(vae, (1 - share) * start + share * end), captions=share[:, 0].round(2))

# %% [markdown]
# The region of faces has no holes between these two. Hair and light change bit by bit, and every step could be a
# person.

# %% [markdown]
# ## What does the KL buy?
# Any autoencoder has codes, and a Gaussian can be fitted to any codes. So what is the KL for? Train three small
# networks in which the KL weighs more and more:
#
# - a plain autoencoder, as in lesson 02: no KL and no noise,
# - the calibrated VAE of this course,
# - the **classic** VAE, whose loss is the plain squared error plus the KL. It gives the error a much smaller weight, so
#   its KL is heavy.

# %%
few = faces.train[: config.comparison_pictures]
kinds = {"autoencoder": {"variational": False, "beta": 0}}
kinds |= {"calibrated VAE": {}, "classic VAE": {"likelihood": "mse"}}
networks = {}
for name, choices in kinds.items():
    networks[name] = training.build_vae(config, filters=(16, 32, 64, 128), **choices)
    amounts = {"epochs": 2 * config.comparison_epochs, "batch_size": 32}
    training.fit(networks[name], few, optimizer="adam", learning_rate=0.002, **amounts)

# %% [markdown]
# Now treat each as we treated the large model: draw from $N(0, I)$, then from the Gaussian of its own codes.

# %%
rows, draws, spreads = {}, {}, {}
for name, network in networks.items():
    small_mean, small_log_variance = latent.encode(network, few)
    noise = random.standard_normal(small_mean.shape) if network.variational else 0
    small_codes = small_mean + np.exp(0.5 * small_log_variance) * noise
    spreads[name] = np.sqrt(small_codes.var(axis=0).mean())
    fitted = priors.fit_prior(small_codes, components=1)
    draws["N(0, I)", name] = latent.decode(network, standard)
    draws["own Gaussian", name] = latent.decode(network, fitted.sample(len(test)))
    kl = latent.statistics(small_mean, small_log_variance)["kl"].sum()
    noise = 0.5 * spreads[name] * random.standard_normal(small_mean[:500].shape)
    clean, noisy = latent.decode(network, small_mean[:500]), latent.decode(network, small_mean[:500] + noise)
    rows[name] = {
        "error": evaluation.squared_error(test, latent.reconstruct(network, test)),
        "nats": kl if network.variational else np.nan,
        "spread": spreads[name],
        "N(0, I)": pca_distance(draws["N(0, I)", name]),
        "own Gaussian": pca_distance(draws["own Gaussian", name]),
        "change by noise": evaluation.squared_error(clean, noisy),
    }
print(pd.DataFrame(rows).T.round(4).to_string(na_rep="-"))

# %% caption="Draws from N(0, I) and from a fitted Gaussian, for the three networks." alt="Six rows of eight faces. From N(0, I): eight nearly equal brown squares, then patches, then blurred faces, some of them broken. From the fitted Gaussians: whole, soft faces in all three rows."
ordered = sorted(draws, key=lambda key: key[0])
plots.rows({f"{name}: codes from {prior}": draws[prior, name][:8] for prior, name in ordered})

# %% [markdown]
# - **From $N(0, I)$** the autoencoder gives no face at all: its codes have a spread of
#   <<autoencoder\s+[\d.]+\s+-\s+([\d.]+)|.1f>>, and nothing told them to lie around zero. The heavier the KL, the more
#   the codes resemble $N(0, I)$: the PCA distance falls from <<autoencoder\s+[\d.]+\s+-\s+[\d.]+\s+([\d.]+)|.0f>> over
#   <<calibrated VAE\s+[\d.]+\s+[\d.]+\s+[\d.]+\s+([\d.]+)|.0f>> to
#   <<classic VAE\s+[\d.]+\s+[\d.]+\s+[\d.]+\s+([\d.]+)|.0f>>.
# - **From its own Gaussian** each network gives faces, the plain autoencoder too. The distances are
#   <<autoencoder\s.* ([\d.]+)\s+[\d.]+|.0f>>, <<calibrated VAE.* ([\d.]+)\s+[\d.]+|.0f>> and
#   <<classic VAE.* ([\d.]+)\s+[\d.]+|.0f>>.
# - **The price** of a heavy KL is blur. The codes of the classic VAE hold <<classic VAE\s+[\d.]+\s+([\d.]+)|.0f>>
#   nats, those of the calibrated one <<calibrated VAE\s+[\d.]+\s+([\d.]+)|.0f>>. The squared errors are
#   <<classic VAE\s+([\d.]+)>> and <<calibrated VAE\s+([\d.]+)>>. The autoencoder's is <<autoencoder\s+([\d.]+)>>, so a
#   light KL costs no detail.
#
# Does the KL make faces robust at least? Add the same noise to the codes of two faces, as a share of the spread of each
# network's codes.

# %% caption="Two held-out faces with noise on their codes, as a share of the spread of the codes." alt="Three rows of two faces, each four times with growing noise. In every row the person changes little at a quarter of the spread and clearly at one."
faces_with_noise = {}
for name, network in networks.items():
    steps = np.array([0, 0.25, 0.5, 1])[:, None] * spreads[name] * standard[0]
    two, _ = latent.encode(network, faces.preview[:2])
    faces_with_noise[name] = latent.decode(network, np.concatenate([code + steps for code in two]))
plots.rows(faces_with_noise, heads=["no noise", "0.25", "0.5", "1"] * 2)

# %% [markdown]
# Up to half the spread every face stays a face and drifts away from the person. At the full spread some break. The last
# column of the table holds the squared
# change by noise of half the spread: <<autoencoder\s.* ([\d.]+)>> for the autoencoder, <<calibrated VAE.* ([\d.]+)>> and
# <<classic VAE.* ([\d.]+)>> for the VAEs.
#
# So robustness is not what the KL is for, and with a fitted prior a plain autoencoder draws faces, too. The KL holds the
# codes near zero, with a spread of about one. It gives each code a precision, $\sigma$, and a price in nats. A plain
# autoencoder has none of these. Lesson 05 uses the price to see which latent variables a face needs.

# %% [markdown]
# <details><summary>With other pictures</summary>
#
# With fewer than about a thousand training faces there are too few codes for two components: mixture and Gaussian are
# the same, and the exercise on components gives four equal distances. Small sets of faces are far apart by chance, so
# compare every distance with that of the real training faces. With a folder of your own or another number of latent
# variables, run lesson 03 first. Models of few pictures may well remember them: the test for copies is the one to
# watch.
#
# </details>
