"""Find the faces that are most like a face, by the model's codes.

The grid has a row for each picture: itself, and then the faces that were found, the nearest first.

Examples:
  python -m vae_keras search --model celeba --images me.jpg --among folder/ --out found.png
  python -m vae_keras search --model celeba --images me.jpg --among faces.npy --count 7 --by pixels --out found.png
"""

from vae_keras.cli import common
from vae_keras.cli.options import (
    add_images,
    add_model,
    add_no_align,
    add_overwrite,
    output_path,
    whole_number,
)


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_images(parser)
    parser.add_argument(
        "--among", required=True, nargs="+", help="pictures to be searched: files, a folder or a .npy"
    )
    parser.add_argument("--out", required=True, type=output_path(), help="a picture, such as found.png")
    parser.add_argument(
        "--count", type=whole_number(1), default=5, help="faces that are found for each picture (default: 5)"
    )
    parser.add_argument(
        "--by",
        choices=("code", "pixels"),
        default="code",
        help="what is compared (default: code)",
    )
    add_no_align(parser)
    add_overwrite(parser)


def run(options):
    """Search pictures, print what was found and write it as a grid."""
    import numpy as np

    from vae_keras import data, evaluation
    from vae_keras.applications import search

    model = common.load_model(options)
    paths = common.image_paths(options)
    among = common.paths_of(options.among)
    common.check_apart(options.out, among)
    align = not options.no_align
    images, searched = common.read_faces(paths, model, align)
    candidates, names = common.read_faces(among, model, align)
    print(f"searching {len(candidates)} faces", flush=True)
    if options.by == "pixels":
        found, distances = evaluation.nearest_pictures(images, candidates, options.count)
    else:
        found, distances = search.search(model.vae, images, candidates, options.count)
    for name, rows, lengths in zip(searched, found, distances):
        nearest = ", ".join(f"{names[row]} ({length:.3g})" for row, length in zip(rows, lengths))
        print(f"{name}: {nearest}")
    rows = np.concatenate([images[:, None], candidates[found]], axis=1)
    grid = data.grid_image(rows.reshape(-1, *images.shape[1:]), columns=1 + options.count)
    data.save_images(grid[None], options.out, force=options.force)
    print(f"wrote {options.out}")
