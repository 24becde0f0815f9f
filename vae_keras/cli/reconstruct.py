"""Encode pictures and decode them again.

Examples:
  python -m vae_keras reconstruct --model celeba --images photograph.jpg --out reconstruction.png
  python -m vae_keras reconstruct --model celeba --images one.jpg two.jpg --out both.png
  python -m vae_keras reconstruct --model celeba --images folder/ --out r.npy
"""

from vae_keras.cli import common
from vae_keras.cli.options import add_faces_output, add_images, add_model, add_no_align


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_images(parser)
    add_no_align(parser)
    add_faces_output(parser)


def run(options):
    """Reconstruct pictures and write them."""
    from vae_keras import latent

    model = common.load_model(options)
    z_mean, _ = latent.encode(model.vae, common.read_images(options, model))
    common.write_faces(model, z_mean, options)
