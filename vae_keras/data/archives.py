"""Archives: the files of a folder or a zip, and where those of a known data set are found or downloaded."""

import contextlib
import csv
import hashlib
import io
import json
import logging
import os
import stat
import threading
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from vae_keras.config import data_folders, find_archive, short_path
from vae_keras.data.images import LARGEST_FILE

# HEIC is listed although only a plug-in reads it: left out silently it would never be missed.
PICTURE_SUFFIXES = tuple(
    ".jpg .jpeg .jfif .png .webp .bmp .gif .tif .tiff .jp2 .avif .ppm .pgm .heic .heif".split()
)
# How other files begin that people give as a data set, and what they are.
KINDS_OF_FILES = (
    (0, b"\x1f\x8b", "a gzip or tar archive: unpack it, and give the folder"),
    (257, b"ustar", "a tar archive: unpack it, and give the folder"),
    (0, b"7z\xbc\xaf", "a 7z archive: unpack it, and give the folder"),
    (0, b"Rar!", "a RAR archive: unpack it, and give the folder"),
    (0, b"\x93NUMPY", "an array of NumPy: write its pictures as PNG or JPEG files into a folder"),
    (0, b"PAR1", "a Parquet table: write its pictures as PNG or JPEG files into a folder"),
    (0, b"\xff\xd8\xff", "one picture: give a folder of them"),
    (0, b"\x89PNG", "one picture: give a folder of them"),
)
PICTURE_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"GIF8", b"RIFF")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")
ARRAY_SUFFIXES = (".npy", ".npz", ".parquet")
LONGEST_LINE = 100_000  # bytes of a line in a table
LONGEST_SILENCE = 60  # seconds that a download may wait for the next bytes


