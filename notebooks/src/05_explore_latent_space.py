# ---
# jupyter:
#   lesson:
#     title: Explore the latent space
#     question: What do the numbers mean?
#     do: |
#       - turn single latent variables and see what moves,
#       - find out what each latent variable costs, and which ones are silent,
#       - find directions for a smile or glasses, and edit photographs with them,
#       - measure what an edit changes besides.
#     learn: |
#       - why single latent variables rarely have a name, and why directions do,
#       - how a linear probe tests what can be read from a code,
#       - that an edit repeats what the training pictures connect.
#     need: |
#       [Lesson 03](03_train_vae.ipynb) trains the model. If you have not run it, the weights that ship are used.
#     minutes: {quick: 0.5, cpu: 2, full: 4}
#     settings: [dataset, latent_dim]
#     learned: |
#       - The KL of a latent variable is its price in nats. A price near zero means that it is silent.
#       - A difference of means, or its row of a regression, is a direction. Added to the code of a photograph, it changes
#         the face in its own pose and light.
#       - A step of the same length without a meaning is the control that every edit needs.
#       - **What do the numbers mean?** One by one, nothing that we have a word for. Together they hold directions, such as
#         a smile, and each direction carries along what comes with it in the training pictures.
# ---

# %% [markdown]
# ## The model and its codes
# The model is the calibrated VAE of lesson 03. Its decoder was trained for longer, to draw sharper faces. The faces to
# explore are test pictures, which it has never seen.

# %%
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from vae_keras import data, directions, evaluation, hub, latent, plots, training
from vae_keras.applications.dial import dial
from vae_keras.applications.photo import own_photograph
from vae_keras.checks import lesson_05 as check
from vae_keras.release.classifier import label_faces

model = hub.load_for(config)
vae = model.vae
faces = label_faces(data.load_faces(config.dataset, config.image_size, config.pictures)).wholly_labelled()

# %% [markdown]
# The encoder answers each picture with a mean and a log-variance per latent variable. When this lesson says *code*, it
# means the encoder mean.

# %% tags=["nbval-check-output"]
train_mean, _ = latent.encode(vae, faces.train[:20_000])
test_mean, test_log_variance = latent.encode(vae, faces.test[: config.evaluation_pictures])
code, _ = latent.encode(vae, faces.preview)
print("codes of the eight faces:", code.shape)

# %% [markdown]
# ## Turn one latent variable
# The simplest experiment: take the code of one face, set one latent variable to −3, 0 and 3, and leave all others
# alone. The prior $N(0, 1)$ rarely goes farther than 3.


# %%
def turn(network, code, j):
    """Return a face with latent variable j at -3, 0 and 3, and where the picture changes."""
    low, middle, high = latent.decode(network, latent.traverse(code, j, [-3, 0, 3]))
    difference = np.abs(high - low.astype("float32")).mean(axis=-1)
    return [low, middle, high, 4 * difference / 255]


# %% [markdown]
# Here are the first three latent variables. Their order has no meaning, so these are any three.

# %% caption="Three latent variables, each turned from −3 to 3. Right: where the picture changes, four times as bright." alt="Three rows of one woman's face that changes only a little from left to right. In the difference pictures hair, outline and background are bright."
heads = ["-3", "0", "3", "difference"]
plots.rows({f"latent variable {j}": turn(vae, code[5], j) for j in range(3)}, heads=heads, size=192)

# %% [markdown]
# The person stays. What changes is spread over the picture: a little hair, a little outline, a little background.
# Nothing here deserves a name of its own. Nobody asked the model to give each latent variable a meaning, and another
# training would share the work out differently.

# %% [markdown]
# ## How is each latent variable distributed?
# The KL term pulls each latent variable towards $N(0, 1)$. How well does that work? Most are close. These are the
# dozen that differ most over the test faces.

# %% caption="The latent variables that differ most from N(0, 1), which is the orange line: number, mean ± deviation." alt="Twelve blue histograms shaped like bells, each a little to the left or to the right of the orange curve."
plots.latent_distributions(test_mean, test_log_variance)

# %% [markdown]
# Even these are bells of nearly the right width, shifted by less than one. One by one, the latent variables roughly
# follow the prior. Lesson 04 showed that together they do not.

