"""Options that several commands share, and the values that options take."""

import argparse
import math
from pathlib import Path

from vae_keras.hub import model_names

SUFFIXES = (".npy", ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")  # of files that can be written
LARGEST_SEED = 2**32 - 1  # that Keras takes


def whole_number(least: int, most: float = math.inf):
    """Return a converter for argparse: a whole number from `least` to `most`."""
    return _number(int, "whole number", least, most)


def number(least: float, most: float = math.inf):
    """Return a converter for argparse: a finite number from `least` to `most`."""
    return _number(float, "number", least, most)


def _number(convert_text, what, least, most):
    wanted = f"{what} from {least} on" if most == math.inf else f"{what} from {least} to {most}"

    def convert(text):
        try:
            value = convert_text(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and least <= value <= most):
            raise argparse.ArgumentTypeError(f"{text} is no {wanted}")
        return value

    return convert


def output_path(*more_suffixes: str):
    """Return a converter for argparse: a folder, or a file in a format that can be written."""
    suffixes = (*SUFFIXES, *more_suffixes)

    def convert(text):
        path = Path(text).expanduser()
        if not path.is_dir() and path.suffix.lower() not in ("", *suffixes):
            raise argparse.ArgumentTypeError(f"{text} is no folder and ends in none of {', '.join(suffixes)}")
        return path

    return convert


def suffixed_path(suffix: str):
    """Return a converter for argparse: the name of a file that ends in a suffix, such as ".csv"."""

    def convert(text):
        path = Path(text).expanduser()
        if path.suffix.lower() != suffix:
            raise argparse.ArgumentTypeError(f"{text} does not end in {suffix}")
        return path

    return convert


def output_folder(text: str) -> Path:
    """Convert an option for argparse: a folder, which need not exist."""
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a file: give the name of a new folder")
    return path


def add_model(parser) -> None:
    """Add the options that choose a trained model."""
    parser.add_argument(
        "--model", required=True, help=f"{', '.join(model_names())}, or a folder that train wrote"
    )
    parser.add_argument("--plain", action="store_true", help="the model as it was before it was sharpened")


def add_data(parser, required: bool = True) -> None:
    """Add the option that chooses the pictures."""
    from vae_keras.data import dataset_names

    default = "" if required else " (default: those of its training)"
    parser.add_argument(
        "--data",
        required=required,
        help=f"{', '.join(dataset_names())}, or a folder or zip of pictures{default}",
    )


def add_pictures(parser, default: str) -> None:
    """Add the option that limits the number of pictures."""
    parser.add_argument(
        "--pictures", type=whole_number(2), help=f"training pictures at most (default: {default})"
    )


def add_images(parser) -> None:
    """Add the option that names pictures to work on."""
    parser.add_argument(
        "--images",
        required=True,
        nargs="+",
        help="pictures, a folder of them, or a .npy (uint8 RGB [n, height, width, 3])",
    )


def add_align(parser) -> None:
    """Add the option that finds the faces in pictures to train on."""
    parser.add_argument(
        "--align",
        action="store_true",
        help="find the largest face in each photograph, and turn and scale it as CelebA's are",
    )


def add_no_align(parser) -> None:
    """Add the option that leaves a picture as it is framed."""
    parser.add_argument(
        "--no-align", action="store_true", help="take the centre of each picture, instead of finding its face"
    )


def add_faces_output(parser) -> None:
    """Add the options that say where faces are written to."""
    parser.add_argument(
        "--out",
        required=True,
        type=output_path(),
        help="a picture (.png, .jpg: a grid), a folder (one PNG each) or a .npy",
    )
    add_overwrite(parser)


def add_overwrite(parser) -> None:
    """Add the option that allows to replace a file."""
    parser.add_argument("--force", action="store_true", help="replace the file that is there")


def add_seed(parser) -> None:
    """Add the option that repeats a result."""
    parser.add_argument(
        "--seed", type=whole_number(0, LARGEST_SEED), default=0, help="the same result again (default: 0)"
    )


def add_json(parser) -> None:
    """Add the option for output that programs read."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
