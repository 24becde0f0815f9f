"""The rules of the project: who imports whom, what is required, what make does, the address in one place."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from conftest import ROOT
from docs import commands

MODULE = sorted((ROOT / "vae_keras").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Which parts of the module each part may import, anywhere in its code; those that are not named may import all.
MAY_IMPORT = {
    "storage": "",
    "memory": "",
    "plots": "",
    "on_jax": "",
    "backend": "on_jax",
    "config": "backend",
    "layers": "backend on_jax",
    "optimizers": "backend config",
    "pipeline": "backend on_jax config",
    "model": "backend on_jax layers",
    "training": "backend model optimizers pipeline storage config",
    "latent": "backend model pipeline config",
    "priors": "latent config",
    "directions": "latent config",
    "sharpening": "backend on_jax model training optimizers latent priors pipeline config",
    "evaluation": "backend model latent priors directions pipeline layers storage config",
    "hub": "model layers optimizers training latent priors directions sharpening evaluation pipeline storage config",
    "data": "backend config storage",
}
# Registered with Keras by `import vae_keras`, or imported by what is: they must not cost more than Keras itself.
LIGHT = (
    "backend layers model optimizers evaluation/distances evaluation/__init__ sharpening/denoiser "
    "sharpening/__init__"
)


def run(*command, cwd=ROOT, **environment):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment})


# Who imports whom.


def part(path):
    """Return the part of the module that a file belongs to: a file at the top, or a package."""
    return path.relative_to(ROOT / "vae_keras").parts[0].removesuffix(".py")


def imports(path, top_level=False):
    """Return the full names that a file imports, in functions too unless top_level."""
    tree = ast.parse(path.read_text())
    names = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = [] if node.level == 0 else ["vae_keras", *relative_package(path, node.level)]
            base = ".".join([*package, *filter(None, [node.module])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def relative_package(path, level):
    folders = path.relative_to(ROOT / "vae_keras").parts[:-1]
    return folders[: len(folders) - level + 1]


def parts_imported(path, top_level=False):
    """Return the parts of the module that a file imports."""
    known = {part(other) for other in MODULE}
    ours = [name.split(".") for name in imports(path, top_level) if name.split(".")[0] == "vae_keras"]
    return {name[1] for name in ours if len(name) > 1 and name[1] in known}


def foreign(path, top_level=False):
    """Return the packages of others that a file imports."""
    roots = {name.split(".")[0] for name in imports(path, top_level)}
    return roots - set(sys.stdlib_module_names) - {"vae_keras"}


def test_imports_are_found_wherever_they_stand(tmp_path, monkeypatch):
    path = tmp_path / "vae_keras" / "hub" / "cards.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import os\nfrom vae_keras import data, plots\nfrom . import folders\nfrom ..model import VAE\n"
        "def late():\n    import vae_keras.release.package\n    from sklearn.svm import SVC\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    files = [path.parent.parent / name for name in "data.py plots.py hub/x.py model.py release/x.py".split()]
    monkeypatch.setattr(sys.modules[__name__], "MODULE", files)
    assert parts_imported(path) == {"data", "plots", "hub", "model", "release"}
    assert parts_imported(path, top_level=True) == {"data", "plots", "hub", "model"}
    assert foreign(path) == {"sklearn"} and foreign(path, top_level=True) == set()


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_imports_lead_one_way(name):
    files = [path for path in MODULE if part(path) == name]
    assert files, f"there is no {name} any more: take it out of MAY_IMPORT"
    for path in files:
        unwanted = parts_imported(path) - {name, *MAY_IMPORT[name].split()}
        assert not unwanted, f"{path.relative_to(ROOT)} imports {', '.join(sorted(unwanted))}"


def test_every_part_has_its_arrows():
    parts = {part(path) for path in MODULE}
    assert parts == {*MAY_IMPORT, "applications", "checks", "release", "cli", "__init__", "__main__"}


@pytest.mark.parametrize("name", ["config", "storage", "data"])
def test_pictures_are_prepared_without_keras(name):
    """Augmentation, which runs in TensorFlow's graph, imports it where it is called."""
    for path in MODULE:
        if part(path) == name:
            heavy = foreign(path, top_level=True) & {"keras", "tensorflow"}
            assert not heavy, f"{path.relative_to(ROOT)} imports {heavy}"


