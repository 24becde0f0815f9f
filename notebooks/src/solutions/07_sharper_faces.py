# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 7
#     settings: [dataset]
# ---

# %%
import numpy as np
import pandas as pd

from vae_keras import data, evaluation, hub, latent
from vae_keras.checks import lesson_07 as check
from vae_keras.evaluation import density_and_coverage

plain = hub.load_for(config, plain=True, sharpened=True)
sharp = hub.load_for(config, sharpened=True)
faces = data.load_faces(config.dataset, config.image_size, config.pictures)
test = faces.test[: config.evaluation_pictures]

# %% [markdown]
# ## Exercise 7.1: a discriminator that guesses
# For a photograph the loss is $-\log D$, for a decoded face $-\log(1 - D)$. With $D = \frac12$ both are $\log 2$, so the
# loss is $2 \log 2$. A GAN that has learned all there is ends there: the discriminator has nothing left to see.


# %%
def discriminator_loss(real, made):
    return np.logaddexp(0, -real).mean() + np.logaddexp(0, made).mean()


chance = discriminator_loss(np.zeros(1), np.zeros(1))  # a logit of 0 is a probability of a half
print(f"{chance:.3f} nats")

check.discriminator_loss(discriminator_loss, chance)

# %% [markdown]
# ## Exercise 7.2: what moved?
# The tape of the step is asked for gradients of the decoder's weights alone, and batch normalization in the encoder
# keeps its averages because of `training=False`. So every code stays as it is, to the last bit.


# %%
def code_change(old, new, images):
    before, _ = latent.encode(old, images)
    after, _ = latent.encode(new, images)
    return np.abs(after - before).max()


check.code_change(code_change)
print("plain and sharp:", code_change(plain.vae, sharp.vae, test))

# %% [markdown]
# ## Exercise 7.3: which run had no adversarial loss?
# The other row is the short run of Figure 4. The discriminator sees every pixel, so it soon objects to a regular grid.
# The feature loss alone lets the weave stand. Grain like that of photographs takes a longer run.

# %%
letter = "A"

check.without_adversarial_loss(letter)

# %% [markdown]
# ## Exercise 7.4: colder faces
# Cold codes stay near the means of the prior's components, where faces are common: each looks real, so density rises.
# But all are alike, so many real faces have no new one near them, and coverage falls.

# %%
classifier = evaluation.load_classifier()
real = classifier.features(test)


def measured(temperature):
    z = plain.sample(len(test), seed=1, temperature=temperature)
    return density_and_coverage(real, classifier.features(latent.decode(sharp.vae, z)))


warm, cold = measured(1.0), measured(0.5)
print(pd.DataFrame({"temperature 1": warm, "temperature 0.5": cold}, ["density", "coverage"]).T.round(2))

check.temperature(cold, warm)
