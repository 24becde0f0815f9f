"""The files of a folder or an archive, and where those of a known data set are found or downloaded."""

import contextlib
import csv
import hashlib
import io
import logging
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from vae_keras.config import TARS, data_folders, find_archive, short_path
from vae_keras.data.arrays import ArrayFiles
from vae_keras.data.containers import (
    FolderFiles,
    JoinedFiles,
    Source,
    TarFiles,
    ZipFiles,
    open_file,
    unzipped,
)
from vae_keras.data.images import LARGEST_FILE, PICTURE_SUFFIXES
from vae_keras.data.parquet import ParquetFiles

PICTURE_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"GIF8", b"RIFF")
OPENERS = {".parquet": ParquetFiles, ".npy": ArrayFiles}  # several such files are one set of pictures
READ_SUFFIXES = (".zip", ".npz", *TARS)
CONTAINER_SUFFIXES = (*READ_SUFFIXES, *OPENERS)
OTHER_SUFFIXES = tuple(".7z .rar .gz .bz2 .xz .zst .h5 .hdf5 .pkl .mdb .tfrecord .arrow".split())
MOST_NESTED = 3  # archives in archives
MOST_OPEN = 200  # arrays or tables: macOS lets a program open 256 files
LONGEST_LINE = 100_000  # bytes of a line in a table
LONGEST_SILENCE = 60  # seconds that a download may wait for the next bytes


def open_container(source: Source):
    """Return what is in a file, told by how it begins.

    Raises:
        ValueError: The file is no whole container, or one that must not be used.
        ImportError: It is a Parquet table, and pyarrow is not installed.
    """
    beginning = source.read(0, 300)
    if beginning.startswith(b"\x1f\x8b"):
        source = unzipped(source)
        beginning = source.read(0, 300)
    if beginning[257:].startswith(b"ustar"):
        return TarFiles(source)
    if beginning.startswith(b"\x93NUMPY"):
        return ArrayFiles([source])
    if beginning.startswith(b"PAR1"):
        return ParquetFiles([source])
    is_old_tar = source.name.lower().endswith(TARS) and not beginning.startswith(b"PK")
    return TarFiles(source) if is_old_tar else ZipFiles(source)


class Files:
    """The files of a folder or an archive, under names with forward slashes.

    Attributes:
        path: The folder or archive.
        names: Names of all files but hidden ones, sorted.
        notes: Lines for people on what could not be read.
        stamp: A text that changes whenever a file changes.

    Args:
        path: A folder, a zip, a tar (.tgz too), an array of NumPy (.npy, .npz) or a Parquet table.
        container: What is in it, where it is opened already.

    Raises:
        ValueError: The file is none of these, is not whole, or must not be used.
    """

    def __init__(self, path: str | Path, container=None):
        self.path = Path(path)
        if container is None:
            is_folder = self.path.is_dir()
            container = FolderFiles(self.path) if is_folder else open_container(open_file(self.path))
        self._container = container
        self.notes = container.notes
        self.names = sorted(name for name in container.entries if not self._is_hidden(name))
        entries = {name: container.entries[name] for name in self.names}
        self.stamp = hashlib.sha256(repr(entries).encode("utf-8", "backslashreplace")).hexdigest()

    def inner(self, name: str) -> "Files":
        """Return the files of an archive that is one of the files."""
        return Files(self.path / name, open_container(self._container.source(name)))

    def with_inner(self, depth: int = MOST_NESTED) -> "Files":
        """Return the files, and those of the archive, the arrays or the tables among them that hold the pictures.

        Args:
            depth: How many archives may lie in each other.

        Raises:
            ValueError: What is inside is not whole, or must not be used.
        """
        inside = [] if self.picture_names() else self._inside()
        if not inside:
            return self
        if depth == 0:
            raise ValueError(
                f"{self.path} holds archives in archives in archives: unpack it, and give the folder."
            )
        suffix = PurePosixPath(inside[0]).suffix.lower()
        if len(inside) > MOST_OPEN:
            raise ValueError(
                f"{self.path} holds {len(inside):,} {suffix} files, of which at most {MOST_OPEN} can be read: write "
                "their pictures into fewer files."
            )
        sources = [self._container.source(name) for name in inside]
        opened = OPENERS[suffix](sources) if suffix in OPENERS else open_container(sources[0])
        return Files(self.path, JoinedFiles(self._container, opened, set(inside))).with_inner(depth - 1)

    def _inside(self):
        """Return the names of what holds the pictures: all tables, all arrays, or the only archive."""
        for suffix in OPENERS:
            found = [name for name in self.names if name.lower().endswith(suffix)]
            if found:
                return found
        archives = [name for name in self.names if name.lower().endswith(READ_SUFFIXES)]
        return archives if len(archives) == 1 else []

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
        return self._container.read(name, count)

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
        suffixes = (*CONTAINER_SUFFIXES, *OTHER_SUFFIXES)
        others = [name for name in self.names if name.lower().endswith(suffixes)]
        if not others:
            return ": check the path"
        if len(others) == 1:
            return f", but {others[0]}: give a folder of what is in it"
        return f", but {len(others)} archives, as {others[0]}: give one of them"


def locate(
    name: str, handle: str, other_names: Sequence[str] = (), download_size: str = "", terms: str = ""
) -> Path:
    """Find the archive or folder of a known data set.

    It is looked for in the folder that `VAE_KERAS_DATA` names, then in `data/` of the working directory and of
    the checkout, then it is downloaded from Kaggle.

    Args:
        name: Name of the data set.
        handle: Its address on Kaggle, "owner/name".
        other_names: Names of archives (without a suffix) and folders that may hold it, besides its own and Kaggle's.
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
    if isinstance(error, (ValueError, zipfile.BadZipFile)):
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
