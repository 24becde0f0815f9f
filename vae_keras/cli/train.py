"""Train a model and write its folder; after an interruption the same command continues.

Examples:
  python -m vae_keras train --data lfw --epochs 30 --out runs/lfw
  python -m vae_keras train --data my-photos/ --align --image-size 128 --out runs/mine
  python -m vae_keras train --data friends.tgz --layout folder --crop 0.8 --split person --out runs/friends
  python -m vae_keras train --data celeba --sharpen 24 --out runs/celeba
  python -m vae_keras train --data celeba --noise --out runs/denoiser
  python -m vae_keras train --data lfw --epochs 10 --continue --out runs/lfw
"""

import contextlib
import shlex

from vae_keras import backend, config, storage
from vae_keras.cli import PROGRAM, common
from vae_keras.cli.options import (
    add_align,
    add_data,
    add_pictures,
    add_seed,
    number,
    output_folder,
    overrides,
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
    parser.add_argument(
        "--image-size", type=whole_number(1), help="pixels a side, such as 64, 128 or 256 (default: 64)"
    )
    parser.add_argument("--latent-dim", type=whole_number(2), help="latent variables per face (default: 128)")
    parser.add_argument("--batch-size", type=whole_number(1), help="pictures per step (default: 64)")
    add_pictures(parser, "all")
    parser.add_argument("--likelihood", choices=("gaussian", "mse", "bce"), help="(default: gaussian)")
    parser.add_argument("--beta", type=number(0, LARGEST_BETA), help="weight of the KL term (default: 1)")
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
        "--continue",
        dest="further",
        action="store_true",
        help="train the finished model in --out further, for --epochs more; its sizes, likelihood and beta stay",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the model, or the unfinished run, that is in --out"
    )


def run(options):
    """Train a model, sharpen it if that is wished, and write its folder."""
    from vae_keras import data, hub, training
    from vae_keras.hub.folders import remove_checkpoints

    folder = options.out
    check_further(options)
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
    dataset = data.get_dataset(options.data, align=options.align, **overrides(options))
    beta = 1.0 if options.beta is None else options.beta
    vae = training.build_vae(settings, likelihood=options.likelihood or "gaussian", beta=beta)
    find_trained(options, settings, dataset)  # what it refuses is said before the pictures are read
    faces = data.load_faces(dataset, settings.image_size, settings.pictures)
    common.check_parts(faces)
    hub.claim_folder(folder)  # what cannot be written is said now, not after hours
    with storage.locked(folder):
        trained = find_trained(options, settings, dataset)  # another run may have ended meanwhile
        if options.force:
            remove_checkpoints(folder)
        print(
            f"{dataset.title}: {len(faces.train)} pictures to train on, {len(faces.test)} held out",
            flush=True,
        )
        if trained is None or options.further:
            model = train_plain(vae, faces, options, settings, trained)
        if options.sharpen:
            model = sharpen(faces, options, settings)
    print(common.describe_figures(model.card.get("sharpened", model.card)["figures"]))
    print(f"wrote {folder}, with ten new faces in {folder / 'faces.png'}; for more of them:")
    print(f"  {PROGRAM} generate --model {shlex.quote(str(folder))} --count 100 --out faces.png")


def check_further(options) -> None:
    """Raise ValueError where --continue stands beside options that it excludes, or there is no model to train on."""
    if not options.further:
        return
    for name in ("force", "sharpen"):
        if getattr(options, name):
            raise ValueError(f"--continue and --{name} exclude each other: leave one of them out.")
    if not (options.out / "card.json").exists():
        raise ValueError(
            f"{options.out} holds no trained model: train one without --continue, which also goes on with an "
            "unfinished training."
        )


def find_trained(options, settings, dataset):
    """Return the plain model in --out that is to be sharpened or trained further; None: a new one is to be trained.

    Raises:
        ValueError: It holds a finished model, one of other pictures or sizes than the command's, or an unfinished
            training that this command does not go on with.
    """
    from vae_keras import hub
    from vae_keras.hub.folders import is_unfinished

    folder = options.out
    if options.force or not (folder / "card.json").exists():
        return None
    if is_unfinished(folder):
        check_unfinished(options)
        if not options.further:
            return None
    model = hub.load(folder)
    check_wish(options, model)
    size = model.vae.image_size
    if size != settings.image_size:
        raise ValueError(f"{folder} holds a model for pictures of {size} pixels: add --image-size {size}.")
    check_pictures(folder, model.card, dataset)
    if options.further:
        check_network(options, model.vae)
        check_continued(folder, model.card)
    return model


def check_wish(options, model) -> None:
    """Raise ValueError where a finished model is not to be, or cannot be, trained further or sharpened."""
    from vae_keras.hub.folders import SHARPENING, is_unfinished

    folder = options.out
    if options.further and model.sharpened:
        raise ValueError(
            f"{folder} holds a sharpened model, which --continue does not train: give another --out."
        )
    if model.sharpened:
        remove_leftovers(folder)
    if options.further and is_unfinished(folder / SHARPENING):
        raise ValueError(
            f"{folder} holds an unfinished sharpening of its model: finish that by its own command, or remove "
            f"{folder / SHARPENING} to give it up."
        )
    if not options.further and (model.sharpened or not options.sharpen):
        further = "" if model.sharpened else "train it further with --continue, "
        raise ValueError(
            f"{folder} holds a trained model: {further}choose another --out, or replace it with --force."
        )


