"""Writes what the benchmarks found into RESULTS.md, a section each, with date, machine and versions."""

import importlib.metadata
import os
import platform
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
HEAD = "# Results\n\nWritten by `make bench` and `make race`: each section by the script that it names.\n"


def machine():
    """Return one line: date, processor, cores, and the versions that matter."""
    processor, information = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    for line in information.read_text().splitlines() if information.exists() else ():
        processor = line.partition(":")[2].strip() if line.startswith("model name") else processor
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras", "numpy")]
    python = f"Python {platform.python_version()}"
    return ", ".join([time.strftime("%Y-%m-%d"), processor, f"{os.cpu_count()} cores", python, *versions])


def table(rows):
    """Return dictionaries with the same keys as a Markdown table; floats with three digits."""

    def cell(value):
        return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)

    lines = ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    lines += ["| " + " | ".join(cell(value) for value in row.values()) + " |" for row in rows]
    return "\n".join(lines)


def write(title, text):
    """Put a section into RESULTS.md, in the place of the one that had its title; print it."""
    old = RESULTS.read_text().split("\n## ")[1:] if RESULTS.exists() else []
    sections = {section.partition("\n")[0]: section.partition("\n")[2].strip() for section in old}
    sections[title] = f"{machine()}.\n\n{text.strip()}"
    RESULTS.write_text(HEAD + "".join(f"\n## {name}\n\n{body}\n" for name, body in sections.items()))
    print(f"{title}\n\n{sections[title]}\n")
