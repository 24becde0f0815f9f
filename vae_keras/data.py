"""Many pictures as one memory-mapped array with its attributes, prepared once; and the tf.data pipeline over it."""

import difflib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from vae_keras import images as pictures_module
from vae_keras.sources import MEASURED, SPLITS, Source, get_source, name_hash, split_by_hash

VERSION = 1  # raised when the prepared array or table changes its meaning: older ones are then prepared anew
BLOCK = 64  # pictures per task of the thread pool
FEWEST = 10  # pictures a source needs
# What reading one picture may raise: it is then left out. (RuntimeError: an entry with a password.)
UNREADABLE = (pictures_module.ImageError, OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


@dataclass(frozen=True)
class Faces:
    """Prepared pictures. Rows are sorted train, validation, test; within a split by the hash of the name."""

    source: Source
    images: np.ndarray  # uint8 (n, size, size, 3) RGB, memory-mapped
    table: pd.DataFrame  # index "name"; "split", labels as int8 0/1, and MEASURED as floats (0...1 or -1...1)
    skipped: list[tuple[str, str]]  # pictures left out: (name, why)

    def rows(self, split: str) -> slice:
        """The rows of "train", "validation", "test" or "all"."""
        counts = [int((self.table["split"] == name).sum()) for name in SPLITS]
        if split == "all":
            return slice(0, sum(counts))
        if split not in SPLITS:
            raise ValueError(f"Unknown split {split!r}: take one of {', '.join(SPLITS)} or all.")
        position = SPLITS.index(split)
        return slice(sum(counts[:position]), sum(counts[: position + 1]))

    @cached_property
    def train(self) -> np.ndarray:
        return self.images[self.rows("train")]

    @cached_property
    def validation(self) -> np.ndarray:
        return self.images[self.rows("validation")]

    @cached_property
    def test(self) -> np.ndarray:
        return self.images[self.rows("test")]

    @property
    def eight(self) -> np.ndarray:
        """The eight held-out faces of all lessons: the first of the test part, uint8 (8, size, size, 3)."""
        return self.test[:8]

    def photograph(self, i: int) -> np.ndarray:
        """The photograph of `eight[i]` before it was cropped, uint8 (height, width, 3)."""
        return _photograph(self.source, self.table.index[self.rows("test")][:8][i])

    def labels(self, split: str = "train", names=None) -> pd.DataFrame:
        """Attributes as True or False, one row a picture of the split. `names`: default, those of the source.

        A labelled attribute is as labelled; a measured one is True above the median of the training part.
        """
        names = [names] if isinstance(names, str) else list(self.source.attributes if names is None else names)
        known = [column for column in self.table.columns if column != "split"]
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:5]
                raise ValueError(f"{self.source.title} has no attribute {name!r}; near are {', '.join(near)}.")
        values, train = self.table[names], self.table.iloc[self.rows("train")]
        limits = {
            name: 0.5 if values[name].dtype.kind == "i" else (train if len(train) else self.table)[name].median()
            for name in names
        }
        return values.iloc[self.rows(split)] > pd.Series(limits, dtype=float)


def prepare(source, image_size: int = 64, pictures: int | None = None, progress: bool = True) -> Faces:
    """Decodes, crops and shrinks every picture of a source once; later calls map the stored array.

    Args:
        source: a `Source`, the name of one, or a folder or zip of pictures.
        image_size: side of the prepared pictures in pixels.
        pictures: training pictures at most; validation and test then keep a quarter of that, at least 64.
        progress: show a bar for large sets, and print what was left out (otherwise that goes to stderr).

    Raises:
        ValueError, FileNotFoundError: in one sentence, for a source that cannot be used.
    """
    for name, value, least in (("image_size", image_size, 8), ("pictures", pictures, 1)):
        if value is not None and (not isinstance(value, int | np.integer) or value < least):
            raise ValueError(f"{name} has to be a whole number of at least {least}, not {value!r}.")
    source = source if isinstance(source, Source) else get_source(source)
    table = source.table()
    chosen = _choose(table, pictures)
    settings = {
        "version": VERSION,
        "source": source.name,
        "stamp": source.stamp,
        "crop": source.crop,
        "find_face": source.find_face,
        "image_size": int(image_size),
        "pictures": int(pictures) if pictures and len(chosen) < len(table) else None,
    }
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    folder = _cache_folder() / f"{source.name}-{image_size}-{key}"
    faces, fresh = _load(folder, source), False
    if faces is None:
        _build(source, chosen, len(table), image_size, settings, folder, progress)
        faces, fresh = _load(folder, source), True
    if faces.skipped:
        _report(faces, folder, fresh, file=sys.stdout if progress else sys.stderr)
    return faces


