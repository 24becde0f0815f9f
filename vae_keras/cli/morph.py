"""Turn faces into each other, as an animation: photographs, or new faces of nobody.

The faces of the photographs are found and aligned. What is shown is the model's: at the stops, the reconstructions.

Examples:
  python -m vae_keras morph --model celeba --images me.jpg friend.jpg --out morph.mp4
  python -m vae_keras morph --model celeba --images one.jpg two.jpg three.jpg --back --out round.gif
  python -m vae_keras morph --model celeba --new 5 --seed 3 --seconds 1.5 --out nobody.mp4
"""

from vae_keras.cli import common
from vae_keras.cli.options import (
    add_model,
    add_no_align,
    add_overwrite,
    add_seed,
    number,
    output_path,
    whole_number,
)

FRAMES_PER_SECOND = {".mp4": 25, ".gif": 12}


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    faces = parser.add_mutually_exclusive_group(required=True)
    faces.add_argument("--images", nargs="+", help="two or more photographs, or a folder of them")
    faces.add_argument("--new", type=whole_number(2), help="as many new faces, in place of photographs")
    parser.add_argument("--out", required=True, type=output_path(".mp4", ".gif"), help="an .mp4 or a .gif")
    add_overwrite(parser)
    parser.add_argument(
        "--seconds", type=number(0.1), default=2.0, help="from each face to the next (default: 2)"
    )
    parser.add_argument(
        "--side", type=whole_number(16, 2048), default=256, help="pixels a side (default: 256)"
    )
    parser.add_argument("--back", action="store_true", help="lead back to the first face at the end")
    add_no_align(parser)
    add_seed(parser)


def run(options):
    """Write the animation."""
    from vae_keras import data, latent
    from vae_keras.applications import morph

    suffix = options.out.suffix.lower()
    if suffix not in FRAMES_PER_SECOND:
        raise ValueError(f"{options.out} is no animation: give --out a name in .mp4 or .gif.")
    if suffix == ".mp4":
        data.saving.check_video()
    model = common.load_model(options)
    if options.new:
        z = model.sample(options.new, seed=options.seed)
    else:
        images = common.read_images(options, model)
        if len(images) < 2:
            raise ValueError("--images holds one face: a morph leads from face to face, so give two or more.")
        z, _ = latent.encode(model.vae, images)
    rate = FRAMES_PER_SECOND[suffix]
    codes = morph.morph_codes(z, max(1, round(rate * options.seconds)), options.back)
    frames = morph.draw_frames(model.vae, codes, options.side)
    data.save_animation(frames, options.out, rate, force=options.force)
    print(f"wrote {options.out}: {len(z)} faces, {len(codes)} pictures, {len(codes) / rate:.1f} seconds")
