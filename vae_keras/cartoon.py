"""Faces drawn with OpenCV from named factors: the embedded data, whose causes are known exactly.

Everything is drawn at twice the size with anti-aliased polygons and lines, then reduced with INTER_AREA. Only
operations that give the same bytes in OpenCV 4.11 to 5.0 are used. Inside this file lengths are in half heights
of the head; the head's centre is the origin, x points right, y down, (0, 1) is the chin.
"""

import difflib
import functools
import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pandas

# Two numbers: a range; anything else: the possible values. What a face leaves out is the first or the middle.
FACTORS = {
    "male": (False, True),
    "age": (0.0, 1.0),
    "skin": (0.0, 1.0),  # pale to dark
    "hair_color": ("brown", "black", "blond", "red", "gray"),
    "hair_style": ("short", "bald", "buzz", "quiff", "curly", "bob", "long", "wavy", "bun"),
    "hairline": ("high", "left", "right", "middle", "bangs"),
    "eye_color": ("brown", "hazel", "green", "blue", "gray"),
    "eye_size": (0.0, 1.0),
    "brow_thickness": (0.0, 1.0),
    "brow_raise": (-1.0, 1.0),
    "nose_size": (0.0, 1.0),
    "smile": (-1.0, 1.0),  # the corners of the mouth, down to up
    "mouth_open": (0.0, 1.0),
    "beard": ("none", "stubble", "mustache", "goatee", "full"),
    "face_width": (0.0, 1.0),
    "jaw": (0.0, 1.0),  # pointed to square
    "blush": (0.0, 1.0),
    "lipstick": (False, True),
    "earrings": (False, True),
    "glasses": ("none", "round", "square"),
    "hat": ("none", "beanie", "cap"),
    "yaw": (-1.0, 1.0),  # the face turned to the picture's left or right
    "pitch": (-1.0, 1.0),  # raised to lowered
    "tilt": (-1.0, 1.0),
    "shift": (-1.0, 1.0),
    "light": (-1.0, 1.0),  # from the left to from the right
    "background": (0.0, 1.0),  # hue
    "background_light": (0.0, 1.0),
    "clothes": (0.0, 1.0),  # hue, of the hat too
}
# How often each value comes (not male, male); evenly where a factor is missing here.
ODDS = {
    "hair_color": ((35, 27, 24, 9, 5), (38, 35, 14, 6, 7)),
    "hair_style": ((7, 0, 0, 4, 10, 21, 27, 20, 11), (34, 8, 15, 22, 13, 2, 4, 2, 0)),
    "hairline": ((15, 20, 20, 20, 25), (40, 22, 22, 4, 12)),
    "eye_color": ((40, 15, 15, 22, 8), (40, 15, 15, 22, 8)),
    "beard": ((100, 0, 0, 0, 0), (52, 14, 9, 10, 15)),
    "lipstick": ((45, 55), (100, 0)),
    "earrings": ((60, 40), (97, 3)),
    "glasses": ((80, 11, 9), (74, 12, 14)),
    "hat": ((92, 5, 3), (90, 5, 5)),
}
# CelebA's names, as conditions on the factors.
ATTRIBUTES = {
    "5_o_Clock_Shadow": "beard == 'stubble'",
    "Arched_Eyebrows": "brow_raise > 0.4",
    "Bald": "hair_style == 'bald'",
    "Bangs": "hairline == 'bangs' and hair_style not in ['bald', 'buzz', 'quiff']",
    "Big_Nose": "nose_size > 0.75",
    "Black_Hair": "hair_color == 'black' and hair_style != 'bald'",
    "Blond_Hair": "hair_color == 'blond' and hair_style != 'bald'",
    "Brown_Hair": "hair_color == 'brown' and hair_style != 'bald'",
    "Bushy_Eyebrows": "brow_thickness > 0.65",
    "Chubby": "face_width > 0.8",
    "Eyeglasses": "glasses != 'none'",
    "Goatee": "beard == 'goatee'",
    "Gray_Hair": "hair_color == 'gray' and hair_style != 'bald'",
    "Male": "male",
    "Mouth_Slightly_Open": "mouth_open > 0.15",
    "Mustache": "beard in ['mustache', 'full']",
    "Narrow_Eyes": "eye_size < 0.25",
    "No_Beard": "beard == 'none'",
    "Pale_Skin": "skin < 0.15",
    "Rosy_Cheeks": "blush > 0.7",
    "Smiling": "smile > 0.2",
    "Wavy_Hair": "hair_style in ['wavy', 'curly']",
    "Wearing_Earrings": "earrings",
    "Wearing_Hat": "hat != 'none'",
    "Wearing_Lipstick": "lipstick",
    "Young": "age < 0.65",
}
SKIN = np.array([(255, 228, 210), (248, 208, 178), (232, 180, 142), (198, 140, 100), (150, 98, 68), (104, 68, 50)])
HAIR = {"black": (46, 38, 42), "brown": (112, 70, 44), "blond": (232, 190, 108), "red": (182, 84, 40)}
HAIR["gray"] = (186, 186, 194)
EYES = {"brown": (112, 66, 34), "hazel": (150, 106, 44), "green": (74, 138, 78), "blue": (58, 124, 196)}
EYES["gray"] = (116, 132, 148)
# Volume of the hair over the head; where it ends beside the face (x, y); the hair behind the head as a half
# width and a length; how deep and how many waves.
STYLES = {
    "buzz": (0.05, 0.93, -0.05, 0, 0, 0, 0),
    "short": (0.13, 0.97, 0.02, 0, 0, 0, 0),
    "quiff": (0.20, 0.95, -0.02, 0, 0, 0, 0),
    "curly": (0.24, 1.10, 0.10, 1.12, 0.35, 0.075, 17),
    "bob": (0.16, 1.24, 0.62, 1.10, 0.78, 0, 0),
    "long": (0.14, 1.24, 1.15, 1.12, 1.75, 0, 0),
    "wavy": (0.18, 1.34, 1.15, 1.30, 1.65, 0.05, 13),
    "bun": (0.11, 1.00, 0.02, 0, 0, 0, 0),
}
# Where the forehead begins, from the left temple to the right one.
HAIRLINES = {
    "high": ((-0.80, -0.50), (-0.45, -0.68), (0.0, -0.71), (0.45, -0.68), (0.80, -0.50)),
    "left": ((-0.82, -0.46), (-0.52, -0.74), (-0.05, -0.60), (0.45, -0.47), (0.84, -0.32)),
    "right": ((-0.84, -0.32), (-0.45, -0.47), (0.05, -0.60), (0.52, -0.74), (0.82, -0.46)),
    "middle": ((-0.84, -0.30), (-0.44, -0.56), (0.0, -0.82), (0.44, -0.56), (0.84, -0.30)),
    "bangs": ((-0.84, -0.36), (-0.45, -0.37), (0.0, -0.40), (0.45, -0.37), (0.84, -0.36)),
}
WHITE, DARK = np.array((255.0, 252, 248)), np.array((42.0, 28, 30))
ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
MIRROR = np.array((-1.0, 1.0))
ALMOND = np.linspace(-1, 1, 13)


