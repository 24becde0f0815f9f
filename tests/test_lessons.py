"""The form of the lessons. Every failure names the command or the limit; CONTRIBUTING.md says how lessons are made."""

import ast
import json
import os
import re
from pathlib import Path
from statistics import median

import jupytext
import nbformat
import pytest

import build
import frame
from conftest import ROOT

NOTEBOOKS = Path(
    os.environ.get("VAE_KERAS_NOTEBOOKS", build.NOTEBOOKS)
)  # elsewhere, while a lesson is being written
NAMES = [
    "00_first_faces",
    "01_explore_data",
    "02_build_vae",
    "03_train_vae",
    "04_generate_faces",
    "05_explore_latent_space",
    "06_tune_vae",
    "07_sharper_faces",
    "08_use_vae",
    "09_create",
    "10_learned_prior",
]
MEND = "run: make lessons"


def there(texts):
    """Return the texts whose notebooks are there, by the notebooks' names."""
    names = {frame.notebook_name(text).removesuffix(".ipynb"): text for text in texts}
    return {name: text for name, text in names.items() if (NOTEBOOKS / f"{name}.ipynb").exists()}


TEXTS = there(frame.lessons())
SOLUTIONS = there(frame.solutions())
ALL = {**TEXTS, **SOLUTIONS}
PHRASES = [line for line in (ROOT / "tests" / "phrases.txt").read_text().splitlines() if line[:1] != "#"]


def read(name):
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


@pytest.fixture(params=list(TEXTS))
def name(request):
    return request.param


@pytest.fixture(params=list(ALL))
def any_name(request):
    return request.param


@pytest.fixture
def notebook(name):
    return read(name)


