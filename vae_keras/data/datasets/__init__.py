"""The data sets, one file each. A new one is imported here; everything else about it stands in its own file."""

from pathlib import Path

from vae_keras.config import nearest
from vae_keras.data.archives import Files
from vae_keras.data.datasets import anime, cartoon, celeba, lfw  # noqa: F401 - each registers itself
from vae_keras.data.datasets.base import REGISTERED, Dataset, register
from vae_keras.data.datasets.folder import Folder

__all__ = ["Dataset", "dataset_names", "get_dataset", "register"]


def dataset_names() -> list[str]:
    """Return the names of the known data sets."""
    return list(REGISTERED)


def get_dataset(name_or_path: str | Path, align: bool = False) -> Dataset:
    """Find a data set.

    Args:
        name_or_path: A name of `dataset_names()`, or a folder or zip archive of pictures. One that is laid out like a
            known data set is taken for what it is.
        align: Whether to find the largest face in each picture and align it; pictures without one are left out.

    Returns:
        The data set.

    Raises:
        ValueError: The name is unknown, and the nearest are offered; or the archive must not be used; or its drawings
            are to be aligned.
        FileNotFoundError: There is no such folder, no picture in it, or the download fails.

    Example:
        >>> get_dataset("celeba")
        >>> get_dataset("~/photographs.zip", align=True)
    """
    name = str(name_or_path)
    if name in REGISTERED:
        dataset_class = REGISTERED[name]
        return dataset_class(dataset_class.find_files(), address=name, align=align)
    files = Files(_existing(Path(name_or_path).expanduser()))
    dataset = _recognize(files)(files, address=str(files.path.resolve()), align=align)
    if type(dataset) is not Folder:
        dataset.notes.insert(0, dataset.describe())
    dataset.notes[:0] = files.notes
    return dataset


def _recognize(files):
    """Return the class of the data set that a folder or archive is laid out like."""
    for dataset_class in REGISTERED.values():
        if dataset_class.recognizes(files):
            return dataset_class
    return Folder


def _existing(path):
    """Return the path of a data set: the one that is given, or the folder above it that holds the whole of it."""
    for dataset_class in REGISTERED.values():
        folder = dataset_class.whole_folder(path)
        if folder != path:
            return folder
    if path.exists():
        return path
    if path.suffix or len(path.parts) > 1:
        raise FileNotFoundError(f"There is no folder or zip archive {path}: check the path.")
    raise ValueError(
        f"There is no data set or folder {path.name!r}; {nearest(path.name.lower(), dataset_names())}"
    )