@functools.cache
def _spline(count, closed, steps=5):
    """Weights (samples, count) that turn control points into a Catmull-Rom curve through them."""
    place = np.arange(count * steps if closed else (count - 1) * steps + 1) / steps
    first = np.minimum(place.astype(int), count - 1)
    t = place - first
    weights = np.zeros((len(place), count))
    parts = (-(t**3) + 2 * t**2 - t, 3 * t**3 - 5 * t**2 + 2, -3 * t**3 + 4 * t**2 + t, t**3 - t**2)
    for offset, part in enumerate(parts):
        index = first + offset - 1
        index = index % count if closed else index.clip(0, count - 1)
        np.add.at(weights, (np.arange(len(place)), index), part / 2)
    return weights


def _curve(points, closed=False):
    return _spline(len(points), closed) @ np.asarray(points, float)


def _symmetric(half):
    """A closed outline from its right half, top to bottom."""
    half = np.asarray(half, float)
    return _curve(np.concatenate([half, (half * MIRROR)[::-1][1:-1] if half[0][0] == 0 == half[-1][0] else (half * MIRROR)[::-1]]), closed=True)


def _ellipse(x, y, width, height):
    return CIRCLE * (width, height) + (x, y)


def _both(shape):
    return shape, shape * MIRROR


def _mix(colour, other, amount):
    return colour + (np.asarray(other) - colour) * amount


