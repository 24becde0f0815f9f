"""The site: it builds without a warning, its links lead somewhere, and nothing on it comes from elsewhere."""

import html.parser
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest

from conftest import ROOT

for needed in ("sphinx", "myst_nb", "sphinx_book_theme", "sphinx_design", "mathjax"):
    if not importlib.util.find_spec(needed):
        pytest.skip("needs requirements-site.txt; run: make site", allow_module_level=True)

from docs import commands, first_uses, make_site, reference  # noqa: E402

NOTEBOOKS = Path(os.environ.get("VAE_KERAS_NOTEBOOKS", make_site.NOTEBOOKS))
LIMIT = 3_000_000  # bytes of a page with its pictures
GLOSSARY = first_uses.terms((ROOT / "docs" / "glossary.md").read_text())


class Page(html.parser.HTMLParser):
    """What a page holds: its ids, links, pictures, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.pictures, self.loaded = set(), [], [], []
        self.text = path.read_text()
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        """Take down a tag."""
        values = dict(attributes)
        self.ids |= {values["id"]} if values.get("id") else set()
        self.ids |= {values["name"]} if tag == "a" and values.get("name") else set()
        if tag == "a" and values.get("href"):
            self.links.append((values["href"], values))
        if tag == "img":
            self.pictures.append(values)
        loads = values.get("src") or (values.get("href") if tag == "link" else None)
        if loads and values.get("rel") not in ("author", "index", "next", "prev", "search"):
            self.loaded.append(loads)


def build(out, *options):
    command = [
        sys.executable,
        ROOT / "docs" / "make_site.py",
        "--out",
        out,
        "--notebooks",
        NOTEBOOKS,
        "--without-studio",
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site."""
    before = {
        path: path.stat().st_mtime_ns
        for path in (ROOT / "docs").rglob("*")
        if "__pycache__" not in path.parts
    }
    out = tmp_path_factory.mktemp("build")
    done = build(out)
    assert done.returncode == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    after = {
        path: path.stat().st_mtime_ns
        for path in (ROOT / "docs").rglob("*")
        if "__pycache__" not in path.parts
    }
    assert after.keys() == before.keys(), "the build writes beside the sources"
    return out / "site"


@pytest.fixture(scope="module")
def pages(site):
    """Return the pages by their path from the top of the site."""
    paths = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    return {path.relative_to(site).as_posix(): Page(path) for path in paths}


def lessons():
    return [path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in make_site.notebooks(NOTEBOOKS)]


