"""`make figures`: writes the minutes of the lessons and the figures of the models that ship into README.md.

What `make bench` measured of the training step goes from benchmarks/RESULTS.md into README.md and lesson 03.
"""

import json
import re

import jupytext

from frame import ROOT, SOURCE, lessons

WAYS = {"course": "this course", "torch": "PyTorch at its best", "keras": "Keras with its defaults"}
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


def steps():
    """Return what `make bench` measured of the training step as a table, a row per way."""
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    section = results.partition("## The training step")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (\d+×\d+) \| (\d+) \|", section, re.MULTILINE)
    speeds = {(way, size): f"{int(speed):,}" for way, size, speed in rows}
    sizes = list(dict.fromkeys(size for _, size, _ in rows))
    lines = [["pictures per second", *sizes], ["---"] * (1 + len(sizes))]
    lines += [[name, *(speeds[way, size] for size in sizes)] for way, name in WAYS.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def between(text, mark, content, prefix=""):
    """Return the text with `content` between the lines `<!-- mark -->` and `<!-- /mark -->`; a prefix for each line."""
    content = "".join((prefix + line).rstrip() + "\n" for line in content.splitlines())
    marks = re.compile(
        f"^({prefix}<!-- {mark} -->\n).*?^({prefix}<!-- /{mark} -->)$", re.DOTALL | re.MULTILINE
    )
    return marks.sub(lambda found: found[1] + content + found[2], text)


def with_figures(text):
    """Return the text of the README with the tables between their marks, and the minutes in the rows of the lessons."""
    for lesson in lessons():
        minutes = jupytext.read(lesson, fmt="py:percent").metadata["lesson"]["minutes"]
        line = re.compile(rf"^(\|.*\(notebooks/{lesson.stem}\.ipynb\) \|[^|]*\|).*$", re.MULTILINE)
        text = line.sub(rf"\1 {minutes['cpu']} | {minutes['full']} |", text)
    return between(between(text, "figures", table()), "steps", steps())


def with_steps(text):
    """Return the text of lesson 03 with the table of the training step between its marks."""
    return between(text, "steps", f"\n{steps()}\n", prefix="# ")


if __name__ == "__main__":
    readme, lesson = ROOT / "README.md", SOURCE / "03_train_vae.py"
    readme.write_text(with_figures(readme.read_text()))
    lesson.write_text(with_steps(lesson.read_text()))
