"""What the benchmarks share: a report whose sections replace each other, names that can be typed wrong, plans."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def report(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import report

    monkeypatch.setattr(report, "RESULTS", tmp_path / "RESULTS.md")
    return report


def test_a_section_replaces_its_own_and_leaves_the_others(report):
    report.write("First", "sparrow")
    report.write("Second", "two")
    report.write("First", "three")
    text = report.RESULTS.read_text()
    assert text.index("## First") < text.index("three") < text.index("## Second") < text.index("two")
    assert "sparrow" not in text
    assert text.count("## First") == 1 and text.startswith("# Results\n")
    report.write("Second", "two")
    assert report.RESULTS.read_text() == text


def test_a_script_is_named_by_its_first_line(report, tmp_path):
    script = tmp_path / "distance.py"
    script.write_text('"""How far apart.\n\nMore."""\nx = 1\n')
    assert report.says(script) == "How far apart"
    script.write_text("x = 1\n")
    assert report.says(script) == "distance.py"


def test_a_table_has_a_line_per_row(report):
    lines = report.table([{"a": 1.23456, "b": "x"}, {"a": 2, "b": "y"}]).splitlines()
    assert lines == ["| a | b |", "|---|---|", "| 1.235 | x |", "| 2 | y |"]


def test_what_an_accelerator_measured_is_told_whole(report):
    """Each speed beside PyTorch's of the same batch, each training with its figures, each slow kernel."""
    import accelerator

    rates = dict(size=64, least=900.0, most=2100.0)
    found = {"device": "a card", "date": "today", "versions": "JAX 1", "peak": 2e12, "runs": {}}
    found["runs"]["plain"] = {"epochs": "2 + 0", "whole": 4.5, "mixture, outside": 12.5}
    found["speeds"] = [
        {"way": "PyTorch, Adam", "batch": 64, "rate": 2000.0, **rates},
        {"way": "course, Muon", "batch": 64, "rate": 1000.0, "input": 0.0123, **rates},
        {"way": "course, Adam", "batch": 128, "rate": 1500.0, "input": 0.5, **rates},
    ]
    found["slowest"] = [{"batch": 64, "all": 3.0, "kernels": [["gemm" * 100, 1.5, 2]]}]
    text = accelerator.section(found)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    assert [row[5:] for row in rows if row[0].startswith(("course", "PyTorch"))] == [
        ["1", share(2000), "–"],
        ["0.5", share(1000), "1.2%"],
        ["–", share(1500), "50.0%"],
    ]
    assert ["plain", "2 + 0", "4.5", "12.5"] in rows and ["gemm" * 27 + "ge", "1.5", "2"] in rows