def remove_leftovers(folder) -> None:
    """Remove checkpoints that a process that was killed as it saved has left, unless another run has the folder."""
    from vae_keras.hub.folders import remove_checkpoints

    with contextlib.suppress(ValueError), storage.locked(folder):
        remove_checkpoints(folder)


def check_pictures(folder, card, dataset) -> None:
    """Raise ValueError where the model of a card was trained on other pictures than those of a data set."""
    layout = card.get("overrides", {}).get("layout")
    if layout != dataset.overrides["layout"]:
        what_next = "leave out --layout" if layout is None else f"add --layout {layout}"
        raise ValueError(
            f"{folder} holds a model of pictures that were taken for another layout: {what_next}."
        )
    if card["source"] != dataset.name:
        raise ValueError(
            f"{folder} holds a model of {card['source']}, not of {dataset.name}: give its own --data."
        )
    if card["find_face"] != dataset.align:
        raise ValueError(f"{folder} holds a model of otherwise cropped faces: --align as when it was made.")
    split = card.get("overrides", {}).get("split")
    if (card["crop"], split) != (dataset.crop, dataset.overrides["split"]):
        raise ValueError(
            f"{folder} holds a model of otherwise cropped or split pictures: --crop and --split as when it was made."
        )


def check_unfinished(options) -> None:
    """Raise ValueError where the unfinished training beside a model is not of the command's kind.

    It continues the model, or it began anew with --force to replace it.
    """
    from vae_keras import training

    folder = options.out
    continues = training.what_it_continues(folder)
    if continues is None and options.further:
        raise ValueError(
            f"{folder} holds an unfinished training that began anew to replace the model there: finish it by its own "
            f"command without --continue, or remove {folder / 'checkpoint'} to keep the model."
        )
    if continues is not None and not options.further:
        raise ValueError(
            f"{folder} holds an unfinished training that continues the model there: repeat its command with "
            "--continue, or replace both with --force."
        )


def check_continued(folder, card) -> None:
    """Raise ValueError where a model is neither what the unfinished training beside it continues nor what it gave."""
    from vae_keras import training
    from vae_keras.hub.folders import WEIGHTS, is_unfinished

    if not is_unfinished(folder):
        return
    continues = training.what_it_continues(folder)
    if card.get("continues") == continues:  # the process was killed before it removed the checkpoint
        return
    if continues["weights"] != storage.checksum(folder / WEIGHTS):
        raise ValueError(
            f"{folder} holds another model than the one that its unfinished training continues: put that one back, "
            f"or remove {folder / 'checkpoint'} to give the training up."
        )


def what_to_continue(folder, card) -> dict:
    """Return what --continue goes on with: the checksum of the weights, and the epochs and minutes behind them.

    An unfinished training knows it: the model in the folder may be what it gave.
    """
    from vae_keras import training
    from vae_keras.hub.folders import WEIGHTS, is_unfinished

    if is_unfinished(folder):
        return training.what_it_continues(folder)
    return {
        "weights": storage.checksum(folder / WEIGHTS),
        "epochs": card.get("epochs", 0),
        "minutes": card.get("minutes", 0),
    }


def check_network(options, vae) -> None:
    """Raise ValueError where an option asks for another network than the one that is trained further."""
    own = {"latent_dim": vae.latent_dim, "likelihood": vae.likelihood, "beta": vae.full_beta}
    for name, value in own.items():
        if getattr(options, name) not in (None, value):
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{options.out} holds a model with {option} {value}: leave that option out.")


def train_plain(vae, faces, options, settings, trained=None):
    """Train a VAE, or the one of a trained model further, and write it to the folder; return the `Pretrained`."""
    from vae_keras import data, hub, training
    from vae_keras.release.package import package

    augment = data.augment
    if options.noise:
        backend.require_tensorflow("Learning from noise")
        from vae_keras.applications.denoising import noisy_pairs as augment

    folder = options.out
    continues = None
    if trained is not None:
        vae, continues = trained.vae, what_to_continue(folder, trained.card)
    history = training.fit(
        vae,
        faces.train,
        faces.validation,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        optimizer=options.optimizer,
        augment=augment,
        seed=settings.seed,
        folder=folder,
        continues=continues,
        callbacks=[training.Progress(lines=settings.epochs)],
    )
    print("fitting the prior and the attribute directions", flush=True)
    epochs, seconds = len(history), history["seconds"].sum()
    if continues is not None:
        epochs += continues["epochs"]
        seconds += 60 * continues["minutes"]
    model = package(
        vae, faces, epochs=epochs, seconds=seconds, seed=settings.seed, command=options.command_line
    )
    if continues is not None:
        model.card["continues"] = continues
    save_ten_faces(model, folder / "faces.png", settings.seed)
    hub.save(model, folder)  # comes last: until then the same command goes on
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
    save_ten_faces(model, folder / "faces.png", settings.seed)
    hub.save(model, folder)
    return model


def save_ten_faces(model, path, seed):
    """Write ten new faces of a model to a picture, unless a picture of the user's has that name."""
    from vae_keras import data

    try:
        data.save_images(model.generate(10, seed=seed), path)
    except data.ImageError as error:
        print(f"no new faces are shown: {error}", flush=True)
