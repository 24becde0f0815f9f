"""Smooth shapes on a canvas: curves through control points, soft colours, and a head that turns.

Only operations of OpenCV that give the same bytes from 4.11 to 5.0 are used. Lengths are in half heights of the
head, whose centre is the origin; x points right, y down; (0, 1) is the chin. Shapes are (faces, points, 2) or
(points, 2), colours (faces, 3) or (3,), single numbers may be arrays (faces, 1).
"""

import cv2
import numpy as np

MIRROR = np.array((-1.0, 1.0))
UNIT = 0.33  # half the height of the head, as a fraction of the picture
BODY = np.nan  # the depth of what does not move with the head
GRID = (np.arange(32) + 0.5) / 32


def numbers(text, columns=2):
    """Return the numbers of a text as an array (rows, columns)."""
    return np.array(text.split(), float).reshape(-1, columns)


def curve(points, closed=False, steps=5):
    """A smooth curve through control points, after Catmull and Rom (1974)."""
    count = points.shape[-2]
    along = np.arange(count * steps if closed else (count - 1) * steps + 1) / steps
    first = np.minimum(along.astype(int), count - 1)
    t, weights = along - first, np.zeros((len(along), count))
    parts = (-(t**3) + 2 * t**2 - t, 3 * t**3 - 5 * t**2 + 2, -3 * t**3 + 4 * t**2 + t, t**3 - t**2)
    for offset, part in enumerate(parts, start=-1):
        index = (first + offset) % count if closed else (first + offset).clip(0, count - 1)
        np.add.at(weights, (np.arange(len(along)), index), part / 2)
    return weights @ points


def whole(half, steps=5):
    """The closed curve whose right half is given from top to bottom; points on the axis are not doubled."""
    mirrored = (half * MIRROR)[..., ::-1, :]
    keep = mirrored[..., 0].reshape(-1, half.shape[-2])[0] != 0
    return curve(np.concatenate([half, mirrored[..., keep, :]], axis=-2), True, steps)


def xy(x, y):
    """Return points (..., 2) of coordinates that are broadcast against each other."""
    points = np.empty((*np.broadcast_shapes(np.shape(x), np.shape(y)), 2))
    points[..., 0], points[..., 1] = x, y
    return points


def ellipse(x, y, width, height):
    """Return an ellipse around (x, y) as 24 points; width and height are its half axes."""
    angle = np.arange(24) * np.pi / 12
    return xy(x + width * np.cos(angle), y + height * np.sin(angle))


def mix(colour, other, amount):
    """Return the colour that lies `amount` (0 to 1) of the way from one colour to another."""
    return colour + (other - colour) * amount


def hue(value, saturation, brightness):
    """The colour (faces, 3), 0..255, of a hue from 0 (red) over green and blue to 1 (red again)."""
    wheel = (value * 6 + np.array((5, 3, 1))) % 6
    return 255 * brightness * (1 - saturation * np.minimum(wheel, 4 - wheel).clip(0, 1))


