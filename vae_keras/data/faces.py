"""The prepared pictures of a data set, with splits and attributes: what the lessons train and measure with."""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from vae_keras.config import printable, require, short_path
from vae_keras.data import cache
from vae_keras.data.datasets import Dataset, get_dataset
from vae_keras.data.measured import MEASURED
from vae_keras.data.preparing import prepare
from vae_keras.data.splits import SPLITS
from vae_keras.data.tables import UNKNOWN

MOST_LISTED = 20  # pictures that are named when they are left out
PREVIEW = 8


@dataclass(frozen=True)
class Faces:
    """Prepared pictures. Rows are sorted train, validation, test; within a split by the hash of the name.

    Attributes:
        dataset: The data set that they come from.
        images: All of them, uint8 (n, size, size, 3) RGB, memory-mapped.
        table: One row a picture, indexed by "name": the column "split", labels as int8 0/1 (-1: unknown), measured
            attributes as floats.
        skipped: Pictures that were left out, [(name, reason)].
        limit: Training pictures at most, as asked for; None: all.
    """

    dataset: Dataset
    images: np.ndarray
    table: pd.DataFrame
    skipped: list[tuple[str, str]]
    limit: int | None = None

    @cached_property
    def _starts(self):
        """First row of each split, and the number of rows."""
        return np.searchsorted(self.table["split"].map(SPLITS.index), range(len(SPLITS) + 1))

    def rows(self, split: str) -> slice:
        """Return the rows of a split.

        Args:
            split: "train", "validation", "test" or "all".

        Raises:
            ValueError: There is no such split.
        """
        if split == "all":
            return slice(0, self._starts[-1])
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}: take one of {', '.join(SPLITS)} or all.")
        part = SPLITS.index(split)
        return slice(self._starts[part], self._starts[part + 1])

    @property
    def train(self) -> np.ndarray:
        """The training pictures, uint8 (n, size, size, 3)."""
        return self.images[self.rows("train")]

    @property
    def validation(self) -> np.ndarray:
        """The validation pictures, uint8 (n, size, size, 3)."""
        return self.images[self.rows("validation")]

    @property
    def test(self) -> np.ndarray:
        """The test pictures, uint8 (n, size, size, 3)."""
        return self.images[self.rows("test")]

    @property
    def preview(self) -> np.ndarray:
        """The eight held-out faces that accompany all lessons, uint8 (8, size, size, 3)."""
        return self.test[:PREVIEW]

    def photograph(self, i: int) -> np.ndarray:
        """Return the photograph of `preview[i]` before it was cropped, uint8 (height, width, 3)."""
        names = self.table.index[self.rows("test")][:PREVIEW]
        return self.dataset.photograph(names[i])

    @property
    def label_names(self) -> list[str]:
        """Names of the labels; of the measured attributes, where nobody labelled the pictures."""
        names = self.table.columns.drop("split")
        return [name for name in names if name not in MEASURED] or list(names)

    def labels(self, split: str = "train", names=None) -> pd.DataFrame:
        """Return attributes as True or False, one row a picture.

        A labelled attribute is as labelled. A measured one is True above its median in the training part. A column in
        which some pictures are unknown holds `pandas.NA` for them, of the type "boolean".

        Args:
            split: "train", "validation", "test" or "all".
            names: Names of attributes; by default, those that the data set shows.

        Raises:
            ValueError: A name is unknown; the nearest are offered.
        """
        if names is None:
            names = self.dataset.attributes
        names = [names] if isinstance(names, str) else list(names)
        known = [column for column in self.table.columns if column != "split"]
        require(names, known, f"{self.dataset.title} has no attribute")
        reference = self.table.iloc[self.rows("train" if len(self.train) else "all")]
        limits = [_limit(reference[name]) for name in names]
        values = self.table[names].iloc[self.rows(split)]
        labels = values > np.array(limits)
        is_unknown = values == UNKNOWN
        unsure = [name for name in names if values[name].dtype.kind == "i" and is_unknown[name].any()]
        if unsure:
            labels = labels.astype(dict.fromkeys(unsure, "boolean"))
            labels[unsure] = labels[unsure].mask(is_unknown[unsure])
        return labels

    def wholly_labelled(self) -> "Faces":
        """Return the faces of which every label is known, and print how many are left out.

        Raises:
            ValueError: A split keeps no picture.
        """
        labels = self.table.select_dtypes("integer")  # measured attributes are floats, and always known
        known = (labels != UNKNOWN).all(axis=1).to_numpy()
        if known.all():
            return self
        kept = Faces(self.dataset, self.images[known], self.table[known], self.skipped, self.limit)
        emptied = set(self.table["split"]) - set(kept.table["split"])
        if emptied:
            first = min(emptied, key=SPLITS.index)
            raise ValueError(
                f"No {first} picture of {self.dataset.title} has all labels ({', '.join(self.label_names)}): complete "
                "their table, or remove columns from it."
            )
        print(f"{(~known).sum()} of {len(known)} pictures lack a label and are left out", flush=True)
        return kept

    def kinds(self, split: str = "train", count: int | None = None) -> pd.DataFrame | None:
        """Return what tells kinds of faces apart between which there are none, as 0/1.

        Args:
            split: "train", "validation", "test" or "all".
            count: how many of the first pictures; None: all.

        Returns:
            A table with a row per picture. None where the data set has no such kinds: only drawn faces have.
        """
        return self.dataset.kinds(self.table.iloc[self.rows(split)][:count])


