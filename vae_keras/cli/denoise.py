"""Take the noise out of faces.

A model that was trained with `train --noise` knows noisy faces; any other draws the face that it takes the noise for.

Examples:
  python -m vae_keras denoise --model celeba --images noisy.png --out clean.png
  python -m vae_keras denoise --model runs/denoiser --images noisy/ --out clean/
  python -m vae_keras denoise --model celeba --images noisy.png --method means --strength 0.1 --out means.png
"""

from vae_keras.cli import common
from vae_keras.cli.options import add_faces_output, add_images, add_model, add_no_align, number


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_images(parser)
    add_no_align(parser)
    add_faces_output(parser)
    parser.add_argument(
        "--method",
        choices=("model", "means"),
        default="model",
        help="encode and decode by the model, or OpenCV's non-local means (default: model)",
    )
    parser.add_argument(
        "--strength",
        type=number(0),
        help="standard deviation of the noise on values from 0 to 1, for --method means, such as 0.1",
    )


def run(options):
    """Denoise pictures and write them."""
    if options.method == "means":
        if options.strength is None:
            raise ValueError("Non-local means has to know the noise: add --strength, such as --strength 0.1.")
        write_means(options)
        return
    from vae_keras import latent

    model = common.load_model(options)
    z, _ = latent.encode(model.vae, common.read_images(options, model))
    common.write_faces(model, z, options)


def write_means(options):
    """Write the faces as non-local means gives them."""
    from vae_keras import data
    from vae_keras.applications import denoising

    model = common.load_model(options)
    faces = denoising.non_local_means(common.read_images(options, model), options.strength)
    data.save_images(faces, options.out, force=options.force)
    print(f"wrote {options.out}: {len(faces)} face{'s' if len(faces) > 1 else ''}")
