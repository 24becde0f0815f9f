"""How time and memory grow with the number of pictures and with their size: `python benchmarks/growth.py`, 15 minutes.

Each step in a process of its own, whose peak of memory the operating system tells. Pictures are drawn faces, written as
JPEG into a zip, the same thousand over and over under other names, and one byte at the end of each is its number, so
that no two files are equal. Seconds are of the work alone, without importing.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import report

COUNTS, SIZES, SOME = (1_000, 10_000, 100_000), (32, 64, 128, 256), 2_000


def write_zip(path, count, size):
    """Write `count` JPEGs of `size` pixels a side."""
    import cv2

    from vae_keras import cartoon

    faces = cartoon.draw_faces(cartoon.sample_factors(min(count, 1000)), size)
    packed = [cv2.imencode(".jpg", face[..., ::-1])[1].tobytes() for face in faces]
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number:06d}.jpg", packed[number % 1000] + number.to_bytes(4, "little"))


def prepare(path, size):
    from vae_keras import data, sources

    data.prepare(sources.get_source(path), size, progress=False)


def train(path, size):
    """Train for one epoch, after a step that compiles."""
    from vae_keras import config, data, sources, training

    faces = data.prepare(sources.get_source(path), size, progress=False)
    vae = training.build_vae(config.get_config(profile="full", dataset="cartoon", image_size=size))
    training.fit(vae, faces.train[:64], epochs=1)
    start = time.perf_counter()
    training.fit(vae, faces.train, epochs=1)
    return time.perf_counter() - start


def sample(count, size):
    """Draw faces in blocks, as the command does; of a model with other weights every time, which costs the same."""
    import numpy as np

    from vae_keras import commands, config, latent, training

    vae = training.build_vae(config.get_config(profile="full", dataset="cartoon", image_size=size))
    z = np.random.default_rng(0).standard_normal((count, 128)).astype("float32")
    latent.decode(vae, z[:256])
    start = time.perf_counter()
    for at in range(0, count, commands.CHUNK):
        latent.decode(vae, z[at : at + commands.CHUNK])
    return time.perf_counter() - start


def measure(work, *words):
    """Return seconds and peak of memory (GB) of one piece of work in a process of its own."""
    command = [sys.executable, __file__, work, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{work} {words} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row(count, size, folder):
    """Return what preparation, an epoch and sampling take for so many pictures of a size."""
    archive = Path(folder, f"faces-{count}-{size}.zip")
    write_zip(archive, count, size)
    os.environ["VAE_KERAS_CACHE"] = str(Path(folder, f"cache-{count}-{size}"))
    found = {"pictures": f"{count:,}", "size": size}
    works = {"prepare": (archive, size), "train": (archive, size), "sample": (count, size)}
    for name, words in works.items():
        seconds, memory = measure(name, *words)
        found |= {f"{name}, s": f"{seconds:.1f}", "ms a picture" + " " * len(found): 1000 * seconds / count}
        found |= {"peak, GB" + " " * len(found): memory}
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
        import vae_keras  # noqa: F401  (and the libraries, before the clock runs)
        from vae_keras import data, training  # noqa: F401

        start = time.perf_counter()
        function = {"prepare": prepare, "train": train, "sample": sample}[work]
        seconds = (
            function(int(first) if work == "sample" else first, int(size)) or time.perf_counter() - start
        )
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))
