"""`make colab REPO=owner/name`: writes the repository's address where it is shown. Executes nothing.

The address stands in vae_keras/config.py (REPOSITORY); the notebooks get it from there when they are woven, and
README.md between the marks <!-- colab --> and <!-- /colab -->.
"""

import re
import sys

import nbformat

from build import NOTEBOOKS, woven, write
from frame import CONFIG, ROOT, lessons

BADGE = "[![{}](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{}/blob/main/notebooks/{}.ipynb)"
UNSET = "To put these badges here, say where the course lives: `make colab REPO=owner/name`."


def set_repository(name):
    """Write the address `name` ("owner/name", or "" for none) into config.py, every notebook and README.md."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+|", name):
        sys.exit(f"error: {name!r} is no repository; write: make colab REPO=owner/name")
    write(
        CONFIG,
        re.sub(r'^REPOSITORY = ".*?"', f'REPOSITORY = "{name}"', CONFIG.read_text(), flags=re.MULTILINE),
    )
    for text in lessons():
        path = NOTEBOOKS / f"{text.stem}.ipynb"
        if notebook := woven(text, path):
            write(path, nbformat.writes(notebook) + "\n")
        else:
            print(f"{path.name} is not up to date with its text; it gets the address from: make lessons")
    if (readme := ROOT / "README.md").exists():
        badges = "\n".join(BADGE.format(text.stem, name, text.stem) for text in lessons()) if name else UNSET
        block = f"<!-- colab -->\n{badges}\n<!-- /colab -->"
        write(readme, re.sub("<!-- colab -->.*?<!-- /colab -->", block, readme.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    set_repository(sys.argv[1] if len(sys.argv) > 1 else "?")
