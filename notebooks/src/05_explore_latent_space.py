# ---
# jupyter:
#   lesson:
#     title: Explore the latent space
#     do: |
#       - look at every latent variable, and find out which ones carry something,
#       - draw maps of the faces and colour them by attributes,
#       - turn single numbers of a code and see what moves,
#       - find directions that mean something, do arithmetic with faces, and edit a photograph.
#     learn: |
#       - how KL per dimension shows what a latent variable costs,
#       - why single latent variables rarely mean one thing, and why directions do,
#       - how to check with held-out faces that a direction means what its name says,
#       - that an edit has side effects, and how they come from the data.
#     need: |
#       [Lesson 03](03_train_vae.ipynb) explains the model, [lesson 04](04_generate_faces.ipynb) how its codes are distributed. If
#       you have not trained a model, the weights that ship are used; for a folder of your own, or another latent size, run
#       lesson 03 first.
#     minutes: {quick: 0.5, cpu: 1, gpu: not measured, full: 1}
#     settings: [dataset, latent_dim]
#     learned: |
#       - The KL of a dimension is its price; a dimension with a price near zero carries nothing.
#       - Attributes are directions, not dimensions. A linear probe on held-out codes says how well each is known.
#       - "A − B + C" comes nearer to the mean of both than each of its terms, because a good part of the effects of two
#         attributes adds up in the code; means over many faces remove what is peculiar to single ones.
#       - An edit changes what the training pictures connect with the attribute, too. Other steps of the same length show what
#         is due to the mere size of the step.
#     questions: |
#       1. Decode `code + found["means"].loc[name].to_numpy()` and the same with `"regression"`. Which attributes drag others
#          along?
#       2. How many of the most expensive dimensions does the probe need to reach its AUC? Try 4, 16 and 64.
#       3. Put a picture of your own, or of somebody who agreed, through `vae_keras.data.load_images` (with
#          `crop=model.card["crop"]`; it gives pictures and their names) and `model.edit`. What is lost before any edit, just by
#          reconstructing it?
# ---

# %% [markdown]
# ## The model and its faces
# As in lesson 04: the model that you trained, else the one that ships for these faces, here with its sharpened decoder, if it
# has one.

# %%
import numpy as np
import pandas as pd

from vae_keras import data, directions, evaluation, hub, latent, plots
from vae_keras.release.classifier import label_faces

model = hub.load_for(config)
vae = model.vae
plots.grid(model.generate(10, seed=config.seed), columns=10)

# %% [markdown]
# To explore codes we need pictures to encode. Where they have no labels, `label_faces` adds what a small face network sees in
# them (the classifier of lesson 04); labelled ones stay as they are. Each picture gives a mean and a log-variance per latent
# dimension: this is the whole of what the model knows about a picture.

# %%
faces = label_faces(data.load_faces(config.dataset, config.image_size, config.pictures))
train_mean, train_log_variance = latent.encode(vae, faces.train[:20_000])
test_mean, test_log_variance = latent.encode(vae, faces.test[: config.evaluation_pictures])

# %% tags=["nbval-check-output"]
print("codes of the eight:", latent.encode(vae, faces.preview)[0].shape)

# %% [markdown]
# ## How is each latent variable distributed?
# The prior of the training was $N(0, 1)$ for each variable. Do the codes follow it? Below stands a histogram for every one,
# with the density of $N(0, 1)$ as a line, and above it its number and its KL in nats, by which they are sorted (the next
# section explains it).

# %%
plots.latent_distributions(test_mean, test_log_variance)

# %% [markdown]
# One by one most look much like the bell they should follow: the KL term saw to that. Some are shifted. (Lesson 04 showed
# that *together* they do not: they depend on each other, and along some directions spread far more than along others.
# Histograms of single variables cannot show it.)

# %% [markdown]
# ## What does each variable cost?
# The KL divergence of one dimension, averaged over pictures, is its price in nats. It bounds from above what the dimension
# tells about a face; the rest is paid for codes that are not spread like $N(0, 1)$. With a bar for the mean over pictures:
# $$\mathrm{KL}_j = \tfrac{1}{2}\,\overline{\left(\mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1\right)}.$$
# A dimension is called active if its mean varies from picture to picture, with a variance above 0.01. In the table `mean` and
# `standard_deviation` are those of $\mu_j$ over the pictures; `noise` is the encoder's own $\sigma_j$, the root of its mean
# square.

# %%
statistics = latent.statistics(test_mean, test_log_variance)
print(
    f"{statistics['active'].sum()} of {len(statistics)} dimensions are active; {statistics['kl'].sum():.0f} nats in all"
)
statistics.sort_values("kl", ascending=False).head().round(2)

