"""The lessons' functions as commands: `python -m vae_keras train | generate | reconstruct | edit | ...`.

A command is a function; its docstring is its help. Heavy libraries are imported inside the functions, so that
`--help` and a mistyped option answer at once.
"""

import argparse
import json
import math
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

PROGRAM = "python -m vae_keras"
CHUNK = 2048  # faces in memory at a time; a multiple of the batches of `latent.decode`, so results do not depend on it
SUFFIXES = ("", ".npy", ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def train(options):
    """Train a model and write its folder. An interrupted run is continued by the same command.

    examples:
      python -m vae_keras train --data cartoon --epochs 5 --out runs/cartoon
      python -m vae_keras train --data lfw --epochs 50 --out runs/lfw
      python -m vae_keras train --data ~/faces.zip --find-face --image-size 128 --out runs/mine
    """
    folder = _model_folder(options.out, options.force)
    from vae_keras import config, data, images, pretrained, sources, training

    settings = dict(image_size=options.image_size, latent_dim=options.latent_dim, batch_size=options.batch_size)
    settings |= dict(epochs=options.epochs, pictures=options.pictures, seed=options.seed)
    settings = config.get_config(profile="full", dataset=options.data, **settings)
    source = sources.get_source(options.data, find_face=options.find_face)
    vae = training.build_vae(settings, likelihood=options.likelihood, beta=options.beta)
    faces = data.prepare(source, settings.image_size, settings.pictures)
    print(f"{source.title}: {len(faces.train)} pictures to train on, {len(faces.test)} held out", flush=True)
    amounts = dict(epochs=settings.epochs, batch_size=settings.batch_size, seed=settings.seed)
    callbacks = [training.Progress()]
    history = training.fit(vae, faces.train, faces.validation[:2000], folder=folder, callbacks=callbacks, **amounts)
    print("fitting the prior and the attribute directions", flush=True)
    seconds = history["seconds"].sum()
    model = pretrained.finish(vae, faces, settings.epochs, seconds, settings.seed, command=options.command_line)
    model.card["data"] = dict(data=options.data, pictures=options.pictures, find_face=options.find_face)
    pretrained.save(model, folder)
    images.save_images(model.generate(10, seed=settings.seed), folder / "faces.png")
    print(_readable(model.card["figures"]))
    print(f"wrote {folder}; ten new faces are in {folder / 'faces.png'}; for more of them:")
    print(f"  {PROGRAM} generate --model {shlex.quote(str(folder))} --count 100 --out faces.png")


def _model_folder(path, force):
    """The folder to train into; ValueError where a finished model, or a file, stands in the way."""
    folder = Path(path).expanduser()
    unfinished = (folder / "checkpoint" / "checkpoint.json").exists()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: give --out the name of a new folder.")
    if force:
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    elif (folder / "card.json").exists() and not unfinished:
        raise ValueError(f"{folder} already holds a trained model: choose another --out, or add --force to replace it.")
    folder.mkdir(parents=True, exist_ok=True)  # now, not after hours, it turns out that nothing can be written there
    return folder


def generate(options):
    """Draw new faces; the same ones for the same seed.

    examples:
      python -m vae_keras generate --model celeba --count 64 --out faces.png
      python -m vae_keras generate --model celeba --count 4000 --seed 0 --out faces.npy
      python -m vae_keras generate --model runs/lfw --prior standard --temperature 0.7 --out faces/
      python -m vae_keras generate --model celeba --attribute Smiling --out smiling.png
    """
    model = _load(options)
    z = model.sample(options.count, options.seed, options.temperature, options.prior, options.attribute)
    _write(model, z, options.out)


def reconstruct(options):
    """Encode pictures and decode them again.

    examples:
      python -m vae_keras reconstruct --model celeba --images photograph.jpg --out reconstruction.png
      python -m vae_keras reconstruct --model celeba --images folder/ --out r.npy
    """
    from vae_keras import latent

    model = _load(options)
    _write(model, latent.encode(model.vae, _read(model, options.images))[0], options.out)


def edit(options):
    """Move faces along an attribute: strength 1 gives it to most faces that lack it, -1 takes it away.

    examples:
      python -m vae_keras edit --model celeba --images x.npy --attribute Smiling --strength 1 --out e.npy
      python -m vae_keras edit --model anime --images face.png --attribute Blue_Hair --out blue.png
    """
    from vae_keras import latent

    model = _load(options)
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

    from vae_keras import images, latent, plots

    model = _load(options, ".gif")
    two = np.concatenate([_read(model, path) for path in options.images])
    if len(two) != 2:
        raise ValueError(f"The way leads from one face to another, but --images holds {len(two)}: give two pictures.")
    start, end = latent.encode(model.vae, two)[0]
    frames = latent.decode(model.vae, latent.interpolate(start, end, options.steps, options.spherical))
    if options.out.suffix.lower() == ".gif":
        plots.gif(frames, options.out)
    else:
        as_array = options.out.suffix.lower() in ("", ".npy")
        images.save_images(frames if as_array else images.grid_image(frames, len(frames))[None], options.out)
    print(f"wrote {options.out}: {len(frames)} faces")


def evaluate(options):
    """Measure a model on held-out pictures, beside PCA fitted on the training pictures in the same run.

    examples:
      python -m vae_keras evaluate --model runs/lfw
      python -m vae_keras evaluate --model celeba --data celeba --json
    """
    from vae_keras import data, metrics, pretrained, sources

    model = pretrained.load(options.model)
    kept = dict(data=model.card["source"], pictures=None, find_face=False) | model.card.get("data", {})
    if options.data:
        kept = dict(data=options.data, pictures=None, find_face=False)
    source = sources.get_source(kept["data"], find_face=kept["find_face"])
    size = model.vae.network["image_size"]
    faces = data.prepare(source, size, options.pictures or kept["pictures"], progress=not options.json)
    figures = pretrained.evaluate(model, faces.test, metrics.fit_pca(faces.train[:20_000]))
    print(json.dumps(figures) if options.json else _readable(figures))


def _load(options, *more_suffixes):
    """The model of --model; before it loads, --out is checked."""
    options.out = Path(options.out).expanduser()
    known = (*SUFFIXES, *more_suffixes)
    if options.out.suffix.lower() not in known:
        raise ValueError(f"{options.out} cannot be written: give a name in {', '.join(known[1:])}, or a folder.")
    from vae_keras import pretrained

    return pretrained.load(options.model)


def _read(model, path):
    from vae_keras import images

    find_face = model.card.get("data", {}).get("find_face", False)
    size = model.vae.network["image_size"]
    return images.load_images(path, size, crop=model.card.get("crop"), find_face=find_face)[0]


def _write(model, z, path):
    """Decode codes and write the faces. They are gathered in a file without a name, so memory does not grow."""
    import numpy as np
    from tqdm import tqdm

    from vae_keras import images, latent

    path.parent.mkdir(parents=True, exist_ok=True)
    size = model.vae.network["image_size"]
    with tempfile.TemporaryFile(dir=path.parent) as file:
        faces = np.memmap(file, "uint8", "w+", shape=(len(z), size, size, 3))
        for start in tqdm(range(0, len(z), CHUNK), unit_scale=CHUNK, unit=" faces", disable=None, leave=False):
            faces[start : start + CHUNK] = latent.decode(model.vae, z[start : start + CHUNK])
        images.save_images(faces, path)
    print(f"wrote {path}: {len(z)} face{'s' if len(z) > 1 else ''}, {size}x{size}")


def _readable(figures):
    return (
        f"on {figures['pictures']} held-out pictures: squared error {figures['squared_error']:.5f}, PCA's "
        f"{figures['pca_squared_error']:.5f}, ratio {figures['ratio']:.2f}; KL {figures['kl']:.1f} nats, "
        f"{figures['active_units']} active units"
    )


def _whole(least):
    def convert(text):
        if not text.strip().lstrip("+-").isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is no whole number from {least} on")
        return int(text)

    return convert


def _number(least=-math.inf):
    def convert(text):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number >= least):
            raise argparse.ArgumentTypeError(f"{text} is no number" + (f" from {least} on" if least == 0 else ""))
        return number

    return convert


