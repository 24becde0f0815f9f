"""What folders, names and shapes are taken for."""

import os
import zipfile

import numpy as np
import pandas as pd
import pytest
from made_pictures import (
    KAGGLE_TABLES,
    OFFICIAL_TABLES,
    encode,
    folder_of,
    new_generator,
    picture,
    smooth,
    write,
)

from vae_keras.data import MEASURED, get_dataset, layouts, load_faces
from vae_keras.data.archives import Files


def named(names, **more):
    """Pictures under these names, and more files."""
    return {name: picture(i) for i, name in enumerate(names)} | more


def test_backslashes_are_slashes(tmp_path):
    path = tmp_path / "windows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(12):
            entry = zipfile.ZipInfo("x")
            entry.filename = f"faces\\{i:02d}.jpg"
            archive.writestr(entry, picture(i))
        entry = zipfile.ZipInfo("x")
        entry.filename = "faces\\attributes.csv"
        archive.writestr(entry, "name,Happy\n" + "".join(f"{i:02d}.jpg,{i % 2}\n" for i in range(12)))
    dataset = get_dataset(path)
    assert dataset.table()["Happy"].sum() == 6 and dataset.read("faces/03.jpg") == picture(3)


def test_links_are_followed_once(tmp_path):
    real = write(tmp_path / "real", named(f"{i}.jpg" for i in range(12)))
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "pictures").symlink_to(real)
    (real / "loop").symlink_to(linked)
    assert Files(linked).names == sorted(f"pictures/{i}.jpg" for i in range(12))


def test_pipes_and_devices_are_no_pictures(tmp_path):
    path = write(tmp_path / "mine", named(f"{i}.jpg" for i in range(3)))
    os.mkfifo(path / "pipe.jpg")
    (path / "endless.jpg").symlink_to("/dev/zero")
    assert Files(path).names == ["0.jpg", "1.jpg", "2.jpg"]


def test_a_folder_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    path = write(tmp_path / "mine", named(["1.jpg", "locked/2.jpg"]))
    scandir = os.scandir

    def refuse(folder):
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    dataset = get_dataset(path)
    assert list(dataset.members) == ["1.jpg"]
    assert dataset.notes[0] == f"{path / 'locked'} cannot be read (Permission denied) and is left out"


def test_pictures_without_a_suffix(tmp_path):
    path = write(tmp_path / "mine", named((f"{i:x}" for i in range(12)), README=b"text"))
    assert len(get_dataset(path).table()) == 12


def test_lfw_is_told_by_its_size_too(tmp_path):
    names = [f"P{p}/P{p}_{i:04d}.jpg" for p in range(30) for i in (1, 2)]
    dataset = get_dataset(write(tmp_path / "mine", named(names)))
    assert dataset.name == "mine" and dataset.crop is None and "LFW" not in dataset.terms
    assert "mine: named after 30 people; split by person" in dataset.notes
    published = {name: picture(i, 250, 250) for i, name in enumerate(names)}
    whole = get_dataset(write(tmp_path / "whole", published))
    assert (
        whole.name == "lfw"
        and "crop: centre, 0.47 of the width; split: by lot, people kept" in whole.notes[0]
    )
    splits = dataset.table()["split"].groupby([name.split("/")[0] for name in dataset.members]).nunique()
    assert (splits == 1).all()


def test_two_people_are_split_by_picture(tmp_path):
    names = [f"{p}/{p}_{i:04d}.jpg" for p in "ab" for i in range(20)]
    dataset = get_dataset(write(tmp_path / "mine", named(names)))
    assert set(dataset.table()["split"]) == {"train", "validation", "test"}
    assert any("named after 2 people; split by picture" in line for line in dataset.notes)


def test_celeba_that_is_cropped_already_is_not_cropped_again(tmp_path):
    names = [f"img_align_celeba/{i:06d}.jpg" for i in range(1, 49)]
    squares = {name: picture(i, 64, 64) for i, name in enumerate(names)}
    dataset = get_dataset(write(tmp_path / "mine", squares | KAGGLE_TABLES))
    assert dataset.name == "celeba" and dataset.crop is None
    assert "is taken for CelebA; crop: largest square" in dataset.notes[0]
    assert "64 x 64 pixels are cropped already (published: 178 x 218)" in dataset.notes[1]


