"""Parquet tables of pictures, in the form of Hugging Face: a column of `bytes` and `path`, and columns of labels."""

import contextlib
import json
import sys
import threading
from pathlib import PurePosixPath

import pandas as pd

from vae_keras.config import in_a_line
from vae_keras.data.arrays import TABLE
from vae_keras.data.containers import Refusal, Source, copy_to_disk, refuse_too_many
from vae_keras.data.images import LARGEST_FILE, PICTURE_SUFFIXES
from vae_keras.data.layouts import part_of, short_paths

PICTURES_AT_ONCE = 4
ROWS_AT_ONCE = 1000  # of labels
BUFFER = 1_000_000  # bytes of a column read at a time
LONGEST_TEXT = 1000  # characters of a label: more is a remark
OWN_COLUMNS = ("name", "path")  # in the table of labels
WANTED = "give one with a column of pictures, as Hugging Face writes it (a struct of bytes and path)"


class ParquetFiles:
    """The pictures of one or several tables, with the labels beside them. The pictures are read when one is wanted.

    Where the names of the files or folders speak of train, validation or test, that is the split.
    """

    def __init__(self, sources: list[Source]):
        self.notes = []
        self._lock = threading.Lock()
        self._copy = None  # the pictures one after the other, which can be read at any place
        self._places = {}  # {name: (start, size)}
        tables = []
        for source in sources:
            table = _Table(source)
            if table.pictures is None:
                self.notes.append(f"{source.name} is left out: it holds no pictures")
            else:
                tables.append(table)
        if not tables:
            raise ValueError(f"{sources[0].name} is a Parquet table without pictures: {WANTED}.")
        refuse_too_many(sum(table.count for table in tables), sources[0].name, "pictures")
        self._tables = tables
        labels = [table.read_labels(self.notes) for table in tables]
        paths = [path for table in labels for path in table.pop("path")]
        self._names = _names(paths)
        parts = [part_of(path) for path in short_paths([table.source.name for table in tables])]
        if any(parts):
            for part, table in zip(parts, labels):
                if "split" not in table:
                    table["split"] = part
        table = pd.concat(labels, ignore_index=True)
        table.insert(0, "name", self._names)
        self._labels = table.to_csv(index=False).encode("utf-8", "replace") if len(table.columns) > 1 else b""
        stamps = [table.source.stamp for table in tables for _ in range(table.count)]
        self.entries = dict(zip(self._names, stamps))
        if self._labels:
            self.entries[TABLE] = tuple(table.source.stamp for table in tables)

    def read(self, name, count):
        """Return the first bytes of a picture or of the table of labels.

        Raises:
            OSError: The table names the picture and does not hold it.
            ValueError: The table is damaged.
        """
        if name == TABLE:
            return self._labels[:count]
        with self._lock:
            if self._copy is None:
                file = copy_to_disk(
                    self._all_pictures(),
                    self._tables[0].source.name,
                    sum(table.source.size for table in self._tables),
                )
                self._copy = Source(file, self._tables[0].source.name, ())
        start, size = self._places[name]
        if not size:
            raise OSError("is named in the table, which does not hold it: get one that does.")
        return self._copy.read(start, min(count, size))

    def _all_pictures(self):
        """Yield the content of each picture and keep where it lies."""
        names, start = iter(self._names), 0
        for table in self._tables:
            for content in table.read_pictures():
                self._places[next(names)] = start, len(content)
                start += len(content)
                yield content