# %% [markdown]
# ## What does a latent variable cost?
# The KL divergence of one latent variable, averaged over pictures, is its price in nats. The line above the formula is
# that average; $\mu_j$ and $\sigma_j$ are the encoder's.
# $$\mathrm{KL}_j = \tfrac{1}{2}\,\overline{\left(\mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1\right)}.$$
# It limits what the latent variable can tell about a face. At a price of 0 it has the mean 0 and the deviation 1 for
# every face, so it tells nothing. Below a tenth of a nat we call it **silent**.


# %% tags=["nbval-check-output"]
def kl_per_variable(mean, log_variance):
    """Return the mean KL of each latent variable in nats."""
    return 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).mean(axis=0)


kl = {"calibrated": kl_per_variable(test_mean, test_log_variance)}
module = latent.statistics(test_mean, test_log_variance)["kl"]
print("the module agrees:", np.allclose(kl["calibrated"], module, rtol=1e-3))

# %% [markdown]
# To see silence, train a second model: the *classic* VAE, whose loss is the plain squared error plus the KL. The
# calibrated model of lesson 02 gives the squared error more weight, so details repay their nats. The classic model does
# not, so many latent variables have nothing to gain. A small network and 10,000 pictures will do, if we compare the
# shapes of the curves only.

# %%
classic = training.build_vae(config, likelihood="mse", filters=[16, 32, 64, 128])
few = faces.train[:10_000]
training.fit(
    classic, few, epochs=config.comparison_epochs, batch_size=32, optimizer="adam", learning_rate=2e-3
)
kl["classic"] = kl_per_variable(*latent.encode(classic, faces.test[: config.evaluation_pictures]))

# %% caption="The price of each latent variable in both models." alt="Two step curves. The calibrated model's is high and nearly level. The classic model's begins lower, falls steeply and lies near zero on the right."
silent = kl["classic"] < 0.1
print(f"calibrated: from {kl['calibrated'].min():.1f} to {kl['calibrated'].max():.1f} nats each")
print(f"classic: {silent.sum()} of {len(silent)} cost less than a tenth of a nat")
plots.kl_profiles(kl)

# %% [markdown]
# The calibrated model uses all its latent variables. The cheapest costs <<calibrated: from ([\d.]+)>> nats, the
# dearest <<calibrated: from [\d.]+ to ([\d.]+)>>. In the classic model <<classic: (\d+) of>> of
# <<classic: \d+ of (\d+)>> are silent. Turn the dearest and the cheapest to see what silence means.

# %% caption="The classic model: its dearest latent variable turned, and its cheapest." alt="Upper row: a blurred face that changes from left to right, with a bright difference. Lower row: three equal faces and a nearly black difference."
classic_code, _ = latent.encode(classic, faces.preview)
ends = {"dearest": kl["classic"].argmax(), "cheapest": kl["classic"].argmin()}
plots.rows({name: turn(classic, classic_code[5], j) for name, j in ends.items()}, heads=heads, size=192)

# %% [markdown]
# A silent latent variable costs nothing, and the decoder has learned to ignore it.

# %% [markdown]
# ## A map of faces
# If single latent variables mean little, are there better directions? Principal component analysis finds those along
# which the codes spread most. Two of them make a map.

# %% caption="The map, decoded: two principal axes of the codes, each from −2 to 2 deviations." alt="A table of soft faces. From left to right one property of light and background changes, from bottom to top another; the face stays much the same."
axes = PCA(2, random_state=config.seed).fit(train_mean)
places = axes.transform(test_mean)
points = [(x, y) for y in np.linspace(2, -2, 4) for x in np.linspace(-2, 2, 6)]
plots.grid(latent.decode(vae, axes.inverse_transform(points * places.std(axis=0))), columns=6)

# %% [markdown]
# Both axes change light, background and the hair. Now place the test faces on the map and colour them by what annotators
# saw in them.

# %% caption="Test faces on the map: orange with the attribute, grey without." alt="Five clouds of points. In most of them orange and grey are mixed; blond hair gathers on one side."
known = directions.usable_attributes(faces.labels("train")[: len(train_mean)])
labels = faces.labels("test", list(known))[: len(test_mean)]
plots.scatter(places, labels)

# %% [markdown]
# Blond hair gathers where the map is bright. The others are mixed. A map has two axes, and the code has 128, so look for a
# direction made for the attribute.

# %% [markdown]
# ## The direction of an attribute
# Average the codes of all faces with an attribute, and of all faces without it. Both means are codes, so both decode
# to a face.

