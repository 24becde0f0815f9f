# ---
# jupyter:
#   lesson:
#     title: Create with it
#     question: Can it make something new of two faces, and data for another model?
#     do: |
#       - give a face the smile, the glasses or the light of another face,
#       - learn a style from two sets of pictures,
#       - turn faces into each other, and mix three of them,
#       - train a classifier with pictures that nobody took, and measure what they are worth,
#       - design anime characters that belong together.
#     learn: |
#       - how one attribute is moved from code to code while the rest stays,
#       - how labelled pictures are generated without new labels,
#       - when generated pictures help another model, and when they harm it.
#     need: |
#       [Lesson 05](05_explore_latent_space.ipynb), which introduces directions. The weights that ship are used unless
#       you have trained a model in lesson 03.
#     minutes: {quick: 1, cpu: 5, full: 5}
#     settings: [dataset]
#     learned: |
#       - The part of a code along a direction can be exchanged. The difference of two sets' mean codes is a style.
#       - A plain mean of codes is more ordinary than any of its faces.
#       - Codes of each class, drawn from a prior of that class, decode to pictures with labels.
#       - **Can it make something new of two faces, and data for another model?** Yes to the first: faces between them,
#         and faces with a part of each. To the second, a little, and only while labelled pictures are rare: generated
#         ones cannot replace real ones.
# ---

# %% [markdown]
# ## Two kinds of new
# So far, new faces came from random codes. This lesson makes codes out of other codes: of two faces, of two sets of
# pictures, of a class. First the model, and the codes of training pictures and of test pictures that it has never seen.

# %%
import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score

from vae_keras import config as settings
from vae_keras import data, directions, evaluation, hub, latent, plots, priors
from vae_keras.applications.dial import first_model
from vae_keras.applications.full_size import smooth_step
from vae_keras.applications.mixer import mixer
from vae_keras.applications.morph import draw_frames
from vae_keras.applications.photo import own_photograph
from vae_keras.applications.synthetic import (
    EACH_STEP,
    accuracy,
    by_class,
    labelled_faces,
    shrink,
    train_small,
)
from vae_keras.applications.transfer import LEAST, MOST, NARROWEST
from vae_keras.checks import lesson_09 as check
from vae_keras.release.classifier import label_faces

model = first_model(config)
vae = model.vae
faces = label_faces(data.load_faces(config.dataset, config.image_size, config.pictures)).wholly_labelled()
train_codes, _ = latent.encode(vae, faces.train[:6_000])
test_codes, _ = latent.encode(vae, faces.test[: config.evaluation_pictures])
known = directions.usable_attributes(faces.labels("train")[: len(train_codes)])
print(f"{len(train_codes)} training codes and {len(test_codes)} test codes of {vae.latent_dim} numbers")

# %% [markdown]
# ## The part of a code along a direction
# Lesson 05 added a direction $d$ to every face alike. A transfer asks how much of it *another* face has. The part of a
# code $z$ along $d$ is its shadow on the line that $d$ spans:
# $$a(z) = \frac{z \cdot d}{d \cdot d}, \qquad z = a(z)\,d + \text{everything else}.$$
# Take this part out of one face, put in that of the other, and everything else stays.

# %% [markdown]
# ### Exercise 9.1: exchange a part
# Write the function: it returns the code `z` with the part of `other` along `direction` in place of its own.
# <details><summary>Hint</summary>The difference of the two parts $a$ is a single number. `@` is the scalar product.
# </details>
#
# [Solution](solutions/09_create.ipynb)


# %%
def swap(z, other, direction):
    return ...  # your answer


check.swap(swap)

# %% [markdown]
# How far apart are faces with and without an attribute, in these units?

# %%
names = [name for name in known if name in model.directions.index]
for name in names:
    d = model.direction(name)
    part = train_codes @ d / (d @ d)
    has = known[name].to_numpy()
    print(f"{name:<12} without {part[~has].mean():5.2f}   with {part[has].mean():5.2f}")

