# ---
# jupyter:
#   lesson:
#     title: Solutions to lesson 3
#     settings: [dataset]
# ---

# %%
from vae_keras import data, evaluation, latent, plots, training
from vae_keras.checks import lesson_03 as check

faces = data.load_faces(config.dataset, config.image_size, config.pictures)
few, held_out = faces.train[: config.comparison_pictures], faces.validation[:500]


def train_small(images, epochs=config.comparison_epochs, **choices):
    network = training.build_vae(config, filters=(16, 32, 64, 128), **choices)
    history = training.fit(
        network, images, held_out, epochs=epochs, batch_size=32, optimizer="adam", learning_rate=0.002
    )
    return network, history


# %% [markdown]
# ## Exercise 3.1: predict, then train
# Each doubling of the latent variables buys a smaller share. From 32 to 128 there are two doublings, and 64 lies after
# the first of them. So a fair guess is the geometric mean of the two errors. It lies between them, nearer to the
# smaller one than their average does.


# %%
def held_out_error(latent_dim):
    network, _ = train_small(few, latent_dim=latent_dim)
    return evaluation.squared_error(held_out, latent.reconstruct(network, held_out))


errors = {size: held_out_error(size) for size in (32, 128)}
prediction = (errors[32] * errors[128]) ** 0.5
error = held_out_error(64)
print(f"32: {errors[32]:.4f}, 64: predicted {prediction:.4f}, measured {error:.4f}, 128: {errors[128]:.4f}")

check.sixty_four(prediction, error, errors)

# %% [markdown]
# ## Exercise 3.2: a detector
# One nat is a natural limit: below it, the code says less about a face than the answer to two yes-or-no questions. The
# last epoch decides. The squared error does not: it is high at the beginning of every run, and low for pictures that
# are all alike.


# %%
def collapsed(history):
    return history["kl"].iloc[-1] < 1


check.collapsed(collapsed)

# %% [markdown]
# ## Exercise 3.3: when does it turn?
# The training loss falls all the time, the held-out loss falls and turns. With more pictures it turns after more steps
# of the optimizer. Stop at its least value; Keras' callback `EarlyStopping(monitor="val_loss")` does that for you.

# %%
_, long_history = train_small(few[: len(few) // 6], epochs=60)
best_epoch = long_history["val_loss"].idxmin()
print(f"stop after epoch {best_epoch} of {len(long_history)}")

check.overfitting(long_history, best_epoch)

# %% caption="A training that sees few pictures again and again." alt="Four line charts over the epochs. The training loss falls all the way; the held-out loss falls, turns and rises. The squared errors part."
plots.curves(long_history)

# %% [markdown]
# ## Exercise 3.4: stop and go on
# `folder` keeps the checkpoint, and the settings are the same in both calls, so the second one finds an unfinished run
# and trains the rest. `epochs=3` counts all of its epochs.


# %%
def train_tiny(folder, callbacks):
    network = training.build_vae(config, filters=(8, 16), latent_dim=8)
    return training.fit(network, few[:128], epochs=3, optimizer="adam", folder=folder, callbacks=callbacks)


check.resume(train_tiny)
