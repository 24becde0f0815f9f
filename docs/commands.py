"""The page of the commands: what each is for, examples from its help text, and a picture of what it makes.

The help texts are read from the sources, so the module is not imported. The pictures are made by `make figures`
(docs/command_figures.py).
"""

import ast
import re
from pathlib import Path

OPTION = re.compile(r"(?<![\w`-])--[a-z][\w-]*")  # outside of code; as text its dashes would become one
DOCS = Path(__file__).resolve().parent
COMMANDS = DOCS.parent / "vae_keras" / "cli"
FIGURES = DOCS / "commands"
HEAD = """# Commands

What the lessons do, without a notebook. `python -m vae_keras COMMAND --help` has all options; where the course is
installed, `vae-keras COMMAND` does the same. `--model` takes the name of a model that ships, or a folder that `train`
wrote. All pictures on this page are drawn by models, or come from a photograph by NASA in the public domain.
"""
ALT = {
    "generate": "Eight faces of nobody in a row.",
    "reconstruct": "An astronaut's face, and a softer face of the same woman.",
    "edit": "The face of an astronaut three times: the photograph, with less and with more of a smile.",
    "interpolate": "Eight faces; the first turns into the last step by step.",
    "morph": "Eight pictures of an animation, in which an astronaut turns into somebody who does not exist.",
    "transfer": "Rows of drawn faces: some receive, some give glasses, a smile, a beard and a hat, then the results.",
    "denoise": "Rows of drawn faces: with grain, without it, and as they were drawn.",
    "anomaly": "Eight pictures with numbers: objects and covered faces have the highest.",
    "compress": "Rows of drawn faces: as they were, and from files of ever fewer bytes.",
    "decompress": "Two rows of eight drawn faces: as they were, and as the file gives them back.",
    "search": "Two rows: a drawn face, and seven others that look like it.",
}
WITHOUT_LABELS = {"generate", "interpolate", "morph"}  # they may shrink as far as a telephone asks


def names():
    """Return the commands in the order of the program's own list."""
    tree = ast.parse((COMMANDS / "__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "COMMANDS":
            return ast.literal_eval(node.value)
    raise ValueError("vae_keras/cli/__init__.py has no COMMANDS: the page of the commands needs their names.")


def section(name):
    """Return what the page says of a command."""
    text = ast.get_docstring(ast.parse((COMMANDS / f"{name}.py").read_text()))
    words, _, examples = text.partition("Examples:\n")
    parts = [f"## {name}", with_code(words.strip())]
    if (FIGURES / f"{name}.jpg").exists():
        legible = "" if name in WITHOUT_LABELS else "{.labelled .wide}"
        parts.append(f"![{ALT[name]}](commands/{name}.jpg){legible}")
    if examples:
        lines = "\n".join(line.strip() for line in examples.strip().splitlines())
        parts.append(f"```sh\n{lines}\n```")
    return "\n\n".join(parts)


def with_code(text):
    """Return a text with its options as code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece[:1] == "`" else OPTION.sub(r"`\g<0>`", piece) for piece in pieces)


def page():
    """Return the page in Markdown."""
    return HEAD + "\n" + "\n\n".join(section(name) for name in names()) + "\n"
