"""Builds the course's site (`make site`): the committed notebooks, the pages of docs/, the reference of the module.

The pages are put together in build/site-src, where links are made to fit, and Sphinx makes build/site of them. No
notebook is executed, neither TensorFlow nor the module is imported, and nothing is written beside the sources. The
studio is built by a program of its own, where that finds what it needs.
"""

import argparse
import html
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS), str(ROOT / "studio")]

import commands  # noqa: E402
import make_studio  # noqa: E402
import reference  # noqa: E402

NOTEBOOKS = ROOT / "notebooks"
WEIGHTS = ROOT / "vae_keras" / "hub" / "weights"
# Files of the repository that have a page of their own on the site.
PAGES = {
    "README.md": "index",
    "README.md#the-command-line": "commands",
    "TEACHING.md": "teachers",
    "docs/glossary.md": "glossary",
    "vae_keras/hub/weights/LICENSE.md": "terms",
    "vae_keras/hub/weights": "terms",
    "vae_keras/cli": "commands",
    "benchmarks/RESULTS.md": "results",
    "benchmarks/APPLICATIONS.md": "applications",
    "benchmarks/CONCLUSIONS.md": "conclusions",
}
MEASURED = ("RESULTS", "APPLICATIONS", "CONCLUSIONS")  # pages of benchmarks/
SMALL_PICTURE = 700  # pixels on the page: five faces of 128 and any single chart
CODE = re.compile(r"(```.*?```|~~~.*?~~~|``[^`]+``|`[^`\n]+`)", re.DOTALL)
LINK = re.compile(
    r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|!\[[^\[\]]*\]\([^()]*\))*)\]"  # a link's text may hold a picture
    r"\((?P<target>[^()\s]+)(?P<title>\s+\"[^\"]*\")?\)"
)
ANCHOR = re.compile(r"<a\s[^>]*href=\"(?P<target>[^\"]+)\"[^>]*>(?P<text>.*?)</a>", re.DOTALL)
PICTURE = re.compile(r"<img\s[^>]*src=\"(?P<target>[^\"]+)\"")
FORMULA = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\(([^)]*)\)")


def repository():
    """Return "owner/name", or "" while the course has no address."""
    text = (ROOT / "vae_keras" / "config.py").read_text()
    return re.search(r'^REPOSITORY = "(.*?)"', text, re.MULTILINE)[1]


def mathjax():
    """Return the path of MathJax's file for TeX and SVG, which a package of Python brings.

    Raises:
        FileNotFoundError: The package is not installed.
    """
    found = importlib.util.find_spec("mathjax")
    if not found:
        raise FileNotFoundError("MathJax is missing; run: pip install -r requirements-site.txt")
    return Path(found.origin).parent / "static" / "mathjax" / "es5" / "tex-svg.js"


def notebooks(folder):
    """Return the lessons and the solutions in a folder, in order."""
    return [*sorted(folder.glob("[0-9][0-9]_*.ipynb")), *sorted(folder.glob("solutions/[0-9][0-9]_*.ipynb"))]


# Links.


class Links:
    """Makes the links of one file fit the site.

    Args:
        origin: the file's path in the repository, for what its links mean.
        page: its name on the site, without suffix.
        files: paths in the repository by the page that shows them.
        out: the folder of the pages, where pictures are copied to.
        repository: "owner/name", or "".
    """

    def __init__(self, origin, page, files, out, repository):
        self.origin, self.page, self.files = PurePosixPath(origin), PurePosixPath(page), files
        self.out, self.repository = out, repository

    def rewrite(self, text):
        """Return a text in Markdown with links that lead to the site's pages, to the repository, or are plain text."""
        code = CODE.findall(text)
        text = CODE.sub("\0", text)  # a link's text may hold code, and code may look like a link
        # A line of a formula that begins with + would begin a list; Jupyter looks for formulas first.
        text = FORMULA.sub(lambda found: " ".join(found[0].split()), text)
        text = BADGE.sub(r"[Open in Colab](\1)", text)
        for pattern, replace in ((LINK, self._link), (ANCHOR, self._anchor), (PICTURE, self._picture)):
            text = pattern.sub(replace, text)
        return re.sub("\0", lambda _: code.pop(0), text)

    def target(self, link, suffix=""):
        """Return where a link of the file leads on the site, None where there is nothing to lead to.

        Args:
            link: as it stands in the file.
            suffix: of pages: "" takes that of the source, so that Sphinx checks it.
        """
        if re.match(r"[a-z]+:", link):
            return link
        path, mark, anchor = link.partition("#")
        anchor = mark + slug(anchor)
        if not path:
            return anchor
        found = os.path.normpath(self.origin.parent / path)
        if found in self.files:
            section = found + anchor  # it may have a page of its own
            page, source = self.files.get(section, self.files[found])
            steps = os.path.relpath(page, self.page.parent)
            anchor = "" if source == ".rst" or (anchor and section in self.files) else anchor
            return steps + (suffix or source) + anchor
        if self.repository and not found.startswith(".."):
            kind = "tree" if (ROOT / found).is_dir() else "blob"
            return f"https://github.com/{self.repository}/{kind}/main/{found}{anchor}"
        return None

    def copied(self, link):
        """Copy a picture that a link of the file names, and return its path from the page."""
        source = ROOT / os.path.normpath(self.origin.parent / link)
        if not source.is_file():
            raise FileNotFoundError(f"{self.origin} shows {link}, which is not there.")
        (self.out / "_pictures").mkdir(exist_ok=True)
        shutil.copy(source, self.out / "_pictures" / source.name)
        return os.path.relpath(f"_pictures/{source.name}", self.page.parent)

    def _link(self, found):
        if found["image"]:
            if re.match(r"[a-z]+:", found["target"]):
                return found[0]
            return f"![{found['text']}]({self.copied(found['target'])}{found['title'] or ''})"
        target = self.target(found["target"])
        return f"[{found['text']}]({target}{found['title'] or ''})" if target else found["text"]

    def _anchor(self, found):
        target = self.target(found["target"], suffix=".html")
        return f'<a href="{html.escape(target)}">{found["text"]}</a>' if target else found["text"]

    def _picture(self, found):
        if re.match(r"[a-z]+:", found["target"]):
            return found[0]
        return found[0].replace(found["target"], self.copied(found["target"]))


