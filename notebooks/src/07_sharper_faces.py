# ---
# jupyter:
#   lesson:
#     title: Sharper faces
#     question: Why are VAE faces blurred, and what does sharpness cost?
#     do: |
#       - find out which picture the squared error asks for,
#       - train a generative adversarial network (GAN) on points in a plane, in seconds,
#       - read the discriminator and its step, and sharpen a decoder with it,
#       - measure what got better and what got worse, and check that sharp faces are new.
#     learn: |
#       - why a squared error blurs,
#       - what a discriminator asks for instead,
#       - what a classifier's distance, density and coverage say about faces.
#     need: |
#       [Lesson 04](04_generate_faces.ipynb), which introduces the Fréchet distance. The models
#       come with the course: sharpening one takes hours.
#     minutes: {quick: 1, cpu: 5, full: 10}
#     settings: [dataset]
#     learned: |
#       - Many faces share nearly one code. The squared error is least for their mean, and a mean is blurred.
#       - A discriminator learns what photographs look like. A decoder that has to pass its test draws one possible face.
#       - Never trust one number. A squared error prefers blur, and a classifier is blind to what it never learned.
#       - **Why are VAE faces blurred, and what does sharpness cost?** They are means of all faces that a code may stand
#         for. Sharp faces have details that are invented. That costs squared error, but need not cost more than
#         twice that of the mean. Some details come out torn.
# ---

# %% [markdown]
# ## Two models
# `plain` is the VAE as lesson 03 leaves it. `sharp` is the same VAE after the training that this lesson explains. Look
# at the plain one first.

# %% caption="Four held-out faces, and what the plain VAE makes of them." alt="Two rows of four large faces. The photographs show strands of hair and skin; the reconstructions have the same pose and light, soft as behind frosted glass."
import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers, ops
from sklearn.neighbors import NearestNeighbors

from vae_keras import data, evaluation, hub, latent, optimizers, pipeline, plots
from vae_keras.checks import lesson_07 as check
from vae_keras.model import stage_filters
from vae_keras.sharpening import Sharpener

plain = hub.load_for(config, plain=True, sharpened=True)
sharp = hub.load_for(config, sharpened=True)
faces = data.load_faces(config.dataset, config.image_size, config.pictures)
test = faces.test[: config.evaluation_pictures]
from_plain = plain.reconstruct(test)
plots.rows({"photograph": test[:4], "plain VAE": from_plain[:4]}, size=256)


# %% [markdown]
# Pose and light are right, and the person roughly. Strands of hair, skin and the edges of things are missing. Where did
# they go?

# %% [markdown]
# ## Many faces, one code
# A code has no room for every strand of hair. Faces that differ in their strands alone have nearly the same code. Make
# such a pair: take what the plain VAE lost of a face, `face - smooth`, and put it back two pixels further to the right.
# Same light and pose, but hair, skin and edges lie elsewhere. How far apart are the codes?

# %%
codes, _ = latent.encode(plain.vae, test)
face, smooth = np.float32(test) / 255, np.float32(from_plain) / 255
twin = np.clip(smooth + np.roll(face - smooth, 2, axis=2), 0, 1)
twin_codes, _ = latent.encode(plain.vae, twin)
for name, z in {"its twin": twin_codes, "another face": np.roll(codes, 1, axis=0)}.items():
    print(f"from a face to {name}: {np.linalg.norm(z - codes, axis=1).mean():.1f}")

# %% [markdown]
# Twins lie close together. The decoder can hardly tell them apart. Which picture should it draw for both? Compare three
# answers.

# %% caption="Eight faces, their twins with details moved, the mean of both, and what the plain VAE draws for each." alt="Five rows of eight faces. Faces and twins are sharp and differ in fine details. Their means are a little softer. The last two rows, drawn by the VAE, are very soft and look the same."
mean = (face + twin) / 2
for name, answer in {"face": face, "twin": twin, "mean": mean}.items():
    error = (np.mean((answer - face) ** 2) + np.mean((answer - twin) ** 2)) / 2
    print(f"drawing the {name}: squared error {error:.4f}")