# %% [markdown]
# Most distances are below 1. One whole direction is meant to make an attribute *visible* in most faces, and that takes
# more than the step between two means: `Male` is <<Male +without +(-?[\d.]+)>> in faces without it and
# <<Male +without +-?[\d.]+ +with +(-?[\d.]+)>> in the others. A plain exchange of such a part would hardly show. So we
# measure on a scale of our own: 0 is the mean face, and 1 is the typical face with the attribute. The shadow has another
# weakness: it takes in whatever else spreads the codes along $d$. `reading` gives more weight to what varies little among
# faces, as Fisher's linear discriminant does.

# %% include vae_keras/applications/transfer.py::position

# %% [markdown]
# The limits keep a face from counting many times over. The rest is one line: move the code by the whole direction
# where the giver stands at 1 and the receiver at 0.

# %% include vae_keras/applications/transfer.py::transfer

# %% [markdown]
# ## From one face to another
# Left, the face that gives: of the test faces with the attribute, the one nearest to 1. The others receive. The first of
# them is a photograph of your own, or of somebody who agreed: put its path in place of `None`. It stays on the machine that
# runs this notebook. Here it is NASA's portrait of Eileen Collins.

# %% caption="The answer for two faces: each row gives its receivers one thing that the face on the left has." alt="A row of seven faces, and below it the same faces with a smile, with dark glasses, with blond hair and in light from one side, each beside the face that gave it."
wanted = ["Smiling", "Eyeglasses", "Blond_Hair", "Light_From_Left"]
photograph = None  # "me.jpg", in Colab also "upload" or "camera"
_, found = own_photograph(photograph, model)
own_code, _ = latent.encode(vae, found.image[None])
receivers = np.concatenate([own_code, test_codes[[0, 2, 3, 5, 1, 4]]])
empty = np.full_like(faces.test[:1], 255)
table = {"as they are": [*empty, *latent.decode(vae, receivers)]}
for name in [name for name in wanted if name in model.directions.index and name in faces.table]:
    has = faces.labels("test", name)[name].to_numpy()[: len(test_codes)]
    from_typical = np.where(has, np.abs(position(model, test_codes, name) - 1), np.inf)
    giver = test_codes[[from_typical.argmin()]]
    received = transfer(model, receivers, giver, [name], strength=0.8)
    table[name] = latent.decode(vae, np.concatenate([giver, received]))
plots.rows(table)

# %% [markdown]
# Pose and person mostly stay. Every receiver gets the smile in its own way; a face that smiled already, such as the first,
# hardly changes. Glasses come as dark shadows around the eyes, not as the frame of the giver: one direction holds *that*
# there are glasses, not which. Hair shows another limit: blond over dark hair brightens the whole picture with its
# background, and turns the sixth face red. Light from the left is a direction, too. Nobody labelled it, it was measured in
# the pixels, and it hardly shows.
#
# Does somebody see it who knows no codes? The classifier of lesson 05 looks at givers that have the attribute,
# and at receivers without it, before and after. Each receiver has a giver of its own.

