"""Find the faces in a photograph, and bring one to where a model expects it.

Training pictures of one's own (`--align`) and the photographs that a model works on go through it.

The finder is MTCNN (Zhang et al. 2016, arXiv 1604.02878) of the package `mtcnn`, which carries its weights. It gives
five points a face. A similarity, which turns, scales and shifts, maps them to where the training pictures have them.
"""

import functools
import importlib.util
import threading
from dataclasses import dataclass

import cv2
import numpy as np

from vae_keras.data.images import ImageError

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")  # left: on the picture's left
# Where they lie in the pictures that a model of aligned faces is trained on, as fractions of the side: as in CelebA's.
TEMPLATE = ((0.3763, 0.5204), (0.6347, 0.5201), (0.5037, 0.6787), (0.3903, 0.7952), (0.6178, 0.7944))
LARGEST_SIDE = 1024  # pixels of the picture that the finder looks at
SMALLEST_FACE = 20  # pixels a side of the smallest face that the finder sees
BORDER = 0.2  # of the longer side, around the picture: a face that fills the picture is missed without
CONFIDENT = 0.9  # what the finder says of a face, 0 to 1, from which it counts
OVERSAMPLING = 4  # the aligned face is cut out so many times larger, then reduced by area
FEWEST_FOUND = 0.8  # share of training pictures with a face, below which they count as no photographs


@dataclass(frozen=True)
class FoundFace:
    """A face in a photograph.

    Args:
        points: the five `POINTS`, in pixels (x, y) of the photograph, float64 (5, 2).
        box: left, top, width and height, in pixels.
    """

    points: np.ndarray
    box: tuple


@dataclass(frozen=True)
class AlignedFace:
    """A face as a model takes it, and the way back to the photograph.

    Args:
        image: uint8 (size, size, 3).
        matrix: maps (x, y, 1) of the photograph to pixels of `image`, float64 (2, 3).
    """

    image: np.ndarray
    matrix: np.ndarray


_one_at_a_time = threading.Lock()


def check_finder() -> None:
    """Check that faces can be found.

    Raises:
        ImageError: The package mtcnn is not installed.
    """
    if importlib.util.find_spec("mtcnn") is None:
        raise ImageError(
            'Finding a face needs the package mtcnn: run pip install "vae-keras[photo]", or crop the pictures to the '
            "face and take them as they are (--no-align, or training without --align)."
        )


@functools.cache
def _finder():
    """Return the face finder. It is loaded once, in a second."""
    check_finder()
    from mtcnn import MTCNN

    return MTCNN()


def find_faces(photograph: np.ndarray, largest_side: int = LARGEST_SIDE) -> list[FoundFace]:
    """Return the faces in a photograph, the largest first.

    Args:
        photograph: uint8 (height, width, 3).
        largest_side: pixels to which a larger photograph is reduced first. Faces under 20 pixels are missed then.

    Returns:
        A list of `FoundFace`, empty where none is found.

    Raises:
        ImageError: The package mtcnn is not installed.
    """
    scale = min(1.0, largest_side / max(photograph.shape[:2]))
    height, width = (max(1, round(scale * side)) for side in photograph.shape[:2])
    if min(height, width) < SMALLEST_FACE:
        return []
    small = cv2.resize(photograph, (width, height), interpolation=cv2.INTER_AREA)
    border = round(BORDER * max(small.shape[:2]))
    padded = cv2.copyMakeBorder(small, border, border, border, border, cv2.BORDER_REPLICATE)
    found = []
    for face in _see(padded) or []:
        points = np.array([face["keypoints"][name] for name in POINTS], "float64")
        left, top, width, height = face["box"]
        if face["confidence"] >= CONFIDENT and width > 0 and height > 0:
            box = tuple(float(value) / scale for value in (left - border, top - border, width, height))
            found.append(FoundFace((points - border) / scale, box))
    return sorted(found, key=lambda face: -face.box[2] * face.box[3])