class Easel:
    """What is to be drawn, in order: the geometry of all faces is computed at once, `paint` draws one by one."""

    def __init__(self, factors):
        self.f = {name: column[:, None] for name, column in factors.items()}
        self.count, self.jobs, self.shapes, self.depths = len(self.f["male"]), [], [], []

    def spread(self, *values):
        """Single numbers and arrays (faces, 1) as one array (faces, values)."""
        return np.concatenate([np.zeros((self.count, 1)) + value for value in values], axis=1)

    def fill(self, colour, *shapes, depth=1.0, both=False, where=True, line=0, closed=False, glows=()):
        """Fill shapes with a colour or, with glows, one outline with a soft field; or draw lines of a width.

        both: the mirrored shapes too; where: the faces that have it; depth: how far out of the plane of the
        head, for all or for each shape; glows: rows of (x, y, half width, half height, colour, strength).
        """
        if not np.any(where):
            return
        shapes = [*shapes, *(shape * MIRROR for shape in shapes)] if both else shapes
        span = range(len(self.shapes), len(self.shapes) + len(shapes))
        self.shapes += [shape + np.zeros((self.count, 1, 1)) for shape in shapes]
        self.depths += depth if isinstance(depth, tuple) else [depth] * len(shapes)
        colour, where = np.zeros((self.count, 3)) + colour, self.spread(where)[:, 0].tolist()
        field = self.field(colour, glows, np.mean(depth)) if glows else None
        self.jobs.append((span, colour.tolist(), where, line, closed, field))

    def field(self, colour, glows, depth):
        """Soft fields (faces, 32, 32, 3): a glow is a product of two bumps, so a field is a matrix product.

        Bumps and changes of colour are whole numbers, which float32 adds exactly: the same bytes on every machine.
        """
        box = np.stack([self.spread(*glow[:4]) for glow in glows], axis=1)
        change = np.float32(np.stack([np.rint((glow[4] - colour) * glow[5]) for glow in glows], axis=1))
        centre, radius = self.place(box[..., :2], np.full(len(glows), depth)), box[..., 2:] * UNIT
        bump = (1 - ((GRID - centre[..., None]) / radius[..., None]) ** 2).clip(0) ** 2
        bump = np.float32(np.rint(127 * bump))
        rows = (bump[:, :, 0, :, None] * change[:, :, None]).reshape(self.count, len(glows), -1)
        field = (bump[:, :, 1].transpose(0, 2, 1) @ rows).reshape(self.count, 32, 32, 3)
        field *= np.float32(1 / 127**2)
        field += np.float32(colour + 0.5)[:, None, None]
        return field.clip(0, 255).astype(np.uint8)

    def place(self, points, depth):
        """Points as fractions of the picture: the head turned, nodding and tilted, the body below it."""
        f, body = self.f, np.isnan(depth)
        x, y = points[..., 0] * (0.95 + 0.10 * f["face_width"]), points[..., 1]
        bulge = np.where(body, 0, depth) * np.sqrt((1 - x**2 / 0.59 - y**2 / 1.2).clip(0))
        right, down = x + 0.20 * bulge * f["yaw"], y + 0.09 * bulge * f["pitch"] - 0.9
        cosine, sine = np.cos(0.16 * f["tilt"]), np.sin(0.16 * f["tilt"])
        x = np.where(body, x, right * cosine - down * sine)
        y = np.where(body, y, right * sine + down * cosine + 0.9)
        return xy(x * UNIT + 0.5 + 0.03 * f["shift"], y * UNIT + 0.53)

    def paint(self, size):
        """The faces, uint8 (faces, size, size, 3), drawn at twice the size and reduced."""
        side, lengths = 2 * size, [shape.shape[1] for shape in self.shapes]
        placed = self.place(np.concatenate(self.shapes, axis=1), np.repeat(self.depths, lengths))
        placed, ends = np.rint(placed * side * 16).astype(np.int32), [0, *np.cumsum(lengths).tolist()]
        faces = np.empty((self.count, size, size, 3), np.uint8)
        for face, points in enumerate(placed):
            canvas = np.zeros((side, side, 3), np.uint8)
            for span, colour, where, line, closed, field in self.jobs:
                polygons = [points[ends[k] : ends[k + 1]] for k in span] if where[face] else []
                if polygons and field is not None:
                    blend(canvas, points[ends[span[0]] : ends[span[-1] + 1]], field[face])
                elif polygons and line:
                    width = max(1, round(line * UNIT * side))
                    cv2.polylines(canvas, polygons, closed, colour[face], width, cv2.LINE_AA, 4)
                elif polygons:
                    cv2.fillPoly(canvas, polygons, colour[face], cv2.LINE_AA, 4)
            faces[face] = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
        return faces


def blend(canvas, polygon, field):
    """Lay the field, enlarged, on the canvas inside the polygon; in integers, the same on every machine."""
    (left, top), (right, bottom) = (polygon.min(axis=0) // 16 - 2).clip(0), polygon.max(axis=0) // 16 + 3
    field = cv2.resize(field, canvas.shape[:2], interpolation=cv2.INTER_LINEAR)[top:bottom, left:right]
    mask, canvas = np.zeros(field.shape, np.uint8), canvas[top:bottom, left:right]
    cv2.fillPoly(mask, [polygon - np.int32((left * 16, top * 16))], (128, 128, 128), cv2.LINE_AA, 4)
    change = (field.astype(np.int16) - canvas) * mask  # at most 255 * 128: it just fits
    canvas += (change >> 7).astype(np.uint8)
