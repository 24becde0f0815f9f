"""Pictures of folders that commands are given: one that cannot be used is named and left out."""

import pytest
from made_pictures import picture, write

from vae_keras.cli import common
from vae_keras.data import ImageError, read_image


def test_a_bad_picture_of_a_folder_is_named_and_left_out(tmp_path, capsys):
    folder = write(tmp_path / "mine", {"1.jpg": picture(1), "2.jpg": b"broken", "sub/3.jpg": picture(3)})
    images, names = common.read_each([folder], read_image)
    assert names == ["1.jpg", "sub/3.jpg"] and len(images) == 2
    said = capsys.readouterr().err
    assert said.startswith("left out: ") and "2.jpg is no picture" in said and said.count("\n") == 1


def test_a_bad_picture_that_is_named_itself_is_an_error(tmp_path):
    folder = write(tmp_path / "mine", {"1.jpg": picture(1), "2.jpg": b"broken"})
    with pytest.raises(ImageError, match="2.jpg is no picture"):
        common.read_each([folder / "1.jpg", folder / "2.jpg"], read_image)


def test_a_folder_without_any_usable_picture_is_an_error(tmp_path):
    folder = write(tmp_path / "mine", {"1.jpg": b"broken"})
    with pytest.raises(ValueError, match="None of the pictures in .*mine can be used"):
        common.read_each([folder], read_image)