def test_figures_are_drawn_by_plots_alone():
    """So that whoever generates faces needs neither Jupyter nor seaborn nor matplotlib."""
    for path in MODULE:
        if part(path) not in ("plots", "__init__"):
            assert "plots" not in parts_imported(path, top_level=True), path
            assert not foreign(path) & {"matplotlib", "seaborn", "IPython"}, path


@pytest.mark.parametrize("name", LIGHT.split())
def test_what_registers_with_keras_imports_nothing_heavy(name):
    path = ROOT / "vae_keras" / f"{name}.py"
    assert foreign(path, top_level=True) <= {"keras", "numpy", "tensorflow"}, path


@pytest.mark.slow
def test_import_costs_hardly_more_than_keras():
    """Seconds of the processor in a process of its own, the least of three: others may be busy."""
    program = "import keras, time; start = time.process_time(); import vae_keras; print(time.process_time() - start)"
    seconds = min(float(run(sys.executable, "-c", program).stdout) for _ in range(3))
    assert seconds <= 0.3, f"import vae_keras costs {seconds:.2f} s more than import keras"


@pytest.mark.slow
def test_loading_a_model_imports_nothing_that_it_does_not_need():
    """Of the module no data, release, plots or commands; of others what Keras needs, and pandas.

    What Keras imports itself does not count: it looks for scikit-learn and IPython.
    """
    program = "import sys, vae_keras; vae_keras.load('celeba'); print(*sys.modules)"
    done = run(sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    loaded = {name for name in done.stdout.split() if name.split(".")[0] == "vae_keras"}
    assert "vae_keras.hub.folders" in loaded
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULE}
    for name in loaded:
        path = files.get(name) or files[f"{name}.__init__"]
        assert part(path) not in ("data", "release", "plots", "cli", "applications", "checks"), name
        assert foreign(path, top_level=True) <= {"keras", "tensorflow", "numpy", "pandas", "h5py"}, name


def test_lint_and_format():
    folders = ["vae_keras", "tests", "notebooks/src", "benchmarks", "docs", "studio"]
    places = [folder for folder in folders if (ROOT / folder).exists()]
    for words in (["check"], ["format", "--check"]):
        result = run(sys.executable, "-m", "ruff", *words, "--no-cache", *places)
        assert result.returncode == 0, f"run: make format\n{result.stdout[-3000:]}"


# Requirements and workflow.

NAMES_OF_PACKAGES = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "IPython": "ipython",
}


def requirements(name):
    """Return the lines of a file of requirements that name a package."""
    found = (ROOT / name).read_text().splitlines()
    return [line for line in found if line and not line.startswith(("#", "-r"))]


def names(lines):
    """Return the names of packages without their versions."""
    return [re.split("[=<>~]", line)[0] for line in lines]


def packages(paths, top_level=False):
    """Return the names of the packages that files import, those of the course left out."""
    ours = {path.stem for path in (ROOT / "notebooks" / "src").glob("*.py")}
    imported = set()
    for path in paths:
        imported |= foreign(path, top_level) - ours
    return {NAMES_OF_PACKAGES.get(name, name) for name in imported}


def test_requirements():
    course = names(requirements("requirements.txt"))
    assert [name for name in course if "opencv" in name] == ["opencv-python-headless"]
    assert "tensorflow" in course and "tensorflow-cpu" not in course
    assert "==" not in (ROOT / "requirements.txt").read_text()
    colab = names(requirements("requirements-colab.txt"))
    assert "tensorflow-cpu" in colab and "tensorflow" not in colab  # the two own the same folder
    assert set(names(requirements("requirements-dev.txt"))) <= set(colab)


def test_requirements_are_those_of_the_package():
    extras = PROJECT["optional-dependencies"]
    course = [
        *PROJECT["dependencies"],
        *extras["lessons"],
        *extras["photo"],
        *extras["compress"],
        *extras["kaggle"],
    ]
    assert requirements("requirements.txt") == course
    assert requirements("requirements-dev.txt") == extras["dev"]


