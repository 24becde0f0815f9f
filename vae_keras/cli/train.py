"""Train a model and write its folder; after an interruption the same command continues.

Examples:
  python -m vae_keras train --data lfw --epochs 30 --out runs/lfw
  python -m vae_keras train --data my-photos/ --align --image-size 128 --out runs/mine
  python -m vae_keras train --data celeba --sharpen 24 --out runs/celeba
  python -m vae_keras train --data celeba --noise --out runs/denoiser
"""

import shlex

from vae_keras import config
from vae_keras.cli import PROGRAM, common
from vae_keras.cli.options import (
    add_align,
    add_data,
    add_pictures,
    add_seed,
    number,
    output_folder,
    whole_number,
)

LARGEST_BETA = (
    1e6  # far beyond what leaves anything of the pictures; the loss of still larger ones is no number
)


def add_arguments(parser):
    """Declare the options of this command."""
    add_data(parser)
    parser.add_argument("--out", required=True, type=output_folder, help="the model's folder")
    parser.add_argument(
        "--epochs",
        type=whole_number(1),
        default=20,
        help="passes over the pictures (default: 20)",
    )
    parser.add_argument(
        "--sharpen",
        type=whole_number(1),
        help="epochs of sharpening after it, and a better prior (default: none)",
    )
    parser.add_argument("--image-size", type=whole_number(1), help="pixels a side, 64 or 128 (default: 64)")
    parser.add_argument("--latent-dim", type=whole_number(2), help="latent variables per face (default: 128)")
    parser.add_argument("--batch-size", type=whole_number(1), help="pictures per step (default: 64)")
    add_pictures(parser, "all")
    parser.add_argument(
        "--likelihood", choices=("gaussian", "mse", "bce"), default="gaussian", help="(default: gaussian)"
    )
    parser.add_argument(
        "--beta", type=number(0, LARGEST_BETA), default=1.0, help="weight of the KL term (default: 1)"
    )
    parser.add_argument(
        "--optimizer",
        choices=("adam", "muon"),
        default="muon",
        help="of the training and of the sharpening (default: muon)",
    )
    add_align(parser)
    parser.add_argument(
        "--noise",
        action="store_true",
        help="learn to draw clean faces of noisy ones, for denoise",
    )
    add_seed(parser)
    parser.add_argument(
        "--force", action="store_true", help="replace the model, or the unfinished run, that is in --out"
    )


def run(options):
    """Train a model, sharpen it if that is wished, and write its folder."""
    from vae_keras import data, hub, training
    from vae_keras.hub.folders import remove_checkpoints

    folder = options.out
    settings = config.settings(
        profile="full",
        dataset=options.data,
        epochs=options.epochs,
        pictures=options.pictures,
        image_size=options.image_size,
        latent_dim=options.latent_dim,
        batch_size=options.batch_size,
        seed=options.seed,
    )
    hub.check_folder(folder)
    dataset = data.get_dataset(options.data, align=options.align)
    vae = training.build_vae(settings, likelihood=options.likelihood, beta=options.beta)
    is_trained = waits_to_be_sharpened(options, settings, dataset)
    faces = data.load_faces(dataset, settings.image_size, settings.pictures)
    common.check_parts(faces)
    hub.claim_folder(folder)  # what cannot be written is said now, not after hours
    if options.force:
        remove_checkpoints(folder)
    print(f"{dataset.title}: {len(faces.train)} pictures to train on, {len(faces.test)} held out", flush=True)
    if not is_trained:
        model = train_plain(vae, faces, options, settings)
    if options.sharpen:
        model = sharpen(faces, options, settings)
    save_ten_faces(model, folder / "faces.png", settings.seed)
    print(common.describe_figures(model.card.get("sharpened", model.card)["figures"]))
    print(f"wrote {folder}, with ten new faces in {folder / 'faces.png'}; for more of them:")
    print(f"  {PROGRAM} generate --model {shlex.quote(str(folder))} --count 100 --out faces.png")


