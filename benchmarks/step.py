"""Pictures per second of one training step, the same network in three ways: `make bench`, or `python benchmarks/step.py`.

- course: `VAE` as lesson 03 trains it, `compile` and `fit`'s own compiled step.
- keras: the same layers and loss with nothing but Keras's defaults (its batch normalization, its Adam).
- torch: peers/torch_step.py, PyTorch at its best (channels last, bfloat16 autocast, `torch.compile`, fused Adam), in an
  environment of its own: `make bench` makes it from benchmarks/requirements.txt; left out where there is none.

The ways take turns, each in a process of its own, so that a busy machine is busy for all. Batch 64, 2 sizes. Also
the peak of matrix multiplication of this machine, and the share of it that the step's multiplications take.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TORCH = HERE.parent / ".venv-bench" / "bin" / "python"
BATCH = 64


def rates(step, repeats=5, least=1.5):
    """Return pictures per second of `repeats` stretches of at least `least` seconds, after a warm-up."""
    for _ in range(8):
        step()
    found = []
    for _ in range(repeats):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < least:
            step()
            count += 1
        found.append(BATCH * count / (time.perf_counter() - start))
    return found
