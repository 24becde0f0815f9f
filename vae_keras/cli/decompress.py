"""Draw the faces in a file that compress wrote, by the model that wrote it.

Examples:
  python -m vae_keras decompress --model celeba --file faces.vae --out faces/
  python -m vae_keras decompress --model celeba --file me.vae --out me.png
"""

from pathlib import Path

from vae_keras.cli import common
from vae_keras.cli.options import add_faces_output, add_model


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    parser.add_argument("--file", required=True, type=Path, help="a .vae that compress wrote")
    add_faces_output(parser)


def run(options):
    """Read a file and write its faces."""
    from vae_keras.applications import compression

    model = common.load_model(options)
    path = options.file.expanduser()
    codes = compression.read_codes(model, path.read_bytes(), str(path))
    common.write_faces(model, codes, options)
