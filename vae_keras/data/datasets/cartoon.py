"""Drawn faces: the embedded data set, which needs no download."""

import functools

from vae_keras.data.datasets.base import Dataset, register
from vae_keras.data.drawn import canvas, face_parts, faces

COUNT = 10_000


@functools.cache
def _factors():
    """Return the table of factors of all faces."""
    return faces.sample_factors(COUNT, seed=0)


@register
class DrawnFaces(Dataset):
    """Faces that the program draws, whose factors are known exactly."""

    name = "cartoon"
    title = "Drawn faces"
    crop = 1.0
    attributes = ("Smiling", "Eyeglasses", "Male", "Blond_Hair", "Wearing_Hat")
    arithmetic = ("Smiling", "Male")
    terms = "Drawn by this project, free of anybody's rights: use them as you like."
    photographs = False
    drawing_modules = (canvas, face_parts, faces)
    location = ""  # it has no files
    stamp = ""

    @classmethod
    def find_files(cls):
        """Return no files: the faces are drawn."""
        return None

    def find_pictures(self):
        """List the numbers of all faces."""
        numbers = [f"{number:05d}" for number in range(COUNT)]
        return dict(zip(numbers, numbers))

    def read_labels(self):
        """Derive labels with CelebA's names from the factors."""
        return faces.attributes(_factors()).astype("int8").set_axis(list(self.members))

    def kinds(self, table):
        """Return the kinds of hair, beard, glasses and so on, which are more than CelebA has names for."""
        return faces.kinds(_factors().iloc[[int(name) for name in table.index]]).set_axis(table.index)

    def draw(self, names, size):
        """Draw faces, uint8 (n, size, size, 3)."""
        return faces.draw_faces(_factors().iloc[[int(name) for name in names]], size)

    def photograph(self, name, at_least=None):
        """Draw one face with 256 x 256 pixels."""
        return self.draw([name], 256)[0]

    def framed(self, names, size):
        """Draw faces in the size that is wanted."""
        return self.draw(names, size), []
