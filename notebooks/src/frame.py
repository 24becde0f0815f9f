"""From the text of a lesson to its notebook, not yet executed: frame, include markers, cells.

A text (notebooks/src/NN_name.py) is jupytext's percent format. Its YAML header holds, under `jupyter: lesson:`, what
the frame of every lesson (template.py.jinja) is made of: `title`, `do`, `learn`, `need`, `minutes` per profile,
`settings` the reader may change (of dataset, epochs, latent_dim; default: all), `learned` and three `questions`, the
lists as markdown. The cells below the header stand between the frame's set-up and its end. A marker such as

    # %% include vae_keras/model.py::Sampling                     a class or a function
    # %% include vae_keras/model.py::VAE only __init__ call       a class with these members alone
    # %% include vae_keras/model.py::VAE.train_step               a method, and its assignment to the class

makes a cell that shows this definition of the module, so that there is one copy of it. Of docstrings the cell keeps the
first line: the text beside the cell explains the rest.
"""

import ast
import re
import sys
import textwrap
from pathlib import Path

import jinja2
import jupytext
import nbformat

SOURCE = Path(__file__).resolve().parent
ROOT = SOURCE.parent.parent
CONFIG = ROOT / "vae_keras" / "config.py"


def lessons(wanted=()):
    """Return the texts of the lessons, in order; `wanted`: the beginnings of their names ("03"), or none for all."""
    texts = sorted(SOURCE.glob("[0-9][0-9]_*.py"))
    for name in wanted:
        if not any(text.stem.startswith(name) for text in texts):
            sys.exit(
                f"error: no lesson {name} in {SOURCE}; there are {', '.join(text.stem for text in texts)}"
            )
    return [text for text in texts if not wanted or text.stem.startswith(tuple(wanted))]


def repository():
    """Return "owner/name", or "" while the course has no address."""
    return re.search(r'^REPOSITORY = "(.*?)"', CONFIG.read_text(), re.MULTILINE)[1]


def definition(marker):
    """Return the source that an include marker names. Raises ValueError where the module has no such definition."""
    found = re.fullmatch(r"include (\S+)::(\w+)(?:\.(\w+)| only (.+))?", marker)
    if not found:
        raise ValueError(f"cannot read the marker: {marker}")
    path, name, method, members = found.groups()
    text = as_shown((ROOT / path).read_text())
    node = find(ast.parse(text).body, name, path)
    if method:
        lines = source(text, find(node.body, method, path))
        return f"{textwrap.dedent(lines)}\n\n\n{name}.{method} = {method}"
    if not members:
        return source(text, node)
    members = [find(node.body, member, path) for member in members.split()]
    kept = [part for part in node.body if part in members or isinstance(part, (ast.Expr, ast.Assign))]
    head = text.splitlines()[first_line(node) : first_line(node.body[0])]
    return "\n".join(head) + "\n" + "\n\n".join(source(text, part) for part in kept)


def as_shown(text):
    """Return the source of a module as cells show it: first lines of docstrings alone, and no notes to ruff."""
    lines = re.sub(r"  # noqa: \w+$", "", text, flags=re.MULTILINE).splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or not ast.get_docstring(node):
            continue
        docstring = node.body[0]
        first, last = docstring.lineno - 1, docstring.end_lineno - 1
        if last > first:
            lines[first] += '"""'
            lines[first + 1 : last + 1] = [None] * (last - first)
    return "\n".join(line for line in lines if line is not None)


def first_line(node):
    """Return the number of the first line of a definition, its decorators included, counted from 0."""
    decorators = getattr(node, "decorator_list", [])
    return min(part.lineno for part in [node, *decorators]) - 1


def find(body, name, path):
    """Return the definition with this name; ValueError where the file at `path` has none."""
    for node in body:
        if getattr(node, "name", None) == name:
            return node
    raise ValueError(f"{path} has no {name}, which a lesson includes.")


def source(text, node):
    """Return the lines of a definition."""
    return "\n".join(text.splitlines()[first_line(node) : node.end_lineno])


def render(text, run=None):
    """Return the notebook, not executed, of the lesson `text`; `run`: how it was executed, for the last line."""
    body, texts = jupytext.read(text, fmt="py:percent"), lessons()
    following = next((other for other in texts if other.stem > text.stem), None)
    words = dict(name=text.stem, number=int(text.stem[:2]), repository=repository(), next_name=None)
    words["lesson"] = body.metadata.get("lesson", {})
    if following:
        words["next_name"] = following.stem
        words["next_title"] = jupytext.read(following, fmt="py:percent").metadata["lesson"]["title"]
    template = jinja2.Template((SOURCE / "template.py.jinja").read_text(), undefined=jinja2.StrictUndefined)
    try:
        frame = jupytext.reads(template.render(words, run=run), fmt="py:percent").cells
    except jinja2.UndefinedError as error:
        raise ValueError(f"{text}: the header of the lesson is not complete ({error})") from error
    middle = next(i for i, cell in enumerate(frame) if cell.metadata.get("title") == "lesson")
    cells = [*frame[:middle], *body.cells, *frame[middle + 1 :]]
    for number, cell in enumerate(cells):
        marker = cell.metadata.get("title", "")
        if marker.startswith("include"):
            cell.source = "\n\n".join(filter(None, [definition(marker), cell.source]))
        cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        cell.id = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {
        "kernelspec": kernel,
        "language_info": {"name": "python"},
        "accelerator": "GPU",
        "run": run or {},
    }
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)
