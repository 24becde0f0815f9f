"""The lessons' functions as commands; `cli` reads their options.

The docstring of a command is its help. Heavy libraries are imported inside the functions, so that `--help` and a
mistyped option answer at once.
"""

import json
import shlex
import shutil
import tempfile
from pathlib import Path

PROGRAM = "python -m vae_keras"
CHUNK = 2048  # faces decoded at a time: a multiple of the batch size of `latent.decode`


def train(options):
    """Train a model and write its folder; after an interruption the same command continues.

    examples:
      python -m vae_keras train --data lfw --epochs 30 --out runs/lfw
      python -m vae_keras train --data ~/faces.zip --find-face --image-size 128 --out runs/mine
      python -m vae_keras train --data celeba --sharpen 24 --out runs/celeba
    """
    from vae_keras import config, data, images, pretrained, sources, training

    given = {name: value for name, value in vars(options).items() if name in config.Config.__annotations__}
    settings = config.get_config(profile="full", dataset=options.data, **given)
    source = sources.get_source(options.data, find_face=options.find_face)
    vae = training.build_vae(settings, likelihood=options.likelihood, beta=options.beta)
    folder = options.out
    trained = _waits_to_be_sharpened(folder, options, settings, source)
    faces = data.prepare(source, settings.image_size, settings.pictures)
    for part, name in dict(train="training", validation="validation", test="test").items():
        if not len(getattr(faces, part)):
            raise ValueError(f"{source.title} has no {name} pictures here: give an archive that has some.")
    if options.force:
        for unfinished in (folder / "checkpoint", folder / pretrained.SHARPENING):
            shutil.rmtree(unfinished, ignore_errors=True)
    # What cannot be made is said now, not after hours; a checkpoint's folder says that an older model is given up.
    (folder if trained else folder / "checkpoint").mkdir(parents=True, exist_ok=True)
    print(f"{source.title}: {len(faces.train)} pictures to train on, {len(faces.test)} held out", flush=True)
    if not trained:
        run = _run(options, settings, settings.epochs, folder)
        history = training.fit(vae, faces.train, faces.validation, **run)
        model = _finish(vae, faces, history, options, settings, folder)
        (folder / "faces-plain.png").unlink(missing_ok=True)  # of an earlier model
    if options.sharpen:
        model = _sharpen(options, settings, faces, folder)
    images.save_images(model.generate(10, seed=settings.seed), folder / "faces.png")
    print(_readable(model.card.get("sharpened", model.card)["figures"]))
    print(f"wrote {folder}, with ten new faces in {folder / 'faces.png'}; for more of them:")
    print(f"  {PROGRAM} generate --model {shlex.quote(str(folder))} --count 100 --out faces.png")


def _run(options, settings, epochs, folder):
    from vae_keras import training

    run = dict(epochs=epochs, batch_size=settings.batch_size, seed=settings.seed, optimizer=options.optimizer)
    return run | dict(folder=folder, callbacks=[training.Progress(lines=epochs)])


def _sharpen(options, settings, faces, folder):
    """Sharpen the plain model in a folder; its sizes are those of its card, whatever is asked for."""
    from vae_keras import diffusion, images, pretrained, sharpen, training

    plain = pretrained.load(folder, plain=True)
    images.save_images(plain.generate(10, seed=settings.seed), folder / "faces-plain.png")
    print(f"sharpening its decoder for {options.sharpen} epochs", flush=True)
    run = _run(options, settings, options.sharpen, folder / pretrained.SHARPENING)
    vae, history = sharpen.sharpen(plain.vae, faces.train, validation=faces.validation, **run)
    print("fitting a diffusion model to its codes; interrupted, that begins again", flush=True)
    how = dict(seed=settings.seed, callbacks=[training.Progress()])
    fitted = diffusion.fit(plain.vae, faces.train, plain.prior, faces.validation, **how)
    if not diffusion.helps(fitted[1]):
        print("it guesses codes hardly better than the mixture, which stays", flush=True)
        fitted = None
    return _finish(vae, faces, history, options, settings, folder, plain=plain, diffusion=fitted)


def _finish(vae, faces, history, options, settings, folder, **sharpened):
    from vae_keras import pretrained

    print("fitting the prior and the attribute directions", flush=True)
    note = dict(seconds=history["seconds"].sum(), seed=settings.seed, command=options.command_line)
    model = pretrained.finish(vae, faces, epochs=len(history), **sharpened, **note)
    pretrained.save(model, folder)
    return model


def _waits_to_be_sharpened(folder, options, settings, source):
    """Return whether the folder to be trained into holds a plain model that waits to be sharpened.

    Raises ValueError where a finished model stands in the way, or is of other pictures than those to sharpen it with.
    """
    from vae_keras import pretrained

    trained = (folder / "card.json").exists() and not options.force and not (folder / "checkpoint").exists()
    if trained:
        model = pretrained.load(folder)
        if model.sharpened or not options.sharpen:
            raise ValueError(
                f"{folder} holds a trained model: choose another --out, or replace it with --force."
            )
        if (size := model.vae.network["image_size"]) != settings.image_size:
            raise ValueError(
                f"{folder} holds a model for pictures of {size} pixels: add --image-size {size}."
            )
        if (name := model.card["source"]) != source.name:
            raise ValueError(f"{folder} holds a model of {name}, not of {source.name}: give its own --data.")
        if model.card["find_face"] != source.find_face:
            raise ValueError(
                f"{folder} holds a model of otherwise cropped faces: --find-face as when it was made."
            )
    return trained


