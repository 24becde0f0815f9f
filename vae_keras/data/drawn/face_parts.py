"""How a face is drawn from its factors: the shapes and colours of its parts, from back to front.

Lengths and colours are those of `canvas`. Each function draws one part of all faces; `PARTS` has their order.
"""

import numpy as np

from vae_keras.data.drawn.canvas import (
    BODY,
    MIRROR,
    Canvas,
    curve,
    ellipse,
    hue,
    mix,
    numbers,
    symmetric_outline,
    xy,
)

# Red, green, blue: skin from pale to dark, hair, eyes and paints.
SKIN = numbers("255 228 210  248 208 178  232 180 142  198 140 100  150 98 68  104 68 50", 3)
HAIR = numbers("112 70 44  48 40 44  232 190 108  182 84 40  186 186 194", 3)
HAIR = dict(zip(("brown", "black", "blond", "red", "gray"), HAIR, strict=True))
EYES = numbers("118 70 36  156 112 48  74 142 80  58 128 204  118 134 150", 3)
EYES = dict(zip(("brown", "hazel", "green", "blue", "gray"), EYES, strict=True))
WHITE, DARK, INK, BROWN = numbers("255 252 246  42 28 30  36 36 44  124 74 44", 3)
HATS = {"beanie": numbers("178 62 66", 3)[0], "cap": numbers("52 82 138", 3)[0]}
ROSE, LIPSTICK, GOLD, TONGUE, GAPE = numbers("232 92 96  200 30 62  250 214 110  208 92 96  92 22 30", 3)
# Volume over the head; where the hair ends beside the face (x, y); half width and length of the hair behind the
# head (0: none); depth and number of waves.
STYLES = {
    "bald": (0, 0.80, 0, 1, 0, 0, 0),
    "buzz": (0.06, 0.79, -0.02, 1, 0, 0, 0),
    "short": (0.16, 0.82, 0.10, 1, 0, 0, 0),
    "quiff": (0.27, 0.81, 0.06, 1, 0, 0, 0),
    "curly": (0.26, 1.02, 0.22, 1.06, 0.40, 0.03, 9),
    "bob": (0.19, 1.02, 0.74, 1.00, 0.76, 0, 0),
    "long": (0.17, 1.04, 1.25, 1.06, 1.75, 0, 0),
    "wavy": (0.22, 1.10, 1.25, 1.14, 1.75, 0.03, 7),
    "bun": (0.14, 0.80, 0.02, 1, 0, 0, 0),
}
# Where the hair begins, from the left temple to the right one.
HAIRLINES = {
    "high": "-.72 -.46  -.45 -.66  0 -.70  .45 -.66  .72 -.46",
    "left": "-.72 -.46  -.44 -.76  0 -.60  .45 -.46  .74 -.26",
    "right": "-.74 -.26  -.45 -.46  0 -.60  .44 -.76  .72 -.46",
    "middle": "-.74 -.24  -.48 -.52  0 -.84  .48 -.52  .74 -.24",
    "bangs": "-.76 -.30  -.46 -.36  0 -.385  .46 -.36  .76 -.30",
}
HAIRLINES = {name: numbers(points) for name, points in HAIRLINES.items()}
# Control points of curves, and the right halves of closed outlines, from top to bottom.
CURVES = {
    "ear": ".80 -.08  .84 0  .80 .10",
    "collar": "-.46 1.13  -.27 1.34  0 1.42  .27 1.34  .46 1.13",
    "brow": ".12 0  .27 -.045  .42 -.055  .56 .015",
    "nose": "-.13 .22  -.15 .28  -.09 .31  -.04 .315  0 .335  .04 .315  .09 .31  .15 .28  .13 .22",
    "fold": ".20 .27  .31 .38  .36 .54",
    "wrinkle": "-.3 -.44  0 -.465  .3 -.44",
    "corner": "-.01 -.03  .02 0  .01 .035",
    "bridge": "-.08 -.07  0 -.11  .08 -.07",
}
OUTLINES = {
    "head": "0 -1  .45 -.90  .72 -.52  .77 -.05  .69 .40  .45 .76  .18 .96  0 1",
    "jaw": "0 -1  .45 -.90  .73 -.52  .78 -.05  .75 .40  .62 .78  .32 .98  0 1.02",
    "neck": ".33 .5  .33 .95  .42 1.15  .64 1.3  .5 1.8",
    "shirt": "0 1.42  .27 1.34  .46 1.13  1.0 1.25  1.35 1.42  1.6 1.95  0 2",
    "mustache": "0 .375  .16 .385  .35 .53  .34 .59  .15 .485  0 .47",
    "goatee": "0 .66  .12 .66  .23 .78  .17 .99  0 1.07",
    "full": "0 .375  .18 .385  .36 .46  .56 .40  .70 .22  .76 -.02  .80 .08  .75 .5  .6 .88  .32 1.09  0 1.14",
    "crown": "0 -1.40  .35 -1.36  .72 -1.16  .93 -.75  .92 -.42  0 -.56",
    "beanie": "0 -.78  .6 -.74  .97 -.64  .96 -.38  .6 -.47  0 -.53",
    "cap": "0 -.66  .45 -.64  .80 -.52  .90 -.34  .45 -.36  0 -.38",
}
LENS = curve(
    numbers(".335 -.26  .585 -.245  .615 -.04  .55 .17  .335 .20  .135 .16  .075 -.04  .10 -.24"), True
)
CURVES = {name: curve(numbers(points)) for name, points in CURVES.items()}
OUTLINES = {name: symmetric_outline(numbers(half)) for name, half in OUTLINES.items()}
LASHES = numbers(".44 -.115  .495 -.16  .49 -.075  .545 -.12").reshape(2, 2, 2)
TEMPLE, GLARE = numbers(".60 -.09  .80 -.07  .25 -.17  .17 -.03").reshape(2, 2, 2)
ALMOND = np.linspace(-1, 1, 13)


