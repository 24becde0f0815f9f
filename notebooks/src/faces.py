"""Draws build/faces.png: new faces of the model that lesson 03 just trained, below them of the CelebA weights."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def draw_faces(path, profile, dataset):
    """Draw the faces of both models, the first ten of seed 0 each, into the picture `path`."""
    sys.path.insert(0, str(ROOT))
    from vae_keras import cli

    cli.load_tensorflow()  # quietly, before anything else does
    from vae_keras import get_config, plots, pretrained

    folder = get_config(profile=profile, dataset=dataset).model_folder
    models = {
        f"trained here on {Path(dataset).stem}": pretrained.load(folder),
        "ships: CelebA, sharpened": pretrained.load("celeba"),
    }
    figure = plots.rows({name: model.generate(10, seed=0) for name, model in models.items()})
    figure.savefig(path, bbox_inches="tight")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "faces.png")
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--data", default="cartoon")
    arguments = parser.parse_args()
    draw_faces(arguments.out, arguments.profile, arguments.data)
    print(f"{arguments.out.parent}: the lessons as HTML, and {arguments.out.name}")
