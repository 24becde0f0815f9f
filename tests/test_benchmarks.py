"""The benchmarks: a report whose sections replace each other, tables of what was measured, a check that can fail."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT

BENCHMARKS = ROOT / "benchmarks"


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
    report.RESULTS.write_text(text.replace("three", f"three\n\n{report.BY_HAND}\n\nA remark."))
    report.write("First", "four")
    text = report.RESULTS.read_text()
    assert "three" not in text and text.index("four") < text.index("A remark.") < text.index("## Second")


def test_the_committed_page_is_what_the_report_would_write(report):
    """Its head is the report's, and a section that is measured again replaces the one that is there."""
    text = (BENCHMARKS / "RESULTS.md").read_text()
    assert text.startswith(report.HEAD)
    report.RESULTS.write_text(text)
    report.write("The training step", "sparrow")
    titles = re.findall("^## .*", text, re.MULTILINE)
    assert re.findall("^## .*", report.RESULTS.read_text(), re.MULTILINE) == titles
    assert len(text.splitlines()) < 150, "one page"


def test_every_link_of_the_pages_leads_somewhere():
    for name in ("RESULTS.md", "CONCLUSIONS.md", "APPLICATIONS.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)", (BENCHMARKS / name).read_text()):
            assert (BENCHMARKS / link).exists(), f"{name} links {link}"


def test_a_script_is_named_by_its_first_line(report, tmp_path):
    script = tmp_path / "distance.py"
    script.write_text('"""How far apart.\n\nMore."""\nx = 1\n')
    assert report.says(script) == "How far apart"
    script.write_text("x = 1\n")
    assert report.says(script) == "distance.py"


def test_a_table_has_a_line_per_row(report):
    lines = report.table([{"a": 1.23456, "b": "x"}, {"a": 2, "b": "y"}]).splitlines()
    assert lines == ["| a | b |", "|---|---|", "| 1.235 | x |", "| 2 | y |"]


def test_a_distance_comes_from_outside(report, tmp_path):
    script = tmp_path / "distance.py"
    script.write_text("import sys, numpy as np\nprint(*[np.load(path).sum() for path in sys.argv[1:]])\n")
    assert report.outside(script, np.full(3, 2), np.ones(3)) == 6
    assert report.outside(None, np.ones(3), np.ones(3)) is None


# The step.


def test_ways_are_compared_turn_by_turn(report):
    """The median of the ratios, not the ratio of the medians; a way that could not run is left out."""
    import step

    turns = [
        {"course": 10.0, "keras": 5.0, "torch": None},
        {"course": 40.0, "keras": 10.0, "torch": None},
        {"course": 90.0, "keras": 90.0, "torch": None},
    ]
    course, keras = step.compare(turns, 64, best=4e9)
    assert (course["way"], keras["way"]) == ("course", "keras")
    assert keras["course is so many times as fast"] == 2.0
    assert (keras["pictures per second"], keras["range"]) == ("10", "5–90")
    assert course["share of the peak"] == f"{40 * step.operations(64) / 4e9:.0%}" != "0%"


def test_the_check_fails_where_half_is_lost(report, capsys):
    import check

    turn = {"keras": 100.0, "course": 168.0, "muon": 107.0, "input": 7000.0}
    assert check.slow_ways([turn] * 3) == []
    slow = [turn, turn | {"muon": 53.0}, turn | {"muon": 53.0}]
    assert check.slow_ways(slow) == ["muon"]
    assert "muon: 0.53 times" in capsys.readouterr().out


def test_a_script_measures_a_way_in_a_process_of_its_own(report, monkeypatch, capsys):
    """The last line that it prints is the rate; what fails is said and left out."""
    import step

    done = subprocess.CompletedProcess([], 0, stdout="a warning\n12.5\n", stderr="")
    monkeypatch.setattr(step.subprocess, "run", lambda *_, **__: done)
    assert step.measure("muon", 64) == 12.5
    done.returncode, done.stderr = 1, "no memory"
    assert step.measure("muon", 64) is None and "no memory" in capsys.readouterr().err
    monkeypatch.setattr(step, "TORCH", Path("nowhere"))
    monkeypatch.setattr(step, "precision", lambda: "float32")
    assert step.measure("torch", 64) is None


# The faces.


