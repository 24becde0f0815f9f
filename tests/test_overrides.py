"""What somebody says of the pictures, by --layout, --crop and --split, comes before what they are taken for."""

from types import SimpleNamespace

import numpy as np
import pytest
from made_pictures import CELEBA, KAGGLE_TABLES, celeba, folder_of, lfw, new_generator, picture, write

from vae_keras import cli
from vae_keras.cli import common, options, train
from vae_keras.data import cache, get_dataset, layout_names, load_faces
from vae_keras.hub.cards import _check_values


@pytest.fixture
def generator(request):
    return new_generator(request)


def parts_of_people(dataset):
    """How many parts each folder's pictures are in."""
    split = dataset.table()["split"]
    return split.groupby([name.rpartition("/")[0] for name in split.index]).nunique()


def test_a_layout_that_is_said_is_taken(tmp_path):
    path = lfw(tmp_path / "people")
    assert get_dataset(path).name == "lfw" and get_dataset(path).crop == 118 / 250
    own = get_dataset(path, layout="folder")
    assert own.name == "people" and own.crop is None and "LFW" not in own.terms
    assert "is taken for pictures of your own; crop: largest square; split: by lot, people" in own.notes[0]
    assert own.notes[0].endswith("(--layout, --crop and --split override that)")
    names = [f"{p}/{i}.jpg" for p in "abcdefgh" for i in range(6)]
    files = {name: picture(i, 250, 250) for i, name in enumerate(names)}
    other = get_dataset(write(tmp_path / "others", files), layout="lfw")
    assert other.name == "lfw" and other.crop == 118 / 250 and (parts_of_people(other) == 1).all()


def test_a_layout_that_does_not_fit_says_what_it_lacks(tmp_path):
    path = folder_of(tmp_path, 12)
    with pytest.raises(FileNotFoundError, match=f"{path} holds no CelebA pictures"):
        get_dataset(path, layout="celeba")
    with pytest.raises(ValueError, match="There is no layout 'lwf'; did you mean lfw"):
        get_dataset(path, layout="lwf")
    with pytest.raises(ValueError, match="cartoon is a data set of its own: leave out --layout"):
        get_dataset("cartoon", layout="folder")
    assert layout_names()[0] == "anime" and layout_names()[-1] == "folder"
    assert "cartoon" not in layout_names()


def test_a_crop_that_is_said_is_taken(tmp_path, generator):
    path = celeba("kaggle folder", tmp_path)
    crop = generator.uniform(0.2, 0.7)
    dataset = get_dataset(path, crop=crop)
    assert dataset.crop == crop and f"crop: centre, {crop:.2f} of the width" in dataset.notes[0]
    small, whole = (get_dataset(path, crop=c).framed(["000001.jpg"], 8)[0] for c in (0.4, "square"))
    assert not np.array_equal(small, whole) and get_dataset(path, crop="square").crop is None
    squares = {f"img_align_celeba/{name}": picture(i, 64, 64) for i, name in enumerate(CELEBA)}
    cropped = write(tmp_path / "cropped", squares | KAGGLE_TABLES)
    assert get_dataset(cropped, crop=0.5).crop == 0.5 and len(get_dataset(cropped, crop=0.5).notes) == 1


@pytest.mark.parametrize("crop", [0, -1, 1.5, float("nan"), "centre", True, [1]])
def test_a_crop_that_is_none_is_refused(crop, tmp_path):
    with pytest.raises(ValueError, match="There is no crop .*takes square, or a fraction .* 0.1 to 1"):
        get_dataset(folder_of(tmp_path, 12), crop=crop)


def test_a_crop_beside_what_frames_already_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Drawn faces are drawn .*leave out --crop"):
        get_dataset("cartoon", crop=0.5)
    pytest.importorskip("mtcnn")
    with pytest.raises(ValueError, match="--align finds the face .*leave out --crop"):
        get_dataset(folder_of(tmp_path, 12), align=True, crop=0.5)


