# ---
# jupyter:
#   lesson:
#     title: A face in a minute
#     question: What can such a model do?
#     do: |
#       - make ten new faces,
#       - make one of them smile, and blend two of them,
#       - turn a dial,
#       - try a photograph of your own.
#     learn: |
#       - what a code and a latent variable are,
#       - that adding to a code changes a face.
#     need: |
#       Python. No GPU, no pictures and no training: the trained model comes with the course.
#     minutes: {quick: 1, cpu: 1, full: 0.5}
#     settings: [shipped]
#     learned: |
#       - A **code** stands for a face. Its numbers are **latent variables**.
#       - The decoder makes a face of a code, the encoder a code of a face.
#       - **What can such a model do?** It makes new faces and rebuilds photographs. We add and average codes, and the
#         decoder turns the result into changed or blended faces.
# ---

# %% [markdown]
# ## Ten new faces
# A **variational autoencoder**, VAE for short, has learned from photographs of faces. Now it makes its own.

# %% caption="Ten new faces, made by the model." alt="Two rows of five faces of women and men, a little blurred, in front of soft backgrounds."
import numpy as np

from vae_keras import latent, plots
from vae_keras.applications.dial import dial, first_model, pick_attribute
from vae_keras.applications.full_size import edit_photograph, region
from vae_keras.applications.photo import own_photograph
from vae_keras.checks import lesson_00 as check

model = first_model(config)
vae = model.vae
z = model.sample(10, seed=2, temperature=0.7)
faces = latent.decode(vae, z)
plots.grid(faces, columns=5)

# %% [markdown]
# `sample` draws ten rows of random numbers, `z`. Another `seed` gives ten others. `temperature` scales how far they
# spread: below 1 the faces are more usual, above 1 odder.

# %% [markdown]
# ## A face is 128 numbers
# Each face was made from one row of `z`. This row is the **code** of the face. The **decoder**, one half of the
# model, turns it into pixels.

# %% caption="The first code, decoded." alt="One of the ten faces, enlarged. The eyes and the mouth are clear, the hair and the background are soft."
print(f"{len(z[0])} numbers, the first eight: {z[0, :8].round(2)}")
print(f"learned from {model.card['pictures']['train']:,} pictures")
plots.grid(faces[:1], size=256)

# %% [markdown]
# Each of these numbers is a **latent variable**. It belongs to no single pixel. Nobody told the model what it should
# mean; the model found a use for it by itself, in <<learned from ([\d,]+) pictures>> photographs.

# %% [markdown]
# ### Exercise 0.1: the shape of the codes
# Which shape does `z` have?
# <details><summary>Hint</summary>Ten faces, a row for each.</details>
#
# [Solution](solutions/00_first_faces.ipynb)

# %%
shape = ...  # your answer, such as (3, 2)

check.shape(shape, z)

# %% [markdown]
# ## Make it smile
# Smiling is an **attribute**, a trait that somebody gave a name. People marked which photographs show a smile. The
# **encoder**, the other half of the model, gives each photograph a code. What separates the codes of faces that smile
# from the codes of the others is a **direction**: 128 numbers to add to a code. Step 1 adds all of it, step `0.5` half.
# Lesson 05 finds such directions.

# %% caption="One face, moved along the direction Smiling by the steps above it." alt="Eight pictures of the same face. The mouth is closed on the left and opens into a broad smile on the right."
attribute = pick_attribute(model, "Smiling")
direction = model.direction(attribute)
steps = [-1, -0.5, 0, 0.25, 0.5, 0.75, 1, 1.5]
plots.rows({attribute: latent.decode(vae, z[0] + np.outer(steps, direction))}, heads=steps)

# %% [markdown]
# At 0 stands the face as it was. The mouth moves, and with it cheeks and eyes. The colour of lips and skin changes, too.

# %% [markdown]
# ### Exercise 0.2: the other way
# Complete the function: it returns the codes `z` with half a step *less* of an attribute. To see the faces, add this line
# below the check: `plots.grid(latent.decode(vae, less(z, direction)), columns=5)`.
# <details><summary>Hint</summary>A step to the left is a negative number in the row above.</details>
#
# [Solution](solutions/00_first_faces.ipynb)


# %%
def less(z, direction):
    return ...  # your answer


check.less(less)

# %% [markdown]
# ## Blend two faces
# Go from one code to another in a straight line, with ever less of the first and more of the second. The lower row does the
# same with the pixels.

# %% caption="From one face to another, by codes and by pixels. The numbers are the share of the second face." alt="Two rows of eight pictures. Above, one face turns into another and is a whole face at every step. Below, in the middle pictures, the hair and outline of both faces shine through each other."
shares = np.linspace(0, 1, 8)[:, None]
by_code = latent.decode(vae, (1 - shares) * z[1] + shares * z[7])
shares = shares[..., None, None]
by_pixel = (1 - shares) * (faces[1] / 255) + shares * (faces[7] / 255)
plots.rows({"codes": by_code, "pixels": by_pixel}, heads=shares.ravel().round(2))

# %% [markdown]
# Look at the hair. In the lower row two people shine through each other. In the upper row one person stands in between.