class FaceCanvas(Canvas):
    """A canvas with the colours and the hair style of each face."""

    def __init__(self, factors):
        super().__init__(factors)
        factors = self.factors
        tones = np.linspace(0, 1, len(SKIN))
        skin = [np.interp(factors["skin"][:, 0], tones, channel) for channel in SKIN.T]
        self.skin = np.stack(skin, axis=1)
        self.shade = self.skin * (0.78, 0.66, 0.64)  # skin that lies in the dark
        self.ink = self.skin * (0.50, 0.36, 0.34)  # strong lines
        self.hair = np.array([HAIR[name] for name in factors["hair_color"][:, 0]])
        self.cloth = hue(factors["clothes"], 0.55, 0.72)
        style = np.array([STYLES[name] for name in factors["hair_style"][:, 0]], float)
        self.style = style.T[:, :, None]


def draw_background(canvas):
    """Draw the wall behind the head, lit from one side."""
    factors = canvas.factors
    light = factors["light"]
    colour = hue(factors["background"], 0.28, 0.45 + 0.5 * factors["brightness"])
    glows = [
        (1.2 * light, -0.9, 2.4, 2.2, WHITE, 0.4),
        (-1.4 * light, 1.2, 2.2, 2.4, colour * 0.5, 0.5),
    ]
    canvas.fill(colour, ellipse(0, 0, 4, 4), depth=BODY, glows=glows)


def draw_hair_behind(canvas):
    """Draw the bun, and the hair that falls behind the head."""
    light = canvas.factors["light"]
    volume, _, _, width, length, wave, count = canvas.style
    bun = canvas.factors["hair_style"] == "bun"
    glows = [(0.15 * light, -1.3, 0.3, 0.25, mix(canvas.hair, WHITE, 0.5), 0.6)]
    canvas.fill(canvas.hair * 0.85, ellipse(0, -1.17, 0.34, 0.29), depth=0, glows=glows, where=bun)
    x = canvas.spread(0, 0.5, 0.77 + 0.6 * volume, width, width + 0.02, 0.88 * width, 0.45 * width)
    y = canvas.spread(-1 - volume, -0.93 * (1 + volume), -0.5, 0.2, 0.6 * length, length, length + 0.06)
    outline = _wavy(symmetric_outline(xy(x, y), 10), wave, count)
    dark = canvas.hair * 0.66
    glows = [
        (1.1 * light, 0.4, 0.6, 1.2, canvas.hair, 0.7),
        (0, 0.8, 0.7, 0.8, dark * 0.6, 0.6),
    ]
    canvas.fill(dark, outline, depth=0, glows=glows, where=length > 0)


def _wavy(shape, wave, count):
    """Return an outline with so many waves of that depth."""
    waves = np.sin(np.linspace(0, 2 * np.pi, shape.shape[1]) * count)
    return shape * (1 + wave * waves)[..., None]


