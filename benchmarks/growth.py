"""How time and memory grow with the number of pictures and with their size: `python benchmarks/growth.py`, 10 minutes.

Each step in a process of its own, whose peak of memory the operating system tells. Pictures are drawn faces, all
different, written as JPEG into a zip. Seconds are of the work alone, without importing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import report

from vae_keras import commands, config, data, latent, sources, training

COUNTS, SIZES, SOME = (1_000, 10_000, 100_000), (32, 64, 128, 256), 2_000


def write_zip(path, count, size):
    """Write `count` JPEGs of `size` pixels a side."""
    import cv2

    from vae_keras import cartoon

    factors = cartoon.sample_factors(count)
    with zipfile.ZipFile(path, "w") as archive:
        for at in range(0, count, 1000):
            for number, face in enumerate(cartoon.draw_faces(factors[at : at + 1000], size), at):
                archive.writestr(f"{number:06d}.jpg", cv2.imencode(".jpg", face[..., ::-1])[1].tobytes())


def prepare(path, size):
    """Return (seconds, pictures) of preparing a zip."""
    start = time.perf_counter()
    faces = data.prepare(sources.get_source(path), size, progress=False)
    return time.perf_counter() - start, len(faces.images)


def train(path, size):
    """Return (seconds, pictures) of the second epoch, by Adam: the first one compiles."""
    faces = data.prepare(sources.get_source(path), size, progress=False)
    vae = training.build_vae(config.get_config(profile="full", dataset="cartoon", image_size=size))
    return training.fit(vae, faces.train, epochs=2, optimizer="adam")["seconds"].iloc[1], len(faces.train)


def sample(count, size):
    """Return (seconds, pictures) of drawing faces in blocks, as the command does with a plain model."""
    vae = training.build_vae(config.get_config(profile="full", dataset="cartoon", image_size=size))
    z = np.random.default_rng(0).standard_normal((int(count), 128)).astype("float32")
    latent.decode(vae, z[:256])
    start = time.perf_counter()
    for at in range(0, len(z), commands.CHUNK):
        latent.decode(vae, z[at : at + commands.CHUNK])
    return time.perf_counter() - start, len(z)


def measure(work, *words):
    """Return [seconds, pictures, peak of memory in GB] of one piece of work in a process of its own."""
    command = [sys.executable, __file__, work, *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"error: {work} {words} failed; what it said stands above.")
    return json.loads(done.stdout.splitlines()[-1])


def peak():
    """Return the peak of this process's memory in GB; of Linux, whose getrusage would tell the parent's, too."""
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return int(line.split()[1]) * 1024 / 1e9


def row(count, size, folder):
    """Return what preparation, an epoch and sampling take for so many pictures of a size."""
    archive = Path(folder, f"faces-{count}-{size}.zip")
    write_zip(archive, count, size)
    os.environ["VAE_KERAS_CACHE"] = str(Path(folder, f"cache-{count}-{size}"))
    found = {"pictures": count, "size": size}
    for name, words in {
        "prepare": (archive, size),
        "train": (archive, size),
        "sample": (count, size),
    }.items():
        seconds, pictures, memory = measure(name, *words)
        found |= {
            f"{name}: s": seconds,
            f"{name}: ms a picture": 1000 * seconds / pictures,
            f"{name}: GB": memory,
        }
    return found


def main():
    with tempfile.TemporaryDirectory() as folder:
        by_count = [row(count, 64, folder) for count in COUNTS]
        by_size = [row(SOME, size, folder) for size in SIZES]
    report.write(
        "Growth",
        "Preparing a zip (no picture known yet), one epoch of training, drawing as many faces; peak of memory of the "
        "process, TensorFlow's own included: [growth.py](growth.py).\n\n"
        f"{report.table(by_count)}\n\n{report.table(by_size)}",
    )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        work, first, size = sys.argv[1:]
        seconds, pictures = {"prepare": prepare, "train": train, "sample": sample}[work](first, int(size))
        print(json.dumps([float(seconds), pictures, peak()]))
