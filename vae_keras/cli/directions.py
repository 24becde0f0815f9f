"""Add an attribute direction to a trained model, so that generate and edit know the attribute.

The pictures need a table with a column for the attribute. Without a table the attribute classifier labels them.

Examples:
  python -m vae_keras directions --model runs/mine --attribute Beard --data ~/labelled-faces.zip
  python -m vae_keras directions --model celeba --attribute Wearing_Hat --out runs/celeba-with-hats
"""

from vae_keras.cli import common
from vae_keras.cli.options import add_data, add_pictures, model_names, output_folder


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument(
        "--model",
        required=True,
        help=f"{', '.join(model_names())}, or a folder that train wrote",
    )
    parser.add_argument("--attribute", required=True, help="name of a column of the pictures' table")
    add_data(parser, required=False)
    add_pictures(parser, "as the model was trained with")
    parser.add_argument(
        "--out",
        type=output_folder,
        help="a new folder for a copy with the direction (default: the model's folder, if it does not ship)",
    )


def run(options):
    """Find a direction, calibrate it and write the model."""
    from vae_keras import hub
    from vae_keras.release import directions

    directions.check_places(options.model, options.out)
    faces = common.load_faces_of(hub.load(options.model), options)
    directions.add_direction_to_folder(options.model, faces, options.attribute, options.out)
    written = options.out or options.model
    print(f"wrote {written}: generate and edit know --attribute {options.attribute} now")
