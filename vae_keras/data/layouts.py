"""What the folders and names of somebody's own pictures say: parts of a split, classes, people, masks."""

import os
import re
from collections import Counter
from pathlib import Path

from vae_keras.data.splits import SPLITS, split_by_hash

SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}
SPLIT_NUMBERS = {str(number): split for number, split in enumerate(SPLITS)}  # as in CelebA's table
SPLIT_COLUMNS = ("split", "partition", "subset")
MASKS = re.compile(r"masks?|annotations?|segmentations?|mask-anno|celebamask-hq-mask-anno", re.IGNORECASE)
MASK = re.compile(r"(.+)[_-]masks?\.\w+", re.IGNORECASE)  # 0_mask.png beside 0.jpg
MOST_CLASSES = 12  # with more folders they are people or days
PERSON = re.compile(r"(?:^|/)([^/]+)/\1_\d+\.\w+$")  # NAME/NAME_0001.jpg
FEWEST_PEOPLE = 24  # with fewer, a split by person would leave a part without anybody


def short_paths(names: list[str]) -> list[str]:
    """Return the paths of files without their suffix, from the folder on that they share."""
    paths = [Path(name) for name in names]
    shared = os.path.commonpath([path.parent for path in paths])
    return [path.relative_to(shared).with_suffix("").as_posix() for path in paths]


def part_of(path: str) -> str:
    """Return the part of the split that a word of a short path speaks of; "" where none does."""
    return next((SPLIT_OF[word] for word in re.split(r"[\W_]+", path.lower()) if word in SPLIT_OF), "")


def folders_without_parts(name: str) -> list[str]:
    """Return the folders that a picture lies in, but those of a split."""
    return [folder for folder in name.split("/")[:-1] if folder.casefold() not in SPLIT_OF]


def split_folders(names: list[str]) -> dict[str, str]:
    """Return {name: part} where each picture lies in a folder called train, val, test or the like, else nothing."""
    parts = {}
    for name in names:
        words = [SPLIT_OF[folder] for folder in name.casefold().split("/")[:-1] if folder in SPLIT_OF]
        if not words:
            return {}
        parts[name] = words[0]
    found = set(parts.values())
    return parts if "train" in found and len(found) > 1 else {}


def split_words(values) -> list[str] | None:
    """Return what a column says of the parts, "train" where it says nothing; None where it is no such column."""
    words = [str(value).strip().casefold() for value in values]
    known = SPLIT_NUMBERS if set(words) <= {*SPLIT_NUMBERS, ""} else SPLIT_OF
    parts = [known.get(word) if word else "train" for word in words]
    is_split = None not in parts and "train" in parts and len(set(parts)) > 1
    return parts if is_split else None


def complete_split(parts: list[str], groups: list[str]) -> list[str]:
    """Return a split with pictures in all three parts: what is missing is taken from the training part.

    Args:
        parts: The part of each picture; some are in training.
        groups: The group of each picture, see `splits.split_by_hash`.
    """
    missing = set(SPLITS) - set(parts)
    training = [row for row, part in enumerate(parts) if part == "train"]
    parts = list(parts)
    for row, part in zip(training, split_by_hash([groups[row] for row in training])):
        if part in missing:
            parts[row] = part
    return parts


def class_folders(names: list[str]) -> dict[str, str]:
    """Return {name: class} where all pictures lie in a few folders side by side, two or more in each; else nothing."""
    folders = [folders_without_parts(name) for name in names]
    shared = 0
    while all(len(parts) > shared for parts in folders) and len({parts[shared] for parts in folders}) == 1:
        shared += 1
    if not all(len(parts) > shared for parts in folders):
        return {}
    classes = [parts[shared] for parts in folders]
    counts = Counter(classes)
    if not 2 <= len(counts) <= MOST_CLASSES or min(counts.values()) < 2:
        return {}
    return dict(zip(names, classes))


def people(names: list[str]) -> dict[str, str]:
    """Return {name: person} where all pictures are called NAME/NAME_0001.jpg, else nothing."""
    found = {name: PERSON.search(name) for name in names}
    return {name: match[1] for name, match in found.items()} if all(found.values()) else {}


def mask_names(names: list[str]) -> set[str]:
    """Return the pictures that lie in a folder of masks, or are called NAME_mask beside NAME, where others do not."""
    stems = {name.rpartition(".")[0] for name in names}
    masks = set()
    for name in names:
        found = MASK.fullmatch(name)
        if (found and found[1] in stems) or any(map(MASKS.fullmatch, name.split("/")[:-1])):
            masks.add(name)
    return masks if len(masks) < len(names) else set()