OPTIONS = {
    "data": dict(help="celeba, lfw, anime, cartoon, or a folder or zip of pictures"),
    "model": dict(help="celeba, lfw, anime, cartoon, or a folder that train wrote"),
    "images": dict(help="a picture, a folder or a .npy (uint8 RGB [n, height, width, 3])"),
    "out": dict(help="a picture (.png, .jpg: a grid), a folder (one PNG each) or a .npy"),
    "epochs": dict(type=_whole(1), help="passes over the pictures (default: 50)"),
    "image-size": dict(type=_whole(1), help="pixels a side, 64 or 128 (default: 64)"),
    "latent-dim": dict(type=_whole(1), help="numbers per face (default: 128)"),
    "batch-size": dict(type=_whole(1), help="pictures per step (default: 64)"),
    "pictures": dict(type=_whole(1), help="training pictures at most (default: all)"),
    "likelihood": dict(choices=("gaussian", "mse", "bce"), default="gaussian", help="(default: %(default)s)"),
    "beta": dict(type=_number(0), default=1.0, help="weight of the KL term (default: 1)"),
    "find-face": dict(action="store_true", help="crop around the face that is found in each picture"),
    "force": dict(action="store_true", help="replace the model, or the unfinished run, that is in --out"),
    "count": dict(type=_whole(1), default=16, help="how many faces (default: 16)"),
    "seed": dict(type=_whole(0), default=0, help="the same result again (default: 0)"),
    "prior": dict(choices=("fitted", "standard"), default="fitted", help="where codes are drawn (default: fitted)"),
    "temperature": dict(type=_number(0), default=1.0, help="below 1: more usual faces (default: 1)"),
    "attribute": dict(help="such as Smiling; a wrong name is answered with the model's own"),
    "strength": dict(type=_number(), default=1.0, help="how far, negative for the other way (default: 1)"),
    "steps": dict(type=_whole(2), default=8, help="faces on the way, both ends included (default: 8)"),
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
OWN = {(train, "out"): dict(help="the model's folder"), (interpolate, "images"): dict(nargs="+")}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(f"{message} (see {self.prog} --help)")


def build_parser():
    parser = Parser(prog=PROGRAM, description="Variational autoencoders for faces.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command, names in COMMANDS.items():
        summary, _, rest = command.__doc__.partition("\n\n")
        texts = dict(help=summary, description=summary, epilog=rest.replace("\n    ", "\n").strip())
        layout = argparse.RawDescriptionHelpFormatter
        subparser = commands.add_parser(command.__name__, formatter_class=layout, allow_abbrev=False, **texts)
        subparser.set_defaults(command=command)
        for name in names.split():
            name, required = name.rstrip("!"), name.endswith("!")
            settings = OPTIONS[name] | OWN.get((command, name), {})
            subparser.add_argument(f"--{name}", **settings, **(dict(required=True) if required else {}))
    return parser


def main(arguments=None):
    """Run one command; return the exit code: 0, 2 after an error (one sentence on stderr), 130 when interrupted."""
    arguments = sys.argv[1:] if arguments is None else [str(argument) for argument in arguments]
    try:
        options = build_parser().parse_args(arguments)
        options.command_line = shlex.join([*PROGRAM.split(), *arguments])
        options.command(options)
    except KeyboardInterrupt:
        hint = "; the same command continues after the last whole epoch" if arguments[:1] == ["train"] else ""
        print(f"interrupted{hint}", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        known = isinstance(error, OSError) and error.filename and error.strerror
        message = f"{error.filename}: {error.strerror}" if known else str(error)
        print("error:", " ".join(message.split()), file=sys.stderr)
        return 2
    return 0
