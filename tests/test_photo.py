"""A person's own pictures come framed as the model's training pictures, in the order that they were given in."""

from types import SimpleNamespace

import numpy as np
import pytest

from vae_keras import data
from vae_keras.applications.photo import load_photos


@pytest.fixture
def model():
    card = {"crop": 0.5, "find_face": False}
    return SimpleNamespace(vae=SimpleNamespace(image_size=16), card=card)


def squares(*levels, size=64):
    """Pictures with a white frame around a grey square of half the width."""
    images = np.full((len(levels), size, size, 3), 255, "uint8")
    for image, level in zip(images, levels):
        image[size // 4 : -size // 4, size // 4 : -size // 4] = level
    return images


def test_pictures_are_cropped_as_the_card_says(model, tmp_path):
    data.save_images(squares(40), tmp_path / "one.png")
    for paths in (tmp_path / "one.png", str(tmp_path / "one.png"), [tmp_path / "one.png"]):
        found = load_photos(paths, model)
        assert found.shape == (1, 16, 16, 3) and found.dtype == np.uint8 and (found == 40).all()
    model.card["crop"] = None
    assert load_photos(tmp_path / "one.png", model).max() == 255


def test_several_paths_keep_their_order(model, tmp_path):
    data.save_images(squares(10), tmp_path / "z.png")
    data.save_images(squares(20), tmp_path / "a.png")
    data.save_images(squares(30, 40), tmp_path / "folder")
    np.save(tmp_path / "array.npy", squares(50, 60))
    paths = [tmp_path / name for name in ("z.png", "a.png", "folder", "array.npy")]
    assert load_photos(paths, model)[:, 8, 8, 0].tolist() == [10, 20, 30, 40, 50, 60]


def test_home_is_found_and_what_is_missing_is_said(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    data.save_images(squares(10), tmp_path / "one.png")
    assert len(load_photos("~/one.png", model)) == 1
    with pytest.raises(FileNotFoundError, match="none.png"):
        load_photos(["~/one.png", tmp_path / "none.png"], model)


def test_a_face_is_looked_for_where_the_card_says_so(model, tmp_path):
    data.save_images(squares(10, size=256), tmp_path / "one.png")
    model.card["find_face"] = True
    with pytest.raises(ValueError, match="no face that can be found"):
        load_photos(tmp_path / "one.png", model)
