"""Change attributes of the faces in a photograph: strength 1 gives one to most faces that lack it, -1 takes it away.

The face is found and aligned; the photograph keeps its size, and every pixel that the edit does not change.

Examples:
  python -m vae_keras edit --model celeba --images me.jpg --attribute Smiling --out smile.jpg
  python -m vae_keras edit --model celeba --images me.jpg --attribute Smiling=1 Young=-0.5 --out e.png
  python -m vae_keras edit --model celeba --images group.jpg --show-faces --out numbers.jpg
  python -m vae_keras edit --model celeba --images group.jpg --face 2 --attribute Smiling --out second.jpg
  python -m vae_keras edit --model anime --images face.png --attribute Blue_Hair --face-only --out blue.png
"""

import argparse
import functools

from vae_keras.cli import common
from vae_keras.cli.options import add_faces_output, add_images, add_model, add_no_align, number, whole_number


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_images(parser)
    add_faces_output(parser)
    parser.add_argument(
        "--attribute",
        nargs="+",
        type=attribute_and_strength,
        default=[],
        help="such as Smiling, or several with their strengths: Smiling=1 Young=-0.5; "
        "a wrong name is answered with the model's own",
    )
    parser.add_argument(
        "--strength",
        type=number(-100),
        default=1.0,
        help="how far, of attributes without a strength of their own; negative: back (default: 1)",
    )
    add_face(parser)
    parser.add_argument(
        "--show-faces",
        action="store_true",
        help="write the photograph with its faces numbered, and edit nothing",
    )
    add_no_align(parser)


def add_face(parser):
    """Add the options that say which faces are edited, and what of a photograph is written."""
    parser.add_argument(
        "--face",
        type=whole_number(1),
        help="edit one face: 1 is the largest (default: all; with --face-only the largest)",
    )
    parser.add_argument(
        "--face-only", action="store_true", help="write the edited face alone, at the model's size"
    )


def attribute_and_strength(text: str) -> tuple[str, float | None]:
    """Convert an option for argparse: NAME, or NAME=STRENGTH."""
    name, equals, strength = text.partition("=")
    if not equals:
        return name, None
    try:
        return name, number(-100)(strength)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None


def run(options):
    """Edit pictures and write them."""
    if options.show_faces:
        show_faces(options)
        return
    if not options.attribute:
        raise ValueError("There is nothing to edit: give --attribute, such as --attribute Smiling.")
    from vae_keras.applications import full_size

    model = common.load_model(options)
    strengths = {}
    for name, strength in options.attribute:
        model.direction(name)  # a wrong name is said before minutes of work
        strengths[name] = options.strength if strength is None else strength
    write_moved(model, functools.partial(full_size.edit_codes, model, strengths=strengths), options)


def write_moved(model, move, options):
    """Write pictures whose faces have moved codes.

    Args:
        model: a `Pretrained`.
        move: a function from codes (n, latent_dim) to codes of this shape.
        options: those of this command.
    """
    if options.face_only:
        move_faces(model, move, options)
    else:
        move_photos(model, move, options)


def move_faces(model, move, options):
    """Write the moved faces alone, at the model's size."""
    from vae_keras import latent

    z, _ = latent.encode(model.vae, common.read_images(options, model, options.face or 1))
    common.write_faces(model, move(z), options)


def move_photos(model, move, options):
    """Write the photographs with their faces moved, at their own size."""
    from vae_keras import data
    from vae_keras.applications import full_size, photo

    def edit_file(path):
        """Return the edited photographs of a file, of which a .npy holds several."""
        pictures = []
        for name, picture in photo.read_photos(path):
            faces, found = choose_faces(model, picture, name, options)
            for face in faces:
                picture = full_size.move_photograph(model, picture, face, move)
            pictures.append(picture)
            print(f"{name}: {found}", flush=True)
        for name in photo.transparent_photos([path]):
            print(f"{name}: what was transparent is white now")
        return pictures

    files, _ = common.read_each(common.image_paths(options), edit_file)
    edited = [picture for pictures in files for picture in pictures]
    if len(edited) > 1 and len({picture.shape for picture in edited}) > 1 and options.out.suffix:
        raise ValueError(
            f"{options.out} is one file for {len(edited)} photographs of several sizes: name a folder."
        )
    images = edited[0][None] if len(edited) == 1 else edited  # a large photograph is not copied
    data.save_images(images, options.out, force=options.force)
    print(f"wrote {options.out}")


def choose_faces(model, picture, name, options):
    """Return the faces of a photograph that are to be edited, and a line that says so."""
    from vae_keras.applications import photo
    from vae_keras.data.alignment import choose_face

    if options.no_align or photo.is_framed(picture, model):
        return [photo.crop_photo(picture, model)], "taken as it is framed; edited"
    faces = photo.find_in_photo(picture, model, name)
    found = f"{len(faces)} face{'s' if len(faces) > 1 else ''} found"
    if options.face is None:
        return faces, f"{found}; edited: {len(faces)}"
    return [choose_face(faces, options.face, name)], f"{found}; edited: number {options.face}"


def show_faces(options):
    """Write a photograph with its faces numbered."""
    from vae_keras import data
    from vae_keras.applications import photo

    data.check_output(options.out, force=options.force)
    pictures = list(photo.read_photos(common.image_paths(options)))
    if len(pictures) != 1:
        raise ValueError(f"--show-faces takes one photograph, and --images holds {len(pictures)}.")
    numbered, count = photo.number_faces(pictures[0][1])
    data.save_images([numbered], options.out, force=options.force)
    print(f"wrote {options.out}: {count} face{'' if count == 1 else 's'}")