# %% tags=["nbval-check-output"]
by_hand = 0.5 * (test_mean**2 + np.exp(test_log_variance) - test_log_variance - 1)
print("the same by hand:", np.allclose(by_hand.mean(axis=0), statistics["kl"], rtol=1e-3))

# %%
kl = statistics["kl"]
print(f"the most expensive dimension costs {kl.max() / kl.median():.1f} times the median")
plots.kl_per_dimension(kl)

# %% [markdown]
# Is any price near zero? Where all dimensions are active, as the count above may say, every one carries something, and a longer
# code might still be used; the prices differ all the same. Nobody told the model which one should carry what: the order of the
# dimensions means nothing, and training again from other initial weights would share the work out differently.

# %% [markdown]
# ## What moves when one number is turned?
# Take the first of the eight faces, and turn one of its numbers from −3 to 3 while the others stay. Here are the five most
# expensive dimensions. Has each a meaning?

# %%
code = latent.encode(vae, faces.preview)[0]  # (8, latent_dim)
expensive = statistics["kl"].nlargest(5).index
turns = np.linspace(-3, 3, 9)
plots.rows(
    {f"dimension {j}": latent.decode(vae, latent.traverse(code[0], j, turns)) for j in expensive},
    captions=turns,
)

# %% [markdown]
# Each turns something, and mostly several things at once, such as brightness, the tone of the hair and the background. Few
# deserve a name of their own: the axes of the code are not the axes of our words. Nor does expensive mean important. A part
# of the price is for a centre away from 0 or a spread above 1 (`mean` and `standard_deviation` in the table above). (From −3
# to 3 is three deviations of $N(0, 1)$ to either side, but fewer of a variable that spreads more widely.)

# %% [markdown]
# ## Do similar faces lie together?
# Two dimensions can be drawn, the code has many more. PCA keeps the two directions of largest spread; t-SNE (t-distributed
# stochastic neighbour embedding) gives up distances and keeps neighbours together. Each point is a held-out face: orange if it
# has the attribute, grey if it lacks it.

# %%
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

labels = faces.labels("test")[: len(test_mean)]
shown = test_mean[:2000]
flat = PCA(2, random_state=config.seed).fit_transform(shown)
plots.scatter(flat, labels[: len(shown)], title="PCA")

# %%
perplexity = min(30, len(shown) / 4)
neighbours = TSNE(perplexity=perplexity, random_state=config.seed, init="pca").fit_transform(shown)
plots.scatter(neighbours, labels[: len(shown)], title="t-SNE")

# %% [markdown]
# Where a colour gathers on one side, the attribute is written large in the code. Colours that lie mixed are not unknown to
# the model: they may be separated in one of the many directions that a flat map has no room for. So ask the code itself.

# %% [markdown]
# ## What does a linear model know?
# A logistic regression reads each attribute off the training codes and is tested on held-out ones. Such a model is called a
# linear **probe**. Its measure is the **AUC** (area under the receiver operating characteristic curve): the probability that
# a face with the attribute is ranked above one without; 0.5 is guessing. Beside it stand the same for PCA codes of the
# pixels, with as many numbers per face, and for a single number of the code: the dimension that is correlated most with the
# attribute.

# %%
known = directions.usable_attributes(faces.labels("train")[: len(train_mean)])
pca = evaluation.fit_pca(faces.train, components=config.latent_dim, seed=config.seed)
pixels = (
    evaluation.pca_codes(pca, faces.train[: len(train_mean)]),
    evaluation.pca_codes(pca, faces.test[: len(test_mean)]),
)
areas = pd.DataFrame(
    {
        "VAE": directions.probe(train_mean, known, test_mean, labels),
        "PCA of pixels": directions.probe(pixels[0], known, pixels[1], labels),
    }
)
for name in known:
    best = np.abs(np.corrcoef(train_mean.T, known[name])[-1, :-1]).argmax()
    alone = directions.probe(train_mean[:, [best]], known[[name]], test_mean[:, [best]], labels)
    areas.loc[name, "best single dimension"] = alone[name]
plots.bars(areas, label="AUC on held-out faces", reference=0.5)

# %% [markdown]
# The two codes know much, though neither was told an attribute in training: what varies between faces is what had to be kept. A
# single dimension knows less. Compare the dots of the two codes, too. Where PCA of the pixels does about as well, the attribute
# can be read from pixels by a linear model: that is not where a network has an advantage. The table gives the numbers.

# %%
areas.round(3)

# %% [markdown]
# ## Which way leads to an attribute?
# For each attribute we look for a shift of the code that gives it to a face. The plain way is the difference of means,
# $$d_a = \operatorname{mean}(z \mid a) - \operatorname{mean}(z \mid \text{not } a).$$
# It moves everything that comes *with* the attribute in these pictures. Regression moves less: it predicts the code from all
# shown attributes together, $z \approx c + \sum_a y_a\, d_a$, where $y_a$ is 1 if the face has attribute $a$ and 0 if not, so
# each $d_a$ is what one attribute adds while the others stay. (One function does both: a regression on one attribute alone
# finds the difference of means.)