def _hue(hue, saturation, value):
    wheel = (hue * 6 + np.array((5, 3, 1))) % 6
    return 255 * value * (1 - saturation * np.minimum(wheel, 4 - wheel).clip(0, 1))


class _Easel:
    """A canvas of twice the size, the pose that puts head coordinates on it, and the colours of one face."""

    def __init__(self, f, size):
        self.f, self.side = f, 2 * size
        self.canvas = np.zeros((self.side, self.side, 3), np.uint8)
        self.scale = 0.315 * self.side
        angle = f["tilt"] * 0.16
        self.rotation = np.array(((np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle)))) * self.scale
        self.centre = np.array((0.5 + 0.03 * f["shift"] , 0.525)) * self.side
        self.turn, self.nod = f["yaw"] * 0.20, f["pitch"] * 0.09
        self.wide = 0.95 + 0.10 * f["face_width"]
        self.skin = np.array([np.interp(f["skin"] * (len(SKIN) - 1), range(len(SKIN)), c) for c in SKIN.T])
        self.shade = self.skin * (0.76, 0.64, 0.62)
        self.ink = self.skin * (0.50, 0.36, 0.34)
        self.hair = np.array(HAIR[f["hair_color"]], float)
        self.cloth = _hue(f["clothes"], 0.55, 0.72)

    def place(self, points, depth=1.0):
        """Head coordinates on the canvas; depth: how far out of the picture's plane; None: not of the head."""
        points = points * (self.wide, 1.0)
        if depth is None:
            return points * self.scale + self.centre
        x, y = points[..., 0], points[..., 1]
        out = depth * np.sqrt((1 - (x / 0.84) ** 2 - (y / 1.1) ** 2).clip(0))
        points = np.stack([x + out * self.turn, y + out * self.nod], axis=-1)
        # The head turns about the neck.
        return (points - (0, 0.9)) @ self.rotation + self.centre + (0, 0.9 * self.scale)

    def fill(self, colour, *shapes, depth=1.0):
        points = [np.rint(self.place(shape, depth) * 16).astype(np.int32) for shape in shapes]
        cv2.fillPoly(self.canvas, points, tuple(colour), cv2.LINE_AA, 4)

    def line(self, colour, width, *shapes, depth=1.0, closed=False):
        points = [np.rint(self.place(shape, depth) * 16).astype(np.int32) for shape in shapes]
        width = max(1, round(width * self.scale))
        cv2.polylines(self.canvas, points, closed, tuple(colour), width, cv2.LINE_AA, 4)

    def layer(self, colour, glows, *shapes, depth=1.0, opacity=1.0):
        """Fill with a soft field of colour; glows: rows of (x, y, width, height, colour, strength)."""
        placed = [self.place(shape, depth) for shape in shapes]
        mask = np.zeros_like(self.canvas)
        points = [np.rint(p * 16).astype(np.int32) for p in placed]
        cv2.fillPoly(mask, points, (round(128 * opacity),) * 3, cv2.LINE_AA, 4)
        grid = (np.arange(24) + 0.5) * self.side / 24
        centre = self.place(np.array([g[:2] for g in glows]), depth if np.isscalar(depth) or depth is None else 0.0)
        radius = np.array([g[2:4] for g in glows]) * self.scale
        x = ((grid - centre[:, :1]) / radius[:, :1]) ** 2
        y = ((grid - centre[:, 1:]) / radius[:, 1:]) ** 2
        field = np.empty((24, 24, 3))
        field[:] = colour
        for k, (*_, target, strength) in enumerate(glows):
            weight = (1 - x[k] - y[k][:, None]).clip(0) ** 2 * strength
            field += (target - field) * weight[..., None]
        field = cv2.resize(np.rint(field.clip(0, 255)).astype(np.uint8), (self.side, self.side), interpolation=cv2.INTER_CUBIC)
        change = field.astype(np.int16) - self.canvas
        change *= mask
        change >>= 7
        self.canvas += change.astype(np.uint8)


