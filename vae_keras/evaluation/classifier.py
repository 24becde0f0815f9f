"""A small face network from outside the VAE, which names attributes, compares sets of faces and scores edits.

It was trained on the attributes of CelebA's training pictures, by `vae_keras.release.classifier`. No loss of this
project contains it, so it can say how good the faces are.
"""

import dataclasses
import functools
import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from vae_keras import storage
from vae_keras.config import in_a_line, require
from vae_keras.evaluation.distances import frechet_distance
from vae_keras.model import activate, check_images
from vae_keras.pipeline import to_uint8

SIZE = 64  # pixels a side that the network sees; larger pictures are shrunk for it
SHIPPED = Path(__file__).resolve().parent.parent / "hub" / "weights" / "classifier"
FILES = ("classifier.weights.h5", "card.json")
OLDER_FILES = ("judge.weights.h5", "judge.json")  # of folders that an earlier version wrote
DROPOUT = 0.3  # share of the features that are dropped in training
BATCH = 256  # pictures at a time


def build_classifier(outputs: int, widths=(32, 64, 128, 192), dtype=None) -> keras.Model:
    """Return a model from images (batch, 64, 64, 3) in [0, 1] to logits (batch, outputs).

    At each of the sizes 32, 16, 8 and 4 a convolution and a residual block (He et al. 2016, arXiv 1512.03385). Their
    mean over the last map is the layer "features", (batch, 192).

    Args:
        outputs: number of attributes.
        widths: channels at each size.
        dtype: Keras' dtype policy of the convolutions. None: the global one.
    """
    images = keras.Input((SIZE, SIZE, 3), name="images")
    x = images
    for width in widths:
        x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False, dtype=dtype)(x)
        x = activate(x, "batch", dtype)
        y = layers.Conv2D(width, 3, padding="same", use_bias=False, dtype=dtype)(x)
        y = activate(y, "batch", dtype)
        y = layers.Conv2D(width, 3, padding="same", use_bias=False, dtype=dtype)(y)
        x = activate(layers.Add(dtype=dtype)([x, y]), "batch", dtype)
    features = layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
    x = layers.Dropout(DROPOUT, dtype="float32")(features)
    logits = layers.Dense(outputs, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="classifier")


@dataclasses.dataclass
class AttributeClassifier:
    """A trained network that sees attributes in faces.

    Pictures are uint8 in 0 to 255 or float in [0, 1], (n, size, size, 3), framed as CelebA's are here.

    Args:
        network: what `build_classifier` gave, trained.
        attributes: the names of its outputs.
        card: a dictionary that says how it was trained and how good it is.

    Example:
        >>> classifier = load_classifier()
        >>> classifier.decisions(faces.test[:8])["Smiling"]
    """

    network: keras.Model
    attributes: list[str]
    card: dict

    def __post_init__(self):
        features = self.network.get_layer("features").output
        self._with_features = keras.Model(self.network.input, [features, self.network.output])

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return what the network sees in pictures, whatever their attributes: float32 (n, 192)."""
        return self._features_and_logits(images)[0]

    def probabilities(self, images: np.ndarray) -> pd.DataFrame:
        """Return how probable each attribute is in each picture: a table (n, attributes) of values in [0, 1]."""
        logits = np.float64(self._features_and_logits(images)[1])
        return pd.DataFrame(1 / (1 + np.exp(-logits)), columns=self.attributes)

    def decisions(self, images: np.ndarray) -> pd.DataFrame:
        """Return which attributes are seen with a probability above a half: a true/false table (n, attributes)."""
        return self.probabilities(images) > 0.5

    def distance(self, real: np.ndarray, other: np.ndarray) -> float:
        """Return the Fréchet distance of two sets of faces in the space of the features.

        Take sets of the same count, 1,000 or more, and print the distance of real training to real test pictures
        beside it.
        """
        return frechet_distance(self.features(real), self.features(other))

    def score_edit(self, before: np.ndarray, after: np.ndarray, attribute: str) -> pd.Series:
        """Return what an edit did to pictures that lack an attribute.

        Args:
            before: pictures. Those in which the attribute is seen already are left out.
            after: the same pictures, edited.
            attribute: what the edit was to give them.

        Returns:
            Two shares, NaN where no picture lacks the attribute. turned: of the pictures, in which it is seen
            afterwards. others_changed: of the decisions on all other attributes, that differ afterwards.

        Raises:
            ValueError: The classifier does not know the attribute.
        """
        old, new = self.decisions(before), self.decisions(after)
        require([attribute], old, "The classifier has no attribute")
        lacked = ~old[attribute]
        if not lacked.any():
            return pd.Series({"turned": np.nan, "others_changed": np.nan})
        changed = (old != new).drop(columns=attribute)[lacked]
        return pd.Series(
            {"turned": new[attribute][lacked].mean(), "others_changed": changed.to_numpy().mean()}
        )

    def _features_and_logits(self, images):
        """Return both, as means of those of the pictures and of their mirror images."""
        images = np.asarray(images)
        if images.dtype != np.uint8:
            check_images(images)
        images = to_uint8(images)
        if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
            raise ValueError(
                f"The classifier takes pictures as [n, size, size, 3], not {list(images.shape)}."
            )
        images = _resize(images)
        features, logits = [], []
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH].astype("float32") / 255
            own_features, own_logits = self._with_features.predict_on_batch(batch)
            mirrored_features, mirrored_logits = self._with_features.predict_on_batch(batch[:, :, ::-1])
            features.append((own_features + mirrored_features) / 2)
            logits.append((own_logits + mirrored_logits) / 2)
        return np.concatenate(features), np.concatenate(logits)


def _resize(images):
    """Return pictures at the size that the network sees: larger ones averaged over areas, smaller ones smoothed."""
    import cv2

    height, width = images.shape[1:3]
    if (height, width) == (SIZE, SIZE):
        return images
    method = cv2.INTER_AREA if height * width > SIZE * SIZE else cv2.INTER_CUBIC
    return np.stack([cv2.resize(image, (SIZE, SIZE), interpolation=method) for image in images])


@functools.cache
def load_classifier(folder=SHIPPED) -> AttributeClassifier:
    """Return the classifier that ships, or the one that was written to a folder; it computes in float32.

    It is loaded once. Whoever writes to a folder calls `load_classifier.cache_clear()`.

    Args:
        folder: a path.

    Raises:
        FileNotFoundError: The folder holds no classifier.
        ValueError: A file of it is damaged.
    """
    folder = Path(folder).expanduser()
    storage.finish_replacing(folder)
    weights, card = _find_files(folder)
    try:
        card = json.loads(card.read_text(encoding="utf-8"))
        attributes = card.pop("attributes")
        # In float32: the same numbers whatever the training used.
        network = build_classifier(len(attributes), dtype="float32")
        storage.load_weights(network, weights)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:  # OSError, ValueError, KeyError, ...: by the kind of damage
        raise ValueError(
            f"The classifier in {folder} is damaged ({in_a_line(error)}): train or download it again."
        ) from error
    return AttributeClassifier(network, attributes, card)


def _find_files(folder):
    """Return the paths of the weights and of the card; FileNotFoundError where there are none."""
    for names in (FILES, OLDER_FILES):
        weights, card = (folder / name for name in names)
        if weights.is_file() and card.is_file():  # a pipe or a device has no end
            return weights, card
    raise FileNotFoundError(
        f"{folder} holds no classifier: `python -m vae_keras classifier --data celeba` trains one."
    )
