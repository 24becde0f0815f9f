"""Say which pictures look least like the faces that a model knows: a score for each, and a grid of the strangest.

Ordinary faces have a strangeness near 0; above 3 a picture is worth a look. Pictures are framed by their centre, for
what is no face cannot be found as one; --align finds faces. A few pictures alone say little of what is ordinary: give
some dozens of ordinary faces with --faces.

Examples:
  python -m vae_keras anomaly --model celeba --images folder/ --out scores.csv
  python -m vae_keras anomaly --model celeba --images new.npy --faces known/ --out scores.csv --grid strangest.png
"""

from vae_keras.cli import common
from vae_keras.cli.options import (
    add_images,
    add_model,
    add_overwrite,
    output_path,
    suffixed_path,
    whole_number,
)

FEWEST = 12  # pictures that can be compared with each other: of fewer none is 3 deviations from their mean
CHUNK = 500  # pictures that are scored between two steps of the bar


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_images(parser)
    parser.add_argument(
        "--out", required=True, type=suffixed_path(".csv"), help="a .csv with a row for each picture"
    )
    parser.add_argument("--grid", type=output_path(), help="a picture of the strangest, such as strange.png")
    parser.add_argument(
        "--strangest", type=whole_number(1), default=16, help="pictures in the grid (default: 16)"
    )
    parser.add_argument(
        "--faces",
        nargs="+",
        help="ordinary faces to compare with (default: --images, most of which are then taken for ordinary)",
    )
    parser.add_argument("--align", action="store_true", help="find the face in each picture")
    add_overwrite(parser)


def run(options):
    """Score pictures and write the table and the grid."""
    from vae_keras import data, hub
    from vae_keras.applications import anomalies

    common.check_new_file(options.out, options.force)
    if options.grid:
        data.check_output(options.grid, force=options.force)
    model = hub.load(options.model, plain=options.plain)
    paths = common.image_paths(options)
    read = [*paths, *common.paths_of(options.faces or [])]
    common.check_apart(options.out, read)
    if options.grid:
        common.check_apart(options.grid, read, "--grid")
    images, names = common.read_faces(paths, model, options.align)
    table = score(model, images)
    reference = table
    if options.faces:
        ordinary, _ = common.read_faces(common.paths_of(options.faces), model, options.align)
        reference = score(model, ordinary)
    if len(reference) < 2:
        raise ValueError("One picture alone is neither usual nor strange: add --faces with ordinary faces.")
    table.insert(0, "strangeness", anomalies.strangeness(table, reference))
    table.insert(0, "picture", names)
    common.write_file(options.out, table.round(6).to_csv(index=False).encode())
    print(f"wrote {options.out}: {len(table)} picture{'s' if len(table) > 1 else ''}")
    if len(reference) < FEWEST:
        print(
            f"  {len(reference)} faces to compare with are too few for a threshold of 3: add --faces with dozens"
        )
    order = table["strangeness"].to_numpy().argsort()[::-1]
    for row in order[:3]:
        print(f"  {table['picture'][row]}: strangeness {table['strangeness'][row]:.1f}")
    if options.grid:
        data.save_images(images[order[: options.strangest]], options.grid, force=options.force)
        print(f"wrote {options.grid}: the strangest, the strangest first")


def score(model, images):
    """Return the scores of pictures, with a bar."""
    import pandas as pd
    from tqdm import tqdm

    from vae_keras.applications import anomalies

    tables = []
    for start in tqdm(range(0, len(images), CHUNK), unit="chunk", disable=None, leave=False):
        tables.append(anomalies.scores(model.vae, model.prior, images[start : start + CHUNK]))
    return pd.concat(tables, ignore_index=True)
