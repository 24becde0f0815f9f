"""Archives: the files of a folder or a zip, and where those of the known data sets are found or downloaded."""

import csv
import hashlib
import io
import logging
import os
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from vae_keras.config import nearest

# HEIC is listed although OpenCV does not read it: left out silently it would never be missed.
SUFFIXES = tuple(".jpg .jpeg .jfif .png .webp .bmp .gif .tif .tiff .jp2 .avif .ppm .pgm .heic .heif".split())
KAGGLE = {
    "celeba": "jessicali9530/celeba-dataset",
    "lfw": "jessicali9530/lfw-dataset",
    "anime": "soumikrakshit/anime-faces",
}


class Files:
    """The files of a folder or a zip archive, under names with forward slashes. Nothing is ever unpacked."""

    def __init__(self, path: str | Path):
        self.path, self._lock = Path(path), threading.Lock()
        self._zip = None if self.path.is_dir() else self._open()
        entries = self._entries() if self._zip else self._walk()
        entries = dict(sorted(item for item in entries.items() if not self._is_left_out(item[0])))
        self.names = list(entries)
        self.stamp = hashlib.sha256(repr(entries).encode("utf-8", "backslashreplace")).hexdigest()

    def _open(self):
        try:
            return zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, EOFError):
            raise ValueError(
                f"{self.path} is no whole zip archive: download it again, or give an unpacked folder."
            ) from None

    def _entries(self):
        return {e.filename: (e.file_size, e.CRC) for e in self._zip.infolist() if not e.is_dir()}

    def _walk(self):
        paths = [os.path.join(folder, file) for folder, _, files in os.walk(self.path) for file in files]
        status = {os.path.relpath(path, self.path): os.stat(path) for path in paths if os.path.exists(path)}
        return {name.replace(os.sep, "/"): (s.st_size, s.st_mtime_ns) for name, s in status.items()}

    def _is_left_out(self, name):
        parts = name.replace("\\", "/").split("/")
        if self._zip and (".." in parts or parts[0] == "" or parts[0].endswith(":")):
            raise ValueError(
                f"{self.path} holds the entry {name!r}, which climbs out of its folder: do not use this archive, "
                "get a copy from its publisher."
            )
        return "__MACOSX" in parts or any(part.startswith(".") and part != "." for part in parts)

    def read(self, name: str) -> bytes:
        """The content of one file; in an archive its checksum is verified."""
        if self._zip is None:
            return (self.path / name).read_bytes()
        try:
            with self._lock:  # one file handle for all threads
                return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # RuntimeError: a password
            raise OSError(f"{name} in {self.path} cannot be read ({error}): get a new copy of it.") from None

    def read_table(self, name: str, **how):
        """The table in a text file, a DataFrame; how: for `pandas.read_csv`. Raises ValueError where it is none."""
        import pandas as pd

        try:
            return pd.read_csv(io.BytesIO(self.read(name)), **how)
        except (ValueError, csv.Error) as error:  # UnicodeDecodeError and pandas' errors are ValueErrors
            why = " ".join(str(error).split())
            raise ValueError(
                f"{name} of {self.path} is no table in UTF-8 ({why}): correct it, or get a new copy."
            ) from None

    def find(self, *names: str) -> str | None:
        """The file with one of these names that lies highest; None when there is none."""
        found = [name for name in self.names if name.rpartition("/")[2].lower() in names]
        return min(found, key=lambda name: (name.count("/"), name), default=None)

    def pictures(self, key: Callable[[str], str | None], what: str) -> dict[str, str]:
        """{key: file} of all pictures with a key that is not None; of two with the same key the higher one."""
        names = [name for name in self.names if name.lower().endswith(SUFFIXES)]
        members = {key(name): name for name in sorted(names, key=lambda name: (-name.count("/"), name))}
        members.pop(None, None)
        if not members:
            raise FileNotFoundError(f"{self.path} holds no {what}: check the path, or download it again.")
        return dict(sorted(members.items()))


def existing(path):
    """The path, or the folder above it that CelebA's tables lie in. Raises where there is none (see `get_source`)."""
    if path.stem == "img_align_celeba":
        for folder in path.absolute().parents[:2]:  # as published: beside it, or in Anno/ beside its folder
            if any(folder.glob("list_attr_celeba.*")) or any(folder.glob("*/list_attr_celeba.*")):
                return folder
    if path.exists():
        return path
    if path.suffix or len(path.parts) > 1:
        raise FileNotFoundError(f"There is no folder or zip archive {path}: check the path.")
    known = ["cartoon", *KAGGLE]
    raise ValueError(f"There is no data set or folder {path.name!r}; {nearest(path.name.lower(), known)}")


def locate(name):
    """The archive or folder of a known data set, downloaded when it is nowhere."""
    folders = [Path(__file__).resolve().parent.parent / "data"]
    if os.environ.get("VAE_KERAS_DATA"):
        folders.insert(0, Path(os.environ["VAE_KERAS_DATA"]).expanduser())
        if not folders[0].is_dir():
            raise FileNotFoundError(
                f"VAE_KERAS_DATA names {folders[0]}, which is no folder: correct or unset it."
            )
    others = {"celeba": ["img_align_celeba", "Img/img_align_celeba", "CelebA"], "lfw": ["lfw-deepfunneled"]}
    stems = [KAGGLE[name].split("/")[1], name, *others.get(name, [])]
    paths = [folder / f"{stem}{suffix}" for folder in folders for stem in stems for suffix in (".zip", "")]
    found = next((path for path in paths if path.exists()), None)
    return existing(found) if found else _download(name, KAGGLE[name], folders[0])


def _download(name, handle, folder):
    """The folder of a data set in kagglehub's cache, filled from the network unless it is whole already."""
    import kagglehub
    import requests
    from kagglehub.config import get_cache_folder

    logging.getLogger("kagglehub").setLevel(logging.WARNING)  # its notices go to stdout; the bar stays
    kept = Path(get_cache_folder(), "datasets", handle)
    versions = [int(path.stem) for path in kept.glob("*.complete") if path.stem.isdigit()]
    try:  # a handle with its version needs no network where that version is whole
        return Path(kagglehub.dataset_download(f"{handle}/versions/{max(versions)}" if versions else handle))
    except Exception as error:  # kagglehub raises a dozen kinds
        status = getattr(getattr(error, "response", None), "status_code", None)
        cut = isinstance(error, requests.RequestException)
        why = {403: "access was refused", 404: "it is not there", 429: "too many requests, try again later"}
        other = "no connection" if cut else f"what came is no archive: {type(error).__name__}"
        why = why.get(status, "it cannot answer now" if status else other)
    for archive in kept.glob("*.archive"):
        with open(archive, "rb") as file:
            resumable = cut and file.read(2) == b"PK"
        if not resumable:  # kagglehub would resume on to an error page for ever
            archive.unlink()
    raise FileNotFoundError(
        f"{name} could not be downloaded from Kaggle ({why}{f', HTTP {status}' if status else ''}): download "
        f"https://www.kaggle.com/datasets/{handle} in a browser and put it as {handle.split('/')[1]}.zip into "
        f"{folder}, or into the folder that VAE_KERAS_DATA names."
    ) from None
