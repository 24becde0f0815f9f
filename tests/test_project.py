"""The house rules: what stands where, how large it is, who imports whom, what make does, the address in one place."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

MODULE = sorted((ROOT / "vae_keras").glob("*.py"))
ORDER = """
    config storage easel portrait cartoon archives sources images preparation data model training sharpen latent
    diffusion marginals distances metrics judge assessment pretrained plots commands cli
""".split()  # the rooms, a lesson's own after those it builds on


def lines(text):
    return sum(1 for line in text.splitlines() if line.strip())


def run(*command, cwd=ROOT, **environment):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment})


# Sizes and arrows.


@pytest.mark.parametrize("path", MODULE, ids=lambda path: path.name)
def test_files_and_functions_are_small(path):
    text = path.read_text()
    assert lines(text) <= 250, f"{path.name} has {lines(text)} lines, more than 250"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            count = lines(ast.get_source_segment(text, node))
            assert count <= 40, f"{path.name}: {node.name} has {count} lines, more than 40"


def test_the_build_is_small():
    assert lines((ROOT / "notebooks" / "src" / "build.py").read_text()) <= 150


def top_level_imports(path):
    """Return the rooms of vae_keras that a file imports when it is loaded."""
    rooms = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module == "vae_keras":
            rooms |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vae_keras."):
            rooms.add(node.module.split(".")[1])
    return rooms & set(ORDER)


def test_every_room_has_its_place():
    assert {path.stem for path in MODULE} - {"__init__", "__main__"} == set(ORDER)


@pytest.mark.parametrize("room", ORDER)
def test_doors_lead_downwards_only(room):
    imported = top_level_imports(ROOT / "vae_keras" / f"{room}.py")
    upwards = {other for other in imported if ORDER.index(other) >= ORDER.index(room)}
    assert not upwards, f"{room} imports {upwards}, which comes after it"
    if room == "plots":
        assert not imported, "plots sees arrays and tables, and imports nothing of ours"


def test_import_is_cheap():
    heavy = "tensorflow keras sklearn skimage matplotlib cv2 pandas".split()
    program = f"import sys, vae_keras; print([name for name in {heavy} if name in sys.modules])"
    assert run(sys.executable, "-c", program).stdout == "[]\n"


def test_lint_and_format():
    folders = ["vae_keras", "tests", "notebooks/src", "benchmarks"]
    places = [folder for folder in folders if (ROOT / folder).exists()]
    for words in (["check"], ["format", "--check"]):
        result = run(sys.executable, "-m", "ruff", *words, "--no-cache", *places)
        assert result.returncode == 0, f"run: make format\n{result.stdout[-3000:]}"


# Requirements and workflow.


def requirements(name):
    found = (ROOT / name).read_text().splitlines()
    return [re.split("[=<>~]", line)[0] for line in found if line and not line.startswith(("#", "-r"))]


def test_requirements():
    course = requirements("requirements.txt")
    assert [name for name in course if "opencv" in name] == ["opencv-python-headless"]
    assert "tensorflow" in course and "tensorflow-cpu" not in course
    assert "==" not in (ROOT / "requirements.txt").read_text()
    colab = requirements("requirements-colab.txt")
    assert "tensorflow-cpu" in colab and "tensorflow" not in colab  # the two own the same folder
    assert set(requirements("requirements-dev.txt")) <= set(colab)


def test_what_the_module_imports_is_required():
    packages = {
        "sklearn": "scikit-learn",
        "skimage": "scikit-image",
        "cv2": "opencv-python-headless",
        "PIL": "pillow",
        "IPython": "ipython",
    }
    imported = set()
    for path in [*MODULE, *(ROOT / "notebooks" / "src").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    ours = {"vae_keras", *(path.stem for path in (ROOT / "notebooks" / "src").glob("*.py"))}
    foreign = {packages.get(name, name) for name in imported - set(sys.stdlib_module_names) - ours}
    assert foreign <= set(requirements("requirements.txt")), "put it into requirements.txt"


def test_workflow_is_valid_and_runs_make_test():
    workflow = ROOT / ".github" / "workflows" / "test.yml"
    schema = ["--builtin-schema", "vendor.github-workflows"]
    result = run(sys.executable, "-m", "check_jsonschema", *schema, str(workflow))
    assert result.returncode == 0, result.stdout + result.stderr
    text = workflow.read_text()
    assert "make test" in text and '"3.11"' in text and '"3.13"' in text
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


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


def test_faces_executes_every_lesson_and_draws(make):
    assert make("faces", "DATA=lfw").returncode == 0
    asked = make.log()
    assert "build.py --force --html --profile cpu --data lfw --out build" in asked
    assert "faces.py --profile cpu --data lfw --out build/faces.png" in asked


def test_a_python_without_venv_is_named_with_its_package(make):
    result = make("faces", venv=1)
    assert result.returncode and "apt-get install python3.12-venv (or python3-venv)" in result.stderr


def test_a_missing_python_is_named(make):
    result = make("faces", python="python3.99")
    assert result.returncode and "python3.99 is missing" in result.stderr and "python3-venv" in result.stderr


# The address of the repository.


def test_the_address_stands_in_one_place():
    texts = {
        path: path.read_text()
        for path in [*MODULE, *(ROOT / "notebooks" / "src").iterdir()]
        if path.is_file()
    }
    assert [
        path.name for path, text in texts.items() if re.search(r"^REPOSITORY = ", text, re.MULTILINE)
    ] == ["config.py"]


def test_make_colab_rewrites_it_everywhere_and_executes_nothing(tmp_path):
    for folder in ("vae_keras", "notebooks"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("weights", "__pycache__")
        )
    (tmp_path / "README.md").write_text("# Course\n<!-- colab -->\n<!-- /colab -->\nend\n")
    address = [sys.executable, "notebooks/src/address.py"]
    for name in ("first/course", "second.one/faces"):
        assert run(*address, name, cwd=tmp_path).returncode == 0
    check = run(*address[:1], "notebooks/src/build.py", "--check", cwd=tmp_path)
    committed = run(*address[:1], "notebooks/src/build.py", "--check")
    assert check.returncode == committed.returncode, check.stderr
    assert f'REPOSITORY = "{name}"' in (tmp_path / "vae_keras" / "config.py").read_text()
    shown = (tmp_path / "README.md").read_text()
    assert f"{name}/blob/main/notebooks/01_explore_data.ipynb" in shown and shown.endswith(
        "<!-- /colab -->\nend\n"
    )
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".py", ".ipynb", ".md")]
    assert not [path for path in files if "first/course" in path.read_text()]


def test_make_colab_refuses_what_is_no_address(tmp_path):
    result = run(sys.executable, str(ROOT / "notebooks" / "src" / "address.py"), "https://example.org/a/b")
    assert result.returncode and "make colab REPO=owner/name" in result.stderr


def test_scripts_are_executable_bash():
    for path in (Path(".ci/run"), Path("colab_setup.sh")):
        assert (ROOT / path).read_text().startswith("#!/usr/bin/env bash")
        assert run("bash", "-n", str(path)).returncode == 0
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_readme_shows_the_cards(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "notebooks" / "src")
    import figures

    text = (ROOT / "README.md").read_text()
    assert figures.with_figures(text) == text, "run: make figures"
    lesson = (ROOT / "notebooks" / "src" / "03_train_vae.py").read_text()
    assert "\n# | this course | " in lesson and "\n# | this course, sharpened | " in lesson
    assert figures.with_speed(lesson) == lesson, "run: make figures"
    judge = json.loads((ROOT / "vae_keras" / "weights" / "judge" / "judge.json").read_text())["figures"]
    assert f"right in {judge['accuracy']:.0%}" in text.replace(" %", "%")
    assert f"right in {judge['majority']:.0%}" in text.replace(" %", "%")
    assert all(f"| `{name}` |" in text for name in ("celeba", "lfw", "anime", "cartoon"))


def test_distances_that_were_not_measured_are_asked_for(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "notebooks" / "src")
    import figures

    table = (
        "| set | outside | kernel |\n|---|---|---|\n| real training pictures | – | 0.1 |\n\n| other | 1 |\n"
    )
    monkeypatch.setattr(figures, "section", lambda title: table)
    assert figures.cells("any", "set") == {"real training pictures": {"outside": "–", "kernel": "0.1"}}
    with pytest.raises(ValueError, match="make quality MODEL=celeba OUTSIDE="):
        figures.outside()
