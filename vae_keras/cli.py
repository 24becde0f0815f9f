"""The lessons' functions as commands: `python -m vae_keras train | generate | reconstruct | edit | ...`.

A command is a function; its docstring is its help. Heavy libraries are imported inside the functions, so that
`--help` and a mistyped option answer at once.
"""

import argparse
import contextlib
import inspect
import json
import math
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

PROGRAM = "python -m vae_keras"
CHUNK = 2048  # faces decoded at a time: a multiple of the batch size of `latent.decode`
SUFFIXES = ".npy .png .jpg .jpeg .webp .bmp .tif .tiff"


def train(options):
    """Train a model and write its folder; after an interruption the same command continues.

    examples:
      python -m vae_keras train --data lfw --epochs 50 --out runs/lfw
      python -m vae_keras train --data ~/faces.zip --find-face --image-size 128 --out runs/mine
    """
    from vae_keras import config, data, images, pretrained, sources, training

    given = {name: value for name, value in vars(options).items() if name in config.Config.__annotations__}
    settings = config.get_config(profile="full", dataset=options.data, **given)
    source = sources.get_source(options.data, find_face=options.find_face)
    vae = training.build_vae(settings, likelihood=options.likelihood, beta=options.beta)
    folder = _model_folder(options.out.expanduser(), options.force)
    faces = data.prepare(source, settings.image_size, settings.pictures)
    print(f"{source.title}: {len(faces.train)} pictures to train on, {len(faces.test)} held out", flush=True)
    run = dict(epochs=settings.epochs, batch_size=settings.batch_size, seed=settings.seed, folder=folder)
    watch = [training.Progress(lines=settings.epochs)]
    seconds = training.fit(vae, faces.train, faces.validation, callbacks=watch, **run)["seconds"].sum()
    print("fitting the prior and the attribute directions", flush=True)
    note = dict(epochs=settings.epochs, seconds=seconds, seed=settings.seed, command=options.command_line)
    model = pretrained.finish(vae, faces, **note)
    pretrained.save(model, folder)
    images.save_images(model.generate(10, seed=settings.seed), folder / "faces.png")
    print(_readable(model.card["figures"]))
    print(f"wrote {folder}, with ten new faces in {folder / 'faces.png'}; for more of them:")
    print(f"  {PROGRAM} generate --model {shlex.quote(str(folder))} --count 100 --out faces.png")


def _model_folder(folder, force):
    """The folder, made to be trained into; ValueError where a finished model, or a file, stands in the way."""
    unfinished = (folder / "checkpoint" / "checkpoint.json").exists()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: give --out the name of a new folder.")
    if force:
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    elif (folder / "card.json").exists() and not unfinished:
        raise ValueError(f"{folder} holds a trained model: choose another --out, or replace it with --force.")
    folder.mkdir(parents=True, exist_ok=True)  # what cannot be made is said now, not after hours
    return folder


def generate(options):
    """Draw new faces; the same ones for the same seed.

    examples:
      python -m vae_keras generate --model celeba --count 4000 --seed 0 --out faces.npy
      python -m vae_keras generate --model runs/lfw --prior standard --temperature 0.7 --out faces/
      python -m vae_keras generate --model celeba --count 64 --attribute Smiling --out smiling.png
    """
    from vae_keras import pretrained

    model = pretrained.load(options.model)
    z = model.sample(options.count, options.seed, options.temperature, options.prior, options.attribute)
    _write(model, z, options.out)


def reconstruct(options):
    """Encode pictures and decode them again.

    examples:
      python -m vae_keras reconstruct --model celeba --images photograph.jpg --out reconstruction.png
      python -m vae_keras reconstruct --model celeba --images folder/ --out r.npy
    """
    from vae_keras import latent, pretrained

    model = pretrained.load(options.model)
    _write(model, latent.encode(model.vae, _read(model, options.images))[0], options.out)


def edit(options):
    """Move faces along an attribute: strength 1 gives it to most faces that lack it, -1 takes it away.

    examples:
      python -m vae_keras edit --model celeba --images x.npy --attribute Smiling --strength 1 --out e.npy
      python -m vae_keras edit --model anime --images face.png --attribute Blue_Hair --out blue.png
    """
    from vae_keras import latent, pretrained

    model = pretrained.load(options.model)
    direction = model.direction(options.attribute)
    z, _ = latent.encode(model.vae, _read(model, options.images))
    _write(model, latent.edit(z, direction, options.strength), options.out)


def interpolate(options):
    """Walk from one face to another, both ends included: as a strip, a .gif, a .npy or a folder.

    examples:
      python -m vae_keras interpolate --model celeba --images one.jpg two.jpg --steps 8 --out strip.png
      python -m vae_keras interpolate --model celeba --images two.npy --steps 30 --spherical --out walk.gif
    """
    import numpy as np

    from vae_keras import images, latent, plots, pretrained

    model = pretrained.load(options.model)
    two = np.concatenate([_read(model, path) for path in options.images])
    if len(two) != 2:
        raise ValueError(
            f"The way leads from face to face, but --images holds {len(two)}: give two pictures."
        )
    start, end = latent.encode(model.vae, two)[0]
    frames = latent.decode(model.vae, latent.interpolate(start, end, options.steps, options.spherical))
    suffix = options.out.suffix.lower()
    if suffix == ".gif":
        options.out.parent.mkdir(parents=True, exist_ok=True)
        part = options.out.with_name(f".{options.out.name}.part")
        plots.gif(frames, part, most=len(frames))
        os.replace(part, options.out)
    else:
        strip = images.grid_image(frames, columns=len(frames))[None]
        images.save_images(frames if suffix in ("", ".npy") else strip, options.out)
    print(f"wrote {options.out}: {len(frames)} faces")


