"""Archives: what is read and what is refused, where data sets are looked for, and the download from Kaggle."""

import http.server
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from made_pictures import lfw, picture, write

from conftest import ROOT
from vae_keras.data import get_dataset
from vae_keras.data.archives import Files, locate


@pytest.mark.parametrize(
    "name", ["../out.jpg", "/etc/out.jpg", "a/../../out.jpg", "C:/out.jpg", "..\\out.jpg"]
)
def test_an_entry_that_climbs_out_is_refused(name, tmp_path):
    path = write(tmp_path / "evil.zip", {"a.jpg": picture(0), name: b"x"})
    with pytest.raises(ValueError, match="climbs out of its folder"):
        Files(path)


def test_files_of_a_folder_and_of_a_zip(tmp_path):
    content = {"a/b.JPG": picture(0), "b.txt": "text", "deep/er/b.txt": "deeper"}
    hidden = {".x.jpg": "", "__MACOSX/a/._b.jpg": "", "a/.git/c": ""}
    for name in ("files", "files.zip"):
        files = Files(write(tmp_path / name, content | hidden))
        assert files.names == sorted(content) and files.picture_names() == ["a/b.JPG"]
        assert files.read("b.txt") == b"text" and files.find("c.txt", "b.txt") == "b.txt"
        assert files.find("er") is None
        assert files.pictures(str) == {"a/b.JPG": "a/b.JPG"}
        with pytest.raises(FileNotFoundError, match="holds no faces: check the path"):
            files.pictures(lambda name: None, "faces")


@pytest.mark.parametrize("name", ["files", "files.zip"])
def test_the_stamp_changes_with_the_files(name, tmp_path):
    stamp = Files(write(tmp_path / name, {"a.txt": "one"})).stamp
    assert Files(tmp_path / name).stamp == stamp
    assert Files(write(tmp_path / name, {"a.txt": "another"})).stamp != stamp


def test_a_damaged_entry_is_named(tmp_path):
    path = write(tmp_path / "x.zip", {"a.txt": "some text" * 9})
    path.write_bytes(path.read_bytes().replace(b"some text", b"same text", 1))
    with pytest.raises(OSError, match="a.txt in .*x.zip cannot be read .*: get a new copy"):
        Files(path).read("a.txt")


def test_where_data_sets_are_looked_for(tmp_path, monkeypatch):
    """First in VAE_KERAS_DATA, then in data/ of the working directory; there the zip comes before the folder."""
    named, working = tmp_path / "named", tmp_path / "working"
    monkeypatch.chdir(write(working, {"notes.txt": ""}))
    monkeypatch.setenv("VAE_KERAS_DATA", str(write(named, {"notes.txt": ""})))
    lfw(working / "data" / "lfw")
    assert locate("lfw", "owner/lfw-dataset") == working / "data" / "lfw"
    assert len(get_dataset("lfw").table()) == 120
    lfw(named / "other")
    assert locate("lfw", "owner/lfw-dataset", ["other"]) == named / "other"
    lfw(named / "lfw-dataset")
    assert locate("lfw", "owner/lfw-dataset", ["other"]) == named / "lfw-dataset"
    lfw(named / "lfw-dataset.zip")
    assert locate("lfw", "owner/lfw-dataset", ["other"]) == named / "lfw-dataset.zip"
    monkeypatch.delenv("VAE_KERAS_DATA")
    assert locate("lfw", "owner/lfw-dataset") == working / "data" / "lfw"


def test_without_kagglehub_the_way_by_hand_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAE_KERAS_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(FileNotFoundError, match="without the package kagglehub.*lfw-dataset.zip into .*data"):
        get_dataset("lfw")


# The download, through kagglehub's own client against a server of ours.


class Kaggle(http.server.BaseHTTPRequestHandler):
    status, content, calls = 200, b"", []
    login = False  # whether a login page answers every question
    silent_after = {}  # bytes of the answer to a call, after which nothing comes any more
    released = threading.Event()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Kaggle.calls.append(self.path.rsplit("/", 1)[1])
        content = Kaggle.content
        if self.path.endswith("GetDataset") and not Kaggle.login:
            content = json.dumps({"currentVersionNumber": 3}).encode()
        self.send_response(Kaggle.status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        sent = Kaggle.silent_after.get(Kaggle.calls[-1], len(content))
        self.wfile.write(content[:sent])
        if sent < len(content):
            Kaggle.released.wait(60)

    def log_message(self, *_):
        pass


@pytest.fixture
def kaggle():
    Kaggle.status, Kaggle.calls, Kaggle.login, Kaggle.silent_after = 200, [], False, {}
    Kaggle.released.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kaggle)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    Kaggle.released.set()
    server.shutdown()
    server.server_close()


