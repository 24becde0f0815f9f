"""`make figures`: writes the minutes of the lessons and the figures of the models that ship into README.md."""

import json
import re

import jupytext

from frame import ROOT, lessons

MARKS = re.compile("(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)
HEAD = """\
| model | pictures | squared error | of PCA's | reconstructions | new faces | training pictures | minutes |
|---|---|---|---|---|---|---|---|
"""


def table():
    """Return the table, a row per model folder in vae_keras/weights, and one more for a sharpened decoder."""
    rows = []
    for path in sorted((ROOT / "vae_keras" / "weights").glob("*/card.json")):
        card = json.loads(path.read_text())
        rows.append(row(f"`{path.parent.name}`", card, card))
        if "sharpened" in card:
            rows.append(row(f"`{path.parent.name}`, sharpened", card, card["sharpened"]))
    return HEAD + "".join(rows)


def row(name, card, run):
    """Return the row of one training, `run`, of the model that `card` describes."""
    figures = run["figures"]
    distances = " | ".join(f"{figures['distance'][of]:.2f}" for of in ("reconstructions", "new", "training"))
    return (
        f"| {name} | {card['pictures']['train']:,} | {figures['squared_error']:.5f} | {figures['ratio']:.2f} "
        f"| {distances} | {run['minutes']:.0f} |\n"
    )


def with_figures(text):
    """Return the text of the README with the table between its marks, and the minutes in the rows of the lessons."""
    for lesson in lessons():
        minutes = jupytext.read(lesson, fmt="py:percent").metadata["lesson"]["minutes"]
        line = re.compile(rf"^(\|.*\(notebooks/{lesson.stem}\.ipynb\) \|[^|]*\|).*$", re.MULTILINE)
        text = line.sub(rf"\1 {minutes['cpu']} | {minutes['full']} |", text)
    return MARKS.sub(lambda found: found[1] + table() + found[2], text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(with_figures(readme.read_text()))
