"""The data sets, one file each. A new one is imported here; everything else about it stands in its own file."""

from pathlib import Path

from vae_keras.config import nearest, require
from vae_keras.data.archives import Files
from vae_keras.data.datasets import anime, cartoon, celeba, lfw  # noqa: F401 - each registers itself
from vae_keras.data.datasets.base import REGISTERED, Dataset, register
from vae_keras.data.datasets.celeba_hq import CelebAHQ
from vae_keras.data.datasets.folder import Folder

__all__ = ["Dataset", "dataset_names", "get_dataset", "layout_names", "register"]


def dataset_names() -> list[str]:
    """Return the names of the known data sets."""
    return list(REGISTERED)


def layout_names() -> list[str]:
    """Return the names of the layouts that a folder or archive can be taken for."""
    return [*_layouts()]


def _layouts():
    """Return {name: class} of the data sets that are read from files, in the order in which they are recognized."""
    with_files = {name: known for name, known in REGISTERED.items() if not known.drawing_modules}
    return with_files | {CelebAHQ.name: CelebAHQ, "folder": Folder}


def get_dataset(
    name_or_path: str | Path,
    align: bool = False,
    layout: str | None = None,
    crop: float | str | None = None,
    split: str | None = None,
) -> Dataset:
    """Find a data set.

    Args:
        name_or_path: A name of `dataset_names()`, or a folder or archive of pictures (see `archives.Files`). One that
            is laid out like a known data set is taken for what it is.
        align: Whether to find the largest face in each picture and align it; pictures without one are left out.
        layout: What a folder or archive is taken for, one of `layout_names()`. None: what it is laid out like.
        crop: Side of the centre square as a fraction of the width, 0.1 to 1, or "square" for the largest square. None:
            as the data set has it.
        split: "given" (by those who made the data set), "person" (pictures of one folder stay together) or "picture".
            None: as the data set has it.

    Returns:
        The data set.

    Raises:
        ValueError: The name is unknown, and the nearest are offered; or the archive must not be used; or its drawings
            are to be aligned; or layout, crop or split cannot be used with it.
        FileNotFoundError: There is no such folder, no picture in it, or the download fails.

    Example:
        >>> get_dataset("celeba")
        >>> get_dataset("~/photographs.zip", align=True)
        >>> get_dataset("~/faces-of-friends", layout="folder", crop=0.8, split="person")
    """
    name = str(name_or_path)
    if layout is not None:
        require([layout], _layouts(), "There is no layout")
    if name in REGISTERED:
        if layout not in (None, name):
            raise ValueError(
                f"{name} is a data set of its own: leave out --layout, which is for folders and archives."
            )
        dataset_class = REGISTERED[name]
        files, address = dataset_class.find_files(), name
    else:
        files = Files(_existing(Path(name_or_path).expanduser())).with_inner()
        address = str(files.path.resolve())
        dataset_class = _layouts()[layout] if layout else _recognize(files)
    dataset = dataset_class(files, address=address, align=align, crop=crop, split=split)
    dataset.overrides["layout"] = layout
    dataset.check_split()
    said = list(files.notes) if files else []
    if name not in REGISTERED:
        said.append(dataset.describe())
    dataset.notes[:0] = said
    return dataset


def _recognize(files):
    """Return the class of the data set that a folder or archive is laid out like."""
    return next(known for known in _layouts().values() if known.recognizes(files))


def _existing(path):
    """Return the path of a data set: the one that is given, or the folder above it that holds the whole of it."""
    for dataset_class in _layouts().values():
        folder = dataset_class.whole_folder(path)
        if folder != path:
            return folder
    if path.exists():
        return path
    if path.suffix or len(path.parts) > 1:
        raise FileNotFoundError(f"There is no folder or archive {path}: check the path.")
    raise ValueError(
        f"There is no data set or folder {path.name!r}; {nearest(path.name.lower(), dataset_names())}"
    )
