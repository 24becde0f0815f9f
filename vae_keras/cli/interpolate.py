"""Walk from one face to another, both ends included: as a strip, a .gif, a .npy or a folder.

Examples:
  python -m vae_keras interpolate --model celeba --images one.jpg two.jpg --steps 8 --out strip.png
  python -m vae_keras interpolate --model celeba --images two.npy --steps 30 --spherical --out walk.gif
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
    add_no_align(parser)
    parser.add_argument(
        "--out",
        required=True,
        type=output_path(".gif"),
        help="a picture (a strip), a .gif, a folder or a .npy",
    )
    add_overwrite(parser)
    parser.add_argument(
        "--steps",
        type=whole_number(2),
        default=8,
        help="faces on the way, both ends included (default: 8)",
    )
    parser.add_argument(
        "--spherical", action="store_true", help="turn the direction evenly, instead of a straight line"
    )


def run(options):
    """Interpolate between two pictures and write the frames."""
    from vae_keras import data, latent

    model = common.load_model(options)
    images = common.read_images(options, model)
    if len(images) != 2:
        raise ValueError(
            f"The way leads from face to face, but --images holds {len(images)}: give two pictures."
        )
    z_mean, _ = latent.encode(model.vae, images)
    z = latent.interpolate(z_mean[0], z_mean[1], options.steps, options.spherical)
    frames = latent.decode(model.vae, z)
    suffix = options.out.suffix.lower()
    if suffix == ".gif":
        data.save_gif(frames, options.out, force=options.force)
    elif suffix in ("", ".npy"):
        data.save_images(frames, options.out, force=options.force)
    else:
        strip = data.grid_image(frames, columns=len(frames))
        data.save_images(strip[None], options.out, force=options.force)
    print(f"wrote {options.out}: {len(frames)} faces")