def test_what_is_imported_is_required():
    """Generating needs the dependencies alone; what needs more is imported where it is used, or draws figures."""
    extras = {name: set(names(lines)) for name, lines in PROJECT["optional-dependencies"].items()}
    core = set(names(PROJECT["dependencies"]))
    module = [path for path in MODULE if part(path) not in ("plots", "on_jax")]
    assert packages(module, top_level=True) <= core
    # the dial of lesson 00; a plug-in that reads HEIC where it is installed; what Colab brings; other backends
    optional = extras["kaggle"] | extras["photo"] | extras["compress"] | extras["parquet"]
    optional |= {"ipywidgets", "pillow_heif", "google", "jax", "torch"}
    assert packages(module) <= core | optional
    assert packages([ROOT / "vae_keras" / "plots.py"]) <= core | extras["lessons"]
    lessons = (ROOT / "notebooks" / "src").glob("*.py")
    assert packages(lessons) <= core | extras["lessons"] | extras["kaggle"]


def test_what_is_required_is_imported():
    used = packages(MODULE)
    assert set(names(PROJECT["dependencies"])) <= used
    assert set(names(PROJECT["optional-dependencies"]["kaggle"])) <= used


def test_colab_gets_what_the_module_needs():
    """colab_setup.sh installs what is missing there, and names all that the module imports when it is loaded."""
    text = (ROOT / "colab_setup.sh").read_text()
    for name in names(PROJECT["dependencies"]):
        assert f'"{name}"' in text, f"colab_setup.sh does not know {name}"


def test_workflow_is_valid_and_runs_make_test():
    workflow = ROOT / ".github" / "workflows" / "test.yml"
    schema = ["--builtin-schema", "vendor.github-workflows"]
    result = run(sys.executable, "-m", "check_jsonschema", *schema, str(workflow))
    assert result.returncode == 0, result.stdout + result.stderr
    text = workflow.read_text()
    assert "make test" in text and '"3.11"' in text and '"3.13"' in text
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


def test_workflow_gives_the_first_command_everywhere():
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    job = text.partition("\n  first-command:\n")[2]
    assert "os: [ubuntu-latest, windows-latest, macos-latest]" in job
    assert "- run: pip install .\n" in job
    (command,) = re.findall(r"- run: (python -m vae_keras faces .*)", job)
    from vae_keras.cli import build_parser

    build_parser().parse_args(command.split()[3:])  # its options exist


# Make, with an interpreter that only writes down what it is asked.

FAKE = """#!/bin/sh
echo "$@" >> "{log}"
case "$1 $2" in
    *%d.%d*version_info*) echo 3.12 ;;
    "-c import venv, ensurepip") exit {venv} ;;
    "-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    """Return a function that runs make with a stand-in for Python; `.log()` says what that was asked to do."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    log = tmp_path / "log"

    def call(*words, venv=0, python=None):
        fake = tmp_path / "python3"
        fake.write_text(FAKE.format(log=log, venv=venv))
        fake.chmod(0o755)
        settings = [f"PYTHON={python or fake}", f"VENV={tmp_path / 'venv'}"]
        settings += ["REQUIREMENTS=requirements.txt", "DEVELOPMENT=requirements-dev.txt"]
        return run("make", *settings, *words, MAKEFLAGS="")  # not those of the make that runs this test

    call.log = lambda: log.read_text() if log.exists() else ""
    return call


def test_setup_installs_once(make):
    assert make("setup").returncode == 0
    assert make.log().count("-m venv") == 1 and make.log().count("-r requirements.txt") == 1
    assert make("setup").returncode == 0
    assert make.log().count("-m venv") == 1 and make.log().count("-m pip") == 1


def test_tests_need_the_development_tools_and_the_same_setup(make):
    assert make("test").returncode == 0
    asked = make.log()
    assert (
        asked.index("-r requirements.txt") < asked.index("-r requirements-dev.txt") < asked.index("-m pytest")
    )
    assert "--nbval-lax --nbval-current-env" in asked and "--dist loadscope" in asked


