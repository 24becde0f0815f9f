"""Files that are never half written, and folders that the program knows for its own."""

import contextlib
import json
import os
import shutil
import zlib
from pathlib import Path

MARKER = ".vae-keras.json"  # in every folder that the program made: what is in it, so that nothing else is replaced


@contextlib.contextmanager
def replacing(folder, names):
    """Make a folder and yield paths to write to, which take the place of `names` in it when the block ends.

    Where the block fails, what is new is removed and what was there stays.

    Args:
        folder: where the files belong. It is made if it is not there.
        names: names of files, or of folders whose place is free when the block ends.

    Yields:
        A list of paths, one for each name.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = [folder / f".part-{name}" for name in names]
    _remove(parts)  # what a run that was killed has left
    try:
        yield parts
        for part, name in zip(parts, names, strict=True):
            os.replace(part, folder / name)
    finally:
        _remove(parts)


def _remove(paths):
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def is_free(folder):
    """Return whether nothing stands at this path, or an empty folder."""
    folder = Path(folder)
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def write_marker(folder, kind, files=()):
    """Mark a folder as made by the program.

    Args:
        folder: path of the folder.
        kind: what it holds, such as "model" or "faces".
        files: names of files in it that may be replaced as long as they are as they were written.
    """
    checksums = {name: checksum(Path(folder, name)) for name in files}
    text = json.dumps({"made by": "vae_keras", "kind": kind, "files": checksums}, indent=1)
    Path(folder, MARKER).write_text(text + "\n", encoding="utf-8")


def check_folder(folder, kind, is_ours=None):
    """Check that what the program makes may be written to a folder, and nothing else is lost.

    Args:
        folder: path of the folder. It may be missing or empty, or marked as one of this kind.
        kind: what the program makes, such as "model".
        is_ours: a function that also knows folders without a mark, as earlier versions wrote them.

    Raises:
        FileExistsError: The folder holds something else.
    """
    if is_free(folder) or read_marker(folder).get("kind") == kind or (is_ours and is_ours(folder)):
        return
    raise FileExistsError(
        f"{folder} already exists and holds something else than a {kind} of this program: "
        "give the name of a new folder."
    )


def claim(folder, kind, is_ours=None):
    """Make a folder and mark it as made by the program, or accept one that `check_folder` accepts."""
    check_folder(folder, kind, is_ours)
    Path(folder).mkdir(parents=True, exist_ok=True)
    if not read_marker(folder):
        write_marker(folder, kind)


def read_marker(folder):
    """Return what `write_marker` wrote into a folder: a dictionary, empty where there is no such mark."""
    try:
        marker = json.loads(Path(folder, MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return marker if isinstance(marker, dict) and marker.get("made by") == "vae_keras" else {}


def holds_only_what_was_made(folder, kind):
    """Return whether the program may replace a folder as a whole.

    It may where each file in the folder is one that the program wrote there, unchanged since.
    """
    marker = read_marker(folder)
    if marker.get("kind") != kind:
        return False
    present = {path.name: path for path in Path(folder).iterdir() if path.name != MARKER}
    known = marker.get("files", {})
    return all(
        name in known and path.is_file() and checksum(path) == known[name] for name, path in present.items()
    )


def checksum(path) -> int:
    """Return the CRC-32 of a file."""
    value = 0
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 22), b""):
            value = zlib.crc32(block, value)
    return value
