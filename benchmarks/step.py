"""Pictures per second of the training step, the same network trained in four ways: `make bench`.

    course   `VAE` of lesson 03 by the module's Adam, as `keras` and `torch` are trained
    muon     the same by Muon, the default of `train`: a step that takes longer and is worth more (CONCLUSIONS.md)
    keras    the same layers and loss with Keras' own batch normalization and Adam
    torch    peers/torch_step.py: PyTorch, channels last, bfloat16 autocast, `torch.compile`, fused Adam
    input    no step, but the pipeline that feeds the course's: for check.py

The ways take turns, each in a process of its own, so that a busy machine is busy for all of them. All run on the
processor (GPUs are hidden), with batches of 64 that lie in memory, and in the precision that the course chooses there.
PyTorch needs an environment of its own, .venv-bench, which `make bench` makes, and a C++ compiler; without them it is
left out. Also measured: how many multiplications and additions a second a large product of matrices reaches here.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parent.parent
TORCH = ROOT / ".venv-bench" / "bin" / "python"
BATCH = 64
SIZES = (64, 128)
TURNS = 5
OTHERS = ("muon", "keras", "torch")

sys.path.insert(0, str(ROOT))


def rate(step, seconds=4.0):
    """Return the pictures per second of `step`, called for so many seconds after a warm-up."""
    for _ in range(8):
        step()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        count += 1
    return BATCH * count / (time.perf_counter() - start)


def keras_step(way, size):
    """Return a function that takes one training step, as `fit` takes it."""
    import keras
    import numpy as np
    import tensorflow as tf

    from vae_keras import config, model, optimizers, training

    if way == "keras":
        model.BatchNormalization = keras.layers.BatchNormalization
    settings = config.settings(profile="full", dataset="cartoon", image_size=size)
    vae = training.build_vae(settings)
    kinds = {"course": optimizers.Adam, "muon": optimizers.Muon, "keras": keras.optimizers.Adam}
    vae.compile(optimizer=kinds[way](1e-3))
    images = np.random.default_rng(0).random((BATCH, size, size, 3), dtype="float32")
    batches = iter(tf.data.Dataset.from_tensors(images).repeat())
    vae.make_train_function()
    return lambda: vae.train_function(batches)["loss"].numpy()


def input_step(size):
    """Return a function that takes the next batch from the pipeline of lesson 03, shuffled and augmented."""
    import numpy as np

    from vae_keras import data, pipeline

    images = np.random.default_rng(0).integers(0, 256, (6400, size, size, 3), dtype="uint8")
    batches = iter(pipeline.batches(images, BATCH, training=True, augment=data.augment).repeat())
    return lambda: next(batches)


def peak():
    """Return the operations per second (a multiplication or an addition each) of a large product of matrices."""
    import tensorflow as tf

    a = tf.cast(tf.random.normal((4096, 4096)), precision())
    found = []
    for _ in range(8):
        start = time.perf_counter()
        tf.linalg.matmul(a, a)[0, 0].numpy()
        found.append(2 * 4096**3 / (time.perf_counter() - start))
    return max(found)


def operations(size):
    """Return the operations that the convolutions and dense layers of a training step need for one picture."""
    from vae_keras.model import stage_filters

    half, forward = size, 0
    channels = [3, *stage_filters(size)]
    for thin, thick in zip(channels, channels[1:]):
        half //= 2
        forward += 2 * 2 * half * half * 9 * thin * thick  # once in the encoder, once in the decoder
    forward += 3 * 2 * half * half * channels[-1] * 128
    return 3 * forward  # backwards: the gradients of the weights and of the layer's input


def precision():
    """Return the number format in which the course computes on this processor."""
    from vae_keras.config import settings

    return settings(dataset="cartoon").precision.removeprefix("mixed_")


def measure(way, size):
    """Return the rate of one way, measured in a process of its own; None where it cannot run."""
    command = [sys.executable, __file__, way, size]
    if way == "torch":
        command = [TORCH, ROOT / "benchmarks" / "peers" / "torch_step.py", size, precision()]
    if not Path(command[0]).exists():
        return None
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    if done.returncode:
        print(f"{way} failed:", *done.stderr.splitlines()[-5:], sep="\n  ", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def required(way, size):
    """As `measure`; ends the program where that cannot run."""
    return measure(way, size) or sys.exit(f"error: {way} could not be measured; what it said stands above.")


def compare(turns, size, best):
    """Return a row per way, from the rates that each way had in every turn."""
    rows = []
    for way in turns[0]:
        measured = [turn for turn in turns if turn[way]]
        if not measured:
            continue
        rates = [turn[way] for turn in measured]
        median = statistics.median(rates)
        row = {
            "way": way,
            "pictures": f"{size}×{size}",
            "pictures per second": f"{median:.0f}",
            "range": f"{min(rates):.0f}–{max(rates):.0f}",
            "course is so many times as fast": statistics.median(
                turn["course"] / turn[way] for turn in measured
            ),
            "share of the peak": f"{median * operations(size) / best:.0%}",
        }
        rows.append(row)
    return rows


def main():
    """Measure everything and write the section."""
    rows, best = [], required("peak", 64)
    for size in SIZES:
        turns = []
        for _ in range(TURNS):
            turn = {"course": required("course", size)}
            for way in OTHERS:
                turn[way] = measure(way, size)
            turns.append(turn)
        rows += compare(turns, size, best)
    report.write(
        "The training step",
        f"Batch {BATCH}, median and range of {TURNS} turns; how it is measured, and against what, stands in "
        "[step.py](step.py) and [peers/torch_step.py](peers/torch_step.py). A large product of matrices reaches "
        f"{best / 1e12:.2f} T operations a second here.\n\n{report.table(rows)}",
    )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    elif sys.argv[1] == "peak":
        print(peak())
    elif sys.argv[1] == "input":
        print(rate(input_step(int(sys.argv[2]))))
    else:
        print(rate(keras_step(sys.argv[1], int(sys.argv[2]))))
