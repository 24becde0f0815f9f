"""Joining pictures with the rows of a table, and reading a table's columns as labels.

Names in tables rarely are those of files: the folder, the suffix, the case, the slashes, the form of Unicode or the
leading zeros differ. A row belongs to one picture. A picture without a row is unknown, which is not the same as "no".
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from vae_keras.data.splits import plain_name

QUOTED = re.compile(r'"[^"]*"')
UNKNOWN = -1  # in columns of labels, beside 0 and 1
NO_ROW = -1
MOST_WORDS = 12  # a column with more different words holds remarks, no classes
NUMBERS = {"true": "1", "yes": "1", "y": "1", "false": "0", "no": "0", "n": "0", "-1": "0", "-1.0": "0"}
NUMBERS |= {"1.0": "1", "0.0": "0"}
MISSING = ("", "nan", "na", "n/a", "null", "?", "unknown")


class Match(NamedTuple):
    """Which row of a table belongs to which picture."""

    column: object  # name of the column that holds the pictures' names; None where no column was looked for
    rows: np.ndarray  # the row of each picture, NO_ROW where it has none
    looseness: int  # the sum over the pictures of how loosely their names were compared

    @property
    def count(self) -> int:
        """Number of pictures that have a row."""
        return int((self.rows != NO_ROW).sum())


def _whole(name: str) -> str:
    """Return a name with forward slashes and in one form of Unicode."""
    return plain_name(name.strip()).replace("\\", "/").removeprefix("./")


def _without_case(name):
    return _whole(name).casefold()


def _without_suffix(name):
    name = _without_case(name)
    folder, slash, last = name.rpartition("/")
    stem, dot, suffix = last.rpartition(".")
    is_suffix = stem and suffix.isalnum() and not suffix.isdigit()
    return folder + slash + (stem if is_suffix else last)


def _without_zeros(name):
    folder, slash, last = _without_suffix(name).rpartition("/")
    return folder + slash + (last.lstrip("0") or "0" if last.isdigit() else last)


FORMS: tuple[Callable, ...] = (_whole, _without_case, _without_suffix, _without_zeros)  # the strictest first


def match_names(names: list[str], cells: list[str]) -> Match:
    """Find the row of each picture.

    Two names belong together where one is the other's end: a table may leave out folders, or name more of them than
    there are. The strictest way to compare comes first, and a row that is taken is taken. What is ambiguous gets none.

    Args:
        names: Names of the pictures, with their folders.
        cells: The table's names, a row each.

    Returns:
        A match without a column.
    """
    rows = np.full(len(names), NO_ROW)
    looseness = 0
    first_rows = {}
    for row, cell in enumerate(cells):
        first_rows.setdefault(_whole(str(cell)), row)
    free = {row: cell for cell, row in first_rows.items() if cell}
    for step, form in enumerate(FORMS):
        left = [place for place, row in enumerate(rows) if row == NO_ROW]
        if not left or not free:
            break
        found = _match_once([form(names[place]) for place in left], {r: form(c) for r, c in free.items()})
        for place, row in found.items():
            rows[left[place]] = row
            del free[row]
        looseness += step * len(found)
    return Match(None, rows, looseness)


def _match_once(names, cells):
    """Return {place of a picture: row} for names and {row: name} that are in one form already."""
    row_of = _unique({row: [cell] for row, cell in cells.items()})
    row_of_end = _unique({row: _ends(cell)[1:] for row, cell in cells.items()})
    found = {}
    for place, name in enumerate(names):
        row = next((row_of[end] for end in _ends(name) if end in row_of), None)
        row = row_of_end.get(name) if row is None else row
        if row is not None:
            found.setdefault(row, []).append((name != cells[row], place))
    places = {}
    for row, candidates in found.items():
        candidates.sort()
        is_clear = len(candidates) == 1 or candidates[0][0] != candidates[1][0]
        if is_clear:
            places[candidates[0][1]] = row
    return places


def _ends(name):
    """Return a path and its ends, the longest first: a/b/c, b/c, c."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _unique(texts):
    """Return {text: row} of the texts that one row alone has."""
    row_of = {}
    ambiguous = set()
    for row, own in texts.items():
        for text in own:
            if text in row_of:
                ambiguous.add(text)
            row_of.setdefault(text, row)
    return {text: row for text, row in row_of.items() if text not in ambiguous}


def match_table(names: list[str], table: pd.DataFrame) -> Match:
    """Find the column of a table that holds the names of the pictures, and the row of each picture.

    Args:
        names: Names of the pictures, with their folders.
        table: Texts, a row a picture.

    Returns:
        The match of the column that fits most pictures; of several, the one whose names are most like theirs.
    """
    best = None
    for place, column in enumerate(table.columns):
        match = match_names(names, table.iloc[:, place].tolist())._replace(column=column)
        if best is None or (match.count, -match.looseness) > (best.count, -best.looseness):
            best = match
        if best.count == len(names) and best.looseness == 0:
            break
    return best


def describe_match(match: Match, table_name: str, names: list[str]) -> str:
    """Return how many of the pictures of these names have a row, as a line for people."""
    unknown = [name for name, row in zip(names, match.rows) if row == NO_ROW]
    rest = f"; {len(unknown)} unknown, as {unknown[0]}" if unknown else ""
    return f"{table_name}: {match.count} of {len(names)} pictures have a row{rest}"


def separator(data: bytes) -> str:
    """Return what separates the cells of a table, told from its beginning: a tab, a semicolon or a comma."""
    beginning = QUOTED.sub("", data[:10_000].decode("utf-8", "replace"))
    line = next((line for line in beginning.splitlines() if line.strip()), "")
    return max(",;\t", key=line.count)


def read_labels(table: pd.DataFrame, left_out=()) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns of a table as labels.

    Args:
        table: Texts, a row a picture.
        left_out: Names of columns that are no labels.

    Returns:
        int8, 0, 1 or UNKNOWN: a column for each of 0/1, -1/1 or yes/no, and for each of some words. And a line, "why",
        for each column that holds neither.
    """
    columns, reasons = [pd.DataFrame(index=table.index)], []
    taken = set()
    for place, name in enumerate(table.columns):
        title = " ".join(str(name).split())
        if title in left_out:
            reasons.append(f"{title} (the program has its own column of this name)")
            continue
        labels, reason = _as_labels(table.iloc[:, place].str.strip().rename(title))
        if reason:
            reasons.append(f"{title} ({reason})")
            continue
        labels = labels.loc[:, ~labels.columns.isin(taken)]
        taken.update(labels.columns)
        columns.append(labels)
    return pd.concat(columns, axis=1).astype("int8"), reasons


def _as_labels(column):
    """Return the labels in a column of texts, and "" or the reason why there are none."""
    lower = column.str.lower()
    known = ~lower.isin(MISSING)
    numbers = lower.replace(NUMBERS)
    if not known.any():
        return None, "empty"
    if numbers[known].isin(["0", "1"]).all():
        return (numbers == "1").astype("int8").where(known, UNKNOWN).to_frame(column.name), ""
    words = column[known].str.replace(" ", "_")
    counts = words.value_counts()
    common = counts.index[counts >= 2]
    if len(common) > MOST_WORDS or counts[common].sum() < len(words) / 2:
        return None, f"{len(counts)} different values: neither yes and no nor a few words"
    labels = pd.get_dummies(words[words.isin(common)], prefix=column.name, dtype="int8")
    labels = labels.reindex(column.index, fill_value=0)
    labels[~known] = UNKNOWN
    return labels, ""