def test_a_smaller_copy_beside_celeba_is_left(tmp_path):
    names = [f"{i:06d}.jpg" for i in range(1, 49)]
    files = {f"img_align_celeba/{name}": picture(i, 218, 178) for i, name in enumerate(names)}
    files |= {f"img_align_celeba_64/{name}": picture(i, 64, 64) for i, name in enumerate(names)}
    dataset = get_dataset(write(tmp_path / "mine", files | KAGGLE_TABLES))
    assert dataset.read("000001.jpg") == picture(0, 218, 178) and dataset.crop == 148 / 178


def test_a_picture_that_cannot_be_read_does_not_end_the_look_at_shapes(tmp_path, monkeypatch):
    path = write(tmp_path / "lfw", {f"A_B/A_B_{i:04d}.jpg": picture(i, 250, 250) for i in range(1, 25)})
    read = Files.read

    def refuse(files, name):
        if name.endswith("0001.jpg"):
            raise PermissionError(13, "Permission denied", name)
        return read(files, name)

    monkeypatch.setattr(Files, "read", refuse)
    assert get_dataset(path).name == "lfw"


def test_a_table_of_tags_of_another_kind(tmp_path):
    path = write(
        tmp_path / "mine", named([f"{i}.jpg" for i in range(12)], **{"tags.csv": "id,tag\n1,beach\n"})
    )
    dataset = get_dataset(path)
    assert dataset.name == "mine" and "tags.csv is not read: labels come from attributes.csv" in dataset.notes


def test_class_folders_are_labels(tmp_path):
    names = [f"faces/{'happy' if i % 3 else 'sad'}/{i:03d}.jpg" for i in range(42)]
    dataset = get_dataset(write(tmp_path / "mine", named(names)))
    table = dataset.table()
    assert table.loc["faces/sad/000.jpg", ["happy", "sad"]].tolist() == [0, 1]
    assert "mine: the folders are taken for labels: happy (28), sad (14)" in dataset.notes


def test_a_class_may_have_the_name_of_what_is_measured(tmp_path):
    names = [f"faces/{'Bright' if i % 3 else 'split'}/{i:03d}.jpg" for i in range(42)]
    faces = load_faces(write(tmp_path / "mine", named(names)), 16)
    assert faces.table["Bright_folder"].sum() == 28 and faces.table["split_folder"].sum() == 14
    assert list(faces.labels("all").columns).count("Bright") == 1


@pytest.mark.parametrize(
    "names",
    [
        ["1.jpg", "a/2.jpg", "b/3.jpg"],
        ["a/1.jpg", "a/2.jpg"],
        [f"{i}/{j}.jpg" for i in range(20) for j in "ab"],
    ],
)
def test_other_folders_are_no_classes(names):
    assert layouts.class_folders(names) == {}


