"""A small face network from outside the VAE: it names attributes, measures how far two sets of faces are apart, and
scores edits. It is trained on the attributes of CelebA's training pictures, and no loss of this project contains it.
"""

import dataclasses
import functools
import json
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from vae_keras import data, distances, latent, storage, training
from vae_keras.config import require
from vae_keras.images import resize
from vae_keras.model import activate

SIZE = 64  # pixels a side that the network sees; larger pictures are shrunk for it
SHIPPED = Path(__file__).resolve().parent / "weights" / "judge"
SHOWN = ("Smiling", "Male", "Eyeglasses", "Blond_Hair", "Young")  # of the 40, for unlabelled photographs
FILES = ("judge.weights.h5", "judge.json")


def build_network(outputs, widths=(32, 64, 128, 192), dropout=0.3):
    """Return a model from images (batch, 64, 64, 3) in [0, 1] to logits (batch, outputs).

    At each of the sizes 32, 16, 8 and 4 a convolution and a residual block (He et al. 2016, arXiv 1512.03385); their
    mean over the last map is the layer "features", (batch, widths[-1]).
    """
    images = keras.Input((SIZE, SIZE, 3), name="images")
    x = images
    for width in widths:
        x = activate(layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x), "batch")
        y = activate(layers.Conv2D(width, 3, padding="same", use_bias=False)(x), "batch")
        x = activate(layers.add([x, layers.Conv2D(width, 3, padding="same", use_bias=False)(y)]), "batch")
    features = layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
    x = layers.Dropout(dropout)(features)
    return keras.Model(images, layers.Dense(outputs, dtype="float32", name="logits")(x), name="judge")


@dataclasses.dataclass
class Judge:
    """A trained `network`, the names of the `attributes` that it sees, and the `card` of its training."""

    network: keras.Model
    attributes: list[str]
    card: dict

    def __post_init__(self):
        features = self.network.get_layer("features").output
        self.both = keras.Model(self.network.input, [features, self.network.output])

    def _look(self, images):
        """Features and logits, the means of those of the pictures and of their mirror images."""
        images = data.to_uint8(images)
        if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
            raise ValueError(f"The judge takes pictures as [n, size, size, 3], not {list(images.shape)}.")
        if images.shape[1:3] != (SIZE, SIZE):
            images = np.stack([resize(one, SIZE) for one in images])
        results = []
        for start in range(0, len(images), 256):
            block = images[start : start + 256].astype("float32") / 255
            pair = [self.both.predict_on_batch(some) for some in (block, block[:, :, ::-1])]
            results.append([(one + other) / 2 for one, other in zip(*pair)])
        return [np.concatenate(parts) for parts in zip(*results)]

    def features(self, images):
        """Return what the network sees in pictures, whatever their attributes: float32 [n, 192].

        images: uint8 in 0..255 or float in [0, 1], [n, size, size, 3].
        """
        return self._look(images)[0]

    def probabilities(self, images):
        """Return how probable each attribute is in each picture: a table [n, attributes] of values in [0, 1]."""
        logits = np.float64(self._look(images)[1])
        return pd.DataFrame(1 / (1 + np.exp(-logits)), columns=self.attributes)

    def decisions(self, images):
        """Return which attributes the network sees (probability above a half): a table [n, attributes], true/false."""
        return self.probabilities(images) > 0.5

    def distance(self, real, other):
        """Return the Fréchet distance of two sets of faces in the space of the features.

        Protocol: faces cropped as CelebA is here, of the same count, at least 1,000 for numbers worth comparing. Print
        the distance of real training to real test pictures beside it.
        """
        return distances.frechet(self.features(real), self.features(other))

    def score_edit(self, before, after, attribute):
        """Return what an edit did to pictures `before` that lack the attribute: a Series of two shares.

        turned: of the pictures that have it in `after`. others_changed: of the decisions on all other attributes.
        Pictures in which the judge sees the attribute already are left out; NaN where that leaves none.
        """
        old, new = self.decisions(before), self.decisions(after)
        require([attribute], old, "The judge has no attribute")
        lacked = ~old[attribute]
        others = (old != new).drop(columns=attribute)[lacked].to_numpy()
        return pd.Series({"turned": new[attribute][lacked].mean(), "others_changed": others.mean()})


def train(faces, epochs=30, batch_size=128, seed=1, learning_rate=2e-3, callbacks=(), folder=None):
    """Return a `Judge` of all attributes that `faces` (a `data.Faces`) labels, trained on its training pictures.

    Flipped, brighter or darker, moved, turned and scaled a little: see `vary`. Cross-entropy of each attribute, Adam
    with decoupled weight decay (Loshchilov and Hutter 2019), a rate that falls along a cosine. folder: where a
    checkpoint is kept after every epoch; an interrupted training goes on from it. Raises ValueError where there are no
    labels, and where the checkpoint is of other settings.
    """
    table = faces.table.drop(columns="split")
    names = list(table.columns[table.dtypes.map(lambda dtype: dtype.kind) == "i"])
    if not names:
        raise ValueError(f"{faces.source.title} has no labelled attributes: the judge learns from CelebA's.")
    keras.utils.set_random_seed(seed)
    batch_size = min(batch_size, len(faces.train))
    network = build_network(len(names))
    labels = [faces.labels(part, names).to_numpy() for part in ("train", "validation")]
    schedule = training.cosine(learning_rate, epochs, batch_size, len(faces.train))
    network.compile(
        optimizer=training.Adam(schedule, weight_decay=0.05),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)],
    )
    network.optimizer.build(network.trainable_variables)
    how = dict(epochs=epochs, batch_size=batch_size, seed=seed, folder=folder, callbacks=callbacks)
    how |= dict(labels=labels, change=vary, settings=dict(rate=learning_rate, attributes=names))
    minutes = training.run(network, faces.train, faces.validation, **how)["seconds"].sum() / 60
    card = dict(epochs=epochs, pictures=len(faces.train), crop=faces.source.crop, seed=seed)
    card |= dict(minutes=round(minutes, 1), date=time.strftime("%Y-%m-%d"))
    return Judge(network, names, card)


