"""Files that are never half written, and folders that the program knows for its own."""

import contextlib
import errno
import io
import json
import os
import shutil
import zlib
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

MARKER = ".vae-keras.json"  # in every folder that the program made: what is in it, so that nothing else is replaced
CHANGE = ".vae-keras-change.json"  # says which files take their places together
PART = ".part-"  # how the names of files begin that are not whole yet
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a full disk says
MOST_CHANGE = 100_000  # bytes of a note of files; ours have some hundred


@contextlib.contextmanager
def replacing(folder, names, obsolete=()):
    """Make a folder and yield paths to write to, which take the place of `names` in it when the block ends.

    Where the block fails, what is new is removed and what was there stays. The change is one: a process that is
    killed leaves all of the old files, or all of the new ones as soon as `finish_replacing` was called.

    Args:
        folder: where the files belong. It is made if it is not there.
        names: names of files, or of folders whose place is free when the block ends.
        obsolete: names of files that are removed with this change.

    Yields:
        A list of paths, one for each name.

    Raises:
        OSError: They cannot be written. It names a file or the folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    finish_replacing(folder)
    parts = [folder / f"{PART}{name}" for name in names]
    note = folder / f"{PART}{CHANGE}"
    _remove([*parts, note])  # what a run that was killed has left
    try:
        with naming_the_place(folder):
            yield parts
            if len(names) == 1 and not obsolete:
                os.replace(parts[0], folder / names[0])
                return
            note.write_text(json.dumps({"replace": list(names), "remove": list(obsolete)}))
            os.replace(note, folder / CHANGE)  # from here on the change is made, whatever happens
            finish_replacing(folder)
    finally:
        if not (folder / CHANGE).exists():
            _remove([*parts, note])


def finish_replacing(folder) -> None:
    """Move files to their places where a process was killed while it did so.

    Raises:
        OSError: They cannot be moved.
        ValueError: The note of what is to be moved is damaged.
    """
    folder = Path(folder)
    path = folder / CHANGE
    if not path.is_file():
        return
    way_out = "remove that file, and what does not load then restore from a copy"
    if path.stat().st_size > MOST_CHANGE:
        raise ValueError(f"{path} has more than {MOST_CHANGE:,} bytes: {way_out}.")
    try:
        change = json.loads(path.read_text(encoding="utf-8"))
        replace, remove = ([str(name) for name in change[key]] for key in ("replace", "remove"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {way_out}.") from error
    if not all(map(_is_name, (*replace, *remove))):
        raise ValueError(f"{path} names files outside of its folder: {way_out}.")
    for name in replace:
        with contextlib.suppress(FileNotFoundError):  # it is in its place already
            os.replace(folder / f"{PART}{name}", folder / name)
    for name in remove:
        (folder / name).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _is_name(text):
    """Return whether a text can be the name of a file in a folder."""
    return Path(text).name == text and text not in ("", "..") and text.isprintable()


@contextlib.contextmanager
def naming_the_place(path):
    """Put a path into an OSError of the block that names none, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def locked(folder):
    """Keep a folder for this process until the block ends. A process that is killed keeps nothing.

    There is no lock on Windows, and on file systems that have none.

    Raises:
        ValueError: Another process, or another part of this one, has it.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(
                    f"Another run is writing to {folder} at this moment: wait until it has ended, or choose another "
                    "folder."
                ) from None
        yield
    finally:
        os.close(descriptor)


def _remove(paths):
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def is_free(folder):
    """Return whether nothing stands at this path, or a folder with nothing whole in it."""
    folder = Path(folder)
    if not folder.is_dir():
        return not folder.exists()
    return all(path.name.startswith(PART) for path in folder.iterdir())


def write_marker(folder, kind, files=()):
    """Mark a folder as made by the program.

    Args:
        folder: path of the folder.
        kind: what it holds, such as "model" or "faces".
        files: names of files in it that may be replaced as long as they are as they were written.
    """
    checksums = {name: checksum(Path(folder, name)) for name in files}
    text = json.dumps({"made by": "vae_keras", "kind": kind, "files": checksums}, indent=1)
    with replacing(folder, [MARKER]) as (path,):
        path.write_text(text + "\n", encoding="utf-8")


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
    except (OSError, ValueError, RecursionError):
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


def read_array_header(file) -> tuple:
    """Read the beginning of an open .npy file, which is then at its numbers.

    Returns:
        The shape, whether the numbers are in Fortran's order, and their dtype.

    Raises:
        ValueError: It is none.
    """
    from numpy.lib import format

    readers = {(1, 0): format.read_array_header_1_0, (2, 0): format.read_array_header_2_0}
    version = format.read_magic(file)
    if version not in readers:
        raise ValueError(f"it is an .npy of version {version}")
    return readers[version](file)


def pack_weights(model) -> bytes:
    """Return what `model.save_weights` writes, as bytes: where a disk is full, HDF5 may end the process."""
    memory = _Memory()
    model.save_weights(memory)
    return memory.getvalue()


class _Memory(io.BytesIO):
    """Memory whose name is one that Keras takes for that of a file of weights."""

    def __str__(self):
        return "memory.weights.h5"


def load_weights(model, path) -> None:
    """Load a file of `save_weights` into a Keras model, unless the file holds far more than the model has.

    Args:
        model: a built model of the structure that was saved.
        path: path of the .weights.h5 file.

    Raises:
        ValueError: The file is of another model, or holds values that are no numbers.
    """
    import h5py
    import numpy as np

    sizes = []

    def note_size(name, item):
        if isinstance(item, h5py.Dataset):
            sizes.append(item.size)

    with h5py.File(path) as file:
        file.visititems(note_size)
    if sum(sizes) > 2 * model.count_params() + 1000:
        raise ValueError(f"{Path(path).name} holds more numbers than the model of its card has")
    model.load_weights(path)
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise ValueError(f"{Path(path).name} holds values that are no numbers")
