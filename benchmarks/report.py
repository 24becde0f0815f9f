"""What the benchmarks share: RESULTS.md, a section each, with date, machine and versions; a distance from outside."""

import ast
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BY_HAND = "<!-- by hand: kept when the section is measured again -->"
RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
HEAD = (
    "# Results\n\nEach section names its script; `make bench` and `make quality` run them. Other ways stand under "
    "[what was tried](CONCLUSIONS.md).\n"
)


def machine():
    """Return one line: date, processor, cores, and the versions that matter."""
    processor, information = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    for line in information.read_text().splitlines() if information.exists() else ():
        processor = line.partition(":")[2].strip() if line.startswith("model name") else processor
    names = importlib.metadata.packages_distributions()  # TensorFlow's may be tensorflow-cpu
    versions = [f"{name} {importlib.metadata.version(names[name][0])}" for name in ("tensorflow", "keras")]
    python = f"Python {platform.python_version()}"
    return ", ".join([time.strftime("%Y-%m-%d"), processor, f"{os.cpu_count()} cores", python, *versions])


def table(rows):
    """Return dictionaries with the same keys as a Markdown table; floats with four digits, None and NaN as a dash."""

    def cell(value):
        if value is None or value != value:
            return "–"
        if isinstance(value, int) or (isinstance(value, float) and abs(value) >= 1000):
            return f"{value:,.0f}"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    for row in rows:
        lines.append("| " + " | ".join(map(cell, row.values())) + " |")
    return "\n".join(lines)


def outside(script, real, other):
    """Return the distance that a script prints for two sets of faces; None without one."""
    if not script:
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("real.npy", "other.npy")]
        for path, pictures in zip(paths, (real, other)):
            np.save(path, pictures)
        done = subprocess.run([sys.executable, script, *paths], stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[0])


def says(script):
    """Return the first line of what a script says of itself."""
    text = ast.get_docstring(ast.parse(Path(script).read_text())) or Path(script).name
    return text.partition("\n")[0].rstrip(".")


def write(title, text, page=None, head=HEAD):
    """Put a section into a page, RESULTS.md if no other is given, in the place of the one that had its title.

    What stands below the line `BY_HAND` of the old section is kept.
    """
    page = page or RESULTS
    old = page.read_text().split("\n## ")[1:] if page.exists() else []
    sections = {section.partition("\n")[0]: section.partition("\n")[2].strip() for section in old}
    _, mark, by_hand = sections.get(title, "").partition(BY_HAND)
    sections[title] = f"{machine()}.\n\n{text.strip()}" + (f"\n\n{mark}{by_hand}" if mark else "")
    page.write_text(head + "".join(f"\n## {name}\n\n{body}\n" for name, body in sections.items()))
    print(f"{title}\n\n{sections[title]}\n", flush=True)
