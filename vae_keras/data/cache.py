"""The cache of prepared pictures: a folder for each data set, size and way of framing.

The name of the folder follows from everything that decides what is in it: the pictures, the settings, and the code
that reads and frames them. Whoever changes a crop or a function finds no stale pictures.
"""

import contextlib
import hashlib
import inspect
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from vae_keras import storage
from vae_keras.data import (
    alignment,
    archives,
    arrays,
    containers,
    framing,
    images,
    layouts,
    measured,
    parquet,
    preparing,
    splits,
    tables,
)
from vae_keras.data.datasets.base import Dataset

# The code that decides what is in the cache, besides that of the data set itself.
READING = (archives, containers, arrays, parquet, images, tables)
MODULES = (*READING, alignment, framing, splits, layouts, measured, preparing)
LONGEST_NAME = 100  # bytes of a data set's name in that of its folder
ABANDONED = 6 * 3600  # seconds after which a preparation that was killed is removed


class Prepared(NamedTuple):
    """What is in a folder of the cache."""

    images: np.ndarray  # uint8 (n, size, size, 3), memory-mapped
    table: pd.DataFrame  # index "name"; "split", labels as int8 (unknown -1), measured attributes as floats
    skipped: list  # [(name, reason)] of the pictures that were left out


def cache_root() -> Path:
    """Return the folder of the cache: `VAE_KERAS_CACHE`, else `vae_keras` in the user's cache folder."""
    named = os.environ.get("VAE_KERAS_CACHE")
    if named:
        return Path(named).expanduser()
    users = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(users, "vae_keras").expanduser()


def cache_settings(dataset: Dataset, image_size: int, pictures: int | None) -> dict:
    """Return everything that decides what is in the prepared pictures."""
    return {
        "name": dataset.name,
        "stamp": dataset.stamp,
        "layout": type(dataset).__name__,
        "crop": dataset.crop,
        "split": dataset.split,
        "align": dataset.align,
        "image_size": int(image_size),
        "pictures": None if pictures is None else int(pictures),
        "code": code_digest(dataset),
    }


def cache_folder(settings: dict) -> Path:
    """Return the folder of the prepared pictures with these settings."""
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    name = settings["name"].encode()[:LONGEST_NAME].decode(errors="ignore")  # file systems take 255 bytes
    return cache_root() / f"{name}-{settings['image_size']}-{key}"


def code_digest(dataset: Dataset) -> str:
    """Return the SHA-256 of the code that reads and frames the pictures of a data set."""
    classes = [parent for parent in type(dataset).__mro__ if parent is not object]
    modules = [sys.modules[parent.__module__] for parent in classes]
    digest = hashlib.sha256()
    for part in (*MODULES, *dataset.drawing_modules, *modules, *classes):
        digest.update(_source(part).encode())
    return digest.hexdigest()


def _source(part):
    """Return the text of a module or class; nothing for a module without a file, such as a notebook's."""
    try:
        return inspect.getsource(part)
    except (OSError, TypeError):
        return ""


def load(folder: Path, check: bool = True) -> Prepared | None:
    """Load prepared pictures.

    Args:
        folder: A folder of the cache.
        check: Whether to compare the checksum of the pictures, which takes a second for some 100,000.

    Returns:
        What is in the folder; None where there is none, or a damaged one, which is then removed.
    """
    _remove_abandoned(folder.parent)
    if not folder.exists():
        return None
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        pictures = np.load(folder / "images.npy", mmap_mode="r")
        table = _read_csv(folder / "table.csv", dtype={"name": str}).set_index("name")
        skipped = _read_csv(folder / "skipped.csv", dtype=str)
        intact = not check or storage.checksum(folder / "images.npy") == settings["crc32"]
    except (OSError, ValueError, KeyError, EOFError, TypeError):
        intact = False
    if not intact or len(table) != len(pictures):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    whole_numbers = [name for name in table.columns[1:] if table[name].dtype.kind == "i"]
    table = table.astype(dict.fromkeys(whole_numbers, "int8"))
    return Prepared(pictures, table, list(skipped.itertuples(index=False, name=None)))


def _read_csv(path, dtype):
    """Return a table as it was written: a picture called "nan" keeps its name."""
    return pd.read_csv(path, dtype=dtype, na_filter=False, encoding_errors="surrogateescape")


@contextlib.contextmanager
def new_entry(folder: Path, settings: dict):
    """Yield a temporary folder that takes the place of `folder` when the block ends.

    It is there whole or not at all.

    Args:
        folder: A folder of the cache.
        settings: Written beside the pictures.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".preparing-", dir=folder.parent))
    try:
        with storage.naming_the_place(folder.parent):
            yield temporary
            settings = {**settings, "crc32": storage.checksum(temporary / "images.npy")}
            (temporary / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
        try:
            temporary.rename(folder)
        except OSError:  # another process was faster: its pictures are the same
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_abandoned(root):
    """Remove what preparations that were killed have left."""
    for old in root.glob(".preparing-*"):
        if time.time() - old.stat().st_mtime > ABANDONED:
            shutil.rmtree(old, ignore_errors=True)
