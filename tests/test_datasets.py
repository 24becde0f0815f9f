"""The data sets: their layouts, tables and labels, and how one is told from another."""

import unicodedata

import cv2
import numpy as np
import pandas as pd
import pytest
from made_pictures import CELEBA, KAGGLE_TABLES, celeba, lfw, picture, write

from vae_keras.data import MEASURED, Dataset, dataset_names, get_dataset, register
from vae_keras.data.datasets import base
from vae_keras.data.datasets.cartoon import COUNT
from vae_keras.data.drawn import faces

LAYOUTS = ["kaggle zip", "kaggle folder", "official zip", "official folder", "official tree"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_celeba_layouts(layout, tmp_path, monkeypatch):
    path = celeba(layout, tmp_path)
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    for dataset in (get_dataset("celeba"), get_dataset(path)):
        table = dataset.table()
        assert dataset.name == "celeba" and dataset.crop == 148 / 178
        assert list(table.index) == CELEBA and table.index.name == "name"  # not the row without a picture
        assert list(table["split"][:4]) == ["train", "validation", "test", "train"]
        assert list(table.columns) == ["split", "Male", "Smiling"] and table["Male"].dtype == np.int8
        assert list(table["Male"][:3]) == [0, 1, 0] and list(table["Smiling"][:3]) == [1, 0, 0]
        assert dataset.read("000003.jpg") == picture(2)


def test_official_archive_by_its_own_path(tmp_path):
    celeba("official zip", tmp_path)
    assert len(get_dataset(tmp_path / "img_align_celeba.zip").table()) == 48
    celeba("official tree", tmp_path / "tree")
    assert len(get_dataset(tmp_path / "tree" / "Img" / "img_align_celeba.zip").table()) == 48


def test_celeba_tables_that_do_not_fit(tmp_path):
    path = celeba("kaggle folder", tmp_path)
    (path / "list_eval_partition.csv").write_text("image_id,partition\n000001.jpg,0\n")
    with pytest.raises(ValueError, match=r"list_eval_partition.csv .*lacks 47 .*000002.jpg"):
        get_dataset(path).table()
    every = "image_id,partition\n" + "".join(f"{name},{{}}\n" for name in CELEBA)
    for text in (every.format(*[0, 1, 2, 3] * 12), every.replace(",{}", "").replace(",partition", "")):
        (path / "list_eval_partition.csv").write_text(text)
        with pytest.raises(ValueError, match=r"list_eval_partition.csv .*has others than 0, 1, 2: get"):
            get_dataset(path).table()
    (path / "list_eval_partition.csv").write_text("")
    with pytest.raises(ValueError, match=r"list_eval_partition.csv .*is no table"):
        get_dataset(path).table()
    (path / "list_eval_partition.csv").unlink()
    with pytest.raises(FileNotFoundError, match="list_eval_partition.csv .*put it beside"):
        get_dataset(path).table()
    only_tables = write(tmp_path / "tables", KAGGLE_TABLES)
    with pytest.raises(FileNotFoundError, match="no CelebA pictures"):
        get_dataset(only_tables)


@pytest.mark.parametrize("form", ["lfw-dataset.zip", "lfw-deepfunneled"])
def test_lfw_is_split_by_person(form, tmp_path, monkeypatch):
    path = lfw(tmp_path / form)
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    assert get_dataset(path).name == "lfw"
    dataset = get_dataset("lfw")
    table = dataset.table()
    assert len(table) == 120 and dataset.attributes == MEASURED
    splits = table["split"].groupby([name.split("/")[0] for name in table.index]).nunique()
    assert (splits == 1).all() and set(table["split"]) == {"train", "validation", "test"}


TAGS = [f"{i},{'aqua' if i % 2 else 'pink'} hair {'red' if i % 3 else 'blue'} eyes\n" for i in range(20)]


def test_anime_tags(tmp_path):
    files = {f"images/{i}.jpg": picture(i) for i in range(20)}
    dataset = get_dataset(write(tmp_path / "anime-faces.zip", {**files, "tags.csv": "".join(TAGS)}))
    table = dataset.table()
    assert dataset.name == "anime" and set(dataset.attributes) == {
        "Aqua_Hair",
        "Pink_Hair",
        "Blue_Eyes",
        "Red_Eyes",
    }
    assert dataset.arithmetic[0].endswith("_Hair") and dataset.arithmetic[1] == "Red_Eyes"
    assert table.loc["3.jpg", ["Aqua_Hair", "Pink_Hair", "Blue_Eyes"]].tolist() == [1, 0, 1]
    assert len(table) == 20 and table["Aqua_Hair"].dtype == np.int8
    path = write(tmp_path / "others.zip", {**files, "tags.csv": "900,aqua hair aqua eyes\n"})
    with pytest.raises(ValueError, match="tags.csv .* matches no"):
        get_dataset(path)
    for text in ("3\n4\n", ""):  # it speaks of neither hair nor eyes
        assert get_dataset(write(tmp_path / "mine.zip", {**files, "tags.csv": text})).name == "mine"


def test_anime_doubles_are_dropped_and_tags_may_lack(tmp_path, monkeypatch):
    files = {f"data/{i}.png": picture(i) for i in range(10)} | {f"data/data/{i}.png": b"x" for i in range(10)}
    write(tmp_path / "anime-faces", files)
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    dataset = get_dataset("anime")
    assert len(dataset.table()) == 10 and dataset.read("3.png") == picture(3)
    assert dataset.attributes == MEASURED and set(dataset.arithmetic) <= set(MEASURED)


@pytest.mark.parametrize("form", ["mine", "mine.zip"])
def test_folder_and_zip(form, tmp_path):
    files = {f"{name}.jpg": picture(i) for i, name in enumerate(["a", "sub/b", "sub/é", "日本", "A b"])}
    junk = {".hidden.jpg": b"", "__MACOSX/._a.jpg": b"", "notes.txt": "no picture", ".git/c.jpg": b""}
    dataset = get_dataset(write(tmp_path / form, {**files, **junk}))
    assert sorted(dataset.table().index) == sorted(files) and dataset.crop is None
    assert (dataset.name, dataset.title) == ("mine", form) and dataset.attributes == MEASURED
    assert dataset.read("日本.jpg") == files["日本.jpg"]


def test_a_zip_of_a_folder_by_its_dot(tmp_path):
    files = {f"./faces/{i}.jpg": picture(i) for i in range(12)} | {"./.git/c.jpg": b""}
    assert len(get_dataset(write(tmp_path / "faces.zip", files)).table()) == 12


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
    dataset = get_dataset(write(tmp_path / "mine", files))
    labels = dataset.table().drop(columns="split")
    assert list(labels) == ["Happy", "Old", "Glasses", "Hair_dark_red", "Hair_grey"]
    assert labels.loc["faces/05.jpg"].tolist() == [1, 0, 1, 1, 0]
    assert (labels.loc["faces/19.jpg"] == -1).all()  # not in the table: unknown
    assert (labels.dtypes == np.int8).all()
    assert dataset.attributes == tuple(labels) and dataset.arithmetic == ("Happy", "Old")


def test_attributes_with_semicolons_and_other_unicode_forms(tmp_path):
    files = {unicodedata.normalize("NFD", f"é{i}.jpg"): picture(i) for i in range(12)}
    rows = "".join(f"{unicodedata.normalize('NFC', f'é{i}')};{i % 2}\n" for i in range(12))
    dataset = get_dataset(write(tmp_path / "mine.zip", {**files, "attributes.csv": "name;Happy\n" + rows}))
    assert dataset.table()["Happy"].sum() == 6 and dataset.attributes[0] == "Happy"
    assert dataset.arithmetic == ("Happy", "Bright_Background")


def test_labels_that_exclude_each_other_are_not_calculated_with(tmp_path):
    rows = "".join(f"{i}.jpg,{'woman' if i % 2 else 'man'}\n" for i in range(12))
    files = {f"{i}.jpg": picture(i) for i in range(12)}
    dataset = get_dataset(write(tmp_path / "mine.zip", {**files, "attributes.csv": "name,gender\n" + rows}))
    assert len(dataset.attributes) == 5 and dataset.arithmetic[1] == "Bright_Background"


def test_attributes_named_like_measured_ones_are_left_to_the_measurement(tmp_path):
    rows = "".join(f"{i}.jpg,{i % 2},{i % 3 == 0:d}\n" for i in range(12))
    files = {f"{i}.jpg": picture(i) for i in range(12)} | {"attributes.csv": "file,Bright,Happy\n" + rows}
    dataset = get_dataset(write(tmp_path / "mine", files))
    assert list(dataset.table()) == ["split", "Happy"]
    assert len(set(dataset.attributes)) == len(dataset.attributes) == 5


@pytest.mark.parametrize("table", ["name,Happy\nother.jpg,1\n", "name,Happy\n", "\xff\xfe", ""])
def test_attributes_that_do_not_fit(table, tmp_path):
    path = write(tmp_path / "mine", {"a.jpg": picture(0), "attributes.csv": table.encode("latin-1")})
    with pytest.raises(ValueError, match=f"attributes.csv of {path}") as error:
        get_dataset(path)
    assert "\n" not in str(error.value)


def test_what_is_no_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="'celebra'; did you mean celeba"):
        get_dataset("celebra")
    with pytest.raises(ValueError, match="there are anime, cartoon, celeba, lfw"):
        get_dataset("xyz")
    for name in ("no/such/folder", "faces.zip"):
        with pytest.raises(FileNotFoundError, match="There is no folder or archive"):
            get_dataset(name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty holds no pictures"):
        get_dataset(tmp_path / "empty")
    whole = write(tmp_path / "whole.zip", {f"{i}.jpg": picture(i) for i in range(5)}).read_bytes()
    for content in (whole[:-30], b"<html>", b""):
        with pytest.raises(ValueError, match="cut.zip is no whole zip archive"):
            get_dataset(write(tmp_path, {"cut.zip": content}) / "cut.zip")
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="VAE_KERAS_DATA names"):
        get_dataset("lfw")


