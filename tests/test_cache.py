"""The cache: what its key follows from, that it is checked, and that a kill leaves nothing half."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_pictures import folder_of, lfw, picture, write

from conftest import ROOT
from vae_keras.data import cache, framing, get_dataset, load_faces
from vae_keras.data.datasets import base, cartoon, folder
from vae_keras.data.datasets import lfw as lfw_module
from vae_keras.data.drawn import canvas, face_parts


@pytest.fixture(autouse=True)
def cache_root(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("VAE_KERAS_CACHE", str(folder))
    return folder


def settings_of(dataset, image_size=16, pictures=None):
    return cache.cache_settings(dataset, image_size, pictures)


def folder_name(dataset, image_size=16, pictures=None):
    return cache.cache_folder(settings_of(dataset, image_size, pictures)).name


def change(module, old, new, tmp_path, monkeypatch):
    """Makes a module's source read as if it had been edited."""
    text = Path(module.__file__).read_text(encoding="utf-8")
    assert old in text
    edited = tmp_path / f"edited_{module.__name__}.py"
    edited.write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(module, "__file__", str(edited))


def test_a_changed_crop_is_prepared_anew(tmp_path, monkeypatch):
    path = lfw(tmp_path / "lfw-dataset.zip")
    before = load_faces(path, image_size=16)
    monkeypatch.setattr(lfw_module.LabeledFacesInTheWild, "crop", 0.9)
    after = load_faces(path, image_size=16)
    assert not np.array_equal(before.images, after.images)
    assert len(list(cache.cache_root().iterdir())) == 2


def test_the_key_follows_from_the_settings(tmp_path):
    path = folder_of(tmp_path, 12)
    mine = get_dataset(path)
    keys = [
        folder_name(mine),
        folder_name(mine, image_size=32),
        folder_name(mine, pictures=5),
        folder_name(get_dataset(path, align=True)),
    ]
    write(path, {"another.jpg": picture(77)})
    keys.append(folder_name(get_dataset(path)))
    assert len(set(keys)) == 5
    assert folder_name(mine) == keys[0] == folder_name(mine, image_size=np.int64(16))
    assert all(key.startswith(("mine-16-", "mine-32-")) for key in keys)


EDITS = {
    "framing": (framing, "INTER_CUBIC", "INTER_LANCZOS4"),
    "alignment": (cache.alignment, "OVERSAMPLING = 4", "OVERSAMPLING = 2"),
    "decoding": (cache.images, '"white"', '"black"'),
    "splits": (cache.splits, "share >= 0.9", "share >= 0.8"),
    "measured attributes": (cache.measured, "/ 255", "/ 256"),
    "what is left out": (cache.preparing, "FEWEST = 40", "FEWEST = 30"),
    "which files are pictures": (cache.images, ".ppm ", ""),
    "arrays": (cache.arrays, "astype(np.float32) * 255", "astype(np.float32) * 254"),
    "data sets": (base, "np.zeros(", "np.ones("),
    "its own file": (folder, ">= 4", ">= 5"),
}


@pytest.mark.parametrize("module, old, new", EDITS.values(), ids=EDITS)
def test_the_key_follows_from_the_code(module, old, new, tmp_path, monkeypatch):
    mine = get_dataset(folder_of(tmp_path, 12))
    before = folder_name(mine)
    change(module, old, new, tmp_path, monkeypatch)
    assert folder_name(mine) != before


def test_the_key_of_drawn_faces_follows_from_the_drawing_alone(tmp_path, monkeypatch):
    drawn, people = get_dataset("cartoon"), get_dataset(lfw(tmp_path / "lfw"))
    before = folder_name(drawn), folder_name(people)
    for module, old, new in (
        (canvas, "UNIT = 0.36", "UNIT = 0.34"),
        (face_parts, "0.45 * light", "0.5 * light"),
        (cartoon.faces, "0.82", "0.9"),
        (cartoon, "10_000", "9_000"),
    ):
        with monkeypatch.context() as patch:
            change(module, old, new, tmp_path, patch)
            assert folder_name(drawn) != before[0] and folder_name(people) == before[1]
    assert (folder_name(drawn), folder_name(people)) == before


