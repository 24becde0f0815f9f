"""Where the pictures come from: layouts, tables, splits, bad archives, and the download through kagglehub's client."""

import http.server
import io
import json
import os
import subprocess
import sys
import threading
import unicodedata
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from conftest import ROOT
from vae_keras import cartoon, sources
from vae_keras.sources import MEASURED, get_source, split_by_hash


def picture(seed, height=24, width=20):
    """A small JPEG that differs from those of all other seeds."""
    corners = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", cv2.resize(corners, (width, height)))[1].tobytes()


def write(root, files):
    """Writes {name: bytes or text} as a folder, or as a zip when the name ends so; returns the path."""
    if root.suffix == ".zip":
        root.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(root, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return root
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


CELEBA = [f"{i:06d}.jpg" for i in range(1, 13)]
ROWS = [
    (name, i % 3, 1 if i % 2 else -1, -1 if i % 4 else 1) for i, name in enumerate([*CELEBA, "000099.jpg"])
]
KAGGLE_TABLES = {
    "list_eval_partition.csv": "image_id,partition\n" + "".join(f"{n},{p}\n" for n, p, _, _ in ROWS),
    "list_attr_celeba.csv": "image_id,Male,Smiling\n" + "".join(f"{n},{a},{b}\n" for n, _, a, b in ROWS),
}
OFFICIAL_TABLES = {
    "list_eval_partition.txt": "".join(f"{n} {p}\n" for n, p, _, _ in ROWS),
    "list_attr_celeba.txt": "13\nMale Smiling \n" + "".join(f"{n} {a:2d} {b:2d}\n" for n, _, a, b in ROWS),
}


def celeba(layout, root):
    pictures = {name: picture(i) for i, name in enumerate(CELEBA)}
    if layout.startswith("kaggle"):
        inside = {f"img_align_celeba/img_align_celeba/{name}": data for name, data in pictures.items()}
        return write(
            root / ("celeba-dataset.zip" if "zip" in layout else "celeba-dataset"), inside | KAGGLE_TABLES
        )
    inside = {f"img_align_celeba/{name}": data for name, data in pictures.items()}
    if layout == "official folder":
        return write(root, inside | OFFICIAL_TABLES)
    tables = dict(OFFICIAL_TABLES)
    if layout == "official tree":
        tables = {"Eval/list_eval_partition.txt": tables["list_eval_partition.txt"]}
        tables["Anno/list_attr_celeba.txt"] = OFFICIAL_TABLES["list_attr_celeba.txt"]
    write(root / ("Img" if layout == "official tree" else ".") / "img_align_celeba.zip", inside)
    return write(root, tables)


LAYOUTS = ["kaggle zip", "kaggle folder", "official zip", "official folder", "official tree"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_celeba_layouts(layout, tmp_path, monkeypatch):
    path = celeba(layout, tmp_path)
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    for source in (get_source("celeba"), get_source(path)):
        table = source.table()
        assert source.name == "celeba" and source.crop == 148 / 178
        assert list(table.index) == CELEBA and table.index.name == "name"  # not the row without a picture
        assert list(table["split"][:4]) == ["train", "validation", "test", "train"]
        assert list(table.columns) == ["split", "Male", "Smiling"] and table["Male"].dtype == np.int8
        assert list(table["Male"][:3]) == [0, 1, 0] and list(table["Smiling"][:3]) == [1, 0, 0]
        assert source.read("000003.jpg") == picture(2)


def test_official_archive_by_its_own_path(tmp_path):
    celeba("official zip", tmp_path)
    assert len(get_source(tmp_path / "img_align_celeba.zip").table()) == 12
    celeba("official tree", tmp_path / "tree")
    assert len(get_source(tmp_path / "tree" / "Img" / "img_align_celeba.zip").table()) == 12


def test_celeba_tables_that_do_not_fit(tmp_path):
    path = celeba("kaggle folder", tmp_path)
    (path / "list_eval_partition.csv").write_text("image_id,partition\n000001.jpg,0\n")
    with pytest.raises(ValueError, match=r"list_eval_partition.csv .*lacks 11 .*000002.jpg"):
        get_source(path).table()
    every = "image_id,partition\n" + "".join(f"{name},{{}}\n" for name in CELEBA)
    for text in (every.format(*[0, 1, 2, 3] * 3), every.replace(",{}", "").replace(",partition", "")):
        (path / "list_eval_partition.csv").write_text(text)
        with pytest.raises(ValueError, match=r"list_eval_partition.csv .*has others than 0, 1, 2: get"):
            get_source(path).table()
    (path / "list_eval_partition.csv").write_text("")
    with pytest.raises(ValueError, match=r"list_eval_partition.csv .*is no table"):
        get_source(path).table()
    (path / "list_eval_partition.csv").unlink()
    with pytest.raises(FileNotFoundError, match="list_eval_partition.csv .*put it beside"):
        get_source(path).table()
    only_tables = write(tmp_path / "tables", KAGGLE_TABLES)
    with pytest.raises(FileNotFoundError, match="no CelebA pictures"):
        get_source(only_tables)


def lfw(root):
    names = [f"Person_{p}/Person_{p}_{i:04d}.jpg" for p in range(60) for i in range(1, 3)]
    prefix = "lfw-deepfunneled/lfw-deepfunneled/"
    files = {prefix + name: picture(i) for i, name in enumerate(names)}
    return write(root, {"lfw_allnames.csv": "name,images\n", **files})


@pytest.mark.parametrize("form", ["lfw-dataset.zip", "lfw-deepfunneled"])
def test_lfw_is_split_by_person(form, tmp_path, monkeypatch):
    path = lfw(tmp_path / form)
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    assert get_source(path).name == "lfw"
    source = get_source("lfw")
    table = source.table()
    assert len(table) == 120 and source.attributes == MEASURED
    splits = table["split"].groupby([name.split("/")[0] for name in table.index]).nunique()
    assert (splits == 1).all() and set(table["split"]) == {"train", "validation", "test"}


TAGS = [f"{i},{'aqua' if i % 2 else 'pink'} hair {'red' if i % 3 else 'blue'} eyes\n" for i in range(20)]


def test_anime_tags(tmp_path):
    files = {f"images/{i}.jpg": picture(i) for i in range(20)}
    source = get_source(write(tmp_path / "anime-faces.zip", {**files, "tags.csv": "".join(TAGS)}))
    table = source.table()
    assert source.name == "anime" and set(source.attributes) == {
        "Aqua_Hair",
        "Pink_Hair",
        "Blue_Eyes",
        "Red_Eyes",
    }
    assert source.arithmetic[0].endswith("_Hair") and source.arithmetic[1] == "Red_Eyes"
    assert table.loc["3.jpg", ["Aqua_Hair", "Pink_Hair", "Blue_Eyes"]].tolist() == [1, 0, 1]
    assert len(table) == 20 and table["Aqua_Hair"].dtype == np.int8
    for text, wrong in {
        "900,aqua hair aqua eyes\n": "matches no",
        "3\n4\n": "matches no",
        "": "is no table",
    }.items():
        path = write(tmp_path / f"{len(text)}.zip", {**files, "tags.csv": text})
        with pytest.raises(ValueError, match=f"tags.csv .* {wrong}"):
            get_source(path)


def test_anime_doubles_are_dropped_and_tags_may_lack(tmp_path, monkeypatch):
    files = {f"data/{i}.png": picture(i) for i in range(10)} | {f"data/data/{i}.png": b"x" for i in range(10)}
    write(tmp_path / "anime-faces", files)
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    source = get_source("anime")
    assert len(source.table()) == 10 and source.read("3.png") == picture(3)
    assert source.attributes == MEASURED and set(source.arithmetic) <= set(MEASURED)


@pytest.mark.parametrize("form", ["mine", "mine.zip"])
def test_folder_and_zip(form, tmp_path):
    files = {f"{name}.jpg": picture(i) for i, name in enumerate(["a", "sub/b", "sub/é", "日本", "A b"])}
    junk = {".hidden.jpg": b"", "__MACOSX/._a.jpg": b"", "notes.txt": "no picture", ".git/c.jpg": b""}
    source = get_source(write(tmp_path / form, {**files, **junk}))
    assert sorted(source.table().index) == sorted(files) and source.crop is None
    assert (source.name, source.title) == ("mine", form) and source.attributes == MEASURED
    assert source.read("日本.jpg") == files["日本.jpg"]


def test_a_zip_of_a_folder_by_its_dot(tmp_path):
    files = {f"./faces/{i}.jpg": picture(i) for i in range(12)} | {"./.git/c.jpg": b""}
    assert len(get_source(write(tmp_path / "faces.zip", files)).table()) == 12


def test_attributes_of_a_folder(tmp_path):
    names = [f"{i:02d}.jpg" for i in range(20)]
    files = {f"faces/{name}": picture(i) for i, name in enumerate(names)}
    table = pd.DataFrame({"file": [*names[:-1], "missing.jpg"]})
    table["Happy"] = [i % 2 for i in range(20)]
    table["Old"] = [1 if i < 5 else -1 for i in range(20)]
    table["Glasses"] = ["True" if i < 6 else "false" for i in range(20)]
    table["Hair"] = ["dark red" if i < 9 else "grey" for i in range(20)]
    table["Remark"] = [f"remark {i}" for i in range(20)]
    files["attributes.csv"] = "\ufeff" + table.to_csv(index=False)
    source = get_source(write(tmp_path / "mine", files))
    labels = source.table().drop(columns="split")
    assert list(labels) == ["Happy", "Old", "Glasses", "Hair_dark_red", "Hair_grey"]
    assert labels.loc["faces/05.jpg"].tolist() == [1, 0, 1, 1, 0]
    assert not labels.loc["faces/19.jpg"].any()  # not in the table
    assert (labels.dtypes == np.int8).all()
    assert source.attributes == tuple(labels) and source.arithmetic == ("Happy", "Old")


def test_attributes_with_semicolons_and_other_unicode_forms(tmp_path):
    files = {unicodedata.normalize("NFD", f"é{i}.jpg"): picture(i) for i in range(12)}
    rows = "".join(f"{unicodedata.normalize('NFC', f'é{i}')};{i % 2}\n" for i in range(12))
    source = get_source(write(tmp_path / "mine.zip", {**files, "attributes.csv": "name;Happy\n" + rows}))
    assert source.table()["Happy"].sum() == 6 and source.attributes[0] == "Happy"
    assert source.arithmetic == ("Happy", "Bright_Background")


def test_labels_that_exclude_each_other_are_not_calculated_with(tmp_path):
    rows = "".join(f"{i}.jpg,{'woman' if i % 2 else 'man'}\n" for i in range(12))
    files = {f"{i}.jpg": picture(i) for i in range(12)}
    source = get_source(write(tmp_path / "mine.zip", {**files, "attributes.csv": "name,gender\n" + rows}))
    assert len(source.attributes) == 5 and source.arithmetic[1] == "Bright_Background"


def test_attributes_named_like_measured_ones_are_left_to_the_measurement(tmp_path):
    rows = "".join(f"{i}.jpg,{i % 2},{i % 3 == 0:d}\n" for i in range(12))
    files = {f"{i}.jpg": picture(i) for i in range(12)} | {"attributes.csv": "file,Bright,Happy\n" + rows}
    source = get_source(write(tmp_path / "mine", files))
    assert list(source.table()) == ["split", "Happy"]
    assert len(set(source.attributes)) == len(source.attributes) == 5


@pytest.mark.parametrize("table", ["name,Happy\nother.jpg,1\n", "name,Happy\n", "\xff\xfe", ""])
def test_attributes_that_do_not_fit(table, tmp_path):
    path = write(tmp_path / "mine", {"a.jpg": picture(0), "attributes.csv": table.encode("latin-1")})
    with pytest.raises(ValueError, match=f"attributes.csv of {path}") as error:
        get_source(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["../out.jpg", "/etc/out.jpg", "a/../../out.jpg", "C:/out.jpg", "..\\out.jpg"]
)
def test_an_entry_that_climbs_out_is_refused(name, tmp_path):
    path = write(tmp_path / "evil.zip", {"a.jpg": picture(0), name: b"x"})
    with pytest.raises(ValueError, match="climbs out of its folder"):
        get_source(path)


def test_what_is_no_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="'celebra'; did you mean celeba"):
        get_source("celebra")
    with pytest.raises(ValueError, match="there are cartoon, celeba, lfw, anime"):
        get_source("xyz")
    for name in ("no/such/folder", "faces.zip"):
        with pytest.raises(FileNotFoundError, match="There is no folder or zip"):
            get_source(name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty holds no pictures"):
        get_source(tmp_path / "empty")
    whole = write(tmp_path / "whole.zip", {f"{i}.jpg": picture(i) for i in range(5)}).read_bytes()
    for content in (whole[:-30], b"<html>", b""):
        with pytest.raises(ValueError, match="cut.zip is no whole zip archive"):
            get_source(write(tmp_path, {"cut.zip": content}) / "cut.zip")
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="VAE_KERAS_DATA names"):
        get_source("lfw")


def test_split_by_hash():
    names = [f"{i}.jpg" for i in range(3000)]
    split = dict(zip(names, split_by_hash(names)))
    shares = pd.Series(split).value_counts(normalize=True)
    assert abs(shares["train"] - 0.8) < 0.03 and abs(shares["test"] - 0.1) < 0.02
    assert split == dict(zip(names, split_by_hash([*names, "new.jpg"])))  # stable when files are added
    part = split_by_hash(names[:300], total=3000)
    assert part == [split[name] for name in names[:300]]


@pytest.mark.parametrize("count, expected", [(40, (8, 4)), (24, (8, 4)), (12, (2, 1)), (3, (1, 1))])
def test_small_sets_have_every_split(count, expected):
    split = split_by_hash([f"{i}.jpg" for i in range(count)])
    assert split.count("test") >= expected[0] and split.count("validation") >= expected[1]
    assert split.count("train") > 0 and split == split_by_hash([f"{i}.jpg" for i in range(count)])


def test_cartoon():
    source = get_source("cartoon")
    table = source.table()
    assert len(table) == sources.CARTOONS and set(source.attributes) < set(table.columns)
    factors = cartoon.sample_factors(sources.CARTOONS, seed=0)
    labels = cartoon.attributes(factors)[list(source.attributes)]
    np.testing.assert_array_equal(table[list(source.attributes)], labels)
    np.testing.assert_array_equal(source.draw(["00007"], 64), cartoon.draw_faces(factors.iloc[7:8], 64))
    assert source.read("00007").shape == (256, 256, 3)


def test_find_face_is_an_option():
    assert get_source("cartoon", find_face=True).find_face and not get_source("cartoon").find_face


# Pictures, and CelebA's official training and test parts: a part of CelebA and all of it; LFW; anime faces, both ways.
REAL = {25_367: (20_075, 2_572), 202_599: (162_770, 19_962), 13_233: None, 20_000: None, 21_551: None}


@pytest.mark.parametrize("name", ["celeba-dataset", "lfw-dataset", "anime-faces"])
def test_real_archives(name, real_archive):
    source = get_source(real_archive(f"{name}.zip"))
    table = source.table()
    assert source.name == name.split("-")[0] and isinstance(source.read(table.index[0]), bytes)
    assert len(table) in REAL
    if source.name == "celeba":
        assert tuple(table["split"].value_counts()[["train", "test"]]) == REAL[len(table)]
    assert set(source.attributes) < {*table.columns, *MEASURED}


# The download, through kagglehub's own client against a server of ours.


class Kaggle(http.server.BaseHTTPRequestHandler):
    status, content, calls = 200, b"", []

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Kaggle.calls.append(self.path.rsplit("/", 1)[1])
        content = Kaggle.content
        if self.path.endswith("GetDataset"):
            content = json.dumps({"currentVersionNumber": 3}).encode()
        self.send_response(Kaggle.status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def kaggle():
    Kaggle.status, Kaggle.calls = 200, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kaggle)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


PROGRAM = """
import sys
from kagglesdk import kaggle_env
kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.LOCAL] = sys.argv[1]
from vae_keras.sources import get_source
for step in sys.argv[2:]:
    try:
        source = get_source("lfw")
        print(len(source.table()), source.location)
    except FileNotFoundError as error:
        print(error)
"""


def download(server, tmp_path, times=1):
    """What `get_source("lfw")` says in a process of its own, with nothing but the server to get it from."""
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


def test_download(kaggle, tmp_path):
    Kaggle.content = small_lfw()
    lines = download(kaggle, tmp_path, times=2)
    assert [line.split()[0] for line in lines] == ["6", "6"]
    assert Path(lines[0].split()[1]).is_relative_to(tmp_path / "cache")
    assert Kaggle.calls == ["GetDataset", "DownloadDataset"]  # the second time it is there
    kaggle.shutdown()
    kaggle.server_close()
    assert download(kaggle, tmp_path)[0].startswith("6 ")  # without any network


def test_download_of_a_web_page_does_not_stay(kaggle, tmp_path):
    Kaggle.content = b"<html>please log in</html>"
    (message,) = download(kaggle, tmp_path)
    assert (
        "what came is no archive" in message
        and "lfw-dataset.zip" in message
        and str(tmp_path / "data") in message
    )
    assert not list((tmp_path / "cache").rglob("*.archive"))
    Kaggle.content = small_lfw()
    assert download(kaggle, tmp_path)[0].startswith("6 ")


@pytest.mark.parametrize(
    "status, why", [(403, "refused"), (404, "not there"), (429, "too many"), (500, "cannot answer")]
)
def test_download_that_is_refused(status, why, kaggle, tmp_path):
    Kaggle.status, Kaggle.content = status, b"{}"
    (message,) = download(kaggle, tmp_path)
    assert why in message and f"HTTP {status}" in message and "https://www.kaggle.com/datasets/" in message
