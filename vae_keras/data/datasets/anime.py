"""Anime faces: drawings, with colours of hair and eyes where tags.csv is there."""

import re
from pathlib import PurePosixPath

import pandas as pd

from vae_keras.data import tables
from vae_keras.data.datasets.base import Dataset, register


@register
class AnimeFaces(Dataset):
    """Anime faces, with or without the table of tags."""

    name = "anime"
    title = "Anime faces"
    kaggle = "soumikrakshit/anime-faces"
    download_size = "400 MB"
    crop = 1.0
    photographs = False
    terms = "Anime faces: drawn by artists whose rights are open; for education only."

    def __init__(self, files, address="", align=False, **overrides):
        super().__init__(files, address, align, **overrides)
        self.colours = self._read_colours()
        self._choose_attributes()

    @classmethod
    def recognizes(cls, files):
        """Return whether the table of tags is there, which speaks of hair or eyes."""
        entry = files.find("tags.csv")
        return (
            entry is not None and re.search(rb" (hair|eyes)", files.read_beginning(entry, 10_000)) is not None
        )

    def find_pictures(self):
        """List pictures by their own name: Kaggle's archive holds all of them twice."""
        return self.picture_files.pictures(
            lambda file: PurePosixPath(file).name, "anime faces (images/0.jpg)"
        )

    def read_labels(self):
        """Return the colours as 0/1."""
        return self.colours.copy()

    def _read_colours(self):
        """Read tags.csv, whose rows are `0,aqua hair aqua eyes`, without a header."""
        names = list(self.members)
        entry = self.files.find("tags.csv")
        if entry is None:
            return pd.DataFrame(index=names)
        rows = self.files.read_table(entry, header=None, dtype=str).set_index(0)
        tags = rows.reindex(columns=[1])[1].astype(str).str.lower()
        found = tags.str.extractall(r"(\w+) (hair|eyes)")
        colours = (found[0] + "_" + found[1]).str.title().droplevel(1)
        labels = pd.get_dummies(colours, dtype="int8").groupby(level=0).max()
        labels = labels.reindex(tags.index.unique(), fill_value=0)  # a row without a colour is known, too
        match = tables.match_names(names, labels.index.astype(str).tolist())
        if not match.count:
            raise ValueError(f"{entry} of {self.location} matches no picture: correct or remove it.")
        if match.count < len(names):
            self.notes.append(tables.describe_match(match, entry, names))
        labels = labels.reset_index(drop=True).reindex(match.rows, fill_value=tables.UNKNOWN)
        return labels.set_axis(names).astype("int8")

    def _choose_attributes(self):
        """Show the commonest colours of hair and eyes, where there are any."""
        counts = (self.colours == 1).sum().sort_values(ascending=False, kind="stable")
        common = counts.index[counts >= 4]
        hair = [name for name in common if name.endswith("_Hair")][:3]
        eyes = [name for name in common if name.endswith("_Eyes")][:3]
        if hair and eyes:
            self.attributes = (*hair, *eyes)
            self.arithmetic = (hair[0], eyes[0])
