"""The training, validation and test parts of a data set."""

import hashlib
import unicodedata

import numpy as np
import pandas as pd

SPLITS = ("train", "validation", "test")
# What decides on the part of a picture: those who made the data set; or the lot, for a person or for a picture.
WAYS_TO_SPLIT = ("given", "person", "picture")


def plain_name(name: str) -> str:
    """Return a name in one form of Unicode: macOS writes an accented letter as two characters."""
    return unicodedata.normalize("NFC", name)


def name_hash(name: str) -> str:
    """Return the SHA-256 of a name, hexadecimal: random but stable, it decides the order and the split."""
    return hashlib.sha256(plain_name(name).encode("utf-8", "surrogateescape")).hexdigest()


def split_by_hash(groups: list[str], total: int | None = None) -> list[str]:
    """Split rows 80/10/10 by the hash of each row's group.

    A group stays where it is when others are added. Small sets are topped up in the order of the hash: 8 groups to
    test and 4 to validation from 24 groups on, a fifth and a tenth below.

    Args:
        groups: The group of each row. Rows of one group are never parted.
        total: Number of groups by which the set counts as small; by default, of those given.

    Returns:
        "train", "validation" or "test" for each row.
    """
    hashes = {group: name_hash(group) for group in set(groups)}
    total = total or len(hashes)
    fewest_test = 8 if total >= 24 else max(1, total // 5)
    fewest_validation = 4 if total >= 24 else max(1, total // 10)
    order = sorted(hashes, key=hashes.get, reverse=True)
    shares = [int(hashes[group][:8], 16) / 2**32 for group in order]
    test = max(sum(share >= 0.9 for share in shares), fewest_test)
    validation = max(sum(0.8 <= share < 0.9 for share in shares), fewest_validation)
    parts = ["test"] * test + ["validation"] * validation + ["train"] * len(order)
    split_of = dict(zip(order, parts))
    return [split_of[group] for group in groups]


def sort_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table sorted train, validation, test, and within a split by the hash of the name."""
    hashes = [name_hash(name) for name in table.index]
    return table.iloc[np.lexsort((hashes, table["split"].map(SPLITS.index)))]


def limit_rows(table: pd.DataFrame, pictures: int | None) -> pd.DataFrame:
    """Return the first rows of each split of a sorted table.

    Args:
        table: A table as `sort_rows` gives it.
        pictures: Training pictures at most; validation and test keep a quarter of that, at least 64. None: all.
    """
    if pictures is None or pictures >= (table["split"] == "train").sum():
        return table
    held_out = max(64, pictures // 4)
    limits = table["split"].map({"train": pictures, "validation": held_out, "test": held_out})
    return table[table.groupby("split").cumcount() < limits]
