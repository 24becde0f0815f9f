"""Drawn faces: the same factors give the same bytes, every factor shows, attributes follow from factors."""

import hashlib

import cv2
import numpy as np
import pandas as pd
import pytest

from vae_keras.data.drawn import faces as drawn


def draw(factors, size=64):
    """One face, from a dict or a row of factors."""
    return drawn.draw_faces(pd.DataFrame([dict(factors)]), size)[0]


@pytest.fixture(scope="module")
def table():
    return drawn.sample_factors(400, seed=3)


@pytest.fixture(scope="module")
def faces(table):
    return drawn.draw_faces(table[:80])


def changed(first, second, size=64):
    """The part of a picture that differs between two faces: share of pixels, first and last row and column."""
    first, second = (draw(factors, size).astype(int) for factors in (first, second))
    where = np.abs(first - second).max(axis=2) > 4
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    return where.mean(), rows[0] / size, rows[-1] / size, columns[0] / size, columns[-1] / size


def test_a_row_depends_on_seed_and_number_only(table):
    pd.testing.assert_frame_equal(drawn.sample_factors(37, seed=3), table[:37])
    assert not drawn.sample_factors(37, seed=4).equals(table[:37])
    assert list(table) == list(drawn.FACTORS)


def test_samples_stay_within_the_factors(table):
    for name, values in drawn.FACTORS.items():
        if isinstance(values[0], float):
            assert table[name].between(*values).all() and table[name].nunique() > 100, name
        else:
            assert set(table[name]) == set(values), name


def test_documented_correlations(table):
    others = table[~table["male"]]
    assert (others["beard"] == "none").all() and (others["hair_style"] != "bald").all()
    assert not table["lipstick"][table["male"]].any()
    assert (table["hair_color"][table["age"] > 0.82] == "gray").all()
    assert 0.4 < table["male"].mean() < 0.6 and 0.4 < (table["mouth_open"] == 0).mean() < 0.6
    assert abs(table["smile"].corr(table["male"].astype(float))) < 0.15


def test_the_same_bytes_alone_and_together(table, faces):
    assert faces.dtype == np.uint8 and faces.shape == (80, 64, 64, 3)
    assert (drawn.draw_faces(table[:80]) == faces).all()
    for row in (0, 1, 63, 64, 79):
        assert (draw(table.iloc[row]) == faces[row]).all()
        assert (draw(table.iloc[row].to_dict()) == faces[row]).all()
    assert (drawn.draw_faces(table[70:80]) == faces[70:]).all()


def test_every_face_is_another(faces):
    assert len({hashlib.sha256(face.tobytes()).digest() for face in faces}) == len(faces)
    assert faces.std(axis=0).mean() > 25


def test_a_table_read_from_a_file_draws_the_same(table, faces, tmp_path):
    table[:20].to_csv(tmp_path / "factors.csv", index=False)
    assert (
        drawn.draw_faces(pd.read_csv(tmp_path / "factors.csv", keep_default_na=False)) == faces[:20]
    ).all()


@pytest.mark.parametrize("size", [16, 64, 65, 128, 256])
def test_sizes_show_the_same_picture(table, size):
    face, large = draw(table.iloc[5], size), draw(table.iloc[5], 512)
    assert face.shape == (size, size, 3)
    reduced = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)
    assert np.abs(face.astype(int) - reduced).mean() < (
        8 if size > 16 else 20
    )  # a line is a pixel wide at least


def test_edges_are_smooth():
    face = draw({"hair_style": "bald", "male": True, "background": 0.6, "brightness": 0.0}, 128).astype(int)
    edges = 0
    for row in range(35, 60):  # left edge of the bare head: darkness, some pixels in between, skin
        line = face[row, :64, 0]
        dark, skin = line[:10].mean(), line[50:60].mean()
        between = (line > dark + 0.2 * (skin - dark)) & (line < dark + 0.8 * (skin - dark))
        edges += between.any()
    assert edges >= 20


def test_light_is_soft():
    sky = draw({"hair_style": "bald", "light": 1.0}, 256)[:30].astype(int)
    assert np.abs(np.diff(sky, axis=1)).max() <= 3 and np.ptp(sky[..., 0]) > 15


