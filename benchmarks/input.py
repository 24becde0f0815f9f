"""How long reading pictures takes, beside two other readers: `python benchmarks/input.py`, ten minutes.

Needs the archives of LFW and CelebA in the folder that VAE_KERAS_DATA names. Baseline: one pass of
`keras.utils.image_dataset_from_directory` over the extracted folder at 64x64, files listed and pictures read. Beside it
peers/loader.py (Pillow and PyTorch's DataLoader, cropping; in .venv-bench, left out without it); `data.prepare` of
that folder and of the archive; and a later pass of the pipeline, as it is and as training sees it. All take turns.
Then the pass as a part of an epoch of training at the pictures a second that step.py finds here.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras
import numpy as np
import report
import step

from vae_keras import cartoon, data, sources

LOADER, TURNS = step.ROOT / "benchmarks" / "peers" / "loader.py", 5


def seconds(works):
    """Return {name: [seconds, and those of the processors] of every call}, the works taking turns.

    A work may return its seconds itself, as a float.
    """
    measured = {name: [] for name in works}
    for _ in range(TURNS):
        for name, work in works.items():
            wall, before = time.perf_counter(), os.times()
            told = work()
            busy = sum(after - earlier for after, earlier in zip(os.times()[:4], before[:4]))
            measured[name].append((told if isinstance(told, float) else time.perf_counter() - wall, busy))
    return measured


def read_with_keras(folder):
    options = dict(image_size=(64, 64), batch_size=64, labels=None, verbose=False)
    once_through(keras.utils.image_dataset_from_directory(folder, **options))


def read_with_torch(folder, crop):
    """Return the seconds of the pass alone, without the import of PyTorch."""
    done = subprocess.run(
        [step.TORCH, LOADER, folder, str(crop)], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout)


def once_through(dataset):
    for _ in dataset:
        pass


def prepare_anew(source):
    with tempfile.TemporaryDirectory() as cache:
        os.environ["VAE_KERAS_CACHE"] = cache
        return np.array(data.prepare(source, 64, progress=False).images)


def rows(name):
    """Return a row of the table for every reader of one archive."""
    source = sources.get_source(name)
    images = prepare_anew(source)
    plain, augmented = data.pipeline(images), data.pipeline(images, training=True)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(source.location) as archive:
            archive.extractall(folder)
        works = {
            "image_dataset_from_directory, one pass": lambda: read_with_keras(folder),
            "data.prepare of the same folder": lambda: prepare_anew(sources.get_source(folder)),
            "data.prepare of the archive": lambda: prepare_anew(sources.get_source(name)),
            "data.pipeline, one pass": lambda: once_through(plain),
            "data.pipeline, training=True, one pass": lambda: once_through(augmented),
        }
        if step.TORCH.exists():
            works["Pillow and DataLoader, one pass"] = lambda: read_with_torch(folder, source.crop)
        measured = seconds(works)
    baseline = [wall for wall, _ in measured["image_dataset_from_directory, one pass"]]
    return [
        {
            "pictures": f"{source.title}, {len(images):,}",
            "way": way,
            "seconds": statistics.median(wall for wall, _ in turns),
            "of the processors": statistics.median(busy for _, busy in turns),
            "times the baseline": statistics.median(wall / one for (wall, _), one in zip(turns, baseline)),
            "of an epoch's training": statistics.median(wall for wall, _ in turns) * RATE / len(images),
        }
        for way, turns in measured.items()
    ]


if __name__ == "__main__":
    RATE = step.required("course", 64)
    found = [row for name in ("lfw", "celeba") for row in rows(name)]
    factors = cartoon.sample_factors(10_000)
    drawing = statistics.median(wall for wall, _ in seconds({"": lambda: cartoon.draw_faces(factors)})[""])
    report.write(
        "Input",
        f"Medians of {TURNS} turns: [input.py](input.py), [peers/loader.py](peers/loader.py). A training step takes "
        f"{RATE:.0f} pictures a second here.\n\n{report.table(found)}\n\nDrawing 10,000 faces: {drawing:.1f} s.",
    )
