"""The same training on an accelerator: pictures per second, and the seconds of three trainings.

    python benchmarks/accelerator.py prepare FOLDER
    python benchmarks/jax_training.py FOLDER [--minutes M]
    python benchmarks/accelerator.py measure FOLDER [--outside distance.py]

The first command writes the pictures, which together with this repository are copied to where the accelerator is. The
second runs there. It needs JAX, Keras, OpenCV, Pillow, pandas and, to compare, PyTorch, but no TensorFlow. The third,
with what that wrote in the folder again, measures the faces, keeps the figures in accelerator.json and writes a section
of RESULTS.md.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np
import report
import step

KEPT = Path(__file__).resolve().with_suffix(".json")
SEED = 2  # of the codes of new faces
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def prepare(folder):
    """Write the pictures to train on."""
    from vae_keras import data

    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "train.npy", data.load_faces("celeba", 64).train)


def section(found):
    """Return the text of the section: what was found there, and the figures of the models that were trained."""
    peer = {(row["size"], row["batch"]): row["rate"] for row in found["speeds"] if "PyTorch" in row["way"]}
    rows = [
        {
            "way": row["way"],
            "pictures": f"{row['size']}×{row['size']}",
            "batch": row["batch"],
            "pictures per second": row["rate"],
            "range": f"{row['least']:,.0f}–{row['most']:,.0f}",
            "PyTorch is 1": row["rate"] / peer.get((row["size"], row["batch"]), math.nan),
            "share of the peak": f"{step.operations(row['size']) * row['rate'] / found['peak']:.2%}",
            "of the time for input": f"{max(0, row['input']):.1%}" if "input" in row else None,
        }
        for row in found["speeds"]
    ]
    parts = [
        f"That machine measured the faces. Trained and timed by an {found['device']}, {found['date']}, with "
        f"{found['versions']}, bfloat16: [accelerator.py](accelerator.py). A large product of matrices reaches "
        f"{found['peak'] / 1e12:.0f} T operations a second there. The course's pictures lie in its memory as uint8 "
        f"({found.get('note', 'as they are')}); PyTorch's are one batch that does not change.",
        report.table(rows),
        "By Muon: seconds of compiling, of the steps, and of everything. One process trains all: what was compiled for "
        "one model helps the next. Distances to CelebA's validation and test pictures.",
        report.table([{"model": name} | run for name, run in found["runs"].items()]),
    ]
    for slow in found["slowest"]:
        kernels = [dict(kernel=name[:110], ms=ms, calls=calls) for name, ms, calls in slow["kernels"]]
        parts += [
            f"A step of {slow['batch']} pictures by Muon, taken alone: {slow['all']:.1f} ms of calls, the slowest:",
            report.table(kernels),
        ]
    return "\n\n".join(parts)


def load_trained(name, folder):
    """Return a VAE with the weights that jax_training.py wrote under that name."""
    from vae_keras.model import VAE

    vae = VAE(details=None if name == "plain" else 16)
    vae.encoder.load_weights(folder / f"{name}-encoder.weights.h5")
    vae.decoder.load_weights(folder / f"{name}-decoder.weights.h5")
    return vae


def figures(vae, train, held, outside):
    """Return error and distances of a model: of reconstructions, and of new faces from N(0, I) and from a mixture."""
    from vae_keras import evaluation, latent, priors

    z_mean, z_log_variance = latent.encode(vae, train)
    noise = np.random.default_rng(0).standard_normal(z_mean.shape)
    prior = priors.fit_prior(z_mean + np.exp(0.5 * z_log_variance) * noise)
    normal = np.random.default_rng(SEED).standard_normal((len(held), z_mean.shape[1]))
    sets = {
        "reconstructions": latent.reconstruct(vae, held),
        "N(0, I)": latent.decode(vae, normal),
        "mixture": latent.decode(vae, prior.sample(len(held), seed=SEED)),
    }
    found = {"squared error": evaluation.squared_error(held, sets["reconstructions"])}
    classifier = evaluation.load_classifier()
    for name, images in sets.items():
        found[f"{name}, classifier"] = classifier.distance(held, images)
        found[f"{name}, outside"] = report.outside(outside, held, images)
    return found


def measure(folder, outside):
    """Measure the faces of what was trained; keep the figures beside this script, and write the section."""
    from vae_keras import data

    faces, found = data.load_faces("celeba", 64), json.loads((folder / KEPT.name).read_text())
    held = np.concatenate([faces.validation, faces.test])
    for name, run in found["runs"].items():
        run |= figures(load_trained(name, folder), faces.train, held, outside)
    KEPT.write_text(json.dumps(found, indent=1) + "\n")
    report.write("On an accelerator", section(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("prepare", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--outside", help="a script that prints the distance of two .npy files")
    options = parser.parse_args()
    if options.what == "prepare":
        prepare(options.folder)
    else:
        measure(options.folder, options.outside)
