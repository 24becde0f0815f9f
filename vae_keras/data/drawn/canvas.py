"""A canvas for smooth shapes: curves through control points, soft colours, and a head that turns.

Lengths are in half heights of the head, whose centre is the origin; x points right, y down; (0, 1) is the chin.
Shapes are arrays (faces, points, 2) or (points, 2), colours (faces, 3) or (3,), red, green, blue from 0 to 255.
Single numbers may be arrays (faces, 1).

Only operations of OpenCV that give the same bytes from 4.11 to 5.0 are used.
"""

from typing import NamedTuple

import cv2
import numpy as np

MIRROR = np.array((-1.0, 1.0))
UNIT = 0.36  # half the height of the head, as a fraction of the picture
BODY = np.nan  # the depth of what does not move with the head
GRID = (np.arange(32) + 0.5) / 32  # centres of the 32 cells of a soft field, as fractions of the picture


def numbers(text: str, columns: int = 2) -> np.ndarray:
    """Return the numbers of a text as an array (rows, columns)."""
    return np.array(text.split(), float).reshape(-1, columns)


def curve(points: np.ndarray, closed: bool = False, steps: int = 5) -> np.ndarray:
    """Draw a smooth curve through control points (Catmull and Rom, 1974).

    Args:
        points: Control points, (..., n, 2).
        closed: Whether the curve ends where it began.
        steps: Points of the curve for each control point.

    Returns:
        The points of the curve, (..., m, 2).
    """
    count = points.shape[-2]
    along = np.arange(count * steps if closed else (count - 1) * steps + 1) / steps
    first = np.minimum(along.astype(int), count - 1)
    t = along - first
    bases = (-(t**3) + 2 * t**2 - t, 3 * t**3 - 5 * t**2 + 2, -3 * t**3 + 4 * t**2 + t, t**3 - t**2)
    weights = np.zeros((len(along), count))
    for offset, basis in enumerate(bases, start=-1):
        index = (first + offset) % count if closed else (first + offset).clip(0, count - 1)
        np.add.at(weights, (np.arange(len(along)), index), basis / 2)
    return weights @ points


def symmetric_outline(right_half: np.ndarray, steps: int = 5) -> np.ndarray:
    """Draw the closed curve whose right half is given from top to bottom.

    Points on the axis are not doubled.
    """
    mirrored = (right_half * MIRROR)[..., ::-1, :]
    off_axis = mirrored[..., 0].reshape(-1, right_half.shape[-2])[0] != 0
    points = np.concatenate([right_half, mirrored[..., off_axis, :]], axis=-2)
    return curve(points, closed=True, steps=steps)


def xy(x, y) -> np.ndarray:
    """Return points (..., 2) of coordinates that are broadcast against each other."""
    points = np.empty((*np.broadcast_shapes(np.shape(x), np.shape(y)), 2))
    points[..., 0] = x
    points[..., 1] = y
    return points


def ellipse(x, y, width, height) -> np.ndarray:
    """Return an ellipse around (x, y) as 24 points; width and height are its half axes."""
    angle = np.arange(24) * np.pi / 12
    return xy(x + width * np.cos(angle), y + height * np.sin(angle))


def mix(colour, other, amount) -> np.ndarray:
    """Return the colour that lies `amount` (0 to 1) of the way from one colour to another."""
    return colour + (other - colour) * amount


def hue(value, saturation, brightness) -> np.ndarray:
    """Return the colour of a hue from 0 (red) over green and blue to 1 (red again), (faces, 3)."""
    wheel = (value * 6 + np.array((5, 3, 1))) % 6
    return 255 * brightness * (1 - saturation * np.minimum(wheel, 4 - wheel).clip(0, 1))


class Job(NamedTuple):
    """One call of `Canvas.fill`: what is drawn, for all faces."""

    shapes: range  # which of the canvas' shapes
    colour: list  # (faces, 3)
    where: list  # (faces,): whether a face has it
    line: float  # width of a line; 0: filled
    closed: bool  # whether a line is closed
    field: np.ndarray | None  # a soft field of colours, (faces, 32, 32, 3)


