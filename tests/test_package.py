"""The wheel: what is in it, what it says of itself, and that it works where nothing else of the course is."""

import email
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT

pytestmark = pytest.mark.slow

# What only lessons, downloads and tests need: an installed module has to generate faces without it.
BLOCKED = "IPython jupyterlab ipykernel nbclient nbformat jupytext matplotlib seaborn kagglehub mtcnn pytest".split()
PYTHON = Path("Scripts" if os.name == "nt" else "bin") / "python"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel of a copy of the working tree, without any download."""
    source = tmp_path_factory.mktemp("source") / "course"
    unwanted = shutil.ignore_patterns(".*", "build", "runs", "__pycache__", "*.egg-info", "*.ipynb")
    shutil.copytree(ROOT, source, ignore=unwanted)
    folder = source.parent / "wheels"
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, source)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def content(wheel):
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An empty environment with the wheel alone; it sees the packages of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    options = ["--python", folder / PYTHON, "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", *options, "install", "--no-deps", "--no-index", "--quiet", wheel)
    (packages,) = [*folder.glob("lib/python*/site-packages"), *folder.glob("Lib/site-packages")]
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder, packages


@pytest.fixture
def environment(tmp_path):
    """The variables of somebody who has set nothing, with a home of their own and without the packages of lessons."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in BLOCKED:
        (blocked / f"{name}.py").write_text(f"raise ImportError('{name} is not installed here')\n")
    unwanted = ("VAE_KERAS_", "XDG_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return kept | {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PYTHONPATH": str(blocked)}


def files_in(folder):
    """Return the files below a folder with their times, compiled ones left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path: path.stat().st_mtime_ns for path in files}


def test_the_wheel_holds_the_module_and_its_weights(content):
    code = {f"vae_keras/{path.relative_to(ROOT / 'vae_keras').as_posix()}" for path in sources("*.py")}
    weights = ROOT / "vae_keras" / "hub" / "weights"
    data = {path.relative_to(ROOT).as_posix() for path in weights.rglob("*") if path.is_file()}
    assert len(code) > 40 and len(data) > 20
    found = {name for name in content if ".dist-info/" not in name}
    assert found == code | data


def sources(pattern):
    return (path for path in (ROOT / "vae_keras").rglob(pattern) if "__pycache__" not in path.parts)


def test_the_licence_of_the_weights_lies_beside_them(content, wheel):
    assert "vae_keras/hub/weights/LICENSE.md" in content
    (copy,) = (
        name for name in content if name.endswith(".dist-info/licenses/vae_keras/hub/weights/LICENSE.md")
    )
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(copy).decode()
    folders = {Path(name).parts[3] for name in content if name.startswith("vae_keras/hub/weights/")}
    for folder in folders - {"LICENSE.md"}:
        assert f"`{folder}`" in text, f"LICENSE.md does not name {folder}"


def test_the_metadata_says_what_it_is(metadata):
    assert metadata["Name"] == "vae-keras" and metadata["Author"] == "the contributors"
    assert metadata["License-Expression"] == "Apache-2.0 AND LicenseRef-Non-Commercial-Weights"
    assert set(metadata.get_all("License-File")) == {"LICENSE", "vae_keras/hub/weights/LICENSE.md"}
    assert "non-commercial" in metadata["Summary"] and "CelebA" in metadata["Summary"]
    assert set(metadata.get_all("Provides-Extra")) == {
        "lessons",
        "kaggle",
        "photo",
        "compress",
        "parquet",
        "jax",
        "dev",
    }
    required = metadata.get_all("Requires-Dist")
    core = [line for line in required if "extra ==" not in line]
    assert any(line.startswith("tensorflow") for line in core)
    assert not [line for line in core if line.startswith(("jupyter", "seaborn", "matplotlib", "ipython"))]
    assert any(line.startswith("seaborn") and "lessons" in line for line in required)


def test_the_command_is_an_entry_point(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "vae-keras = vae_keras.cli:main" in archive.read(name).decode()


def test_it_generates_faces_from_another_folder(installed, environment, tmp_path):
    """Without Jupyter, seaborn and matplotlib, and nothing is written to where the module is installed."""
    folder, packages = installed
    before = files_in(packages)
    command = folder / PYTHON.parent / "vae-keras"
    words = "generate --model cartoon --count 2 --out x.png".split()
    run(command, *words, cwd=tmp_path, env=environment)
    with Image.open(tmp_path / "x.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape[0] >= 64 and pixels.shape[1] >= 128 and pixels.std() > 20
    assert files_in(packages) == before


def test_whatever_it_keeps_is_outside_of_the_packages(installed, environment, tmp_path):
    """Runs and archives in the folder where one works, the cache in that of the user."""
    folder, packages = installed
    before = files_in(packages)
    program = (
        "import vae_keras\n"
        "from vae_keras import config, data\n"
        "print(vae_keras.__file__)\n"
        "print(config.settings(dataset='cartoon').model_folder)\n"
        "data.load_faces('cartoon', 16, pictures=20, progress=False)\n"
    )
    output = run(folder / PYTHON, "-c", program, cwd=tmp_path, env=environment)
    module, runs = output.splitlines()[:2]
    assert Path(module).is_relative_to(packages)
    assert Path(runs).is_relative_to(tmp_path / "runs")
    assert files_in(packages) == before