def _limit(column):
    """Return the value above which an attribute is true."""
    is_measured = column.dtype.kind == "f"
    return column.median() if is_measured else 0.5


def load_faces(
    dataset: str | Path | Dataset,
    image_size: int = 64,
    pictures: int | None = None,
    progress: bool = True,
    layout: str | None = None,
    crop: float | str | None = None,
    split: str | None = None,
) -> Faces:
    """Load the faces of a data set: decoded, cropped and shrunk the first time, from the cache afterwards.

    Args:
        dataset: A name of `dataset_names()`, a folder or zip of pictures, or what `get_dataset` gives.
        image_size: Pixels a side, from 8.
        pictures: Training pictures at most; validation and test then keep a quarter of that, at least 64. None: all.
        progress: Whether to show a bar for large sets, and to print what was left out; otherwise that goes to stderr.
        layout: As for `get_dataset`.
        crop: As for `get_dataset`.
        split: As for `get_dataset`.

    Returns:
        The faces.

    Raises:
        ValueError: The data set cannot be used, or holds fewer than 40 pictures that can.
        FileNotFoundError: There is none.

    Example:
        >>> faces = load_faces("celeba", image_size=64, pictures=20_000)
        >>> faces.train.shape
        (20000, 64, 64, 3)
    """
    _require_whole_number("image_size", image_size, least=8)
    if pictures is not None:
        _require_whole_number("pictures", pictures, least=1)
    overrides = {"layout": layout, "crop": crop, "split": split}
    if not isinstance(dataset, Dataset):
        dataset = get_dataset(dataset, **overrides)
    elif any(value is not None for value in overrides.values()):
        raise ValueError("The data set is found already: give layout, crop and split to get_dataset.")
    settings = cache.cache_settings(dataset, image_size, pictures)
    folder = cache.cache_folder(settings)
    prepared = cache.load(folder)
    listed = 0  # what was left out is named once
    if prepared is None:
        with cache.new_entry(folder, settings) as temporary:
            prepare(dataset, settings["image_size"], settings["pictures"], temporary, progress)
        prepared = cache.load(folder, check=False)
        listed = MOST_LISTED
    if prepared is None:
        raise OSError(f"{folder} was damaged while it was written: run the same command again.")
    for line in dataset.notes:
        print(printable(line), file=sys.stdout if progress else sys.stderr)
    if prepared.skipped:
        _print_skipped(prepared, folder / "skipped.csv", listed, sys.stdout if progress else sys.stderr)
    return Faces(dataset, *prepared, limit=settings["pictures"])


def _require_whole_number(name, value, least):
    """Raise ValueError where a value is no whole number of at least that."""
    if not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} has to be a whole number of at least {least}, not {value!r}.")


def _print_skipped(prepared, path, listed, file):
    """Print how many pictures were left out, and some of them with the reason."""
    count = len(prepared.skipped)
    lines = [f"{count} of {count + len(prepared.images)} pictures were left out ({short_path(path)})."]
    for name, reason in prepared.skipped[:listed]:
        lines.append(printable(f"{name}: {reason}"))
    print("\n  ".join(lines), file=file)