def draw_body(canvas):
    """Draw the neck and the shirt."""
    light = canvas.factors["light"]
    broad = xy(0.95 + 0.2 * canvas.factors["male"], 1)
    glows = [
        (0, 0.85, 0.8, 0.5, canvas.shade * 0.86, 0.8),
        (-0.4 * light, 1.1, 0.4, 0.6, canvas.shade, abs(light)),
    ]
    canvas.fill(canvas.skin, OUTLINES["neck"] * broad, depth=BODY, glows=glows)
    glows = [
        (0.9 * light, 1.3, 1.0, 0.7, WHITE, 0.3),
        (-light, 1.6, 1.1, 0.8, canvas.cloth * 0.5, 0.6),
    ]
    canvas.fill(canvas.cloth, OUTLINES["shirt"] * broad, depth=BODY, glows=glows)
    canvas.fill(canvas.cloth * 0.75, CURVES["collar"] * broad, depth=BODY, line=0.05)


def draw_head(canvas):
    """Draw ears and head, with light, cheeks and stubble."""
    factors = canvas.factors
    light = factors["light"]
    skin, shade = canvas.skin, canvas.shade
    rose, bright, stubble = mix(skin, ROSE, 0.5), mix(skin, WHITE, 0.5), mix(skin, INK, 0.5)
    outline = mix(OUTLINES["head"], OUTLINES["jaw"], (factors["jaw"] + factors["male"])[..., None] / 2)
    outline = outline + xy(outline[..., 1].clip(0) * 0.08 * factors["yaw"], 0)
    glows = [
        (0.45 * light, -0.25, 0.9, 1.1, bright, 0.6),
        (0, 1.15, 0.9, 0.4, shade, 0.6),
        (-0.85 * light, 0.15, 0.75, 1.4, shade, 0.1 + 0.6 * abs(light)),
        (0.03 * light, 0.13, 0.11, 0.28, bright, 0.7),
        (0, 0.72, 0.25, 0.1, shade, 0.5),
    ]
    for side in (-1, 1):
        ear = ellipse(0.77 * side, 0.02, 0.12, 0.21)
        canvas.fill(mix(skin, shade, 0.45 - 0.3 * side * light), ear, depth=-0.3)
        glows += [
            (0.46 * side, 0.30, 0.30, 0.26, rose, 0.1 + 0.6 * factors["blush"]),
            (0.14 * side, 0.16, 0.15, 0.32, shade, 0.25 - 0.2 * side * light),
            (0.335 * side, -0.08, 0.32, 0.24, shade, 0.4),
            (0.3 * side, 0.75, 0.55, 0.48, stubble, 0.5 * (factors["beard"] == "stubble")),
        ]
    canvas.fill(shade, CURVES["ear"], depth=-0.3, both=True, line=0.03)
    canvas.fill(skin, outline, depth=0, glows=glows)


def draw_eyes(canvas):
    """Draw the eyes with their lids and lashes, and the wrinkles of age."""
    factors = canvas.factors
    male = factors["male"]
    height = 0.10 + 0.045 * factors["eye_size"] - 0.015 * male
    low = 0.65 - 0.25 * factors["smile"].clip(0)

    def lids(x):
        """Return the height of the upper and of the lower lid at x."""
        gap = (1 - ((x - 0.335) / 0.18) ** 2).clip(0)
        slant = -0.06 * (x - 0.335) - 0.05
        return slant - height * gap**0.8, slant + low * height * gap

    def between_lids(y, width, height):
        """Return an ellipse, cut off by the lids."""
        x, y = np.moveaxis(ellipse(0.33, y, width, height), -1, 0)
        return xy(x, np.clip(y, *lids(x)))

    upper, lower = (xy(0.335 + 0.18 * ALMOND, y) for y in lids(0.335 + 0.18 * ALMOND))
    canvas.fill((242, 240, 242), np.concatenate([upper, lower[:, ::-1]], axis=1), both=True)
    canvas.fill((204, 194, 200), upper + (0, 0.02), both=True, line=0.02)
    iris = np.array([EYES[name] for name in factors["eye_color"][:, 0]])
    canvas.fill(iris * 0.5, between_lids(-0.06, 0.108, 0.108), both=True)
    canvas.fill(iris, between_lids(-0.06, 0.088, 0.088), both=True)
    canvas.fill(mix(iris, WHITE, 0.35), between_lids(-0.02, 0.06, 0.042), both=True)
    canvas.fill(DARK * 0.6, between_lids(-0.06, 0.05, 0.05), both=True)
    glint = between_lids(-0.095, 0.03, 0.03)
    aside = xy(0.035 * factors["light"], 0)
    canvas.fill(WHITE, glint + aside, glint * MIRROR + aside)
    canvas.fill(canvas.ink, upper, both=True, line=0.03, where=male)
    canvas.fill(mix(canvas.ink, DARK, 0.8), upper, both=True, line=0.045, where=~male)
    canvas.fill(DARK, *LASHES, both=True, line=0.025, where=~male)
    old = factors["age"] > 0.4
    line = mix(canvas.skin, canvas.ink, 0.8 * (factors["age"] - 0.4).clip(0))
    canvas.fill(line, CURVES["fold"], both=True, line=0.03, where=old)
    canvas.fill(line, CURVES["wrinkle"], line=0.03, where=old)


