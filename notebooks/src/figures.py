"""`make figures`: writes the minutes of the lessons and the figures of the models that ship into README.md."""

import json
import re

import jupytext

from frame import ROOT, lessons

MARKS = re.compile("(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)
HEAD = """\
| model | training pictures | squared error | of PCA | ratio | KL (nats) | minutes |
|---|---|---|---|---|---|---|
"""


def table():
    """Return the table, a row per model folder in vae_keras/weights."""
    rows = []
    for path in sorted((ROOT / "vae_keras" / "weights").glob("*/card.json")):
        card = json.loads(path.read_text())
        figures = card["figures"]
        rows.append(
            f"| `{path.parent.name}` | {card['pictures']['train']:,} | {figures['squared_error']:.5f} "
            f"| {figures['pca_squared_error']:.5f} | {figures['ratio']:.2f} | {figures['kl']:.0f} "
            f"| {card['minutes']:.0f} |\n"
        )
    return HEAD + "".join(rows)


def with_figures(text):
    """Return the text of the README with the table between its marks, and the minutes in the rows of the lessons."""
    for lesson in lessons():
        minutes = jupytext.read(lesson, fmt="py:percent").metadata["lesson"]["minutes"]
        row = re.compile(rf"^(\|.*\(notebooks/{lesson.stem}\.ipynb\) \|[^|]*\|).*$", re.MULTILINE)
        text = row.sub(rf"\1 {minutes['cpu']} | {minutes['full']} |", text)
    return MARKS.sub(lambda found: found[1] + table() + found[2], text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(with_figures(readme.read_text()))
