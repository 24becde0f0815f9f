"""`make figures`: writes the minutes of the lessons and the figures of the models that ship into README.md.

The figures come from the models' cards, and from benchmarks/RESULTS.md, where `make quality` and `make bench` write.
"""

import json
import re

import jupytext

from frame import ROOT, lessons

README = ROOT / "README.md"
WEIGHTS = ROOT / "vae_keras" / "hub" / "weights"
WAYS = {"course": "this course", "torch": "PyTorch at its best", "keras": "Keras with its defaults"}


def markdown(rows):
    """Return rows of words, the first of them the head, as a Markdown table."""
    head, *rows = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def models():
    """Return a table with a row for each shipped model, and one more for its sharpened decoder."""
    head = ["model", "pictures", "squared error", "of PCA's", "distance: reconstructions", "new faces"]
    rows = [[*head, "training pictures", "minutes"]]
    for path in sorted(WEIGHTS.glob("*/card.json")):
        card = json.loads(path.read_text())
        if path.parent.name == "classifier":  # which draws no faces
            continue
        rows.append(model_row(f"`{path.parent.name}`", card, card))
        if "sharpened" in card:
            rows.append(model_row(f"`{path.parent.name}`, sharpened", card, card["sharpened"]))
    return markdown(rows)


def model_row(name, card, training):
    """Return the cells of one training of the model that a card describes."""
    figures = training["figures"]
    minutes = training["minutes"] + training.get("diffusion", {}).get("minutes", 0)
    return [
        name,
        f"{card['pictures']['train']:,}",
        f"{figures['squared_error']:.5f}",
        f"{figures['ratio']:.2f}",
        *(f"{figures['distance'][of]:.2f}" for of in ("reconstructions", "new", "training")),
        f"{minutes:.0f}",
    ]


def section(title):
    """Return a section of benchmarks/RESULTS.md."""
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    return results.partition(f"## {title}\n")[2].partition("\n## ")[0]


def cells(title, first):
    """Return a table of benchmarks/RESULTS.md, found by the head of its first column: {row: {column: cell}}."""
    lines = section(title).partition(f"| {first} |")[2].partition("\n\n")[0].strip().split("\n")
    names, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {name: dict(zip(names, row)) for name, *row in rows}


def outside():
    """Return the distances by a network from outside (`make quality`) as a table, a row per decoder.

    Raises:
        ValueError: They were not measured.
    """
    rows = [["model", "training pictures", "reconstructions", "new faces", "new faces / reconstructions"]]
    for name in ("celeba", "lfw", "anime"):
        measured = {key: row["outside"] for key, row in cells(f"The faces of {name}", "set").items()}
        if "–" in measured.values():
            raise ValueError(
                f"benchmarks/RESULTS.md lacks distances: run make quality MODEL={name} OUTSIDE=…"
            )
        distances = {key: float(value.replace(",", "")) for key, value in measured.items()}
        real = distances["real training pictures"]
        for decoder in ("plain", "sharpened"):
            again, new = distances[f"{decoder}, reconstructions"], distances[f"{decoder}, new faces"]
            shown = [f"{value:,.0f}" for value in (real, again, new)]
            rows.append([f"`{name}`, {decoder}", *shown, f"{new / again:.2f}"])
    return markdown(rows)


def edits():
    """Return what the classifier sees in CelebA's test pictures (`make quality`), a row per attribute."""
    head = ["attribute", "seen in photographs", "in reconstructions", "after the edit"]
    rows = [[*head, "other decisions changed", "by a random direction"]]
    measured = cells("The faces of celeba", "attribute")
    for name in measured:
        attribute, _, way = name.partition(", ")
        if way != "shipped":
            continue
        edit, control = measured[name], measured[f"{attribute}, random direction"]
        shown = [edit[column] for column in ("photographs", "reconstructed", "turned", "others_changed")]
        shown.append(control["others_changed"])
        rows.append([f"`{attribute}`", *(f"{float(value):.3f}" for value in shown)])
    return markdown(rows)


def steps():
    """Return what `make bench` measured of the training step as a table, a row per way."""
    measured = re.findall(r"^\| (\w+) \| (\d+×\d+) \| (\d+) \|", section("The training step"), re.MULTILINE)
    speeds = {(way, size): f"{int(speed):,}" for way, size, speed in measured}
    sizes = list(dict.fromkeys(size for _, size, _ in measured))
    rows = [["pictures per second", *sizes]]
    for way, name in WAYS.items():
        rows.append([name, *(speeds[way, size] for size in sizes)])
    return markdown(rows)


TABLES = {"figures": models, "outside": outside, "edits": edits, "steps": steps}


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


def with_figures(text):
    """Return the text of the README with the tables between their marks, and the minutes in the rows of the lessons."""
    for lesson in lessons():
        minutes = jupytext.read(lesson, fmt="py:percent").metadata["lesson"]["minutes"]
        line = re.compile(rf"^(\|.*\(notebooks/{lesson.stem}\.ipynb\) \|[^|]*\|).*$", re.MULTILINE)
        text = line.sub(rf"\1 {minutes['cpu']} | {minutes['full']} |", text)
    for mark, table in TABLES.items():
        text = between(text, mark, table())
    return text


if __name__ == "__main__":
    README.write_text(with_figures(README.read_text()))
