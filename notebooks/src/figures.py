"""`make figures`: writes the minutes of the lessons and the figures of the models that ship into README.md.

What `make quality` measured of these goes there, too. What `make bench` measured of the training step
(benchmarks/RESULTS.md), what `make race` measured of the faces (benchmarks/time_to_quality.json), what came of both on
an accelerator (benchmarks/accelerator.json) and what another optimizer reaches (benchmarks/variants.json) go into the
README and lesson 03.
"""

import json
import re

import jupytext

from frame import ROOT, SOURCE, lessons

WAYS = {"course": "this course", "torch": "PyTorch at its best", "keras": "Keras with its defaults"}
MODELS = {
    "sharpened": "this course, sharpened",
    "plain": "this course, plain",
    "dcgan": "four convolutions, as DCGAN",
    "book": "*Generative Deep Learning*",
    "keras": "Keras's example",
    "wae": "Wasserstein auto-encoder",
}
BUDGETS = (200, 600, 1800)  # seconds
TRAININGS = {"plain": "plain", "sharpened": "sharpened", "longest": "sharpened, for longer"}
HEAD = """\
| model | pictures | squared error | of PCA's | distance: reconstructions | new faces | training pictures | minutes |
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
    figures, minutes = run["figures"], run["minutes"] + run.get("diffusion", {}).get("minutes", 0)
    distances = " | ".join(f"{figures['distance'][of]:.2f}" for of in ("reconstructions", "new", "training"))
    return (
        f"| {name} | {card['pictures']['train']:,} | {figures['squared_error']:.5f} | {figures['ratio']:.2f} "
        f"| {distances} | {minutes:.0f} |\n"
    )


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
    """Return the distances by a network from outside (`make quality`) as a table, a row per decoder."""
    rows = [["model", "training pictures", "reconstructions", "new faces", "new faces / reconstructions"]]
    for name in ("celeba", "lfw", "anime"):
        found = {key: row["outside"] for key, row in cells(f"The faces of {name}", "set").items()}
        if "–" in found.values():
            raise ValueError(
                f"benchmarks/RESULTS.md lacks distances: run make quality MODEL={name} OUTSIDE=…"
            )
        found = {key: float(value.replace(",", "")) for key, value in found.items()}
        for decoder in ("plain", "sharpened"):
            again, new = (found[f"{decoder}, {what}"] for what in ("reconstructions", "new faces"))
            distances = (f"{value:,.0f}" for value in (found["real training pictures"], again, new))
            rows.append([f"`{name}`, {decoder}", *distances, f"{new / again:.2f}"])
    return markdown(rows)


def edits():
    """Return what the judge sees in CelebA's test pictures (`make quality`) as a table, a row per attribute."""
    seen = ["seen in photographs", "in reconstructions", "after the edit"]
    rows = [["attribute", *seen, "other decisions changed", "by a random direction"]]
    found = cells("The faces of celeba", "attribute")
    for attribute in (name.removesuffix(", shipped") for name in found if name.endswith(", shipped")):
        row, control = (found[f"{attribute}, {way}"] for way in ("shipped", "random direction"))
        shown = [row[column] for column in ("photographs", "reconstructed", "turned", "others_changed")]
        shown = [f"{float(value):.3f}" for value in (*shown, control["others_changed"])]
        rows.append([f"`{attribute}`", *shown])
    return markdown(rows)


def steps():
    """Return what `make bench` measured of the training step as a table, a row per way."""
    rows = re.findall(r"^\| (\w+) \| (\d+×\d+) \| (\d+) \|", section("The training step"), re.MULTILINE)
    speeds = {(way, size): f"{int(speed):,}" for way, size, speed in rows}
    sizes = list(dict.fromkeys(size for _, size, _ in rows))
    rows = [[name, *(speeds[way, size] for size in sizes)] for way, name in WAYS.items()]
    return markdown([["pictures per second", *sizes], *rows])


