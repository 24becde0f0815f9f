"""The same training on an accelerator: pictures per second, and the time to what two cores reach in 1,800 seconds.

    python benchmarks/accelerator.py prepare FOLDER       the pictures
    KERAS_BACKEND=jax python benchmarks/jax_training.py FOLDER [--minutes M]
    python benchmarks/accelerator.py measure FOLDER [--outside distance.py]

The second command runs where the accelerator is. It needs JAX, Keras, SciPy, scikit-learn, pandas and, to compare,
PyTorch, but no TensorFlow. The third measures the faces of what was trained, and writes a section of RESULTS.md.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import report
import step

KEPT = Path(__file__).resolve().with_suffix(".json")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def prepare(folder):
    """Write the pictures that `run` trains on."""
    from vae_keras import data

    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "train.npy", data.prepare("celeba", 64).train)


def section(found):
    """Return the text of the section: what was found there, and the figures of the models that were trained."""
    terms = (
        "kl",
        "loss",
        "mse",
        "reconstruction",
        "likeness",
        "adversary",
        "discriminator",
    )  # of the last epoch
    runs = [
        {"model": name} | {part: value for part, value in run.items() if part not in terms}
        for name, run in found["runs"].items()
    ]
    course = {(row["size"], row["batch"]): row["rate"] for row in found["speeds"] if row["way"] == "course"}
    rows = [
        {
            "way": row["way"],
            "pictures": f"{row['size']}×{row['size']}",
            "batch": row["batch"],
            "pictures per second": row["rate"],
            "range": f"{row['least']:,.0f}–{row['most']:,.0f}",
            "course is so many times as fast": course[row["size"], row["batch"]] / row["rate"],
            "share of the peak": f"{step.operations(row['size']) * row['rate'] / found['peak']:.2%}",
            "of the time for input": row.get("input"),
        }
        for row in found["speeds"]
    ]
    parts = [
        f"{found['machine']}, PyTorch {found['torch']}: [accelerator.py](accelerator.py). Keras on JAX, bfloat16. A "
        f"large product of matrices reaches {found['peak'] / 1e12:.0f} T operations a second. The course's pictures "
        "lie in the accelerator's memory as uint8; PyTorch's are one batch that does not change.",
        report.table(rows),
        "Seconds of compiling, of the steps, and of everything, with the prior, which a processor fits before "
        "sharpening. Distances as in the race.",
        report.table(runs),
    ]
    for some in found["slowest"]:
        parts.append(
            f"The slowest kernels of a step of {some['batch']} pictures, {some['all']:.1f} ms in all."
        )
        columns = ("kernel", "ms", "calls")
        parts.append(report.table([dict(zip(columns, kernel)) for kernel in some["kernels"]]))
    return "\n\n".join(parts)


def measure(folder, outside):
    """Measure the faces of what was trained; keep the figures beside this script, and write the section."""
    import time_to_quality

    from vae_keras import data

    faces, found = data.prepare("celeba", 64), json.loads((folder / KEPT.name).read_text())
    np.save(folder / "train.npy", faces.train)
    held = np.concatenate([faces.validation, faces.test])
    for name, run in found["runs"].items():
        kind = "plain" if run["epochs"].endswith(" + 0") else "sharpened"
        for part in ("encoder", "decoder"):
            shutil.copy(folder / f"{name}-{part}.weights.h5", folder / f"{part}.weights.h5")
        run |= time_to_quality.measure(outside, held, *time_to_quality.trained_own(kind, folder))
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