def described(path):
    """Return the alternative texts of a notebook's pictures."""
    cells = json.loads(path.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    values = [value for output in outputs for value in output.get("metadata", {}).values()]
    return {value["alt"] for value in values if isinstance(value, dict) and value.get("alt")}


# The whole.


def test_every_lesson_and_solution_has_a_page_and_stands_on_the_front_page(pages):
    front = pages["index.html"]
    linked = {link for link, _ in front.links}
    for name in lessons():
        assert f"lessons/{name}.html" in pages
        assert f"lessons/{name}.html" in linked
        title, question = make_site.title_and_question(json.loads((NOTEBOOKS / f"{name}.ipynb").read_text()))
        if "solutions" not in name:
            assert title in front.text and question.replace("’", "'") in front.text.replace("’", "'")


def test_local_links_lead_to_files_and_places_that_are_there(site, pages):
    for name, page in pages.items():
        for link, _ in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            target = os.path.normpath(Path(name).parent / path) if path else name
            assert (site / target).is_file(), f"{name} links to {link}"
            if anchor and target in pages:
                assert anchor in pages[target].ids, f"{name} links to {link}"


def test_what_pages_show_and_load_lies_beside_them(site, pages):
    for name, page in pages.items():
        for loaded in page.loaded:
            assert not re.match(r"(https?:)?//", loaded), f"{name} loads {loaded}"
            if not loaded.startswith("data:"):
                path = unquote(re.split("[?#]", loaded)[0])
                assert (site / os.path.normpath(Path(name).parent / path)).is_file(), f"{name} loads {loaded}"
    for sheet in (site / "_static").rglob("*.css"):
        found = re.findall(r"url\([\"']?(https?:[^)]*)\)", sheet.read_text())
        assert not found and "@import url(http" not in sheet.read_text(), f"{sheet.name} loads {found}"


def test_pages_are_small(site, pages):
    for name, page in pages.items():
        shown = {os.path.normpath(Path(name).parent / unquote(picture["src"])) for picture in page.pictures}
        size = len(page.text.encode()) + sum((site / path).stat().st_size for path in shown)
        assert size < LIMIT, f"{name}: {size:,} bytes with its pictures"


def test_pictures_carry_the_texts_that_their_authors_wrote(pages):
    for name, page in pages.items():
        for picture in [picture for picture in page.pictures if picture.get("class") != "toggler"]:
            text = picture.get("alt") or ""
            assert len(text.split()) >= 3 and "_images" not in text, f"{name}: {picture}"
    for name in lessons():
        texts = {picture["alt"] for picture in pages[f"lessons/{name}.html"].pictures}
        missing = described(NOTEBOOKS / f"{name}.ipynb") - texts
        assert not missing, f"{name}: {missing}"


def test_captions_are_marked(pages):
    for name in lessons():
        text = (NOTEBOOKS / f"{name}.ipynb").read_text()
        written = len(re.findall(r'"\*Figure \d+\. ', text))
        assert pages[f"lessons/{name}.html"].text.count("figure-caption") == written, name


def test_formulas_are_drawn_by_a_file_of_the_site(site, pages):
    with_formulas = [name for name, page in pages.items() if 'class="math' in page.text]
    assert any(name.startswith("lessons/") for name in with_formulas)
    for name in with_formulas:
        assert any("mathjax/tex-svg.js" in loaded for loaded in pages[name].loaded), name


def test_no_formula_is_left_as_text(pages):
    for name in lessons():
        body = pages[f"lessons/{name}.html"].text.partition("<article")[2].partition("</article>")[0]
        prose = re.sub(
            r"<pre.*?</pre>|<code.*?</code>|<script.*?</script>|<style.*?</style>", "", body, flags=re.DOTALL
        )
        assert "$" not in prose, f"{name}: {prose[max(0, prose.index('$') - 100) :][:200]}"


def test_no_formula_stands_inside_a_paragraph_or_is_parted_from_its_full_stop(pages):
    tied = 0
    for name in lessons():
        text = pages[f"lessons/{name}.html"].text
        for paragraph in re.findall(r"<p>.*?</p>", text, re.DOTALL):
            assert '<div class="math' not in paragraph, f"{name}: {paragraph[:200]}"
        ends = text.count(r"\)</span>.") + text.count(r"\)</span>,")
        pieces = len(re.findall(r'class="tied"><span class="math[^<]*</span>[.,]', text))
        assert ends == pieces, name
        tied += pieces
    assert tied > 20


@pytest.mark.parametrize(
    "code, width, classes",
    [
        ("plots.grid(faces, columns=5)", 655, ""),
        ("plots.grid(faces, captions=names)", 655, "labelled"),
        ("plots.rows(shown)", 1048, "labelled wide"),
        ("plots.curves(history)", 640, "labelled"),
    ],
)
def test_pictures_with_labels_stay_legible_on_a_telephone(code, width, classes):
    assert make_site.size_classes(code, width) == classes


def test_search_knows_the_lessons(site):
    index = (site / "searchindex.js").read_text()
    assert '"lessons/01_explore_data"' in index and "reparameter" in index


def test_the_gallery_shows_every_model_that_ships(pages):
    shown = {Path(picture["src"]).name for picture in pages["index.html"].pictures}
    names = {path.parent.name for path in make_site.WEIGHTS.glob("*/faces.png")}
    assert {f"faces-{name}.png" for name in names} <= shown and len(names) >= 4


# The studio.


def test_every_command_has_a_section_with_its_examples_and_those_that_draw_a_picture():
    from vae_keras.cli import COMMANDS

    parts = commands.page().split("\n## ")[1:]
    assert [part.partition("\n")[0] for part in parts] == list(COMMANDS)
    for part in parts:
        name = part.partition("\n")[0]
        assert f"```sh\npython -m vae_keras {name}" in part and "Examples:" not in part
        assert (commands.FIGURES / f"{name}.jpg").exists() == (name in commands.ALT) == ("![" in part)


def test_options_in_the_text_of_a_command_are_code():
    assert (
        commands.with_code("with --from, as `train --noise` has it")
        == "with `--from`, as `train --noise` has it"
    )
    assert commands.with_code("well-known; a--b") == "well-known; a--b"


def test_the_studio_is_linked_from_the_front_page_and_the_navigation(tmp_path):
    make_site.prepare(tmp_path / "pages", NOTEBOOKS, with_studio=True)
    front = (tmp_path / "pages" / "index.md").read_text()
    assert '<a href="studio/index.html">' in front and "\nstudio\n" in front
    assert '<a href="studio/index.html">' in (tmp_path / "pages" / "studio.md").read_text()
    make_site.prepare(tmp_path / "pages", NOTEBOOKS)
    assert "studio/index.html" not in (tmp_path / "pages" / "index.md").read_text()


@pytest.mark.parametrize("failure", ["npm (on Debian: apt-get install npm)", ""])
def test_a_studio_that_cannot_be_built_is_left_out_in_one_line(failure, tmp_path, monkeypatch, capsys):
    def fail(out):
        raise subprocess.CalledProcessError(1, ["npm", "ci"])

    monkeypatch.setattr(make_site.make_studio, "missing", lambda: failure)
    monkeypatch.setattr(make_site.make_studio, "build", fail)
    assert make_site.build_studio(tmp_path / "studio") is None
    said = capsys.readouterr().out
    assert said.startswith("the studio is left out: it needs npm") and said.count("\n") == 1


# Glossary.


def test_terms_are_explained_in_two_sentences():
    assert len(GLOSSARY) >= 25
    for term, text in GLOSSARY.items():
        text = first_uses.plain(text)
        assert len(re.findall(r"[.](?:\s|$)", text)) == 2, f"{term}: {text}"


def test_the_first_use_of_a_term_in_a_lesson_is_linked_and_no_other(pages):
    for name in lessons():
        links = [link for link, _ in pages[f"lessons/{name}.html"].links if "glossary.html#term" in link]
        assert len(links) == len(set(links)), name
        if "/" not in name and name[:2] >= "02":
            assert len(links) >= 5, f"{name}: {links}"


def test_links_say_what_the_glossary_says(pages):
    links = [link for name in lessons() for link in pages[f"lessons/{name}.html"].links]
    values = [values for link, values in links if "glossary.html#term" in link]
    texts = {first_uses.plain(text) for text in GLOSSARY.values()}
    assert values and all(value.get("title") in texts for value in values)


@pytest.mark.parametrize(
    "text, found",
    [
        ("The prior is wide; another prior.", ["prior"]),
        ("the aggregate posterior and the posterior", ["aggregate posterior", "posterior"]),
        ("The code of the module is short.", []),
        ("The code of a face, and two codes.", ["code"]),
        ("A KL of 3 nats", ["KL", "nats"]),
        ("Encoders and Decoder", ["Encoders", "Decoder"]),
        ("prior-free, subprior, encoder_mean, n/prior", []),
        ("An alternate elbow", []),
        ("move along the Smiling direction", []),
        ("a random direction", ["random direction"]),
        ("Mixtures of three new faces; a mixture", []),
        ("a mixture of ten Gaussians", ["mixture", "Gaussians"]),
        ("A mixture of ", ["mixture"]),  # a formula follows
    ],
)
def test_words_that_are_terms(text, found):
    nodes = first_uses.split(text, dict(GLOSSARY))
    assert "".join(node.astext() for node in nodes) == text
    assert [node.astext() for node in nodes if node.tagname == "pending_xref"] == found


# Links of the notebooks.

FILES = {
    "README.md": ("index", ".md"),
    "README.md#the-command-line": ("commands", ".md"),
    "notebooks/01_explore_data.ipynb": ("lessons/01_explore_data", ".ipynb"),
    "notebooks/solutions/01_explore_data.ipynb": ("lessons/solutions/01_explore_data", ".ipynb"),
    "vae_keras/model.py": ("reference/model", ".rst"),
}


@pytest.mark.parametrize(
    "text, without, address",
    [
        ("[a](01_explore_data.ipynb)", "[a](01_explore_data.ipynb)", None),
        ("[a](01_explore_data.ipynb#Why-three-parts?)", "[a](01_explore_data.ipynb#why-three-parts)", None),
        ("[a](solutions/01_explore_data.ipynb)", "[a](solutions/01_explore_data.ipynb)", None),
        ("[a\nb](../README.md)", "[a\nb](../index.md)", None),
        ("[a](../README.md#the-command-line)", "[a](../commands.md)", None),
        ("[a](../README.md#terms)", "[a](../index.md#terms)", None),
        ("[`VAE`](../vae_keras/model.py)", "[`VAE`](../reference/model.rst)", None),
        (
            "[a](07_not_there.ipynb)",
            "a",
            "[a](https://github.com/o/n/blob/main/notebooks/07_not_there.ipynb)",
        ),
        ("[a](../benchmarks)", "a", "[a](https://github.com/o/n/tree/main/benchmarks)"),
        ("[a](../Makefile#x)", "a", "[a](https://github.com/o/n/blob/main/Makefile#x)"),
        ("[a](https://keras.io)", "[a](https://keras.io)", None),
        ("`[a](../Makefile)`", "`[a](../Makefile)`", None),
        ("```\n[a](../Makefile)\n```", "```\n[a](../Makefile)\n```", None),
        ('<a href="01_explore_data.ipynb">a</a>', '<a href="01_explore_data.html">a</a>', None),
        ('<a href="../Makefile">a</a>', "a", '<a href="https://github.com/o/n/blob/main/Makefile">a</a>'),
        ("so:\n$$a\n+ b$$ and", "so:\n$$a + b$$ and", None),
        ("[![Open in Colab](https://c/x.svg)](https://c/y)", "[Open in Colab](https://c/y)", None),
    ],
)
def test_links_fit_the_site(text, without, address, tmp_path):
    def rewrite(repository):
        place = ("notebooks/02_build_vae.ipynb", "lessons/02_build_vae", FILES, tmp_path, repository)
        return make_site.Links(*place).rewrite(text)

    assert rewrite("") == without
    assert rewrite("o/n") == (address or without)


def test_pictures_of_a_page_are_copied_and_missing_ones_named(tmp_path):
    links = make_site.Links("README.md", "index", FILES, tmp_path, "")
    assert links.rewrite("![six faces](docs/strip.jpg)") == "![six faces](_pictures/strip.jpg)"
    assert (tmp_path / "_pictures" / "strip.jpg").exists()
    with pytest.raises(FileNotFoundError, match="README.md shows docs/none.png"):
        links.rewrite("![none](docs/none.png)")


def test_a_folder_without_lessons_is_named(tmp_path):
    done = build(tmp_path, "--notebooks", tmp_path)
    assert done.returncode and "There are no lessons in" in done.stderr and "make lessons" in done.stderr


# The reference.


def test_every_name_of_the_reference_is_described(pages):
    for page in tomllib.loads((ROOT / "docs" / "reference.toml").read_text())["page"]:
        shown = pages[f"reference/{page['module']}.html"]
        described = {link for link in shown.ids if link.startswith("vae_keras.")}
        assert len(described) >= len(page.get("names", [])) and described, page
        for name in page.get("names", []):
            assert f"vae_keras.{page['module']}.{name}" in described


def test_exports_of_a_package_are_all_there():
    tree = reference.ast.parse((ROOT / "vae_keras" / "hub" / "__init__.py").read_text())
    found = reference.exports(tree, ROOT / "vae_keras" / "hub")
    assert {"load", "save", "Pretrained", "model_names"} <= set(found)


def test_what_is_returned_is_said_in_sentences():
    text = '''"""Return two numbers.

    Args:
        count: k.

    Returns:
        first: one of them. second: the other.
    """'''
    lines = "\n".join(reference.docstring(reference.ast.parse(text)))
    assert "first: one of them. second: the other." in lines and "*first*" not in lines
    assert "\\k." in lines  # "k." would begin a list
    function = reference.ast.parse("def copy(self) -> 'Faces': pass").body[0]
    assert reference.signature(function) == "(self) -> Faces"


def test_names_that_the_module_lacks_are_refused(tmp_path):
    contents = tmp_path / "reference.toml"
    contents.write_text('[[page]]\nmodule = "latent"\ntitle = "Codes"\nnames = ["no_such"]\n')
    with pytest.raises(ValueError, match="lists no_such, which vae_keras.latent does not have"):
        reference.write(ROOT, tmp_path, contents)


# Publishing.


def test_the_workflow_is_valid_and_publishes_what_make_site_builds():
    workflow = ROOT / ".github" / "workflows" / "pages.yml"
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        workflow,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    text = workflow.read_text()
    assert "- run: make site" in text and "path: build/site" in text and "actions/deploy-pages@" in text