shown = {
    "face": face,
    "twin": twin,
    "mean": mean,
    "VAE, face": smooth,
    "VAE, twin": latent.decode(plain.vae, twin_codes),
}
plots.rows({name: images[:8] for name, images in shown.items()})

# %% [markdown]
# Drawing one of the two is right for one face and wrong for the other: <<drawing the face: squared error ([\d.]+)>>. Drawing
# their mean is a little wrong for both, and costs half of that:
# <<drawing the mean: squared error ([\d.]+)>>. This holds for any number of faces $x$ with one code $z$:
#
# $$\hat x(z) = \operatorname*{arg\,min}_{\hat x} \operatorname{E}\left[\lVert x - \hat x \rVert^2 \mid z\right]
# = \operatorname{E}[x \mid z].$$
#
# **The squared error asks for the mean of all faces that a code leaves open.** The mean of two faces has paler details.
# The more faces share a code, the paler the details of their mean. The last rows, drawn by the VAE, have hardly any left.

# %% [markdown]
# ## A loss that asks for one of them
# Leave faces aside for a moment. Draw points from a ring, and let a network turn noise into such points. The noise says
# nothing about the place on the ring. What does the network learn from the squared error?


# %%
def ring(count):
    angle = tf.random.uniform((count,), 0, 2 * np.pi)
    points = tf.stack([tf.cos(angle), tf.sin(angle)], axis=1)
    return points + 0.05 * tf.random.normal((count, 2))


def small_network(outputs):
    hidden = [layers.Dense(64, activation="leaky_relu", dtype="float32") for _ in range(2)]
    return keras.Sequential([keras.Input((2,)), *hidden, layers.Dense(outputs, dtype="float32")])


keras.utils.set_random_seed(config.seed)
noise = tf.random.normal((12_800, 2))
average = small_network(2)
average.compile("adam", "mse")
_ = average.fit(noise, ring(12_800), batch_size=128, epochs=3, verbose=0)

# %% [markdown]
# Now the other way: a **generative adversarial network**, GAN
# ([Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661)). Two networks play against each other.
#
# - The **discriminator** says how probable it is that a point is real. Its output is a logit, and the sigmoid of that is
#   the probability $D$.
# - The **generator** $G$ turns noise $\varepsilon$ into points that should pass for real.
#
# $$L_D = -\log D(x) - \log\left(1 - D(G(\varepsilon))\right), \qquad L_G = -\log D(G(\varepsilon))$$
#
# In code, $-\log D$ is `softplus(-logit)`, and $-\log(1 - D)$ is `softplus(logit)`. A step moves each network by its own
# loss.

# %%
generator, discriminator = small_network(2), small_network(1)
players = {}
for network in (generator, discriminator):
    players[network] = keras.optimizers.Adam(0.001, beta_1=0.5)
    players[network].build(network.trainable_variables)


