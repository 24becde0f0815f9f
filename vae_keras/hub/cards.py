"""The card of a model folder: what it has to say, checked before anything is built from it.

This module imports nothing of Keras, so that the command line can list the models that ship at once.
"""

import json
import math
import numbers
import os
from pathlib import Path

SHIPPED = Path(__file__).resolve().parent / "weights"
CARD = "card.json"
WEIGHTS = "vae.weights.h5"
NEEDED = ("model", "source", "data", "limit", "crop", "find_face")
MOST_BYTES = 1_000_000  # of a card; those that ship have 3,000
LARGEST_IMAGE = 1024  # pixels a side
LARGEST_LATENT = 8192  # latent dimensions


def model_names() -> list[str]:
    """Return the names of the models that ship."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{WEIGHTS}"))


def read_card(folder) -> dict:
    """Return the card of a model folder.

    Args:
        folder: path of the folder.

    Returns:
        The dictionary in its card.json. `card["model"]` holds the arguments of the `VAE`.

    Raises:
        OSError: The card cannot be read.
        ValueError: The card is no card, lacks what is needed, or asks for a model of impossible size.
    """
    path = Path(folder, CARD)
    if not path.is_file() or os.path.getsize(path) > MOST_BYTES:
        raise ValueError(f"{CARD} is no file of at most {MOST_BYTES:,} bytes")
    card = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(card, dict):
        raise ValueError(f"{CARD} holds no object")
    lacking = [name for name in NEEDED if name not in card]
    if lacking:
        raise ValueError(f"the card lacks {', '.join(lacking)}")
    _check_values(card)
    return card


def _check_values(card):
    """Raise ValueError where a value of a card is of another type or size than it has to be."""
    model = card["model"]
    crop = card["crop"]
    right = {
        "model": isinstance(model, dict),
        "data": isinstance(card["data"], str) and card["data"] != "",
        "limit": card["limit"] is None or _is_whole(card["limit"], 1, None),
        "crop": crop is None or (isinstance(crop, numbers.Real) and 0 < crop < math.inf),
        "find_face": isinstance(card["find_face"], bool),
        "template": _is_template(card.get("template")),
        "overrides": _are_overrides(card.get("overrides", {})),
        "sharpened": isinstance(card.get("sharpened", {}), dict),
        "directions": isinstance(card.get("directions", {}), dict),
        "added_directions": isinstance(card.get("added_directions", {}), dict),
        "epochs": isinstance(card.get("epochs", 0), numbers.Real),
        "minutes": isinstance(card.get("minutes", 0), numbers.Real),
    }
    if right["model"]:
        right["image_size"] = _is_whole(model.get("image_size"), 1, LARGEST_IMAGE)
        right["latent_dim"] = _is_whole(model.get("latent_dim"), 1, LARGEST_LATENT)
    wrong = [name for name, is_right in right.items() if not is_right]
    if wrong:
        raise ValueError(f"the card has a wrong value for {', '.join(wrong)}")


def _are_overrides(overrides):
    """Return whether a value is what the pictures were taken for, by words and numbers."""
    if not isinstance(overrides, dict):
        return False
    return all(value is None or isinstance(value, str | numbers.Real) for value in overrides.values())


def _is_template(template):
    """Return whether a value is where eyes, nose and mouth lie: five pairs of fractions. None: they are not known."""
    if template is None:
        return True
    if not isinstance(template, list) or len(template) != 5:
        return False
    for point in template:
        if not isinstance(point, list) or len(point) != 2:
            return False
        if not all(isinstance(value, numbers.Real) and 0 <= value <= 1 for value in point):
            return False
    return True


def _is_whole(value, least, most):
    """Return whether a value is a whole number from `least` to `most`; None: without an upper limit."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        return False
    return value >= least and (most is None or value <= most)


def write_card(card: dict, path) -> None:
    """Write a card to a file, so that a person can read it too."""
    text = json.dumps(card, indent=2, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def model_arguments(vae) -> dict:
    """Return the arguments that build a VAE again, for its card.

    The number format and what is trainable are left out: whoever loads the model decides on them.
    """
    return {name: value for name, value in vae.get_config().items() if name not in ("dtype", "trainable")}