def prose(notebook):
    """Return the text cells of a notebook, without what their folded parts and links are written with."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return [re.sub(r"<[^>]+>|\]\([^)]*\)", " ", text) for text in texts]


def figures(notebook):
    """Yield (cell, picture's metadata, caption) for every code cell that shows a picture."""
    for cell, following in zip(notebook.cells, [*notebook.cells[1:], None]):
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            if kinds:
                caption = following.source if following and following.cell_type == "markdown" else ""
                yield cell, output.metadata.get(kinds[0], {}), caption


@pytest.fixture
def code(notebook):
    return [cell.source for cell in build.code_cells(notebook)]


def lines(source):
    return sum(1 for line in source.splitlines() if line.strip())


def outputs(notebook):
    """Yield (number of the cell, output) for every output."""
    for number, cell in enumerate(build.code_cells(notebook), start=1):
        for output in cell.outputs:
            yield number, output


@pytest.mark.parametrize("name", NAMES)
def test_the_lesson_exists(name):
    assert (frame.SOURCE / f"{name}.py").exists(), f"notebooks/src/{name}.py is missing"
    assert (NOTEBOOKS / f"{name}.ipynb").exists(), f"notebooks/{name}.ipynb is missing; {MEND}"


def test_notebook_is_what_its_text_says_and_was_executed_so(any_name):
    assert build.check(ALL[any_name], NOTEBOOKS) is None


def test_executed_from_top_to_bottom(any_name):
    name = any_name
    counts = [cell.execution_count for cell in build.code_cells(read(name))]
    assert counts == list(range(1, len(counts) + 1)), f"{name}: not executed in order; {MEND}"


def test_the_run_is_stamped_and_shown(any_name):
    name, notebook = any_name, read(any_name)
    run = notebook.metadata.run
    assert run.seconds > 0 and {"Python", "keras", "numpy"} <= set(run.versions), f"{name}: no stamp; {MEND}"
    shown = notebook.cells[-1].source
    for fact in (run.profile, run.dataset, run.date, run.versions["keras"]):
        assert fact in shown, f"{name}: its end does not say {fact}; {MEND}"


@pytest.mark.skipif(build.NOTEBOOKS != NOTEBOOKS, reason="of the committed notebooks")
def test_committed_from_a_full_run_on_celeba(any_name):
    name, notebook = any_name, read(any_name)
    run = notebook.metadata.run
    assert (run.profile, run.dataset) == ("full", "celeba"), (
        f"{name}: run: make lessons PROFILE=full DATA=celeba"
    )


@pytest.mark.skipif(build.NOTEBOOKS != NOTEBOOKS, reason="of the committed notebooks")
def test_the_minutes_are_those_of_the_run(name, notebook):
    stated = jupytext.read(TEXTS[name]).metadata["lesson"]["minutes"]["full"]
    assert stated == max(0.5, round(notebook.metadata.run.seconds / 60)), (
        f"{name}: correct `minutes` in its text"
    )


def test_outputs_hold_no_error_warning_widget_or_vector_figure(any_name):
    name, notebook = any_name, read(any_name)
    for number, output in outputs(notebook):
        kind = output.get("name", output.output_type)
        assert kind not in ("error", "stderr"), f"{name}, cell {number}: {kind}; mend the cell, then {MEND}"
        forbidden = [mime for mime in output.get("data", {}) if re.search("svg|pdf|widget", mime)]
        assert not forbidden, f"{name}, cell {number}: holds {forbidden}; show a picture instead, then {MEND}"


def test_sizes(any_name):
    name, notebook = any_name, read(any_name)
    for number, output in outputs(notebook):
        size = len(json.dumps(output))
        assert size <= 500_000, (
            f"{name}, cell {number}: an output of {size} bytes; draw fewer or smaller pictures"
        )
    size = (NOTEBOOKS / f"{name}.ipynb").stat().st_size
    assert size <= 3_000_000, f"{name}: {size} bytes; draw fewer or smaller pictures, then {MEND}"


def test_cells_are_short_and_explained(name, notebook, code):
    lengths = sorted(map(lines, code))
    texts = sum(cell.cell_type == "markdown" for cell in notebook.cells)
    assert len(code) <= 25, f"{name}: {len(code)} code cells, more than 25"
    assert median(lengths) <= 6, f"{name}: the median cell has {median(lengths)} lines, more than 6"
    for source in code:
        limit = 45 if re.search(r"^class ", source, re.MULTILINE) else 30
        assert lines(source) <= limit, (
            f"{name}: a cell of {lines(source)} lines, more than {limit}:\n{source[:200]}"
        )
    assert texts >= 1.2 * len(code), f"{name}: {texts} text cells for {len(code)} code cells; explain more"
    assert sum(lengths) <= 310, f"{name}: {sum(lengths)} lines of code, more than 310"


def test_a_lesson_has_at_most_2500_words(name, notebook):
    words = sum(len(text.split()) for text in prose(notebook))
    assert words <= 2_500, f"{name}: {words} words of text, more than 2,500"


def test_every_picture_has_a_caption_and_an_alternative_text(name, notebook):
    pictures = list(figures(notebook))
    assert pictures, f"{name}: shows no picture"
    for cell, metadata, caption in pictures:
        found = re.fullmatch(r"\*Figure \d+\. (.+)\*", caption)
        assert found, f"{name}: a picture without caption= in its cell's marker:\n{cell.source[-200:]}"
        assert len(found[1].split()) <= 25, f"{name}: a long caption: {found[1]}"
        assert 3 <= len(metadata.get("alt", "").split()) <= 60, f"{name}: write alt= for: {caption}"
        assert metadata["alt"] != found[1], f"{name}: the alternative text repeats the caption: {caption}"


def test_faces_stand_at_128_pixels_in_at_most_eight_columns(name, notebook):
    for cell, metadata, caption in figures(notebook):
        if "size" in metadata:
            assert metadata["size"] >= 128 and metadata["columns"] <= 8, f"{name}: {caption}: {cell.source}"


def test_no_phrase_of_the_list_and_no_sentence_in_brackets(any_name):
    for text in prose(read(any_name)):
        assert ">>" not in text, f"{any_name}: a mark that was not replaced: {text}"
        for phrase in PHRASES:
            found = re.search(rf"\b{re.escape(phrase)}\b", " ".join(text.split()), re.IGNORECASE)
            assert not found, f"{any_name}: says {phrase!r}: …{text[-200:]}"
        sentence = re.search(r"(?:^|[.?!]\s)\(([A-Z][^()]*\s[^()]*\s[^()]*[.?!])\)", text)
        bracketed = not text.startswith("*Outputs") and sentence
        assert not bracketed, f"{any_name}: a sentence in brackets: {sentence and sentence[1]}"


def test_numbers_of_outputs_are_woven_into_the_prose(any_name):
    """Decimals and percentages belong to outputs; `code`, $math$ and the line of versions may hold them."""
    cells = frame.render(ALL[any_name]).cells
    for cell in cells:
        if cell.cell_type == "markdown":
            text = build.WOVEN.sub("", cell.source)
            text = re.sub(r"```.*?```|\$\$.*?\$\$|`[^`]*`|\$[^$]*\$|\]\([^)]*\)", "", text, flags=re.DOTALL)
            text = re.sub(r"(?m)^#+ .*$|^\| minutes .*$|[Ee]xercise \d+\.\d|Figure \d+\.", "", text)
            typed = re.search(r"\d+\.\d+|\d+\s?(%|per cent)", text)
            assert not typed, f"{any_name}: {typed[0]!r} is typed into the prose; weave it: <<pattern>>"


def test_every_mark_found_its_number(any_name):
    for cell in frame.render(ALL[any_name]).cells:
        for mark in build.WOVEN.finditer(cell.source if cell.cell_type == "markdown" else ""):
            assert build.number(mark, build.printed(read(any_name))) != build.MISSING, (
                f"{any_name}: {mark[0]}"
            )


def test_exercises_are_unanswered_in_the_lesson_and_right_in_its_solutions(name, notebook):
    exercises = re.findall(r"^### Exercise (\d+\.\d): ", "\n".join(prose(notebook)), re.MULTILINE)
    assert 2 <= len(exercises) <= 5 and len(set(exercises)) == len(exercises)
    assert all(number.startswith(f"{int(name[:2])}.") for number in exercises)
    shown, solved = build.printed(notebook), build.printed(read(f"solutions/{name}"))
    for number in exercises:
        assert f"Exercise {number}: not answered yet." in shown, f"{name}: {number} is not checked; {MEND}"
        assert f"Exercise {number}: right." in solved, f"solutions/{name}: {number} is not solved; {MEND}"
    cells = [cell.source for cell in notebook.cells if "### Exercise" in cell.source]
    for text in cells:
        assert "<summary>Hint</summary>" in text and f"solutions/{name}.ipynb" in text, text


def test_settings_stand_once(name, code):
    calls = [source for source in code if "vae_keras.settings(" in source]
    assert len(calls) == 1, f"{name}: settings() in {len(calls)} cells; the frame's settings cell is the one"
    assert calls[0].count("config = vae_keras.settings(") == 1


def test_no_cell_asks_for_profile_or_dataset(name, code):
    for source in code:
        conditions = [
            node.test for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.If, ast.IfExp))
        ]
        for words in map(ast.unparse, conditions):
            assert not re.search(
                r"profile|dataset|source|colab|celeba|cartoon|environ\[", words, re.IGNORECASE
            ), (
                f"{name}: `if {words}`: what differs between profiles or data sets stands in config or the data set"
            )