def waits_to_be_sharpened(options, settings, dataset) -> bool:
    """Return whether the folder to be trained into holds a plain model that waits to be sharpened.

    Raises:
        ValueError: It holds a finished model, or one of other pictures than those to sharpen it with.
    """
    from vae_keras import hub

    folder = options.out
    is_finished = (folder / "card.json").exists() and not (folder / "checkpoint").exists()
    if options.force or not is_finished:
        return False
    model = hub.load(folder)
    if model.sharpened or not options.sharpen:
        raise ValueError(f"{folder} holds a trained model: choose another --out, or replace it with --force.")
    size = model.vae.image_size
    if size != settings.image_size:
        raise ValueError(f"{folder} holds a model for pictures of {size} pixels: add --image-size {size}.")
    source = model.card["source"]
    if source != dataset.name:
        raise ValueError(f"{folder} holds a model of {source}, not of {dataset.name}: give its own --data.")
    if model.card["find_face"] != dataset.align:
        raise ValueError(f"{folder} holds a model of otherwise cropped faces: --align as when it was made.")
    return True


def train_plain(vae, faces, options, settings):
    """Train a VAE and write it to the folder; return the `Pretrained`."""
    from vae_keras import data, hub, training
    from vae_keras.applications.denoising import noisy_pairs
    from vae_keras.release.package import package

    folder = options.out
    (folder / "checkpoint").mkdir(exist_ok=True)  # says that a model that stands there is given up
    history = training.fit(
        vae,
        faces.train,
        faces.validation,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        optimizer=options.optimizer,
        augment=noisy_pairs if options.noise else data.augment,
        seed=settings.seed,
        folder=folder,
        callbacks=[training.Progress(lines=settings.epochs)],
    )
    print("fitting the prior and the attribute directions", flush=True)
    model = package(
        vae,
        faces,
        epochs=len(history),
        seconds=history["seconds"].sum(),
        seed=settings.seed,
        command=options.command_line,
    )
    hub.save(model, folder)
    return model


def sharpen(faces, options, settings):
    """Sharpen the plain model in the folder, fit a better prior and write both; return the `Pretrained`.

    The sizes are those of the model's card, whatever is asked for.
    """
    from vae_keras import data, hub, sharpening, training
    from vae_keras.hub.folders import SHARPENING
    from vae_keras.release.package import package

    folder = options.out
    plain = hub.load(folder, plain=True)
    save_ten_faces(plain, folder / "faces-plain.png", settings.seed)
    print(f"sharpening its decoder for {options.sharpen} epochs", flush=True)
    vae, history = sharpening.sharpen(
        plain.vae,
        faces.train,
        validation=faces.validation,
        epochs=options.sharpen,
        batch_size=settings.batch_size,
        optimizer=options.optimizer,
        augment=data.augment,
        seed=settings.seed,
        folder=folder / SHARPENING,
        callbacks=[training.Progress(lines=options.sharpen)],
    )
    print("fitting a diffusion model to its codes; interrupted, that begins again", flush=True)
    diffusion = sharpening.fit_denoiser(
        plain.vae,
        faces.train,
        plain.prior,
        faces.validation,
        seed=settings.seed,
        callbacks=[training.Progress()],
    )
    if not sharpening.gains(diffusion[1]):
        print("it guesses codes hardly better than the mixture, which stays", flush=True)
        diffusion = None
    print("fitting the attribute directions", flush=True)
    model = package(
        vae,
        faces,
        epochs=len(history),
        seconds=history["seconds"].sum(),
        seed=settings.seed,
        command=options.command_line,
        plain=plain,
        diffusion=diffusion,
    )
    hub.save(model, folder)
    return model


def save_ten_faces(model, path, seed):
    """Write ten new faces of a model to a picture, unless a picture of the user's has that name."""
    from vae_keras import data

    try:
        data.save_images(model.generate(10, seed=seed), path)
    except data.ImageError as error:
        print(f"no new faces are shown: {error}", flush=True)