# %% caption="Mean codes without and with each attribute, decoded." alt="Two rows of soft mean faces. Below, each face has the attribute that the face above it lacks: a smile, glasses, a man's features, blond hair, youth."
without = np.stack([train_mean[~known[name]].mean(axis=0) for name in known])
having = np.stack([train_mean[known[name]].mean(axis=0) for name in known])
pairs = {"without": latent.decode(vae, without), "with": latent.decode(vae, having)}
plots.rows(pairs, heads=list(known))

# %% [markdown]
# What separates two such means is one step in the code, and the step is the direction of the attribute:
# $$d_a = \operatorname{mean}(z \mid a) - \operatorname{mean}(z \mid \text{not } a).$$

# %% [markdown]
# ### Exercise 5.1: a difference of means
# Write the function. `z` holds codes, one in each row, and `has` is true for the rows that have the attribute. One line
# is enough.
# <details><summary>Hint</summary>Average over axis 0, the faces. `~has` is true where `has` is not.</details>
#
# [Solution](solutions/05_explore_latent_space.ipynb)


# %%
def difference_of_means(z, has):
    return ...  # your answer


check.difference_of_means(difference_of_means)

# %% [markdown]
# The mean face with glasses also looks older and more like a man. In CelebA more men than women wear glasses, and the
# difference of means takes that along. The cosine of two directions is far from 0 if their attributes share people or a
# look.

# %% [markdown]
# ### Exercise 5.2: predict three signs
# The cell prints three pairs of attributes. Their correlations stand in the heatmap of lesson 01. Will the
# directions of each pair have a positive or a negative cosine? Write a list of three values, `1` or `-1`, before you look
# at the next figure.
# <details><summary>Hint</summary>If two attributes come together, each difference of means contains a part of the
# other.</details>
#
# [Solution](solutions/05_explore_latent_space.ipynb)

# %%
related = directions.correlated_pairs(known)
print(related)
signs = ...  # your answer

check.signs(signs, related, train_mean, known)

# %% [markdown]
# **Regression** separates attributes that come together. It predicts the code from the five attributes at once, so each
# row of its answer is what one attribute adds while the others stay the same.

# %% include vae_keras/directions.py::regress caption="Cosines between differences of means." alt="A square table of the attributes, red for pairs with a positive cosine and blue for a negative one."
means = pd.DataFrame(having - without, index=known.columns)
shares = pd.DataFrame(regress(train_mean, known), index=known.columns)
cosines = {}
for method, found in {"means": means, "regression": shares}.items():
    unit = found.div(np.linalg.norm(found, axis=1), axis=0)
    cosines[method] = unit @ unit.T
    others = cosines[method].to_numpy()[np.triu_indices(len(unit), 1)]
    print(f"{method}: mean size of a cosine {np.abs(others).mean():.2f}")
plots.heatmap(cosines["means"])

# %% [markdown]
# Two random directions in 128 dimensions have a cosine of about `0.07`. A mean of
# <<regression: mean size of a cosine ([\d.]+)>> is close to that, so regression untangles the attributes in the table.
# What has no column there, such as lipstick or a beard, still comes along.

# %% [markdown]
# ## What can be read from the code?
# A **probe** asks how much of an attribute a simple model can read from the code. Ours is logistic regression, fitted
# on training codes and tested on test codes. The measure is the AUC: the probability that a face with the attribute
# gets a higher score than one without. Guessing gives one half. `directions.probe` fits the function below for each
# attribute.
#
# Two rivals read the same attributes. One sees 128 principal components of the pixels, without any VAE. The other sees
# only the latent variable that goes best with the attribute.

# %% include vae_keras/directions.py::fit_logistic caption="How well a linear probe reads each attribute of test faces." alt="For each attribute three dots. Those of the VAE and of PCA lie close together near the right end, that of a single latent variable far to the left."
pca = evaluation.fit_pca(faces.train, components=vae.latent_dim, seed=config.seed)
train_pixels = evaluation.pca_codes(pca, faces.train[: len(train_mean)])
test_pixels = evaluation.pca_codes(pca, faces.test[: len(test_mean)])
areas = pd.DataFrame({"VAE": directions.probe(train_mean, known, test_mean, labels)})
areas["PCA of pixels"] = directions.probe(train_pixels, known, test_pixels, labels)
for name in known:
    j = np.abs(np.corrcoef(train_mean.T, known[name])[-1, :-1]).argmax()
    alone = directions.probe(train_mean[:, [j]], known[[name]], test_mean[:, [j]], labels)
    areas.loc[name, "one latent variable"] = alone[name]