def test_opening_and_end(name, notebook):
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for words in (
        "**The question: ",
        "**What you'll do**",
        "**What you'll learn**",
        "**What you need**",
        "| minutes |",
    ):
        assert words in texts[0], f"{name}: the opening lacks {words}"
    assert texts[0].startswith("# ") and not any(re.search("^# ", text, re.MULTILINE) for text in texts[1:])
    assert texts[-2].startswith("## What you learned")
    assert "**Next:**" in texts[-1] or name == sorted(TEXTS)[-1]


def test_links_lead_somewhere(any_name):
    name, notebook = any_name, read(any_name)
    here = (build.NOTEBOOKS / name).parent
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for link in re.findall(r"\]\((?!https?:|#|attachment:|data:)([^)#\s]+)", cell.source):
                known = (here / link).exists()
                assert known, f"{name}: the link {link} leads nowhere"


def test_badge_points_to_this_file_or_nowhere(name, notebook):
    badges = re.findall(r"colab\.research\.google\.com/github/([^)]+)", notebook.cells[0].source)
    address = frame.repository()
    assert badges == ([f"{address}/blob/main/notebooks/{name}.ipynb"] if address else []), f"{name}: {MEND}"
    if not address:
        assert "To open this lesson in Google Colab" in notebook.cells[0].source


# The build itself, on a text of three cells.

HEADER = r"""# ---
# jupyter:
#   lesson: {title: T, question: "Q?", do: "- a: b", learn: "- c", need: d, minutes: {cpu: 1}, learned: "- e"}
# ---

# %% [markdown]
# ## Prose $x^2$ of <<size (\d+)>> pixels, <<size (\d+)|.1f>>

# %% tags=["nbval-check-output"] alt="a word"
print("size", config.image_size)

# %%
import sys
print("a warning", file=sys.stderr)
"""


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "07_small.py"
    path.write_text(HEADER)
    return path


