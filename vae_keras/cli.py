"""The command line: `python -m vae_keras train | generate | reconstruct | edit | ...`, the functions of `commands`."""

import argparse
import contextlib
import inspect
import math
import os
import shlex
import sys
from pathlib import Path

from vae_keras import commands, config
from vae_keras.commands import PROGRAM

SUFFIXES = ".npy .png .jpg .jpeg .webp .bmp .tif .tiff"


def _output(more=""):
    """A converter for argparse: the name of a folder, or of a file in a format that can be written."""
    known = f"{SUFFIXES} {more}".split()

    def convert(text):
        if (path := Path(text).expanduser()).suffix.lower() not in ["", *known]:
            raise argparse.ArgumentTypeError(f"{text} is no folder and ends in none of {', '.join(known)}")
        return path

    return convert


def _folder(text):
    """A converter for argparse: the name of a folder, which need not exist."""
    if (path := Path(text).expanduser()).exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a file: give the name of a new folder")
    return path


def _number(kind, least):
    """A converter for argparse: a number of that kind from `least` on."""

    def convert(text):
        with contextlib.suppress(ValueError):
            if least <= (number := kind(text)) < math.inf:
                return number
        raise argparse.ArgumentTypeError(f"{text} is no {'whole ' * (kind is int)}number from {least} on")

    return convert


OPTIONS = {
    "data": dict(help="celeba, lfw, anime, cartoon, or a folder or zip of pictures"),
    "model": dict(help="celeba, lfw, anime, cartoon, or a folder that train wrote"),
    "images": dict(help="a picture, a folder or a .npy (uint8 RGB [n, height, width, 3])"),
    "out": dict(type=_output(), help="a picture (.png, .jpg: a grid), a folder (one PNG each) or a .npy"),
    "epochs": dict(
        type=_number(int, 1), help=f"passes over the pictures (default: {config.PROFILES['full'][0]})"
    ),
    "image-size": dict(type=_number(int, 1), help="pixels a side, 64 or 128 (default: 64)"),
    "latent-dim": dict(type=_number(int, 1), help="numbers per face (default: 128)"),
    "batch-size": dict(type=_number(int, 1), help="pictures per step (default: 64)"),
    "pictures": dict(type=_number(int, 2), help="training pictures at most (default: all)"),
    "likelihood": dict(choices=("gaussian", "mse", "bce"), default="gaussian", help="(default: %(default)s)"),
    "optimizer": dict(
        choices=("adam", "muon"),
        default="muon",
        help="of plain training and sharpening (default: %(default)s)",
    ),
    "beta": dict(type=_number(float, 0), default=1.0, help="weight of the KL term (default: 1)"),
    "sharpen": dict(
        type=_number(int, 1), help="epochs of sharpening after it, and a better prior (default: none)"
    ),
    "plain": dict(action="store_true", help="the model as it was before it was sharpened"),
    "find-face": dict(action="store_true", help="crop around the face that is found in each picture"),
    "force": dict(action="store_true", help="replace the model, or the unfinished run, that is in --out"),
    "count": dict(type=_number(int, 1), default=16, help="how many faces (default: 16)"),
    "seed": dict(type=_number(int, 0), default=0, help="the same result again (default: 0)"),
    "prior": dict(
        choices=("fitted", "mixture", "standard"), default="fitted", help="of codes (default: fitted)"
    ),
    "temperature": dict(type=_number(float, 0), default=1.0, help="below 1: more usual faces (default: 1)"),
    "attribute": dict(help="such as Smiling; a wrong name is answered with the model's own"),
    "strength": dict(type=_number(float, -100), default=1.0, help="how far; negative: back (default: 1)"),
    "steps": dict(type=_number(int, 2), default=8, help="faces on the way, both ends included (default: 8)"),
    "spherical": dict(action="store_true", help="turn the direction evenly, instead of a straight line"),
    "json": dict(action="store_true", help="print one JSON object"),
}
COMMANDS = {  # an exclamation mark: the option is required
    commands.train: "data! out! epochs sharpen image-size latent-dim batch-size pictures likelihood beta optimizer "
    "find-face seed force",
    commands.generate: "model! plain out! count seed prior temperature attribute",
    commands.reconstruct: "model! plain images! out!",
    commands.edit: "model! plain images! attribute! strength out!",
    commands.interpolate: "model! plain images! steps spherical out!",
    commands.evaluate: "model! plain data pictures json",
    commands.judge: "data! out! epochs pictures seed",
}
OWN = {
    (commands.train, "out"): dict(type=_folder, help="the model's folder"),
    (commands.judge, "out"): dict(type=_folder, help="the judge's folder"),
    (commands.judge, "epochs"): dict(default=30, help="passes over the pictures (default: 30)"),
    (commands.evaluate, "pictures"): dict(help="training pictures at most (default: as it was trained with)"),
    (commands.interpolate, "images"): dict(nargs="+"),
    (commands.interpolate, "out"): dict(
        type=_output(".gif"), help="a picture (a strip), a .gif, a folder or a .npy"
    ),
}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message} (see {self.prog} --help)")


def _layout(prog):
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=32, width=110)


def build_parser():
    """Variational autoencoders for faces. Each command explains itself: python -m vae_keras train --help"""
    parser = Parser(prog=PROGRAM, description=build_parser.__doc__, formatter_class=_layout)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command, names in COMMANDS.items():
        summary, _, examples = inspect.getdoc(command).partition("\n\n")
        texts = dict(help=summary, description=summary, epilog=examples, formatter_class=_layout)
        subparser = subparsers.add_parser(command.__name__, allow_abbrev=False, **texts)
        subparser.set_defaults(command=command)
        for name in names.split():
            key = name.rstrip("!")
            settings = OPTIONS[key] | OWN.get((command, key), {}) | dict(required=name.endswith("!"))
            subparser.add_argument(f"--{key}", **settings)
    return parser


def load_tensorflow():
    """Import it; its libraries write notes to stderr that neither a variable nor Python's logging turns off."""
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        import tensorflow

        tensorflow.config.list_physical_devices()  # where there is no GPU, looking for one is noted too
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def main(arguments=None):
    """Run one command; return its exit code: 0, 2 (an error, one sentence on stderr), 130 (interrupted)."""
    arguments = sys.argv[1:] if arguments is None else [str(argument) for argument in arguments]
    try:
        options = build_parser().parse_args(arguments)
        options.command_line = shlex.join([*PROGRAM.split(), *arguments])
        load_tensorflow()
        options.command(options)
    except KeyboardInterrupt:
        hint = "; once training has begun, the same command goes on after the last whole epoch"
        hints = {"judge": hint, "train": f"{hint} (without --force)"}
        print(f"interrupted{hints.get(''.join(arguments[:1]), '')}", file=sys.stderr)
        return 130
    except (ValueError, OSError, MemoryError) as error:
        message = str(error)
        if isinstance(error, MemoryError):
            message = "That needs more memory than there is: ask for fewer or smaller pictures."
        elif getattr(error, "filename", None):
            why = f"cannot be read or written ({error.strerror})"
            message = f"{error.filename} {why}: give another place or name."
        print("error:", " ".join(message.split()), file=sys.stderr)
        return 2
    return 0
