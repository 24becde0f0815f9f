"""Move faces along an attribute: strength 1 gives it to most faces that lack it, -1 takes it away.

Examples:
  python -m vae_keras edit --model celeba --images x.npy --attribute Smiling --strength 1 --out e.npy
  python -m vae_keras edit --model anime --images face.png --attribute Blue_Hair --out blue.png
"""

from vae_keras.cli import common
from vae_keras.cli.options import add_faces_output, add_images, add_model, number


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_images(parser)
    add_faces_output(parser)
    parser.add_argument(
        "--attribute", required=True, help="such as Smiling; a wrong name is answered with the model's own"
    )
    parser.add_argument(
        "--strength", type=number(-100), default=1.0, help="how far; negative: back (default: 1)"
    )


def run(options):
    """Edit pictures and write them."""
    from vae_keras import directions, latent

    model = common.load_model(options)
    direction = model.direction(options.attribute)
    z_mean, _ = latent.encode(model.vae, common.read_images(options, model))
    common.write_faces(model, directions.edit(z_mean, direction, options.strength), options)