def test_cartoon():
    dataset = get_dataset("cartoon")
    table = dataset.table()
    assert len(table) == COUNT and set(dataset.attributes) < set(table.columns)
    factors = faces.sample_factors(COUNT, seed=0)
    labels = faces.attributes(factors)[list(dataset.attributes)]
    np.testing.assert_array_equal(table[list(dataset.attributes)], labels)
    np.testing.assert_array_equal(dataset.draw(["00007"], 64), faces.draw_faces(factors.iloc[7:8], 64))
    assert dataset.photograph("00007").shape == (256, 256, 3)


def test_photographs_are_aligned_on_request_and_drawings_are_not(tmp_path):
    pytest.importorskip("mtcnn")
    path = write(tmp_path / "mine", {f"{i}.jpg": picture(i) for i in range(12)})
    assert get_dataset(path, align=True).align and not get_dataset(path).align
    with pytest.raises(ValueError, match="Drawn faces are drawings, .* leave out --align"):
        get_dataset("cartoon", align=True)


# Pictures, and CelebA's official training and test parts: a part of CelebA and all of it; LFW; anime faces, both ways.
REAL = {25_367: (20_075, 2_572), 202_599: (162_770, 19_962), 13_233: None, 20_000: None, 21_551: None}


@pytest.mark.parametrize("name", ["celeba-dataset", "lfw-dataset", "anime-faces"])
def test_real_archives(name, real_archive):
    dataset = get_dataset(real_archive(f"{name}.zip"))
    table = dataset.table()
    assert dataset.name == name.split("-")[0] and isinstance(dataset.read(table.index[0]), bytes)
    assert len(table) in REAL
    if dataset.name == "celeba":
        assert tuple(table["split"].value_counts()[["train", "test"]]) == REAL[len(table)]
    assert set(dataset.attributes) < {*table.columns, *MEASURED}


