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
import shutil
import sys
from pathlib import Path

import numpy as np
import report
import step

KEPT = Path(__file__).resolve().with_suffix(".json")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def prepare(folder):
    """Write the pictures to train on."""
    from vae_keras import data

    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "train.npy", data.prepare("celeba", 64).train)


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
        "one model helps the next. Distances as in the race.",
        report.table([{"model": name} | run for name, run in found["runs"].items()]),
    ]
    for some in found["slowest"]:
        kernels = [dict(kernel=name[:110], ms=ms, calls=calls) for name, ms, calls in some["kernels"]]
        parts += [
            f"A step of {some['batch']} pictures by Muon, taken alone: {some['all']:.1f} ms of calls, the slowest:",
            report.table(kernels),
        ]
    return "\n\n".join(parts)


def measure(folder, outside):
    """Measure the faces of what was trained; keep the figures beside this script, and write the section."""
    import time_to_quality

    from vae_keras import data

    faces, found = data.prepare("celeba", 64), json.loads((folder / KEPT.name).read_text())
    held = np.concatenate([faces.validation, faces.test])
    for name, run in found["runs"].items():
        kind = "plain" if name == "plain" else "sharpened"
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