class Files:
    """The files of a folder or a zip archive, under names with forward slashes. Nothing is ever unpacked.

    Attributes:
        path: The folder or archive.
        names: Names of all files but hidden ones, sorted.
        notes: Lines for people on what could not be read.
        stamp: A text that changes whenever a file changes.

    Args:
        path: A folder or a zip archive.

    Raises:
        ValueError: The file is no whole zip archive, or one that must not be used.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.notes = []
        self._lock = threading.Lock()  # one file handle for all threads
        self._zip = None if self.path.is_dir() else self._open_zip()
        entries = self._walk_folder() if self._zip is None else self._list_zip()
        entries = {name: entries[name] for name in sorted(entries) if not self._is_hidden(name)}
        self.names = list(entries)
        self.stamp = hashlib.sha256(repr(entries).encode("utf-8", "backslashreplace")).hexdigest()

    def _open_zip(self):
        """Return the archive, opened."""
        try:
            return zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, EOFError):
            raise ValueError(f"{self.path} is {self._what_it_is()}.") from None

    def _what_it_is(self):
        """Return what a file is that is no zip archive, and what to do."""
        with self.path.open("rb") as file:
            beginning = file.read(300)
        for start, magic, words in KINDS_OF_FILES:
            if beginning[start:].startswith(magic):
                return words
        return "no whole zip archive: download it again, or give an unpacked folder"

    def _list_zip(self):
        """Return {name: (size, checksum)} of the files of the archive."""
        entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        for entry in entries:
            self._refuse_outside(entry.filename)
        # Backslashes are against the format, and some programs on Windows write them all the same.
        self._entries = {entry.filename.replace("\\", "/"): entry for entry in entries}
        return {name: (entry.file_size, entry.CRC) for name, entry in self._entries.items()}

    def _refuse_outside(self, name):
        """Raise ValueError for an entry that would lie outside of the archive's folder."""
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
            raise ValueError(
                f"{self.path} holds the entry {name!r}, which climbs out of its folder: do not use this archive, "
                "get a copy from its publisher."
            )

    def _walk_folder(self):
        """Return {name: (size, time of the last change)} of the files of the folder.

        Links are followed, each folder is entered once, and only ordinary files count: a device has no end.
        """
        entries = {}
        entered = set()
        for folder, folders, names in os.walk(self.path, followlinks=True, onerror=self._note_unreadable):
            folders.sort()
            place = os.path.realpath(folder)
            if place in entered:
                folders.clear()
                continue
            entered.add(place)
            for name in names:
                path = Path(folder, name)
                if path.exists():
                    status = path.stat()
                    if stat.S_ISREG(status.st_mode):
                        entries[path.relative_to(self.path).as_posix()] = status.st_size, status.st_mtime_ns
        return entries

    def _note_unreadable(self, error):
        self.notes.append(f"{error.filename} cannot be read ({error.strerror}) and is left out")

    @staticmethod
    def _is_hidden(name):
        """Return whether a file, or a folder above it, is none of the user's own."""
        parts = name.replace("\\", "/").split("/")
        return "__MACOSX" in parts or any(part.startswith(".") and part != "." for part in parts)

    def read(self, name: str) -> bytes:
        """Return the content of one file; in an archive its checksum is verified.

        Raises:
            OSError: The file cannot be read.
        """
        content = self.read_beginning(name, LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise OSError(
                f"{name} in {self.path} has more than {LARGEST_FILE // 1_000_000} MB: make it smaller, or remove it."
            )
        return content

    def read_beginning(self, name: str, count: int) -> bytes:
        """Return the first bytes of one file, as `read` does."""
        if self._zip is None:
            with (self.path / name).open("rb") as file:
                return file.read(count)
        try:
            with self._lock, self._zip.open(self._entries[name]) as file:
                return file.read(count)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # RuntimeError: a password
            raise OSError(f"{name} in {self.path} cannot be read ({error}): get a new copy of it.") from None

    def read_table(self, name: str, **options) -> pd.DataFrame:
        """Return the table in a text file.

        Args:
            name: Name of the file.
            **options: Passed to `pandas.read_csv`.

        Raises:
            ValueError: The file is no table.
        """
        content = self.read(name)
        if max(map(len, content.splitlines()), default=0) > LONGEST_LINE:
            raise ValueError(
                f"{name} of {self.path} has a line of more than {LONGEST_LINE // 1000} kB: write a row a picture."
            )
        try:
            return pd.read_csv(io.BytesIO(content), **options)
        except (ValueError, csv.Error) as error:  # UnicodeDecodeError and pandas' errors are ValueErrors
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{name} of {self.path} is no table in UTF-8 ({reason}): correct it, or get a new copy."
            ) from None

    def find(self, *names: str) -> str | None:
        """Return the file with one of these names that lies highest; None where there is none."""
        found = [name for name in self.names if name.rpartition("/")[2].lower() in names]
        return min(found, key=lambda name: (name.count("/"), name), default=None)

    def picture_names(self) -> list[str]:
        """Return the names of the files that are pictures by their suffix.

        Where there are none, files without any suffix count that begin as pictures do.
        """
        named = [name for name in self.names if name.lower().endswith(PICTURE_SUFFIXES)]
        return named or [name for name in self.names if "." not in name and self._begins_as_picture(name)]

    def _begins_as_picture(self, name):
        try:
            return self.read_beginning(name, 8).startswith(PICTURE_BEGINNINGS)
        except OSError:
            return False

    def pictures(
        self, key: Callable[[str], str | None], description: str = "pictures (.jpg, .png and so on)"
    ) -> dict[str, str]:
        """List the pictures.

        Args:
            key: Function from the name of a file to the name of its picture; None leaves it out.
            description: What the pictures are, for the message where there are none.

        Returns:
            {name of the picture: name of its file}, sorted. Of two with one name the higher one is taken.

        Raises:
            FileNotFoundError: There is no such picture.
        """
        # The higher ones come last: they take the place of those of the same name.
        files = sorted(self.picture_names(), key=lambda name: (-name.count("/"), name))
        members = {key(file): file for file in files}
        members.pop(None, None)
        if not members:
            raise FileNotFoundError(f"{self.path} holds no {description}{self._instead_of_pictures()}.")
        return dict(sorted(members.items()))

    def _instead_of_pictures(self):
        """Return what is there where pictures should be, and what to do."""
        for name in self.names:
            if name.lower().endswith(ARCHIVE_SUFFIXES):
                return f", but the archive {name}: unpack it, and give its folder"
            if name.lower().endswith(ARRAY_SUFFIXES):
                return f", but the array {name}: write its pictures as PNG or JPEG files into a folder"
        return ": check the path"


