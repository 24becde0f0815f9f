"""What a data set is: its pictures, splits and labels, and how its faces are framed.

To add one, write a subclass of `Dataset` in a file of its own, with `@register` above it, and import that file in
`datasets/__init__.py`.
"""

import copy
import functools
import numbers
from pathlib import Path

import numpy as np
import pandas as pd

from vae_keras.data import alignment, framing, layouts
from vae_keras.data.archives import Files, locate
from vae_keras.data.images import ImageError, decode, size_of
from vae_keras.data.measured import MEASURED
from vae_keras.data.splits import WAYS_TO_SPLIT, split_by_hash

SAME_PROPORTION = 0.03  # relative difference up to which pictures count as resized and not cropped
REGISTERED = {}  # {name: subclass of Dataset}
SQUARE = "square"  # the crop that takes the largest square
SMALLEST_CROP = 0.1  # of the width: less is no face
FEWEST_GROUPS = 3  # for a split by person: one in each part
SPLIT_IN_WORDS = {"given": "as given", "person": "by lot, people kept together", "picture": "by lot"}


def register(dataset_class):
    """Make a data set known by its name. A decorator for subclasses of `Dataset`."""
    REGISTERED[dataset_class.name] = dataset_class
    return dataset_class


class Dataset:
    """A set of face pictures.

    Subclasses say what it is by class attributes, and how it is read by `recognizes`, `find_pictures`, `read_labels`
    and `group`.

    Attributes:
        name: How commands and settings call it.
        title: How figures and messages call it.
        kaggle: Its address on Kaggle, "owner/name".
        other_names: Names of archives (without a suffix) and folders that may hold it, besides its own and Kaggle's.
        crop: Side of the centre square that is cut out, as a fraction of the width; None takes the largest square.
        published_shape: Width and height of its pictures as they are published. Those of another proportion are cropped
            already.
        attributes: The attributes that the lessons show: labels, or those of MEASURED.
        arithmetic: Two attributes (A, B) for "A without B" - "neither" + "B without A".
        terms: Licence and consent.
        photographs: Whether they are photographs, in which a face finder finds eyes, nose and mouth.
        download_size: How large its archive on Kaggle is, such as "1.4 GB".
        official_split: Whether its labels bring a column "split"; else pictures are split by lot.
        drawing_modules: Modules whose code makes the pictures, where they are not read from files.
        files: The folder or archive.
        members: {name of a picture: name of its file}.
        address: What `get_dataset` finds it by: its name, or the whole path of a folder or zip.
        align: Whether the face is found in each picture and aligned, instead of the centre cut out.
        overrides: The keywords by which somebody overrode what the pictures were taken for: "layout", "crop", "split".
        notes: Lines for people: how many pictures have labels, and what was left out.

    Args:
        files: The folder or archive.
        address: By default, the name.
        align: Pictures without a face that is found are left out.
        crop: Takes the place of the data set's own: a fraction of the width, or SQUARE.
        split: Takes the place of the data set's own: one of `splits.WAYS_TO_SPLIT`.

    Raises:
        FileNotFoundError: There are no such pictures in the files.
        ValueError: A table does not belong to the pictures, drawings are to be aligned, or a crop cannot be used.

    Example:
        ```python
        @register
        class Portraits(Dataset):
            name = "portraits"
            title = "Painted portraits"
            kaggle = "somebody/portraits"
            crop = 0.8
            terms = "Public domain."

            @classmethod
            def recognizes(cls, files):
                return files.find("painters.csv") is not None
        ```
    """

    name = ""
    title = ""
    kaggle = ""
    other_names = ()
    crop = None
    published_shape = None
    attributes = MEASURED
    arithmetic = ("Bright_Background", "Light_From_Left")
    terms = ""
    photographs = True
    download_size = ""
    official_split = False
    drawing_modules = ()

    def __init__(self, files: Files, address: str = "", align: bool = False, crop=None, split=None):
        if align and not self.photographs:
            raise ValueError(f"{self.title} are drawings, in which no face is found: leave out --align.")
        if align:
            alignment.check_finder()
        self.files = files
        self.notes = []
        self.overrides = {"layout": None, "crop": crop, "split": split}
        self.picture_files = self.find_picture_files()
        self.members = self.find_pictures()
        self.address = address or self.name
        self.align = align
        if crop is None:
            self._keep_what_is_cropped()
        else:
            self._check_crop(crop)
            self.overrides["crop"] = crop if crop == SQUARE else float(crop)
            self.crop = None if crop == SQUARE else float(crop)

    # How it is found and recognized.

    @classmethod
    def find_files(cls) -> Files:
        """Return the files of this data set: in the folders for data, else downloaded."""
        path = locate(cls.name, cls.kaggle, cls.other_names, cls.download_size, cls.terms)
        return Files(cls.whole_folder(path))

    @classmethod
    def recognizes(cls, files: Files) -> bool:
        """Return whether a folder or archive is laid out like this data set."""
        return False

    @classmethod
    def whole_folder(cls, path: Path) -> Path:
        """Return the folder that holds the whole data set, where `path` is a part of it; else `path`."""
        return path

    def _check_crop(self, crop):
        """Raise ValueError where a crop is none, or there is nothing to be cropped."""
        if self.align:
            raise ValueError("--align finds the face and cuts it out: leave out --crop.")
        if self.drawing_modules:
            raise ValueError(f"{self.title} are drawn without anything around them: leave out --crop.")
        is_number = isinstance(crop, numbers.Real) and not isinstance(crop, bool)
        if crop != SQUARE and not (is_number and SMALLEST_CROP <= crop <= 1):
            raise ValueError(
                f"There is no crop {crop!r}: --crop takes {SQUARE}, or a fraction of the width, {SMALLEST_CROP} to 1."
            )

    def _keep_what_is_cropped(self):
        """Take the largest square of pictures that are not as they are published: somebody has cropped them."""
        if self.published_shape is None or self.align:
            return
        width, height = self.published_shape
        found = self._first_sizes()
        same = [abs(w / h / (width / height) - 1) <= SAME_PROPORTION for w, h in found]
        if found and not any(same):
            self.crop = None
            self.notes.append(
                f"{self.title}: its pictures of {found[0][0]} x {found[0][1]} pixels are cropped already (published: "
                f"{width} x {height}), so the largest square is taken"
            )

    def _first_sizes(self):
        """Return width and height of the first pictures that can be read."""
        sizes = [picture_size(self.read, name) for name in list(self.members)[:3]]
        return [size for size in sizes if size]

    def describe(self) -> str:
        """Return what the pictures are taken for, with their crop, split and labels, as a line for people."""
        framing_words = "largest square" if self.crop is None else f"centre, {self.crop:.2f} of the width"
        if self.align:
            framing_words = "each face found and aligned"
        return (
            f"{self.location} is taken for {self.kind}; crop: {framing_words}; split: {SPLIT_IN_WORDS[self.split]} "
            "(--layout, --crop and --split override that)"
        )

    # What is in it.

    def find_picture_files(self) -> Files:
        """Return the files in which the pictures lie; by default the same in which the tables lie."""
        return self.files

    def find_pictures(self) -> dict[str, str]:
        """Return {name of a picture: name of its file}."""
        return self.picture_files.pictures(str)

    def masks(self, names: list[str]) -> set[str]:
        """Return which of some names are masks beside faces, and note how many are left out."""
        found = layouts.mask_names(names)
        if found:
            self.notes.append(f"{len(found)} masks are left out, as {min(found)}")
        return found

    def read_labels(self) -> pd.DataFrame:
        """Return labels as int8, one row a picture, indexed by name; by default there are none.

        They are 0, 1, or `tables.UNKNOWN` (-1) where nobody has said.
        """
        return pd.DataFrame(index=list(self.members))

    def group(self, name: str) -> str:
        """Return the person in a picture, for the split by person: by default the folder that it lies in."""
        return name.rpartition("/")[0]

    @functools.cached_property
    def ways_to_split(self) -> list[str]:
        """Those of `splits.WAYS_TO_SPLIT` by which the pictures can be split."""
        people = {self.group(name) for name in self.members}
        can = {"given": self.official_split, "person": len(people) >= FEWEST_GROUPS, "picture": True}
        return [way for way in WAYS_TO_SPLIT if can[way]]

    @property
    def usual_split(self) -> str:
        """How the pictures are split where nobody overrides it: by person where `group` is the data set's own."""
        if self.official_split:
            return "given"
        has_people = type(self).group is not Dataset.group and "person" in self.ways_to_split
        return "person" if has_people else "picture"

    @property
    def split(self) -> str:
        """How the pictures are split: one of `splits.WAYS_TO_SPLIT`."""
        return self.overrides["split"] or self.usual_split

    def check_split(self) -> None:
        """Raise ValueError where the pictures cannot be split as somebody wishes."""
        if self.split not in self.ways_to_split:
            place, can = self.location or self.title, " or ".join(self.ways_to_split)
            raise ValueError(f"{place} cannot be split by {self.split!r}: --split takes {can} here.")

    def together(self, name: str) -> str:
        """Return what the lot is drawn for, where it decides on the part of a picture: the picture or its person."""
        return self.group(name) if self.split == "person" else name

    def table(self) -> pd.DataFrame:
        """Return one row a picture: index "name", column "split" and the labels as int8 0/1, unknown -1.

        Raises:
            ValueError: A table does not belong to the pictures.
            FileNotFoundError: A table is missing.
        """
        table = self.read_labels().rename_axis("name")
        if self.split != "given":
            table = table.drop(columns="split", errors="ignore")
            table.insert(0, "split", split_by_hash([self.together(name) for name in table.index]))
        return table

    def kinds(self, table: pd.DataFrame) -> pd.DataFrame | None:
        """Return what tells kinds of faces apart between which there are none, as 0/1: by default, nothing does.

        Args:
            table: Rows of a table of `Faces`, indexed by the names of pictures.

        Returns:
            A table with the same rows, or None.
        """
        return None

    @property
    def kind(self) -> str:
        """What the pictures are taken for, in words."""
        return self.title

    @property
    def location(self) -> str:
        """The folder or archive, as text."""
        return str(self.files.path)

    @property
    def stamp(self) -> str:
        """A text that changes whenever the pictures or their labels change."""
        return f"{self.files.stamp}-{self.picture_files.stamp}"

    # Its pictures. All of this may be called from several threads.

    def read(self, name: str) -> bytes:
        """Return the content of the file of one picture."""
        return self.picture_files.read(self.members[name])

    def photograph(self, name: str, at_least: int | None = None) -> np.ndarray:
        """Return one whole picture, uint8 (height, width, 3). `at_least`: see `images.decode`."""
        return decode(self.read(name), name, at_least)

    def framed(self, names: list[str], size: int) -> tuple[np.ndarray, list[tuple[str, str]]]:
        """Return pictures as a model takes them.

        Args:
            names: Names of the pictures.
            size: Pixels a side.

        Returns:
            uint8 (n, size, size, 3), and [(name, reason)] of those that cannot be used, which are black.
        """
        at_least = framing.needed_side(size, self.crop, self.align)
        pictures = np.zeros((len(names), size, size, 3), np.uint8)
        problems = []
        for row, name in enumerate(names):
            try:
                photograph = self.photograph(name, at_least)
                pictures[row] = framing.frame(photograph, size, self.crop, self.align, name)
            except (ImageError, OSError) as error:
                reason = str(error).removeprefix(f"{name} ") or type(error).__name__
                problems.append((name, reason))
        return pictures, problems

    def with_attributes(self, attributes, arithmetic) -> "Dataset":
        """Return a copy that shows other attributes."""
        changed = copy.copy(self)
        changed.attributes = tuple(attributes)
        changed.arithmetic = tuple(arithmetic)
        return changed


def picture_size(read, name: str) -> tuple[int, int] | None:
    """Return width and height of a picture; None where it cannot be read.

    Args:
        read: a function from a name to the bytes of the picture.
        name: of the picture.
    """
    try:
        return size_of(read(name))
    except OSError:
        return None