def _see(photograph):
    """Return what the finder says of a photograph: a dictionary a face, or None."""
    with _one_at_a_time:
        try:
            return _finder().detect_faces(photograph)
        except ValueError as error:
            if "empty output" not in str(error):
                raise
            return None  # Keras 3.13, which Colab ships, refuses to look at no part of it


def align_face(photograph: np.ndarray, face: FoundFace, template, size: int) -> AlignedFace:
    """Return a face turned, scaled and shifted to where a model expects it.

    Args:
        photograph: uint8 (height, width, 3).
        face: one that `find_faces` found in it.
        template: where the five `POINTS` belong, (x, y) as fractions of the side from its edge, (5, 2).
        size: pixels a side of the result.

    Returns:
        An `AlignedFace`. What lies outside of the photograph repeats its border.
    """
    matrix = similarity(face.points, size * np.asarray(template, "float64") - 0.5)
    enlarged = matrix * OVERSAMPLING + 0.5 * (OVERSAMPLING - 1) * np.array([[0, 0, 1], [0, 0, 1]])
    scale = np.hypot(*matrix[0, :2]) * OVERSAMPLING
    source = photograph
    if scale < 1:  # reduced first, or the cut would skip pixels
        height, width = (max(1, round(side * scale)) for side in photograph.shape[:2])
        source = cv2.resize(photograph, (width, height), interpolation=cv2.INTER_AREA)
        ratio = np.array([photograph.shape[1] / width, photograph.shape[0] / height])
        enlarged = _after_reduction(enlarged, ratio)
    side = size * OVERSAMPLING
    cut = cv2.warpAffine(
        source, enlarged, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return AlignedFace(cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA), matrix)


def _after_reduction(matrix, ratio):
    """Return a matrix for a picture that was reduced by `ratio` (x, y); centres of pixels stay centres."""
    reduced = matrix.copy()
    reduced[:, :2] = matrix[:, :2] * ratio
    reduced[:, 2] = matrix[:, 2] + matrix[:, :2] @ (0.5 * ratio - 0.5)
    return reduced


def similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the turn, scale and shift that brings points nearest to targets in least squares.

    Args:
        points: (n, 2).
        targets: (n, 2).

    Returns:
        float64 (2, 3), to be applied to (x, y, 1).
    """
    x, y = points.T
    ones, zeros = np.ones_like(x), np.zeros_like(x)
    equations = np.concatenate([np.stack([x, -y, ones, zeros], 1), np.stack([y, x, zeros, ones], 1)])
    a, b, right, down = np.linalg.lstsq(equations, targets.T.ravel(), rcond=None)[0]
    return np.array([[a, -b, right], [b, a, down]])


def measure_template(images: np.ndarray):
    """Return where the five points of a face lie in training pictures, on average.

    Args:
        images: uint8 (n, size, size, 3), some hundred training pictures.

    Returns:
        Fractions of the side from its edge, float64 (5, 2). None where fewer than 80 % of the pictures show a face
        that the finder knows, as with drawings: such pictures are taken whole.
    """
    size = images.shape[1]
    enlargement = max(1, 256 // size)
    found = []
    for image in images:
        faces = find_faces(
            cv2.resize(image, None, fx=enlargement, fy=enlargement, interpolation=cv2.INTER_CUBIC)
        )
        if faces:
            found.append((faces[0].points + 0.5) / (size * enlargement))
    if len(found) < FEWEST_FOUND * len(images):
        return None
    return np.mean(found, axis=0)


def choose_face(faces: list, number: int, name: str) -> FoundFace:
    """Return the face with a number, counted from 1, of those that were found.

    Raises:
        ImageError: None was found, or fewer than that.
    """
    if not faces:
        raise ImageError(
            f"{name} shows no face that can be found: choose another, or crop it to the face and add --no-align."
        )
    if number > len(faces):
        plural = "faces" if len(faces) > 1 else "face"
        raise ImageError(
            f"{name} shows {len(faces)} {plural}, so there is no face {number}: --show-faces numbers them."
        )
    return faces[number - 1]