def vary(images, seed):
    """Return a batch of uint8 pictures as training sees it: `data.augment`, then `move`. seed: (2,)."""
    import tensorflow as tf

    seed, other = tf.unstack(tf.random.split(seed, 2))
    return move(data.augment(images, seed), seed=other)


def move(images, degrees=9.0, scale=0.1, pixels=4.0, seed=(0, 0)):
    """Turn, scale and shift each picture of a batch at random, by up to so much; what comes in is mirrored."""
    import tensorflow as tf

    count, size = tf.shape(images)[0], images.shape[1]
    turn, zoom, right, down = tf.unstack(tf.random.stateless_uniform((4, count), seed, -1.0, 1.0))
    angle, zoom, middle = turn * np.deg2rad(degrees), 1 + scale * zoom, (size - 1) / 2
    cosine, sine = zoom * tf.cos(angle), zoom * tf.sin(angle)
    x, y = pixels * right + middle * (1 - cosine + sine), pixels * down + middle * (1 - sine - cosine)
    zero = tf.zeros_like(x)
    transforms = tf.stack([cosine, -sine, x, sine, cosine, y, zero, zero], axis=1)
    return keras.ops.image.affine_transform(images, transforms, fill_mode="reflect")


def label(faces, judge=None):
    """Return `faces` with the judge's decisions as labels, where they have none of their own; else as they are.

    Kept are attributes that it sees in at least 2 % of the training pictures and misses in as many. They are guesses:
    on photographs framed as CelebA's, about as good as its card says.
    """
    if any(faces.table[name].dtype.kind == "i" for name in faces.table):
        return faces
    seen = (judge or load()).decisions(faces.images).set_axis(faces.table.index)
    share = seen[faces.rows("train")].mean()
    seen = seen.loc[:, share.between(0.02, 0.98)].astype("int8")
    shown = [name for name in SHOWN if name in seen]
    if len(shown) < 2:
        return faces
    source = dataclasses.replace(faces.source, attributes=tuple(shown), arithmetic=tuple(shown[:2]))
    return dataclasses.replace(faces, source=source, table=faces.table.join(seen))


def evaluate(judge, faces):
    """Return the judge's figures on the test pictures of `faces`, their means over the attributes and for each.

    accuracy: share of right decisions; majority: the same if each attribute's commoner answer is always given;
    balanced: the mean of the accuracies on pictures with and without the attribute; auc: area under the ROC curve.
    """
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    truth = faces.labels("test", judge.attributes).reset_index(drop=True)
    scores = judge.probabilities(faces.test)
    rows = {}
    for name in latent.usable(truth, 1).columns:
        has, seen = truth[name], scores[name] > 0.5
        rows[name] = dict(accuracy=(has == seen).mean(), majority=max(has.mean(), 1 - has.mean()))
        rows[name] |= dict(balanced=balanced_accuracy_score(has, seen), auc=roc_auc_score(has, scores[name]))
    table = pd.DataFrame(rows).T.rename_axis("attribute")
    reference = judge.distance(faces.train[: len(faces.test)], faces.test)
    return {"pictures": len(truth), **table.mean(), "real_distance": reference}, table


def save(judge, folder):
    """Write a judge to a folder: the weights, kernels as float16, and the card. What stood there is replaced whole."""
    with storage.replacing(folder, FILES) as (weights, card):
        storage.save_weights(judge.network, weights)
        card.write_text(json.dumps({"attributes": judge.attributes, **judge.card}, indent=2) + "\n")
    load.cache_clear()  # it may hold what stood there


@functools.cache
def load(folder=SHIPPED):
    """Return the judge that ships, or the one that `save` wrote to a folder; it computes in float32.

    Raises FileNotFoundError where there is none, ValueError where it is damaged.
    """
    weights, card = (Path(folder).expanduser() / name for name in FILES)
    if not (weights.exists() and card.exists()):
        raise FileNotFoundError(
            f"{folder} holds no judge: `python -m vae_keras judge --data celeba` trains one."
        )
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("float32")  # the same numbers whatever the device trains in
        card = json.loads(card.read_text())
        network = build_network(len(card["attributes"]))
        network.load_weights(weights)
    except Exception as error:  # OSError, ValueError, KeyError, ...: by the kind of damage
        why = " ".join(str(error).split())[:200]
        raise ValueError(f"The judge in {folder} is damaged ({why}): train or download it again.") from error
    finally:
        keras.config.set_dtype_policy(policy)
    return Judge(network, card.pop("attributes"), card)
