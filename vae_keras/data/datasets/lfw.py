"""Labeled Faces in the Wild: news photographs of known people (Huang et al., 2007)."""

import re

from vae_keras.data.datasets.base import Dataset, picture_size, register

PICTURE = re.compile(r"(?:^|/)(([^/]+)/\2_\d{4}\.\w+)$")  # NAME/NAME_0001.jpg
IN_FOLDER = re.compile(r"[^/]+/[^/]+$")


@register
class LabeledFacesInTheWild(Dataset):
    """LFW, split by person: nobody is in two parts."""

    name = "lfw"
    title = "Labeled Faces in the Wild"
    kaggle = "jessicali9530/lfw-dataset"
    other_names = ("lfw-deepfunneled",)
    download_size = "120 MB"
    crop = 118 / 250
    published_shape = (250, 250)
    terms = "LFW: news photographs of people who were not asked, collected for research on recognition."

    @classmethod
    def recognizes(cls, files):
        """Return whether all pictures are named after their folder and numbered, and of the published size."""
        names = files.picture_names()
        named = bool(names) and all(PICTURE.search(name) for name in names)
        return named and any(picture_size(files.read, name) == cls.published_shape for name in names[:3])

    def find_pictures(self):
        """List pictures by person and file."""

        def picture_name(file):
            found = IN_FOLDER.search(file)
            return found[0] if found else None

        return self.picture_files.pictures(picture_name, "LFW pictures (NAME/1.jpg)")

    def group(self, name):
        """Return the person."""
        return name.split("/")[0]