def draw_brows_and_nose(canvas):
    """Draw the eyebrows, the tip of the nose and the nostrils."""
    factors = canvas.factors
    raised = factors["brow_raise"]
    brow = CURVES["brow"] * xy(1, 1 + 0.5 * raised) - xy(0, 0.30 + 0.05 * raised)
    thick = 0.025 + 0.06 * factors["brow_thickness"] + 0.02 * factors["male"]
    taper = xy(0, thick * np.linspace(0.5, 0.1, brow.shape[1]))
    brow = np.concatenate([brow - taper, (brow + taper)[:, ::-1]], axis=1)
    canvas.fill(mix(canvas.hair * 0.72, canvas.ink, 0.35), brow, both=True)
    size = 0.85 + 0.5 * factors["nose_size"] + 0.1 * factors["male"]
    canvas.fill(mix(canvas.skin, canvas.ink, 0.5), CURVES["nose"] * xy(size, 1), depth=1.35, line=0.022)
    canvas.fill(canvas.ink, ellipse(0.065 * size, 0.298, 0.032 * size, 0.018), depth=1.35, both=True)


def draw_beard(canvas):
    """Draw mustache, goatee or full beard."""
    lit = mix(canvas.hair, WHITE, 0.18)
    dim = canvas.hair * 0.55
    glows = [
        (0.4 * canvas.factors["light"], 0.6, 0.5, 0.5, lit, 0.7),
        (0, 0.98, 0.6, 0.25, dim, 0.6),
    ]
    for name in ("mustache", "goatee", "full"):
        where = canvas.factors["beard"] == name
        canvas.fill(canvas.hair * 0.8, OUTLINES[name], depth=0.4, glows=glows, where=where)


def draw_mouth(canvas):
    """Draw the lips and, where the mouth is open, teeth and tongue."""
    factors = canvas.factors
    male, smile = factors["male"], factors["smile"]
    full = 1 - 0.3 * male  # fullness of the lips
    gape = 0.20 * factors["mouth_open"]
    arc = 1 - ALMOND**2
    x = ALMOND * (0.26 + 0.05 * smile - 0.03 * factors["mouth_open"])
    y = 0.54 + (0.03 + 0.11 * smile) * (arc - 0.6) - 0.25 * gape
    bottom = y + gape * arc**0.6
    bow = arc**0.7 * (1 - 0.35 * (1 - (ALMOND / 0.35) ** 2).clip(0))
    bare = mix(canvas.skin * 0.88, ROSE * 0.85, 0.42 - 0.17 * male)
    lip = np.where(factors["lipstick"], LIPSTICK, bare)

    def fill_between(colour, above, below, where=True):
        """Fill what lies between two lines of the mouth."""
        outline = np.concatenate([xy(x, above), xy(x, below)[:, ::-1]], axis=1)
        canvas.fill(colour, outline, where=where)

    fill_between(lip, y, bottom + 0.088 * full * arc**0.8)
    fill_between(lip * 0.86, y - 0.064 * full * bow, y)
    fill_between(GAPE, y, bottom, where=gape > 0)
    fill_between(TONGUE, mix(y, bottom, 0.72), bottom, where=gape > 0)
    fill_between(WHITE, y, mix(y, bottom, 0.45), where=gape > 0)
    shine = ellipse(0.03 * factors["light"], bottom[:, 6:7] + 0.044 * full, 0.085, 0.018 * full)
    canvas.fill(mix(lip, WHITE, 0.28), shine)
    canvas.fill(mix(lip, DARK, 0.6), xy(x, y), line=0.03)
    corner = CURVES["corner"] + xy(x[:, -1:], y[:, -1:])
    canvas.fill(mix(canvas.skin, canvas.ink, 0.25 + 0.3 * smile.clip(0)), corner, both=True, line=0.03)