def slug(anchor):
    """Return an anchor as Sphinx writes it; Jupyter keeps capitals and marks."""
    return re.sub(r"[^\w\-]", "", anchor.lower().replace(" ", "-"))


# Pages.


def title_and_question(notebook):
    """Return title and question of a lesson, from its first cell; the question is "" where there is none."""
    text = "".join(notebook["cells"][0]["source"])
    title = re.search(r"^# (.+)", text, re.MULTILINE)
    question = re.search(r"\*\*The question: (.+?)\*\*", text, re.DOTALL)
    return (title[1] if title else "Lesson"), (" ".join(question[1].split()) if question else "")


def with_descriptions(notebook):
    """Tell each picture of a notebook its alternative text, and whether it has labels that have to stay legible."""
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("mystnb", {})
        image = cell["metadata"]["mystnb"].setdefault("image", {})
        for output in cell.get("outputs", []):
            for values in output.get("metadata", {}).values():
                if isinstance(values, dict) and values.get("alt"):
                    image.setdefault("alt", values["alt"])
                    image.setdefault("classes", size_classes("".join(cell["source"]), values.get("width", 0)))
    return notebook


def size_classes(code, width):
    """Return the classes of CSS that say how far a picture may shrink on a telephone.

    Args:
        code: that drew it. Grids without captions are the pictures without labels.
        width: of the picture, in pixels of the page.
    """
    if "plots.grid(" in code and "captions" not in code:
        return ""
    return "labelled wide" if width > SMALL_PICTURE else "labelled"


def put_notebooks(folder, out, files):
    """Write the notebooks of a folder as the site's pages, and return (page, title, question) of each."""
    listed = []
    for path in notebooks(folder):
        name = path.relative_to(folder).as_posix()
        page = f"lessons/{name.removesuffix('.ipynb')}"
        notebook = json.loads(path.read_text())
        links = Links(f"notebooks/{name}", page, files, out, repository())
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = links.rewrite("".join(cell["source"]))
        listed.append((page, *title_and_question(notebook)))
        target = out / f"{page}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(with_descriptions(notebook)))
    return listed


def put_document(origin, page, out, files):
    """Write a document of the repository as a page of the site."""
    links = Links(origin, page, files, out, repository())
    (out / f"{page}.md").write_text(links.rewrite((ROOT / origin).read_text()))


def gallery(out):
    """Return a card for each model that ships: ten faces that it drew, and its terms."""
    (out / "_pictures").mkdir(exist_ok=True)
    cards = []
    for path in sorted(WEIGHTS.glob("*/faces.png")):
        name = path.parent.name
        title = json.loads((path.parent / "card.json").read_text()).get("title", name)
        shutil.copy(path, out / "_pictures" / f"faces-{name}.png")
        alt = f"Ten faces drawn by the model of {title}: {ALT.get(name, 'faces')}"
        picture = f"![{alt}](_pictures/faces-{name}.png)"
        cards += [f":::{{grid-item-card}} {title}", picture, "", f'`vae_keras.load("{name}")`', ":::"]
    return "\n".join(cards)


TEACHERS = (
    "Who teaches with the course finds a schedule, and the rights to the pictures, on the "
    "[page for teachers](teachers.md)."
)
ALT = {
    "anime": "drawn faces with large eyes and hair of many colours",
    "cartoon": "simple drawn faces on plain backgrounds",
    "celeba": "people who look at the camera, most of them young, some smiling",
    "lfw": "people as news photographs show them",
}


STUDIO = (
    '**<a href="studio/index.html">Open the studio</a>** to make faces in your browser: roll the dice, move a smile, '
    "try it on your own photograph, and look inside. Nothing leaves your computer."
)


