"""Edit a photograph at its own size: the model gives the change, the photograph keeps its pixels.

Where a face changes little, the difference of two decoded faces is added to it. Where it changes much, as under
glasses, the decoded face takes the place of what the photograph shows. `benchmarks/photographs.py` shows the ways
that were compared.
"""

from functools import partial

import cv2
import numpy as np

from vae_keras import directions, latent
from vae_keras.data.alignment import AlignedFace

# The ellipse around a head, in sides of the aligned face, and the share of it over which a change fades.
HALF_HEIGHT, HALF_WIDTH, FADE = 0.5, 0.44, 0.35
# Of the largest change of a colour around a pixel, in [0, 1]: up to the first value the photograph stays below the
# change, from the second on the decoded face takes its place.
KEPT, REDRAWN = 0.05, 0.25
BLUR = 1.5  # pixels of the aligned face, around which the change is judged
RADIUS = 2  # pixels, of the window in which details follow the change
FLAT = 0.002  # the variance of a window below which it shows no details
BAND = 256  # rows of a photograph that are computed at a time, so that memory does not grow with its size


def change_face(model, image: np.ndarray, strengths: dict) -> np.ndarray:
    """Return how a face changes under edits.

    Args:
        model: a `Pretrained`.
        image: the aligned face, uint8 (size, size, 3).
        strengths: of each attribute, such as {"Smiling": 1.0, "Eyeglasses": -0.5}.

    Returns:
        What is to be added to the face, float32 (size, size, 3), in [-1, 1].
    """
    return change_by(model, image, partial(edit_codes, model, strengths=strengths))


def edit_codes(model, z: np.ndarray, strengths: dict) -> np.ndarray:
    """Return codes (n, latent_dim) moved along attributes, each by its strength."""
    for attribute, strength in strengths.items():
        z = directions.edit(z, model.direction(attribute), strength)
    return z


def change_by(model, image: np.ndarray, move) -> np.ndarray:
    """Return how a face changes when its code is moved.

    Args:
        model: a `Pretrained`.
        image: the aligned face, uint8 (size, size, 3).
        move: a function from codes (1, latent_dim) to codes of this shape.

    Returns:
        As `change_face`.
    """
    z, _ = latent.encode(model.vae, image[None])
    before, after = np.asarray(model.vae.decode(np.concatenate([z, move(z)])), "float32")
    redrawn = redrawn_share(after - before)[..., None]
    return after - before + redrawn * (before - image / np.float32(255))


def redrawn_share(difference: np.ndarray) -> np.ndarray:
    """Return how much of each pixel of a face is redrawn, float32 (size, size), in [0, 1].

    Args:
        difference: of the edited and the unedited reconstruction, float32 (size, size, 3).
    """
    largest = cv2.GaussianBlur(np.abs(difference).max(axis=2), (0, 0), BLUR)
    return smooth_step((largest - KEPT) / (REDRAWN - KEPT))


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
    mask = head_mask(size)[..., None]
    shown = face.image.astype("float32")
    faded = (255 * change * mask).astype("float32")
    gain = detail_gain(faded, shown)[..., None] * mask
    layers = np.concatenate([faded, shown, gain], axis=2).astype("float32")
    result = photograph.copy()
    left, top, right, bottom = region(face.matrix, size, photograph.shape)
    for start in range(top, bottom, BAND):
        part = result[start : min(start + BAND, bottom), left : max(left, right)]
        if part.size:
            enlarged = warp_back(layers, face.matrix, (left, start), part.shape)
            detail = part - enlarged[..., 3:6]
            changed = part + enlarged[..., :3] + enlarged[..., 6:] * detail
            part[:] = np.clip(np.rint(changed), 0, 255).astype("uint8")
    return result