def _background(e):
    f = e.f
    colour = _hue(f["background"], 0.28, 0.45 + 0.5 * f["background_light"])
    corner = np.array(((-2, -2), (2, -2), (2, 2), (-2, 2.0)))
    e.layer(colour, [(1.3 * f["light"], -0.9, 2.2, 2.0, WHITE, 0.45), (-1.4 * f["light"], 1.2, 1.8, 2.2, colour * 0.55, 0.5)],
            corner, depth=None)


def _hair_behind(e):
    style = STYLES.get(e.f["hair_style"])
    if e.f["hair_style"] == "bun" and e.f["hat"] == "none":
        e.layer(e.hair * 0.85, [(0.12 * e.f["light"], -1.35, 0.3, 0.3, _mix(e.hair, WHITE, 0.3), 0.7)], _ellipse(0, -1.22, 0.34, 0.32), depth=0)
    if style and style[3]:
        volume, _, _, width, length, wave, count = style
        half = ((0, -1 - volume), (0.5, -0.95 - volume * 0.8), (0.8 + volume * .5, -0.6), (width*.9, 0.0), (width, 0.6 * length), (width * 0.86, length), (0.4 * width, length + 0.05))
        outline = _symmetric(half)
        outline = outline * (1 + wave * np.sin(np.arange(len(outline)) * count / 12)[:, None])
        dark = e.hair * 0.7
        e.layer(dark, [(e.f["light"] * 1.1, 0.4, 0.6, 1.2, e.hair, 0.8), (0, 0.7, 0.7, 0.8, dark * 0.6, 0.6)], outline, depth=0)


def _body(e):
    f = e.f
    neck = 0.40 if f["male"] else 0.31
    broad = 1.75 if f["male"] else 1.45
    e.layer(e.skin, [(0, 0.85, 0.75, 0.45, e.shade * 0.86, 0.85), (-0.4 * f["light"], 1.1, 0.4, 0.6, e.shade, abs(f["light"]))],
            _symmetric(((neck, 0.5), (neck, 0.95), (neck + 0.08, 1.15), (neck + .3, 1.3), (neck + .2, 1.7))), depth=None)
    shirt = _symmetric(((0, 1.42), (neck - .06, 1.34), (neck + 0.11, 1.14), (broad * 0.62, 1.26), (broad * 0.9, 1.42), (broad, 1.9), (0, 2.0)))
    e.layer(e.cloth, [(0.9 * f["light"], 1.3, 1.0, 0.7, WHITE, 0.3), (-1.0 * f["light"], 1.6, 1.1, 0.8, e.cloth * 0.5, 0.6)], shirt, depth=None)
    collar = _curve(((-neck - 0.11, 1.14), (-neck + .06, 1.34), (0, 1.42), (neck - .06, 1.34), (neck + 0.11, 1.14)))
    e.line(e.cloth * 0.75, 0.05, collar, depth=None)


