"""Edit a photograph at its own size: the model gives the change, the photograph keeps its pixels."""

import cv2
import numpy as np

from vae_keras import directions, latent
from vae_keras.applications.alignment import AlignedFace

# The ellipse around a head, in sides of the aligned face, and the share of it over which a change fades.
HALF_HEIGHT, HALF_WIDTH, FADE = 0.5, 0.44, 0.35


def change_face(model, image: np.ndarray, strengths: dict) -> np.ndarray:
    """Return how a face changes under edits.

    Args:
        model: a `Pretrained`.
        image: the aligned face, uint8 (size, size, 3).
        strengths: of each attribute, such as {"Smiling": 1.0, "Eyeglasses": -0.5}.

    Returns:
        The edited minus the unedited reconstruction, float32 (size, size, 3), in [-1, 1].
    """
    z, _ = latent.encode(model.vae, image[None])
    edited = z
    for attribute, strength in strengths.items():
        edited = directions.edit(edited, model.direction(attribute), strength)
    before, after = np.asarray(model.vae.decode(np.concatenate([z, edited])), "float32")
    return after - before


def paste_change(photograph: np.ndarray, face: AlignedFace, change: np.ndarray) -> np.ndarray:
    """Return a photograph with a change of its aligned face added, faded around the head.

    Args:
        photograph: uint8 (height, width, 3).
        face: the `AlignedFace` that was cut out of it.
        change: float (size, size, 3), in [-1, 1].

    Returns:
        uint8 (height, width, 3). Where the change is 0, the photograph's own pixels.
    """
    size = len(change)
    faded = (255 * change * head_mask(size)[..., None]).astype("float32")
    left, top, right, bottom = region(face.matrix, size, photograph.shape)
    if right <= left or bottom <= top:
        return photograph.copy()
    to_face = face.matrix.copy()
    to_face[:, 2] += to_face[:, :2] @ (left, top)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    enlarged = cv2.warpAffine(faded, to_face, (right - left, bottom - top), flags=flags)
    result = photograph.copy()
    part = result[top:bottom, left:right]
    part[:] = np.clip(np.rint(part + enlarged), 0, 255).astype("uint8")
    return result


def head_mask(size: int) -> np.ndarray:
    """Return weights that are 1 on the head and fall smoothly to 0 around it, float64 (size, size)."""
    place = (np.arange(size) + 0.5) / size - 0.5
    distance = np.hypot(place[:, None] / HALF_HEIGHT, place[None, :] / HALF_WIDTH)
    ramp = np.clip((1 - distance) / FADE, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def region(matrix: np.ndarray, size: int, shape) -> tuple:
    """Return the part of a photograph that an aligned face was cut from: left, top, right, bottom, in whole pixels."""
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], "float64")
    inverse = cv2.invertAffineTransform(matrix)
    places = corners @ inverse[:, :2].T + inverse[:, 2]
    left, top = np.floor(places.min(axis=0)).astype(int)
    right, bottom = np.ceil(places.max(axis=0)).astype(int)
    height, width = shape[:2]
    return max(0, left), max(0, top), min(width, right), min(height, bottom)


def edit_photograph(model, photograph: np.ndarray, face: AlignedFace, strengths: dict) -> np.ndarray:
    """Return a photograph in which one face is edited, every other pixel as it was.

    Args:
        model: a `Pretrained`.
        photograph: uint8 (height, width, 3).
        face: the `AlignedFace` to edit.
        strengths: of each attribute, such as {"Smiling": 1.0}.

    Returns:
        uint8 (height, width, 3).

    Example:
        >>> face = align(photograph, find_faces(photograph)[0], model.card["template"], model.vae.image_size)
        >>> smiling = edit_photograph(model, photograph, face, {"Smiling": 0.7})
    """
    return paste_change(photograph, face, change_face(model, face.image, strengths))
