"""Arrays of NumPy as containers of pictures: an .npy, or those of an .npz. No pickle is ever read."""

import contextlib
import io
import math
import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from vae_keras import storage
from vae_keras.data.containers import Source, refuse_too_many
from vae_keras.data.images import LARGEST_FILE
from vae_keras.data.layouts import SPLIT_OF, part_of, short_paths

LONGEST_HEADER = 20_000  # bytes
LOOKED_AT = 16  # pictures whose values are looked at before any is used
WANTED = "give uint8 or floats from 0 to 1, shape [n, height, width, 3] or [n, height, width]"
TABLE = "attributes.csv"  # under which labels are found


class Array(NamedTuple):
    """An array in a file, of which nothing but the header was read."""

    source: Source
    shape: tuple
    dtype: np.dtype
    start: int  # of the numbers, in bytes

    def rows(self, first: int, count: int) -> np.ndarray:
        """Return rows.

        Raises:
            OSError: They are gone.
        """
        size = math.prod(self.shape[1:]) * self.dtype.itemsize
        data = self.source.read(self.start + first * size, count * size)
        if len(data) < count * size:
            raise OSError(f"lies in {self.source.name}, which was cut short meanwhile: write it again.")
        return np.frombuffer(data, self.dtype).reshape(-1, *self.shape[1:])


def read_header(source: Source) -> Array:
    """Return the array in a file.

    Raises:
        ValueError: It is no whole array of numbers or texts.
    """
    try:
        head = io.BytesIO(source.read(0, LONGEST_HEADER))
        shape, is_fortran, dtype = storage.read_array_header(head)
        size = math.prod(shape) * dtype.itemsize
        is_whole = min(shape, default=0) >= 0 and size <= source.size - head.tell()
    except Exception:  # ValueError, SyntaxError, TypeError, by the kind of damage
        is_whole = False
    if not is_whole:
        raise ValueError(
            f"{source.name} is no whole array, or promises more than it holds: write it again with numpy.save."
        )
    if dtype.hasobject:
        raise ValueError(
            f"{source.name} holds objects of Python, which may run a program when they are read: {WANTED}."
        )
    if is_fortran and len(shape) > 1:
        raise ValueError(f"{source.name} is in Fortran's order: save numpy.ascontiguousarray of it.")
    return Array(source, shape, dtype, head.tell())


class ArrayFiles:
    """The pictures in arrays, a PPM or PGM each, and a table of labels from arrays of one number or text a picture.

    Of several arrays of pictures, each is a folder with the array's name, or with the part of the split in it: x_train
    is train/.
    """

    def __init__(self, sources: list[Source]):
        self.notes = []
        self._places = {}  # {name of a picture: (array, row)}
        arrays = _named({source.name: read_header(source) for source in sources})
        pictures, others = _choose_pictures(arrays)
        count = sum(array.shape[0] for array in pictures.values())
        refuse_too_many(count, sources[0].name, "pictures")
        tables = []
        for name, folder in _folders(list(pictures)).items():
            array = pictures[name]
            names = [f"{folder}{row:05d}.ppm" for row in range(array.shape[0])]
            self._places |= {picture: (array, row) for row, picture in enumerate(names)}
            labels = self._take_labels(others, part_of(name), len(names))
            tables.append(pd.DataFrame({"name": names} | labels))
        self.notes += [f"{array.source.name} is left out: {_described(array)}" for array in others.values()]
        table = pd.concat(tables)
        self._table = table.to_csv(index=False).encode("utf-8", "replace") if len(table.columns) > 1 else b""
        self.entries = {name: array.source.stamp for name, (array, _) in self._places.items()}
        if self._table:
            self.entries[TABLE] = tuple(array.source.stamp for array in arrays.values())

    def _take_labels(self, others, part, count):
        """Return {name: values} of the arrays with a value for each picture, and remove them from the others."""
        labels = {}
        for name, array in list(others.items()):
            title = _without_part(name)
            fits = array.shape == (count,) and array.dtype.kind in "biufU" and part_of(name) == part
            if not fits or title == "name" or count * array.dtype.itemsize > LARGEST_FILE:
                continue
            with contextlib.suppress(ValueError):  # of texts that are no Unicode
                labels[title] = array.rows(0, count).tolist()
                self.notes.append(f"{array.source.name} is read as labels")
                del others[name]
        return labels

    def read(self, name, count):
        """Return the first bytes of a picture or of the table of labels.

        Raises:
            OSError: Its values are no colours.
        """
        if name == TABLE:
            return self._table[:count]
        array, row = self._places[name]
        pixels = array.rows(row, 1)[0]
        if array.dtype.kind == "f":
            if not _are_fractions(pixels):
                raise OSError(f"has values outside of 0 to 1: {WANTED}.")
            pixels = np.rint(pixels.astype(np.float32) * 255).astype(np.uint8)
        height, width = pixels.shape[:2]
        kind = "P6" if pixels.size == 3 * height * width else "P5"
        return (f"{kind} {width} {height} 255\n".encode() + pixels.tobytes())[:count]


