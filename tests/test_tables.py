"""Pictures and the rows of tables: names that differ, columns that are no labels, labels that nobody gave."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
from made_pictures import celeba, folder_of, picture, write

from vae_keras import config
from vae_keras.data import get_dataset, load_faces, tables

NAMES = [f"a/{i:03d}.png" for i in range(12)]


@pytest.mark.parametrize(
    "cell",
    [
        str,
        lambda name: name.upper(),
        lambda name: name.replace("/", "\\"),
        lambda name: f"./{name}",
        lambda name: f" {name} ",
        lambda name: f"C:\\me\\{name}",
        lambda name: f"/home/me/{name}",
        lambda name: name[2:],
        lambda name: name[2:5],
        lambda name: str(int(name[2:5])),
        lambda name: name.replace(".png", ".jpg"),
        lambda name: unicodedata.normalize("NFD", name),
    ],
)
def test_names_are_matched_whatever_their_form(cell):
    rows = tables.match_names(NAMES, [cell(name) for name in reversed(NAMES)]).rows
    assert rows.tolist() == list(range(11, -1, -1))


def test_a_row_belongs_to_one_picture_and_what_is_ambiguous_to_none():
    rows = tables.match_names(["a/1.png", "b/1.png"], ["a/1.png", "c/1.png"]).rows
    assert rows.tolist() == [0, tables.NO_ROW]
    rows = tables.match_names(["a/1.png", "b/1.png"], ["1.png"]).rows
    assert rows.tolist() == [tables.NO_ROW] * 2
    rows = tables.match_names(["1.png", "1.jpg", "001.png"], ["1.jpg", "1.png", "1"]).rows
    assert rows.tolist() == [1, 0, 2]
    rows = tables.match_names(["1.webp"], ["1.jpg", "1.png"]).rows
    assert rows.tolist() == [tables.NO_ROW]
    rows = tables.match_names(["1.png"], ["1.png", "1.png"]).rows
    assert rows.tolist() == [0]


def test_the_column_that_fits_best_holds_the_names():
    names = [f"{i}.png" for i in range(1, 13)]
    table = pd.DataFrame({"": map(str, range(12)), "Smiling": "1", "file": names})
    match = tables.match_table(names, table)
    assert match.column == "file" and match.rows.tolist() == list(range(12))


def table_of(text, count=12, **more):
    """The data set of a folder with this attributes.csv."""

    def make(tmp_path):
        return get_dataset(folder_of(tmp_path, count, **{"attributes.csv": text}, **more))

    return make


def test_a_picture_without_a_row_is_unknown_and_that_is_said(tmp_path, capsys):
    rows = "".join(f"{i:03d}.jpg,{i % 2}\n" for i in range(38))
    dataset = table_of("name,Happy\n" + rows, 40)(tmp_path)
    faces = load_faces(dataset, 16)
    assert "attributes.csv: 38 of 40 pictures have a row; 2 unknown" in capsys.readouterr().out
    assert sorted(faces.table["Happy"].value_counts().items()) == [(-1, 2), (0, 19), (1, 19)]
    labels = faces.labels("all", ["Happy", "Bright"])
    assert labels["Happy"].isna().sum() == 2 and labels["Bright"].dtype == bool
    assert labels.loc[["038.jpg", "039.jpg"], "Happy"].isna().all() and labels["Happy"].sum() == 19


def test_a_row_that_may_be_of_two_pictures_is_of_none_and_that_is_said(tmp_path):
    rows = "".join(f"{name},1\n" for name in ["a", *(f"{i:03d}" for i in range(1, 12))])
    more = {"a.jpg": picture(50), "a.JPG": picture(51), "attributes.csv": "name,Hat\n" + rows}
    dataset = get_dataset(folder_of(tmp_path, 12, **more))
    if len(dataset.members) < 14:
        pytest.skip("needs a file system that tells upper from lower case")
    known = dataset.table()["Hat"]
    unknown = known.index[known == tables.UNKNOWN]
    assert list(unknown) == ["000.jpg", "a.JPG", "a.jpg"] and dataset.read("a.JPG") == picture(51)
    assert "attributes.csv: 11 of 14 pictures have a row; 3 unknown, as 000.jpg" in dataset.notes


def test_faces_of_which_every_label_is_known(tmp_path, capsys):
    rows = "".join(f"{i:03d}.jpg,{i % 2},{'' if i == 3 else i % 2}\n" for i in range(38))
    faces = load_faces(table_of("name,Happy,Hat\n" + rows, 40)(tmp_path), 16)
    kept = faces.wholly_labelled()
    assert "3 of 40 pictures lack a label and are left out" in capsys.readouterr().out
    assert sorted(kept.table.index) == [f"{i:03d}.jpg" for i in range(38) if i != 3]
    for split in ("train", "validation", "test"):
        known = faces.labels(split, ["Happy", "Hat"]).notna().all(axis=1).to_numpy()
        np.testing.assert_array_equal(getattr(kept, split), getattr(faces, split)[known])
        assert (kept.labels(split, ["Happy", "Hat"]).dtypes == bool).all()
    assert kept.wholly_labelled() is kept


def test_a_split_without_a_wholly_labelled_picture_is_refused(tmp_path):
    names = load_faces(folder_of(tmp_path / "plain", 40), 16).table
    rows = "".join(f"{name},{i % 2}\n" for i, name in enumerate(names.index[names["split"] == "train"]))
    faces = load_faces(table_of("name,Happy\n" + rows, 40)(tmp_path / "partly"), 16)
    with pytest.raises(ValueError, match="No validation picture .* has all labels \\(Happy\\)"):
        faces.wholly_labelled()


def test_columns_are_read_and_those_left_out_are_named(tmp_path):
    rows = [
        f"{i:03d}.jpg, {i % 2},{'yn'[i % 2]},{'nan' if i == 5 else i % 2},{20 + i},1,\n" for i in range(12)
    ]
    dataset = table_of("name, Smiling ,Glasses,Hat,age,Bright,empty\n" + "".join(rows))(tmp_path)
    labels = dataset.table().drop(columns="split")
    assert list(labels) == ["Smiling", "Glasses", "Hat"] and (labels.dtypes == np.int8).all()
    assert labels.loc["003.jpg"].tolist() == [1, 0, 1] and labels.loc["005.jpg", "Hat"] == tables.UNKNOWN
    said = dataset.notes[2]
    assert "age (12 different values" in said and "Bright (" in said and "empty (empty)" in said


def test_words_that_are_missing_are_unknown(tmp_path):
    rows = "".join(f"{i:03d}.jpg;{'red' if i < 5 else 'black' if i < 11 else ''}\n" for i in range(12))
    labels = table_of("name;hair\n" + rows)(tmp_path).table()
    assert labels["hair_red"].tolist() == [1] * 5 + [0] * 6 + [-1]


@pytest.mark.parametrize(
    "text",
    ["name,a\r{}", "\n\nname,a\n{}", 'name,"a;b;c"\n{}', "name;a\n{}", "name\ta\n{}", '"name","a"\n{}'],
)
def test_tables_as_programs_write_them(text, tmp_path):
    end = "\r" if "\r" in text else "\n"
    sign = next(sign for sign in "\t," if sign in text) if ";" not in text or "," in text else ";"
    rows = "".join(f"{i:03d}.jpg{sign}{i % 2}{end}" for i in range(12))
    dataset = table_of(text.format(rows))(tmp_path)
    assert dataset.table().iloc[:, 1].tolist() == [0, 1] * 6


def test_cells_beyond_the_header_are_said(tmp_path):
    rows = "".join(f"{i:03d}.jpg,{i % 2},7\n" for i in range(12))
    dataset = table_of("name,Happy\n" + rows)(tmp_path)
    assert dataset.table()["Happy"].sum() == 6 and "more cells than its header" in dataset.notes[1]


def test_celeba_as_png(tmp_path):
    path = celeba("kaggle folder", tmp_path)
    inner = path / "img_align_celeba" / "img_align_celeba"
    for file in inner.iterdir():
        file.rename(file.with_suffix(".png"))
    inner.rename(path / "img_align_celeba_png")
    table = get_dataset(path).table()
    assert list(table.index[:2]) == ["000001.png", "000002.png"] and list(table["Male"][:3]) == [0, 1, 0]


def test_anime_without_a_row_is_unknown(tmp_path):
    files = {f"images/{i}.jpg": picture(i) for i in range(20)}
    tags = "".join(f"{i},{'aqua' if i % 2 else 'pink'} hair red eyes\n" for i in range(19))
    dataset = get_dataset(write(tmp_path / "anime.zip", {**files, "tags.csv": tags}))
    assert dataset.table().loc[["18.jpg", "19.jpg"], "Pink_Hair"].tolist() == [1, -1]
    assert dataset.notes[-1:] == ["tags.csv: 19 of 20 pictures have a row; 1 unknown, as 19.jpg"]


def test_anime_with_a_row_of_no_colour_is_known(tmp_path):
    files = {f"images/{i}.jpg": picture(i) for i in range(20)}
    tags = "".join(f"{i},{'smile' if i == 7 else 'pink hair red eyes'}\n" for i in range(20))
    dataset = get_dataset(write(tmp_path / "anime.zip", {**files, "tags.csv": tags}))
    assert dataset.table().loc[["7.jpg", "8.jpg"], "Pink_Hair"].tolist() == [0, 1]
    assert not [note for note in dataset.notes if "unknown" in note]


def test_names_of_files_never_steer_a_terminal():
    assert config.printable("a\x1b[2J\r\udc80é.png") == "a\\x1b[2J\\r\\udc80é.png"
