"""Many pictures as one memory-mapped array with its attributes, prepared once; and the tf.data pipeline over it."""

import hashlib
import itertools
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from vae_keras.config import require
from vae_keras.preparation import build, checksum, line, photograph
from vae_keras.sources import SPLITS, Source, get_source

VERSION = 1  # raised when the prepared array or table changes its meaning: older ones are then prepared anew


@dataclass(frozen=True)
class Faces:
    """Prepared pictures. Rows are sorted train, validation, test; within a split by the hash of the name."""

    source: Source
    images: np.ndarray  # uint8 (n, size, size, 3) RGB, memory-mapped
    table: pd.DataFrame  # index "name"; "split", labels as int8 0/1, and MEASURED as floats (see `measure`)
    skipped: list[tuple[str, str]]  # pictures left out: (name, why)
    limit: int | None = None  # of training pictures, as asked for

    @cached_property
    def _starts(self):
        return np.searchsorted(self.table["split"].map(SPLITS.index), range(len(SPLITS) + 1))

    def rows(self, split: str) -> slice:
        """The rows of "train", "validation", "test" or "all". Raises ValueError for another name."""
        if split not in (*SPLITS, "all"):
            raise ValueError(f"There is no split {split!r}: take one of {', '.join(SPLITS)} or all.")
        part = 0 if split == "all" else SPLITS.index(split)
        return slice(self._starts[part], self._starts[-1 if split == "all" else part + 1])

    # Views of `images`, uint8 (n, size, size, 3).
    train = property(lambda self: self.images[self.rows("train")])
    validation = property(lambda self: self.images[self.rows("validation")])
    test = property(lambda self: self.images[self.rows("test")])
    eight = property(lambda self: self.test[:8], doc="The held-out faces that accompany all lessons.")

    def photograph(self, i: int) -> np.ndarray:
        """The photograph of `eight[i]` before it was cropped, uint8 (height, width, 3)."""
        return photograph(self.source, self.table.index[self.rows("test")][:8][i])

    def labels(self, split: str = "train", names=None) -> pd.DataFrame:
        """Attributes as True or False, one row a picture of the split. `names`: default, those of the source.

        A labelled attribute is as labelled; a measured one is True above the median of the training part.
        Raises ValueError for an unknown name; the nearest are offered.
        """
        names = self.source.attributes if names is None else names
        names = [names] if isinstance(names, str) else list(names)
        known = [column for column in self.table.columns if column != "split"]
        require(names, known, f"{self.source.title} has no attribute")
        reference = self.table.iloc[self.rows("train" if len(self.train) else "all")]
        limits = [reference[name].median() if reference[name].dtype.kind == "f" else 0.5 for name in names]
        return self.table[names].iloc[self.rows(split)] > np.array(limits)


def prepare(source, image_size: int = 64, pictures: int | None = None, progress: bool = True) -> Faces:
    """Decodes, crops and shrinks every picture of a source once; later calls map the stored array.

    source: a `Source`, the name of one, or a folder or zip of pictures. pictures: training pictures at most;
    validation and test then keep a quarter of that, at least 64. progress: show a bar for large sets, and print
    what was left out (otherwise that goes to stderr).

    Raises ValueError or FileNotFoundError, in one sentence, for a source that cannot be used.
    """
    for name, value, least in (("image_size", image_size, 8), ("pictures", pictures, 1)):
        if value is not None and (not isinstance(value, int | np.integer) or value < least):
            raise ValueError(f"{name} has to be a whole number of at least {least}, not {value!r}.")
    source = source if isinstance(source, Source) else get_source(source)
    settings = {"version": VERSION, "image_size": int(image_size), "pictures": pictures and int(pictures)}
    settings |= {name: getattr(source, name) for name in ("name", "stamp", "crop", "find_face")}
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    folder = _cache_folder() / f"{source.name}-{image_size}-{key}"
    faces, shown = _load(folder, source), 0
    if faces is None:
        build(source, settings, folder, progress)
        faces, shown = _load(folder, source, just_written=True), 20
        if faces is None:
            raise OSError(f"{folder} was damaged while it was written: run the same command again.")
    if faces.skipped:
        listed = str(folder / "skipped.txt").replace(str(Path.home()), "~", 1)
        file, count = sys.stdout if progress else sys.stderr, len(faces.skipped)
        text = f"{count} of {count + len(faces.images)} pictures were left out ({listed})."
        print(text, *(line(*pair) for pair in faces.skipped[:shown]), sep="\n  ", file=file)
    return faces


