"""Faces drawn from named factors: the embedded data, whose causes are known exactly.

A table of factors has one row a face; `draw_faces` draws it, `attributes` names it as CelebA would.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas

from vae_keras.config import require
from vae_keras.portrait import portraits

# The possible values, or two numbers: a range. Factors left out take the first, or the middle.
FACTORS = {
    "male": (False, True),
    "hair_color": ("brown", "black", "blond", "red", "gray"),
    "hair_style": ("short", "bald", "buzz", "quiff", "curly", "bob", "long", "wavy", "bun"),
    "hairline": ("high", "left", "right", "middle", "bangs"),
    "eye_color": ("brown", "hazel", "green", "blue", "gray"),
    "beard": ("none", "stubble", "mustache", "goatee", "full"),
    "glasses": ("none", "round", "square"),
    "hat": ("none", "beanie", "cap"),
    "lipstick": (False, True),
    "earrings": (False, True),
    **dict.fromkeys(("smile", "brow_raise", "yaw", "pitch", "tilt", "shift", "light"), (-1.0, 1.0)),
    **dict.fromkeys(("age", "skin", "eye_size", "brow_thickness", "nose_size", "mouth_open"), (0.0, 1.0)),
    **dict.fromkeys(("face_width", "jaw", "blush", "background", "brightness", "clothes"), (0.0, 1.0)),
}
# How often each value comes (not male, male); evenly where a factor is missing here.
ODDS = {
    "hair_color": ((35, 27, 24, 9, 5), (38, 35, 14, 6, 7)),
    "hair_style": ((7, 0, 0, 4, 10, 21, 27, 20, 11), (34, 8, 15, 22, 13, 2, 4, 2, 0)),
    "hairline": ((15, 20, 20, 20, 25), (40, 22, 22, 4, 12)),
    "beard": ((100, 0, 0, 0, 0), (52, 14, 9, 10, 15)),
    "glasses": ((80, 11, 9), (74, 12, 14)),
    "hat": ((92, 5, 3), (90, 5, 5)),
    "lipstick": ((45, 55), (100, 0)),
    "earrings": ((60, 40), (97, 3)),
}
COLORED = {f"{color.title()}_Hair": color for color in ("black", "blond", "brown", "gray")}
# CelebA's names, as conditions on the factors.
ATTRIBUTES = {
    "5_o_Clock_Shadow": "beard == 'stubble'",
    "Bald": "hair_style == 'bald'",
    "Bangs": "hairline == 'bangs' and hair_style not in ['bald', 'buzz', 'quiff']",
    "Big_Nose": "nose_size > 0.75",
    "Bushy_Eyebrows": "brow_thickness > 0.65",
    "Eyeglasses": "glasses != 'none'",
    "Goatee": "beard == 'goatee'",
    "Male": "male",
    "Mouth_Slightly_Open": "mouth_open > 0.15",
    "Mustache": "beard in ['mustache', 'full']",
    "No_Beard": "beard == 'none'",
    "Pale_Skin": "skin < 0.15",
    "Rosy_Cheeks": "blush > 0.7",
    "Smiling": "smile > 0",
    "Wavy_Hair": "hair_style in ['wavy', 'curly']",
    "Wearing_Earrings": "earrings",
    "Wearing_Hat": "hat != 'none'",
    "Wearing_Lipstick": "lipstick",
    "Young": "age < 0.65",
    **{name: f"hair_color == '{color}' and hair_style != 'bald'" for name, color in COLORED.items()},
}


def _complete(factors, count):
    """Arrays (count,) of all factors; what is left out takes the middle of its range or the first value."""
    columns = {}
    require(factors, FACTORS, "Drawn faces have no factor")
    for name, values in FACTORS.items():
        number = isinstance(values[0], float)
        given = np.asarray(factors.get(name, sum(values) / 2 if number else values[0])).reshape(-1)
        numeric = pandas.to_numeric(given, errors="coerce") if number else None
        good = (numeric >= values[0]) & (numeric <= values[1]) if number else np.isin(given, values)
        if not good.all():
            allowed = "from {} to {}".format(*values) if number else f"one of {', '.join(map(str, values))}"
            raise ValueError(f"the factor {name} of a drawn face is {allowed}, not {given[~good][0]}")
        given = numeric.astype(float) if number else given.astype(type(values[0]))
        columns[name] = np.broadcast_to(given, count)
    return columns


def sample_factors(count, seed=0):
    """A table of factors, one row a face; a row depends on the seed and its number alone, not on the count.

    Factors are independent, but: ODDS depend on `male` (only men have beards or are bald, for example), the hair
    of the oldest (age > 0.82) is gray, and half of the mouths are shut. ValueError: a negative count.
    """
    if count < 0:
        raise ValueError(f"the number of faces is 0 or more, not {count}")
    uniform = np.random.default_rng(seed).random((count, len(FACTORS))).T
    table, male = {}, (uniform[0] >= 0.5).astype(int)
    for u, (name, values) in zip(uniform, FACTORS.items(), strict=True):
        if isinstance(values[0], float):
            table[name] = (values[0] + (values[1] - values[0]) * u).round(4)
        else:
            odds = np.cumsum(ODDS.get(name, np.ones((2, len(values)))), axis=1)
            table[name] = np.array(values)[(u[:, None] >= (odds / odds[:, -1:])[male, :-1]).sum(axis=1)]
    table["mouth_open"] = (2 * table["mouth_open"] - 1).clip(0).round(4)
    table["hair_color"] = np.where(table["age"] > 0.82, "gray", table["hair_color"])
    return pandas.DataFrame(table)


def attributes(factors):
    """CelebA's names (ATTRIBUTES), int8 0 or 1, derived exactly from a table of factors; the same index."""
    table = pandas.DataFrame(_complete(factors, len(factors)), index=factors.index)
    columns = {name: table.eval(rule, engine="python") for name, rule in ATTRIBUTES.items()}
    return pandas.DataFrame(columns).astype("int8")


def draw_faces(factors, size=64):
    """Faces, uint8 (n, size, size, 3) RGB, from a table of factors; the same factors give the same bytes.

    ValueError: an unknown factor or value, or a size that is not a whole number from 16 to 1024.
    """
    if size not in range(16, 1025):
        raise ValueError(f"the size of a drawn face is a whole number from 16 to 1024, not {size!r}")
    faces = np.empty((len(factors), int(size), int(size), 3), np.uint8)
    columns = _complete(factors, len(factors))

    def work(first):
        part = slice(first, first + 64)
        faces[part] = portraits({name: column[part] for name, column in columns.items()}, int(size))

    with ThreadPoolExecutor(2) as pool:  # a fifth less time; more threads wait for Python's lock
        list(pool.map(work, range(0, len(faces), 64)))
    return faces
