"""From the text of a lesson to its notebook, not yet executed: frame, include markers, captions, cells.

A text (notebooks/src/NN_name.py) is jupytext's percent format. Its YAML header holds, under `jupyter: lesson:`, what
the frame of every lesson (template.py.jinja) is made of: `title`, `question`, `do`, `learn`, `need`, `minutes` per
profile, `settings` the reader may change (of dataset, epochs, latent_dim; default: all;
`shipped` for a model that ships) and `learned`, the lists as
markdown. The cells below the header stand between the frame's set-up and its end. The solutions of a lesson's exercises
(notebooks/src/solutions/NN_name.py) have a header of `title` and `settings`, and a frame of their own. A marker such as

    # %% include vae_keras/model.py::Sampling                     a class or a function
    # %% include vae_keras/model.py::VAE only __init__ call       a class with these members alone
    # %% include vae_keras/model.py::VAE.train_step test_step     methods, and their assignments to the class

makes a cell that shows this definition of the module, so that there is one copy of it. Of docstrings the cell keeps the
first line: the text beside the cell explains the rest. And

    # %% caption="Ten new faces." alt="Ten faces that look at the camera."

puts a numbered caption below the picture that the cell shows, and tells who cannot see it what there is to see.
"""

import ast
import re
import textwrap
from pathlib import Path

import jinja2
import jupytext
import nbformat

SOURCE = Path(__file__).resolve().parent
ROOT = SOURCE.parent.parent
CONFIG = ROOT / "vae_keras" / "config.py"


def lessons():
    """Return the texts of the lessons, in order."""
    return sorted(SOURCE.glob("[0-9][0-9]_*.py"))


def solutions():
    """Return the texts of the solutions, in the order of their lessons."""
    return sorted((SOURCE / "solutions").glob("[0-9][0-9]_*.py"))


def is_solution(text):
    """Return whether a text holds the solutions of a lesson."""
    return text.parent.name == "solutions"


def notebook_name(text):
    """Return the path of a text's notebook below the folder of the notebooks."""
    return f"solutions/{text.stem}.ipynb" if is_solution(text) else f"{text.stem}.ipynb"


def repository():
    """Return "owner/name", or "" while the course has no address."""
    return re.search(r'^REPOSITORY = "(.*?)"', CONFIG.read_text(), re.MULTILINE)[1]


def definition(marker):
    """Return the source that an include marker names. Raises ValueError where the module has no such definition."""
    found = re.fullmatch(r"include (\S+)::(\w+)(?:\.(\w+(?: \w+)*)| only (.+))?", marker)
    if not found:
        raise ValueError(f"cannot read the marker: {marker}")
    path, name, methods, members = found.groups()
    text = as_shown((ROOT / path).read_text())
    node = find(ast.parse(text).body, name, path)
    if methods:
        parts = [assigned(text, node, method, path) for method in methods.split()]
        return "\n\n\n".join(parts)
    if not members:
        return source(text, node)
    members = [find(node.body, member, path) for member in members.split()]
    kept = [part for part in node.body if part in members or isinstance(part, (ast.Expr, ast.Assign))]
    head = text.splitlines()[first_line(node) : first_line(node.body[0])]
    return "\n".join(head) + "\n" + "\n\n".join(source(text, part) for part in kept)


def assigned(text, node, method, path):
    """Return a method of a class as a function, and its assignment to the class."""
    lines = source(text, find(node.body, method, path))
    return f"{textwrap.dedent(lines)}\n\n\n{node.name}.{method} = {method}"


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
    """Return the notebook of the lesson or of the solutions `text`, not executed.

    Args:
        text: path of the text.
        run: how it was executed, for the last line.
    """
    body = jupytext.read(text, fmt="py:percent")
    cells = framed(text, body, run)
    for cell in cells:
        marker = cell.metadata.get("title", "")
        if marker.startswith("include"):
            cell.source = "\n\n".join(filter(None, [definition(marker), cell.source]))
    cells = with_captions(cells)
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = open_folds(cell.source)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
        cell.metadata = {
            key: cell.metadata[key] for key in ("tags", "mystnb", "cellView") if key in cell.metadata
        }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {
        "kernelspec": kernel,
        "language_info": {"name": "python"},
        "accelerator": "GPU",
        "run": run or {},
    }
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def framed(text, body, run):
    """Return the cells of a text between those of its frame."""
    words = dict(name=text.stem, number=int(text.stem[:2]), repository=repository(), run=run, next_name=None)
    words["lesson"] = body.metadata.get("lesson", {})
    following = next((other for other in lessons() if other.stem > text.stem), None)
    if following:
        words["next_name"] = following.stem
        words["next_title"] = jupytext.read(following, fmt="py:percent").metadata["lesson"]["title"]
    loader = jinja2.FileSystemLoader(SOURCE)
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined)
    template = "solutions.py.jinja" if is_solution(text) else "template.py.jinja"
    try:
        frame = jupytext.reads(environment.get_template(template).render(words), fmt="py:percent").cells
    except jinja2.UndefinedError as error:
        raise ValueError(f"{text}: the header of the lesson is not complete ({error})") from error
    middle = next(i for i, cell in enumerate(frame) if cell.metadata.get("title") == "lesson")
    return [*frame[:middle], *body.cells, *frame[middle + 1 :]]


def open_folds(source):
    """Return Markdown with empty lines around what is folded: without them its text would not be read as Markdown."""
    source = re.sub(r"(<details><summary>.*?</summary>) *(?=\S)", r"\1\n\n", source)
    source = re.sub(r"(?<=</summary>)\n(?=\S)", "\n\n", source)
    return re.sub(r"(?<=\S)\s*</details>", "\n\n</details>", source)


def with_captions(cells):
    """Return the cells, with a numbered caption after each that has one, and its alternative text where sites look."""
    captioned, number = [], 0
    for cell in cells:
        captioned.append(cell)
        if "alt" in cell.metadata:
            cell.metadata["mystnb"] = {"image": {"alt": cell.metadata["alt"]}}
        if "caption" in cell.metadata:
            number += 1
            captioned.append(nbformat.v4.new_markdown_cell(f"*Figure {number}. {cell.metadata['caption']}*"))
    return captioned
