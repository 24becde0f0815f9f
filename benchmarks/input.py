"""How long reading pictures takes, beside Keras's own reader: `python benchmarks/input.py`.

Needs lfw-dataset.zip in the folder that VAE_KERAS_DATA names. Baseline: one pass of
`keras.utils.image_dataset_from_directory` over the extracted LFW folder at 64x64. Beside it: `data.prepare` from the
archive, a later pass of the pipeline, as it is and as training sees it, and drawing 10,000 faces. Medians of five.
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


def seconds(work, *arguments, repeats=5):
    """Return the median of the wall-clock seconds and of the processor's seconds of `repeats` calls of `work`."""
    measured = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        work(*arguments)
        measured.append((time.perf_counter() - wall, time.process_time() - processor))
    return [statistics.median(column) for column in zip(*measured)]


def once_through(dataset):
    for _ in dataset:
        pass


def prepare_anew(source):
    with tempfile.TemporaryDirectory() as cache:
        os.environ["VAE_KERAS_CACHE"] = cache
        return data.prepare(source, 64, progress=False).images[:]


def main():
    source = sources.get_source("lfw")
    images = prepare_anew(source)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(source.location) as archive:
            archive.extractall(folder)
        options = dict(image_size=(64, 64), batch_size=64, labels=None, verbose=False)
        read = keras.utils.image_dataset_from_directory(folder, **options)
        rows = {
            "image_dataset_from_directory, one pass": seconds(once_through, read),
            "data.prepare from the archive": seconds(prepare_anew, source),
        }
    for training in (False, True):
        ready = data.pipeline(images, training=training)
        once_through(ready)
        rows[f"data.pipeline, training={training}"] = seconds(once_through, ready)
    factors = cartoon.sample_factors(10_000)
    rows["cartoon.draw_faces, 10,000 faces"] = seconds(cartoon.draw_faces, factors, repeats=3)
    baseline = rows["image_dataset_from_directory, one pass"][0]
    print(
        f"{len(images):,} pictures\n\n| what | seconds | of the processors | times the baseline |\n|---|---|---|---|"
    )
    for name, (wall, processor) in rows.items():
        print(f"| {name} | {wall:.2f} | {processor:.2f} | {wall / baseline:.3f} |")


if __name__ == "__main__":
    main()
