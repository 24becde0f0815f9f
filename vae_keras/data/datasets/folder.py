"""A folder or archive of anybody's own pictures, with labels where attributes.csv is there."""

import functools
import re
import warnings

import pandas as pd

from vae_keras.data import layouts, tables
from vae_keras.data.archives import CONTAINER_SUFFIXES
from vae_keras.data.datasets.base import Dataset
from vae_keras.data.measured import MEASURED
from vae_keras.data.splits import SPLITS

SUFFIX = re.compile(f"({'|'.join(map(re.escape, CONTAINER_SUFFIXES))})$", re.IGNORECASE)


class Folder(Dataset):
    """Pictures of one's own. It is what no other data set recognizes, so it is not registered by a name."""

    kind = "pictures of your own"
    terms = "Pictures of your own: use photographs of yourself, or of people who agreed."

    def __init__(self, files, address="", align=False, **overrides):
        self.title = files.path.resolve().name
        self.name = re.sub(r"[^\w.-]+", "_", SUFFIX.sub("", self.title)) or "pictures"
        super().__init__(files, address, align, **overrides)
        names = list(self.members)
        self._people = layouts.people(names)
        self._parts = layouts.split_folders(names)
        self.labels = self._read_attributes()
        self._say_what_was_found()
        self._choose_attributes()

    @classmethod
    def recognizes(cls, files):
        """Return that it is one: whatever is nothing else."""
        return True

    def find_pictures(self):
        """List all pictures but masks that lie beside faces."""
        members = super().find_pictures()
        masks = self.masks(list(members))
        return {name: file for name, file in members.items() if name not in masks}

    def read_labels(self):
        """Return the labels of attributes.csv, or of folders, and the split where somebody has made one."""
        labels = self.labels.copy()
        if self._parts:
            parts = [self._parts[name] for name in labels.index]
            people = [self._people[name] if self._many_people else name for name in labels.index]
            labels.insert(0, "split", layouts.complete_split(parts, people))
        return labels

    @property
    def official_split(self):
        """Whether somebody has split the pictures: by folders or by a column of the table."""
        return bool(self._parts)

    def group(self, name):
        """Return the person, by the name of the picture or else by its folder, in whichever part of a split."""
        return self._people.get(name) or "/".join(layouts.folders_without_parts(name))

    @property
    def usual_split(self):
        """As given, by person where pictures are named after many people, else by picture."""
        if self.official_split:
            return "given"
        return "person" if self._many_people else "picture"

    @functools.cached_property
    def _many_people(self):
        return len(set(self._people.values())) >= layouts.FEWEST_PEOPLE

    def _say_what_was_found(self):
        """Note what the names and folders were taken for, unless somebody overrides the split."""
        if self.overrides["split"]:
            return
        if self._parts:
            counts = {split: list(self._parts.values()).count(split) for split in SPLITS}
            given = ", ".join(f"{count} {split}" for split, count in counts.items() if count)
            lacks = [split for split, count in counts.items() if not count]
            rest = f"; {' and '.join(lacks)} taken from training" if lacks else ""
            self.notes.append(f"{self.title}: the split is as given, {given}{rest}")
        elif self._people:
            count = len(set(self._people.values()))
            how = "person" if self._many_people else "picture, for a split by person needs more"
            self.notes.append(f"{self.title}: named after {count} people; split by {how}")

    def _classes_of_folders(self):
        """Return the folders of the pictures as labels; none where there are no classes."""
        classes = layouts.class_folders(list(self.members))
        if not classes:
            return pd.DataFrame(index=list(self.members))
        counts = pd.Series(classes).value_counts(sort=False)
        said = ", ".join(f"{name} ({count})" for name, count in counts.items())
        self.notes.append(f"{self.title}: the folders are taken for labels: {said}")
        taken = {
            name: f"{name}_folder" for name in ("split", *MEASURED)
        }  # columns of the table that are no labels
        labels = pd.get_dummies(pd.Series(classes), dtype="int8").rename(columns=taken)
        return labels.reindex(list(self.members))

    def _read_attributes(self):
        """Read attributes.csv: a column of the pictures' names, others of 0/1, -1/1, yes/no or words."""
        names = list(self.members)
        entry = self.files.find("attributes.csv")
        if entry is None:
            self.notes += [
                f"{name} is not read: labels come from attributes.csv"
                for name in self.files.names
                if name.lower().endswith((".csv", ".tsv"))
            ]
            return self._classes_of_folders()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", pd.errors.ParserWarning)
            rows = self.files.read_table(
                entry,
                sep=tables.separator(self.files.read_beginning(entry, 10_000)),
                encoding="utf-8-sig",
                dtype=str,
                keep_default_na=False,
                index_col=False,
            )
        if caught:
            self.notes.append(
                f"{entry}: rows have more cells than its header has names; the last are left out"
            )
        match = tables.match_table(names, rows)
        if match is None or not match.count:
            raise ValueError(
                f"{entry} of {self.location} matches no picture: write their names (as {names[0]!r}) into one "
                "of its columns, or remove it."
            )
        self.notes.append(tables.describe_match(match, entry, names))
        rows = self._take_split(rows.drop(columns=match.column), match)
        labels, reasons = tables.read_labels(rows, left_out=("split", *MEASURED))
        if reasons:
            self.notes.append(f"{entry}: left out {', '.join(reasons)}")
        return labels.reindex(match.rows, fill_value=tables.UNKNOWN).set_axis(names).astype("int8")

    def _take_split(self, rows, match):
        """Return a table without the column that splits the pictures, which is kept."""
        for column in rows.columns:
            if str(column).strip().casefold() not in layouts.SPLIT_COLUMNS:
                continue
            cells = rows[column].tolist()
            parts = layouts.split_words("" if row == tables.NO_ROW else cells[row] for row in match.rows)
            if parts:
                self._parts = dict(zip(self.members, parts))
                return rows.drop(columns=column)
        return rows

    def _choose_attributes(self):
        """Show five attributes, labelled ones first, and a pair of which all four combinations occur."""
        fewest = pd.concat([(self.labels == 1).sum(), (self.labels == 0).sum()], axis=1).min(axis=1)
        labelled = [name for name in self.labels if fewest[name] >= 4][:5]
        self.attributes = (*labelled, *MEASURED)[:5]
        for first in labelled:
            for second in (*labelled, *MEASURED[3:]):
                if first != second and self._occur_mixed(first, second):
                    self.arithmetic = (first, second)
                    return

    def _occur_mixed(self, first, second):
        """Return whether all four combinations of two attributes occur; of measured ones that is assumed."""
        if second not in self.labels:
            return True
        known = self.labels[[first, second]]
        known = known[(known != tables.UNKNOWN).all(axis=1)]
        return len(known.value_counts()) == 4