def draw_hair(canvas):
    """Draw the hair on the head."""
    factors = canvas.factors
    light = factors["light"]
    volume, side, end, _, _, wave, count = canvas.style
    wide = 0.77 + 0.6 * volume
    tip = (side + 0.74) / 2
    y = canvas.spread(-0.91 - 0.85 * volume, -0.56 - 0.25 * volume, -0.15, end - 0.13, end)
    right = xy(canvas.spread(0.52 * wide, 0.88 * wide, wide, side, tip), y)
    outer = curve(np.concatenate([right[:, ::-1] * MIRROR, xy(0, -1 - volume), right], axis=1), steps=12)
    outer = _wavy(outer, wave, count)
    hairline = np.where(np.isin(factors["hair_style"], ["buzz", "quiff"]), "high", factors["hairline"])
    line = np.array([HAIRLINES[name] for name in hairline[:, 0]])
    right = xy(canvas.spread(0.75, 0.74, tip), canvas.spread(-0.1, end - 0.12, end))
    inner = curve(np.concatenate([right[:, ::-1] * MIRROR, line, right], axis=1), steps=12)
    has_hair = factors["hair_style"] != "bald"
    shine = mix(canvas.hair, WHITE, 0.4)
    dark = canvas.hair * 0.66
    glows = [
        (0, -0.35, 1.2, 0.35, dark, 0.5),
        (0.4 * light, -0.88, 0.6, 0.24, shine, 0.9),
        (0.9 * light, 0.2, 0.3, 0.7, shine, 0.4),
        (-0.9 * light, 0, 0.6, 1.1, dark, 0.7),
    ]
    canvas.fill(canvas.hair, outer, inner[:, ::-1], depth=(0, 0.9), glows=glows, where=has_hair)


def draw_extras(canvas):
    """Draw glasses, earrings and hat."""
    factors = canvas.factors
    light = factors["light"]
    for name, lens, colour in (("round", ellipse(0.345, -0.04, 0.265, 0.25), BROWN), ("square", LENS, INK)):
        where = factors["glasses"] == name
        canvas.fill(colour, lens, depth=1.1, both=True, closed=True, line=0.045, where=where)
        canvas.fill(colour, CURVES["bridge"], depth=1.15, line=0.045, where=where)
        canvas.fill(colour, TEMPLE, depth=0.8, both=True, line=0.035, where=where)
    where = factors["glasses"] != "none"
    canvas.fill(WHITE, GLARE, GLARE - (0.68, 0), depth=1.1, line=0.02, where=where)
    canvas.fill(GOLD, ellipse(0.80, 0.31, 0.06, 0.07), depth=-0.3, both=True, where=factors["earrings"])
    for name, shade, depth in (("beanie", 0.8, 0.4), ("cap", 0.6, 0.9)):
        where = factors["hat"] == name
        colour = mix(HATS[name], canvas.cloth, 0.2)
        glows = [
            (0.4 * light, -1, 0.6, 0.5, mix(colour, WHITE, 0.4), 0.9),
            (-0.8 * light, -0.8, 0.6, 0.8, colour * 0.6, 0.8 * abs(light)),
        ]
        canvas.fill(colour, OUTLINES["crown"], depth=0, glows=glows, where=where)
        glows = [(0.4 * light, -0.6, 0.6, 0.3, colour, 0.9)]
        canvas.fill(colour * shade, OUTLINES[name], depth=depth, glows=glows, where=where)


PARTS = (
    draw_background,
    draw_hair_behind,
    draw_body,
    draw_head,
    draw_beard,
    draw_mouth,
    draw_eyes,
    draw_brows_and_nose,
    draw_hair,
    draw_extras,
)


def draw_parts(factors: dict[str, np.ndarray], size: int) -> np.ndarray:
    """Draw faces.

    Args:
        factors: Arrays (n,) of all factors, by name.
        size: Pixels a side.

    Returns:
        The faces, uint8 (n, size, size, 3) RGB.
    """
    canvas = FaceCanvas(factors)
    for draw in PARTS:
        draw(canvas)
    return canvas.paint(size)