# %% [markdown]
# ### Exercise 0.3: a quarter of the way
# Complete the function: it returns the code a quarter of the way from `start` to `end`.
# <details><summary>Hint</summary>The shares of both add up to 1.</details>
#
# [Solution](solutions/00_first_faces.ipynb)


# %%
def quarter(start, end):
    return ...  # your answer


check.quarter(quarter)

# %% [markdown]
# ## Turn the dial
# Run this cell, and a slider appears: move it, and the face follows. Hair and skin change with the age, too. Put another
# name in place of `"Young"`: `model.directions.index` lists them. Labels such as `Attractive` or `Male` are opinions of
# the people who gave them, and directions repeat them.

# %% caption="Seven positions of the slider, from less to more Young." alt="Seven pictures of one face that grows younger from left to right."
dial(model, z[8], pick_attribute(model, "Young"))

# %% [markdown]
# ## A photograph of your own
# Use your own photograph, or one of somebody who agreed. On your computer it stays there. In Colab it goes to the machine
# that runs this notebook. Pictures that are shown are saved in the notebook: clear the outputs before you pass it on.
#
# Write the path of a photograph into the first line. In Colab `"upload"` lets you choose a file, and `"camera"` takes a
# picture. The largest face is cut out and shrunk to 64×64 pixels, and the encoder gives it a code. Here it is NASA's
# portrait of the astronaut Eileen Collins. The encoder gives a second answer, `_`, which lesson 02 explains.

# %% caption="A photograph, what the model keeps of it, and two edits." alt="Four large pictures of a woman with short dark blond hair: the photograph, a blurred reconstruction with browner hair, one with a smaller smile, one with a broader smile."
photograph = None  # "me.jpg", in Colab also "upload" or "camera"; None: the astronaut
picture, found = own_photograph(photograph, model)
face = found.image[None]
code, _ = latent.encode(vae, face)
edited = latent.decode(vae, code + np.outer([0, -0.5, 0.5], direction))
names = ["photograph", "reconstruction", f"less {attribute}", f"more {attribute}"]
plots.grid([*face, *edited], captions=names, size=256)

# %% [markdown]
# The **reconstruction** is the photograph's code, decoded. It is alike, not the same. 128 numbers do not hold
# everything, and the decoder guesses the rest. Look at the hair and the eyes.
#
# Your photograph has many more pixels. So `edit_photograph` takes only the *change* from the model: the decoded face with
# the edit minus the one without it. It stretches this difference to the photograph's size and adds it. Where the change is
# large, as under glasses, the decoded face takes the photograph's place.

# %% caption="The head in the photograph, and in two edited photographs of the same size." alt="Three large, sharp pictures of a smiling woman with short dark blond hair. In the second her teeth show a little less, in the third they are brighter. Every strand of hair is the same."
changed = [edit_photograph(model, picture, found, {attribute: step}) for step in (-0.75, 0.75)]
# where the head lies in the photograph
left, top, right, bottom = region(found.matrix, len(found.image), picture.shape)
heads = [image[top:bottom, left:right] for image in (picture, *changed)]
plots.grid(heads, captions=["photograph", *names[2:]], size=352)

# %% [markdown]
# Here every strand of hair stays. The smile changes less than in the row above: the difference is coarse, and the lips of
# the photograph stay where they are. To keep an edited photograph, import `data` from `vae_keras` and write
# `data.save_images([changed[1]], "edited.png")`.

# %% [markdown]
# ## What can such a model do?

# %% caption="All of it: make, change, blend, and rebuild a photograph." alt="A row of six faces: a new face, the same smiling, a blend of two others, the photograph, its reconstruction, and the reconstruction with less of a smile."
made = latent.decode(vae, np.stack([z[0], z[0] + 0.5 * direction, (z[1] + z[7]) / 2]))
names = ["new", f"more {attribute}", "blend", "photograph", "reconstruction", f"less {attribute}"]
plots.grid([*made, *face, *edited[:2]], captions=names)

# %% [markdown]
# The limits: these faces have only 64×64 pixels, and they are blurred. Lesson 07 says why.

# %% [markdown]
# ## Where it goes next
# Now build the model yourself.
#
# | lesson | the question |
# |---|---|
# | [01 Look at the data](01_explore_data.ipynb) | What must a face model beat? |
# | [02 Build the VAE](02_build_vae.ipynb) | Why does the encoder answer with a distribution? |
# | [03 Train the VAE](03_train_vae.ipynb) | Does it learn, and how would you notice if not? |
# | [04 Generate faces](04_generate_faces.ipynb) | Where must a code lie to decode to a face? |
# | [05 Explore the latent space](05_explore_latent_space.ipynb) | What do the numbers mean? |
#
# Lessons 06 to 10 go on from there: they tune the model, sharpen its faces, put it to use, and learn to draw better codes.
#
# <details><summary>With other pictures</summary>Set <code>dataset</code> to <code>"lfw"</code>, <code>"anime"</code> or
# <code>"cartoon"</code> for another model. Where no label says who smiles, the lesson takes the direction that changes the face most. A folder of your own
# has a model after lesson 03.</details>
