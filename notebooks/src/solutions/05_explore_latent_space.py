# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 5
#     settings: [dataset, latent_dim]
# ---

# %%
import numpy as np
import pandas as pd

from vae_keras import data, directions, evaluation, hub, latent, plots
from vae_keras.checks import lesson_05 as check
from vae_keras.release.classifier import label_faces

model = hub.load_for(config)
vae = model.vae
faces = label_faces(data.load_faces(config.dataset, config.image_size, config.pictures)).wholly_labelled()

# %%
train_mean, _ = latent.encode(vae, faces.train[:20_000])
test_mean, _ = latent.encode(vae, faces.test[: config.evaluation_pictures])
known = directions.usable_attributes(faces.labels("train")[: len(train_mean)])
labels = faces.labels("test", list(known))[: len(test_mean)]
first = known.columns[0]

# %% [markdown]
# ## Exercise 5.1: a difference of means
# `z[has]` holds the codes with the attribute, `z[~has]` those without it. The mean over axis 0 keeps one value for
# each latent variable. The result is the module's direction without controls, so their cosine is 1.


# %%
def difference_of_means(z, has):
    having, without = z[has], z[~has]
    return having.mean(axis=0) - without.mean(axis=0)


check.difference_of_means(difference_of_means)

# %%
direction = difference_of_means(train_mean, known[first].to_numpy())
module = directions.attribute_directions(train_mean, known).loc[first]
print(f"cosine {direction @ module / np.linalg.norm(direction) / np.linalg.norm(module):.3f}")

# %% [markdown]
# ## Exercise 5.2: predict three signs
# The signs are those of the correlations. If two attributes come together, the faces with the one have the other more
# often than the faces without it. So each difference of means contains a part of the other, and they point the same
# way.

# %%
related = directions.correlated_pairs(known)
signs = [int(np.sign(known.corr().loc[pair])) for pair in related]
print(dict(zip(related, signs)))

check.signs(signs, related, train_mean, known)

# %% [markdown]
# ## Exercise 5.3: how many latent variables?
# The AUC rises with every doubling. No latent variable holds the attribute: each adds a little.

# %%
z, has = train_mean[:5_000], known[[first]][:5_000]
order = np.abs(np.corrcoef(z.T, has.T)[-1, :-1]).argsort()[::-1]
counts = 2 ** np.arange(1 + int(np.log2(len(order))))
areas = pd.Series(
    {n: directions.probe(z[:, order[:n]], has, test_mean[:, order[:n]], labels)[first] for n in counts}
)
print(areas.round(3).to_dict())

# %%
how_many = (areas >= min(0.9, areas.max())).idxmax()
print(how_many, "latent variables")

check.how_many(how_many, order, z, has, test_mean, labels)

# %% [markdown]
# ## Exercise 5.4: how strong should a smile be?
# A weak edit changes little besides, but turns few faces. The stronger it gets, the more it turns and the more it
# changes. There is no right answer to the last question, only a price. Half strength is a fair start: add more for
# faces that resist.

# %%
classifier = evaluation.load_classifier()
test_codes = test_mean[:200]
before = classifier.decisions(latent.decode(vae, test_codes))


def score(after, name):
    lacked = ~before[name]
    changed = (before != after)[lacked].mean().drop(name)
    return {"turned": after[name][lacked].mean(), "others changed": changed.mean()}


# %%
def smile(strength):
    edited = latent.decode(vae, test_codes + strength * model.direction(first))
    scores = score(classifier.decisions(edited), first)
    return scores["turned"], scores["others changed"]


check.smile(smile, model, test_codes, first)

# %%
strengths = [0.25, 0.5, 1]
pd.DataFrame([smile(strength) for strength in strengths], strengths, ["turned", "others changed"]).round(3)

# %% caption="A smile at strengths from 0 to 1." alt="One face five times, whose smile grows from left to right."
dial = [0, 0.25, 0.5, 0.75, 1]
plots.grid(latent.decode(vae, test_codes[5] + np.outer(dial, model.direction(first))), captions=dial)
