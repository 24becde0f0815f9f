"""What the benchmarks share: a report whose sections replace each other, and names that can be typed wrong."""

import subprocess
import sys
from pathlib import Path

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


def test_a_table_has_a_line_per_row(report):
    lines = report.table([{"a": 1.23456, "b": "x"}, {"a": 2, "b": "y"}]).splitlines()
    assert lines == ["| a | b |", "|---|---|", "| 1.235 | x |", "| 2 | y |"]


def test_a_wrong_name_says_which_there_are():
    command = [sys.executable, BENCHMARKS / "time_to_quality.py", "vgg"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "sharpened" in done.stderr and "dcgan" in done.stderr
