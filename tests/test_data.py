"""Many pictures: what a prepared set holds, what is left out, what survives a kill, and the pipeline over it."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pandas as pd
import pytest
from test_sources import celeba, lfw, picture, write

from conftest import ROOT
from vae_keras import data
from vae_keras.preparation import measure
from vae_keras.sources import MEASURED, get_source


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("VAE_KERAS_CACHE", str(folder))
    return folder


def photograph(seed, height=60, width=50):
    return picture(seed, height, width)


def folder_of(tmp_path, count, **more):
    files = {f"{i:03d}.jpg": photograph(i) for i in range(count)}
    return write(tmp_path / "mine", files | more)


def test_folder_of_forty(tmp_path, capsys):
    path = folder_of(tmp_path, 40)
    faces = data.prepare(path)
    assert faces.images.shape == (40, 64, 64, 3) and faces.images.dtype == np.uint8
    assert isinstance(faces.images, np.memmap) and not faces.images.flags.writeable
    assert (
        len(faces.eight) == 8
        and len(faces.test) >= 8
        and len(faces.validation) >= 4
        and len(faces.train) >= 20
    )
    assert list(faces.table.columns) == ["split", *MEASURED]
    names = faces.table.index
    for row in (0, 25, 39):
        image = cv2.cvtColor(cv2.imdecode(np.frombuffer((path / names[row]).read_bytes(), np.uint8), 1), 4)
        expected = cv2.resize(image[5:55], (64, 64), interpolation=cv2.INTER_CUBIC)  # it grows
        np.testing.assert_array_equal(faces.images[row], expected)
    assert faces.photograph(0).shape == (60, 50, 3) and not faces.skipped
    assert capsys.readouterr().out == ""
    assert data.prepare(path, image_size=32).images.shape == (40, 32, 32, 3)


def test_rows_are_sorted_by_split_and_agree(tmp_path):
    faces = data.prepare(lfw(tmp_path / "lfw-dataset.zip"), image_size=16)
    splits = faces.table["split"]
    assert list(splits) == sorted(splits, key=["train", "validation", "test"].index)
    for split in ("train", "validation", "test"):
        assert len(getattr(faces, split)) == (splits == split).sum() == len(faces.labels(split))
    people = splits.groupby([name.split("/")[0] for name in faces.table.index]).nunique()
    assert (people == 1).all()
    assert len(faces.labels("all")) == len(faces.images)
    with pytest.raises(ValueError, match="no split 'tests'"):
        faces.rows("tests")


def test_the_eight_do_not_depend_on_the_limit(tmp_path):
    path = folder_of(tmp_path, 400, **{f"{i:03d}.jpg": b"broken" for i in range(0, 400, 7)})
    every = data.prepare(path, image_size=16, progress=False)
    few = data.prepare(path, image_size=16, pictures=30, progress=False)
    assert len(few.train) <= 30 < len(every.train)
    assert set(few.table.index[few.rows("train")]) <= set(every.table.index[every.rows("train")])
    np.testing.assert_array_equal(few.eight, every.eight)
    np.testing.assert_array_equal(few.photograph(3), every.photograph(3))


def test_small_set_with_broken_pictures_keeps_eight(tmp_path, capsys):
    whole = data.prepare(folder_of(tmp_path, 40))
    broken = {name: photograph(i)[:200] for i, name in enumerate(whole.table.index[whole.rows("test")][:5])}
    faces = data.prepare(folder_of(tmp_path, 40, **broken))
    assert len(faces.eight) == 8 and len(faces.images) == 35 and len(faces.validation) >= 4
    out = capsys.readouterr().out
    assert out.startswith("5 of 40 pictures were left out") and all(f"  {name}: " in out for name in broken)
    assert "\n  " + sorted(broken)[0] in "\n" + out


def test_unreadable_pictures_are_named(tmp_path, capsys, cache):
    bad = {f"bad {i:02d} é.jpg": photograph(i)[: 100 + i] for i in range(25)} | {"page.png": b"<html>"}
    path = folder_of(tmp_path, 30, **bad)
    faces = data.prepare(path)
    out = capsys.readouterr().out
    assert out.startswith("26 of 56 pictures were left out") and out.count("\n  ") == 20
    (listed,) = cache.glob("mine-*/skipped.txt")
    assert str(listed) in out and len(listed.read_text().splitlines()) == 26
    assert sorted(name for name, why in faces.skipped) == sorted(bad) and all(
        why for name, why in faces.skipped
    )
    assert not any(np.ptp(image) < 3 for image in faces.images)  # no grey rectangle
    again = data.prepare(path, progress=False)
    said = capsys.readouterr()
    assert again.skipped == faces.skipped and said.out == "" and said.err.startswith("26 of 56")


def test_sets_that_cannot_be_used(tmp_path):
    with pytest.raises(ValueError, match="None of the 3 pictures of .*: "):
        data.prepare(write(tmp_path / "broken", {f"{i}.jpg": b"x" for i in range(3)}))
    with pytest.raises(ValueError, match="holds 4 usable pictures: at least 10"):
        data.prepare(write(tmp_path / "few.zip", {f"{i}.jpg": photograph(i) for i in range(4)}))
    for settings in ({"image_size": 4}, {"image_size": 64.0}, {"pictures": 0}, {"pictures": -3}):
        with pytest.raises(ValueError, match="whole number of at least"):
            data.prepare("cartoon", **settings)


def test_copies_never_cross_a_split(tmp_path, capsys):
    whole = data.prepare(folder_of(tmp_path, 60), image_size=16)
    names = {split: whole.table.index[whole.rows(split)] for split in ("train", "validation", "test")}
    held_out = (tmp_path / "mine" / names["test"][0]).read_bytes()
    other = (tmp_path / "mine" / names["validation"][0]).read_bytes()
    copies = {names["train"][3]: held_out, names["train"][4]: other, names["test"][5]: held_out}
    faces = data.prepare(folder_of(tmp_path, 60, **copies), image_size=16)
    assert sorted(name for name, _ in faces.skipped) == sorted([names["train"][3], names["train"][4]])
    assert "the same picture as" in capsys.readouterr().out
    parts = [{image.tobytes() for image in part} for part in (faces.train, faces.validation, faces.test)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    np.testing.assert_array_equal(faces.eight[0], whole.eight[0])


def test_splits_are_stable_when_pictures_are_added(tmp_path):
    before = data.prepare(folder_of(tmp_path, 200), image_size=8).table["split"]
    after = data.prepare(folder_of(tmp_path, 260), image_size=8).table["split"]
    assert (after[before.index] == before).all() and len(after) == 260


def test_celeba_keeps_its_partition_and_labels(tmp_path):
    faces = data.prepare(celeba("kaggle zip", tmp_path), image_size=16)
    assert [len(faces.train), len(faces.validation), len(faces.test)] == [4, 4, 4]
    source = faces.source.table()
    assert (faces.table["split"] == source["split"][faces.table.index]).all()
    assert (faces.table["Male"] == source["Male"][faces.table.index]).all() and faces.table[
        "Male"
    ].dtype == np.int8
    labels = faces.labels("test", ["Male", "Bright"])
    assert (
        set(labels.dtypes) == {np.dtype(bool)}
        and (labels["Male"] == (source["Male"][labels.index] == 1)).all()
    )
    with pytest.raises(ValueError, match="no attribute 'Smilling'; did you mean Smiling"):
        faces.labels(names=["Smilling"])


def test_measured_attributes(tmp_path):
    image = np.full((5, 64, 64, 3), 100, np.uint8)
    image[0] = 200
    image[1, :, ::8] = 255
    image[2, ..., 0] = 250
    image[3, :, :8] = image[3, :, -8:] = 255
    image[4, :, :32] = 220
    values = pd.DataFrame(measure(image), columns=MEASURED)
    assert list(values.idxmax()[["Warm", "Bright_Background", "Light_From_Left"]]) == [2, 3, 4]
    assert values["Bright"][0] == pytest.approx(200 / 255) and values["Contrasty"][0] == pytest.approx(
        0, abs=1e-5
    )
    faces = data.prepare(folder_of(tmp_path, 40))
    labels = faces.labels()
    assert list(labels) == list(MEASURED) and all(0.4 <= share <= 0.6 for share in labels.mean())


def test_odd_names_survive_the_cache(tmp_path):
    names = ["nan", "NA", "007", "1e5", 'a "quoted", name', "é", "日本", "x" * 100, *map(str, range(20))]
    path = write(tmp_path / "mine", {f"{name}.jpg": photograph(i) for i, name in enumerate(names)})
    first, second = data.prepare(path, image_size=8), data.prepare(path, image_size=8)
    assert sorted(second.table.index) == sorted(f"{name}.jpg" for name in names)
    pd.testing.assert_frame_equal(first.table, second.table)


def test_cache_is_reused_checked_and_replaced(tmp_path, cache):
    path = folder_of(tmp_path, 30)
    faces = data.prepare(path, image_size=8)
    (folder,) = cache.iterdir()
    assert (
        sorted(file.name for file in folder.iterdir())
        == "images.npy settings.json skipped.txt table.csv".split()
    )
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["image_size"] == 8 and settings["name"] == "mine" and isinstance(settings["crc32"], int)
    stamp = (folder / "images.npy").stat().st_mtime_ns
    data.prepare(path, image_size=8)
    assert (folder / "images.npy").stat().st_mtime_ns == stamp
    images = np.array(faces.images)
    with open(folder / "images.npy", "r+b") as file:  # damage is found, and mended
        file.seek(500)
        file.write(b"\0\1\2\3\4\5\6\7")
    np.testing.assert_array_equal(data.prepare(path, image_size=8).images, images)
    write(path, {"new.jpg": photograph(99)})
    assert len(data.prepare(path, image_size=8).images) == 31


SLOW = """
import sys, time
from vae_keras import data, preparation
slow = preparation.frame
preparation.frame = lambda *a: time.sleep(0.02) or slow(*a)
preparation.BLOCK = 4
print("ready", flush=True)
data.prepare(sys.argv[1], image_size=16, progress=False)
print("done", flush=True)
"""


def test_a_killed_preparation_leaves_nothing_whole(tmp_path, cache):
    path = folder_of(tmp_path, 300)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    deadline = time.time() + 30
    while not any(file.stat().st_size > 2000 for file in cache.glob(".preparing-*/images.npy")):
        assert time.time() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (left,) = cache.iterdir()
    assert left.name.startswith(".preparing-")
    faces = data.prepare(path, image_size=16)
    assert len(faces.images) == 300 and not any(np.ptp(image) < 3 for image in faces.images)
    os.utime(left, (0, 0))  # a day later it is swept away
    data.prepare(path, image_size=16)
    assert not left.exists()


def test_two_preparations_at_once(tmp_path, cache):
    path = folder_of(tmp_path, 100)
    command = [sys.executable, "-c", SLOW, path]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["ready\ndone\n"] * 2
    assert len(list(cache.iterdir())) == 1 and len(data.prepare(path, image_size=16).images) == 100


def test_cartoon_and_found_faces():
    faces = data.prepare("cartoon", image_size=16, pictures=8, progress=False)
    assert [len(faces.train), len(faces.validation), len(faces.test)] == [8, 64, 64]
    assert faces.photograph(0).shape == (256, 256, 3) and list(faces.labels()) == list(
        faces.source.attributes
    )
    np.testing.assert_array_equal(faces.eight[0], faces.source.read(faces.labels("test").index[0], 16))


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)


def epochs(dataset, count=1):
    return [np.concatenate([batch.numpy() for batch in dataset]) for _ in range(count)]


def test_pipeline_in_order(pictures):
    dataset = data.pipeline(pictures, batch_size=16)
    batches = [batch.numpy() for batch in dataset]
    assert [len(batch) for batch in batches] == [16, 16, 16, 2] and len(dataset) == 4
    assert batches[0].dtype == np.float32
    np.testing.assert_array_equal(data.to_uint8(np.concatenate(batches)), pictures)


def test_pipeline_for_training(pictures):
    dataset = data.pipeline(pictures, batch_size=16, training=True, seed=3)
    assert len(dataset) == 3 and dataset.element_spec.shape == (16, 8, 8, 3)
    first, second, third = epochs(dataset, 3)
    assert first.min() >= 0 and first.max() <= 1 and not np.array_equal(first, second)
    again = epochs(data.pipeline(pictures, 16, True, seed=3), 2)
    np.testing.assert_array_equal(first, again[0])
    np.testing.assert_array_equal(second, again[1])
    (resumed,) = epochs(data.pipeline(pictures, 16, True, seed=3, first_epoch=2))
    np.testing.assert_array_equal(third, resumed)
    assert not np.array_equal(first, epochs(data.pipeline(pictures, 16, True, seed=4))[0])


def test_every_picture_comes_once_in_an_epoch():
    grey = np.arange(48, dtype=np.uint8)[:, None, None, None] * 4 + np.zeros((1, 4, 4, 3), np.uint8)
    (images,) = epochs(data.pipeline(grey, 16, True))
    order = images.mean(axis=(1, 2, 3)) * 255
    assert np.abs(np.sort(order) - np.arange(48) * 4).max() < 30 and np.abs(np.diff(order)).mean() > 30
    assert [len(batch) for batch in data.pipeline(grey[:10], 16, True)] == [10]  # fewer than a batch


def test_pipeline_refuses(pictures):
    for images, batch_size in ((pictures[:0], 16), (pictures, 0), (pictures / 255, 16)):
        with pytest.raises(ValueError, match="pipeline"):
            data.pipeline(images, batch_size)


def test_augmentation_stays_in_its_ranges():
    ramp = np.linspace(60, 200, 8).astype(np.uint8)
    images = np.broadcast_to(ramp[None, None, :, None], (2000, 8, 8, 3))
    changed = data.augment(images, seed=1).numpy()
    flipped = changed[:, 0, 0, 0] > changed[:, 0, -1, 0]
    assert 0.45 < flipped.mean() < 0.55
    upright = np.where(flipped[:, None, None, None], changed[:, :, ::-1], changed)[:, 0, :, 0]
    contrast = (upright[:, -1] - upright[:, 0]) / ((200 - 60) / 255)
    assert 0.9 <= contrast.min() < 0.91 and 1.09 < contrast.max() <= 1.1001
    middle = upright[:, 0] - 0.5 - (60 / 255 - 0.5) * contrast
    assert -0.0501 <= middle.min() < -0.045 and 0.045 < middle.max() <= 0.0501
    np.testing.assert_allclose(upright[:, 3], 0.5 + (ramp[3] / 255 - 0.5) * contrast + middle, atol=1e-5)


def test_augmentation_clips_takes_floats_and_repeats(pictures):
    images = np.where(pictures > 127, 255, 0).astype(np.uint8)
    changed = data.augment(images, seed=5).numpy()
    assert changed.dtype == np.float32 and changed.min() == 0 and changed.max() == 1
    np.testing.assert_allclose(changed, data.augment(images / np.float32(255), seed=5).numpy(), atol=1e-6)
    assert not np.array_equal(changed, data.augment(images, seed=6).numpy())


def test_to_uint8():
    assert data.to_uint8([-0.5, 0.0, 0.5, 1.0, 7.0]).tolist() == [0, 0, 128, 255, 255]
    same = np.arange(3, dtype=np.uint8)
    assert data.to_uint8(same) is same


def test_real_celeba(real_archive):
    faces = data.prepare(real_archive("celeba-native.zip"))
    assert len(faces.images) == 400 and len(faces.train) == 0 and not faces.skipped
    assert faces.photograph(0).shape == (218, 178, 3) and faces.labels("test")["Smiling"].mean() > 0.3
    assert set(faces.table["split"][faces.labels("test").index]) == {"test"}


def test_faces_are_found_on_request(real_archive, tmp_path):
    source = get_source(real_archive("celeba-native.zip"))
    names = source.table().index[:14]
    path = write(tmp_path / "mine", {name: source.read(name) for name in names} | {"none.jpg": photograph(0)})
    faces = data.prepare(get_source(path, find_face=True), image_size=128, progress=False)
    assert faces.images.shape[1:] == (128, 128, 3) and len(faces.images) >= 10
    assert "none.jpg" in dict(faces.skipped) and faces.photograph(0).shape == (218, 178, 3)
    centre = data.prepare(path, image_size=128)
    assert len(centre.images) == 15 and not np.array_equal(centre.eight[0], faces.eight[0])
