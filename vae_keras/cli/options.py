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


def add_data(parser, required: bool = True, default: str | None = None) -> None:
    """Add the options that choose the pictures, and that override what they are taken for.

    Args:
        parser: of the command.
        required: whether --data has to be given. Otherwise the pictures of the model's training are taken.
        default: the data set that is taken without it.
    """
    from vae_keras.data import dataset_names, layout_names
    from vae_keras.data.splits import WAYS_TO_SPLIT

    needed = required and default is None
    otherwise = "" if needed else f" (default: {default or 'those of its training'})"
    parser.add_argument(
        "--data",
        required=needed,
        default=default,
        help=f"{', '.join(dataset_names())}, or a folder or archive of pictures{otherwise}",
    )
    parser.add_argument(
        "--layout",
        choices=layout_names(),
        help="what a folder or archive is taken for (default: what its names and shapes say, which is printed)",
    )
    parser.add_argument(
        "--crop",
        type=crop,
        help="of the centre, as a fraction of the width from 0.1 to 1, or square (default: the data set's own)",
    )
    parser.add_argument(
        "--split",
        choices=WAYS_TO_SPLIT,
        help="into training, validation and test: as given, or by lot, people kept together or not (default: the data "
        "set's own)",
    )


def crop(text: str) -> float | str:
    """Convert an option for argparse: a fraction of the width, or "square"."""
    from vae_keras.data.datasets.base import SMALLEST_CROP, SQUARE

    if text == SQUARE:
        return text
    try:
        return number(SMALLEST_CROP, 1)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, and not {SQUARE}") from None


def overrides(options) -> dict:
    """Return the keywords of `data.get_dataset` that override what the pictures of --data are taken for."""
    return {"layout": options.layout, "crop": options.crop, "split": options.split}


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