def _head(e):
    f, light = e.f, e.f["light"]
    for ear, side in zip(_both(_ellipse(0.77, 0.02, 0.12, 0.21)), (1, -1)):
        e.fill(_mix(e.skin, e.shade, 0.25 + 0.35 * (1 - side * light) / 2 ), ear, depth=-0.3)
    e.line(e.shade, 0.03, *_both(_curve(((0.80, -0.08), (0.84, 0.0), (0.80, 0.10)))), depth=-0.3)
    if f["earrings"]:
        e.fill((250, 214, 110), *_both(_ellipse(0.80, 0.31, 0.06, 0.07)), depth=-0.3)
    square = (f["jaw"] + (0.9 if f["male"] else 0.0)) / 1.9
    half = ((0, -1), (0.45, -0.90), (0.72, -0.52), (0.77, -0.05), (0.69 + 0.04 * square, 0.40), (0.46 + 0.15 * square, 0.76), (0.19 + 0.13 * square, 0.96), (0, 1.0))
    outline = _symmetric(half)
    outline[:, 0] += e.turn * 0.4 * outline[:, 1].clip(0)
    rose = _mix(e.skin, (232, 96, 96), 0.55)
    bright = _mix(e.skin, (255, 246, 226), 0.55)
    glows = [(0.45 * light, -0.25, 0.9, 1.1, bright, 0.6), (-0.75 * light, 0.15, 0.75, 1.3, e.shade, 0.2+0.7 * abs(light)),
             (0, 1.15, 0.9, 0.40, e.shade, 0.6),
             (0.44, 0.30, 0.30, 0.26, rose, 0.15 + 0.75 * f["blush"]), (-0.44, 0.30, 0.30, 0.26, rose, 0.15 + 0.75 * f["blush"]),
             (-0.10 - 0.06 * light, 0.15, 0.16, 0.34, e.shade, 0.3 -.3 * light), (0.10 - 0.06 * light, 0.15, 0.16, 0.34, e.shade, 0.3 +.3* light),
             (0.03 * light, 0.14, 0.11, 0.26, bright, 0.7),
             (0.335, -0.08, 0.3, 0.22, e.shade, 0.45), (-0.335, -0.08, 0.3, 0.22, e.shade, 0.45), (0, 0.72, 0.25, 0.1, e.shade, 0.5)]
    if f["beard"] == "stubble":
        glows += [(x, 0.72, 0.55, 0.42, _mix(e.skin, DARK + 30, 0.6), 0.6) for x in (-0.35, 0.35)]
    e.layer(e.skin, glows, outline, depth=0.0)
    return outline


def _eyes(e):
    f, female = e.f, not e.f["male"]
    height = 0.075 + 0.035 * f["eye_size"] + 0.015 * female
    across, low = 0.165, 0.62 - 0.25 * max(0.0, f["smile"])

    def lids(x):
        u = 1 - ((x - 0.335) / across) ** 2
        slant = -0.12 * (x - 0.335) - 0.05
        return slant - height * u.clip(0) ** 0.8, slant + low * height * u.clip(0)

    x = 0.335 + ALMOND * across
    upper, lower = (np.stack([x, y], axis=1) for y in lids(x))
    eye = np.concatenate([upper, lower[::-1]])
    e.fill((240, 238, 240), *_both(eye))
    colour = np.array(EYES[f["eye_color"]], float)

    def inside(shape):
        return np.stack([shape[:, 0], shape[:, 1].clip(*lids(shape[:, 0]))], axis=1)

    e.fill(colour * 0.5, *_both(inside(_ellipse(0.33, -0.065, 0.098, 0.098))))
    e.fill(colour, *_both(inside(_ellipse(0.33, -0.065, 0.080, 0.080))))
    e.fill(_mix(colour, WHITE, 0.3), *_both(inside(_ellipse(0.33, -0.03, 0.055, 0.040))))
    e.fill(DARK * 0.6, *_both(inside(_ellipse(0.33, -0.065, 0.046, 0.046))))
    e.line((200, 190, 196), 0.018, *_both(upper + (0, 0.02)))
    glint = 0.03 * (1 if f["light"] > 0 else -1)
    e.fill(WHITE, *(inside(_ellipse(0.33, -0.095, 0.026, 0.026)) * (side, 1) + (glint, 0) for side in (1, -1)))
    e.line(_mix(e.ink, DARK, 0.5), 0.020, *_both(upper + (0.0, -0.085))) if False else None
    e.line(e.shade, 0.020, *_both(_curve(((0.19, -0.10 - height * .6), (0.335, -0.13 - height), (0.50, -0.11 - height * .6)))))
    e.line(e.ink if f["male"] else DARK, 0.028 if f["male"] else 0.045, *_both(upper))
    if female:
        e.fill(DARK, *_both(np.array(((0.44, -0.115), (0.565, -0.165), (0.50, -0.05)))))
    e.line(_mix(e.skin, e.ink, 0.35), 0.015, *_both(lower))
    if f["age"] > 0.65:
        e.line(_mix(e.skin, e.ink, 0.3), 0.018, *_both(_curve(((0.22, 0.09), (0.32, 0.12), (0.44, 0.09)))),
               *_both(_curve(((0.52, -0.08), (0.60, -0.12)))), *_both(_curve(((0.53, -0.03), (0.61, -0.02)))))