class Model:
    """A shipped model: its reconstructions are brighter, its new faces grey."""

    vae = "vae"
    prior = "prior"
    sharpened = True

    def reconstruct(self, images):
        return images + 1

    def generate(self, count, seed):
        return np.full((count, 2, 2, 3), seed, "uint8")


def test_quality_measures_each_set_once(report, monkeypatch):
    import argparse

    import quality

    faces = argparse.Namespace(train=np.zeros((9, 2, 2, 3), "uint8"), test=np.ones((3, 2, 2, 3), "uint8"))
    held = np.full((4, 2, 2, 3), 7, "uint8")
    sets = quality.sets_of_faces({"plain": Model()}, faces, held)
    assert {name: (len(images), images.max()) for name, images in sets.items()} == {
        "real training pictures": (4, 0),
        "plain, reconstructions": (4, 8),
        "plain, new faces": (4, quality.SEED),
    }
    monkeypatch.setattr(quality.hub, "load", lambda name, plain=False: (name, plain) and Model())
    assert list(quality.load_models("celeba")) == ["plain", "sharpened"]
    monkeypatch.setattr(Model, "sharpened", False)
    assert list(quality.load_models("celeba")) == ["plain"]


def test_bits_are_those_of_the_plain_decoder_alone(report, monkeypatch):
    import argparse

    import quality

    calls = []

    def bits(vae, images, samples=1, prior=None):
        calls.append((vae, len(images), samples, prior))
        return 6.0

    evaluation = argparse.Namespace(
        fit_pca=len,
        pca_error=lambda pca, images: 4.0,
        similarity=lambda images, others: {"mse": 1.0},
        bits_per_dimension=bits,
    )
    monkeypatch.setattr(quality, "evaluation", evaluation)
    faces = argparse.Namespace(train=np.zeros(9), test=np.zeros(300))
    plain, sharpened = quality.reconstruction_table({"plain": Model(), "sharpened": Model()}, faces)
    assert calls == [("vae", 200, 1, None), ("vae", 200, 64, None), ("vae", 200, 64, "prior")]
    assert plain["of PCA's error"] == 0.25 and plain["fitted prior"] == 6.0
    assert sharpened["fitted prior"] is None and list(plain) == list(sharpened)


# The accelerator.


def test_what_an_accelerator_measured_is_told_whole(report):
    """Each speed beside PyTorch's of the same batch, and each training with its figures."""
    import accelerator

    rates = dict(size=64, least=900.0, most=2100.0)
    found = {"device": "a card", "date": "today", "versions": "JAX 1", "peak": 2e12, "runs": {}}
    found["runs"]["plain"] = {"epochs": "2 + 0", "whole": 4.5, "mixture, outside": 12.5}
    found["speeds"] = [
        {"way": "PyTorch, Adam", "batch": 64, "rate": 2000.0, **rates},
        {"way": "course, Muon", "batch": 64, "rate": 1000.0, **rates},
        {"way": "course, Adam", "batch": 128, "rate": 1500.0, **rates},
    ]
    text = accelerator.section(found)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    assert [row[5:] for row in rows if row[0].startswith(("course", "PyTorch"))] == [
        ["1", share(2000)],
        ["0.5", share(1000)],
        ["–", share(1500)],
    ]
    assert ["plain", "2 + 0", "4.5", "12.5"] in rows


def share(rate):
    """Return the part of the peak above that so many pictures a second take: one pass forwards, two back."""
    convolutions = 2 * 2 * 9 * (32**2 * 3 * 32 + 16**2 * 32 * 64 + 8**2 * 64 * 128 + 4**2 * 128 * 256)
    return f"{3 * (convolutions + 3 * 2 * 16 * 256 * 128) * rate / 2e12:.2%}"


def test_weights_of_the_accelerator_are_found_again(report, tmp_path):
    """A decoder with details, too, draws the same face from the files that `train` writes."""
    import accelerator

    from vae_keras.model import VAE

    for name, details in (("plain", None), ("longest", 16)):
        vae = VAE(details=details)
        vae.save_weights(tmp_path / f"{name}.weights.h5")
        found = accelerator.load_trained(name, tmp_path)
        z = np.random.default_rng(0).standard_normal((2, 128)).astype("float32")
        np.testing.assert_array_equal(found.decode(z), vae.decode(z))