print("mean AUC:", areas.mean().round(2).to_dict())
plots.bars(areas, label="AUC", reference=0.5)

# %% [markdown]
# The mean AUC is <<'VAE': ([\d.]+)>> for the code and <<'one latent variable': ([\d.]+)>> for its best single latent
# variable. The attribute is spread over many. But PCA of the pixels reaches <<'PCA of pixels': ([\d.]+)>>. That an
# attribute can be read from a code is therefore no merit of the VAE. Its merit is the way back, from a code to a face.

# %% [markdown]
# ### Exercise 5.3: how many latent variables?
# `order` ranks the latent variables by their correlation with the first attribute. Try the first 1, 2, 4, 8, 16, … of
# them. What is the smallest of these counts that reaches an AUC of `0.9` on the test faces? `how_many` is this number.
# <details><summary>Hint</summary><code>directions.probe</code> with <code>z[:, order[:count]]</code> for training and
# test codes. It returns an AUC for each attribute.</details>
#
# [Solution](solutions/05_explore_latent_space.ipynb)

# %%
first = known.columns[0]
z, has = train_mean[:5_000], known[[first]][:5_000]
order = np.abs(np.corrcoef(z.T, has.T)[-1, :-1]).argsort()[::-1]
how_many = ...  # your answer

check.how_many(how_many, order, z, has, test_mean, labels)

# %% [markdown]
# ## Arithmetic with faces
# The way back lets you calculate: *glasses − no glasses + this photograph*. Take the rarest attribute and add twice
# its difference of means, so that it is easy to see. There are two controls. One adds twice the pixels' own difference of
# means to the pixels. The other adds a random step of the same length to the code.

# %% caption="The rarest attribute, added to photographs, to their codes, and a random step as long." alt="Eight photographs; below, the same with a dark smear over the eyes; below, faces with drawn glasses that fit each head; below, faces like those of other people, without glasses."
rare = known.mean().idxmin()
pictures = faces.train[: len(train_mean)]
smear = pictures[known[rare]].mean(axis=0) - pictures[~known[rare]].mean(axis=0)
step = 2 * means.loc[rare].to_numpy()
smeared = (faces.preview / 255 + 2 * smear / 255).clip(0, 1)
sums = {"photograph": faces.preview, f"+ {rare}, in pixels": smeared}
sums[f"+ {rare}, in the code"] = latent.decode(vae, code + step)
sums["random step"] = latent.decode(vae, code + directions.random_direction(step))
plots.rows(sums)

# %% [markdown]
# In pixels the sum is a smear at the place where glasses usually are. In the code it becomes glasses in the pose of the
# head, but twice the step also changes the person. The random step is as long and gives no glasses. Part of every change
# is the reconstruction's, as the next figure shows.

# %% [markdown]
# ## Edit a photograph
# An edit is one line: encode, add a direction, decode,
# $$\hat x = \operatorname{decode}(\mu(x) + s\,d_a).$$
# From here on $d_a$ comes from regression and is stored with the model. It was stretched until a classifier saw the
# attribute in validation faces that had lacked it as often as in faces that have it. That is strength $s = 1$. Begin with
# half of it.

# %% caption="Edits of eight test faces at half strength." alt="Rows of the same eight people: photograph, reconstruction, and one row for each attribute, in which the smile, glasses, gender, hair or age has changed a little."
edited = {"photograph": faces.preview, "reconstruction": model.reconstruct(faces.preview)}
attributes = [name for name in known if name in model.directions.index]
for name in attributes:
    edited[f"half of {name}"] = latent.decode(vae, code + 0.5 * model.direction(name))
plots.rows(edited)

# %% [markdown]
# A row is one direction in the code, the same for all eight people. Compare each row with the reconstruction, not with
# the photograph: what the reconstruction lost cannot return. At half strength glasses are only shadows, and Male and
# Young hardly show. The next figure goes further.

# %% [markdown]
# ## Turn the dial
# Strength is a dial. Run this cell, and each attribute has a slider; the page shows seven positions of each. Put the path of
# your own photograph, or of somebody's who agreed, in place of `None`. On your computer it stays there. In Colab
# `"upload"` and `"camera"` ask for one, and it goes to the machine that runs this notebook.

# %% caption="The answer: one face along five directions, each of which has a name." alt="A row for each attribute. In the middle the reconstruction of a smiling woman; to the right the attribute grows until the face breaks, to the left its opposite."
photograph = None  # "me.jpg", in Colab also "upload" or "camera"; None: NASA's portrait of Eileen Collins
_, found = own_photograph(photograph, model)
own_code, _ = latent.encode(vae, found.image[None])
dial(model, own_code[0], attributes)