def _brows(e):
    f = e.f
    lift = -0.28 - 0.07 * f["brow_raise"]
    thick = 0.025 + 0.06 * f["brow_thickness"] + 0.02 * f["male"]
    arch = _curve(((0.13, lift + 0.03), (0.27, lift - 0.035), (0.42, lift - 0.05 - 0.02*f["brow_raise"]), (0.55, lift + 0.04)))
    taper = np.linspace(1, 0.15, len(arch))[:, None] * (0, thick)
    e.fill(_mix(e.hair * 0.72, e.ink, 0.35), *_both(np.concatenate([arch - taper * .5, (arch + taper * .5)[::-1]])))


def _nose(e):
    size = 0.85 + 0.5 * e.f["nose_size"] + 0.1 * e.f["male"]
    ink = _mix(e.skin, e.ink, 0.55)
    wings = np.array(((-0.13, 0.22), (-0.15, 0.28), (-0.09, 0.31), (-0.04, 0.315), (0, 0.335), (0.04, 0.315), (0.09, 0.31), (0.15, 0.28), (0.13, 0.22)))
    e.line(ink, 0.022, _curve(wings * (size, 1)), depth=1.35)
    e.fill(e.ink, *_both(_ellipse(0.065 * size, 0.298, 0.032 * size, 0.018)), depth=1.35)
    if e.f["age"] > 0.65:
        fold = _curve(((0.20, 0.27), (0.31, 0.38), (0.35, 0.52)))
        lines = [_curve(((-0.3, y), (0, y - 0.02), (0.3, y))) for y in (-0.46, -0.54)]
        e.line(_mix(e.skin, e.ink, 0.28), 0.018, *_both(fold), *lines)


def _mouth(e):
    f = e.f
    smile, gape = f["smile"], 0.19 * f["mouth_open"]
    u = ALMOND
    arc = 1 - u**2
    x = u * (0.25 + 0.05 * smile - 0.03 * f["mouth_open"])
    y = 0.535 + smile * 0.085 * (arc - 0.6) - 0.25 * gape
    full = 1.0 if not f["male"] else 0.7
    bow = arc ** 0.7 * (1 - 0.35 * np.exp(-((u / 0.18) ** 2)))
    top, bottom = y - 0.062 * full * bow, y + gape * arc ** 0.6
    lip = np.array((196.0, 30, 62)) if f["lipstick"] else _mix(e.skin * .88, (196, 78, 84), 0.42 if not f["male"] else 0.22)

    def band(above, below):
        return np.concatenate([np.stack([x, above], axis=1), np.stack([x, below], axis=1)[::-1]])

    e.fill(lip, band(y, bottom + 0.085 * full * arc ** 0.8))
    e.fill(_mix(lip, WHITE, 0.28), _ellipse(0.03 * f["light"], bottom[6] + 0.042 * full, 0.085, 0.018 * full))
    e.fill(lip * 0.86, band(top, y))
    if gape > 0.01:
        e.fill((92, 22, 30), band(y, bottom))
        e.fill((206, 92, 96), band(y + (bottom - y) * 0.72, bottom))
        e.fill(WHITE * 0.97, band(y + 0.008, y + 0.008 + (bottom - y) * 0.42)[2:-2])
    e.line(_mix(lip, DARK, 0.6), 0.018, np.stack([x, y], axis=1))
    corner = np.array(((x[-1] - 0.01, y[-1] - 0.03), (x[-1] + 0.02, y[-1] + 0.0), (x[-1] + 0.01, y[-1] + 0.035)))
    e.line(_mix(e.skin, e.ink, 0.25 + 0.3 * max(0.0, smile)), 0.018, *_both(_curve(corner)))


