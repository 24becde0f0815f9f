"""`make colab REPO=owner/name`: writes the repository's address where it is shown. Executes nothing.

Without REPO it is the address of the git remote `origin`.

The address stands in vae_keras/config.py (REPOSITORY); the notebooks get it from there when they are woven, README.md
in its table of lessons, and pyproject.toml between # <urls> and # </urls>.
"""

import re
import subprocess
import sys

import nbformat

from build import NOTEBOOKS, woven, write
from figures import README, between, course
from frame import CONFIG, ROOT, lessons, notebook_name, solutions

URLS = """\
[project.urls]
Repository = "https://github.com/{0}"
Issues = "https://github.com/{0}/issues"
"""


def origin():
    """Return "owner/name" of the git remote `origin` on GitHub, or "?"."""
    command = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    remote = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    found = re.fullmatch(r".*github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?", remote)
    return found[1] if found else "?"


def set_repository(name):
    """Write the address `name` into config.py, every notebook, README.md and pyproject.toml.

    Args:
        name: "owner/name", or "" for none.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+|", name):
        reason = "origin is no repository on GitHub" if name == "?" else f"{name!r} is no repository"
        sys.exit(f"error: {reason}; write: make colab REPO=owner/name")
    config = re.sub(r'^REPOSITORY = ".*?"', f'REPOSITORY = "{name}"', CONFIG.read_text(), flags=re.MULTILINE)
    write(CONFIG, config)
    for text in [*lessons(), *solutions()]:
        path = NOTEBOOKS / notebook_name(text)
        notebook = woven(text, path)
        if notebook:
            write(path, nbformat.writes(notebook) + "\n")
        else:
            print(f"{path.name} is not up to date with its text; it gets the address from: make lessons")
    write(README, between(README.read_text(), "lessons", course()))
    project = ROOT / "pyproject.toml"
    urls = f"# <urls>\n{URLS.format(name) if name else ''}# </urls>"
    write(project, re.sub("# <urls>.*?# </urls>", lambda _: urls, project.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    set_repository(sys.argv[1] if len(sys.argv) > 1 else origin())
