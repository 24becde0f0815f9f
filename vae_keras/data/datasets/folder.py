"""A folder or zip archive of anybody's own pictures, with labels where attributes.csv is there."""

import re
from pathlib import PurePosixPath

import pandas as pd

from vae_keras.data.datasets.base import Dataset
from vae_keras.data.measured import MEASURED
from vae_keras.data.splits import plain_name

MOST_WORDS = 12  # a column with more different words holds remarks, no classes
AS_NUMBERS = {"true": "1", "yes": "1", "false": "0", "no": "0", "-1": "0", "": "0"}


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
        """Read attributes.csv: the picture's name, then columns of 0/1, -1/1, true/false or words."""
        names = list(self.members)
        entry = self.files.find("attributes.csv")
        if entry is None:
            return pd.DataFrame(index=names)
        rows = self.files.read_table(
            entry, sep=None, engine="python", encoding="utf-8-sig", dtype=str, keep_default_na=False
        )
        rows = rows.set_axis(rows.iloc[:, 0].map(plain_name).str.strip()).iloc[:, 1:]
        rows = rows[~rows.index.duplicated()].drop(columns=["split", "name", *MEASURED], errors="ignore")
        keys = [_row_of(name, rows.index) for name in names]
        if not any(keys):
            raise ValueError(
                f"{entry} of {self.location} matches no picture: write their names (as {names[0]!r}) into its "
                "first column, or remove it."
            )
        columns = [_as_labels(rows[name].str.strip()) for name in rows]
        labels = pd.concat([pd.DataFrame(index=rows.index), *columns], axis=1)
        return labels.reindex(keys, fill_value=0).set_axis(names).astype("int8")

    def _choose_attributes(self):
        """Show five attributes, labelled ones first, and a pair of which all four combinations occur."""
        count = len(self.labels)
        labelled = [name for name in self.labels if 4 <= self.labels[name].sum() <= count - 4][:5]
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
        return len(self.labels[[first, second]].value_counts()) == 4


def _row_of(name, keys):
    """Return the key of the row that belongs to a picture: its path, its name or its stem; None without a row."""
    path = PurePosixPath(plain_name(name))
    for key in (str(path), path.name, path.stem):
        if key in keys:
            return key
    return None


def _as_labels(column):
    """Return a column of 0/1, -1/1 or true/false as one of 0/1; one of a few words as one of 0/1 for each word."""
    numbers = column.str.lower().replace(AS_NUMBERS)
    if numbers.isin(["0", "1", "0.0", "1.0", "-1.0"]).all():
        return numbers.isin(["1", "1.0"]).to_frame(column.name)
    words = column[column != ""].str.replace(" ", "_")
    counts = words.value_counts()
    words = words[words.isin(counts.index[counts >= 2])]
    if words.nunique() > MOST_WORDS:
        words = words[:0]
    return pd.get_dummies(words, prefix=column.name).reindex(column.index, fill_value=False)