def locate(
    name: str, handle: str, other_names: Sequence[str] = (), download_size: str = "", terms: str = ""
) -> Path:
    """Find the archive or folder of a known data set.

    It is looked for in the folder that `VAE_KERAS_DATA` names, then in `data/` of the working directory and of
    the checkout, then it is downloaded from Kaggle.

    Args:
        name: Name of the data set.
        handle: Its address on Kaggle, "owner/name".
        other_names: Names of archives (without .zip) and folders that may hold it, besides its own and Kaggle's.
        download_size: How large the download is, such as "1.4 GB"; printed before it starts.
        terms: Licence and consent; printed before the download starts.

    Returns:
        Path of the archive or folder.

    Raises:
        FileNotFoundError: It is nowhere and cannot be downloaded, or `VAE_KERAS_DATA` names no folder.
    """
    found = find_archive([handle.split("/")[1], name, *other_names])
    return found or _download(name, handle, download_size, terms)


def _download(name, handle, download_size, terms):
    """Return the folder of a data set in kagglehub's cache, filled from the network unless it is whole already."""
    by_hand = (
        f"download https://www.kaggle.com/datasets/{handle} in a browser and put it as "
        f"{handle.split('/')[1]}.zip into {data_folders()[0]}, or into the folder that VAE_KERAS_DATA names."
    )
    try:
        import kagglehub
        from kagglehub.config import get_cache_folder
    except ImportError:
        raise FileNotFoundError(
            f"{name} cannot be downloaded without the package kagglehub: install it, or {by_hand}"
        ) from None
    logging.getLogger("kagglehub").setLevel(logging.WARNING)  # its notices go to stdout; the bar stays
    kept = Path(get_cache_folder(), "datasets", handle)
    versions = [int(path.stem) for path in kept.glob("*.complete") if path.stem.isdigit()]
    if versions:
        # With its version it needs no network where it is whole.
        handle = f"{handle}/versions/{max(versions)}"
    else:
        print(_announcement(handle, kept, download_size, terms), flush=True)
    try:
        with _time_limit():
            return Path(kagglehub.dataset_download(handle))
    except Exception as error:  # kagglehub raises a dozen kinds
        reason, interrupted = _why_not_downloaded(error)
    _remove_useless_archives(kept, interrupted)
    raise FileNotFoundError(f"{name} could not be downloaded from Kaggle ({reason}): {by_hand}")


@contextlib.contextmanager
def _time_limit():
    """Let no request of the block wait for ever: kagglehub asks without a limit."""
    import requests

    send = requests.Session.send

    def send_in_time(session, request, **options):
        return send(session, request, **{**options, "timeout": options.get("timeout") or LONGEST_SILENCE})

    requests.Session.send = send_in_time
    try:
        yield
    finally:
        requests.Session.send = send


def _announcement(handle, folder, download_size, terms):
    """Return what is said before a download: its size, where it comes from and goes to, and its terms."""
    size = f"about {download_size} " if download_size else ""
    return f"Downloading {size}from https://www.kaggle.com/datasets/{handle} to {short_path(folder)}. {terms}".rstrip()


def _why_not_downloaded(error):
    """Return the reason in words, and whether the network failed: what has come can then be continued."""
    import requests

    login = "perhaps the login page of this network came instead; open any page in a browser to see it"
    if isinstance(error, (json.JSONDecodeError, zipfile.BadZipFile)):
        return f"what came is no archive, {login}", False
    if isinstance(error, requests.exceptions.SSLError):
        return f"what answered is not Kaggle, {login}", True
    interrupted = isinstance(error, requests.RequestException)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status:
        reasons = {
            403: "access was refused",
            404: "it is not there",
            429: "too many requests, try again later",
        }
        return f"{reasons.get(status, 'it cannot answer now')}, HTTP {status}", interrupted
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return (
            f"nothing came for {LONGEST_SILENCE} seconds; the same command goes on with what has come",
            True,
        )
    if interrupted:
        return "no connection", True
    if isinstance(error, OSError):
        return f"it cannot be stored: {error.strerror or error}", True
    return f"what came is no archive: {type(error).__name__}", False


def _remove_useless_archives(folder, interrupted):
    """Remove downloads that kagglehub would continue for ever, such as an error page saved as an archive."""
    for archive in folder.glob("*.archive"):
        with open(archive, "rb") as file:
            is_zip = file.read(2) == b"PK"
        if not (interrupted and is_zip):
            archive.unlink()