# %% [markdown]
# Small steps look natural. At 1 an edit is meant to convince even for a face far from the attribute, so it is often too
# much. Blond hair burns out first: the code has left the region where training faces lie. Glasses stay dark shadows
# around the eyes. Below 0 a smile becomes a serious mouth. For glasses the model has to invent, since there is nothing
# like less than none.

# %% [markdown]
# ## What else does an edit change?
# Ask a witness that never sees a code: the small classifier that ships with the course. It looks at a picture and
# names 40 attributes. Two numbers count. *Turned*: of the faces that lacked the attribute, how many have it now?
# *Others changed*: how many of its other 39 answers differ?

# %%
classifier = evaluation.load_classifier()
test_codes = test_mean[:200]
before = classifier.decisions(latent.decode(vae, test_codes))


def score(after, name):
    """Return what the classifier sees in faces that lacked an attribute before."""
    lacked = ~before[name]
    changed = (before != after)[lacked].mean().drop(name).fillna(0)
    turned = after[name][lacked].mean()
    return {"turned": turned, "others changed": changed.mean(), "most changed": changed.idxmax()}


# %% [markdown]
# Each edit has two controls of the same length: a random direction, and a step between two training faces. The second
# is the fairer one, because it keeps to the ways in which faces differ.

# %% caption="Edits at full strength, and steps of the same length without a meaning." alt="Two panels of bars for each attribute. Left, edits turn most faces and the controls few. Right, edits change more of the other answers than the controls do, most of all Male."
rng = np.random.default_rng(config.seed)
steps = {"random direction": rng.standard_normal(test_codes.shape)}
steps["between two faces"] = rng.choice(train_mean, len(test_codes)) - rng.choice(train_mean, len(test_codes))
shown = [name for name in attributes if name in before]
rows = []
for name in shown:
    direction = model.direction(name)
    for way, step in {"edit": direction[None], **steps}.items():
        step = step * np.linalg.norm(direction) / np.linalg.norm(step, axis=1, keepdims=True)
        after = classifier.decisions(latent.decode(vae, test_codes + step))
        rows.append({"attribute": name, "step": way, **score(after, name)})
report = pd.DataFrame(rows, columns=["attribute", "step", "turned", "others changed", "most changed"])
print(report[report["step"] == "edit"].round(2).to_string(index=False))
tables = {}
for column in ("turned", "others changed"):
    table = report.pivot(index="attribute", columns="step", values=column)
    tables[column] = table.reindex(index=shown, columns=["edit", *steps])
plots.grouped_bars(tables)

# %% [markdown]
# This classifier set the length of the blue bars on the left, on validation pictures. What earns the directions their
# names is the distance to the controls. On the right every edit changes more than a step between two faces: it carries
# something along. The table says what most: for `Male` it is `<<Male\s+edit.* (\w+)>>`.

# %% [markdown]
# ### Exercise 5.4: how strong should a smile be?
# Complete the function: edit `test_codes` along `model.direction(first)` by `strength`, and return the `turned` and
# `others changed` of `score` as a pair. Then try `0.25`, `0.5` and `1`, and divide `turned` by `others changed`. Which
# strength gives the largest ratio?
# <details><summary>Hint</summary>Decode, then let the classifier decide, then <code>score</code>. The loop above does
# the same.</details>
#
# [Solution](solutions/05_explore_latent_space.ipynb)


# %%
def smile(strength):
    return ...  # your answer: turned, others changed


check.smile(smile, model, test_codes, first)

# %% [markdown]
# ## Limits
# - **Labels come together.** Most faces labelled `Male` wear no lipstick. An edit towards `Male` changes what the
#   classifier says of lipstick, because the training pictures connect the two.
# - **Labels are opinions.** Annotators decided who looks young, or like a man. The direction repeats their view and
#   says nothing about the person.
# - **The code does not hold everything.** Single strands of hair need pixels that 128 numbers do not keep. So blond hair
#   becomes a bright cloud.
#
# <details><summary>With other pictures</summary>Pictures without labels get those that the classifier sees, or
# measured ones such as brightness. The last chart shows the attributes that the classifier knows, and stays empty if
# it knows none. In shorter profiles the classic model trains too briefly to silence many latent variables.</details>