def test_a_split_that_is_said_is_taken(tmp_path):
    people = lfw(tmp_path / "people")
    assert (parts_of_people(get_dataset(people)) == 1).all()
    by_picture = get_dataset(people, split="picture")
    assert (parts_of_people(by_picture) > 1).any() and "split: by lot (" in by_picture.notes[0]
    names = [f"{p}/{i}.jpg" for p in "abcdefgh" for i in range(6)]
    own = write(tmp_path / "mine", {name: picture(i) for i, name in enumerate(names)})
    assert (parts_of_people(get_dataset(own)) > 1).any()
    by_person = get_dataset(own, split="person")
    assert (parts_of_people(by_person) == 1).all() and by_person.table()["split"].nunique() == 3


def test_people_in_two_parts_are_kept_together(tmp_path):
    people = "abcdef"
    names = [f"{part}/{p}/{i}.jpg" for part in ("train", "test") for p in people for i in range(4)]
    mine = write(tmp_path / "mine", {name: picture(i) for i, name in enumerate(names)})
    split = get_dataset(mine, split="person").table()["split"]
    assert (split.groupby([name.split("/")[1] for name in split.index]).nunique() == 1).all()
    names = [f"{part}/{i}.jpg" for part in ("train", "val", "test") for i in range(14)]
    flat = write(tmp_path / "flat", {name: picture(i) for i, name in enumerate(names)})
    with pytest.raises(ValueError, match="--split takes given or picture here"):
        get_dataset(flat, split="person")


def test_a_given_split_gives_way(tmp_path):
    path = celeba("kaggle folder", tmp_path)
    given, lot = get_dataset(path).table(), get_dataset(path, split="picture").table()
    assert list(given.columns) == list(lot.columns) and not given["split"].equals(lot["split"])
    names = [f"{'Train' if i < 30 else 'test'}/{i:03d}.jpg" for i in range(40)]
    mine = write(tmp_path / "mine", {name: picture(i) for i, name in enumerate(names)})
    faces = load_faces(mine, 16, split="picture", progress=False)
    assert {name.split("/")[0] for name in faces.table.index[faces.rows("test")]} == {"Train", "test"}
    assert not [line for line in faces.dataset.notes if "as given" in line]


@pytest.mark.parametrize(
    ("split", "words"), [("given", "picture"), ("person", "picture"), ("week", "picture")]
)
def test_a_split_that_cannot_be_is_refused(split, words, tmp_path):
    path = folder_of(tmp_path, 12)
    with pytest.raises(ValueError, match=f"mine cannot be split by '{split}': --split takes {words} here"):
        get_dataset(path, split=split)
    with pytest.raises(ValueError, match="celeba-dataset cannot .* takes given or picture here"):
        get_dataset(celeba("kaggle folder", tmp_path), split="person")


def test_two_people_of_lfw_are_split_by_picture(tmp_path):
    files = {f"{p}/{p}_{i:04d}.jpg": picture(i, 250, 250) for p in ("A_B", "C_D") for i in range(1, 25)}
    dataset = get_dataset(write(tmp_path / "mine", files))
    assert dataset.name == "lfw" and set(dataset.table()["split"]) == {"train", "validation", "test"}


def test_the_cache_follows_what_is_said(tmp_path):
    path = lfw(tmp_path / "people")
    said = [{}, {"layout": "folder"}, {"crop": 0.9}, {"split": "picture"}, {"layout": "folder", "crop": 0.9}]
    keys = {cache.cache_folder(cache.cache_settings(get_dataset(path, **one), 16, None)) for one in said}
    assert len(keys) == len(said)
    faces = load_faces(path, 16, progress=False)
    other = load_faces(path, 16, progress=False, crop=0.9)
    assert not np.array_equal(faces.images, other.images)
    with pytest.raises(ValueError, match="give layout, crop and split to get_dataset"):
        load_faces(get_dataset(path), 16, crop=0.9)