def _cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("VAE_KERAS_CACHE") or Path(home, "vae_keras")).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(".preparing-*"):  # what a killed preparation left
        if time.time() - old.stat().st_mtime > 6 * 3600:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _sorted(table):
    order = pd.DataFrame({"split": table["split"].map(SPLITS.index), "hash": [name_hash(n) for n in table.index]})
    return table.iloc[np.lexsort((order["hash"], order["split"]))]


def _choose(table, pictures):
    """The table in its final order, cut to so many training pictures and a quarter of that, at least 64."""
    table = _sorted(table)
    if pictures is None or pictures >= (table["split"] == "train").sum():
        return table
    limits = {"train": pictures, "validation": max(64, pictures // 4), "test": max(64, pictures // 4)}
    return table[table.groupby("split").cumcount() < table["split"].map(limits)]


def _photograph(source, name, at_least=None):
    content = source.read(name, at_least or 256)
    return content if isinstance(content, np.ndarray) else pictures_module.decode(content, name, at_least)


def _prepare_one(source, name, size):
    at_least = None if source.find_face else int(np.ceil(size / (source.crop or 1)))
    image = _photograph(source, name, size if source.location == "" else at_least)
    if source.find_face:
        image = pictures_module.find_face(image, name=name)
    else:
        image = pictures_module.crop_square(image, source.crop)
    return pictures_module.resize(image, size)


def _prepare_block(source, names, size):
    """(pictures, {row: why it cannot be read}, measured attributes, digests) of a few names."""
    block, problems = np.zeros((len(names), size, size, 3), np.uint8), {}
    for row, name in enumerate(names):
        try:
            block[row] = _prepare_one(source, name, size)
        except UNREADABLE as error:
            problems[row] = str(error) or type(error).__name__
    return block, problems, measure(block), [hashlib.blake2b(image, digest_size=12).digest() for image in block]


def measure(images: np.ndarray) -> np.ndarray:
    """The attributes MEASURED of uint8 (n, size, size, 3) pictures, float32 (n, 5): brightness (0...1), contrast
    (standard deviation), warmth (red minus blue), brightness of the border, and left minus right half of the face.
    """
    size = images.shape[1]
    grey = images.mean(axis=3, dtype=np.float32) / 255
    red, blue = (images[..., channel].mean(axis=(1, 2), dtype=np.float32) / 255 for channel in (0, 2))
    edge, near = max(1, size // 10), slice(size // 4, size - size // 4)
    border = np.concatenate([grey[:, : size // 2, :edge], grey[:, : size // 2, -edge:]], axis=2)
    left, right = grey[:, near, size // 4 : size // 2], grey[:, near, size // 2 : size - size // 4]
    light = left.mean(axis=(1, 2)) - right.mean(axis=(1, 2))
    columns = (grey.mean(axis=(1, 2)), grey.std(axis=(1, 2)), red - blue, border.mean(axis=(1, 2)), light)
    return np.stack(columns, axis=1).astype(np.float32)


def _build(source, table, total, size, settings, folder, progress):
    """Writes a prepared folder under a temporary name, then renames it: it is there whole or not at all."""
    temporary = Path(tempfile.mkdtemp(prefix=".preparing-", dir=folder.parent))
    try:
        blocks = _decoded(source, list(table.index), size, progress)
        problems, measured, digests = {}, [], []

        def written():
            for start, (block, why, values, block_digests) in blocks:
                problems.update({start + row: text for row, text in why.items()})
                measured.append(values)
                digests.extend(block_digests)
                yield block

        checksum = _write(temporary / "images.npy", written(), len(table), size)
        table = table.assign(**dict(zip(MEASURED, np.concatenate(measured).T, strict=True)), digest=digests)
        table["row"] = np.arange(len(table))
        kept, skipped = _select(source, table, problems, total)
        if list(kept["row"]) != list(range(len(table))):
            checksum = _rewrite(temporary, kept["row"].to_numpy(), size)
        kept = kept.drop(columns=["row", "digest"])
        kept.to_csv(temporary / "table.csv", encoding="utf-8", errors="surrogateescape", float_format="%.5f")
        text = "".join(f"{_printable(name)}: {why}\n" for name, why in skipped)
        (temporary / "skipped.txt").write_text(text, encoding="utf-8")
        settings = {**settings, "shape": [len(kept), size, size, 3], "crc32": checksum, "skipped": skipped}
        (temporary / "settings.json").write_text(json.dumps(settings, indent=1))
        try:
            temporary.rename(folder)
        except OSError:  # another process was faster: its array is the same
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _decoded(source, names, size, progress):
    """Yields (first row, prepared block) in order; few blocks are in memory at a time."""
    from tqdm import tqdm

    workers = min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    bar = tqdm(
        total=len(names), desc=f"Preparing {source.title}", unit=" pictures", file=sys.stdout, mininterval=0.5,
        disable=not progress or len(names) <= 2000,
    )  # fmt: skip
    with ThreadPoolExecutor(workers) as pool, bar:
        waiting = deque()
        for start in range(0, len(names), BLOCK):
            task = pool.submit(_prepare_block, source, names[start : start + BLOCK], size)
            waiting.append((start, task))
            while len(waiting) > 2 * workers or (waiting and start + BLOCK >= len(names)):
                first, task = waiting.popleft()
                result = task.result()
                bar.update(len(result[0]))
                yield first, result


def _write(path, blocks, count, size):
    """Writes blocks of uint8 pictures as one .npy, never holding them all; returns their CRC-32."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    checksum = 0
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(block)
            checksum = zlib.crc32(block, checksum)
        file.flush()
        os.fsync(file.fileno())
    return checksum


def _rewrite(folder, rows, size):
    """The array with these rows only, in this order; returns its checksum."""
    path, all_rows = folder / "images.npy", folder / "all.npy"
    path.rename(all_rows)
    images = np.load(all_rows, mmap_mode="r")
    blocks = (images[rows[start : start + 1024]] for start in range(0, len(rows), 1024))
    checksum = _write(path, blocks, len(rows), size)
    del images, blocks
    all_rows.unlink()
    return checksum


def _select(source, table, problems, total):
    """Leaves out what could not be read, and copies of a picture of a later part: (table, [(name, why)])."""
    skipped = [(table.index[row], why) for row, why in problems.items()]
    kept = table[~table["row"].isin(list(problems))]
    if not len(kept):
        raise ValueError(f"None of the {len(table)} pictures of {source.location} can be used: {skipped[0][1]}")
    if len(kept) < FEWEST:
        raise ValueError(f"{source.location} holds {len(kept)} usable pictures: at least {FEWEST} are needed.")
    if source.group is not None:  # again without the unreadable ones: a small set keeps its eight test pictures
        groups = [source.group(name) for name in kept.index]
        total = total if len(set(groups)) == len(groups) else None
        kept = _sorted(kept.assign(split=split_by_hash(groups, total)))
    # Test pictures stay and copies of them go, so that the eight do not depend on the number of training pictures.
    part = kept["split"].map(SPLITS.index)
    copies = part < part.groupby(kept["digest"]).transform("max")
    originals = dict(zip(kept["digest"], zip(kept.index, kept["split"], strict=True), strict=True))
    for name, digest in kept.loc[copies, "digest"].items():
        skipped.append((name, "the same picture as {} of the {} part".format(*originals[digest])))
    return kept[~copies], skipped


def _load(folder, source):
    """The prepared `Faces` of a folder; None when there is none, or when it is damaged (it is then removed)."""
    if not folder.is_dir():
        return None
    try:
        settings = json.loads((folder / "settings.json").read_text())
        images = np.load(folder / "images.npy", mmap_mode="r")
        if list(images.shape) != settings["shape"] or _checksum(folder / "images.npy") != settings["crc32"]:
            raise ValueError("checksum")
        table = pd.read_csv(
            folder / "table.csv", dtype={"name": str}, na_filter=False, encoding_errors="surrogateescape"
        ).set_index("name")
        if len(table) != len(images):
            raise ValueError("rows")
    except (OSError, ValueError, KeyError, EOFError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    labels = [column for column in table if column != "split" and table[column].dtype.kind == "i"]
    table = table.astype(dict.fromkeys(labels, "int8"))
    return Faces(source, images, table, [tuple(pair) for pair in settings["skipped"]])


def _checksum(path):
    checksum = 0
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        while block := file.read(1 << 22):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _printable(name):
    return name.encode("utf-8", "backslashreplace").decode()


def _report(faces, folder, fresh, file):
    count = len(faces.skipped)
    print(f"{count} of {count + len(faces.images)} pictures were left out ({folder / 'skipped.txt'}).", file=file)
    for name, why in faces.skipped[: 20 if fresh else 0]:
        print(f"  {_printable(name)}: {why}", file=file)


def pipeline(images, batch_size: int = 64, training: bool = False, seed: int = 0, first_epoch: int = 0):
    """A tf.data.Dataset of float32 (batch, size, size, 3) in [0, 1] over uint8 (n, size, size, 3) pictures.

    With `training` every pass is shuffled anew, augmented, and drops what does not fill the last batch. The order
    and the changes depend on `seed` and on the number of the pass alone, counted from `first_epoch`: a training
    that is resumed sees the pictures that it would have seen.

    Raises:
        ValueError: there are no pictures, or the batch size is below 1.
    """
    import tensorflow as tf

    if not len(images) or batch_size < 1:
        raise ValueError(f"A pipeline needs pictures and a batch size above 0, not {len(images)} and {batch_size}.")
    count, size, epoch = len(images), images.shape[1:], first_epoch - 1
    whole = training and count >= batch_size
    steps = count // batch_size if whole else -(-count // batch_size)

    def batches():
        nonlocal epoch
        epoch += 1
        number = epoch  # of this pass: a second one may begin before this one has ended
        order = np.random.default_rng([seed, number]).permutation(count) if training else np.arange(count)
        for step in range(steps):
            rows = order[step * batch_size : (step + 1) * batch_size]
            yield images[rows] if training else images[rows[0] : rows[-1] + 1], (seed * 1_000_003 + number, step)

    signature = (
        tf.TensorSpec((batch_size if whole else None, *size), tf.uint8),
        tf.TensorSpec((2,), tf.int32),
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    change = augment if training else lambda images, seed: tf.cast(images, tf.float32) / 255
    return dataset.map(change, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def augment(images, seed=0):
    """A batch with small random changes, as training sees it: half the pictures flipped left to right, brightness
    moved by up to 0.05, contrast by up to 10 %.

    images: (batch, size, size, 3), uint8 or float in [0, 1]. seed: one whole number or two.
    Returns float32 in [0, 1].
    """
    import tensorflow as tf

    images = tf.convert_to_tensor(images)
    seed = tf.reshape(tf.cast(seed, tf.int32), [-1])
    seed = tf.stack([seed[0], seed[-1]])
    batch = tf.shape(images)[0]
    change = tf.random.stateless_uniform((3, batch, 1, 1, 1), seed)
    images = tf.where(change[0] < 0.5, images[:, :, ::-1], images)
    images = tf.cast(images, tf.float32) / (255.0 if images.dtype == tf.uint8 else 1.0)
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    contrast, brightness = 0.9 + 0.2 * change[1], -0.05 + 0.1 * change[2]
    return tf.clip_by_value(images * contrast + (mean * (1 - contrast) + brightness), 0.0, 1.0)


def to_uint8(images) -> np.ndarray:
    """Pictures as uint8 in 0...255, from float in [0, 1] (clipped, rounded); uint8 stays as it is."""
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    return np.rint(np.clip(images.astype(np.float32), 0, 1) * 255).astype(np.uint8)
