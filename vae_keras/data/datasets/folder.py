"""A folder or zip archive of anybody's own pictures, with labels where attributes.csv is there."""

import re

import pandas as pd

from vae_keras.data import tables
from vae_keras.data.datasets.base import Dataset
from vae_keras.data.measured import MEASURED


class Folder(Dataset):
    """Pictures of one's own. It is what no other data set recognizes, so it is not registered by a name."""

    terms = "Pictures of your own: use photographs of yourself, or of people who agreed."

    def __init__(self, files, address="", align=False):
        self.title = files.path.resolve().name
        self.name = re.sub(r"[^\w.-]+", "_", self.title.removesuffix(".zip")) or "pictures"
        super().__init__(files, address, align)
        self.labels = self._read_attributes()
        self._choose_attributes()

    def read_labels(self):
        """Return the labels of attributes.csv."""
        return self.labels.copy()

    def _read_attributes(self):
        """Read attributes.csv: a column of the pictures' names, others of 0/1, -1/1, yes/no or words."""
        names = list(self.members)
        entry = self.files.find("attributes.csv")
        if entry is None:
            return pd.DataFrame(index=names)
        rows = self.files.read_table(
            entry,
            sep=tables.separator(self.files.read(entry)),
            encoding="utf-8-sig",
            dtype=str,
            keep_default_na=False,
            index_col=False,
        )
        match = tables.match_table(names, rows)
        if match is None or not match.count:
            raise ValueError(
                f"{entry} of {self.location} matches no picture: write their names (as {names[0]!r}) into one "
                "of its columns, or remove it."
            )
        self.notes.append(tables.describe_match(match, entry))
        labels, reasons = tables.read_labels(rows.drop(columns=match.column), left_out=("split", *MEASURED))
        if reasons:
            self.notes.append(f"{entry}: left out {', '.join(reasons)}")
        labels.loc[tables.NO_ROW] = tables.UNKNOWN
        return labels.loc[match.rows].set_axis(names).astype("int8")

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
