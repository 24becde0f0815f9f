"""Give the faces in a photograph what another face has: its smile, its glasses, its hair; or the style of pictures.

A face gets as much of an attribute as the face of --from has, which may be less than its own. A style is the step
from one set of pictures to another. As with edit, the photograph keeps its size, and every pixel that does not change.

Examples:
  python -m vae_keras transfer --model celeba --images me.jpg --from other.jpg --attribute Smiling --out smile.jpg
  python -m vae_keras transfer --model celeba --images me.jpg --style-from cold/ --style-to warm/ --out warm.jpg
"""

import functools

from vae_keras.cli import common, edit
from vae_keras.cli.options import add_faces_output, add_images, add_model, add_no_align, number, whole_number


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_images(parser)
    add_faces_output(parser)
    parser.add_argument("--from", dest="giver", help="the photograph of the face that gives")
    parser.add_argument(
        "--from-face", type=whole_number(1), default=1, help="of its faces: 1 is the largest (default: 1)"
    )
    parser.add_argument(
        "--attribute",
        nargs="+",
        default=[],
        help="what it gives, such as Smiling Eyeglasses; a wrong name is answered with the model's own",
    )
    parser.add_argument("--style-from", nargs="+", help="pictures, or a folder of them, without the style")
    parser.add_argument("--style-to", nargs="+", help="pictures, or a folder of them, with the style")
    parser.add_argument(
        "--strength", type=number(-100), default=1.0, help="how much of it; 0 changes nothing (default: 1)"
    )
    edit.add_face(parser)
    add_no_align(parser)


def run(options):
    """Transfer, and write the pictures."""
    from vae_keras import latent
    from vae_keras.applications.transfer import style

    check_pairs(options)
    model = common.load_model(options)
    for name in options.attribute:
        model.direction(name)  # a wrong name is said before minutes of work
    giver = step = None
    if options.giver:
        images = read_faces([options.giver], model, options, options.from_face)
        if len(images) != 1:
            raise ValueError(f"{options.giver} holds {len(images)} pictures: --from takes one, of who gives.")
        giver, _ = latent.encode(model.vae, images)
    if options.style_to:
        before, after = (
            read_faces(paths, model, options) for paths in (options.style_from, options.style_to)
        )
        step = style(model.vae, before, after)
    edit.write_moved(model, functools.partial(move, model, giver, step, options), options)


def check_pairs(options):
    """Raise ValueError where one half of what belongs together is missing."""
    if bool(options.giver) != bool(options.attribute):
        raise ValueError("--from and --attribute belong together: who gives, and what.")
    if bool(options.style_from) != bool(options.style_to):
        raise ValueError("--style-from and --style-to belong together: a style is a step between the two.")
    if not options.giver and not options.style_to:
        raise ValueError(
            "There is nothing to transfer: give --from and --attribute, or --style-from and --style-to."
        )


def read_faces(words, model, options, face=1):
    """Return a face of each picture at some paths.

    Raises:
        ValueError: --out would replace the pictures, or they cannot be used.
    """
    paths = common.paths_of(words)
    common.check_apart(options.out, paths)
    return common.read_faces(paths, model, not options.no_align, face)[0]


def move(model, giver, step, options, z):
    """Return codes (n, latent_dim) with what is transferred: attributes of `giver`, and a step of style."""
    from vae_keras.applications.transfer import transfer

    if giver is not None:
        z = transfer(model, z, giver, options.attribute, options.strength)
    return z if step is None else z + options.strength * step
