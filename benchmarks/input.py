"""How long reading pictures takes, beside Keras's own reader: `python benchmarks/input.py`.

Needs lfw-dataset.zip in the folder that VAE_KERAS_DATA names. Baseline: one pass of
`keras.utils.image_dataset_from_directory` over the extracted LFW folder at 64x64, files listed and pictures read.
Beside it: `data.prepare` of that folder and of the archive, a later pass of the pipeline, as it is and as training
sees it, and drawing 10,000 faces. Medians of five.
"""

import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras

from vae_keras import cartoon, data, sources


def seconds(works, repeats=5):
    """Return {name: medians of the seconds and of the processors' seconds} of calls, taken in turns."""
    measured = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            wall, processor = time.perf_counter(), time.process_time()
            work()
            measured[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {name: [statistics.median(column) for column in zip(*rows)] for name, rows in measured.items()}


def read_with_keras(folder):
    options = dict(image_size=(64, 64), batch_size=64, labels=None, verbose=False)
    once_through(keras.utils.image_dataset_from_directory(folder, **options))


def once_through(dataset):
    for _ in dataset:
        pass


def prepare_anew(source):
    with tempfile.TemporaryDirectory() as cache:
        os.environ["VAE_KERAS_CACHE"] = cache
        return data.prepare(source, 64, progress=False).images[:]


def main():
    images = prepare_anew(sources.get_source("lfw"))
    factors = cartoon.sample_factors(10_000)
    plain, augmented = data.pipeline(images), data.pipeline(images, training=True)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(sources.get_source("lfw").location) as archive:
            archive.extractall(folder)
        works = {
            "image_dataset_from_directory, one pass": lambda: read_with_keras(folder),
            "data.prepare of the same folder": lambda: prepare_anew(sources.get_source(folder)),
            "data.prepare of the archive": lambda: prepare_anew(sources.get_source("lfw")),
            "data.pipeline, training=False": lambda: once_through(plain),
            "data.pipeline, training=True": lambda: once_through(augmented),
            "cartoon.draw_faces, 10,000 faces": lambda: cartoon.draw_faces(factors),
        }
        rows = seconds(works)
    baseline = rows["image_dataset_from_directory, one pass"][0]
    print(
        f"{len(images):,} pictures\n\n| what | seconds | of the processors | times the baseline |\n|---|---|---|---|"
    )
    for name, (wall, processor) in rows.items():
        print(f"| {name} | {wall:.2f} | {processor:.2f} | {wall / baseline:.3f} |")


if __name__ == "__main__":
    main()
