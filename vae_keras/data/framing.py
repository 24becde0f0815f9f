"""Framing: how a face is cut out of a picture and brought to the size of the model.

`frame` is the one function for it: training pictures and a person's own go through it.
"""

import math

import cv2
import numpy as np

from vae_keras.data.images import ImageError

# The square around a found face, in heights and widths of what the finder marks: so it looks like CelebA's crop.
FACE_SIDE = 1.4
FACE_CENTRE = 0.35  # from the top


def frame(
    image: np.ndarray,
    size: int,
    crop: float | None = None,
    around_face: bool = False,
    name: str = "The picture",
) -> np.ndarray:
    """Cut the face out of a picture and resizes it. A picture that has the size already is left as it is.

    Args:
        image: uint8 (height, width, 3).
        size: Pixels a side of the result.
        crop: Side of the centre square, as a fraction of the width; None takes the largest square.
        around_face: Whether to look for the face instead of taking the centre.
        name: What the picture is called in messages.

    Returns:
        uint8 (size, size, 3).

    Raises:
        ImageError: No face is found.
    """
    if image.shape[:2] == (size, size):
        return image
    square = find_face(image, name=name) if around_face else crop_square(image, crop)
    return resize(square, size)


def needed_side(size: int, crop: float | None = None, around_face: bool = False) -> int:
    """Return how many pixels the shorter side of a picture needs for `frame`: more only take longer to decode."""
    if around_face:
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


def find_face(image: np.ndarray, fraction: float = FACE_SIDE, name: str = "The picture") -> np.ndarray:
    """Return a square around the largest face that scikit-image's cascade finds, inside the picture.

    Args:
        image: uint8 (height, width, 3).
        fraction: Side of the square over that of the face that was found.
        name: What the picture is called in messages.

    Raises:
        ImageError: No face is found.
    """
    box = _largest_face(image)
    if box is None:
        raise ImageError(f"{name} shows no face that can be found: crop it by hand to a square around it.")
    height, width = image.shape[:2]
    side = min(round(fraction * box["width"]), height, width)
    middle = box["top"] + FACE_CENTRE * box["height"], box["left"] + 0.5 * box["width"]
    top = int(np.clip(round(middle[0] - side / 2), 0, height - side))
    left = int(np.clip(round(middle[1] - side / 2), 0, width - side))
    return image[top : top + side, left : left + side]


def _largest_face(image):
    """Return the box of the largest face (top, left, height, width, in pixels), or None."""
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    scale = min(1.0, 400 / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    shorter_side = min(grey.shape)
    smallest, largest = max(shorter_side // 8, 24), max(shorter_side, 24)
    cascade = Cascade(lbp_frontal_face_cascade_filename())
    found = cascade.detect_multi_scale(grey, 1.2, 1, (smallest, smallest), (largest, largest))
    if not found:
        return None
    box = max(found, key=lambda box: box["width"])
    corners = {"top": box["r"], "left": box["c"], "height": box["height"], "width": box["width"]}
    return {name: value / scale for name, value in corners.items()}


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Return a picture as (size, size, 3): INTER_AREA, which averages, to shrink, INTER_CUBIC to grow."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = image.shape[0] * image.shape[1] > size * size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