class Canvas:
    """What is to be drawn, in order: the geometry of all faces is computed at once, `paint` draws one by one.

    Args:
        factors: Arrays (faces,) of all factors, by name.
    """

    def __init__(self, factors: dict[str, np.ndarray]):
        self.factors = {name: column[:, None] for name, column in factors.items()}
        self.count = len(self.factors["male"])
        self.jobs = []
        self.shapes = []
        self.depths = []

    def spread(self, *values) -> np.ndarray:
        """Return single numbers and arrays (faces, 1) as one array (faces, values)."""
        return np.concatenate([np.zeros((self.count, 1)) + value for value in values], axis=1)

    def fill(  # noqa: PLR0913
        self, colour, *shapes, depth=1.0, both=False, where=True, line=0, closed=False, glows=()
    ):
        """Fill shapes with a colour or, with glows, one outline with a soft field; or draws lines of a width.

        Args:
            colour: (faces, 3) or (3,).
            *shapes: (faces, points, 2) or (points, 2).
            depth: How far out of the plane of the head, for all shapes or for each.
            both: Whether to draw the mirrored shapes too.
            where: The faces that have it, (faces, 1).
            line: Width of a line; 0 fills the shapes.
            closed: Whether a line is closed.
            glows: Rows of (x, y, half width, half height, colour, strength).
        """
        if not np.any(where):
            return
        if both:
            shapes = [*shapes, *(shape * MIRROR for shape in shapes)]
        first = len(self.shapes)
        self.shapes += [shape + np.zeros((self.count, 1, 1)) for shape in shapes]
        self.depths += depth if isinstance(depth, tuple) else [depth] * len(shapes)
        colour = np.zeros((self.count, 3)) + colour
        field = self.field(colour, glows, np.mean(depth)) if glows else None
        where = self.spread(where)[:, 0].tolist()
        self.jobs.append(Job(range(first, len(self.shapes)), colour.tolist(), where, line, closed, field))

    def field(self, colour, glows, depth) -> np.ndarray:
        """Return soft fields of colours, uint8 (faces, 32, 32, 3).

        A glow is a product of two bumps, so that a field is a matrix product. Bumps and changes of colour are
        whole numbers, which float32 adds exactly: the same bytes on every machine.
        """
        boxes = np.stack([self.spread(*glow[:4]) for glow in glows], axis=1)
        centre = self.place(boxes[..., :2], np.full(len(glows), depth))
        radius = boxes[..., 2:] * UNIT
        bump = (1 - ((GRID - centre[..., None]) / radius[..., None]) ** 2).clip(0) ** 2
        bump = np.float32(np.rint(127 * bump))
        change = np.float32(np.stack([np.rint((glow[4] - colour) * glow[5]) for glow in glows], axis=1))
        rows = (bump[:, :, 0, :, None] * change[:, :, None]).reshape(self.count, len(glows), -1)
        field = (bump[:, :, 1].transpose(0, 2, 1) @ rows).reshape(self.count, 32, 32, 3)
        field *= np.float32(1 / 127**2)
        field += np.float32(colour + 0.5)[:, None, None]
        return field.clip(0, 255).astype(np.uint8)

    def place(self, points: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Return points as fractions of the picture: the head turned, nodding and tilted, the body below it."""
        factors = self.factors
        body = np.isnan(depth)
        x = points[..., 0] * (0.95 + 0.10 * factors["face_width"])
        y = points[..., 1]
        bulge = np.where(body, 0, depth) * np.sqrt((1 - x**2 / 0.59 - y**2 / 1.2).clip(0))
        right = x + 0.07 * bulge * factors["yaw"]
        down = y + 0.03 * bulge * factors["pitch"] - 0.9
        cosine = np.cos(0.03 * factors["tilt"])
        sine = np.sin(0.03 * factors["tilt"])
        x = np.where(body, x, right * cosine - down * sine)
        y = np.where(body, y, right * sine + down * cosine + 0.9)
        return xy(x * UNIT + 0.5 + 0.005 * factors["shift"], y * UNIT + 0.54)

    def paint(self, size: int) -> np.ndarray:
        """Return the faces, uint8 (faces, size, size, 3), drawn at twice the size and reduced."""
        side = 2 * size
        lengths = [shape.shape[1] for shape in self.shapes]
        placed = self.place(np.concatenate(self.shapes, axis=1), np.repeat(self.depths, lengths))
        placed = np.rint(placed * side * 16).astype(np.int32)  # OpenCV counts sixteenths of a pixel
        ends = [0, *np.cumsum(lengths).tolist()]
        faces = np.empty((self.count, size, size, 3), np.uint8)
        for face, points in enumerate(placed):
            picture = np.zeros((side, side, 3), np.uint8)
            polygons = [points[start:end] for start, end in zip(ends[:-1], ends[1:])]
            for job in self.jobs:
                if job.where[face]:
                    _draw(picture, polygons[job.shapes.start : job.shapes.stop], job, face)
            faces[face] = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        return faces


def _draw(picture, polygons, job, face):
    """Draw one job of one face."""
    if job.field is not None:
        _blend(picture, np.concatenate(polygons), job.field[face])
    elif job.line:
        width = max(1, round(job.line * UNIT * len(picture)))
        cv2.polylines(picture, polygons, job.closed, job.colour[face], width, cv2.LINE_AA, 4)
    else:
        cv2.fillPoly(picture, polygons, job.colour[face], cv2.LINE_AA, 4)


def _blend(picture, polygon, field):
    """Lay a field, enlarged, on the picture inside a polygon; in integers, the same on every machine."""
    left, top = (polygon.min(axis=0) // 16 - 2).clip(0)
    right, bottom = polygon.max(axis=0) // 16 + 3
    part = picture[top:bottom, left:right]
    field = cv2.resize(field, picture.shape[:2], interpolation=cv2.INTER_LINEAR)[top:bottom, left:right]
    mask = np.zeros(field.shape, np.uint8)
    cv2.fillPoly(mask, [polygon - np.int32((left * 16, top * 16))], (128, 128, 128), cv2.LINE_AA, 4)
    change = (field.astype(np.int16) - part) * mask  # at most 255 * 128: it just fits
    part += (change >> 7).astype(np.uint8)
