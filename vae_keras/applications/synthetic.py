"""Generated pictures as data for another model: a small classifier, trained with and without them."""

import keras
import numpy as np
from keras import layers

from vae_keras import latent, priors
from vae_keras.data import framing

SIDE = 32  # pixels a side that the small classifier sees
BATCH = 64
LEARNING_RATE = 2e-3
EACH_STEP = 1  # generated pictures of each class for each step of the training


def conditional_codes(z: np.ndarray, labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Return new codes of faces that have a label, and of as many that lack it.

    A prior is fitted to the codes of each class: one Gaussian where they are few, a mixture where they are many.

    Args:
        z: codes of labelled pictures, (n, latent_dim), at least 2 of each class.
        labels: true/false (n,).
        count: new codes of each class.
        seed: of the draws.

    Returns:
        float32 (2 * count, latent_dim): first those of faces that have it.
    """
    having = priors.fit_prior(z[labels], seed=seed).sample(count, seed)
    lacking = priors.fit_prior(z[~labels], seed=seed).sample(count, seed)
    return np.concatenate([having, lacking])


def labelled_faces(vae, z: np.ndarray, labels: np.ndarray, count: int, seed: int = 0) -> tuple:
    """Return generated pictures with their labels, which follow from the class that a code was drawn for.

    Args:
        vae: a `VAE`.
        z: as of `conditional_codes`.
        labels: as of `conditional_codes`.
        count: pictures of each class.
        seed: of the draws.

    Returns:
        Pictures as uint8 (2 * count, size, size, 3), and true/false (2 * count,).
    """
    codes = conditional_codes(z, labels, count, seed)
    return latent.decode(vae, codes), np.repeat([True, False], count)


def shrink(images: np.ndarray) -> np.ndarray:
    """Return pictures as the small classifier sees them: uint8 (n, `SIDE`, `SIDE`, 3)."""
    return np.stack([framing.resize(image, SIDE) for image in images])


def build_small_classifier() -> keras.Model:
    """Return a network from pictures (batch, 32, 32, 3) in [0, 1] to a logit (batch, 1)."""
    network = keras.Sequential([keras.Input((SIDE, SIDE, 3))])
    for filters in (16, 32, 64):
        network.add(layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu", dtype="float32"))
    network.add(layers.Flatten())
    network.add(layers.Dropout(0.3, dtype="float32"))
    network.add(layers.Dense(1, dtype="float32"))
    return network


def draw_batches(sets, steps: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures in the order of training, every one mirrored by chance: each batch has as many of each set.

    Args:
        sets: pairs of pictures (n, side, side, 3) and labels (n,).
        steps: batches.
        rng: NumPy's random generator.

    Returns:
        Pictures (steps * batch, side, side, 3) and labels (steps * batch,).
    """
    each = BATCH // len(sets)
    pictures, truths = [], []
    for images, labels in sets:
        chosen = rng.integers(0, len(images), (steps, each))
        pictures.append(images[chosen])
        truths.append(labels[chosen])
    x = np.concatenate(np.concatenate(pictures, axis=1))
    mirrored = rng.random(len(x)) < 0.5
    x[mirrored] = x[mirrored, :, ::-1]
    return x, np.concatenate(np.concatenate(truths, axis=1))


def by_class(images: np.ndarray, labels: np.ndarray) -> list:
    """Return pictures as two sets with their labels: those that have a label, and those that lack it."""
    return [(images[labels == value], labels[labels == value]) for value in (True, False)]


def train_small(sets, steps: int, seed: int = 0) -> keras.Model:
    """Return a small classifier, trained for so many steps, whatever the number of pictures.

    Args:
        sets: pairs of uint8 pictures (n, 32, 32, 3) and true/false (n,). Every set has the same share of each batch.
        steps: of the optimizer.
        seed: of the weights and the order of the pictures.
    """
    keras.utils.set_random_seed(seed)
    x, truth = draw_batches(sets, steps, np.random.default_rng(seed))
    network = build_small_classifier()
    network.compile(keras.optimizers.Adam(LEARNING_RATE), keras.losses.BinaryCrossentropy(from_logits=True))
    network.fit(x / np.float32(255), np.float32(truth), batch_size=BATCH, shuffle=False, verbose=0)
    return network


def accuracy(network, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the balanced accuracy of a small classifier: the mean of its accuracies with and without the label.

    Args:
        network: what `train_small` gave.
        images: uint8 (n, 32, 32, 3).
        labels: true/false (n,).
    """
    from sklearn.metrics import balanced_accuracy_score

    logits = network.predict(images / np.float32(255), batch_size=500, verbose=0)[:, 0]
    return balanced_accuracy_score(labels, logits > 0)


def compare(  # noqa: PLR0913
    vae, images: np.ndarray, z: np.ndarray, labels: np.ndarray, test: tuple, steps: int, seed: int = 0
) -> dict:
    """Return how good a small classifier gets from labelled pictures, with and without generated ones.

    Generated pictures follow from the codes and labels of the same pictures, so no other label is used. Both trainings
    take as many steps and draw classes alike.

    Args:
        vae: a `VAE`.
        images: labelled pictures, uint8 (n, size, size, 3).
        z: their codes, (n, latent_dim).
        labels: true/false (n,), at least 2 of each.
        test: other pictures, uint8 (m, 32, 32, 3), and their labels.
        steps: of the optimizer.
        seed: of the draws and the training.

    Returns:
        The balanced accuracy by "real" and "real + generated".
    """
    real = by_class(shrink(images), labels)
    pictures, classes = labelled_faces(vae, z, labels, EACH_STEP * steps, seed)
    more = real + by_class(shrink(pictures), classes)
    sets = {"real": real, "real + generated": more}
    return {name: accuracy(train_small(chosen, steps, seed), *test) for name, chosen in sets.items()}