def test_a_change_of_prose_is_woven_in_and_a_change_of_code_is_not(text, tmp_path, capfd):
    notebook = build.execute(text, "quick", "cartoon", "a machine")
    path = tmp_path / "07_small.ipynb"
    nbformat.write(notebook, path)
    assert build.check(text, tmp_path) is None
    assert "cell 3 of 4" in capfd.readouterr().out
    kinds = [output.name for _, output in outputs(notebook)]
    assert kinds == [
        "stdout",
        "stdout",
        "stderr",
    ]  # a warning of the lesson stays, TensorFlow's start-up log does not
    text.write_text(HEADER.replace("Prose", "Other prose"))
    assert "differs from its text" in build.check(text, tmp_path)
    assert build.woven(text, path).cells[5].source == "## Other prose $x^2$ of 64 pixels, 64.0"
    assert build.woven(text, path).cells[6].outputs[0].text == "size 64\n"
    text.write_text(HEADER.replace("image_size", "latent_dim"))
    assert "make lessons" in build.check(text, tmp_path) and build.woven(text, path) is None


def test_the_address_is_no_change_of_code(text, monkeypatch):
    before = build.code_hash(frame.render(text))
    monkeypatch.setattr(frame, "repository", lambda: "somebody/faces")
    notebook = frame.render(text)
    assert "github/somebody/faces/blob/main/notebooks/07_small.ipynb" in notebook.cells[0].source
    assert 'ADDRESS = "https://github.com/somebody/faces"' in notebook.cells[2].source
    assert build.code_hash(notebook) == before


def test_include_markers():
    sampling = frame.definition("include vae_keras/model.py::Sampling")
    assert sampling.startswith("@keras.saving") and ast.parse(sampling)
    vae = ast.parse(frame.definition("include vae_keras/model.py::VAE only __init__ call")).body[0]
    assert [node.name for node in vae.body if hasattr(node, "name")] == ["__init__", "call"]
    assert ast.get_docstring(vae).startswith("Variational autoencoder")
    step = frame.definition("include vae_keras/model.py::VAE.train_step")
    assert step.startswith("def train_step(") and step.endswith("VAE.train_step = train_step")
    assert frame.definition("include vae_keras/model.py::kl_divergence").startswith("def kl_divergence(")


def test_an_include_shows_the_first_line_of_docstrings_and_no_notes_to_ruff(tmp_path, monkeypatch):
    monkeypatch.setattr(frame, "ROOT", tmp_path)
    lines = [
        "def f(x):  # noqa: PLR0913",
        '    """Return x.',
        "",
        "    Args:",
        "        x: a number.",
        '    """',
        "    return x  # as it is",
        "",
        "class C:",
        '    """Say one line."""',
    ]
    (tmp_path / "a.py").write_text("\n".join(lines))
    shown = frame.definition("include a.py::f")
    assert shown.splitlines() == ["def f(x):", '    """Return x."""', "    return x  # as it is"]
    assert frame.definition("include a.py::C") == 'class C:\n    """Say one line."""'


def test_what_a_lesson_includes_computes_what_the_module_does():
    """Only docstrings and notes to ruff may differ from the module."""
    module = ast.parse((ROOT / "vae_keras" / "model.py").read_text())
    for name in ("build_encoder", "build_decoder", "gaussian"):
        shown = ast.parse(frame.definition(f"include vae_keras/model.py::{name}")).body[0]
        own = next(node for node in module.body if getattr(node, "name", None) == name)
        assert ast.dump(ast.Module(shown.body[1:], [])) == ast.dump(ast.Module(own.body[1:], []))


def test_an_include_of_nothing_is_an_error():
    for marker in ("VAE.no_method", "VAE only no_method", "NoClass"):
        with pytest.raises(ValueError, match="vae_keras/model.py has no"):
            frame.definition(f"include vae_keras/model.py::{marker}")


def test_an_incomplete_header_is_named(text):
    text.write_text(HEADER.replace("need: d, ", ""))
    with pytest.raises(ValueError, match="07_small.py: the header .* 'need'"):
        frame.render(text)


def test_large_figures_become_jpeg():
    import base64
    import io

    import numpy as np
    from PIL import Image

    png = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)).save(png, "PNG")
    data = {"image/png": base64.b64encode(png.getvalue()).decode()}
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("display_data", data)])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert set(build.with_outputs(notebook, notebook).cells[0].outputs[0].data) == {"image/jpeg"}


@pytest.mark.parametrize(
    "written",
    [
        "<details><summary>Hint</summary>Use `np.cov`.</details>",
        "<details><summary>Hint</summary>\nUse `np.cov`.\n</details>",
        "<details><summary>Hint</summary>\n\nUse `np.cov`.\n\n</details>",
    ],
)
def test_what_is_folded_is_read_as_markdown(written):
    assert frame.open_folds(written) == "<details><summary>Hint</summary>\n\nUse `np.cov`.\n\n</details>"