def test_own_parts_are_kept(tmp_path, capsys):
    names = [f"{'Train' if i < 30 else 'test'}/{i:03d}.jpg" for i in range(40)]
    faces = load_faces(write(tmp_path / "mine", named(names)), 16)
    test = faces.table.index[faces.rows("test")]
    assert sorted(test) == [f"test/{i:03d}.jpg" for i in range(30, 40)] and len(faces.validation) >= 3
    said = "mine: the split is as given, 30 train, 10 test; validation taken from training"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [("train", "val", "test"), ("0", "1", "2"), ("Training", "valid", "testing")]
)
def test_a_column_of_parts_is_kept(words, tmp_path):
    rows = pd.DataFrame({"name": [f"{i:03d}.jpg" for i in range(12)]})
    rows["split"] = [words[i % 3] for i in range(12)]
    rows["Happy"] = [i // 6 for i in range(12)]
    dataset = get_dataset(folder_of(tmp_path, 12, **{"attributes.csv": rows.to_csv(index=False)}))
    table = dataset.table()
    assert list(table["split"][:3]) == ["train", "validation", "test"] and list(table) == ["split", "Happy"]


def test_masks_are_left_out_and_that_is_said(tmp_path):
    names = [f"images/{i}.jpg" for i in range(12)] + [f"masks/{i}.jpg" for i in range(12)]
    dataset = get_dataset(write(tmp_path / "mine", named(names)))
    assert len(dataset.table()) == 12 and "12 masks are left out, as masks/0.jpg" in dataset.notes


def test_masks_in_the_same_folder_are_left_out(tmp_path):
    names = [f"{i}{end}.png" for i in range(12) for end in ("", "_mask")]
    dataset = get_dataset(write(tmp_path / "mine", named(names)))
    assert list(dataset.members) == sorted(f"{i}.png" for i in range(12))
    assert "12 masks are left out, as 0_mask.png" in dataset.notes
    assert layouts.mask_names(["1.jpg", "me_in_a_mask.jpg"]) == set()


@pytest.mark.parametrize("form", ["celeba.zip", "celeba"])
def test_celeba_as_png_and_cropped(form, tmp_path):
    names = [f"img_align_celeba_png/{i:06d}.png" for i in range(1, 49)]
    squares = {name: encode(smooth(np.random.default_rng(i), 64, 64), "PNG") for i, name in enumerate(names)}
    dataset = get_dataset(write(tmp_path / form, squares | OFFICIAL_TABLES))
    assert dataset.name == "celeba" and dataset.crop is None and dataset.split == "given"
    table = dataset.table()
    assert len(table) == 48 and table.loc["000002.png", ["Male", "Smiling"]].tolist() == [1, 0]


def celeba_hq(root, generator, count=42, labels=True):
    """Writes CelebA-HQ as it is published, with a mask of hair and one of skin for each face; its labels and path."""
    smiling = dict(zip(range(count), generator.permutation([-1, 1] * (count // 2))))
    rows = "".join(f"{i}.jpg  {-value} {value}\n" for i, value in smiling.items())
    files = {f"CelebAMask-HQ/CelebA-HQ-img/{i}.jpg": picture(i, 32, 32) for i in range(count)}
    for i in range(count):
        for part in ("hair", "skin"):
            files[f"CelebAMask-HQ/CelebAMask-HQ-mask-anno/{i % 3}/{i:05d}_{part}.png"] = b"a mask"
    if labels:
        files["CelebAMask-HQ/CelebAMask-HQ-attribute-anno.txt"] = f"{count}\nMale Smiling \n{rows}"
    files["CelebAMask-HQ/CelebA-HQ-to-CelebA-mapping.txt"] = "idx orig_idx orig_file\n0 119613 119614.jpg\n"
    return smiling, write(root, files)


@pytest.mark.parametrize("form", ["hq.zip", "hq"])
def test_celeba_hq_with_masks(form, tmp_path, request):
    smiling, path = celeba_hq(tmp_path / form, new_generator(request))
    dataset = get_dataset(path)
    assert "is taken for CelebA-HQ; crop: largest square; split: by lot" in dataset.notes[0]
    assert "84 masks are left out, as CelebAMask-HQ/CelebAMask-HQ-mask-anno/0/00000_hair.png" in dataset.notes
    table = dataset.table()
    assert "non-commercial" in dataset.terms and len(table) == 42
    assert {name: value == 1 for name, value in table["Smiling"].items()} == {
        f"{i}.jpg": value == 1 for i, value in smiling.items()
    }
    assert dataset.read("7.jpg") == picture(7, 32, 32)
    assert len(load_faces(dataset, 16, progress=False).images) == 42
    if form == "hq":
        assert get_dataset(path / "CelebAMask-HQ" / "CelebA-HQ-img").name == "celeba-hq"


def test_celeba_hq_without_its_labels(tmp_path, request):
    _, path = celeba_hq(tmp_path / "hq", new_generator(request), labels=False)
    dataset = get_dataset(path)
    assert any(
        "has no labels: they stand in CelebAMask-HQ-attribute-anno.txt" in line for line in dataset.notes
    )
    faces = load_faces(dataset, 16, progress=False)
    assert list(faces.labels("all")) == list(MEASURED)
