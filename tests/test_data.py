"""The faces of a data set: what they hold, what is left out, and that the parts stay apart."""

import ast
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from made_pictures import celeba, folder_of, lfw, picture, write

from vae_keras import data
from vae_keras.data import MEASURED, Dataset, Faces, get_dataset, load_faces
from vae_keras.data.measured import measure


@pytest.fixture(autouse=True)
def cache_root(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("VAE_KERAS_CACHE", str(folder))
    return folder


def test_folder_of_forty(tmp_path, capsys):
    path = folder_of(tmp_path, 40)
    faces = load_faces(path)
    assert faces.images.shape == (40, 64, 64, 3) and faces.images.dtype == np.uint8
    assert isinstance(faces.images, np.memmap) and not faces.images.flags.writeable
    assert (
        len(faces.preview) == 8
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
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith(
        f"{path} is taken for pictures of your own; crop: largest square; split: by lot (--layout"
    )
    assert load_faces(path, image_size=32).images.shape == (40, 32, 32, 3)


def test_rows_are_sorted_by_split_and_agree(tmp_path):
    faces = load_faces(lfw(tmp_path / "lfw-dataset.zip"), image_size=16)
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
    every = load_faces(path, image_size=16, progress=False)
    few = load_faces(path, image_size=16, pictures=30, progress=False)
    assert len(few.train) <= 30 < len(every.train)
    assert set(few.table.index[few.rows("train")]) <= set(every.table.index[every.rows("train")])
    np.testing.assert_array_equal(few.preview, every.preview)
    np.testing.assert_array_equal(few.photograph(3), every.photograph(3))


def test_small_set_with_broken_pictures_keeps_eight(tmp_path, capsys):
    whole = load_faces(folder_of(tmp_path, 48))
    broken = {
        name: picture(i, 60, 50)[:200] for i, name in enumerate(whole.table.index[whole.rows("test")][:5])
    }
    faces = load_faces(folder_of(tmp_path, 48, **broken))
    assert len(faces.preview) == 8 and len(faces.images) == 43 and len(faces.validation) >= 4
    out = capsys.readouterr().out
    assert "\n5 of 48 pictures were left out" in out and all(f"  {name}: " in out for name in broken)
    assert "\n  " + sorted(broken)[0] in "\n" + out


def test_unreadable_pictures_are_named(tmp_path, capsys, cache_root):
    bad = {f"bad {i:02d} é.jpg": picture(i, 60, 50)[: 100 + i] for i in range(25)} | {"page.png": b"<html>"}
    path = folder_of(tmp_path, 40, **bad)
    faces = load_faces(path)
    out = capsys.readouterr().out
    assert "\n26 of 66 pictures were left out" in out and out.count("\n  ") == 20
    (listed,) = cache_root.glob("mine-*/skipped.csv")
    assert str(listed) in out and len(pd.read_csv(listed)) == 26
    assert sorted(name for name, why in faces.skipped) == sorted(bad) and all(
        why for name, why in faces.skipped
    )
    assert not any(np.ptp(image) < 3 for image in faces.images)  # no grey rectangle
    again = load_faces(path, progress=False)
    said = capsys.readouterr()
    assert again.skipped == faces.skipped and said.out == "" and "\n26 of 66" in said.err


def test_sets_that_cannot_be_used(tmp_path):
    with pytest.raises(ValueError, match="None of the 50 pictures of .*: "):
        load_faces(write(tmp_path / "broken", {f"{i}.jpg": b"x" for i in range(50)}))
    for settings in ({"image_size": 4}, {"image_size": 64.0}, {"pictures": 0}, {"pictures": -3}):
        with pytest.raises(ValueError, match="whole number of at least"):
            load_faces("cartoon", **settings)


def test_a_folder_of_ten_is_refused_before_any_is_decoded(tmp_path, monkeypatch):
    path = folder_of(tmp_path, 10)
    monkeypatch.setattr(Dataset, "framed", lambda *arguments: pytest.fail("it decodes"))
    with pytest.raises(ValueError, match="mine holds 10 usable pictures: at least 40 are needed") as error:
        load_faces(path)
    assert "\n" not in str(error.value)


def test_what_is_left_out_does_not_count_among_the_forty(tmp_path):
    path = folder_of(tmp_path, 41, **{"003.jpg": b"broken"})
    assert len(load_faces(path).images) == 40
    train = load_faces(path).table.index[20]
    held_out = load_faces(path).table.index[-1]
    write(path, {train: (path / held_out).read_bytes()})
    with pytest.raises(ValueError, match="holds 39 usable pictures"):
        load_faces(path)


def test_copies_never_cross_a_split(tmp_path, capsys):
    whole = load_faces(folder_of(tmp_path, 60), image_size=16)
    names = {split: whole.table.index[whole.rows(split)] for split in ("train", "validation", "test")}
    held_out = (tmp_path / "mine" / names["test"][0]).read_bytes()
    other = (tmp_path / "mine" / names["validation"][0]).read_bytes()
    copies = {names["train"][3]: held_out, names["train"][4]: other, names["test"][5]: held_out}
    faces = load_faces(folder_of(tmp_path, 60, **copies), image_size=16)
    assert sorted(name for name, _ in faces.skipped) == sorted([names["train"][3], names["train"][4]])
    assert "the same picture as" in capsys.readouterr().out
    parts = [{image.tobytes() for image in part} for part in (faces.train, faces.validation, faces.test)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    np.testing.assert_array_equal(faces.preview[0], whole.preview[0])


def test_splits_are_stable_when_pictures_are_added(tmp_path):
    before = load_faces(folder_of(tmp_path, 200), image_size=8).table["split"]
    after = load_faces(folder_of(tmp_path, 260), image_size=8).table["split"]
    assert (after[before.index] == before).all() and len(after) == 260


def test_celeba_keeps_its_partition_and_labels(tmp_path):
    faces = load_faces(celeba("kaggle zip", tmp_path), image_size=16)
    assert [len(faces.train), len(faces.validation), len(faces.test)] == [16, 16, 16]
    source = faces.dataset.table()
    assert (faces.table["split"] == source["split"][faces.table.index]).all()
    assert (faces.table["Male"] == source["Male"][faces.table.index]).all() and faces.table[
        "Male"
    ].dtype == np.int8
    assert faces.label_names == ["Male", "Smiling"]
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
    faces = load_faces(folder_of(tmp_path, 40))
    labels = faces.labels()
    assert faces.label_names == list(MEASURED)
    assert list(labels) == list(MEASURED) and all(0.4 <= share <= 0.6 for share in labels.mean())


def made_faces(values, splits):
    """Faces with one measured attribute and one label."""
    table = pd.DataFrame({"split": splits, "Bright": values, "Hat": np.int8(1)})
    images = np.zeros((len(table), 8, 8, 3), np.uint8)
    return Faces(get_dataset("cartoon"), images, table.rename_axis("name"), [])


def test_a_measured_attribute_is_true_above_the_median_of_the_training_part():
    splits = ["train"] * 3 + ["validation"] * 2 + ["test"] * 4
    faces = made_faces([0.1, 0.2, 0.3, 0.25, 0.15, 0.7, 0.8, 0.9, 0.21], splits)
    assert faces.labels("all", "Bright")["Bright"].tolist() == [0, 0, 1, 1, 0, 1, 1, 1, 1]
    assert faces.labels("test", ["Bright", "Hat"]).all(axis=None)
    without_training = made_faces([0.1, 0.2, 0.3, 0.4], ["test"] * 4)
    assert without_training.labels("test", "Bright")["Bright"].tolist() == [0, 0, 1, 1]


def test_cartoon_and_found_faces():
    faces = load_faces("cartoon", image_size=16, pictures=8, progress=False)
    assert [len(faces.train), len(faces.validation), len(faces.test)] == [8, 64, 64]
    assert faces.photograph(0).shape == (256, 256, 3) and list(faces.labels()) == list(
        faces.dataset.attributes
    )
    np.testing.assert_array_equal(
        faces.preview[0], faces.dataset.draw([faces.labels("test").index[0]], 16)[0]
    )


def test_real_celeba(real_archive):
    faces = load_faces(real_archive("celeba-native.zip"))
    assert len(faces.images) == 400 and len(faces.train) == 0 and not faces.skipped
    assert faces.photograph(0).shape == (218, 178, 3) and faces.labels("test")["Smiling"].mean() > 0.3
    assert set(faces.table["split"][faces.labels("test").index]) == {"test"}


@pytest.mark.slow
def test_faces_are_found_on_request(real_archive, tmp_path):
    pytest.importorskip("mtcnn")
    source = get_dataset(real_archive("celeba-native.zip"))
    names = source.table().index[:60]
    path = write(
        tmp_path / "mine", {name: source.read(name) for name in names} | {"none.jpg": picture(0, 60, 50)}
    )
    faces = load_faces(get_dataset(path, align=True), image_size=128, progress=False)
    assert faces.images.shape[1:] == (128, 128, 3) and len(faces.images) >= 40
    assert "none.jpg" in dict(faces.skipped) and faces.photograph(0).shape == (218, 178, 3)
    centre = load_faces(path, image_size=128)
    assert len(centre.images) == 61 and not np.array_equal(centre.preview[0], faces.preview[0])


def test_heavy_packages_are_imported_where_they_are_used():
    heavy = {"tensorflow", "keras", "sklearn", "skimage", "matplotlib", "kagglehub", "requests"}
    for path in Path(data.__file__).parent.rglob("*.py"):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            names = []
            if isinstance(statement, ast.Import):
                names = [alias.name for alias in statement.names]
            elif isinstance(statement, ast.ImportFrom):
                names = [statement.module]
            assert not {name.split(".")[0] for name in names} & heavy, path