def generate(options):
    """Draw new faces; the same ones for the same seed.

    examples:
      python -m vae_keras generate --model celeba --count 4000 --seed 0 --out faces.npy
      python -m vae_keras generate --model runs/lfw --prior standard --temperature 0.7 --out faces/
      python -m vae_keras generate --model celeba --count 64 --attribute Smiling --out smiling.png
    """
    model = _model(options)
    z = model.sample(options.count, options.seed, options.temperature, options.prior, options.attribute)
    _write(model, z, options.out)


def reconstruct(options):
    """Encode pictures and decode them again.

    examples:
      python -m vae_keras reconstruct --model celeba --images photograph.jpg --out reconstruction.png
      python -m vae_keras reconstruct --model celeba --images folder/ --out r.npy
    """
    from vae_keras import latent

    model = _model(options)
    _write(model, latent.encode(model.vae, _read(model, options.images, options.out))[0], options.out)


def edit(options):
    """Move faces along an attribute: strength 1 gives it to most faces that lack it, -1 takes it away.

    examples:
      python -m vae_keras edit --model celeba --images x.npy --attribute Smiling --strength 1 --out e.npy
      python -m vae_keras edit --model anime --images face.png --attribute Blue_Hair --out blue.png
    """
    from vae_keras import latent

    model = _model(options)
    direction = model.direction(options.attribute)
    z, _ = latent.encode(model.vae, _read(model, options.images, options.out))
    _write(model, latent.edit(z, direction, options.strength), options.out)


def interpolate(options):
    """Walk from one face to another, both ends included: as a strip, a .gif, a .npy or a folder.

    examples:
      python -m vae_keras interpolate --model celeba --images one.jpg two.jpg --steps 8 --out strip.png
      python -m vae_keras interpolate --model celeba --images two.npy --steps 30 --spherical --out walk.gif
    """
    import numpy as np

    from vae_keras import images, latent, plots, pretrained, storage

    model = pretrained.load(options.model, options.plain)
    two = np.concatenate([_read(model, path, options.out) for path in options.images])
    if len(two) != 2:
        raise ValueError(
            f"The way leads from face to face, but --images holds {len(two)}: give two pictures."
        )
    start, end = latent.encode(model.vae, two)[0]
    frames = latent.decode(model.vae, latent.interpolate(start, end, options.steps, options.spherical))
    suffix = options.out.suffix.lower()
    if suffix == ".gif":
        with storage.replacing(options.out.parent, [options.out.name]) as (part,):
            plots.gif(frames, part, most=len(frames))
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
    from vae_keras import assessment, data, metrics, pretrained, sources

    model = pretrained.load(options.model, options.plain)
    card, size = model.card, model.vae.network["image_size"]
    pictures = options.pictures or (None if options.data else card["limit"])
    source = sources.get_source(options.data or card["data"], card["find_face"])
    faces = data.prepare(source, size, pictures, progress=not options.json)
    figures = assessment.evaluate(model, faces, metrics.fit_pca(faces.train[:20_000]))
    print(json.dumps(figures) if options.json else _readable(figures))


def judge(options):
    """Train the network that names attributes and measures faces, on labelled pictures, and write its folder.

    After an interruption the same command continues.

    examples:
      python -m vae_keras judge --data celeba --out runs/judge
      python -m vae_keras judge --data ~/labelled-faces.zip --epochs 60 --out runs/judge
    """
    import keras

    from vae_keras import config, data, training
    from vae_keras import judge as room

    keras.config.set_dtype_policy(config.get_config(dataset=options.data).precision)
    faces = data.prepare(options.data, room.SIZE, options.pictures)
    make = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: options.out.mkdir(parents=True, exist_ok=True)
    )
    watch = [make, training.Progress(lines=options.epochs)]  # what cannot be made is said before training
    found = room.train(faces, options.epochs, seed=options.seed, callbacks=watch, folder=options.out)
    room.save(found, options.out)
    found = room.load(options.out)  # measured as it will be used: halved, in float32
    figures, table = room.evaluate(found, faces)
    found.card |= dict(source=faces.source.name, command=options.command_line, terms=faces.source.terms)
    found.card |= dict(figures=figures, attribute_figures=table.round(4).to_dict("index"))
    room.save(found, options.out)
    shutil.rmtree(options.out / "checkpoint")
    print(
        table.round(3).to_string(), "", *(f"{name} {value:.4g}" for name, value in figures.items()), sep="\n"
    )


def _model(options):
    """Load the model, where what it will make can be written: else that is said now, not after minutes."""
    from vae_keras import images, pretrained

    images.check_output(options.out)
    return pretrained.load(options.model, options.plain)


def _read(model, path, out):
    from vae_keras import images

    path = Path(path).expanduser()
    if out.resolve() in (path.resolve(), *path.resolve().parents):
        raise ValueError(f"{out} holds the pictures to be read: give --out another name.")
    frame = dict(crop=model.card["crop"], find_face=model.card["find_face"])
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
    text = (
        "on {pictures} held-out pictures: squared error {squared_error:.5f}, PCA's {pca_squared_error:.5f}, "
        "ratio {ratio:.2f}; KL {kl:.1f} nats, {active_units} active units"
    ).format(**figures)
    if found := figures.get("distance"):
        names = dict(reconstructions="reconstructions", new="new faces", training="training pictures")
        text += "; distance by the judge: " + ", ".join(
            f"{names[of]} {value:.2f}" for of, value in found.items()
        )
    return text
