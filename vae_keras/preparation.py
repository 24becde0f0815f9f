"""Preparation: every picture of a source decoded, cropped and shrunk once, written as one array with its table."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from vae_keras.images import ImageError, decode, enough, frame
from vae_keras.sources import MEASURED, SPLITS, name_hash, split_by_hash

BLOCK = 64  # pictures per task of the thread pool
FEWEST = 10  # pictures a source needs


def build(source, settings, folder, progress):
    """Writes a prepared folder under a temporary name, then renames it: it is there whole or not at all."""
    table, size = source.table(), settings["image_size"]
    chosen = _choose(table, settings["pictures"])
    temporary = Path(tempfile.mkdtemp(prefix=".preparing-", dir=folder.parent))
    try:
        path = temporary / "images.npy"
        columns, problems = _decode_all(path, source, table.index, chosen.index, size, progress)
        columns["_row"] = np.arange(len(chosen))
        kept, skipped = _select(source, chosen.assign(**columns), problems, len(table))
        rows = kept.pop("_row").to_numpy()
        if len(rows) < len(chosen) or (np.diff(rows) != 1).any():
            path.rename(temporary / "all.npy")
            images = np.load(temporary / "all.npy", mmap_mode="r")
            starts = range(0, len(rows), BLOCK)
            blocks = ((range(i, i + BLOCK), images[rows[i : i + BLOCK]]) for i in starts)
            _write(path, blocks, len(rows), size)
            del images, blocks
            (temporary / "all.npy").unlink()
        kept.to_csv(temporary / "table.csv", errors="surrogateescape", float_format="%.5f")
        lines = "".join(f"{line(*pair)}\n" for pair in skipped)
        (temporary / "skipped.txt").write_text(lines, encoding="utf-8")
        settings = {**settings, "crc32": checksum(path), "skipped": skipped}
        (temporary / "settings.json").write_text(json.dumps(settings, indent=1))
        try:
            temporary.rename(folder)
        except OSError:  # another process was faster: its array is the same
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _decode_all(path, source, order, names, size, progress):
    """Writes the pictures of `names` in that order; returns the columns found on the way and {name: why not}.

    They are read in the order of the archive: a disk likes that better than one drawn by lot.
    """
    place, problems = {name: row for row, name in enumerate(names)}, {}
    measured, digests = np.zeros((len(names), len(MEASURED)), np.float32), np.zeros(len(names), object)

    def blocks():
        queue = [name for name in order if name in place]
        for block_names, (block, *found) in _in_order(source, queue, size, progress):
            rows = [place[name] for name in block_names]
            measured[rows], digests[rows] = found[:2]
            problems.update(found[2])
            yield rows, block

    _write(path, blocks(), len(names), size)
    return dict(zip(MEASURED, measured.T), _digest=digests), problems


def _in_order(source, names, size, progress):
    """Yields (names, prepared block) in order; only a few blocks are in memory at a time."""
    from tqdm import tqdm

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    hidden = {} if progress and len(names) > 2000 else {"disable": True}  # else as TQDM_DISABLE says
    bar = tqdm(total=len(names), desc=f"Preparing {source.title}", file=sys.stdout, mininterval=1, **hidden)
    blocks = (names[start : start + BLOCK] for start in range(0, len(names), BLOCK))
    with ThreadPoolExecutor(min(16, processors)) as pool, bar:
        waiting = deque()
        while True:
            for block in islice(blocks, 2 * processors - len(waiting)):
                waiting.append((block, pool.submit(_prepare_block, source, block, size)))
            if not waiting:
                return
            block, task = waiting.popleft()
            yield block, task.result()
            bar.update(len(block))


def _write(path, blocks, count, size):
    """Writes blocks of (rows, uint8 pictures) as one .npy, never holding them all."""
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        for rows, images in blocks:
            for row, image in zip(rows, images):
                file.seek(start + row * image.nbytes)
                file.write(image)
        file.flush()
        os.fsync(file.fileno())


def _select(source, table, problems, total):
    """Leaves out what could not be read, and copies of a picture of a later part: (table, [(name, why)])."""
    skipped = sorted(problems.items())
    kept = table[~table.index.isin(problems)]
    place = source.location or source.title
    if not len(kept):
        raise ValueError(f"None of the {len(table)} pictures of {place} can be used: {' '.join(skipped[0])}")
    if len(kept) < FEWEST:
        raise ValueError(f"{place} holds {len(kept)} usable pictures: at least {FEWEST} are needed.")
    # Split once more without the unreadable ones: a small set keeps eight test pictures.
    if source.group is not None:
        groups = [source.group(name) for name in kept.index]
        total = total if len(set(groups)) == len(groups) else None
        kept = _sorted(kept.assign(split=split_by_hash(groups, total)))
    # Test pictures stay and copies of them go, so that the eight do not depend on the number of training pictures.
    part = kept["split"].map(SPLITS.index)
    copies = part < part.groupby(kept["_digest"]).transform("max")
    originals = dict(zip(kept["_digest"], zip(kept.index, kept["split"])))
    for name, digest in kept.loc[copies, "_digest"].items():
        skipped.append((name, "the same picture as {} of the {} part".format(*originals[digest])))
    return kept[~copies].drop(columns="_digest"), skipped


def _sorted(table):
    hashes = [name_hash(name) for name in table.index]
    return table.iloc[np.lexsort((hashes, table["split"].map(SPLITS.index)))]


def _choose(table, pictures):
    """The table in its final order, cut to so many training pictures and a quarter of that, at least 64."""
    table = _sorted(table)
    if pictures is None or pictures >= (table["split"] == "train").sum():
        return table
    limits = {"train": pictures, "validation": max(64, pictures // 4), "test": max(64, pictures // 4)}
    return table[table.groupby("split").cumcount() < table["split"].map(limits)]


def photograph(source, name, at_least=None):
    """One whole picture, uint8 (height, width, 3); of drawn faces 256 x 256. `at_least`: see `images.decode`."""
    content = source.read(name)
    return content if isinstance(content, np.ndarray) else decode(content, name, at_least)


def _prepare_block(source, names, size):
    """(uint8 pictures, measured attributes, digests, [(name, why it cannot be read)]) of a few names."""
    if source.draw and not source.find_face:
        block, problems = source.draw(names, size), []
    else:
        block, problems = _read_block(source, names, size)
    return block, measure(block), [hashlib.sha256(image).digest() for image in block], problems


def _read_block(source, names, size):
    block, problems = np.zeros((len(names), size, size, 3), np.uint8), []
    at_least = enough(size, source.crop, source.find_face)
    for row, name in enumerate(names):
        try:
            image = photograph(source, name, at_least)
            block[row] = frame(image, size, source.crop, source.find_face, name)
        except (ImageError, OSError) as error:  # it is left out
            problems.append((name, str(error).removeprefix(f"{name} ") or type(error).__name__))
    return block, problems


def measure(images: np.ndarray) -> np.ndarray:
    """The attributes MEASURED of uint8 (n, size, size, 3) pictures, float32 (n, 5).

    Brightness (0...1), contrast (standard deviation), warmth (red minus blue), brightness of the border beside the
    hair, and light from the left: the left minus the right half of the face.
    """
    step = max(1, images.shape[1] // 16)  # 16 x 16 points tell as much, in a tenth of the time
    images = images[:, ::step, ::step].astype(np.float32) / 255
    grey, size = images.mean(axis=3), images.shape[1]
    middle, quarter = size // 2, size // 4
    border = grey[:, :middle, [0, -1]].mean(axis=(1, 2))
    face = grey[:, quarter:-quarter]
    light = face[:, :, quarter:middle].mean(axis=(1, 2)) - face[:, :, middle:-quarter].mean(axis=(1, 2))
    warmth = (images[..., 0] - images[..., 2]).mean(axis=(1, 2))
    return np.stack([grey.mean(axis=(1, 2)), grey.std(axis=(1, 2)), warmth, border, light], axis=1)


def checksum(path):
    """CRC-32 of a file."""
    value = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            value = zlib.crc32(block, value)
    return value


def line(name, why):
    """One line of a list; a name that is no valid Unicode is shown with escapes."""
    return f"{name}: {why}".encode("utf-8", "backslashreplace").decode()
