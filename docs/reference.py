"""Writes the reference pages from the sources of the module, without importing them.

A page describes the public functions and classes of a file or package by their signatures and docstrings, which
napoleon reads in Google's style.
"""

import ast
import inspect
import re
import tomllib
from pathlib import Path

from sphinx.ext.napoleon import Config, GoogleDocstring

LETTER = re.compile(r"(: )([A-Za-z]\.)$", re.MULTILINE)  # "k." alone would begin a list
NAPOLEON = Config(napoleon_use_rtype=False, napoleon_use_ivar=True)


def write(root, out, contents):
    """Write the pages and their index.

    Args:
        root: the repository.
        out: folder of the pages.
        contents: docs/reference.toml, which lists them.

    Returns:
        The page of each file and folder of the module that one describes, by path.

    Raises:
        ValueError: A listed name is not there.
    """
    pages = tomllib.loads(contents.read_text())["page"]
    described = {"vae_keras": "index"}
    lines = [*heading("Reference", "="), INTRODUCTION, ".. toctree::", "   :maxdepth: 1", ""]
    for page in pages:
        described |= write_page(root, out, page)
        lines.append(f"   {page['module']}")
    (out / "index.rst").write_text("\n".join(lines) + "\n")
    return described


INTRODUCTION = """\
The public functions and classes of the module ``vae_keras``. Pictures are arrays of (n, size, size, 3), as uint8 in 0
to 255 or as floats in 0 to 1; codes are arrays of (n, latent_dim). ``vae_keras.VAE``, ``Sampling``, ``Settings``,
``settings`` and ``load`` stand at the top of the module.
"""


def write_page(root, out, page):
    """Write the page of one part of the module, and return the files that it describes."""
    module = page["module"]
    path = root.joinpath("vae_keras", *module.split("."))
    package = path.is_dir()
    path = path / "__init__.py" if package else path.with_suffix(".py")
    tree = ast.parse(path.read_text())
    places = exports(tree, path.parent) if package else public(tree, path)
    names = page.get("names", list(places))
    missing = [name for name in names if name not in places]
    if missing:
        raise ValueError(
            f"docs/reference.toml lists {', '.join(missing)}, which vae_keras.{module} does not have."
        )
    lines = heading(page["title"], "=")
    lines += [f".. py:module:: vae_keras.{module}", "", *docstring(tree), ""]
    for name in names:
        lines += definition(places[name], name)
    (out / f"{module}.rst").write_text("\n".join(lines) + "\n")
    files = {path, *places.values(), *([path.parent] if package else [])}
    return {file.relative_to(root).as_posix(): module for file in files}


def public(tree, path):
    """Return path by name for the public functions and classes of a file, in their order."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name: path for node in tree.body if isinstance(node, kinds) and node.name[0] != "_"}


def exports(tree, folder):
    """Return path by name for what a package exports: imported at once, or listed in `_MODULES`."""
    places = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vae_keras."):
            for alias in node.names:
                places[alias.name] = folder.parent / Path(*node.module.split(".")[1:])
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_MODULES":
            for name, module in ast.literal_eval(node.value).items():
                places[name] = folder / module
    files = {}
    for name, place in places.items():
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if find(path, name):  # constants have no docstring
            files[name] = path
    return files


def find(path, name):
    """Return the definition of a function or class in a file, None where there is none."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return node
    return None


def definition(path, name):
    """Return the lines that describe a function, or a class with its public methods."""
    node = find(path, name)
    if isinstance(node, ast.FunctionDef):
        return described("function", f"{name}{signature(node)}", docstring(node))
    body = docstring(node)
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name[0] != "_" and ast.get_docstring(part):
            body += ["", *method(part)]
    return described("class", f"{name}{constructor(node)}", body)


def method(node):
    """Return the lines that describe a method or a property."""
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    if "property" in decorators:
        return described("property", node.name, docstring(node))
    options = [f":{kind}:" for kind in ("classmethod", "staticmethod") if kind in decorators]
    own = "staticmethod" not in decorators
    return described("method", f"{node.name}{signature(node, skip_first=own)}", docstring(node), options)


def described(kind, head, body, options=()):
    """Return a directive of Sphinx's Python domain."""
    lines = ["", f".. py:{kind}:: {head}", *(f"   {option}" for option in options), ""]
    return [*lines, *(f"   {line}" if line else "" for line in body), ""]


def signature(node, skip_first=False):
    """Return the arguments of a function and what it returns, as in the source."""
    arguments = node.args
    if skip_first:
        first = arguments.posonlyargs or arguments.args
        first.pop(0)
    quoted = isinstance(node.returns, ast.Constant) and node.returns.value  # a class inside of itself
    returns = f" -> {quoted or ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(arguments)}){returns}"


def constructor(node):
    """Return the arguments that make an object of a class: those of `__init__`, or the fields of a dataclass."""
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return signature(part, skip_first=True)
    decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
    if "dataclass" not in decorators:
        return ""
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    return f"({', '.join(f'{part.target.id}: {ast.unparse(part.annotation)}' for part in fields)})"


def docstring(node):
    """Return the lines of a docstring as reStructuredText."""
    text = inspect.cleandoc(ast.get_docstring(node) or "")
    text = re.sub(r"(?<![`:])`([^`\n]+)`(?!`)", role, text)
    text = re.sub(r"(?<!`)\b(\w+_)(?=[\s.,;:)])", r"``\1``", text)  # a trailing underscore would be a link
    lines = Docstring(LETTER.sub(r"\1\\\2", text), NAPOLEON, what="function").lines()
    return "\n".join(lines).splitlines()  # a line of an error's description may hold several


class Docstring(GoogleDocstring):
    """A docstring that says in sentences what is returned: a colon in them names no type."""

    def _consume_returns_section(self, preprocess_types=False):
        lines = self._dedent(self._consume_to_next_section())
        return [("", "", lines)] if lines else []


def role(found):
    """Return code in a docstring: names as links where the reference has them."""
    return f":py:obj:`{found[1]}`" if re.fullmatch(r"[A-Za-z_][\w.]*", found[1]) else f"``{found[1]}``"


def heading(text, line):
    """Return a title of a page."""
    return [text, line * len(text), ""]