PROGRAM = """
import sys
from kagglesdk import kaggle_env
kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.LOCAL] = sys.argv[1]
from vae_keras.data import archives, get_dataset
archives.LONGEST_SILENCE = 2
for step in sys.argv[2:]:
    try:
        dataset = get_dataset("lfw")
        print(len(dataset.table()), dataset.location)
    except FileNotFoundError as error:
        print(error)
"""


def download(server, tmp_path, times=1):
    """What `get_dataset("lfw")` says in a process of its own, with nothing but the server to get it from."""
    address = f"http://127.0.0.1:{server.server_address[1]}"
    (tmp_path / "data").mkdir(exist_ok=True)
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith("KAGGLE") and "proxy" not in k.lower()
    }
    environment.update(KAGGLE_API_ENVIRONMENT="LOCALHOST", KAGGLEHUB_CACHE=str(tmp_path / "cache"))
    environment.update(
        VAE_KERAS_DATA=str(tmp_path / "data"), HOME=str(tmp_path), KAGGLE_CONFIG_DIR=str(tmp_path)
    )
    command = [sys.executable, "-c", PROGRAM, address, *["get"] * times]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return [line for line in result.stdout.splitlines() if line]


def small_lfw():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for i in range(6):
            archive.writestr(f"lfw-deepfunneled/lfw-deepfunneled/P_{i}/P_{i}_0001.jpg", picture(i))
    return content.getvalue()


@pytest.mark.slow
def test_download(kaggle, tmp_path):
    Kaggle.content = small_lfw()
    said, *lines = download(kaggle, tmp_path, times=2)
    assert said.startswith("Downloading about 120 MB from https://www.kaggle.com/datasets/jessicali9530/lfw")
    assert "to ~/cache/datasets/jessicali9530/lfw-dataset. LFW: news photographs of people who" in said
    assert [line.split()[0] for line in lines] == ["6", "6"]  # the second time nothing is announced
    assert Path(lines[0].split()[1]).is_relative_to(tmp_path / "cache")
    assert Kaggle.calls == ["GetDataset", "DownloadDataset"]  # the second time it is there
    kaggle.shutdown()
    kaggle.server_close()
    assert download(kaggle, tmp_path)[0].startswith("6 ")  # without any network


@pytest.mark.slow
def test_download_of_a_web_page_does_not_stay(kaggle, tmp_path):
    Kaggle.content = b"<html>please log in</html>"
    _, message = download(kaggle, tmp_path)
    assert (
        "what came is no archive, perhaps the login page" in message
        and "lfw-dataset.zip" in message
        and str(tmp_path / "data") in message
    )
    assert not list((tmp_path / "cache").rglob("*.archive"))
    Kaggle.content = small_lfw()
    assert download(kaggle, tmp_path)[1].startswith("6 ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "status, why", [(403, "refused"), (404, "not there"), (429, "too many"), (500, "cannot answer")]
)
def test_download_that_is_refused(status, why, kaggle, tmp_path):
    Kaggle.status, Kaggle.content = status, b"{}"
    _, message = download(kaggle, tmp_path)
    assert why in message and f"HTTP {status}" in message and "https://www.kaggle.com/datasets/" in message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "sent"), [("GetDataset", 0), ("DownloadDataset", 0), ("DownloadDataset", 1000)]
)
def test_a_download_that_stalls_is_ended(call, sent, kaggle, tmp_path):
    Kaggle.content, Kaggle.silent_after = small_lfw(), {call: sent}
    _, message = download(kaggle, tmp_path)
    assert "nothing came for 2 seconds" in message and "lfw-dataset.zip" in message
    Kaggle.silent_after = {}
    assert download(kaggle, tmp_path)[-1].startswith("6 ")


@pytest.mark.slow
def test_a_login_page_is_said(kaggle, tmp_path):
    Kaggle.content, Kaggle.login = b"<html>please log in</html>", True
    _, message = download(kaggle, tmp_path)
    assert "perhaps the login page of this network came instead; open any page in a browser" in message
