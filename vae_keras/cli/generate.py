"""Draw new faces; the same ones for the same seed.

Examples:
  python -m vae_keras generate --model celeba --count 4000 --seed 0 --out faces.npy
  python -m vae_keras generate --model runs/lfw --prior standard --temperature 0.7 --out faces/
  python -m vae_keras generate --model celeba --count 64 --attribute Smiling --out smiling.png
"""

from vae_keras.cli import common
from vae_keras.cli.options import add_faces_output, add_model, add_seed, number, whole_number


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_faces_output(parser)
    parser.add_argument("--count", type=whole_number(1), default=16, help="how many faces (default: 16)")
    add_seed(parser)
    parser.add_argument(
        "--prior",
        choices=("fitted", "mixture", "standard"),
        default="fitted",
        help="what codes are drawn from: the best prior of the model, its mixture, or N(0, I) (default: fitted)",
    )
    parser.add_argument(
        "--temperature",
        type=number(0, 100),
        default=1.0,
        help="below 1: faces more usual and more alike (default: 1)",
    )
    parser.add_argument("--attribute", help="such as Smiling; a wrong name is answered with the model's own")


def run(options):
    """Draw faces and write them while they are drawn: of however many, one chunk alone is in memory.

    Behind the first chunk, of 2,048, they are those of one draw up to rounding.
    """
    model = common.load_model(options)
    chunks = model.sample_in_chunks(
        common.sizes_of_chunks(options.count),
        seed=options.seed,
        temperature=options.temperature,
        prior=options.prior,
        attribute=options.attribute,
    )
    common.write_chunks(model, chunks, options.count, options)