def detail_gain(change: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return by which share details of a photograph grow, which its aligned face is too small to show.

    That is the slope of the change over the brightness around each pixel, as in a guided filter (He et al. 2010): where
    a change darkens what is bright, strands of hair lose contrast too, and eyes disappear behind dark glasses.

    Args:
        change: of the aligned face, in grey levels, float32 (size, size, 3).
        shown: the aligned face, in grey levels, float32 (size, size, 3).

    Returns:
        float32 (size, size), in [-1, 1].
    """
    change, brightness = change.mean(axis=2) / 255, shown.mean(axis=2) / 255
    mean_change, mean_brightness = window_mean(change), window_mean(brightness)
    covariance = window_mean(change * brightness) - mean_change * mean_brightness
    variance = window_mean(brightness * brightness) - mean_brightness**2
    return np.clip(window_mean(covariance / (variance + FLAT)), -1, 1)


def window_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of the window around each pixel, in the shape of `values`."""
    return cv2.blur(values, (2 * RADIUS + 1, 2 * RADIUS + 1))


def warp_back(layers: np.ndarray, matrix: np.ndarray, corner: tuple, shape) -> np.ndarray:
    """Return layers of an aligned face as they lie over a part of its photograph.

    Args:
        layers: float32 (size, size, n).
        matrix: of the `AlignedFace`.
        corner: left and top of the part, in pixels of the photograph.
        shape: its height and width.

    Returns:
        float32 (height, width, n).
    """
    to_face = matrix.copy()
    to_face[:, 2] += to_face[:, :2] @ corner
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    height, width = shape[:2]
    # OpenCV takes four channels at most
    parts = [
        cv2.warpAffine(layers[..., first : first + 3], to_face, (width, height), flags=flags)
        for first in range(0, layers.shape[2], 3)
    ]
    return np.dstack(parts)


def head_mask(size: int) -> np.ndarray:
    """Return weights that are 1 on the head and fall smoothly to 0 around it, float64 (size, size)."""
    place = (np.arange(size) + 0.5) / size - 0.5
    distance = np.hypot(place[:, None] / HALF_HEIGHT, place[None, :] / HALF_WIDTH)
    return smooth_step((1 - distance) / FADE)


def smooth_step(values: np.ndarray) -> np.ndarray:
    """Return values below 0 as 0, those above 1 as 1, and between them a smooth way from 0 to 1."""
    values = np.clip(values, 0, 1)
    return values * values * (3 - 2 * values)


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
    """Return a photograph in which one face is edited, every other pixel as it was. Black and white stays so.

    Args:
        model: a `Pretrained`.
        photograph: uint8 (height, width, 3).
        face: the `AlignedFace` to edit.
        strengths: of each attribute, such as {"Smiling": 1.0}.

    Returns:
        uint8 (height, width, 3).

    Example:
        >>> face = align_face(photograph, find_faces(photograph)[0], model.card["template"], model.vae.image_size)
        >>> smiling = edit_photograph(model, photograph, face, {"Smiling": 0.7})
    """
    return move_photograph(model, photograph, face, partial(edit_codes, model, strengths=strengths))


def move_photograph(model, photograph: np.ndarray, face: AlignedFace, move) -> np.ndarray:
    """Return a photograph in which the code of one face is moved, as `edit_photograph` does it.

    Args:
        model: a `Pretrained`.
        photograph: uint8 (height, width, 3).
        face: the `AlignedFace` whose code is moved.
        move: a function from codes (1, latent_dim) to codes of this shape.

    Returns:
        uint8 (height, width, 3).
    """
    change = change_by(model, face.image, move)
    if is_grey(photograph):
        change = np.repeat(change.mean(axis=2, keepdims=True), 3, axis=2)
    return paste_change(photograph, face, change)


def is_grey(photograph: np.ndarray) -> bool:
    """Return whether a photograph is black and white.

    Args:
        photograph: uint8 (height, width, 3).
    """
    red, green, blue = (photograph[..., channel] for channel in range(3))
    return np.array_equal(red, green) and np.array_equal(green, blue)