READERS = {
    "train": "train --data {data} --out {out}",
    "faces": "faces --data {data} --out {out}",
    "classifier": "classifier --data {data} --out {out}",
    "evaluate": "evaluate --model cartoon --data {data}",
    "directions": "directions --model cartoon --attribute Hat --data {data} --out {out}",
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("--layout celeba", "mine holds no CelebA pictures"),
        ("--layout lwf", "argument --layout: invalid choice: 'lwf'"),
        ("--crop 2", "argument --crop: 2 is no number from 0.1 to 1, and not square"),
        ("--split person", "mine cannot be split by 'person': --split takes picture here"),
    ],
)
def test_every_command_that_reads_a_data_set_takes_them(name, said, words, tmp_path, capsys):
    path = folder_of(tmp_path, 40)
    line = READERS[name].format(data=path, out=tmp_path / "out") + " " + said
    assert cli.main(line.split()) == 2
    assert words in capsys.readouterr().err


def test_a_model_is_measured_as_it_was_trained(tmp_path, monkeypatch):
    """Without --data the pictures are taken for what they were taken for then."""
    path = lfw(tmp_path / "people")
    trained = get_dataset(path, layout="folder", crop=0.5, split="picture")
    card = {"data": trained.address, "limit": None, "find_face": False, "overrides": trained.overrides}
    model = SimpleNamespace(card=card, vae=SimpleNamespace(image_size=16))
    found = []
    monkeypatch.setattr("vae_keras.data.load_faces", lambda dataset, *rest, **more: found.append(dataset))
    parser = cli.build_parser("evaluate")
    for words in ("", "--crop 0.8", f"--data {path}"):
        common.load_faces_of(model, parser.parse_args(["evaluate", "--model", "x", *words.split()]))
    assert [(one.name, one.crop, one.split) for one in found] == [
        ("people", 0.5, "picture"),
        ("people", 0.8, "picture"),
        ("lfw", 118 / 250, "person"),
    ]


def test_a_model_is_sharpened_with_the_pictures_that_it_was_made_from(tmp_path, monkeypatch):
    path = lfw(tmp_path / "people")
    said = dict(layout="folder", crop=0.5, split="picture")
    trained = get_dataset(path, **said)
    card = dict(source="people", crop=0.5, find_face=False, overrides=trained.overrides)
    model = SimpleNamespace(card=card, sharpened=False, vae=SimpleNamespace(image_size=16))
    monkeypatch.setattr("vae_keras.hub.load", lambda folder: model)
    folder = write(tmp_path / "model", {"card.json": "{}"})
    asked = SimpleNamespace(out=folder, force=False, sharpen=1, further=False), SimpleNamespace(image_size=16)
    assert train.find_trained(*asked, trained) is model
    with pytest.raises(ValueError, match="taken for another layout: add --layout folder"):
        train.find_trained(*asked, get_dataset(path, crop=0.5, split="picture"))
    card["overrides"] = {**trained.overrides, "layout": None}
    with pytest.raises(ValueError, match="taken for another layout: leave out --layout"):
        train.find_trained(*asked, trained)
    card["overrides"] = trained.overrides
    for change in ({"crop": 0.6}, {"split": None}):
        with pytest.raises(
            ValueError, match="otherwise cropped or split pictures: --crop and --split as when"
        ):
            train.find_trained(*asked, get_dataset(path, **said | change))


@pytest.mark.parametrize("value", [[], "crop", {"crop": {}}, {"split": ["given"]}])
def test_a_card_with_odd_overrides_is_refused(value):
    model = {"image_size": 16, "latent_dim": 8}
    card = dict(model=model, data="x", limit=None, crop=None, find_face=False, overrides={"crop": 0.5})
    _check_values(card)
    with pytest.raises(ValueError, match="wrong value for overrides"):
        _check_values(card | {"overrides": value})


def test_a_crop_of_the_command_line():
    assert options.crop("square") == "square" and options.crop("0.25") == 0.25
