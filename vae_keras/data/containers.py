"""Containers: files under names, in a folder, a zip or a tar. Nothing of an archive is ever written under its name.

Each has `entries`, {name: a stamp that changes whenever the file changes}, `read(name, count)` for the beginning of a
file, `source(name)` for a file that is a container itself, and `notes`, lines for people on what was left out. Arrays
(`arrays.py`) and Parquet tables (`parquet.py`) are containers of pictures, too.

Nobody trusts what an archive says of itself: sizes are compared with what is there before memory or disk is taken.
"""

import gzip
import io
import os
import shutil
import stat
import struct
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

CHUNK = 1_000_000  # bytes copied at a time
MOST_GROWTH = 100  # by how much an archive may grow when it is unpacked: pictures hardly do
ALWAYS_ALLOWED = 1_000_000_000  # bytes to which even the smallest may grow
LEFT_ON_DISK = 100_000_000  # bytes that stay free
MOST_ENTRIES = 1_000_000  # of an archive, and pictures of arrays and tables
LARGEST_HEADER = 100_000  # bytes of one header of a tar
UNTRUSTED = "do not use this archive, get a copy from its publisher"
UNPACKED_IN_PARTS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others take memory without a limit
DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, struct.error, ValueError)
DAMAGED_TAR = (tarfile.TarError, ValueError, OverflowError, RecursionError, EOFError, struct.error)


class Refusal(ValueError):
    """A sentence on an archive that must not be read, though it is whole."""


class Source:
    """An open file that may be read at any place, from several threads.

    Attributes:
        file: The file.
        name: How messages call it.
        stamp: Changes whenever the file changes.
        size: Bytes.
    """

    def __init__(self, file: BinaryIO, name: str, stamp: tuple):
        self.file, self.name, self.stamp = file, name, stamp
        self.size = file.seek(0, io.SEEK_END)
        self._lock = threading.Lock()
        file.seek(0)

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes from a place on."""
        with self._lock:
            self.file.seek(start)
            return self.file.read(count)


def open_file(path: Path) -> Source:
    """Return a file of the disk as a source.

    Raises:
        ValueError: It is a device or a pipe, which has no end.
    """
    if not path.is_file():
        raise ValueError(f"{path} is a device or a pipe and no file: give a folder or an archive.")
    file = path.open("rb")
    status = os.fstat(file.fileno())
    return Source(file, str(path), (status.st_size, status.st_mtime_ns))


def copy_to_disk(chunks: Iterable[bytes], name: str, packed_size: int) -> BinaryIO:
    """Return a file without a name, which is gone when the program ends, with what cannot be read at any place.

    Args:
        chunks: What it is to hold.
        name: How messages call what they come from.
        packed_size: Bytes that they come from.

    Raises:
        ValueError: They are far more than those, or the disk has no room for them.
    """
    folder = tempfile.gettempdir()
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it stays open
    for chunk in chunks:
        refuse_growth(file.tell() + len(chunk), packed_size, name)
        if shutil.disk_usage(folder).free < LEFT_ON_DISK + len(chunk):
            raise ValueError(
                f"{name} does not fit on the disk of {folder}, where it is unpacked for a while: free space there, or "
                "name another folder by TMPDIR."
            )
        file.write(chunk)
    return file


def refuse_growth(size: int, packed_size: int, name: str) -> None:
    """Raise ValueError where what comes out of `name` has far more bytes than it has itself."""
    most = max(ALWAYS_ALLOWED, MOST_GROWTH * packed_size)
    if size > most:
        raise Refusal(f"{name} grows to over {most / 1e9:.1f} GB, which no pictures do: {UNTRUSTED}.")


def refuse_outside(name: str, place: str) -> None:
    """Raise ValueError for an entry that would lie outside of the folder of its archive, `place`."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        raise Refusal(f"{place} holds the entry {name!r}, which climbs out of its folder: {UNTRUSTED}.")


def refuse_too_many(count: int, name: str, what: str = "files") -> None:
    """Raise ValueError where a container, `name`, holds more than `MOST_ENTRIES`."""
    if count > MOST_ENTRIES:
        raise Refusal(f"{name} holds over {MOST_ENTRIES:,} {what}: give a part of them.")


def refuse_packing(archive: zipfile.ZipFile, name: str) -> None:
    """Raise ValueError for a zip, `name`, of which `zipfile` would unpack an entry at once, however large it grows."""
    for entry in archive.infolist():
        if entry.compress_type not in UNPACKED_IN_PARTS:
            raise Refusal(
                f"{name} holds {entry.filename!r}, which is not packed by deflate: pack it again as usual."
            )


