"""Pictures per second of the training step, the same network trained in four ways: `make bench`.

    course   `VAE` of lesson 03, but by Adam, as `keras` and `torch` are
    muon     the same by Muon, as lesson 03 trains it: a step that takes longer and is worth more (variants.py)
    keras    the same layers and loss with Keras's own batch normalization and Adam
    torch    peers/torch_step.py: PyTorch, channels last, bfloat16 autocast, `torch.compile`, fused Adam
    input    no step, but the pipeline that feeds the course's: for check.py

The ways take turns, each in a process of its own, so that a busy machine is busy for all of them. All run on the
processor (GPUs are hidden), with batches of 64 that lie in memory, and in the precision that the course chooses there.
PyTorch wants an environment of its own, .venv-bench, which `make bench` makes, and a C++ compiler; without them it is
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
BATCH, SIZES, TURNS, OTHERS = 64, (64, 128), 5, ("muon", "keras", "torch")


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
    sys.path.insert(0, str(ROOT))
    import keras
    import numpy as np
    import tensorflow as tf

    from vae_keras import config, model, training

    if way == "keras":
        model.BatchNormalization = keras.layers.BatchNormalization
    vae = training.build_vae(config.get_config(profile="full", dataset="cartoon", image_size=size))
    kinds = {"course": training.Adam, "muon": training.Muon, "keras": keras.optimizers.Adam}
    vae.compile(optimizer=kinds[way](1e-3))
    images = np.random.default_rng(0).random((BATCH, size, size, 3), dtype="float32")
    batches = iter(tf.data.Dataset.from_tensors(images).repeat())
    vae.make_train_function()
    return lambda: vae.train_function(batches)["loss"].numpy()


def input_step(size):
    """Return a function that takes the next batch from the pipeline of lesson 03, shuffled and augmented."""
    sys.path.insert(0, str(ROOT))
    import numpy as np

    from vae_keras import data

    images = np.random.default_rng(0).integers(0, 256, (6400, size, size, 3), dtype="uint8")
    batches = iter(data.pipeline(images, BATCH, training=True).repeat())
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
    from vae_keras import model

    half, forward = size, 0
    channels = [3, *model.stage_filters(size)]
    for thin, thick in zip(channels, channels[1:]):
        half //= 2
        forward += 2 * 2 * half * half * 9 * thin * thick  # once in the encoder, once in the decoder
    forward += 3 * 2 * half * half * channels[-1] * 128
    return 3 * forward  # backwards: the gradients of the weights and of the layer's input


def measure(way, size):
    """Return the rate of one way, measured in a process of its own; None where it cannot run."""
    script = ROOT / "benchmarks" / "peers" / "torch_step.py"
    command = [TORCH, script, size, precision()] if way == "torch" else [sys.executable, __file__, way, size]
    if not Path(command[0]).exists():
        return None
    hidden = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=hidden)
    if done.returncode:
        print(f"{way} failed:", *done.stderr.splitlines()[-5:], sep="\n  ", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def required(way, size):
    """As `measure`; ends the program where that cannot run."""
    return measure(way, size) or sys.exit(f"error: {way} could not be measured; what it said stands above.")


def precision():
    """Return the number format in which the course computes on this processor."""
    sys.path.insert(0, str(ROOT))
    from vae_keras import config

    return config.get_config(dataset="cartoon").precision.removeprefix("mixed_")


def main():
    """Measure everything and write the section."""
    rows, best = [], required("peak", 64)
    for size in SIZES:
        turns = [
            {"course": required("course", size), **{way: measure(way, size) for way in OTHERS}}
            for _ in range(TURNS)
        ]
        for way in turns[0]:
            found = [turn[way] for turn in turns if turn[way]]
            if not found:
                continue
            median = statistics.median(found)
            row = {"way": way, "pictures": f"{size}×{size}", "pictures per second": f"{median:.0f}"}
            row |= {"range": f"{min(found):.0f}–{max(found):.0f}"}
            ratio = statistics.median(turn["course"] / turn[way] for turn in turns if turn[way])
            row |= {"course is so many times as fast": ratio}
            rows.append(row | {"share of the peak": f"{median * operations(size) / best:.0%}"})
    report.write(
        "The training step",
        f"Batch {BATCH}, median and range of {TURNS} turns: [step.py](step.py), "
        "[peers/torch_step.py](peers/torch_step.py). A large product of matrices reaches "
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