@pytest.mark.parametrize("name", drawn.FACTORS)
def test_every_factor_shows(name):
    values = drawn.FACTORS[name]
    values = (
        (values[0], sum(values) / 2) if isinstance(values[0], float) else values
    )  # a hue of 1 is that of 0
    faces = {draw({"hair_style": "long", "age": 0.3, name: value}).tobytes() for value in values}
    assert len(faces) == len(values)


REGIONS = {  # what changes, and between which rows and columns of the picture
    "glasses": ({"glasses": "square"}, (0.4, 0.65), (0.15, 0.85)),
    "eyes": ({"eye_color": "blue"}, (0.43, 0.58), (0.3, 0.7)),
    "smile": ({"smile": 1.0}, (0.45, 0.85), (0.25, 0.75)),
    "mouth": ({"mouth_open": 1.0}, (0.65, 0.85), (0.35, 0.65)),
    "lips": ({"lipstick": True}, (0.67, 0.82), (0.38, 0.62)),
    "brows": ({"brow_raise": 1.0}, (0.33, 0.5), (0.25, 0.75)),
    "beard": ({"beard": "full"}, (0.5, 0.97), (0.2, 0.8)),
    "hat": ({"hat": "beanie"}, (0.0, 0.45), (0.12, 0.88)),
    "clothes": ({"clothes": 0.9}, (0.85, 1.0), (0.0, 1.0)),
}


@pytest.mark.parametrize("change, rows, columns", REGIONS.values(), ids=REGIONS)
def test_a_factor_changes_its_part_of_the_picture_only(change, rows, columns):
    share, top, bottom, left, right = changed({}, change, 128)
    assert 0.001 < share < 0.25
    assert rows[0] <= top <= bottom <= rows[1] and columns[0] <= left <= right <= columns[1]


def test_male_is_visible_in_more_than_one_part():
    share, top, bottom, *_ = changed({"male": False}, {"male": True})
    assert share > 0.05 and top < 0.45 and bottom > 0.85


def test_light_comes_from_its_side():
    for light in (-1.0, 1.0):
        face = draw({"light": light, "hair_style": "bald"}).astype(float)
        assert np.sign(face[20:50, 36:50].mean() - face[20:50, 14:28].mean()) == np.sign(light)


def test_attributes_agree_with_the_factors(table):
    found = drawn.attributes(table)
    assert (found.dtypes == np.int8).all() and found.index.equals(table.index)
    expected = {
        "Male": table["male"],
        "Smiling": table["smile"] > 0,
        "Eyeglasses": table["glasses"] != "none",
        "Black_Hair": (table["hair_color"] == "black") & (table["hair_style"] != "bald"),
        "Bald": table["hair_style"] == "bald",
        "No_Beard": table["beard"] == "none",
        "Wearing_Hat": table["hat"] != "none",
        "Mouth_Slightly_Open": table["mouth_open"] > 0.15,
        "Young": table["age"] < 0.65,
    }
    for name, values in expected.items():
        assert (found[name] == values).all(), name
    assert (found.sum() > 5).all() and (found.sum() < 395).all()
    hair = found[["Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Bald"]]
    assert (hair.sum(axis=1) <= 1).all()


def test_attributes_have_the_names_of_celeba():
    assert set(drawn.ATTRIBUTES) <= set(
        """5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair
        Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup
        High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose
        Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat
        Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young""".split()
    )


def test_no_faces_are_an_empty_table():
    table = drawn.sample_factors(0)
    assert drawn.draw_faces(table, 32).shape == (0, 32, 32, 3)
    assert drawn.attributes(table).shape == (0, len(drawn.ATTRIBUTES))


def test_misuse_is_said_in_a_sentence(table):
    with pytest.raises(ValueError, match="0 or more, not -3"):
        drawn.sample_factors(-3)
    for size in (0, 15, 5000, 64.5, "64", None):
        with pytest.raises(ValueError, match="from 16 to 1024"):
            drawn.draw_faces(table[:2], size)
    with pytest.raises(ValueError, match="no factor 'smiles'; did you mean smile"):
        draw({"smiles": 1.0})
    with pytest.raises(ValueError, match="hair_style .* one of short, bald.* not mohawk"):
        draw({"hair_style": "mohawk"})
    for value in (3.0, float("nan"), "wide"):
        with pytest.raises(ValueError, match="smile .* from -1.0 to 1.0, not"):
            draw({"smile": value})