def in_chunks(file):
    """Return an iterator over what a file holds, `CHUNK` bytes at a time."""
    return iter(lambda: file.read(CHUNK), b"")


def _reason(error):
    """Return what an error says: EOFError says nothing."""
    return str(error) or "it ends too early"


class FolderFiles:
    """The files of a folder.

    Links are followed, each folder is entered once, and only ordinary files count: a device has no end.
    """

    def __init__(self, path: Path):
        self.path = path
        self.notes = []
        self.entries = {}
        entered = set()
        for folder, folders, names in os.walk(path, followlinks=True, onerror=self._note_unreadable):
            folders.sort()
            place = os.path.realpath(folder)
            if place in entered:
                folders.clear()
                continue
            entered.add(place)
            for name in names:
                file = Path(folder, name)
                status = file.stat() if file.exists() else None
                if status and stat.S_ISREG(status.st_mode):
                    self.entries[file.relative_to(path).as_posix()] = status.st_size, status.st_mtime_ns

    def _note_unreadable(self, error):
        self.notes.append(f"{error.filename} cannot be read ({error.strerror}) and is left out")

    def read(self, name, count):
        """Return the first bytes of a file."""
        with (self.path / name).open("rb") as file:
            return file.read(min(count, os.fstat(file.fileno()).st_size))

    def source(self, name):
        """Return a file as a source."""
        return open_file(self.path / name)


class ZipFiles:
    """The files of a zip."""

    def __init__(self, source: Source):
        self.name = source.name
        self.notes = []
        self._size = source.size
        self._lock = threading.Lock()  # one file handle for all threads
        try:
            self._zip = zipfile.ZipFile(source.file)
        except (*DAMAGED_ZIP, OSError):
            raise ValueError(f"{source.name} is {_what_it_is(source)}.") from None
        refuse_packing(self._zip, source.name)
        refuse_too_many(len(self._zip.infolist()), source.name)
        refuse_growth(sum(entry.file_size for entry in self._zip.infolist()), source.size, source.name)
        entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        for entry in entries:
            refuse_outside(entry.filename, source.name)
        # Backslashes are against the format, and some programs on Windows write them all the same.
        self._entries = {entry.filename.replace("\\", "/"): entry for entry in entries}
        self.entries = {name: (entry.file_size, entry.CRC) for name, entry in self._entries.items()}

    def read(self, name, count):
        """Return the first bytes of a file; where they are all, its checksum is verified."""
        try:
            with self._lock, self._zip.open(self._entries[name]) as file:
                return file.read(count)
        except DAMAGED_ZIP as error:  # RuntimeError: a password
            raise OSError(
                f"{name} in {self.name} cannot be read ({_reason(error)}): get a new copy of it."
            ) from None

    def source(self, name):
        """Return a file as a source."""
        packed_size = min(self._entries[name].compress_size, self._size)  # the first is what the archive says
        file = copy_to_disk(self._chunks(name), f"{self.name}/{name}", packed_size)
        return Source(file, f"{self.name}/{name}", self.entries[name])

    def _chunks(self, name):
        try:
            with self._zip.open(self._entries[name]) as file:
                yield from in_chunks(file)
        except DAMAGED_ZIP as error:
            raise ValueError(
                f"{name} in {self.name} cannot be read ({_reason(error)}): get a new copy of it."
            ) from None