@tf.function
def play():
    with tf.GradientTape(persistent=True) as tape:
        made = discriminator(generator(tf.random.normal((256, 2))))
        real = discriminator(ring(256))
        losses = {discriminator: ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(made))}
        losses[generator] = ops.mean(ops.softplus(-made))
    for network, optimizer in players.items():
        gradients = tape.gradient(losses[network], network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
    return losses[discriminator]


# %% caption="Points on a ring, in grey, and what two networks make of noise, in red." alt="Five panels with a grey ring. With a squared error all red points lie in its centre. The points of the GAN are a blob at first, then a cloud, and after 1000 steps nearly all lie along the ring."
points = {"squared error": average(noise[:1000])}
for step in range(1001):
    if step in (0, 100, 300, 1000):
        points[f"GAN, step {step}"] = generator(noise[:1000])
    loss = play()
plots.point_sets({name: np.array(some) for name, some in points.items()}, ring(1000).numpy())

# %% [markdown]
# The squared error puts every point into the centre, where no real point is. The GAN draws points *on* the ring. What
# does that cost?

# %%
print(f"the discriminator's loss after 1000 steps: {loss:.2f}")
for name, some in points.items():
    print(f"{name}: squared error {np.mean(np.sum((some - ring(1000)) ** 2, axis=1)):.2f}")

# %% [markdown]
# Each made point meets a random real point. The centre has an error of <<squared error: squared error ([\d.]+)>>, the GAN
# of <<GAN, step 1000: squared error ([\d.]+)>>. On the way it costs more, because its points lie far outside the ring.
# Twice is no accident. Who draws one of the possible answers at random is off by the
# spread of the truth *and* by the spread of the guess. **Answers that nobody can tell from real ones need not cost more
# than twice the squared error of the mean** ([Blau and Michaeli 2018](https://arxiv.org/abs/1711.06077)).

# %% [markdown]
# ### Exercise 7.1: a discriminator that guesses
# Write the discriminator's loss as a function of two arrays of logits, for real and for made points. Use NumPy. Then
# give `chance`: the loss of a discriminator that cannot tell them apart.
#
# <details><summary>Hint</summary>`np.logaddexp(0, x)` is softplus. Who cannot tell says $D = \frac12$ for every
# point. Compare with the loss that the last step of the GAN printed.</details>
#
# [Solution](solutions/07_sharper_faces.ipynb)


# %%
def discriminator_loss(real, made):
    return ...  # your answer


chance = ...  # a number, in nats

check.discriminator_loss(discriminator_loss, chance)

# %% [markdown]
# ## A discriminator for faces
# For faces the decoder is the generator, and the discriminator a small convolutional network.

# %% include vae_keras/sharpening/adversarial.py::build_discriminator

# %% [markdown]
# Its first output is a logit, as on the ring. Why does it return its feature maps, too? The logit says "sharper", but not
# "this person". So the loss of the decoder has three terms:
#
# $$\frac{\text{mean squared error}}{\sigma^2} + w_1 \cdot \text{feature loss} - w_2 \log D(\hat x)$$
#
# - The **squared error** keeps colours and layout. $\sigma^2$ is the calibrated variance of lesson 02.
# - The **feature loss** is how far the feature maps of decoded face and photograph are apart
#   ([Larsen et al. 2016](https://arxiv.org/abs/1512.09300)). Features notice that there is hair, more than where each
#   strand lies.
# - The **adversarial loss** is the generator's loss from above.

# The class `Sharpener` holds both networks and the weights: $w_1$ is `self.feature_weight` and $w_2$ is
# `self.adversarial_weight`. Its method `compute_terms` computes the terms and the discriminator's loss, and
# `compute_losses` weighs them. The encoder is used and not trained: `training=False`, and `stop_gradient` on the code.

# %% include vae_keras/sharpening/adversarial.py::Sharpener.compute_terms compute_losses

# %% [markdown]
# `gradient_penalty`, which papers call R1, punishes a logit that jumps when a photograph gets a little noise
# ([Mescheder et al. 2018](https://arxiv.org/abs/1801.04406)). A step moves each network by its own loss, as on the ring.

# %% include vae_keras/sharpening/adversarial.py::Sharpener.train_step

# %% [markdown]
# ## A short run
# Sharpen the plain VAE for one epoch on a few thousand faces. `copy_with_details` gives its decoder three more convolutions, which
# draw details at full size. At the start they add nothing to the picture.

# %%
few = faces.train[: config.comparison_pictures]


def sharpen(adversarial_weight=0.4):
    keras.utils.set_random_seed(config.seed)
    sharpener = Sharpener(plain.vae.copy_with_details(), adversarial_weight=adversarial_weight)
    chosen = []
    for rate in (0.0002, 0.0005):  # of the decoder and of the discriminator
        falling = optimizers.cosine_decay(rate, 1, 16, len(few))
        chosen.append(optimizers.Adam(falling, beta_1=0.5, beta_2=0.99))
    sharpener.compile(*chosen)
    batches = pipeline.batches(few, 16, training=True, augment=data.augment)
    history = sharpener.fit(batches, shuffle=False, verbose=0).history
    return sharpener.vae, pd.DataFrame(history)


short, history = sharpen()
print(f"{len(few) // 16} steps")
print(history.round(4).to_string(index=False))

# %% [markdown]
# These are means over the whole run, on mirrored and recoloured pictures. They say little about the faces, because the
# discriminator gets stricter while the decoder learns. So look at the faces.
#
# The model that comes with the course was trained in the same way on all pictures, for hours. Here are all of them.

# %% caption="The same four faces by three decoders, from the same codes." alt="Four rows of four large faces: photographs, soft plain reconstructions, reconstructions of the short run with a fine weave, and of the long run with strands of hair and some torn features."
epochs = sharp.card.get("sharpened", {}).get("epochs", 0)
print(f"the long run: {epochs} epochs on {sharp.card['pictures']['train']:,} pictures")
decoders = {"plain": plain.vae, "short run": short, "long run": sharp.vae}
drawn = {name: latent.decode(vae, codes) for name, vae in decoders.items()}
shown = {"photograph": test, **drawn}
plots.rows({name: images[:4] for name, images in shown.items()}, size=256)

# %% [markdown]
# Compare hair, eyes and the edge of the face. The short run already adds contrast, and a **weave** with it: a faint regular
# pattern, easiest to see on dark backgrounds. The discriminator has hardly learned to object to it. The long run draws
# strands and clear edges. It also tears some features: look at the fourth mouth. How does hair look close up?

# %% caption="A piece of the first face, eight times enlarged." alt="Four squares of coarse pixels: hair in the photograph, a smooth gradient from the plain decoder, nearly the same gradient after the short run, and irregular strands and a broken eye after the long run."
piece = slice(8, 40)
plots.grid([images[0, piece, piece] for images in shown.values()], captions=list(shown), size=256)

# %% [markdown]
# The long run has strands where the plain decoder has a smooth gradient. They are not those of the photograph: they are
# invented.

# %% [markdown]
# ### Exercise 7.2: what moved?
# Sharpening promises to leave the encoder alone. Test it: write a function of two VAEs and of pictures that returns the
# largest absolute difference between the encoder means. Apply it to `plain.vae`, `short` and `test[:8]`.
#
# <details><summary>Hint</summary>`latent.encode(vae, images)` returns means and log-variances.</details>
#
# [Solution](solutions/07_sharper_faces.ipynb)


# %%
def code_change(old, new, images):
    return ...  # your answer


check.code_change(code_change)

# %% [markdown]
# The codes stay. So the prior of lesson 04 and the directions of lesson 05 work with a sharpened decoder, too.

# %% [markdown]
# ## What does sharpness cost?
# The squared error calls sharp faces worse. The eye finds them sharper. Which number sees what the eye sees?
# Ask a network that no loss here contains: the course's **attribute classifier**. It has learned to name 40 attributes
# of CelebA's faces, such as glasses or a smile. The layer before its answer holds 192 features of a face.
#
# The **classifier's distance** is the Fréchet distance of lesson 04 between the features of two sets of faces:
#
# $$\lVert m_1 - m_2 \rVert^2 + \operatorname{tr}\left(C_1 + C_2 - 2\,(C_1 C_2)^{1/2}\right)$$
#
# Papers take features of a network called Inception, and name it FID. Do not compare distances of different networks.

# %%
classifier = evaluation.load_classifier()
real = classifier.features(test)  # (pictures, 192)


def measure(images):
    error = evaluation.squared_error(test, images)
    return {
        "squared error": error,
        "distance": evaluation.frechet_distance(real, classifier.features(images)),
    }


models = pd.DataFrame({name: measure(images) for name, images in drawn.items()}).T
of_training = classifier.features(faces.train[: len(test)])
floor = evaluation.frechet_distance(real, of_training)
print(models.round(4).to_string(), f"\nreal training faces: distance {floor:.2f}")

# %% [markdown]
# Is it all or nothing? Mix the two pictures: a share of the sharp one and the rest of the plain one.

# %% caption="The answer: distance to photographs, less is nearer, over squared error. The line bends at each mixture." alt="A line falls steeply from the plain model, with a small squared error and a large distance, to the long run, with a larger squared error and a distance near that of real faces. The short run lies off the line."
blends = {0: models.loc["plain"], 1: models.loc["long run"]}
for share in (0.25, 0.5, 0.75):
    images = (1 - share) * np.float32(drawn["plain"]) + share * np.float32(drawn["long run"])
    blends[share] = pd.Series(measure(images.round().astype("uint8")))
plots.trade_off(pd.DataFrame(blends).T.sort_index(), models, floor)

# %% [markdown]
# - The plain VAE has the least squared error, <<plain\s+([\d.]+)>>, and a distance of <<plain\s+[\d.]+\s+([\d.]+)|.1f>>.
# - The long run comes down to <<long run\s+[\d.]+\s+([\d.]+)|.1f>>. Two sets of real faces are
#   <<real training faces: distance ([\d.]+)>> apart.
# - It costs squared error: <<long run\s+([\d.]+)>>. That is below twice.
# - The short run gets <<short run\s+[\d.]+\s+([\d.]+)|.1f>> for an error of <<short run\s+([\d.]+)>>.
# - It is not all or nothing. A mixture of three quarters has nearly the distance of the long run for less error, and
#   mixtures beat the short run.

# %% [markdown]
# ### Exercise 7.3: which run had no adversarial loss?
# The next cell sharpens once more, with `adversarial_weight=0`, and shows both runs under letters. Run it once to see the
# rows. Which had no adversarial loss? Write its letter, and run the cell again.
#
# <details><summary>Hint</summary>One row is the short run of Figure 4. Both rows have a weave. It is stronger where no
# adversarial loss objects: look at the dark backgrounds.</details>
#
# [Solution](solutions/07_sharper_faces.ipynb)

# %% caption="Two short runs. One of them had no adversarial loss." alt="Two rows of four large faces. Both have a faint grid over dark backgrounds. One has darker eyes and hair, the other a stronger grid."
letter = ...  # "A" or "B"

check.without_adversarial_loss(letter)
without, _ = sharpen(adversarial_weight=0)
rows = check.unlabelled(drawn["short run"], latent.decode(without, codes))
plots.rows({name: images[:4] for name, images in rows.items()}, size=256)

# %% [markdown]
# ## Does each look real, and do all kinds come?
# For *new* faces one distance mixes two questions: is each face realistic, and are all kinds of faces drawn? Two numbers
# part them
# ([Naeem et al. 2020](https://arxiv.org/abs/2002.09797)). Around the features of each of $n$ real faces lies a ball
# $B_i$. Its radius is the distance to the fifth nearest real face, so $k = 5$. A bracket is 1 if true, else 0. With $m$
# new faces $y_j$:
#
# $$\text{density} = \frac{1}{k\,m} \sum_{j=1}^{m} \sum_{i=1}^{n} [\,y_j \in B_i\,], \qquad
# \text{coverage} = \frac{1}{n} \sum_{i=1}^{n} [\,\text{some } y_j \in B_i\,]$$
#
# **Density** asks whether new faces lie where real ones are. **Coverage** asks how many real faces have a new one near
# them.

# %% include vae_keras/evaluation/distances.py::density_and_coverage

# %% [markdown]
# Draw new codes from the prior once, and decode them by each decoder.

# %% caption="Eight new faces, drawn from one set of codes by each decoder." alt="Three rows of the same eight invented people: soft, with a weave, and with clear eyes and hair."
new_codes = plain.sample(len(test), seed=1)
new = {name: latent.decode(vae, new_codes) for name, vae in decoders.items()}
features = {name: classifier.features(images) for name, images in new.items()}
table = {}
for name, seen in {**features, "real training faces": of_training}.items():
    density, coverage = density_and_coverage(real, seen)
    distance = evaluation.frechet_distance(real, seen)
    table[name] = {"new faces' distance": distance, "density": density, "coverage": coverage}
table = pd.DataFrame(table).T
print(table.round(2).to_string())
plots.rows({name: images[:8] for name, images in new.items()})

# %% [markdown]
# The plain VAE reaches a density of <<plain\s+[\d.]+\s+([\d.]+)\s+[\d.]+\n>> and a coverage of
# <<plain\s+[\d.]+\s+[\d.]+\s+([\d.]+)\n>>: to the classifier, blurred faces lie apart from most photographs. With the
# same codes, the long run reaches <<long run\s+[\d.]+\s+([\d.]+)\s+[\d.]+\n>> and
# <<long run\s+[\d.]+\s+[\d.]+\s+([\d.]+)\n>>. Real faces have <<real training faces\s+[\d.]+\s+([\d.]+)\s>> and
# <<real training faces\s+[\d.]+\s+[\d.]+\s+([\d.]+)>>. A density above that of real faces does not mean better faces: the
# classifier overlooks torn features.

# %% [markdown]
# ### Exercise 7.4: colder faces
# Which of the two rises at a temperature of one half, and which falls? Predict. Then draw `len(test)` codes by
# `plain.sample` with `temperature=0.5`, decode them with `sharp.vae`, and give both as `cold`.
#
# <details><summary>Hint</summary>`density_and_coverage` takes features, first of the real faces, then of the new ones.
# `classifier.features` gives them.</details>
#
# [Solution](solutions/07_sharper_faces.ipynb)

# %%
cold = ...  # (density, coverage)

check.temperature(cold, table.loc["long run", ["density", "coverage"]])

# %% [markdown]
# ## Are sharp faces new?
# A discriminator that knows the training pictures by heart could teach the decoder to copy them. Test it as in lesson
# 04: encode all faces, and look for the nearest training code. This finds copied people, not copied strands.

# %%
known = NearestNeighbors(n_neighbors=1).fit(latent.encode(plain.vae, faces.train)[0])
sets = {"new faces": new["long run"], "held-out faces": drawn["long run"]}
sets["training faces"] = sharp.reconstruct(faces.train[: len(test)])
nearest = {name: known.kneighbors(latent.encode(plain.vae, images)[0]) for name, images in sets.items()}
for name, (distance, _) in nearest.items():
    print(f"{name}: the nearest training face is {np.median(distance):.1f} away")

# %% [markdown]
# A copy would lie as near as decoded training faces do, <<training faces: .* is ([\d.]+) away>>. New faces are
# <<new faces: .* is ([\d.]+) away>> away, and held-out faces <<held-out faces: .* is ([\d.]+) away>>. Here are the eight
# new faces that come nearest.

# %% caption="The eight most suspicious of all new faces, and the training face that each comes nearest to." alt="Two rows of eight faces. Most pairs share pose and light, and show two different people."
distance, place = nearest["new faces"]
suspicious = np.argsort(distance[:, 0])[:8]
pairs = {"new": new["long run"][suspicious], "nearest training face": faces.train[place[suspicious, 0]]}
plots.rows(pairs, captions=distance[suspicious, 0].round(1))

# %% [markdown]
# Even these are farther away than a copy would be, and are not the same people.

# %% [markdown]
# <details><summary>With other pictures</summary>
#
# What you trained in lesson 03 has no sharpened decoder, so this lesson takes the model that ships. Of drawn faces, and of
# your own pictures, none does: the long run then equals the plain model, and its line says 0 epochs. `python -m vae_keras train --sharpen 24` with your `--data` and `--out`
# makes one. The classifier has learned from CelebA's photographs, so distances of drawn faces mean less. With fewer than
# about a thousand test pictures all distances are larger, that of real faces, too.
#
# </details>