class _Table:
    """One file, of which nothing but the description was read.

    Attributes:
        source: The file.
        pictures: The name of the column of pictures; None where there is none.
    """

    def __init__(self, source):
        try:
            import pyarrow.parquet
        except ImportError:
            raise ImportError(
                f'{source.name} is a Parquet table, which pyarrow reads: run pip install "vae-keras[parquet]".'
            ) from None
        self.source = source
        with _damage_named(source):
            self._file = pyarrow.parquet.ParquetFile(source.file, buffer_size=BUFFER, pre_buffer=False)
            self._schema = self._file.schema_arrow
            self.count = self._file.metadata.num_rows
        if self.count > source.size:  # a picture has more than a byte
            raise ValueError(
                f"{source.name} promises {self.count:,} rows, more than it holds: download it again."
            )
        structs = [field for field in self._schema if _is_picture(field.type)]
        structs.sort(key=lambda field: field.name != "image")
        self.pictures = structs[0].name if structs else None

    def read_pictures(self):
        """Yield the content of each picture."""
        for batch in self._batches(PICTURES_AT_ONCE, [f"{self.pictures}.bytes"]):
            for value in batch.column(0).to_pylist():
                yield (value or {}).get("bytes") or b""

    def read_labels(self, notes) -> pd.DataFrame:
        """Return the columns that may be labels as texts, and "path", the names of the pictures.

        Args:
            notes: Gets a line for each column that is left out.
        """
        wanted, words = self._label_columns(notes), self._class_names()
        has_path = self._schema.field(self.pictures).type.get_field_index("path") >= 0
        columns = {name: [] for name in wanted}
        paths, size = [], 0
        for batch in self._batches(ROWS_AT_ONCE, wanted + [f"{self.pictures}.path"] * has_path):
            size += batch.nbytes
            if size > LARGEST_FILE:
                limit = LARGEST_FILE // 1_000_000
                raise ValueError(
                    f"{self.source.name} has over {limit} MB beside its pictures: leave out texts."
                )
            for name in wanted:
                classes = words.get(name, [])
                columns[name] += [_text(value, classes) for value in batch.column(name).to_pylist()]
            if has_path:
                paths += [(value or {}).get("path") for value in batch.column(self.pictures).to_pylist()]
        table = pd.DataFrame(columns, dtype=object, index=range(self.count))
        long = [name for name in wanted if table[name].str.len().max() > LONGEST_TEXT]
        notes += [f"{self.source.name}: left out {name} (long texts)" for name in long]
        return table.drop(columns=long).assign(path=paths or None)

    def _label_columns(self, notes):
        """Return the names of the columns that may be labels."""
        wanted, names = [], self._schema.names
        for field in self._schema:
            if field.name == self.pictures:
                continue
            if field.name in OWN_COLUMNS or names.count(field.name) > 1 or "." in field.name:
                notes.append(f"{self.source.name}: left out {field.name} (rename it to read it)")
            elif not _is_simple(field.type):
                notes.append(f"{self.source.name}: left out {field.name} ({field.type})")
            else:
                wanted.append(field.name)
        return wanted

    def _batches(self, count, columns):
        """Yield rows of some columns, a few at a time.

        Raises:
            ValueError: The table is damaged, or holds other rows than it says, or too large ones.
        """
        if not columns:
            return
        rows = 0
        with _damage_named(self.source):
            for batch in self._file.iter_batches(count, columns=columns, use_threads=False):
                rows += len(batch)
                if batch.nbytes > LARGEST_FILE * PICTURES_AT_ONCE:
                    limit = LARGEST_FILE // 1_000_000
                    raise Refusal(
                        f"{self.source.name} holds rows of over {limit} MB: make them smaller first."
                    )
                yield batch
            if rows != self.count:
                raise ValueError(f"it says {self.count} rows and holds {rows}")

    def _class_names(self):
        """Return {column: names of its classes}, as Hugging Face writes them into the description of a table."""
        try:
            features = json.loads(self._schema.metadata[b"huggingface"])["info"]["features"]
            return {name: list(feature["names"]) for name, feature in features.items() if "names" in feature}
        except (TypeError, KeyError, ValueError, AttributeError):
            return {}


@contextlib.contextmanager
def _damage_named(source):
    """Turn the errors of a damaged table into a sentence that names it."""
    try:
        yield
    except Refusal:
        raise
    except NotImplementedError as error:
        raise ValueError(
            f"pyarrow cannot read {source.name} ({in_a_line(error)}): write it as plain Parquet."
        ) from None
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ValueError(
            f"{source.name} is no whole Parquet table ({in_a_line(error)}): download it again."
        ) from None


def _is_picture(kind):
    """Return whether a column holds pictures as Hugging Face writes them."""
    import pyarrow.types

    if not pyarrow.types.is_struct(kind):
        return False
    place = kind.get_field_index("bytes")
    return place >= 0 and "binary" in str(kind.field(place).type)


def _is_simple(kind):
    """Return whether a column holds a number, a text, or yes and no in each row."""
    import pyarrow.types

    types = pyarrow.types
    tests = (types.is_boolean, types.is_integer, types.is_floating, types.is_string, types.is_large_string)
    return any(test(kind) for test in tests)


def _text(value, classes):
    """Return a value as it stands in a table of texts: a class by its name, "" where there is none."""
    if classes and isinstance(value, int):
        return classes[value] if 0 <= value < len(classes) else ""
    return "" if value is None else sys.intern(str(value))


def _names(paths):
    """Return the names of the pictures: those in the table where they are clear, else their numbers."""
    names = [PurePosixPath(str(path).replace("\\", "/")).name for path in paths]
    is_clear = None not in paths and len(set(names)) == len(names) and "" not in names
    if is_clear and all(name.lower().endswith(PICTURE_SUFFIXES) for name in names):
        return names
    return [f"{row:06d}.png" for row in range(len(paths))]