def race():
    """Return the distances that `make race` measured as a table, a row per model: reconstructions / new faces."""
    kept = json.loads((ROOT / "benchmarks" / "time_to_quality.json").read_text())["runs"]
    rows = [["trained for", *(f"{seconds:,} s" for seconds in BUDGETS)]]
    for model, name in MODELS.items():
        runs = [kept.get(f"{model} {seconds}", {}) for seconds in BUDGETS]
        pairs = [(run.get("reconstructions, outside"), run.get("mixture, outside")) for run in runs]
        if all(None not in pair for pair in pairs):  # else not measured yet
            rows.append([name, *(f"{again:,.0f} / {new:,.0f}" for again, new in pairs)])
    return markdown(rows)


def accelerator():
    """Return the seconds that trainings took on an accelerator, and their distances, as a table, a row per training."""
    found = json.loads((ROOT / "benchmarks" / "accelerator.json").read_text())
    head = [
        f"on one {found['device']}",
        "epochs, plain and sharpening",
        "seconds of the steps",
        "of everything",
    ]
    rows = [[*head, "distances"]]
    for name, run in found["runs"].items():
        again, new = (run.get(f"{what}, outside") for what in ("reconstructions", "mixture"))
        if again and new:  # else not measured
            seconds = [f"{run[part]:.0f}" for part in ("training", "whole")]
            rows.append([TRAININGS[name], run["epochs"], *seconds, f"{again:,.0f} / {new:,.0f}"])
    return markdown(rows)


def optimizers():
    """Return what Adam and Muon reach in the same time (benchmarks/variants.json) as a table."""
    kept = json.loads((ROOT / "benchmarks" / "variants.json").read_text())
    rows = [
        [
            "optimizer",
            "processor time per picture, Adam's is 1",
            "pictures seen",
            "squared error",
            "distance of reconstructions",
        ]
    ]
    for name in ("Adam", "Muon"):
        run = kept[f"{name}; 60000"]
        figures = f"{run['squared error']:.5f}", f"{run['reconstructions, judge']:.1f}"
        rows.append([name, f"{run['cost']:.2f}", f"{run['pictures']:,}", *figures])
    return markdown(rows)


SPEED = {"steps": steps, "optimizers": optimizers, "race": race, "accelerator": accelerator}


def markdown(rows):
    """Return rows of words, the first of them the head, as a Markdown table."""
    head, *rows = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def between(text, mark, content, prefix=""):
    """Return the text with `content` between the lines `<!-- mark -->` and `<!-- /mark -->`; a prefix for each line."""
    content = "".join((prefix + line).rstrip() + "\n" for line in content.splitlines())
    marks = re.compile(
        f"^({prefix}<!-- {mark} -->\n).*?^({prefix}<!-- /{mark} -->)$", re.DOTALL | re.MULTILINE
    )
    text, found = marks.subn(lambda found: found[1] + content + found[2], text)
    if not found:
        raise ValueError(
            f"The lines {prefix}<!-- {mark} --> and {prefix}<!-- /{mark} --> are missing: write them."
        )
    return text


def with_figures(text):
    """Return the text of the README with the tables between their marks, and the minutes in the rows of the lessons."""
    for lesson in lessons():
        minutes = jupytext.read(lesson, fmt="py:percent").metadata["lesson"]["minutes"]
        line = re.compile(rf"^(\|.*\(notebooks/{lesson.stem}\.ipynb\) \|[^|]*\|).*$", re.MULTILINE)
        text = line.sub(rf"\1 {minutes['cpu']} | {minutes['full']} |", text)
    for mark, content in {"figures": table, "outside": outside, "edits": edits, **SPEED}.items():
        text = between(text, mark, content())
    return text


def with_speed(text):
    """Return the text of lesson 03 with what was measured of its speed between the marks."""
    for mark, content in SPEED.items():
        text = between(text, mark, f"\n{content()}\n", prefix="# ")
    return text


if __name__ == "__main__":
    readme, lesson = ROOT / "README.md", SOURCE / "03_train_vae.py"
    readme.write_text(with_figures(readme.read_text()))
    lesson.write_text(with_speed(lesson.read_text()))
