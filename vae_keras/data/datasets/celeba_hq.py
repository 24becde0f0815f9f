"""CelebA-HQ with masks (CelebAMask-HQ): 30,000 of CelebA's photographs, larger and aligned (Lee et al., 2020)."""

import re

import pandas as pd

from vae_keras.data.datasets.celeba import CelebA
from vae_keras.data.measured import MEASURED

PICTURE = re.compile(r"(?:^|/)celeba-hq-img/([^/]+)$", re.IGNORECASE)
ATTRIBUTES = "celebamask-hq-attribute-anno"


class CelebAHQ(CelebA):
    """CelebA-HQ. It is recognized by its folders and downloaded from nowhere, so it is not registered by a name.

    The masks beside the faces are left out. CelebA's official split does not speak of its pictures.
    """

    name = "celeba-hq"
    title = "CelebA-HQ"
    kaggle = ""
    other_names = ()
    crop = None
    published_shape = None
    official_split = False

    def __init__(self, files, address="", align=False, **overrides):
        super().__init__(files, address, align, **overrides)
        if files.find(f"{ATTRIBUTES}.txt") is None:
            self.notes.append(
                f"{self.location} has no labels: they stand in CelebAMask-HQ-attribute-anno.txt"
            )
            self.attributes, self.arithmetic = MEASURED, MEASURED[3:]

    @classmethod
    def recognizes(cls, files):
        """Return whether there is a folder CelebA-HQ-img."""
        return any(map(PICTURE.search, files.names))

    @classmethod
    def whole_folder(cls, path):
        """Return the folder of the table, which lies beside that of the pictures."""
        is_part = path.name.lower() == "celeba-hq-img" and any(
            path.absolute().parent.glob("*attribute-anno.txt")
        )
        return path.absolute().parent if is_part else path

    def find_picture_files(self):
        """Return the files in which the table lies, too."""
        return self.files

    def find_pictures(self):
        """List what lies in a folder CelebA-HQ-img, and say how many masks are left out."""
        self.masks(self.files.picture_names())

        def picture_name(file):
            found = PICTURE.search(file)
            return found[1] if found else None

        return self.files.pictures(picture_name, "pictures of CelebA-HQ (CelebA-HQ-img/0.jpg)")

    def read_labels(self):
        """Read the 40 attributes, where their table is there."""
        if self.files.find(f"{ATTRIBUTES}.txt") is None:
            return pd.DataFrame(index=list(self.members))
        return (self._read_table(ATTRIBUTES, [-1, 0, 1], skiprows=1) == 1).astype("int8")
