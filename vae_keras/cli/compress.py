"""Write faces as a file of some hundred bytes a face or less, which only the same model can read.

Examples:
  python -m vae_keras compress --model celeba --images folder/ --out faces.vae
  python -m vae_keras compress --model celeba --images me.jpg --step 1.5 --out me.vae
"""

from vae_keras.cli import common
from vae_keras.cli.options import add_images, add_model, add_no_align, add_overwrite, number, suffixed_path


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_images(parser)
    add_no_align(parser)
    parser.add_argument("--out", required=True, type=suffixed_path(".vae"), help="a file in .vae")
    parser.add_argument(
        "--step",
        type=number(0.001),
        help="codes are rounded to multiples of it: larger, fewer bytes and less like the face (default: 0.7)",
    )
    add_overwrite(parser)


def run(options):
    """Compress pictures and write the file."""
    from vae_keras import hub
    from vae_keras.applications import compression

    common.check_new_file(options.out, options.force, compression.MAGIC)
    model = hub.load(options.model, options.plain)
    images = common.read_images(options, model)
    step = compression.STEP if options.step is None else options.step
    content = compression.compress(model, images, step)
    common.write_file(options.out, content)
    print(
        f"wrote {options.out}: {len(images)} face{'s' if len(images) > 1 else ''}, {len(content)} bytes, "
        f"{len(content) / len(images):.1f} a face"
    )
