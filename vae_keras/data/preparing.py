"""Preparing a data set: every picture decoded, framed and measured once, as one array with its table."""

import hashlib
import os
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from vae_keras.data.datasets.base import Dataset
from vae_keras.data.measured import MEASURED, measure
from vae_keras.data.splits import SPLITS, limit_rows, sort_rows, split_by_hash

BLOCK = 64  # pictures per task of the thread pool
MANY, MANY_TO_ALIGN = 2000, 100  # pictures, over which a bar shows how far it is
FEWEST = 40  # pictures that a data set needs: with fewer, some lesson has nothing to measure with


class Block(NamedTuple):
    """A few prepared pictures."""

    names: list
    pictures: np.ndarray  # uint8 (n, size, size, 3)
    measured: np.ndarray  # (n, attributes)
    digests: list  # SHA-256 of each picture
    problems: list  # [(name, reason)] of those that cannot be used


def prepare(
    dataset: Dataset, image_size: int, pictures: int | None, folder: Path, progress: bool = True
) -> None:
    """Write the pictures of a data set into a folder.

    Args:
        dataset: The data set.
        image_size: Pixels a side.
        pictures: Training pictures at most; None: all.
        folder: Gets images.npy, table.csv and skipped.csv.
        progress: Whether to show a bar for large sets.

    Raises:
        ValueError: Too few of the pictures can be used.
    """
    table = dataset.table()
    place = dataset.location or dataset.title
    _require_enough(len(table), place)
    chosen = limit_rows(sort_rows(table), pictures)
    path = folder / "images.npy"
    columns, problems = _prepare_all(path, dataset, table.index, chosen.index, image_size, progress)
    columns["_row"] = np.arange(len(chosen))
    kept, skipped = _leave_out(dataset, chosen.assign(**columns), problems, len(table))
    _require_enough(len(table) - len(skipped), place)
    rows = kept.pop("_row").to_numpy()
    if len(rows) < len(chosen) or (np.diff(rows) != 1).any():
        _reorder(path, rows, image_size)
    kept.to_csv(folder / "table.csv", errors="surrogateescape", float_format="%.5f")
    skipped = pd.DataFrame(skipped, columns=["name", "reason"])
    skipped.to_csv(folder / "skipped.csv", index=False, errors="surrogateescape")


def _prepare_all(path, dataset, order, names, size, progress):
    """Write the pictures of `names` in that order.

    They are read in the order of the archive: a disk likes that better than one drawn by lot.

    Returns:
        The columns of the table that were found on the way, and {name: reason} of those that cannot be used.
    """
    place = {name: row for row, name in enumerate(names)}
    measured = np.zeros((len(names), len(MEASURED)), np.float32)
    digests = np.zeros(len(names), object)
    problems = {}

    def rows_and_pictures():
        """Yield what `_write_array` takes, and keeps the rest."""
        queue = [name for name in order if name in place]
        for block in _blocks_in_order(dataset, queue, size, progress):
            rows = [place[name] for name in block.names]
            measured[rows] = block.measured
            digests[rows] = block.digests
            problems.update(block.problems)
            yield rows, block.pictures

    _write_array(path, rows_and_pictures(), len(names), size)
    columns = dict(zip(MEASURED, measured.T))
    columns["_digest"] = digests
    return columns, problems


def _blocks_in_order(dataset, names, size, progress) -> Iterator[Block]:
    """Yield prepared blocks in order; only a few are in memory at a time."""
    from tqdm import tqdm

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    many = MANY_TO_ALIGN if dataset.align else MANY
    hidden = None if progress and len(names) > many else True  # None: as TQDM_DISABLE says
    gigabytes = len(names) * size * size * 3 / 1e9
    description = f"Preparing {dataset.title}, {gigabytes:.1f} GB of disk and memory"
    bar = tqdm(total=len(names), desc=description, file=sys.stdout, mininterval=1, disable=hidden)
    starts = iter(range(0, len(names), BLOCK))
    with ThreadPoolExecutor(min(16, processors)) as pool, bar:
        waiting = deque()
        while True:
            for start in islice(starts, 2 * processors - len(waiting)):
                block_names = names[start : start + BLOCK]
                waiting.append(pool.submit(_prepare_block, dataset, block_names, size))
            if not waiting:
                return
            block = waiting.popleft().result()
            yield block
            bar.update(len(block.names))


def _prepare_block(dataset, names, size):
    """Return a prepared block."""
    pictures, problems = dataset.framed(names, size)
    digests = [hashlib.sha256(picture).digest() for picture in pictures]
    return Block(names, pictures, measure(pictures), digests, problems)


def _write_array(path, blocks, count, size):
    """Write blocks of (rows, uint8 pictures) as one .npy, never holding them all."""
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        for rows, pictures in blocks:
            for row, picture in zip(rows, pictures):
                file.seek(start + row * picture.nbytes)
                file.write(picture)
        file.flush()
        os.fsync(file.fileno())


def _reorder(path, rows, size):
    """Write an array again with these rows alone, in this order."""
    whole = path.with_name("all.npy")
    path.rename(whole)
    images = np.load(whole, mmap_mode="r")
    starts = range(0, len(rows), BLOCK)
    blocks = ((range(start, start + BLOCK), images[rows[start : start + BLOCK]]) for start in starts)
    _write_array(path, blocks, len(rows), size)
    del images, blocks
    whole.unlink()


def _leave_out(dataset, table, problems, total):
    """Leave out what cannot be used.

    Args:
        dataset: The data set.
        table: One row a picture.
        problems: {name: reason}.
        total: Number of pictures that the data set has, before any limit.

    Returns:
        The table of those that stay, and [(name, reason)] of the others.
    """
    kept = table[~table.index.isin(problems)]
    if not len(kept):
        first = " ".join(sorted(problems.items())[0])
        place = dataset.location or dataset.title
        raise ValueError(f"None of the {len(table)} pictures of {place} can be used: {first}")
    if dataset.split != "given":  # once more without the others: a small set keeps eight test pictures
        groups = [dataset.together(name) for name in kept.index]
        every_group_is_one_picture = len(set(groups)) == len(groups)
        total = total if every_group_is_one_picture else None
        kept = sort_rows(kept.assign(split=split_by_hash(groups, total)))
    kept, copies = _without_copies(kept)
    return kept, sorted(problems.items()) + copies


def _require_enough(count, place):
    """Raise ValueError where too few pictures can be used."""
    if count < FEWEST:
        raise ValueError(
            f"{place} holds {count} usable pictures: at least {FEWEST} are needed, and some hundred are better."
        )


def _without_copies(table):
    """Leave out pictures that a later split has too.

    Test pictures stay and copies of them go, so that the eight of the preview do not depend on the number of
    training pictures.

    Returns:
        The table of those that stay, and [(name, reason)] of the others.
    """
    split = table["split"].map(SPLITS.index)
    is_copy = split < split.groupby(table["_digest"]).transform("max")
    originals = dict(zip(table["_digest"], zip(table.index, table["split"])))
    copies = []
    for name, digest in table.loc[is_copy, "_digest"].items():
        original, original_split = originals[digest]
        copies.append((name, f"the same picture as {original} of the {original_split} part"))
    return table[~is_copy].drop(columns="_digest"), copies