def _beard(e):
    kind = e.f["beard"]
    grow = 0.19 * e.f["mouth_open"] * 0.6
    hair = e.hair * 0.8
    glow = [(0.4 * e.f["light"], 0.6, 0.5, 0.5, _mix(e.hair, WHITE, 0.18), 0.8), (0, 0.95, 0.6, 0.25, hair * 0.7, 0.6)]
    if kind in ("mustache", "full"):
        e.layer(hair, glow, _symmetric(((0, 0.37), (0.16, 0.38), (0.34, 0.53), (0.33, 0.58), (0.15, 0.47), (0, 0.455))), opacity=0.93)
    if kind == "goatee":
        e.layer(hair, glow, _symmetric(((0, 0.70), (0.10, 0.69 + grow), (0.22, 0.76+grow), (0.17, 0.98), (0, 1.06))), depth=0.5, opacity=0.93)
    if kind == "full":
        half = ((0, 0.72 + grow), (0.2, 0.69 + grow), (0.33, 0.58), (0.42, 0.44), (0.62, 0.30), (0.76, 0.0), (0.79, 0.1), (0.72, 0.52), (0.58, 0.88), (0.30, 1.09), (0, 1.14))
        e.layer(hair, glow, _symmetric(half), depth=0.35, opacity=0.93)


def _hair(e):
    f, style = e.f, STYLES.get(e.f["hair_style"])
    if not style:
        return
    volume, side, end, *_, wave, count = style
    wide = 0.77 + 0.6 * volume
    line = HAIRLINES["high" if f["hair_style"] in ("buzz", "quiff") else f["hairline"]]
    outer = ((side, end), (wide, -0.2), (0.84 * wide, -0.60 - 0.3 * volume), (0.52 * wide, -0.91 - 0.85 * volume))
    outer = np.array([*outer, (0, -1 - volume)] + [(-x, y) for x, y in outer[::-1]])[::-1]
    inner = 0.73
    inner = np.array(((-inner, end), (-0.75, -0.22), *line, (0.75, -0.22), (inner, end)))
    outer, inner = _curve(outer), _curve(inner)
    outer = outer * (1 + wave * np.sin(np.arange(len(outer)) * count / 6)[:, None])
    depth = np.concatenate([np.zeros(len(outer)), np.full(len(inner), 0.9)])
    light = f["light"]
    shine, dark = _mix(e.hair, (255, 236, 214), 0.42), e.hair * 0.66
    glows = [(0, -0.35, 1.2, 0.35, dark, 0.5), (0.4 * light, -0.88, 0.6, 0.24, shine, 0.9), (0.9 * light, 0.2, 0.3, 0.7, shine, 0.4), (-0.9 * light, 0, 0.6, 1.1, dark, 0.8)]
    e.layer(e.hair, glows, np.concatenate([outer, inner[::-1]]), depth=depth)
    for part, colour in ((0.25, shine), (0.5, dark), (0.75, shine)):
        e.line(_mix(e.hair, colour, 0.45), 0.012, _mix(outer, inner, part)[3:-3], depth=0.9 * part)