def build_studio(out):
    """Return the folder of the studio, built anew; None where it is left out, which one line says.

    Args:
        out: the folder to build it in.
    """
    why = make_studio.missing()
    if not why:
        try:
            make_studio.build(out)
            return out
        except subprocess.CalledProcessError as error:
            why = f"{error.cmd[0]} to work, which failed"
    print(f"the studio is left out: it needs {why}")
    return None


def lesson_cards(lessons):
    """Return a card for each lesson with its title and its question."""
    cards = []
    for page, title, question in lessons:
        cards += [f":::{{grid-item-card}} {title}", f":link: {page}", ":link-type: doc", "", question, ":::"]
    return "\n".join(cards)


def toctree(caption, pages):
    """Return a table of contents for the side of every page, "" without pages."""
    if not pages:
        return ""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"])


def pages_of_files(folder, described):
    """Return the page, and the suffix of its source, of each file of the repository that has one.

    Args:
        folder: that of the notebooks.
        described: pages of the reference by the path of their module.
    """
    files = {path: (f"reference/{page}", ".rst") for path, page in described.items()}
    for path, page in PAGES.items():
        if (ROOT / path.partition("#")[0]).exists():
            files[path] = (page, ".md")
    for path in notebooks(folder):
        name = path.relative_to(folder).as_posix()
        files[f"notebooks/{name}"] = (f"lessons/{name.removesuffix('.ipynb')}", ".ipynb")
    return files


def prepare(out, folder, with_studio=False):
    """Put the pages together.

    Args:
        out: folder of the pages; what was there is removed.
        folder: that of the notebooks.
        with_studio: whether the studio will stand in the folder studio of the site.

    Raises:
        FileNotFoundError: There are no notebooks, or a page shows a picture that is not there.
        ValueError: docs/reference.toml names something that the module does not have.
    """
    if not notebooks(folder):
        raise FileNotFoundError(f"There are no lessons in {folder}; run: make lessons")
    shutil.rmtree(out, ignore_errors=True)
    (out / "reference").mkdir(parents=True)
    described = reference.write(ROOT, out / "reference", DOCS / "reference.toml")
    files = pages_of_files(folder, described)
    listed = put_notebooks(folder, out, files)
    solutions = [page for page, *_ in listed if "/solutions/" in page]
    lessons = [entry for entry in listed if entry[0] not in solutions]
    more = ["commands", "glossary", "reference/index"]
    for origin, page in (("TEACHING.md", "teachers"), ("vae_keras/hub/weights/LICENSE.md", "terms")):
        if origin in files:
            put_document(origin, page, out, files)
            more.append(page)
    put_document("docs/glossary.md", "glossary", out, files)
    links = Links("docs/commands.md", "commands", files, out, repository())
    (out / "commands.md").write_text(links.rewrite(commands.page()))
    for name in MEASURED:
        put_document(f"benchmarks/{name}.md", name.lower(), out, files)
    filled = {"gallery": gallery(out), "lessons": lesson_cards(lessons)}
    filled |= {"solutions": "", "teachers": "", "studio": STUDIO if with_studio else ""}
    if solutions:
        filled["solutions"] = (
            f"The exercises of the lessons have [solutions]({solutions[0]}.ipynb). Try first."
        )
    if "teachers" in more:
        filled["teachers"] = TEACHERS
    if with_studio:
        (out / "studio.md").write_text(f"# The studio\n\n{STUDIO}\n")
        more.insert(0, "studio")
    trees = [("Lessons", [page for page, *_ in lessons]), ("Solutions", solutions), ("More", more)]
    trees.append(("What was measured", [name.lower() for name in MEASURED]))
    filled["contents"] = "\n\n".join(toctree(*tree) for tree in trees)
    put_document("docs/index.md", "index", out, files)
    front = (out / "index.md").read_text()
    (out / "index.md").write_text(re.sub(r"<!-- (\w+) -->", lambda found: filled[found[1]], front))
    vendor, extensions = out / "_vendor" / "mathjax", Path("input", "tex", "extensions")
    shutil.copytree(mathjax().parent / extensions, vendor / extensions)
    shutil.copy(mathjax(), vendor)


def main():
    """Prepare the pages and let Sphinx make the site; a warning of Sphinx is an error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--notebooks", type=Path, default=NOTEBOOKS, help="folder of the executed lessons")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="folder of site-src and site")
    parser.add_argument("--without-studio", action="store_true", help="leave the studio out")
    options = parser.parse_args()
    pages, site = options.out.resolve() / "site-src", options.out.resolve() / "site"
    studio = None if options.without_studio else build_studio(options.out.resolve() / "studio")
    try:
        prepare(pages, options.notebooks.resolve(), studio is not None)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")
    shutil.rmtree(site, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    command += ["-d", str(pages / "_doctrees"), "-c", str(DOCS), str(pages), str(site)]
    done = subprocess.run(command, env={**os.environ, "VAE_KERAS_SITE_PAGES": str(pages)})
    if done.returncode:
        sys.exit("error: the site has mistakes; they stand above")
    if studio:
        shutil.copytree(studio, site / "studio")
        make_studio.link_course(site / "studio")
    print(f"open {site / 'index.html'}")


if __name__ == "__main__":
    main()