ON_JAX = """
import jax, jax_training, numpy
given = numpy.load("given.npz")
jax_training.PRECISION, jax_training.BATCH = "float32", 8
vae, trainer = jax_training.plain(32, 16, 1, 8)
decoder = vae.decoder
assert sum(isinstance(layer, jax_training.Conv2DTranspose) for layer in decoder.layers) == 3
before = decoder.get_weights()
trainer.fit(given["pictures"], 1)
assert not any(numpy.array_equal(*pair) for pair in zip(before, decoder.get_weights()))
decoder.save_weights("decoder.weights.h5")
learned, others = ([v.value for v in part] for part in (decoder.trainable_variables, decoder.non_trainable_variables))
draw = lambda learned: decoder.stateless_call(learned, others, given["z"])[0]
faces, back = jax.vjp(draw, learned)
numpy.savez("found.npz", faces, *back(given["slope"])[0])
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX: pip install jax")
def test_networks_on_jax_are_those_of_the_course(report, tmp_path):
    """A decoder that was trained there draws the same faces in TensorFlow, and all its gradients are the same."""
    import keras
    import tensorflow as tf

    from vae_keras.model import build_decoder

    random = np.random.default_rng()
    given = dict(z=random.normal(size=(4, 128)), slope=random.normal(size=(4, 32, 32, 3)))
    given = {name: values.astype("float32") for name, values in given.items()}
    pictures = random.integers(0, 256, (16, 32, 32, 3), dtype="uint8")
    np.savez(tmp_path / "given.npz", pictures=pictures, **given)
    search = os.pathsep.join([str(BENCHMARKS), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", ON_JAX], cwd=tmp_path, check=True, env=os.environ | {"PYTHONPATH": search}
    )
    found = [*np.load(tmp_path / "found.npz").values()]
    keras.config.set_dtype_policy("float32")
    decoder = build_decoder(32)
    decoder.load_weights(tmp_path / "decoder.weights.h5")
    with tf.GradientTape() as tape:
        faces = decoder(given["z"], training=False)
    slopes = tape.gradient(faces, decoder.trainable_variables, given["slope"])
    for one, other in zip([faces, *slopes], found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


@pytest.mark.parametrize("name", ["plain", "sharpened"])
def test_the_accelerator_has_the_epochs_of_the_race(name):
    """README and lesson 03 set its first two trainings beside those of 1,800 seconds."""
    there, race = (
        json.loads((BENCHMARKS / f"{file}.json").read_text())["runs"]
        for file in ("accelerator", "time_to_quality")
    )
    assert there[name]["epochs"] == race[f"{name} 1800"]["epochs"]


def share(rate):
    """Return the part of the peak above that so many pictures a second take: one pass forwards, two back."""
    convolutions = 2 * 2 * 9 * (32**2 * 3 * 32 + 16**2 * 32 * 64 + 8**2 * 64 * 128 + 4**2 * 128 * 256)
    return f"{3 * (convolutions + 3 * 2 * 16 * 256 * 128) * rate / 2e12:.2%}"


def test_a_wrong_name_says_which_there_are():
    command = [sys.executable, BENCHMARKS / "time_to_quality.py", "vgg"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "sharpened" in done.stderr and "dcgan" in done.stderr


@pytest.fixture
def quality(report, monkeypatch, tmp_path):
    for name in ("CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL"):  # which the script sets
        monkeypatch.setenv(name, os.environ.get(name, ""))
    import keras
    import time_to_quality

    policy = keras.config.dtype_policy()
    monkeypatch.setattr(time_to_quality, "KEPT", tmp_path / "kept.json")
    yield time_to_quality
    keras.config.set_dtype_policy(policy)  # which building a model of the course sets


def test_a_plan_fits_into_the_seconds(quality):
    start, rate = quality.speed((14.0, 54.0), (1000, 9000))
    assert (start, rate) == (9.0, 200.0)
    speeds = {"plain": (10.0, 1000.0), "sharpened": (20.0, 200.0), "dcgan": (start, rate)}
    assert quality.plan("dcgan", 200, speeds, 20_000) == 191 * 200
    assert quality.plan("plain", 200, speeds, 20_000) == (9, 0)  # whole epochs
    assert quality.plan("plain", 5, speeds, 20_000) == (1, 0)
    plain, sharp = quality.plan("sharpened", 1800, speeds, 20_000)
    assert (plain, sharp) == (35, 10)
    taken = 10 + plain * 20 + 20 + sharp * 100
    assert 0.8 * 1800 < taken <= 1800
    assert quality.plan("sharpened", 100, speeds, 20_000) == (1, 0.4)
    # An epoch takes 30 seconds, its share of 60 is 24: so 30 are left, of which 20 go to the first step of sharpening.
    assert quality.plan("sharpened", 60, speeds, 20_000) == (1, 0.1)


def test_what_keras_compiles_counts_before_the_first_step(quality, monkeypatch):
    """50 seconds, of which the two later epochs took 20 and the pictures of the first, at their rate, 10."""
    history = pd.DataFrame({"seconds": [30.0, 10.0, 10.0]})
    with monkeypatch.context() as patch:
        patch.setattr(quality.time, "perf_counter", iter([7.0, 57.0]).__next__)
        found = quality.clocked(lambda images: history, np.zeros(100))
    assert found == pytest.approx((20.0, 10.0))


@pytest.mark.parametrize("name", ["plain", "sharpened"])
def test_a_model_of_this_project_runs_from_training_to_figures(quality, monkeypatch, tmp_path, name):
    images = np.random.default_rng().integers(0, 256, (128, 64, 64, 3), dtype="uint8")
    np.save(tmp_path / "train.npy", images)
    monkeypatch.setattr(quality, "options", argparse.Namespace(seconds=[50], outside=None), raising=False)
    speeds = {"plain": (0.0, 6.4, "here", "float32"), "sharpened": (0.0, 2.5, "here", "bfloat16")}
    ((seconds, run),) = quality.race(name, speeds, argparse.Namespace(train=images), tmp_path, images[:20])
    assert seconds == 50 and run["epochs"] == {"plain": "2 + 0", "sharpened": "1 + 0.59"}[name]
    figures = {key: run[key] for key in run if key.endswith("judge")}
    assert len(figures) == 3 and all(0 < value < np.inf for value in figures.values())


def test_a_training_computes_in_the_number_format_of_its_speed(quality, monkeypatch, tmp_path):
    """Wherever it runs: how many pictures it sees follows from a speed in that format."""
    called = []
    monkeypatch.setattr(quality, "options", argparse.Namespace(seconds=[50], outside=None), raising=False)
    monkeypatch.setattr(quality, "lines", lambda *command: called.append(command) or iter([{"pictures": 1}]))
    monkeypatch.setattr(quality, "trained_own", lambda *_: ())
    monkeypatch.setattr(quality, "trained_peer", lambda *_: ())
    monkeypatch.setattr(quality, "measure", lambda *_: {})
    for name, precision in (("wae", "bfloat16"), ("wae", "float32"), ("plain", "bfloat16")):
        speeds = {name: (0.0, 9.0, "elsewhere", precision)}
        list(quality.race(name, speeds, argparse.Namespace(train=[0]), tmp_path, None))
        assert precision in called.pop()
    for precision, policy in (("bfloat16", "mixed_bfloat16"), ("float32", "float32")):
        assert quality.build(precision).encoder.layers[1].dtype_policy.name == policy


def test_runs_are_kept_in_order_and_written_into_the_section(quality, report):
    run = {"machine": "one", "pictures": 5, "squared error": 0.25}
    runs = {"dcgan 1800": dict(run), "wae 200": dict(run), "plain 200": dict(run, epochs="3 + 0")}
    quality.keep({"speeds": {"dcgan": (9.0, 200.0, "this one", "float32")}, "runs": runs})
    assert list(quality.kept()["runs"]) == ["plain 200", "wae 200", "dcgan 1800"]
    assert quality.kept()["runs"]["plain 200"] == json.loads(json.dumps(runs["plain 200"]))
    lines = report.RESULTS.read_text().splitlines()
    assert {"| dcgan | 9 | 200 | float32 | this one |", "| plain | 200 | 3 + 0 | 5 | 0.25 |"} <= {*lines}


def test_speeds_are_measured_of_the_names_alone_and_drop_their_runs(quality, report, monkeypatch):
    """Ours go together, since sharpening goes on from a plain model."""
    rates = iter(range(1, 10))
    monkeypatch.setattr(quality, "lines", lambda *command: iter([dict.fromkeys(quality.OWN, (1.0, 50.0))]))
    monkeypatch.setattr(quality, "time_peer", lambda name, folder: (0.5, float(next(rates))))
    run = {"machine": "one", "pictures": 5, "squared error": 0.25}
    old = dict.fromkeys(("plain", "sharpened", "wae"), (9.0, 200.0, "old", "float32"))
    runs = {f"{name} 200": dict(run) for name in old}
    quality.keep({"speeds": old, "runs": runs, "note": "on those"})
    quality.keep_speeds(["plain", "wae"], "there", anew=False)
    assert quality.kept()["speeds"]["plain"][:2] == [9.0, 200.0] and quality.kept()["note"] == "on those"
    quality.keep_speeds(["wae", "dcgan"], "there", anew=False)
    assert quality.kept()["speeds"]["dcgan"][:2] == [0.5, 2.0]  # the median of three turns
    assert len(quality.kept()["runs"]) == 3 and "note" not in quality.kept()
    quality.keep_speeds(["plain"], "there", anew=True)
    assert quality.kept()["speeds"]["sharpened"][:2] == [1.0, 50.0]
    assert list(quality.kept()["runs"]) == ["wae 200"]


@pytest.fixture
def variants(quality, monkeypatch, tmp_path):
    import variants

    monkeypatch.setattr(variants, "KEPT", tmp_path / "variants.json")
    yield variants
    for name, function in variants.UNCHANGED.items():  # which a variant has replaced
        setattr(variants.model, name, function)


@pytest.mark.parametrize("name", ["Muon, group normalization", "Muon, a quarter of a nat free"])
def test_a_variant_sees_what_its_cost_allows(variants, monkeypatch, name):
    """Twelve parts of one step each, where a picture costs twice as much; then nothing of it is left."""
    images = np.random.default_rng().integers(0, 256, (128, 64, 64, 3), dtype="uint8")
    monkeypatch.setattr(variants, "relative_cost", lambda variant, images: 2.0)
    vae, run = variants.train(variants.VARIANTS[name], images, 2 * 12 * 64 + 5)
    assert run["cost"] == 2 and run["pictures"] == 12 * 64 and int(vae.optimizer.iterations) == 12
    used = variants.VARIANTS[name]["functions"]
    assert all(getattr(variants.model, each) is function for each, function in used.items())
    plain, _ = variants.start(variants.VARIANTS["Adam"], images, 1)
    assert type(plain.optimizer) is variants.training.Adam and plain.count_params() == 2_352_837
    assert variants.model.activate is variants.activate
    if "group" in name:
        assert vae.count_params() == 2_350_917  # no averages to keep
    else:
        assert float(variants.free_nats(np.zeros(1), np.zeros(1))[0]) == 0.25


def test_a_variant_is_compared_in_time(variants, monkeypatch):
    """The median of the turns after the first, for a picture: the first compiles."""
    seconds = {64: [9.0, 1.0, 1.0, 3.0, 7.0], 128: [9.0, 4.0, 4.0, 4.0, 8.0]}
    clock, turns = [0.0], {batch: iter(times) for batch, times in seconds.items()}

    class Step:
        def __init__(self, batch):
            self.batch, self.made = batch, 0

        def make_train_function(self):
            self.train_function = self.step

        def step(self, batches):
            clock[0] += next(turns[self.batch]) if self.made % variants.TURN == 0 else 0.0
            self.made += 1
            return {"loss": np.zeros(1).view(Loss)}

    class Loss(np.ndarray):
        def numpy(self):
            return self

    monkeypatch.setattr(variants, "start", lambda variant, *_: (Step(variant.get("batch", 64)), []))
    monkeypatch.setattr(variants.time, "process_time", lambda: clock[0])
    assert variants.relative_cost({"batch": 128}, None) == 1.0


def test_variants_are_kept_in_their_order(variants, report):
    run = {"machine": "one", "cost": 1.0, "pictures": 5, "squared error": 0.25}
    variants.write({"Muon; 60000": run, "Adam; 60000": run, "Muon; 500": run})
    rows = [line.split(" | ")[:2] for line in report.RESULTS.read_text().splitlines() if "| 0.25" in line]
    assert rows == [["| Muon", "500"], ["| Adam", "60,000"], ["| Muon", "60,000"]]