# %%
found = {
    "means": directions.attribute_directions(train_mean, known),
    "regression": directions.attribute_directions(train_mean, known, controls=list(known.columns)),
}
unit = {method: table.div(np.linalg.norm(table, axis=1), axis=0) for method, table in found.items()}
cosines = {method: table @ table.T for method, table in unit.items()}
plots.heatmap(cosines["regression"], title="cosine between the directions of regression")

# %% [markdown]
# A cosine near zero: the two shifts have little in common. (Whether an edit leaves the other attribute alone is measured
# below.) Above zero the two attributes change the code in similar ways, and an edit of one will look a little like the other;
# below zero, in opposite ways. Are the directions of regression nearer to right angles than the differences of means? Here is
# the mean absolute value of the cosines between different attributes.

# %%
others = ~np.eye(len(known.columns), dtype=bool)
pd.Series({method: np.abs(table.to_numpy()[others]).mean() for method, table in cosines.items()}).round(3)

# %% [markdown]
# ## Arithmetic with faces
# The mean code of all faces with one attribute and without another is a code, and decodes to a face. So one can calculate:
# *A without B*, minus *neither*, plus *B without A*. What should come out?

# %%
first, second = faces.dataset.arithmetic
both = faces.labels("train", [first, second])[: len(train_mean)]
a, b = both[first], both[second]
result = directions.arithmetic(train_mean, both, first, second)
terms = np.stack(
    [train_mean[a & ~b].mean(0), train_mean[~a & ~b].mean(0), train_mean[b & ~a].mean(0), result]
)
pictures = faces.train[: len(train_mean)]
means = [pictures[rows.to_numpy()].mean(axis=0) / 255 for rows in (a & ~b, ~a & ~b, b & ~a, a & b)]
pixels = np.stack([*means[:3], means[0] - means[1] + means[2]])
captions = [first, "− neither", "+ " + second, "= both?"]
plots.rows({"of codes": latent.decode(vae, terms), "of pixels": pixels.clip(0, 1)}, captions=captions)

# %% [markdown]
# The last face should have both. It is smooth, because it stands on means over many faces, in which everything that they do
# not share has cancelled out. The second row calculates with the pixels themselves. Where faces are aligned, means of many
# add up there, too, so a picture alone says little for the code. Is the result nearer to the mean of the faces that really
# have both than the other three are, and by how much: among codes, and among pixels?

# %%
distance = {
    "of codes": np.linalg.norm(terms - train_mean[a & b].mean(axis=0), axis=1),
    "of pixels": np.linalg.norm((pixels - means[3]).reshape(4, -1), axis=1),
}
print("distance to the mean of both:")
pd.DataFrame(distance, [first, "neither", second, "result"]).round(2)

# %% [markdown]
# ## Editing a photograph
# An edit is one line: encode, add a direction, decode,
# $$x' = \operatorname{decode}(\mu(x) + s\,d_a).$$
# The model folder holds one direction for each attribute shown. Three were tried: the difference of means, the regression
# above, and a regression that holds every labelled attribute still. Where the classifier of lesson 04 knows the attribute well
# enough, it chose, on validation pictures. Each direction was scaled, to at most four times its length, until the classifier
# saw the attribute in most of the faces that had lacked it. Kept was the one that then changed the classifier's other decisions
# least. (For attributes that it does not know well, a linear model of pixels took its place.) Here are all eight faces with
# each attribute; none of them was trained on. The last row moves each code as far as the longest of these edits, in a random
# direction.

# %%
attributes = [name for name in faces.dataset.attributes if name in model.directions.index]
edited = {f"+ {name}": model.edit(faces.preview, name) for name in attributes}
longest = max((model.direction(name) for name in attributes), key=np.linalg.norm)
z, _ = latent.encode(vae, faces.preview)
edited["random direction"] = latent.decode(vae, directions.edit(z, directions.random_direction(longest)))
plots.rows({"photograph": faces.preview, "reconstruction": model.reconstruct(faces.preview)} | edited)

# %% [markdown]
# Compare every edit with the reconstruction above it, not with the photograph: what the model cannot reconstruct it cannot
# keep. The person should stay, and the attribute appear: is it still the same person, more so than in the last row? Where the
# light of the whole picture changes as well (CelebA's blond hair is an example), there may be two causes. The attribute came
# with such light in the training pictures. And the step is long: it was stretched until most faces turned, also those that
# were far from having the attribute. Half the strength may then look better: see the next figure. And an attribute comes as it
# mostly looks in the training pictures: CelebA's `Eyeglasses` are often dark, and so are the model's.