@pytest.fixture
def portraits():
    """A data set that is registered as CONTRIBUTING.md says, and nothing else."""

    @register
    class Portraits(Dataset):
        name = "portraits"
        title = "Painted portraits"
        kaggle = "somebody/painted-portraits"
        other_names = ("paintings",)
        crop = 0.5

        @classmethod
        def recognizes(cls, files):
            return files.find("painters.csv") is not None

    yield Portraits
    del base.REGISTERED["portraits"]


@pytest.mark.parametrize("form", ["painted-portraits.zip", "portraits", "paintings.zip"])
def test_a_new_data_set_is_one_class(portraits, form, tmp_path, monkeypatch):
    assert dataset_names()[-1] == "portraits"
    files = {f"{i}.jpg": picture(i) for i in range(12)} | {"painters.csv": "name\n"}
    path = write(tmp_path / form, files)
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    by_name, by_path = get_dataset("portraits"), get_dataset(path)
    assert type(by_name) is type(by_path) is portraits
    assert (by_name.address, by_path.address) == ("portraits", str(path.resolve()))
    assert set(by_name.table()["split"]) == {"train", "validation", "test"}
    framed, problems = by_name.framed(["3.jpg"], 16)
    square = cv2.imdecode(np.frombuffer(picture(3), np.uint8), cv2.IMREAD_COLOR_RGB)[7:17, 5:15]
    assert (framed[0] == cv2.resize(square, (16, 16), interpolation=cv2.INTER_CUBIC)).all() and not problems
    with pytest.raises(ValueError, match="'portrats'; did you mean portraits"):
        get_dataset("portrats")


def test_every_data_set_says_what_it_is():
    assert dataset_names() == ["anime", "cartoon", "celeba", "lfw"]
    for name, dataset_class in base.REGISTERED.items():
        assert dataset_class.name == name and dataset_class.title and dataset_class.terms
        assert 0 < dataset_class.crop <= 1 and len(dataset_class.arithmetic) == 2
        assert bool(dataset_class.kaggle) == (name != "cartoon")


def test_a_copy_shows_other_attributes():
    drawn = get_dataset("cartoon")
    changed = drawn.with_attributes(["Bald", "Male"], ["Bald", "Male"])
    assert changed.attributes == changed.arithmetic == ("Bald", "Male")
    assert drawn.attributes[0] == "Smiling" and len(changed.table()) == len(drawn.table())
