"""Faces drawn from named factors: the embedded data, whose causes are known exactly.

A table of factors has one row a face; `draw_faces` draws it, `attributes` names it as CelebA would.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from vae_keras.config import require
from vae_keras.data.drawn.face_parts import draw_parts

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
    "hat": ((88, 7, 5), (86, 7, 7)),
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
    """Return arrays (count,) of all factors; what is left out takes the middle of its range or the first value."""
    require(factors, FACTORS, "Drawn faces have no factor")
    columns = {}
    for name, values in FACTORS.items():
        is_range = isinstance(values[0], float)
        default = sum(values) / 2 if is_range else values[0]
        given = np.asarray(factors.get(name, default)).reshape(-1)
        column = _in_range(name, given, *values) if is_range else _one_of(name, given, values)
        columns[name] = np.broadcast_to(column, count)
    return columns


def _in_range(name, given, lowest, highest):
    """Return the values of a factor as floats."""
    column = np.asarray(pd.to_numeric(given, errors="coerce"))
    wrong = ~((column >= lowest) & (column <= highest))
    if wrong.any():
        raise ValueError(
            f"the factor {name} of a drawn face is from {lowest} to {highest}, not {given[wrong][0]}"
        )
    return column.astype(float)


def _one_of(name, given, values):
    """Return the values of a factor in the type of those that it may have."""
    wrong = ~np.isin(given, values)
    if wrong.any():
        known = ", ".join(map(str, values))
        raise ValueError(f"the factor {name} of a drawn face is one of {known}, not {given[wrong][0]}")
    return given.astype(type(values[0]))


def sample_factors(count: int, seed: int = 0) -> pd.DataFrame:
    """Draw factors at random.

    A row depends on the seed and on its number alone, not on the count. Factors are independent, but: ODDS depend
    on `male` (only men have beards or are bald, for example), the hair of the oldest (age above 0.82) is gray, and
    half of the mouths are shut.

    Args:
        count: Number of faces.
        seed: The same seed gives the same factors.

    Returns:
        A table of factors, one row a face.

    Raises:
        ValueError: The count is negative.
    """
    if count < 0:
        raise ValueError(f"the number of faces is 0 or more, not {count}")
    uniform = np.random.default_rng(seed).random((count, len(FACTORS))).T
    male = (uniform[0] >= 0.5).astype(int)
    table = {}
    for column, (name, values) in zip(uniform, FACTORS.items(), strict=True):
        if isinstance(values[0], float):
            lowest, highest = values
            table[name] = (lowest + (highest - lowest) * column).round(4)
        else:
            odds = np.cumsum(ODDS.get(name, np.ones((2, len(values)))), axis=1)
            limits = (odds / odds[:, -1:])[male, :-1]
            table[name] = np.array(values)[(column[:, None] >= limits).sum(axis=1)]
    table["mouth_open"] = (2 * table["mouth_open"] - 1).clip(0).round(4)
    table["hair_color"] = np.where(table["age"] > 0.82, "gray", table["hair_color"])
    return pd.DataFrame(table)


def attributes(factors: pd.DataFrame) -> pd.DataFrame:
    """Derive attributes exactly from factors.

    Args:
        factors: A table of factors, one row a face.

    Returns:
        A table with the same index and columns with CelebA's names (ATTRIBUTES), int8 0 or 1.
    """
    table = pd.DataFrame(_complete(factors, len(factors)), index=factors.index)
    columns = {name: table.eval(rule, engine="python") for name, rule in ATTRIBUTES.items()}
    return pd.DataFrame(columns).astype("int8")


def kinds(factors: pd.DataFrame) -> pd.DataFrame:
    """Tell kinds of faces apart.

    Args:
        factors: A table of factors.

    Returns:
        A column 0/1 for each value of a factor that is no number, except the colour of the eyes. What does not show
        is as if it were not there: the hairline of those without one, the colour of hair that there is not.
    """
    table = factors.select_dtypes(exclude="float").drop(columns="eye_color")
    no_line = table["hair_style"].isin(["bald", "buzz", "quiff"])
    table["hairline"] = table["hairline"].mask(no_line, "high")
    table["hair_color"] = table["hair_color"].mask(table["hair_style"] == "bald", "none")
    return pd.get_dummies(table, columns=list(table), dtype="int8")


def draw_faces(factors: pd.DataFrame, size: int = 64) -> np.ndarray:
    """Draw the faces of a table of factors; the same factors give the same bytes.

    Args:
        factors: A table of factors, one row a face; factors that are left out take the first value or the middle.
        size: Pixels a side, 16 to 1024.

    Returns:
        The faces, uint8 (n, size, size, 3) RGB.

    Raises:
        ValueError: A factor or a value is unknown, or the size is out of range.
    """
    if size not in range(16, 1025):
        raise ValueError(f"the size of a drawn face is a whole number from 16 to 1024, not {size!r}")
    size = int(size)
    columns = _complete(factors, len(factors))
    faces = np.empty((len(factors), size, size, 3), np.uint8)

    def draw_block(start):
        """Draw 64 of the faces."""
        rows = slice(start, start + 64)
        faces[rows] = draw_parts({name: column[rows] for name, column in columns.items()}, size)

    with ThreadPoolExecutor(2) as pool:  # a fifth less time; more threads wait for Python's lock
        list(pool.map(draw_block, range(0, len(faces), 64)))
    return faces