def evaluate(options):
    """Measure a model on held-out pictures, beside PCA fitted on the training pictures in the same run.

    examples:
      python -m vae_keras evaluate --model runs/lfw
      python -m vae_keras evaluate --model celeba --data celeba --json
    """
    from vae_keras import data, metrics, pretrained, sources

    model = pretrained.load(options.model)
    card, size = model.card, model.vae.network["image_size"]
    pictures = options.pictures or (None if options.data else card.get("limit"))
    source = sources.get_source(
        options.data or card.get("data", card["source"]), card.get("find_face", False)
    )
    faces = data.prepare(source, size, pictures, progress=not options.json)
    figures = pretrained.evaluate(model, faces.test, metrics.fit_pca(faces.train[:20_000]))
    print(json.dumps(figures) if options.json else _readable(figures))


def _read(model, path):
    from vae_keras import images

    frame = dict(crop=model.card["crop"], find_face=model.card.get("find_face", False))
    return images.load_images(path, model.vae.network["image_size"], **frame)[0]


def _write(model, z, path):
    """Decode codes and write the faces, gathered in a file without a name so that memory does not grow."""
    import numpy as np
    from tqdm import tqdm

    from vae_keras import images, latent

    path.parent.mkdir(parents=True, exist_ok=True)
    size = model.vae.network["image_size"]
    with tempfile.TemporaryFile(dir=path.parent) as file:
        faces = np.memmap(file, "uint8", "w+", shape=(len(z), size, size, 3))
        for start in tqdm(range(0, len(z), CHUNK), unit="chunk", disable=None, leave=False):
            faces[start : start + CHUNK] = latent.decode(model.vae, z[start : start + CHUNK])
        images.save_images(faces, path)
    print(f"wrote {path}: {len(z)} face{'s' if len(z) > 1 else ''}, {size}x{size}")


def _readable(figures):
    return (
        "on {pictures} held-out pictures: squared error {squared_error:.5f}, PCA's {pca_squared_error:.5f}, "
        "ratio {ratio:.2f}; KL {kl:.1f} nats, {active_units} active units".format(**figures)
    )


def _output(more=""):
    """A converter for argparse: the name of a folder, or of a file in a format that can be written."""
    known = f"{SUFFIXES} {more}".split()

    def convert(text):
        if (path := Path(text).expanduser()).suffix.lower() not in ["", *known]:
            raise argparse.ArgumentTypeError(f"{text} is no folder and ends in none of {', '.join(known)}")
        return path

    return convert


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
    "epochs": dict(type=_number(int, 1), help="passes over the pictures (default: 50)"),
    "image-size": dict(type=_number(int, 1), help="pixels a side, 64 or 128 (default: 64)"),
    "latent-dim": dict(type=_number(int, 1), help="numbers per face (default: 128)"),
    "batch-size": dict(type=_number(int, 1), help="pictures per step (default: 64)"),
    "pictures": dict(type=_number(int, 1), help="training pictures at most (default: all)"),
    "likelihood": dict(choices=("gaussian", "mse", "bce"), default="gaussian", help="(default: %(default)s)"),
    "beta": dict(type=_number(float, 0), default=1.0, help="weight of the KL term (default: 1)"),
    "find-face": dict(action="store_true", help="crop around the face that is found in each picture"),
    "force": dict(action="store_true", help="replace the model, or the unfinished run, that is in --out"),
    "count": dict(type=_number(int, 1), default=16, help="how many faces (default: 16)"),
    "seed": dict(type=_number(int, 0), default=0, help="the same result again (default: 0)"),
    "prior": dict(choices=("fitted", "standard"), default="fitted", help="of the codes (default: fitted)"),
    "temperature": dict(type=_number(float, 0), default=1.0, help="below 1: more usual faces (default: 1)"),
    "attribute": dict(help="such as Smiling; a wrong name is answered with the model's own"),
    "strength": dict(type=_number(float, -100), default=1.0, help="how far; negative: back (default: 1)"),
    "steps": dict(type=_number(int, 2), default=8, help="faces on the way, both ends included (default: 8)"),
    "spherical": dict(action="store_true", help="turn the direction evenly, instead of a straight line"),
    "json": dict(action="store_true", help="print one JSON object"),
}
COMMANDS = {  # an exclamation mark: the option is required
    train: "data! out! epochs image-size latent-dim batch-size pictures likelihood beta find-face seed force",
    generate: "model! out! count seed prior temperature attribute",
    reconstruct: "model! images! out!",
    edit: "model! images! attribute! strength out!",
    interpolate: "model! images! steps spherical out!",
    evaluate: "model! data pictures json",
}
OWN = {
    (train, "out"): dict(type=Path, help="the model's folder"),
    (interpolate, "images"): dict(nargs="+"),
    (interpolate, "out"): dict(type=_output(".gif"), help="a picture (a strip), a .gif, a folder or a .npy"),
}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message} (see {self.prog} --help)")


def _layout(prog):
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=32, width=110)


def build_parser():
    """Variational autoencoders for faces. Each command explains itself: python -m vae_keras train --help"""
    parser = Parser(prog=PROGRAM, description=build_parser.__doc__, formatter_class=_layout)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command, names in COMMANDS.items():
        summary, _, examples = inspect.getdoc(command).partition("\n\n")
        texts = dict(help=summary, description=summary, epilog=examples, formatter_class=_layout)
        subparser = commands.add_parser(command.__name__, allow_abbrev=False, **texts)
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
        hint = "; the same command (without --force) goes on after the last whole epoch"
        print(f"interrupted{hint if arguments[:1] == ['train'] else ''}", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        message = f"{error.filename}: {error.strerror}" if getattr(error, "filename", None) else str(error)
        print("error:", " ".join(message.split()), file=sys.stderr)
        return 2
    return 0
