"""Plays Google Colab: an empty folder, a stub `google.colab`, and the course cloned by a lesson's own first cell."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import urllib.parse

import nbclient
import pytest

import build
import frame
from conftest import ROOT

NAMES = [text.stem for text in frame.lessons()]
WHOLE = "04_generate_faces"  # executed from its first cell to its last
BRANCH = "somebody/tries"
PACKAGES = (
    "import importlib.metadata as m; print(sorted((p.name, p.version) for p in m.distributions() if p.name))"
)


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A repository with what the working tree holds, as GitHub would."""
    folder = tmp_path_factory.mktemp("origin") / "vae-faces"
    at_the_top = shutil.ignore_patterns(".git", ".venv*", "build", "runs", "data")
    anywhere = shutil.ignore_patterns("__pycache__", ".*_cache", ".ipynb_checkpoints")

    def unwanted(path, names):
        return anywhere(path, names) | (at_the_top(path, names) if path == str(ROOT) else set())

    shutil.copytree(ROOT, folder, ignore=unwanted)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-C", str(folder)]
    for words in ("init -q", "add -A", "commit -q -m test", f"branch {BRANCH}"):
        subprocess.run([*git, *words.split()], check=True)
    return folder


@pytest.fixture
def runtime(origin, tmp_path):
    """Return a function that executes the first `cells` cells of a lesson in a fresh runtime, or up to a picture."""
    content = tmp_path / "content"
    content.mkdir()
    (tmp_path / "stub" / "google" / "colab").mkdir(
        parents=True
    )  # no google/__init__.py: protobuf lives there too
    (tmp_path / "stub" / "google" / "colab" / "__init__.py").write_text("")

    def execute(name, cells=None, until_picture=False, **settings):
        # A kernel that knows of pytest does not show what its child processes print.
        unwanted = ("VAE_KERAS_", "PYTEST_")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
        places = dict(VAE_KERAS_RUNS=str(tmp_path / "runs"), VAE_KERAS_CACHE=str(tmp_path / "cache"))
        colab = dict(COLAB_RELEASE_TAG="release-stub", PYTHONPATH=str(tmp_path / "stub"))
        environment = {**inherited, **places, **colab, "VAE_KERAS_CLONE_URL": str(origin), **settings}
        notebook = frame.render(frame.SOURCE / f"{name}.py")
        notebook.cells = build.code_cells(notebook)[:cells]
        client = nbclient.NotebookClient(
            notebook, timeout=600, resources={"metadata": {"path": str(content)}}
        )
        with client.setup_kernel(env=environment):
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number)
                if until_picture and "image/" in str([[*o.get("data", {})] for o in cell.outputs]):
                    break
        return notebook.cells

    execute.content, execute.cache = content, tmp_path / "cache"
    return execute


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


def packages():
    return subprocess.run([sys.executable, "-c", PACKAGES], capture_output=True, text=True, check=True).stdout


def test_a_whole_lesson_from_an_empty_folder(runtime):
    before = packages()
    cells = runtime(WHOLE, VAE_KERAS_PROFILE="quick", VAE_KERAS_DATASET="cartoon")
    assert (runtime.content / "vae-keras" / "vae_keras" / "config.py").exists()
    assert packages() == before, "the set-up changed the installed packages"
    assert "keras" in printed(cells[0]) and "installing" not in printed(cells[0])
    assert all(cell.execution_count for cell in cells)


@pytest.mark.parametrize("name", [name for name in NAMES if name != WHOLE])
def test_the_first_cells_of_the_other_lessons(runtime, name):
    cells = runtime(name, cells=3, VAE_KERAS_PROFILE="quick", VAE_KERAS_DATASET="cartoon")
    assert "cartoon" in printed(cells[1])
    again = runtime(
        name, cells=1
    )  # the runtime restarted: the clone is there, nothing is fetched or set up again
    assert printed(again[0]) == ""


@pytest.mark.parametrize("name", ["00_first_faces", "04_generate_faces"])
def test_lessons_on_a_trained_model_show_a_face_soon_and_download_nothing_before(runtime, name):
    start = time.monotonic()
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    cells = runtime(
        name, until_picture=True, VAE_KERAS_PROFILE="gpu", VAE_KERAS_DATA=str(runtime.content), **nowhere
    )
    assert "celeba" in printed(cells[1]), "the default in Colab is CelebA"
    assert (
        time.monotonic() - start < 120
    )  # a minute, and as much again for the other worker on the same cores
    assert not any(runtime.cache.rglob("*")), "pictures were prepared before they were needed"