def _named(arrays):
    """Return {short name: array}: that of its file, or its path where files share a name or folders are of a split.

    Raises:
        ValueError: Two files differ in the case of their suffix alone.
    """
    paths = short_paths(list(arrays))
    files = dict(zip(paths, arrays))
    for path, file in zip(paths, arrays):
        if files[path] != file:
            raise ValueError(
                f"{file} and {files[path]} have one name but for upper and lower case: rename or remove one."
            )
    stems = [path.rpartition("/")[2] for path in paths]
    is_clear = len(set(stems)) == len(stems) and list(map(part_of, stems)) == list(map(part_of, paths))
    return dict(zip(stems if is_clear else paths, arrays.values()))


def _choose_pictures(arrays):
    """Return {name: array} of those that hold pictures, and of the others.

    Raises:
        ValueError: None does.
    """
    pictures, others, refusals = {}, {}, []
    for name, array in arrays.items():
        try:
            pictures[name] = _check_pictures(array)
        except ValueError as error:
            others[name] = array
            refusals.append((len(array.shape), error))
    if not pictures:
        raise max(refusals, key=lambda refusal: refusal[0])[1]
    return pictures, others


def _described(array):
    return f"{array.dtype} of shape {list(array.shape)}"


def _without_part(name):
    words = [word for word in re.split(r"[\W_]+", name) if word.lower() not in SPLIT_OF]
    return "_".join(words) or name


def _folders(names):
    """Return {name of an array: folder of its pictures}, "" for the only one."""
    parts = [part_of(name) for name in names]
    if len(names) == 1:
        return {names[0]: ""}
    is_split = all(parts) and len(set(parts)) == len(parts)
    return {name: f"{part if is_split else name}/" for name, part in zip(names, parts)}


def _check_pictures(array):
    """Return an array as it is where it holds pictures.

    Raises:
        ValueError: It holds something else, which the sentence names.
    """
    source, shape, dtype, _ = array
    is_grey = len(shape) == 3 and min(shape[1:]) >= 8
    is_colour = len(shape) == 4 and shape[3] in (1, 3) and min(shape[1:]) > 0
    hint = WANTED
    if len(shape) == 3 and shape[2] in (1, 3, 4):
        hint = "that is one picture: give many, shape [n, height, width, 3]"
    elif len(shape) == 4 and shape[1] in (1, 3) and not is_colour:
        hint = "its colours come first: give numpy.moveaxis(pictures, 1, 3)"
    if not (is_grey or is_colour) or not (dtype == np.uint8 or dtype.kind == "f"):
        raise ValueError(f"{source.name} holds {_described(array)}: {hint}.")
    if math.prod(shape[1:]) * dtype.itemsize > LARGEST_FILE:
        raise ValueError(
            f"{source.name} holds pictures of over {LARGEST_FILE // 1_000_000} MB: make them smaller first."
        )
    if dtype.kind == "f" and shape[0]:
        for row in range(0, shape[0], max(1, shape[0] // LOOKED_AT)):
            pixels = array.rows(row, 1)
            if not _are_fractions(pixels):
                raise ValueError(
                    f"{source.name} holds floats from {pixels.min():.4g} to {pixels.max():.4g}: {WANTED}."
                )
    return array


def _are_fractions(pixels):
    return bool(pixels.size and pixels.min() >= 0 and pixels.max() <= 1)  # NaN is neither
