"""`make figures`: writes the lessons' table, the figures of the models that ship, and the strip of faces for README.md.

The questions and minutes come from the lessons' texts, the figures from the models' cards, the strip from the CelebA
model and a photograph in the public domain.
"""

import json
import re
import sys

import jupytext

from frame import ROOT, lessons, repository

README = ROOT / "README.md"
WEIGHTS = ROOT / "vae_keras" / "hub" / "weights"
STRIP = ROOT / "docs" / "strip.jpg"
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{}/blob/main/notebooks/{}.ipynb)"


def markdown(rows):
    """Return rows of words, the first of them the head, as a Markdown table."""
    head, *rows = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def course():
    """Return a table with a row for each lesson; with badges once the course has an address."""
    rows = [["lesson", "the question", "minutes (`cpu`)"]]
    if repository():
        rows[0].append("in Colab")
    for text in lessons():
        header = jupytext.read(text, fmt="py:percent").metadata["lesson"]
        title = f"[{text.stem[:2]} {header['title']}](notebooks/{text.stem}.ipynb)"
        row = [title, header["question"], str(header["minutes"]["cpu"])]
        if repository():
            row.append(BADGE.format(repository(), text.stem))
        rows.append(row)
    return markdown(rows)


def models():
    """Return a table with a row for each shipped model, of the decoder that it draws with."""
    head = [
        "model",
        "training pictures",
        "squared error",
        "of PCA's",
        "distance: reconstructions",
        "new faces",
    ]
    rows = [[*head, "other photographs"]]
    for path in sorted(WEIGHTS.glob("*/card.json")):
        card = json.loads(path.read_text())
        if path.parent.name != "classifier":  # which draws no faces
            rows.append(model_row(path.parent.name, card))
    return markdown(rows)


def model_row(name, card):
    """Return the cells of the model that a card describes."""
    figures = card.get("sharpened", card)["figures"]
    distances = (figures["distance"][of] for of in ("reconstructions", "new", "training"))
    return [
        f"`{name}`",
        f"{card['pictures']['train']:,}",
        f"{figures['squared_error']:.5f}",
        f"{figures['ratio']:.2f}",
        *(f"{distance:.2f}" for distance in distances),
    ]


def strip():
    """Return a row of faces: a photograph, its reconstruction, edits of it, and the first new faces of seed 0."""
    sys.path.insert(0, str(ROOT))  # the module may not be installed
    import numpy as np

    import vae_keras
    from vae_keras import plots
    from vae_keras.applications.photo import own_photograph

    model = vae_keras.load("celeba")
    photograph = own_photograph(None, model)[1].image[None]
    faces = {
        "photograph": photograph,
        "reconstruction": model.reconstruct(photograph),
        "less smiling": model.edit(photograph, "Smiling", -0.5),
        "more smiling": model.edit(photograph, "Smiling", 0.5),
    }
    new = model.generate(2, seed=0)
    row = np.concatenate([*faces.values(), new])
    return plots.grid(row, columns=len(row), captions=[*faces, "a new face", "another"])


TABLES = {"lessons": course, "figures": models}


def between(text, mark, content):
    """Return the text with `content` between the lines `<!-- mark -->` and `<!-- /mark -->`.

    Raises:
        ValueError: The text has no such lines.
    """
    marks = re.compile(f"^(<!-- {mark} -->\n).*?^(<!-- /{mark} -->)$", re.DOTALL | re.MULTILINE)
    text, count = marks.subn(lambda match: match[1] + content + match[2], text)
    if not count:
        raise ValueError(f"The lines <!-- {mark} --> and <!-- /{mark} --> are missing: write them.")
    return text


def with_tables(text):
    """Return the text of the README with the tables between their marks."""
    for mark, table in TABLES.items():
        text = between(text, mark, table())
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
    STRIP.write_bytes(strip().image().data)