def _cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("VAE_KERAS_CACHE") or Path(home, "vae_keras")).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(".preparing-*"):  # what a killed preparation left
        if time.time() - old.stat().st_mtime > 6 * 3600:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _load(folder, source, just_written=False):
    """The prepared `Faces` of a folder; None where there is none, or a damaged one (it is then removed)."""
    if not folder.exists():
        return None
    try:
        settings = json.loads((folder / "settings.json").read_text())
        images = np.load(folder / "images.npy", mmap_mode="r")
        table = pd.read_csv(
            folder / "table.csv", dtype={"name": str}, na_filter=False, encoding_errors="surrogateescape"
        ).set_index("name")
        whole = just_written or checksum(folder / "images.npy") == settings["crc32"]
        if len(table) != len(images) or not whole:
            raise ValueError("damaged")
    except (OSError, ValueError, KeyError, EOFError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    table = table.astype({column: "int8" for column in table.columns[1:] if table[column].dtype.kind == "i"})
    skipped = [tuple(pair) for pair in settings["skipped"]]
    return Faces(source, images, table, skipped, settings["pictures"])


def pipeline(images, batch_size=64, training=False, seed=0, first_epoch=0, labels=None, change=None):
    """A tf.data.Dataset of float32 (batch, size, size, 3) in [0, 1] over uint8 (n, size, size, 3) pictures.

    With `labels` (n, k) its elements are pairs of pictures and their labels, as float32.

    With `training` every pass is shuffled anew, changed by `change(images, seed)`, which is `augment` if not given,
    and drops what does not fill the last batch. Order and changes depend on `seed` and on the number of the pass
    alone, counted from `first_epoch`: a training that is resumed sees what it would have seen. Raises ValueError for
    no pictures, other types, a batch size of 0.
    """
    import tensorflow as tf

    count, epochs = len(images), itertools.count(first_epoch)
    if not count or batch_size < 1:
        raise ValueError(f"A pipeline needs pictures and a batch size above 0, not {count} and {batch_size}.")
    if images.dtype != np.uint8:
        raise ValueError(f"A pipeline takes uint8 pictures, not {images.dtype}: see to_uint8.")
    labels = np.zeros((count, 0), "float32") if (alone := labels is None) else np.asarray(labels, "float32")
    whole = training and count >= batch_size
    steps = count // batch_size if whole else -(-count // batch_size)

    def batches():
        epoch = next(epochs)
        order = np.random.default_rng([seed, epoch]).permutation(count) if training else None
        for step in range(steps):
            rows = slice(step * batch_size, (step + 1) * batch_size)
            rows = order[rows] if training else rows
            yield images[rows], labels[rows], (seed * 1_000_003 + epoch, step)

    def finish(images, labels, seed):
        images = (change or augment)(images, seed) if training else tf.cast(images, tf.float32) / 255
        return images if alone else (images, labels)

    size = batch_size if whole else None
    signature = (tf.TensorSpec((size, *images.shape[1:]), tf.uint8), tf.TensorSpec((size, labels.shape[1])))
    signature = (*signature, tf.TensorSpec((2,), tf.int64))
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    return dataset.map(finish, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def augment(images, seed=0):
    """A batch with small random changes, as training sees it: half the pictures flipped left to right, brightness
    moved by up to 0.05, contrast by up to 10 % (about mid-grey).

    images: (batch, size, size, 3), uint8 or float in [0, 1]. seed: one whole number or two.
    Returns float32 in [0, 1].
    """
    import tensorflow as tf

    images = tf.convert_to_tensor(images)
    seed = tf.reshape(tf.cast(seed, tf.int64), [-1])
    count, shape = tf.shape(images)[0], tf.shape(images)
    change = tf.random.stateless_uniform((3, count), tf.stack([seed[0], seed[-1]]))
    # All rows of all pictures at once, then a choice by gather: a quarter of the time of reversing four axes and
    # tf.where. The same for contrast and brightness: one product and one sum.
    mirrored = tf.reshape(tf.reverse(tf.reshape(images, [-1, *images.shape[2:]]), [1]), shape)
    flip = tf.cast(change[0] < 0.5, tf.int32)
    images = tf.gather(tf.concat([images, mirrored], 0), tf.range(count) + count * flip)
    scale = 255 if images.dtype == tf.uint8 else 1
    contrast = tf.reshape(0.9 + 0.2 * change[1], (-1, 1, 1, 1))
    brightness = tf.reshape(0.1 * change[2] - 0.05, (-1, 1, 1, 1))
    images = tf.cast(images, tf.float32) * (contrast / scale) + (0.5 - 0.5 * contrast + brightness)
    return tf.clip_by_value(images, 0.0, 1.0)


def to_uint8(images) -> np.ndarray:
    """Pictures as uint8 in 0...255, from float in [0, 1] (clipped, rounded); uint8 stays as it is."""
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    return np.rint(np.clip(images.astype(np.float32), 0, 1) * 255).astype(np.uint8)