# %% [markdown]
# **Strength is a dial.** Half of it goes half the way in the code, negative values go the other way. Does the picture change as
# evenly? And how far can the dial be turned before the face breaks?

# %%
strengths = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
one = faces.preview[:1]
dial = {name: np.concatenate([model.edit(one, name, s) for s in strengths]) for name in attributes}
plots.rows(dial, captions=strengths)

# %% [markdown]
# In the middle stands the reconstruction. Where the step had to be stretched far, 1 already exaggerates; beyond 1 every edit
# does: such codes lie where few training faces are. Taking away what a face never had leads there sooner: less than no
# glasses, or hair darker than dark, is nothing that the pictures show.

# %% [markdown]
# ## Does an edit do what it says, and only that?
# Ask the linear probe: of the test faces that lack an attribute in its eyes, how many have it after the edit? And how many
# decisions on the *other* attributes change? There are two controls of the same length: three random directions, and five
# directions from one training face to another. The second kind is the fairer one. Codes spread far along some axes and little
# along most (lesson 04), so a random direction soon leads to codes that no face has. A direction between two faces keeps to
# the axes along which faces differ.

# %%
probes = {name: directions.fit_logistic(train_mean, known[name]) for name in known.columns}


def decisions(z):
    again, _ = latent.encode(vae, latent.decode(vae, z))  # ask about the picture, not the code that made it
    return pd.DataFrame({name: probe.predict(again) for name, probe in probes.items()})


# %%
def between_faces(like, seed):
    """From the code of one training face towards that of another, as long as `like`."""
    one, other = np.random.default_rng(seed).choice(train_mean, 2, replace=False)
    return (other - one) * np.linalg.norm(like) / np.linalg.norm(other - one)


few = test_mean[:300]
before, report = decisions(few), {}
for name in known.columns.intersection(model.directions.index, sort=False):
    direction = model.direction(name)
    ways = {
        "edit": [direction],
        "random directions": [directions.random_direction(direction, seed) for seed in range(3)],
        "between faces": [between_faces(direction, seed) for seed in range(5)],
    }
    for way, steps in ways.items():
        lacked, seen = ~before[name], []  # NaN where no face lacks it
        for step in steps:
            after = decisions(few + step)
            others = (after != before).drop(columns=name)[lacked].to_numpy().mean()
            seen.append({"turned": after[name][lacked].mean(), "others changed": others})
        report[name, way] = pd.DataFrame(seen).mean()
pd.DataFrame(report).T.round(2)

# %% [markdown]
# An edit should turn many and change few others. Where others change clearly more with the edit than with a step between two
# faces, the model connects this attribute with some of the others (the mean does not say which); lesson 01's correlations say
# whether the pictures do, too. Where such a step changes as many, the length of the step may be enough to explain it. A
# random direction that changes more shows only that it leads away from faces. And look at what the controls turn: where a
# step without a meaning turns many, the probe knows the attribute poorly (compare its AUC), or most faces have it, so that
# any change makes a face more usual.

# %% [markdown]
# ## What does an outsider see?
# The probe reads codes of this very model. The classifier of lesson 04 never saw a code: it looks at the edited picture. But it
# is no neutral witness. On validation pictures it set the length of these directions by how many faces it saw turned, and it
# chose among up to three: first those that turned enough, then the one that changed fewest of its decisions. So both of its
# numbers are flattered: what is new is whether they carry over to test faces. First its agreement with the labels of the test
# pictures, beside that of always giving the commoner answer (nothing is listed where it knows none of the attributes; where the
# labels are its own, it agrees of course).

# %%
classifier = evaluation.load_classifier()
shared = [name for name in attributes if name in classifier.attributes]
test = faces.test[: len(test_mean)]
agreement = (classifier.decisions(test)[shared].to_numpy() == labels[shared].to_numpy()).mean(axis=0)
share = labels[shared].mean()
pd.DataFrame({"agreement": agreement, "commoner answer": np.maximum(share, 1 - share)}, index=shared).round(3)

# %%
views, unedited = {}, latent.decode(vae, few)
for name in shared:
    direction = model.direction(name)
    steps = {"edit": direction, "random direction": directions.random_direction(direction)}
    for way, step in (steps | {"between faces": between_faces(direction, seed=0)}).items():
        views[name, way] = classifier.score_edit(unedited, latent.decode(vae, few + step), name)
pd.DataFrame(views).T.round(2)

# %% [markdown]
# Where it agrees with the labels more often than the commoner answer does, its view of the edits counts: how many faces it sees
# turned, of those that lacked the attribute in its eyes, and how many of its decisions on all other attributes it changes. (One
# step of each kind here, the same two faces for all attributes.) Does it find the same side effects as the probe? (Compare the
# edit with the other steps within each table, not one table's numbers with the other's: the probe's others are the attributes
# shown here, the classifier's are all the rest of its 40.) Where the two differ, trust neither alone.