class TarFiles:
    """The files of a tar that is not compressed. Links and devices in it are refused."""

    def __init__(self, source: Source):
        self.notes = []
        self.entries = {}
        self._source = source
        self._places = {}  # {name: (start, size)}
        last, count = -1, 0
        source.file.seek(0)
        try:
            with tarfile.open(fileobj=_Headers(source.file), mode="r:") as archive:
                for entry in iter(archive.next, None):
                    archive.members.clear()  # or all headers stay in memory
                    self._check(entry)
                    if entry.offset <= last:
                        raise tarfile.ReadError("its entries overlap")
                    last, count = entry.offset, count + 1
                    refuse_too_many(count, source.name)
                    if entry.isreg():
                        self._add(entry)
                if source.read(archive.offset, 512) != bytes(512):
                    self.notes.append(f"{source.name} has no end mark, so it may be cut short")
        except Refusal:
            raise
        except DAMAGED_TAR as error:
            raise ValueError(
                f"{source.name} is no whole tar archive ({_reason(error)}): download it again, or give an unpacked "
                "folder."
            ) from None

    def _check(self, entry):
        """Raise ValueError for an entry that is no file, or none that may be read."""
        place = self._source.name
        refuse_outside(entry.name, place)
        if entry.issym() or entry.islnk():
            raise Refusal(
                f"{place} holds {entry.name!r}, a link to {entry.linkname!r} and no file: pack the folder again with "
                "tar --dereference --hard-dereference."
            )
        if entry.isdev():
            raise Refusal(f"{place} holds {entry.name!r}, a device or a pipe and no file: {UNTRUSTED}.")
        if not 0 <= entry.size <= self._source.size - entry.offset_data and not entry.issparse():
            raise Refusal(
                f"{place} promises {entry.size:,} bytes for {entry.name!r}, which it does not have: download it again."
            )

    def _add(self, entry):
        """Keep where a file lies."""
        if entry.issparse():
            self.notes.append(f"{entry.name} in {self._source.name} is stored with holes and is left out")
            return
        name = entry.name.replace("\\", "/")
        self._places[name] = entry.offset_data, entry.size
        self.entries[name] = *self._source.stamp, *self._places[name]

    def read(self, name, count):
        """Return the first bytes of a file."""
        start, size = self._places[name]
        return self._source.read(start, min(count, size))

    def source(self, name):
        """Return a file as a source."""
        start, size = self._places[name]
        chunks = (self._source.read(start + done, min(CHUNK, size - done)) for done in range(0, size, CHUNK))
        name_of_it = f"{self._source.name}/{name}"
        return Source(copy_to_disk(chunks, name_of_it, size), name_of_it, self.entries[name])


class _Headers:
    """A file of which only headers are read: one that claims to be large is refused before memory is taken."""

    def __init__(self, file):
        self.seek, self.tell, self._read = file.seek, file.tell, file.read

    def read(self, count):
        if not 0 <= count <= LARGEST_HEADER:
            raise tarfile.ReadError("a header of impossible size")
        return self._read(count)


class JoinedFiles:
    """The files of a container and of one that was opened in it. Of one name, that which is not inside is taken."""

    def __init__(self, container, opened, names: set[str]):
        """Join `container`, without the `names` of what was opened, and `opened`."""
        self.notes = [*container.notes, *opened.notes]
        outside = [name for name in container.entries if name not in names]
        self._owners = dict.fromkeys(opened.entries, opened) | dict.fromkeys(outside, container)
        self.entries = {name: owner.entries[name] for name, owner in self._owners.items()}

    def read(self, name, count):
        """Return the first bytes of a file."""
        return self._owners[name].read(name, count)

    def source(self, name):
        """Return a file as a source."""
        return self._owners[name].source(name)


# How other files begin that people give as a data set, and what they are.
KINDS_OF_FILES = (
    (b"\x1f\x8b", "a gzip in a gzip: unpack it, and give what is in it"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it, and give the folder"),
    (b"Rar!", "a RAR archive: unpack it, and give the folder"),
    (b"BZh", "a bzip2 archive: unpack it, and give the folder"),
    (b"\xfd7zXZ", "an xz archive: unpack it, and give the folder"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive: unpack it, and give the folder"),
    (b"\x89HDF", "an HDF5 file: write its pictures as PNG or JPEG files into a folder"),
    (b"ARROW1", "an Arrow table: write it as Parquet, or its pictures as files into a folder"),
    (b"SQLite", "an SQLite data base: write its pictures as PNG or JPEG files into a folder"),
    (b"\x80\x02", "a pickle, which may run a program when it is read: write its pictures as files"),
    (b"\x80\x03", "a pickle, which may run a program when it is read: write its pictures as files"),
    (b"\x80\x04", "a pickle, which may run a program when it is read: write its pictures as files"),
    (b"\x80\x05", "a pickle, which may run a program when it is read: write its pictures as files"),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself: run git lfs pull"),
    (b"\xff\xd8\xff", "one picture: give a folder of them"),
    (b"\x89PNG", "one picture: give a folder of them"),
)


def _what_it_is(source):
    """Return what a file is that is no container, and what to do."""
    beginning = source.read(0, 300)
    for magic, words in KINDS_OF_FILES:
        if beginning.startswith(magic):
            return words
    return "no whole zip archive: download it again, or give an unpacked folder"


def unzipped(source: Source) -> Source:
    """Return what is in a gzip, such as a .tgz.

    Raises:
        ValueError: It is damaged, or grows too large.
    """

    def chunks():
        try:
            with gzip.GzipFile(fileobj=source.file) as file:
                yield from in_chunks(file)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"{source.name} is cut short or damaged ({_reason(error)}): download it again."
            ) from None

    source.file.seek(0)
    return Source(copy_to_disk(chunks(), source.name, source.size), source.name, source.stamp)