@pytest.fixture
def session_list():
    """Return a function that serves a list of sessions as Colab does, and returns the variables that say where."""
    servers = []

    def serve(*paths):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/api/sessions" else 404)
                self.end_headers()
                self.wfile.write(
                    json.dumps([{"name": "lesson.ipynb", "path": path} for path in paths]).encode()
                )

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return {"COLAB_JUPYTER_IP": "127.0.0.1", "KMP_TARGET_PORT": str(server.server_address[1])}

    yield serve
    for server in servers:
        server.shutdown()


def test_a_notebook_opened_from_github_finds_its_repository_and_branch(runtime, origin, session_list):
    opened = f"https://github.com/somebody/faces/blob/{BRANCH}/notebooks/{NAMES[0]}.ipynb"
    # Git goes to the folder in the place of GitHub.
    here = dict(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0=f"url.file://{origin}.insteadOf")
    here["GIT_CONFIG_VALUE_0"] = "https://github.com/somebody/faces"
    listed = session_list(
        "fileId=1a2b3c", f"fileId={urllib.parse.quote(opened, safe='')}"
    )  # another one is open, too
    runtime(NAMES[0], cells=1, VAE_KERAS_CLONE_URL="", **listed, **here)
    command = ["git", "-C", str(runtime.content / "vae-keras"), "branch", "--show-current"]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == BRANCH


def test_a_stamped_notebook_takes_its_own_address(runtime, origin, monkeypatch):
    def stamped(text):
        notebook = render(text)
        first = build.code_cells(notebook)[0]
        first.source = first.source.replace('ADDRESS = ""', f'ADDRESS = "{origin}"')
        return notebook

    render = frame.render
    monkeypatch.setattr(frame, "render", stamped)
    runtime(NAMES[0], cells=1, VAE_KERAS_CLONE_URL="")
    assert (runtime.content / "vae-keras" / "vae_keras" / "config.py").exists()


@pytest.mark.parametrize("paths", [None, ["fileId=1a2b3c"], [""], []])
def test_an_address_that_nobody_knows_is_asked_for_in_a_sentence(runtime, session_list, paths):
    listed = {} if paths is None else session_list(*paths)
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="Write the address of your copy"):
        runtime(NAMES[0], cells=1, VAE_KERAS_CLONE_URL="", **listed)


def test_setup_twice_installs_nothing_and_prints_versions():
    before = packages()
    for _ in range(2):
        command = ["bash", str(ROOT / "colab_setup.sh"), sys.executable]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert (
            f"Python {sys.version.split()[0]}" in output and "keras" in output and "installing" not in output
        )
        assert "GPU" in output or shutil.which("nvidia-smi")
    assert packages() == before


def test_the_default_of_the_gpu_profile(real_archive, tmp_path):
    """CelebA, mixed_float16 and XLA, one epoch on few pictures: what a T4 runs, compiled for this processor."""
    program = """
        import numpy as np
        from vae_keras import data, model, settings, training

        compile_eagerly = model.VAE.compile
        model.VAE.compile = lambda self, *arguments, **options: compile_eagerly(
            self, *arguments, **{**options, "jit_compile": True}
        )
        config = settings(profile="gpu", precision="mixed_float16", epochs=1, pictures=128)
        assert config.dataset == "celeba", config
        faces = data.load_faces(config.dataset, config.image_size, config.pictures, progress=False)
        vae = training.build_vae(config)
        options = dict(epochs=1, batch_size=config.batch_size, augment=data.augment)
        history = training.fit(vae, faces.train, faces.validation, **options)
        assert vae.jit_compile and np.isfinite(history.to_numpy()).all(), history
        print("trained on", len(faces.train))
    """
    settings = dict(
        COLAB_RELEASE_TAG="release-stub",
        VAE_KERAS_RUNS=str(tmp_path),
        VAE_KERAS_DATA=str(real_archive("celeba-dataset.zip").parent),
    )
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key not in ("VAE_KERAS_DATASET", "VAE_KERAS_PROFILE")
    }
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**inherited, **settings}, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.stdout == "trained on 128\n", run.stderr[-2000:]
