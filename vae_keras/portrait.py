"""How a face is drawn from its factors: the shapes and colours of its parts, from back to front."""

import numpy as np

from vae_keras.easel import BODY, MIRROR, Easel, curve, ellipse, hue, mix, numbers, whole, xy

# Red, green, blue: skin from pale to dark, hair, eyes and paints.
SKIN = numbers("255 228 210  248 208 178  232 180 142  198 140 100  150 98 68  104 68 50", 3)
HAIR = numbers("112 70 44  48 40 44  232 190 108  182 84 40  186 186 194", 3)
HAIR = dict(zip(("brown", "black", "blond", "red", "gray"), HAIR, strict=True))
EYES = numbers("118 70 36  156 112 48  74 142 80  58 128 204  118 134 150", 3)
EYES = dict(zip(("brown", "hazel", "green", "blue", "gray"), EYES, strict=True))
WHITE, DARK, INK, BROWN = numbers("255 252 246  42 28 30  36 36 44  124 74 44", 3)
ROSE, LIPSTICK, GOLD, TONGUE, GAPE = numbers("232 92 96  200 30 62  250 214 110  208 92 96  92 22 30", 3)
# Volume over the head; where the hair ends beside the face (x, y); half width and length of the hair behind the
# head (0: none); depth and number of waves.
STYLES = {
    "bald": (0, 0.80, 0, 1, 0, 0, 0),
    "buzz": (0.06, 0.79, -0.02, 1, 0, 0, 0),
    "short": (0.16, 0.82, 0.10, 1, 0, 0.012, 21),
    "quiff": (0.27, 0.81, 0.06, 1, 0, 0.012, 15),
    "curly": (0.26, 1.02, 0.22, 1.06, 0.40, 0.045, 17),
    "bob": (0.19, 1.02, 0.74, 1.00, 0.76, 0, 0),
    "long": (0.17, 1.04, 1.25, 1.06, 1.75, 0, 0),
    "wavy": (0.22, 1.12, 1.25, 1.16, 1.75, 0.035, 11),
    "bun": (0.14, 0.80, 0.02, 1, 0, 0, 0),
}
# Where the hair begins, from the left temple to the right one; the point of the parting.
HAIRLINES = {
    "high": (numbers("-.72 -.46  -.45 -.66  0 -.70  .45 -.66  .72 -.46"), 0),
    "left": (numbers("-.72 -.46  -.44 -.76  0 -.60  .45 -.46  .74 -.26"), 4),
    "right": (numbers("-.74 -.26  -.45 -.46  0 -.60  .44 -.76  .72 -.46"), 6),
    "middle": (numbers("-.74 -.24  -.48 -.52  0 -.84  .48 -.52  .74 -.24"), 5),
    "bangs": (numbers("-.76 -.30  -.46 -.36  0 -.385  .46 -.36  .76 -.30"), 0),
}
# Control points of curves, and the right halves of closed outlines, from top to bottom.
CURVES = {
    "ear": ".80 -.08  .84 0  .80 .10",
    "collar": "-.46 1.13  -.27 1.34  0 1.42  .27 1.34  .46 1.13",
    "crease": ".17 -.13  .335 -.215  .52 -.145",
    "brow": ".12 0  .27 -.045  .42 -.055  .56 .015",
    "nose": "-.13 .22  -.15 .28  -.09 .31  -.04 .315  0 .335  .04 .315  .09 .31  .15 .28  .13 .22",
    "fold": ".20 .27  .31 .38  .36 .54",
    "bag": ".20 .10  .32 .13  .45 .10",
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
OUTLINES = {name: whole(numbers(half)) for name, half in OUTLINES.items()}
LASHES = numbers(".44 -.115  .495 -.16  .49 -.075  .545 -.12").reshape(2, 2, 2)
FEET = numbers(".55 -.10  .64 -.14  .55 -.04  .64 -.03").reshape(2, 2, 2)
TEMPLE, GLARE = numbers(".60 -.09  .80 -.07  .25 -.17  .17 -.03").reshape(2, 2, 2)
ALMOND = np.linspace(-1, 1, 13)


def _colours(e):
    f, tones = e.f, np.linspace(0, 1, len(SKIN))
    e.skin = np.stack([np.interp(f["skin"][:, 0], tones, channel) for channel in SKIN.T], axis=1)
    e.shade, e.ink = e.skin * (0.78, 0.66, 0.64), e.skin * (0.50, 0.36, 0.34)
    e.faint = mix(e.skin, e.ink, 0.32)
    e.hair = np.array([HAIR[name] for name in f["hair_color"][:, 0]])
    e.cloth = hue(f["clothes"], 0.55, 0.72)
    e.style = np.array([STYLES[name] for name in f["hair_style"][:, 0]], float).T[:, :, None]


def _background(e):
    light, colour = e.f["light"], hue(e.f["background"], 0.28, 0.45 + 0.5 * e.f["brightness"])
    glows = [(1.2 * light, -0.9, 2.4, 2.2, WHITE, 0.4), (-1.4 * light, 1.2, 2.2, 2.4, colour * 0.5, 0.5)]
    e.fill(colour, ellipse(0, 0, 4, 4), depth=BODY, glows=glows)


def _hair_behind(e):
    light, dark, (volume, _, _, width, length, wave, count) = e.f["light"], e.hair * 0.66, e.style
    bun, glows = e.f["hair_style"] == "bun", [(0.15 * light, -1.3, 0.3, 0.25, mix(e.hair, WHITE, 0.5), 0.6)]
    e.fill(e.hair * 0.85, ellipse(0, -1.17, 0.34, 0.29), depth=0, glows=glows, where=bun)
    x = e.spread(0, 0.5, 0.77 + 0.6 * volume, width, width + 0.02, 0.88 * width, 0.45 * width)
    y = e.spread(-1 - volume, -0.93 * (1 + volume), -0.5, 0.2, 0.6 * length, length, length + 0.06)
    outline = _wavy(whole(xy(x, y), 10), wave, count)
    glows = [(1.1 * light, 0.4, 0.6, 1.2, e.hair, 0.7), (0, 0.8, 0.7, 0.8, dark * 0.6, 0.6)]
    e.fill(dark, outline, depth=0, glows=glows, where=length > 0)


def _wavy(shape, wave, count):
    return shape * (1 + wave * np.sin(np.linspace(0, 2 * np.pi, shape.shape[1]) * count))[..., None]


def _body(e):
    light, broad = e.f["light"], xy(0.95 + 0.2 * e.f["male"], 1)
    glows = [(0, 0.85, 0.8, 0.5, e.shade * 0.86, 0.8), (-0.4 * light, 1.1, 0.4, 0.6, e.shade, abs(light))]
    e.fill(e.skin, OUTLINES["neck"] * broad, depth=BODY, glows=glows)
    glows = [(0.9 * light, 1.3, 1.0, 0.7, WHITE, 0.3), (-light, 1.6, 1.1, 0.8, e.cloth * 0.5, 0.6)]
    e.fill(e.cloth, OUTLINES["shirt"] * broad, depth=BODY, glows=glows)
    e.fill(e.cloth * 0.75, CURVES["collar"] * broad, depth=BODY, line=0.05)


def _head(e):
    f, light, rose, bright = e.f, e.f["light"], mix(e.skin, ROSE, 0.5), mix(e.skin, WHITE, 0.5)
    outline = mix(OUTLINES["head"], OUTLINES["jaw"], (f["jaw"] + f["male"])[..., None] / 2)
    outline = outline + xy(outline[..., 1].clip(0) * 0.08 * f["yaw"], 0)
    glows = [(0.45 * light, -0.25, 0.9, 1.1, bright, 0.6), (0, 1.15, 0.9, 0.4, e.shade, 0.6)]
    glows += [(-0.85 * light, 0.15, 0.75, 1.4, e.shade, 0.1 + 0.6 * abs(light))]
    glows += [(0.03 * light, 0.13, 0.11, 0.28, bright, 0.7), (0, 0.72, 0.25, 0.1, e.shade, 0.5)]
    for side in (-1, 1):
        ear = ellipse(0.77 * side, 0.02, 0.12, 0.21)
        e.fill(mix(e.skin, e.shade, 0.45 - 0.3 * side * light), ear, depth=-0.3)
        glows += [(0.46 * side, 0.30, 0.30, 0.26, rose, 0.1 + 0.6 * f["blush"])]
        glows += [(0.14 * side, 0.16, 0.15, 0.32, e.shade, 0.25 - 0.2 * side * light)]
        glows += [(0.335 * side, -0.08, 0.32, 0.24, e.shade, 0.4)]
        glows += [(0.3 * side, 0.75, 0.55, 0.48, mix(e.skin, INK, 0.5), 0.5 * (f["beard"] == "stubble"))]
    e.fill(e.shade, CURVES["ear"], depth=-0.3, both=True, line=0.03)
    e.fill(e.skin, outline, depth=0, glows=glows)


def _eyes(e):
    f, male, old = e.f, e.f["male"], {"both": True, "line": 0.018, "where": e.f["age"] > 0.4}
    height, low = 0.10 + 0.045 * f["eye_size"] - 0.015 * male, 0.65 - 0.25 * f["smile"].clip(0)

    def lids(x):
        gap, slant = (1 - ((x - 0.335) / 0.18) ** 2).clip(0), -0.06 * (x - 0.335) - 0.05
        return slant - height * gap**0.8, slant + low * height * gap

    def inside(y, width, height):
        x, y = np.moveaxis(ellipse(0.33, y, width, height), -1, 0)
        return xy(x, np.clip(y, *lids(x)))

    upper, lower = (xy(0.335 + 0.18 * ALMOND, y) for y in lids(0.335 + 0.18 * ALMOND))
    iris = np.array([EYES[name] for name in f["eye_color"][:, 0]])
    e.fill((242, 240, 242), np.concatenate([upper, lower[:, ::-1]], axis=1), both=True)
    e.fill((204, 194, 200), upper + (0, 0.02), both=True, line=0.02)
    for colour, y, width, tall in (
        (iris * 0.5, -0.06, 0.108, 0.108),
        (iris, -0.06, 0.088, 0.088),
        (mix(iris, WHITE, 0.35), -0.02, 0.06, 0.042),
        (DARK * 0.6, -0.06, 0.05, 0.05),
    ):
        e.fill(colour, inside(y, width, tall), both=True)
    glint, aside = inside(-0.095, 0.03, 0.03), xy(0.035 * f["light"], 0)
    e.fill(WHITE, glint + aside, glint * MIRROR + aside)
    e.fill(e.faint, CURVES["crease"] - xy(0, height - 0.1), both=True, line=0.018)
    e.fill(e.faint, lower, both=True, line=0.015)
    e.fill(e.ink, upper, both=True, line=0.03, where=male)
    e.fill(mix(e.ink, DARK, 0.8), upper, both=True, line=0.045, where=~male)
    e.fill(DARK, *LASHES, both=True, line=0.025, where=~male)
    line = mix(e.skin, e.ink, 0.8 * (f["age"] - 0.4).clip(0))
    e.fill(line, CURVES["bag"], CURVES["fold"], *FEET, **old)
    e.fill(line, CURVES["wrinkle"], CURVES["wrinkle"] - (0, 0.08), **(old | {"both": False}))


def _brows_and_nose(e):
    f, size = e.f, 0.85 + 0.5 * e.f["nose_size"] + 0.1 * e.f["male"]
    brow = CURVES["brow"] * xy(1, 1 + 0.5 * f["brow_raise"]) - xy(0, 0.30 + 0.05 * f["brow_raise"])
    thick = 0.025 + 0.06 * f["brow_thickness"] + 0.02 * f["male"]
    taper = xy(0, thick * np.linspace(0.5, 0.1, brow.shape[1]))
    brow = np.concatenate([brow - taper, (brow + taper)[:, ::-1]], axis=1)
    e.fill(mix(e.hair * 0.72, e.ink, 0.35), brow, both=True)
    e.fill(mix(e.skin, e.ink, 0.5), CURVES["nose"] * xy(size, 1), depth=1.35, line=0.022)
    e.fill(e.ink, ellipse(0.065 * size, 0.298, 0.032 * size, 0.018), depth=1.35, both=True)


def _beard(e):
    lit, dim = mix(e.hair, WHITE, 0.18), e.hair * 0.55
    glows = [(0.4 * e.f["light"], 0.6, 0.5, 0.5, lit, 0.7), (0, 0.98, 0.6, 0.25, dim, 0.6)]
    for name in ("mustache", "goatee", "full"):
        e.fill(e.hair * 0.8, OUTLINES[name], depth=0.4, glows=glows, where=e.f["beard"] == name)


def _mouth(e):
    f, smile, full = e.f, e.f["smile"], 1 - 0.3 * e.f["male"]
    gape, arc = 0.20 * f["mouth_open"], 1 - ALMOND**2
    x = ALMOND * (0.26 + 0.05 * smile - 0.03 * f["mouth_open"])
    y = 0.54 + (0.03 + 0.11 * smile) * (arc - 0.6) - 0.25 * gape
    bottom, bow = y + gape * arc**0.6, arc**0.7 * (1 - 0.35 * (1 - (ALMOND / 0.35) ** 2).clip(0))
    lip = np.where(f["lipstick"], LIPSTICK, mix(e.skin * 0.88, ROSE * 0.85, 0.42 - 0.17 * f["male"]))
    shine = ellipse(0.03 * f["light"], bottom[:, 6:7] + 0.044 * full, 0.085, 0.018 * full)
    for colour, above, below, where in (
        (lip, y, bottom + 0.088 * full * arc**0.8, True),
        (lip * 0.86, y - 0.064 * full * bow, y, True),
        (GAPE, y, bottom, gape > 0),
        (TONGUE, mix(y, bottom, 0.72), bottom, gape > 0),
        (WHITE, y, mix(y, bottom, 0.45), gape > 0),
    ):
        e.fill(colour, np.concatenate([xy(x, above), xy(x, below)[:, ::-1]], axis=1), where=where)
    e.fill(mix(lip, WHITE, 0.28), shine)
    e.fill(mix(lip, DARK, 0.6), xy(x, y), line=0.018)
    corner = CURVES["corner"] + xy(x[:, -1:], y[:, -1:])
    e.fill(mix(e.skin, e.ink, 0.25 + 0.3 * smile.clip(0)), corner, both=True, line=0.018)


def _hair(e):
    f, light, (volume, side, end, *_, wave, count) = e.f, e.f["light"], e.style
    wide, tip, has = 0.77 + 0.6 * volume, (side + 0.74) / 2, f["hair_style"] != "bald"
    y = e.spread(-0.91 - 0.85 * volume, -0.56 - 0.25 * volume, -0.15, end - 0.13, end)
    right = xy(e.spread(0.52 * wide, 0.88 * wide, wide, side, tip), y)
    outer = np.concatenate([right[:, ::-1] * MIRROR, xy(0, -1 - volume), right], axis=1)
    hairline = np.where(np.isin(f["hair_style"], ["buzz", "quiff"]), "high", f["hairline"])
    line = np.array([HAIRLINES[name][0] for name in hairline[:, 0]])
    right = xy(e.spread(0.75, 0.74, tip), e.spread(-0.1, end - 0.12, end))
    inner = curve(np.concatenate([right[:, ::-1] * MIRROR, line, right], axis=1), steps=12)
    outer, shine, dark = _wavy(curve(outer, steps=12), wave, count), mix(e.hair, WHITE, 0.4), e.hair * 0.66
    glows = [(0, -0.35, 1.2, 0.35, dark, 0.5), (0.4 * light, -0.88, 0.6, 0.24, shine, 0.9)]
    glows += [(0.9 * light, 0.2, 0.3, 0.7, shine, 0.4), (-0.9 * light, 0, 0.6, 1.1, dark, 0.7)]
    e.fill(e.hair, outer, inner[:, ::-1], depth=(0, 0.9), glows=glows, where=has)
    for amount, colour in ((0.2, shine), (0.4, dark), (0.6, shine), (0.8, dark)):
        for name, (_, part) in HAIRLINES.items():
            if part:  # combed sideways from the parting
                strand = mix(outer, inner, amount)
                strands = strand[:, 4 : part * 12 - 4], strand[:, part * 12 + 4 : -4]
            else:  # combed from the crown to the forehead
                along, at = np.linspace(0.08, 0.85, 5)[:, None], int(36 + 48 * amount)
                strands = (mix(inner[:, [k]], outer[:, [k]] * (0.6, 1), along) for k in (at - 6, at + 6))
            where = has & (hairline == name)
            e.fill(mix(e.hair, colour, 0.35), *strands, depth=0.5, line=0.012, where=where)


def _extras(e):
    f, light = e.f, e.f["light"]
    for name, lens, colour in (("round", ellipse(0.345, -0.04, 0.265, 0.25), BROWN), ("square", LENS, INK)):
        where = f["glasses"] == name
        e.fill(colour, lens, depth=1.1, both=True, closed=True, line=0.045, where=where)
        e.fill(colour, CURVES["bridge"], depth=1.15, line=0.045, where=where)
        e.fill(colour, TEMPLE, depth=0.8, both=True, line=0.035, where=where)
    e.fill(WHITE, GLARE, GLARE - (0.68, 0), depth=1.1, line=0.02, where=f["glasses"] != "none")
    e.fill(GOLD, ellipse(0.80, 0.31, 0.06, 0.07), depth=-0.3, both=True, where=f["earrings"])
    glows = [(0.4 * light, -1, 0.6, 0.5, mix(e.cloth, WHITE, 0.4), 0.9)]
    glows += [(-0.8 * light, -0.8, 0.6, 0.8, e.cloth * 0.6, 0.8 * abs(light))]
    e.fill(e.cloth, OUTLINES["crown"], depth=0, glows=glows, where=f["hat"] != "none")
    for name, shade, depth in (("beanie", 0.8, 0.4), ("cap", 0.6, 0.9)):
        glows = [(0.4 * light, -0.6, 0.6, 0.3, e.cloth, 0.9)]
        e.fill(e.cloth * shade, OUTLINES[name], depth=depth, glows=glows, where=f["hat"] == name)


PARTS = (_background, _hair_behind, _body, _head, _beard, _mouth, _eyes, _brows_and_nose, _hair, _extras)


def portraits(factors, size):
    """Faces, uint8 (n, size, size, 3) RGB, from arrays (n,) of all factors."""
    easel = Easel(factors)
    for part in (_colours, *PARTS):
        part(easel)
    return easel.paint(size)