def _glasses(e):
    kind = e.f["glasses"]
    if kind == "none":
        return
    if kind == "round":
        lens = _ellipse(0.335, -0.03, 0.265, 0.25)
    else:
        lens = _curve(((0.10, -0.22), (0.335, -0.24), (0.60, -0.23), (0.585, 0.0), (0.54, 0.16), (0.335, 0.19), (0.14, 0.15), (0.085, 0.0)), closed=True)
    colour = np.array((120.0, 72, 44) if kind == "round" else (36.0, 36, 44))
    e.line(colour, 0.045, *_both(lens), depth=1.1, closed=True)
    e.line(colour, 0.045, _curve(((-0.085, -0.06), (0, -0.10), (0.085, -0.06))), depth=1.15)
    e.line(colour, 0.035, *_both(np.array(((0.60, -0.08), (0.80, -0.06)))), depth=0.8)
    e.line(WHITE, 0.022, *(np.array(((0.25, -0.15), (0.17, -0.02))) + (x, 0) for x in (0, -0.67)), depth=1.1)


def _hat(e):
    kind, light = e.f["hat"], e.f["light"]
    if kind == "none":
        return
    crown = ((0.93, -0.42), (0.93, -0.75), (0.72, -1.18), (0.35, -1.38))
    glows = [(0.4 * light, -1.0, 0.6, 0.5, _mix(e.cloth, WHITE, 0.4), 0.9), (-0.8 * light, -0.8, 0.6, 0.8, e.cloth * 0.6, 0.8)]
    e.layer(e.cloth, glows, _symmetric(((0, -1.42), *crown[::-1], (0, -0.56))), depth=0)
    if kind == "beanie":
        band = _symmetric(((0, -0.80), (0.6, -0.76), (0.98, -0.66), (0.97, -0.40), (0.6, -0.47), (0, -0.52)))
        e.layer(e.cloth * 0.8, [(0.4*light, -0.6, 0.6, 0.3, e.cloth, 0.9)], band, depth=0.4)
    else:
        brim = _symmetric(((0, -0.70), (0.6, -0.66), (0.98, -0.44), (0.6, -0.42), (0, -0.46)))
        e.layer(e.cloth * 0.62, [(0.4*light, -0.6, 0.6, 0.2, e.cloth, 0.7)], brim, depth=0.9)


STEPS = (_background, _hair_behind, _body, _head, _nose, _beard, _mouth, _eyes, _brows, _hair, _glasses, _hat)


def draw(factors, size=64):
    f = {name: values[0] if len(values) != 2 or isinstance(values[0], bool) else sum(values) / 2 for name, values in FACTORS.items()}
    f.update(factors)
    easel = _Easel(f, size)
    for step in STEPS:
        step(easel)
    return cv2.resize(easel.canvas, (size, size), interpolation=cv2.INTER_AREA)


def draw_faces(factors, size=64):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(functools.partial(draw, size=size), factors.to_dict("records"))))


def sample_factors(count, seed=0):
    uniform = np.random.default_rng(seed).random((count, len(FACTORS)))
    table = {}
    for u, (name, values) in zip(uniform.T, FACTORS.items()):
        if isinstance(values[0], float):
            table[name] = (values[0] + (values[1] - values[0]) * u).round(4)
            continue
        odds = np.array(ODDS.get(name, np.ones((2, len(values)))), float)
        limits = (odds.cumsum(1) / odds.sum(1, keepdims=True))[np.asarray(table.get("male", np.zeros(count)), int)]
        table[name] = np.array(values)[(u[:, None] >= limits[:, :-1]).sum(1)]
    table = pandas.DataFrame(table)
    table["mouth_open"] = (2 * table["mouth_open"] - 1).clip(0, 1).round(4)
    table.loc[table["age"] > 0.82, "hair_color"] = "gray"
    return table


def attributes(factors):
    return pandas.DataFrame({name: factors.eval(condition, engine="python") for name, condition in ATTRIBUTES.items()}).astype("int8")