def test_faces_is_the_set_up_and_one_command(make):
    assert make("faces", "DATA=my faces").returncode == 0
    *installed, command = make.log().splitlines()
    assert command == "-m vae_keras faces --data my faces --out build"
    assert len([line for line in installed if "-m pip" in line]) == 1
    assert make("faces").returncode == 0
    assert make.log().splitlines()[-1] == "-m vae_keras faces --data cartoon --out build"


def test_fast_tests_leave_out_what_is_slow(make):
    """Each file that make names is there, and none of them needs the lessons."""
    assert make("test-fast").returncode == 0
    command = make.log().splitlines()[-1]
    files = [word for word in command.split() if word.endswith(".py")]
    assert len(files) > 10 and all((ROOT / name).exists() for name in files)
    assert "not slow" in command and "notebooks" not in command


def test_the_oldest_versions_are_those_of_the_requirements(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("needs make")
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    assert run("make", "build/oldest.txt", cwd=tmp_path, MAKEFLAGS="").returncode == 0
    oldest = requirements(tmp_path / "build" / "oldest.txt")
    assert names(oldest) == names(requirements("requirements.txt"))
    assert "keras==3.10.*" in oldest and all(re.fullmatch(r"[\w-]+==[\d.]+\.\*", line) for line in oldest)


def test_the_matrix_has_an_environment_for_each_kind_of_versions(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("needs make")
    said = run("make", "-n", "test-matrix", "TESTS=tests/test_hub.py", MAKEFLAGS="").stdout
    for name in ("oldest", "colab", "newest"):
        assert f".venv-{name}/bin/python -m pytest tests/test_hub.py -n" in said


def test_every_target_is_explained_at_the_top():
    text = (ROOT / "Makefile").read_text()
    (targets,) = re.findall(r"^\.PHONY: (.*)", text, re.MULTILINE)
    assert targets.split() == re.findall(r"^([\w-]+):", text, re.MULTILINE)
    explained = re.findall(r"^# make ([\w-]+) ", text.partition("\n\n")[0], re.MULTILINE)
    assert sorted(explained) == sorted(targets.split())


def test_a_python_without_venv_is_named_with_its_package(make):
    result = make("faces", venv=1)
    assert result.returncode and "apt-get install python3.12-venv (or python3-venv)" in result.stderr


def test_a_missing_python_is_named(make):
    result = make("faces", python="python3.99")
    assert result.returncode and "python3.99 is missing" in result.stderr and "python3-venv" in result.stderr


# The address of the repository.


def test_the_address_stands_in_one_place():
    files = [*MODULE, *(path for path in (ROOT / "notebooks" / "src").iterdir() if path.is_file())]
    found = [path.name for path in files if re.search(r"^REPOSITORY = ", path.read_text(), re.MULTILINE)]
    assert found == ["config.py"]


@pytest.mark.slow
def test_make_colab_rewrites_it_everywhere_and_executes_nothing(tmp_path):
    for folder in ("vae_keras", "notebooks"):
        unwanted = shutil.ignore_patterns("weights", "__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").write_text("# Course\n<!-- lessons -->\n<!-- /lessons -->\nend\n")
    address = [sys.executable, "notebooks/src/address.py"]
    for name in ("first/course", "second.one/faces"):
        assert run(*address, name, cwd=tmp_path).returncode == 0
    check = run(*address[:1], "notebooks/src/build.py", "--check", cwd=tmp_path)
    committed = run(*address[:1], "notebooks/src/build.py", "--check")
    assert check.returncode == committed.returncode, check.stderr
    assert f'REPOSITORY = "{name}"' in (tmp_path / "vae_keras" / "config.py").read_text()
    shown = (tmp_path / "README.md").read_text()
    assert f"{name}/blob/main/notebooks/01_explore_data.ipynb" in shown
    assert shown.endswith("<!-- /lessons -->\nend\n")
    stamped = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert stamped["project"].pop("urls") == {
        "Repository": "https://github.com/second.one/faces",
        "Issues": "https://github.com/second.one/faces/issues",
    }
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())
    ours["project"].pop("urls", None)
    assert stamped == ours
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".py", ".ipynb", ".md", ".toml")]
    assert not [path for path in files if "first/course" in path.read_text()]
    assert run(*address, "", cwd=tmp_path).returncode == 0
    assert "urls" not in tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]