def test_the_folder_of_the_cache(tmp_path, monkeypatch):
    assert cache.cache_root() == tmp_path / "cache"
    monkeypatch.setenv("VAE_KERAS_CACHE", "~/elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_root() == tmp_path / "elsewhere"
    monkeypatch.delenv("VAE_KERAS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache.cache_root() == tmp_path / ".cache" / "vae_keras"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_root() == tmp_path / "xdg" / "vae_keras"


def test_odd_names_survive_the_cache(tmp_path):
    names = ["nan", "NA", "007", "1e5", 'a "quoted", name', "é", "日本", "x" * 100, *map(str, range(40))]
    path = write(tmp_path / "mine", {f"{name}.jpg": picture(i, 60, 50) for i, name in enumerate(names)})
    first, second = load_faces(path, image_size=8), load_faces(path, image_size=8)
    assert sorted(second.table.index) == sorted(f"{name}.jpg" for name in names)
    pd.testing.assert_frame_equal(first.table, second.table)


def test_cache_is_reused_checked_and_replaced(tmp_path, cache_root):
    path = folder_of(tmp_path, 45)
    faces = load_faces(path, image_size=8)
    (folder,) = cache_root.iterdir()
    assert (
        sorted(file.name for file in folder.iterdir())
        == "images.npy settings.json skipped.csv table.csv".split()
    )
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["image_size"] == 8 and settings["name"] == "mine" and isinstance(settings["crc32"], int)
    stamp = (folder / "images.npy").stat().st_mtime_ns
    load_faces(path, image_size=8)
    assert (folder / "images.npy").stat().st_mtime_ns == stamp
    images = np.array(faces.images)
    with open(folder / "images.npy", "r+b") as file:  # damage is found, and mended
        file.seek(500)
        file.write(b"\0\1\2\3\4\5\6\7")
    np.testing.assert_array_equal(load_faces(path, image_size=8).images, images)
    write(path, {"new.jpg": picture(99, 60, 50)})
    assert len(load_faces(path, image_size=8).images) == 46


SLOW = """
import sys, time
from vae_keras.data import framing, load_faces, preparing
frame = framing.frame
def slow_frame(*arguments):
    time.sleep(0.02)
    return frame(*arguments)
framing.frame = slow_frame
preparing.BLOCK = 4
print("ready", flush=True)
load_faces(sys.argv[1], image_size=16, progress=False)
print("done", flush=True)
"""


@pytest.mark.slow
def test_a_killed_preparation_leaves_nothing_whole(tmp_path, cache_root):
    path = folder_of(tmp_path, 300)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    deadline = time.time() + 30
    while not any(file.stat().st_size > 2000 for file in cache_root.glob(".preparing-*/images.npy")):
        assert time.time() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (left,) = cache_root.iterdir()
    assert left.name.startswith(".preparing-")
    faces = load_faces(path, image_size=16)
    assert len(faces.images) == 300 and not any(np.ptp(image) < 3 for image in faces.images)
    os.utime(left, (0, 0))  # a day later it is swept away
    load_faces(path, image_size=16)
    assert not left.exists()


@pytest.mark.slow
def test_two_preparations_at_once(tmp_path, cache_root):
    path = folder_of(tmp_path, 100)
    command = [sys.executable, "-c", SLOW, path]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["ready\ndone\n"] * 2
    assert len(list(cache_root.iterdir())) == 1 and len(load_faces(path, image_size=16).images) == 100


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"crc32": 1}'])
def test_damaged_settings_are_replaced(damage, tmp_path, cache_root):
    path = folder_of(tmp_path, 40)
    images = np.array(load_faces(path, image_size=8).images)
    (entry,) = cache_root.iterdir()
    (entry / "settings.json").write_text(damage)
    np.testing.assert_array_equal(load_faces(path, image_size=8).images, images)


def test_a_failed_preparation_leaves_nothing(tmp_path, cache_root):
    with pytest.raises(ValueError, match="holds 39 usable"):
        load_faces(folder_of(tmp_path, 39, **{"39.jpg": b"broken"}))
    assert list(cache_root.iterdir()) == []
