r"""Brings the executed notebooks (notebooks/NN_name.ipynb) up to date with their texts (notebooks/src/NN_name.py).

frame.py makes a notebook of a text. A lesson whose code changed since is executed in a fresh kernel and stamped with
how; a change of prose alone is woven in around the outputs that are there. The solutions' notebooks lie in
notebooks/solutions.

Numbers in prose come from the outputs. A text says where to look: `<<mean face ([\d.]+)>>` becomes what the brackets
of the pattern match first in what the cells of the notebook print, and `<<share (0\.\d+)|.0%>>` the same number in
another format. Patterns use whole outputs, across lines.
"""

import argparse
import base64
import datetime
import hashlib
import importlib.metadata
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbclient
import nbformat
from PIL import Image

from frame import ROOT, lessons, notebook_name, render, solutions

NOTEBOOKS = ROOT / "notebooks"
LARGE = 200_000  # bytes above which a picture is stored as JPEG
# What TensorFlow's libraries say of the machine when they are loaded; no setting silences it.
WOVEN = re.compile(r"<<(.+?)(?:\|([^|<>]+))?>>", re.DOTALL)  # a pattern, and perhaps a format
MISSING = "…"  # stands for a number that this run did not print
START_UP = re.compile(r"^(WARNING: All log messages before absl::.*|[IWE]0000 00:00:.*)\n?", re.MULTILINE)


def code_cells(notebook):
    """Return the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def code_hash(notebook):
    """Return the hash of a notebook's code; the first cell, which finds the course, does not count."""
    code = "\n\n".join(cell.source for cell in code_cells(notebook)[1:])
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def report(line, end=""):
    """Show what is happening: in place on a terminal, a line each elsewhere."""
    print(
        f"\r\033[K{line[:100]}" if sys.stdout.isatty() else line,
        end=end if sys.stdout.isatty() else "\n",
        flush=True,
    )


def execute(text, profile, dataset, machine):
    """Return the notebook of a lesson executed in a fresh kernel, stamped with how. Shows which cell is running."""
    notebook, start = render(text), time.monotonic()
    order = [cell.id for cell in code_cells(notebook)]

    def show(cell, cell_index):
        if cell.id in order:
            place, first = f"{order.index(cell.id) + 1} of {len(order)}", cell.source.strip().splitlines()[0]
            report(f"{text.stem}  {time.monotonic() - start:4.0f} s  cell {place}  {first}")

    dataset = str(Path(dataset).resolve()) if Path(dataset).exists() else dataset
    settings = {"VAE_KERAS_PROFILE": profile, "VAE_KERAS_DATASET": dataset}
    settings.update(TQDM_DISABLE="1", VAE_KERAS_STATIC="1")  # neither bars nor widgets stay on a page
    client = nbclient.NotebookClient(notebook, timeout=None, record_timing=False, coalesce_streams=True)
    folder = (NOTEBOOKS / notebook_name(text)).parent
    folder.mkdir(exist_ok=True)
    client.resources, client.on_cell_start = {"metadata": {"path": str(folder)}}, show
    client.extra_arguments = ["--log-level=ERROR"]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, **settings}
    client.execute(env=environment, stderr=subprocess.DEVNULL)  # what cells write there is in the notebook
    packages = "tensorflow tensorflow-cpu keras numpy pandas scikit-learn opencv-python-headless".split()
    found = {package.name: package.version for package in importlib.metadata.distributions()}
    found["Python"] = sys.version.split()[0]
    versions = {name: found[name] for name in sorted(["Python", *packages]) if name in found}
    run = dict(code=code_hash(notebook), profile=profile, dataset=Path(dataset).name, machine=machine)
    run.update(date=str(datetime.date.today()), seconds=round(time.monotonic() - start), versions=versions)
    report(f"{text.stem}  {run['seconds']:4.0f} s  executed", end="\n")
    return with_outputs(render(text, run), notebook)