def test_make_colab_refuses_what_is_no_address(tmp_path):
    result = run(sys.executable, str(ROOT / "notebooks" / "src" / "address.py"), "https://example.org/a/b")
    assert result.returncode and "make colab REPO=owner/name" in result.stderr


@pytest.mark.parametrize(
    "remote, name",
    [
        ("https://github.com/some.one/faces.git", "some.one/faces"),
        ("git@github.com:some-one/faces.git", "some-one/faces"),
        ("https://github.com/someone/faces", "someone/faces"),
        ("https://example.org/someone/faces.git", "?"),
        (None, "?"),
    ],
)
def test_make_colab_takes_the_address_of_origin(monkeypatch, tmp_path, remote, name):
    monkeypatch.syspath_prepend(ROOT / "notebooks" / "src")
    import address

    assert run("git", "init", "-q", cwd=tmp_path).returncode == 0
    if remote:
        assert run("git", "remote", "add", "origin", remote, cwd=tmp_path).returncode == 0
    monkeypatch.setattr(address, "ROOT", tmp_path)
    assert address.origin() == name


def test_scripts_are_executable_bash():
    for path in (Path(".ci/run"), Path("colab_setup.sh")):
        assert (ROOT / path).read_text().startswith("#!/usr/bin/env bash")
        assert run("bash", "-n", str(path)).returncode == 0
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_readme_shows_the_lessons_and_the_cards(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "notebooks" / "src")
    import figures

    text = (ROOT / "README.md").read_text()
    assert figures.with_tables(text) == text, "run: make figures"
    assert all(f"| `{name}` |" in text for name in ("celeba", "lfw", "anime", "cartoon"))
    assert "| Why does the encoder answer with a distribution? |" in text


def test_the_readme_is_a_front_door():
    text = (ROOT / "README.md").read_text()
    shown = re.sub(r"\]\([^)]*\)|<!--.*?-->", " ", text, flags=re.DOTALL)
    assert len(re.findall(r"\S*\w\S*", shown)) <= 900, "code and tables count, addresses do not"
    assert len(re.findall("^    python -m vae_keras (?!faces)", text, re.MULTILINE)) <= 5
    assert text.index("docs/strip.jpg") < text.index("## The lessons") < text.index("## Two commands") < 6_000


def test_no_page_says_a_phrase_of_the_list():
    lines = (ROOT / "tests" / "phrases.txt").read_text().splitlines()
    pages = [ROOT / "README.md", ROOT / "TEACHING.md"]
    pages += [*(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    texts = {path.name: path.read_text() for path in pages}
    texts["the page of the commands"] = commands.page()
    for name, text in texts.items():
        words = " ".join(text.split())
        for phrase in lines[1:]:
            found = re.search(rf"\b{re.escape(phrase)}\b", words, re.IGNORECASE)
            assert not found, f"{name} says {phrase!r}: …{words[max(0, found.start() - 80) : found.end()]}"


def test_every_link_of_the_pages_leads_somewhere():
    for page in ("README.md", "CONTRIBUTING.md", "TEACHING.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text()
        links = re.findall(r"\]\((?!http|#)([^)#]+)", text) + re.findall('src="([^"]+)"', text)
        for link in links:
            assert (ROOT / link).exists(), f"{page} links {link}"


def test_the_ten_changes_name_what_is_there():
    """Every file and function of the table in CONTRIBUTING exists."""
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## Ten changes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!change|---)[^|]+\| (.*) \|$", text, re.MULTILINE)
    assert len(rows) == 10
    for row in rows:
        words = re.findall("`([^`]+)`", row)
        files = [word for word in words if word.endswith((".py", "/"))]
        code = "".join((ROOT / "vae_keras" / name).read_text() for name in files if name.endswith(".py"))
        assert all((ROOT / "vae_keras" / name).exists() for name in files), row
        definitions = [word for word in words if re.fullmatch(r"[a-zA-Z_]+", word)]
        for word in definitions:
            assert files and re.search(rf"\b{word}\b", code), f"{word} is not in {files}"
    fit = (ROOT / "vae_keras" / "training.py").read_text()
    assert "save_freq=" in fit and "learning_rate=" in fit
