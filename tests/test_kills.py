"""Processes that are killed at random moments: the same weights to the bit, and nothing left that is taken for whole.

`VAE_KERAS_KILLS=20 python -m pytest tests/test_kills.py -s` kills 20 times and prints where.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from conftest import ROOT
from vae_keras import data, hub, storage
from vae_keras.data.drawn import faces as drawn
from vae_keras.hub import folders

KILLS = int(os.environ.get("VAE_KERAS_KILLS", 5))
FILES = sorted([storage.MARKER, *folders.FILES, folders.SHARP, "faces.png", "faces-plain.png"])
# Imports once and then trains in forks of itself, of which all but the last of a folder are killed. Of the steps that
# are killed each says when it begins. What only takes time, the figures of a card and the diffusion prior, is left out.
PROGRAM = """
import os, random, signal, sys, time
import numpy as np
import tensorflow as tf
from vae_keras import cli, config, data, hub, sharpening, training
from vae_keras.priors import Mixture
from vae_keras.release import package
import pandas as pd

pictures, place, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
STEPS = [(data, "load_faces"), (training, "fit"), (sharpening, "sharpen"), (hub, "save")]
generator = random.Random(5)

def whole(vae, faces, plain=None, **more):
    prior = Mixture(np.ones(1), np.zeros((1, 8)), np.eye(8)[None])
    card = {**package.describe_model(vae, faces), "figures": FIGURES}
    card = {**plain.card, "sharpened": {"figures": FIGURES}} if plain else card
    return hub.Pretrained(vae, prior, pd.DataFrame(np.ones((1, 8)), ["x"]), pd.Series([1.0], ["x"]), card)

FIGURES = dict(pictures=1, squared_error=1, pca_squared_error=1, ratio=1, kl=1, active_units=1)
config._device = lambda: (0, "float32")
package.package = whole
sharpening.fit_denoiser = lambda *rest, **more: (None, None)
sharpening.gains = lambda history: False

def telling(owner, name, pipe):
    step = getattr(owner, name)
    def first_tell(*rest, **more):
        os.write(pipe, name.encode() + b" ")
        return step(*rest, **more)
    setattr(owner, name, first_tell)

def start(out):
    '''Return the number of a fork that trains, and the end of a pipe on which it names its steps.'''
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.environ["VAE_KERAS_CACHE"] = out + "-cache"
    tf.config.run_functions_eagerly(True)  # to trace them would take most of the time
    for owner, name in STEPS:
        telling(owner, name, writer)
    size = "--image-size 16 --latent-dim 8 --batch-size 64 --epochs 3 --sharpen 2"
    os._exit(cli.main(["train", "--data", pictures, "--out", out, *size.split()]))

def times_of_steps(reader):
    '''Yield the steps and the times at which they begin; the last one is the end.'''
    while said := os.read(reader, 100):
        for name in said.decode().split():
            yield name, time.monotonic()
    yield "end", time.monotonic()

def run_whole(out):
    child, reader = start(out)
    begun = list(times_of_steps(reader))
    os.close(reader)
    return begun, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

begun, code = run_whole(place + "/0")
assert code == 0, code
lasts = {name: ended - since for (name, since), (_, ended) in zip(begun, begun[1:])}
folder, killed = 1, 0
while killed < kills:
    step = STEPS[killed % len(STEPS)][1]
    child, reader = start(f"{place}/{folder}")
    for name, _ in times_of_steps(reader):
        if name == step:
            time.sleep(generator.random() * lasts[step])
            os.kill(child, signal.SIGKILL)
    os.close(reader)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 2, -signal.SIGKILL), code
    if code == -signal.SIGKILL:
        killed += 1
        print("killed in", step, flush=True)
        if os.path.exists(f"{place}/{folder}/card.json"):
            hub.folders.read_card(f"{place}/{folder}")
    else:  # that step was done: the next folder
        folder += 1
print(run_whole(f"{place}/{folder}")[1], folder)
"""


@pytest.mark.slow
def test_what_is_killed_at_random_moments_ends_as_if_it_was_not(tmp_path):
    data.save_images(drawn.draw_faces(drawn.sample_factors(200, seed=1), 16), tmp_path / "pictures")
    (tmp_path / "runs").mkdir()
    program = [sys.executable, "-c", PROGRAM, tmp_path / "pictures", tmp_path / "runs", str(KILLS)]
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}  # sums in one order
    environment = os.environ | threads | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    print(result.stdout)
    expected = hub.load(tmp_path / "runs" / "0")
    trained = [path for path in (tmp_path / "runs").iterdir() if not path.name.endswith("-cache")]
    assert len(trained) > 1
    for path in trained:
        assert sorted(file.name for file in path.iterdir()) == FILES
        model = hub.load(path)
        for one, other in zip(expected.vae.get_weights(), model.vae.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    for cache in (tmp_path / "runs").glob("*-cache"):
        whole = [entry for entry in cache.iterdir() if not entry.name.startswith(".preparing-")]
        assert len(whole) == 1
