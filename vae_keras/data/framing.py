"""Framing: how a face is cut out of a picture and brought to the size of the model.

`frame` is the one function for it: training pictures and a person's own go through it.
"""

import math

import cv2
import numpy as np

from vae_keras.data.alignment import TEMPLATE, AlignedFace, align_face, find_faces
from vae_keras.data.images import ImageError

SMALL_COPY = (
    256  # pixels of the copy in which the one face of a picture is looked for, in a tenth of the time
)


def frame(
    image: np.ndarray,
    size: int,
    crop: float | None = None,
    align: bool = False,
    name: str = "The picture",
) -> np.ndarray:
    """Cut the face out of a picture and resize it. A picture that has the size already is left as it is.

    Args:
        image: uint8 (height, width, 3).
        size: Pixels a side of the result.
        crop: Side of the centre square, as a fraction of the width; None takes the largest square.
        align: Whether to find the largest face and bring it to where `alignment.TEMPLATE` has it, instead of taking the
            centre.
        name: What the picture is called in messages.

    Returns:
        uint8 (size, size, 3).

    Raises:
        ImageError: No face is found.
    """
    if image.shape[:2] == (size, size):
        return image
    if not align:
        return resize(crop_square(image, crop), size)
    faces = find_faces(image, SMALL_COPY)
    if not faces:
        raise ImageError(f"{name} shows no face that can be found: crop it to the face, or leave it out.")
    return align_face(image, faces[0], TEMPLATE, size).image


def needed_side(size: int, crop: float | None = None, align: bool = False) -> int:
    """Return how many pixels the shorter side of a picture needs for `frame`: more only take longer to decode."""
    if align:
        return 1024
    return math.ceil(size / min(crop or 1, 1))


def crop_square(image: np.ndarray, fraction: float | None = None) -> np.ndarray:
    """Return the centre square of a picture.

    Args:
        image: (height, width, 3).
        fraction: Side of the square as a fraction of the width, at most the shorter side; None: the shorter side.

    Raises:
        ValueError: The fraction leaves nothing.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    if fraction is not None:
        side = min(side, round(fraction * width))
    if side < 1:
        raise ValueError(f"A crop of {fraction} of the width leaves nothing: give a fraction up to 1.")
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def crop_face(picture: np.ndarray, crop: float | None, size: int) -> AlignedFace:
    """Return the centre square of a picture as a face, for pictures that are framed already.

    Args:
        picture: uint8 (height, width, 3).
        crop: side of the square as a fraction of the width; None takes the largest.
        size: pixels a side of the result.

    Returns:
        An `AlignedFace`.
    """
    if picture.shape[:2] == (size, size):
        return AlignedFace(picture, np.eye(2, 3))
    side = len(crop_square(picture, crop))
    height, width = picture.shape[:2]
    return cut_face(picture, (width - side) // 2, (height - side) // 2, side, size)


def cut_face(picture: np.ndarray, left: int, top: int, side: int, size: int) -> AlignedFace:
    """Return a square of a picture as a face.

    Args:
        picture: uint8 (height, width, 3).
        left: first column of the square.
        top: first row of the square.
        side: of the square, in pixels.
        size: pixels a side of the result.

    Returns:
        An `AlignedFace`.
    """
    scale = size / side
    shift = 0.5 * scale - 0.5
    matrix = np.array([[scale, 0, shift - scale * left], [0, scale, shift - scale * top]])
    return AlignedFace(resize(picture[top : top + side, left : left + side], size), matrix)


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Return a picture as (size, size, 3): INTER_AREA, which averages, to shrink, INTER_CUBIC to grow."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = image.shape[0] * image.shape[1] > size * size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
