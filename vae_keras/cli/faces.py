"""Train for some minutes and show new faces: the first command to try.

It writes faces.png and faces.gif, and refreshes the picture while it trains. Drawn faces take 5 minutes on two cores.
Photographs take about 10, and longer the first time, when they are downloaded and prepared.

Examples:
  python -m vae_keras faces
  python -m vae_keras faces --data ~/photographs --align
  python -m vae_keras faces --data celeba --pictures 20000 --epochs 20
"""

from pathlib import Path

from vae_keras.cli import common
from vae_keras.cli.options import (
    add_align,
    add_data,
    add_overwrite,
    add_seed,
    output_folder,
    overrides,
    whole_number,
)

DRAWN = "cartoon"
DRAWN_EPOCHS = 5
PHOTOGRAPH_EPOCHS = 12
PHOTOGRAPHS = 10_000  # at most, unless --pictures says otherwise
NEXT = (
    "`make site` makes pages of the lessons, `make lab` opens them for running, and "
    "`python -m vae_keras --help` lists the commands"
)


def add_arguments(parser):
    """Declare the options of this command."""
    add_data(parser, default=DRAWN)
    parser.add_argument(
        "--out",
        type=output_folder,
        default=Path("build"),
        help="the folder of faces.png and faces.gif; other files in it stay (default: build)",
    )
    parser.add_argument(
        "--epochs",
        type=whole_number(1),
        help=f"passes over the pictures (default: {DRAWN_EPOCHS}, of photographs {PHOTOGRAPH_EPOCHS})",
    )
    parser.add_argument(
        "--pictures",
        type=whole_number(2),
        help=f"training pictures at most (default: all drawn faces, {PHOTOGRAPHS:,} photographs)",
    )
    parser.add_argument("--image-size", type=whole_number(8), default=64, help="pixels a side (default: 64)")
    add_align(parser)
    add_seed(parser)
    add_overwrite(parser)


def run(options):
    """Train, and write a picture and an animation of what was learned."""
    from vae_keras import data
    from vae_keras.applications.first_faces import check_outputs, make_first_faces

    check_outputs(options.out, options.force)
    drawn = options.data == DRAWN
    pictures = options.pictures
    if pictures is None and not drawn:
        pictures = PHOTOGRAPHS
    epochs = options.epochs or (DRAWN_EPOCHS if drawn else PHOTOGRAPH_EPOCHS)
    dataset = data.get_dataset(options.data, align=options.align, **overrides(options))
    faces = data.load_faces(dataset, options.image_size, pictures)
    common.check_parts(faces)
    print(f"training on {len(faces.train):,} pictures: {faces.dataset.title}", flush=True)
    page, animation = make_first_faces(faces, options.out, epochs, options.seed, options.force)
    print(f"wrote {page} and {animation}: look at them")
    print(f"next: {NEXT}")
