"""`make colab REPO=owner/name`: writes the repository's address where it is shown. Executes nothing.

The address stands in vae_keras/config.py (REPOSITORY); the notebooks get it from there when they are woven, README.md
between the marks <!-- colab --> and <!-- /colab -->, and pyproject.toml between # <urls> and # </urls>.
"""

import re
import sys

import nbformat

from build import NOTEBOOKS, woven, write
from frame import CONFIG, ROOT, lessons

BADGE = "[![{}](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{}/blob/main/notebooks/{}.ipynb)"
URLS = """\
[project.urls]
Repository = "https://github.com/{0}"
Issues = "https://github.com/{0}/issues"
"""
UNSET = "To put these badges here, say where the course lives: `make colab REPO=owner/name`."


def set_repository(name):
    """Write the address `name` into config.py, every notebook, README.md and pyproject.toml.

    Args:
        name: "owner/name", or "" for none.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+|", name):
        sys.exit(f"error: {name!r} is no repository; write: make colab REPO=owner/name")
    config = re.sub(r'^REPOSITORY = ".*?"', f'REPOSITORY = "{name}"', CONFIG.read_text(), flags=re.MULTILINE)
    write(CONFIG, config)
    for text in lessons():
        path = NOTEBOOKS / f"{text.stem}.ipynb"
        if notebook := woven(text, path):
            write(path, nbformat.writes(notebook) + "\n")
        else:
            print(f"{path.name} is not up to date with its text; it gets the address from: make lessons")
    badges = "\n".join(BADGE.format(text.stem, name, text.stem) for text in lessons()) if name else UNSET
    put_between(ROOT / "README.md", "<!-- colab -->\n", f"{badges}\n", "<!-- /colab -->")
    put_between(ROOT / "pyproject.toml", "# <urls>\n", URLS.format(name) if name else "", "# </urls>")


def put_between(path, first, content, last):
    """Replace what stands between two marks in a file, where there is such a file."""
    if path.exists():
        block = f"{first}{content}{last}"
        between = f"{re.escape(first)}.*?{re.escape(last)}"
        write(path, re.sub(between, lambda _: block, path.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    set_repository(sys.argv[1] if len(sys.argv) > 1 else "?")
