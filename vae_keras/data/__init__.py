"""Pictures of faces: data sets, prepared once and cached, augmentation, and a person's own pictures.

Example:
    >>> from vae_keras import data
    >>> faces = data.load_faces("celeba", image_size=64)
    >>> data.save_images(faces.preview, "preview.png")
"""

from vae_keras.data.alignment import find_faces
from vae_keras.data.augmentation import augment, move
from vae_keras.data.datasets import Dataset, dataset_names, get_dataset, layout_names, register
from vae_keras.data.faces import Faces, load_faces
from vae_keras.data.framing import crop_square, frame, resize
from vae_keras.data.images import ImageError, read_image
from vae_keras.data.loading import load_images
from vae_keras.data.measured import MEASURED
from vae_keras.data.saving import check_output, grid_image, save_animation, save_chunks, save_gif, save_images

__all__ = [
    "MEASURED",
    "Dataset",
    "Faces",
    "ImageError",
    "augment",
    "check_output",
    "crop_square",
    "dataset_names",
    "find_faces",
    "frame",
    "get_dataset",
    "grid_image",
    "layout_names",
    "load_faces",
    "load_images",
    "move",
    "read_image",
    "register",
    "resize",
    "save_animation",
    "save_gif",
    "save_images",
    "save_chunks",
]