def with_outputs(notebook, executed):
    """Return `notebook` with the outputs of `executed`, of the same code, and their numbers in its prose."""
    for cell, old in zip(code_cells(notebook), code_cells(executed), strict=True):
        cell.outputs, cell.execution_count = old.outputs, old.execution_count
        for stream in [output for output in cell.outputs if output.get("name") == "stderr"]:
            stream.text = START_UP.sub("", stream.text)
            if not stream.text.strip():
                cell.outputs.remove(stream)
        for output in [output for output in cell.outputs if "data" in output]:
            store_large_as_jpeg(output)
            describe(output, cell.metadata.get("mystnb", {}).get("image", {}).get("alt"))
    texts = printed(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = WOVEN.sub(lambda found: number(found, texts), cell.source)
    return notebook


def store_large_as_jpeg(output):
    """Store a large picture as JPEG."""
    if len(output.data.get("image/png", "")) > LARGE:
        image, jpeg = Image.open(io.BytesIO(base64.b64decode(output.data.pop("image/png")))), io.BytesIO()
        image.convert("RGB").save(jpeg, "JPEG", quality=88)
        output.data["image/jpeg"] = base64.b64encode(jpeg.getvalue()).decode()
        output.metadata["image/jpeg"] = output.metadata.pop("image/png", {})


def describe(output, alt):
    """Give the pictures of an output their alternative text."""
    for kind in output.data:
        if alt and kind.startswith("image/"):
            output.metadata.setdefault(kind, {})["alt"] = alt


def printed(notebook):
    """Return all that the cells of a notebook print, tables as plain text."""
    parts = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            parts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)


def number(found, texts):
    """Return what a mark in the prose stands for, `MISSING` where no output holds it."""
    pattern, form = found.groups()
    match = re.search(" ".join(pattern.split()), texts)  # a mark may be broken at the end of a line
    if not match or not match.groups():
        report(f"no output holds what this mark looks for: {found[0]}", end="\n")
        return MISSING
    return format(float(match[1].replace(",", "")), form) if form else match[1]


def woven(text, path):
    """Return the lesson around the outputs of the notebook at `path`; None where its code was not executed so."""
    if not path.exists():
        return None
    old = nbformat.read(path, as_version=4)
    new = render(text, old.metadata.get("run"))
    return with_outputs(new, old) if old.metadata.get("run", {}).get("code") == code_hash(new) else None


def write(path, content):
    """Write text under a temporary name first, so that a killed build leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(content)
    os.replace(temporary, path)


def build(text, arguments):
    """Bring the notebook of one lesson up to date, executing it only where its code or the wanted run is another."""
    path = arguments.out / notebook_name(text)
    notebook = None if arguments.force else woven(text, path)
    wanted = {"profile": arguments.profile, "dataset": arguments.data and Path(arguments.data).name}
    if notebook and any(value not in (None, notebook.metadata.run[name]) for name, value in wanted.items()):
        notebook = None
    if notebook is None:
        notebook = execute(text, arguments.profile or "full", arguments.data or "celeba", arguments.machine)
    write(path, nbformat.writes(notebook) + "\n")


def check(text, folder=NOTEBOOKS):
    """Return in a sentence what is wrong with the notebook of a lesson and the command that mends it; else None."""
    path = folder / notebook_name(text)
    notebook = woven(text, path)
    if notebook is None:
        return f"{path}: missing, or its code changed after it was executed; run: make lessons"
    if nbformat.writes(notebook).strip() != path.read_text().strip():
        return f"{path}: differs from its text {text}; run: make lessons"


def wanted_texts(names):
    """Return the texts of the lessons and solutions whose names begin so; all, where there are no names."""
    texts = [*lessons(), *solutions()]
    for name in names:
        if not any(notebook_name(text).startswith(name) for text in texts):
            known = ", ".join(notebook_name(text).removesuffix(".ipynb") for text in texts)
            sys.exit(f"error: no lesson {name}; there are {known}")
    return [text for text in texts if not names or notebook_name(text).startswith(tuple(names))]


def main():
    """Read the command line, and build or check the lessons."""
    parser = argparse.ArgumentParser(description="Build the executed lessons from their texts.")
    parser.add_argument(
        "lessons", nargs="*", help="beginnings of their names, such as 03 or solutions/03; default: all"
    )
    parser.add_argument("--check", action="store_true", help="only say which notebooks are not up to date")
    parser.add_argument("--force", action="store_true", help="execute also what is up to date")
    parser.add_argument("--profile", help="quick, cpu, gpu or full; default: full")
    parser.add_argument("--data", help="data set, folder or zip of the pictures; default: celeba")
    parser.add_argument(
        "--machine", default=f"{os.cpu_count()} processor cores", help="its name in the lesson"
    )
    parser.add_argument("--out", type=Path, default=NOTEBOOKS, help="folder of the notebooks")
    arguments = parser.parse_args()
    texts = wanted_texts(arguments.lessons)
    if arguments.check:
        sys.exit("\n".join(filter(None, (check(text, arguments.out) for text in texts))) or 0)
    for text in texts:
        try:
            build(text, arguments)
        except (nbclient.exceptions.CellExecutionError, ValueError) as error:
            sys.exit(f"\nerror: {notebook_name(text)} stopped:\n" + re.sub(r"\x1b\[[0-9;]*m", "", str(error)))


if __name__ == "__main__":
    main()
