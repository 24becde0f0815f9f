"""Settings of every test, of the notebooks' kernels too: quick profile, drawn faces, nothing of the user's touched."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = (
    ROOT.parent / "shared" / "data"
)  # archives of real faces, where somebody put them beside the checkout

# Set before anything is imported: workers of pytest-xdist and the kernels of nbval inherit it from the first process.
FIRST = "VAE_KERAS_TESTS" not in os.environ
if FIRST:
    os.environ["VAE_KERAS_TESTS"] = tempfile.mkdtemp(prefix="vae-keras-tests-")
    for name in ("CACHE", "RUNS"):
        os.environ[f"VAE_KERAS_{name}"] = str(Path(os.environ["VAE_KERAS_TESTS"]) / name.lower())
    os.environ.update(VAE_KERAS_PROFILE="quick", VAE_KERAS_DATASET="cartoon", TQDM_DISABLE="1")
    os.environ["VAE_KERAS_STATIC"] = "1"  # pictures in the place of widgets
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="2", MPLBACKEND="agg")
    if SHARED.is_dir():
        os.environ.setdefault("VAE_KERAS_DATA", str(SHARED))
if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # two workers on two cores: more threads would only wait for each other
    for name in (
        "OMP_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OPENBLAS_NUM_THREADS",
    ):
        os.environ.setdefault(name, "1")


class SkipStandardError:
    """Lets nbval compare what cells print, not what libraries log. A plugin, for notebooks/ lies outside of tests/."""

    def pytest_collectstart(self, collector):
        if hasattr(collector, "skip_compare"):
            collector.skip_compare += ("stderr",)


def pytest_configure(config):
    config.pluginmanager.register(SkipStandardError())


def pytest_unconfigure(config):
    if FIRST:
        shutil.rmtree(os.environ["VAE_KERAS_TESTS"], ignore_errors=True)


@pytest.fixture(scope="session")
def real_archive():
    """Return a function that finds an archive of real faces by its name, and skips the test where there is none."""

    def find(name):
        path = Path(os.environ.get("VAE_KERAS_DATA", "data")) / name
        if not path.exists():
            pytest.skip(f"needs {name} in VAE_KERAS_DATA")
        return path

    return find