# %%
classifier = evaluation.load_classifier()
truth = faces.labels("test", list(known))[: len(test_codes)]
known_to_classifier = [name for name in names if name in classifier.attributes and truth[name].nunique() == 2]
rng, count = np.random.default_rng(config.seed), min(60, len(test_codes) // 4)
rows = []
for name in known_to_classifier:
    has = truth[name].to_numpy()
    giver, receiver = (test_codes[rng.choice(np.flatnonzero(group), count)] for group in (has, ~has))
    sets = {"givers": giver, "before": receiver, "after": transfer(model, receiver, giver, [name])}
    seen = {where: classifier.decisions(latent.decode(vae, z))[name].mean() for where, z in sets.items()}
    rows.append({"attribute": name, **seen, "ratio": seen["after"] / max(seen["givers"], 1e-9)})
print(pd.DataFrame(rows).round(2).to_string(index=False))

# %% [markdown]
# `givers`: how often the attribute is seen in faces that really have it, after a reconstruction. `ratio`: how often it
# is seen after the transfer, in units of that. For glasses it is <<Eyeglasses(?: +[\d.]+){3} +([\d.]+)>>, for blond hair
# <<Blond_Hair(?: +[\d.]+){3} +([\d.]+)>>, for smiles <<Smiling(?: +[\d.]+){3} +([\d.]+)>>. `Male` is seen in
# <<Male +[\d.]+ +([\d.]+)>> of the receivers before and in <<Male +[\d.]+ +[\d.]+ +([\d.]+)>> after the transfer. `Young`
# moves less: <<Young +[\d.]+ +([\d.]+)>> before, <<Young +[\d.]+ +[\d.]+ +([\d.]+)>> after. What people call young lies in
# many places of a picture, and a single direction holds only a part of it. The command `transfer` does the same with
# photographs at their own size.

# %% [markdown]
# ## A style is a step between two sets
# Some things have no name and no label. Two sets of pictures can still show them: *like these, not like those*. The
# step between their mean codes is the style. Take the warmest and the coldest pictures, by red minus blue.

# %% include vae_keras/applications/transfer.py::style

# %% caption="Half a step towards cold and warm light, in the code, and the same step in pixels." alt="Four rows of eight faces: as they are, bluish, golden, and with an even golden tint over everything."
warmth = faces.table["Warm"].iloc[faces.rows("train")].to_numpy()
order = np.argsort(warmth)
count = min(500, len(order) // 4)
cold, warm = faces.train[np.sort(order[:count])], faces.train[np.sort(order[-count:])]
step = style(vae, cold, warm)
tint = warm.mean(axis=0) - cold.mean(axis=0)
shown = {"reconstruction": vae.decode(test_codes[:8])}
shown |= {
    word: latent.decode(vae, test_codes[:8] + s * step) for word, s in {"colder": -0.5, "warmer": 0.5}.items()
}
shown["warmer, in pixels"] = np.clip(faces.preview / 255 + 0.5 * tint / 255, 0, 1)
for name in names:
    d = model.direction(name)
    print(f"half a step holds {0.5 * step @ d / (d @ d):5.2f} of {name}")
plots.rows({word: np.asarray(images) for word, images in shown.items()})

# %% [markdown]
# In pixels a style is a tint: the same colours are added to every picture. That row tints the photographs, so it is
# sharper. In the code the light changes, and each picture takes it in its own way: hair turns golden or grey, and one white
# background stays nearly white. What else has come along? The printed lines say, for one:
# <<half a step holds +(-?[\d.]+) of Blond_Hair>> of the direction to blond hair.

# %% [markdown]
# ### Exercise 9.2: only the light
# The two sets differ in more than light. Take an attribute out of a step: return `step` without its part along
# `direction`, so that the scalar product of the result and `direction` is 0.
# <details><summary>Hint</summary>The formula of `swap` again: a part along a direction, this time subtracted from a
# step.</details>
#
# [Solution](solutions/09_create.ipynb)


# %%
def without(step, direction):
    return ...  # your answer


check.without(without)

# %% [markdown]
# ## Between faces
# A **morph** is the way from one code to the next, slow at each face and fast between them. `draw_frames` decodes it one
# frame after the other, so that a long film needs little memory.

# %% include vae_keras/applications/morph.py::morph_codes

# %% caption="A way over three faces and back. The file plays it." alt="Two rows of faces. The first face turns into a second, a third, and back into the first; every picture on the way is one whole face."
stops = test_codes[[3, 5, 2]]
film = settings.working_folder() / "build" / "morph.gif"
film.parent.mkdir(exist_ok=True)
data.save_animation(draw_frames(vae, morph_codes(stops, 24, back=True), 128), film, rate=12, force=True)
print("wrote", film.name)
plots.grid(latent.decode(vae, morph_codes(stops, 5, back=True)), columns=8)

# %% [markdown]
# A name in `.mp4` writes a video, once `pip install av` is done. In a terminal it is one line:
#
#     python -m vae_keras morph --model celeba --images me.jpg friend.jpg --out morph.mp4

# %% [markdown]
# ## A mixer
# Three faces, three sliders. Run this cell, and move them. The face below is the mean of the three codes, weighted by
# the sliders.

# %% include vae_keras/applications/mixer.py::mix caption="Mixtures of three new faces: seven positions of the sliders." alt="Seven faces: three different people, three halves between them, and a softer, more ordinary face of all three."
mixer(model, model.sample(3, seed=2, temperature=0.7))

# %% [markdown]
# The mixture of all three is the most ordinary of them. A mean of random codes lies nearer to the mean face than each of
# them does. With amounts $w_i$ that add up to 1, the variance of a mixture is $\sum w_i^2$ times that of a face.

# %%
third = np.full(3, 1 / 3)
mean_code = train_codes.mean(axis=0)
trios = train_codes[: len(train_codes) // 3 * 3].reshape(-1, 3, vae.latent_dim)
mixtures = np.einsum("i,nij->nj", third, trios)
for word, z in {"one face": train_codes, "a mixture of three": mixtures}.items():
    print(f"{word}: {np.linalg.norm(z - mean_code, axis=1).mean():.1f} from the mean code")

# %% [markdown]
# ### Exercise 9.3: a lively mixture
# Mix without becoming ordinary. Write a function of codes `z`, of amounts that add up to 1, and of the mean code: it returns the
# mixture, stretched away from the mean so that mixtures spread as faces do.
# <details><summary>Hint</summary>The distance from the mean has shrunk by $\sqrt{\sum w_i^2}$.</details>
#
# [Solution](solutions/09_create.ipynb)


# %%
def lively_mix(z, amounts, mean):
    return ...  # your answer


check.lively_mix(lively_mix)

# %% [markdown]
# ## Pictures with labels
# Labels are expensive: somebody has to look at each picture. Suppose that only $n$ pictures have labels. Can the
# VAE make more of them? Fit a prior, a distribution to draw codes from, to the codes of the pictures with the attribute, and
# one to the codes of the others. What is drawn from the first one *gets* the label.

# %% include vae_keras/applications/synthetic.py::conditional_codes

# %% caption="Faces drawn for a label, from the codes of 50 labelled pictures." alt="Two rows of eight faces with patchy hair and backgrounds. Faces of a column resemble each other; those above look more like men, those below more like women."
name = (known.mean() - 0.4).abs().idxmin()
train_labels, test_labels = known[name].to_numpy(), truth[name].to_numpy()
drawn = latent.decode(vae, conditional_codes(train_codes[:50], train_labels[:50], 8))
plots.rows({f"drawn for {name}": drawn[:8], f"drawn for not {name}": drawn[8:]})

# %% [markdown]
# Both rows take the same random numbers, so the faces of a column resemble each other. They are rough, more than the class
# changes, and some do not fit their label: 50 codes tell little about 128 numbers.

# %% [markdown]
# ## Do they help another model?
# The other model is a small network that sees 32×32 pixels and has to tell the two classes apart. It is trained twice,
# with as many steps. The first training sees the $n$ real pictures alone. In the second, every second picture is one of
# <<(\d+) generated pictures of each class>> generated ones of each class. Both see as many pictures of each class. The
# generated ones are drawn by `plain`, the decoder before it was sharpened, which shares the encoder and so the codes.

# %% include vae_keras/applications/synthetic.py::compare

# %% [markdown]
# Three things keep this honest. The priors see the codes of the same $n$ pictures and no other label. The test
# pictures are held out. Each training is repeated with other seeds, which also choose other pictures.

# %%
steps, seeds = 100 * min(3, config.comparison_epochs), min(3, config.comparison_epochs)
print(f"{steps} steps, {EACH_STEP * steps} generated pictures of each class, label {name}")
plain = first_model(config, plain=True).vae
test = shrink(faces.test[: len(test_codes)][:1000]), test_labels[:1000]
rows = []
for n in sorted({min(n, len(train_codes)) for n in (50, 150, 500, 1500, 5000)}):
    for seed in range(seeds):
        chosen = np.random.default_rng(seed).permutation(len(train_codes))[:n]
        given = train_codes[chosen], train_labels[chosen]
        found = compare(plain, faces.train[chosen], *given, test, steps, seed)
        on_codes = directions.fit_logistic(*given).predict(test_codes[:1000])
        found["no picture: regression on codes"] = balanced_accuracy_score(test[1], on_codes)
        rows.append({"n": n, "seed": seed, **found})
results = pd.DataFrame(rows)

# %% [markdown]
# Balanced accuracy is the mean of the accuracies of both classes. The lines are means over the seeds. The first table has
# what the generated pictures add, in points: the mean over the seeds, the least and the most.

# %% caption="The answer for data: balanced accuracy on held-out pictures, over the number of labelled pictures." alt="Three rising curves over 50 to 5,000 labelled pictures. With generated pictures the small network is better for the fewest pictures; from some hundred pictures on the curves meet and cross."
gain = (results["real + generated"] - results["real"]).groupby(results["n"]).agg(["mean", "min", "max"])
print((100 * gain).round(1).rename_axis("points gained at n").to_string())
curves = results.drop(columns="seed").groupby("n").mean()
print(curves.round(3).to_string())
plots.lines({"": dict(curves.items())}, x="labelled pictures", y="balanced accuracy", log_x=True)

# %% [markdown]
# With 50 labelled pictures the generated ones add <<\n50 +(-?[\d.]+) +-?[\d.]+ +-?[\d.]+\n>> points on average, between
# <<\n50 +-?[\d.]+ +(-?[\d.]+) +-?[\d.]+\n>> and <<\n50 +-?[\d.]+ +-?[\d.]+ +(-?[\d.]+)\n>> by the seed. With 150 it is
# <<\n150 +(-?[\d.]+) +-?[\d.]+ +-?[\d.]+\n>>, between <<\n150 +-?[\d.]+ +(-?[\d.]+) +-?[\d.]+\n>> and
# <<\n150 +-?[\d.]+ +-?[\d.]+ +(-?[\d.]+)\n>>; with 500 <<\n500 +(-?[\d.]+) +-?[\d.]+ +-?[\d.]+\n>>, and with 5,000
# <<\n5000 +(-?[\d.]+) +-?[\d.]+ +-?[\d.]+\n>>. So the gain is small, it is there only where labels are rare, and a single
# seed could tell another story. Where real pictures are many, generated ones only take their places.
#
# Where could a gain come from? The VAE has seen thousands of pictures *without* labels, and knows how faces vary. The third
# curve uses the same knowledge and needs no generated picture: a logistic regression on the codes of the labelled ones. With
# 50 labels it reaches <<\n50 +0\.\d+ +0\.\d+ +(0\.\d+)\n>>, beside <<\n50 +0\.\d+ +(0\.\d+) +0\.\d+\n>> of the network
# with generated pictures; with 500 <<\n500 +0\.\d+ +0\.\d+ +(0\.\d+)\n>> beside <<\n500 +0\.\d+ +(0\.\d+) +0\.\d+\n>>; with
# 5,000 <<\n5000 +0\.\d+ +0\.\d+ +(0\.\d+)\n>> beside <<\n5000 +0\.\d+ +(0\.\d+) +0\.\d+\n>>. Try what you have before you
# generate more.

# %% [markdown]
# ### Exercise 9.4: who leaks?
# A friend has 50 labelled pictures and reports large gains. Which of these recipes use labels that are not given?
#
# - **A**: Gaussians fitted to the codes of the 50 pictures, for each class.
# - **B**: Gaussians fitted to the codes of all training pictures, for each class.
# - **C**: codes from the model's prior, moved along `model.direction(name)`.
# - **D**: codes from the model's prior, labelled by the classifier that ships.
#
# <details><summary>Hint</summary>Ask of each number in the recipe which labels it was computed from.</details>
#
# [Solution](solutions/09_create.ipynb)

# %%
letters = ...  # such as {"A", "B"}

check.leaks(letters)

# %% [markdown]
# ## A set of characters
# The course's anime model draws characters who do not exist. Begin with eight.

# %% caption="Eight new characters, a way from the first to the second, and two families." alt="Four rows of eight anime faces. The first has all colours of hair, the second goes from the first face to the second, in the third most faces have pink or lilac hair, in the fourth dark hair."
anime = hub.load("anime")
cast = anime.sample(8, seed=3, temperature=0.8)
shown = {"new": cast, "from the first to the second": morph_codes(cast[:2], 7)}
for head in (7, 3):
    shown[f"the family of number {head + 1}"] = 0.5 * cast + 0.5 * cast[head]
plots.rows({word: latent.decode(anime.vae, z) for word, z in shown.items()})

# %% [markdown]
# The last two rows are families. Every code is half its own and half that of the head of the family, so colours and faces
# move towards the head. Red and orange hair still shows.
#
# The pictures behind this model were drawn by artists who were not asked. Design with it to learn, not to sell.

# %% [markdown]
# <details><summary>With other pictures</summary>
#
# Attributes are those that the pictures and the model both know, and the classifier judges those of CelebA's. Pictures
# without labels get those that the classifier sees, or measured ones. The sizes end with the number of training
# pictures.
#
# </details>
