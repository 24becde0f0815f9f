"""How long a face takes, and how long to wait for the first: `python benchmarks/sampling.py`, a minute or two.

Cold: processes of their own, taking turns, that import Keras, import Keras and this module, and draw sixteen faces by
the command, until they have ended.
Warm: one face, one face edited and a thousand faces by the functions, after a first call.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import report

TURNS = 7
COLD = {
    "import keras": ["-c", "import keras"],
    "import keras, vae_keras": ["-c", "import keras, vae_keras"],
    "generate --model celeba --count 16": "-m vae_keras generate --model celeba --count 16 --out {}/f.png".split(),
}


def cold():
    """Return a row per process: the median of its seconds, and how many more than importing Keras takes."""
    root, seconds = Path(__file__).resolve().parent.parent, {name: [] for name in COLD}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(TURNS):
            for name, words in COLD.items():
                start = time.perf_counter()
                command = [sys.executable, *(word.format(folder) for word in words)]
                subprocess.run(command, cwd=root, check=True, capture_output=True)
                seconds[name].append(time.perf_counter() - start)
    first = seconds["import keras"]
    return [
        {
            "process": f"`{name}`",
            "seconds": statistics.median(each),
            "range": f"{min(each):.2f}–{max(each):.2f}",
            "more than importing Keras": statistics.median(a - b for a, b in zip(each, first)),
        }
        for name, each in seconds.items()
    ]


def warm():
    """Return a row per call: the median of its milliseconds, and the faces a second."""
    from vae_keras import pretrained

    rows = []
    for kind, plain in (("sharpened", False), ("plain", True)):
        model = pretrained.load("celeba", plain)
        face = model.generate(1)
        rows += [
            time_call(f"one face, {kind}", 1, model.generate, 1),
            time_call(f"one face edited, {kind}", 1, model.edit, face, "Smiling"),
            time_call(f"1,000 faces, {kind}", 1000, model.generate, 1000),
        ]
    return rows


def time_call(name, count, function, *arguments):
    """Return the row of a call that gives `count` faces."""
    function(*arguments)
    seconds = []
    for _ in range(5 if count > 1 else 50):
        start = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - start)
    median, spread = statistics.median(seconds), f"{1000 * min(seconds):.1f}–{1000 * max(seconds):.1f}"
    row = {"call": name, "milliseconds": 1000 * median, "range": spread}
    return row | {"faces per second": f"{count / median:.0f}"}


if __name__ == "__main__":
    report.write(
        "Sampling and editing",
        f"Medians of {TURNS} processes, and of 50 calls (5 of a thousand faces): [sampling.py](sampling.py). "
        "Processes are timed until they have ended, for which Python takes most of a second after importing Keras, "
        "looking for garbage among what was imported; the commands leave that out.\n\n"
        f"{report.table(cold())}\n\n{report.table(warm())}",
    )
