"""CelebA: photographs of celebrities with 40 attributes (Liu et al., 2015, https://arxiv.org/abs/1411.7766)."""

import re

from vae_keras.config import CELEBA_ARCHIVES
from vae_keras.data import tables
from vae_keras.data.datasets.base import Dataset, register
from vae_keras.data.splits import SPLITS

# Of the authors' archives and of others': img_align_celeba, img_align_celeba_png.
PICTURE = re.compile(r"(?:^|/)img_align_celeba[^/]*/([^/]+)$")
PUBLISHED = re.compile(r"(?:^|/)img_align_celeba/([^/]+)$")


@register
class CelebA(Dataset):
    """CelebA, from Kaggle or as its authors publish it."""

    name = "celeba"
    title = "CelebA"
    kaggle = "jessicali9530/celeba-dataset"
    other_names = CELEBA_ARCHIVES
    download_size = "1.4 GB"
    crop = 148 / 178
    published_shape = (178, 218)
    attributes = ("Smiling", "Eyeglasses", "Male", "Blond_Hair", "Young")
    arithmetic = ("Smiling", "Male")
    terms = (
        "CelebA: for non-commercial research only; the rights stay with the owners of the photographs, which must not "
        "be passed on. Its labels are opinions of annotators."
    )
    official_split = True

    @classmethod
    def recognizes(cls, files):
        """Return whether the table of attributes is there."""
        return files.find("list_attr_celeba.csv", "list_attr_celeba.txt") is not None

    @classmethod
    def whole_folder(cls, path):
        """Return the folder of the tables: beside the pictures, or in Anno/ beside the folder of the pictures."""
        if path.stem == "img_align_celeba":
            for folder in path.absolute().parents[:2]:
                if any(folder.glob("list_attr_celeba.*")) or any(folder.glob("*/list_attr_celeba.*")):
                    return folder
        return path

    def find_picture_files(self):
        """Return the archive of the pictures, which the authors publish beside the tables."""
        archive = self.files.find("img_align_celeba.zip")
        return self.files.inner(archive) if archive else self.files

    def find_pictures(self):
        """List what lies in a folder img_align_celeba, or one whose name begins so."""
        published = any(map(PUBLISHED.search, self.picture_files.names))
        pattern = (
            PUBLISHED if published else PICTURE
        )  # a copy beside them, such as img_align_celeba_64, is left

        def picture_name(file):
            found = pattern.search(file)
            return found[1] if found else None

        return self.picture_files.pictures(picture_name, "CelebA pictures")

    def read_labels(self):
        """Read the split and the 40 attributes, from Kaggle's tables (CSV) or the official ones."""
        partition = self._read_table("list_eval_partition", [0, 1, 2], header=None, index_col=0)
        labels = self._read_table("list_attr_celeba", [-1, 0, 1], skiprows=1)
        labels = (labels == 1).astype("int8")
        labels.insert(0, "split", partition.iloc[:, 0].map(dict(enumerate(SPLITS))))
        return labels

    def _read_table(self, stem, values, **official_form):
        """Return the rows of the pictures in one of the tables, whose cells are among `values`."""
        entry = self.files.find(f"{stem}.csv", f"{stem}.txt")
        if entry is None:
            raise FileNotFoundError(
                f"{self.location} lacks {stem}.csv (or .txt): put it beside the pictures."
            )
        if entry.endswith(".csv"):
            table = self.files.read_table(entry, index_col=0)
        else:
            table = self.files.read_table(entry, sep=r"\s+", **official_form)
        names = list(self.members)
        rows = tables.match_names(names, table.index.astype(str).tolist()).rows
        missing = [name for name, row in zip(names, rows) if row == tables.NO_ROW]
        if missing:
            raise ValueError(
                f"{entry} of {self.location} lacks {len(missing)} of the pictures, as {missing[0]}: "
                "get a whole copy."
            )
        if not table.size or not table.isin(values).all(axis=None):
            known = ", ".join(map(str, values))
            raise ValueError(
                f"{entry} of {self.location} lacks numbers, or has others than {known}: get a whole copy."
            )
        return table.iloc[rows].set_axis(names)
