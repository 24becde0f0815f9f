"""Loading a person's own pictures: folders, single pictures and arrays, and what is refused."""

import cv2
import numpy as np
import pytest
from made_pictures import distance, encode, new_generator, smooth

from vae_keras.data import ImageError, framing, load_images


@pytest.fixture
def generator(request):
    return new_generator(request)


def test_load_a_folder_sorted_with_unicode_names(tmp_path, generator):
    faces = {name: smooth(generator, 80, 60) for name in ("b.png", "a.PNG", "é顔.png", "in/c.png", "B.png")}
    for name, face in faces.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode(face, "PNG"))
    for name in ("attributes.csv", ".hidden.png", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"no picture")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._a.png").write_bytes(b"no picture")
    loaded, names = load_images(tmp_path, 32)
    assert names == sorted(faces) == ["B.png", "a.PNG", "b.png", "in/c.png", "é顔.png"]
    for image, name in zip(loaded, names, strict=True):
        assert (image == cv2.resize(faces[name][10:70], (32, 32), interpolation=cv2.INTER_AREA)).all()
    cropped, _ = load_images(tmp_path, 32, crop=0.5)
    assert (cropped[0] == framing.resize(faces["B.png"][25:55, 15:45], 32)).all()


def test_load_one_picture_and_never_crop_what_has_the_size(tmp_path, generator):
    face = smooth(generator, 64, 64)
    (tmp_path / "x.png").write_bytes(encode(face, "PNG"))
    loaded, names = load_images(tmp_path / "x.png", 64, crop=0.5, align=True)
    assert names == ["x.png"] and (loaded[0] == face).all()
    assert (load_images(tmp_path / "x.png", 32, crop=0.5)[0][0] == face[16:48, 16:48]).all()


def test_load_reduces_large_jpegs_and_keeps_them_sharp(tmp_path, generator):
    fine = generator.integers(0, 256, (160, 120, 3), dtype=np.uint8)
    image = cv2.resize(fine, (1200, 1600), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "x.jpg").write_bytes(encode(image, "JPEG", quality=95))
    for crop, allowed in ((None, 12), (0.5, 12), (0.1, 3)):  # of a difference of 60 between any two
        expected = framing.resize(framing.crop_square(image, crop), 64)
        assert distance(load_images(tmp_path / "x.jpg", 64, crop=crop)[0][0], expected) < allowed


def test_load_names_all_that_cannot_be_used(tmp_path, generator):
    (tmp_path / "good.png").write_bytes(encode(smooth(generator), "PNG"))
    (tmp_path / "bad1.jpg").write_bytes(b"<html>")
    (tmp_path / "bad2.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match=r"bad1\.jpg is a web page.*bad2\.jpg is empty") as error:
        load_images(tmp_path)
    assert "good" not in str(error.value) and "\n" not in str(error.value)
    for i in range(30):
        (tmp_path / f"c{i}.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match="And 12 more such pictures"):
        load_images(tmp_path)


def test_load_finds_faces_where_asked(tmp_path):
    pytest.importorskip("mtcnn")
    astronaut = pytest.importorskip("skimage.data").astronaut()
    (tmp_path / "x.png").write_bytes(encode(astronaut, "PNG"))
    loaded, _ = load_images(tmp_path, 64, align=True)
    assert (loaded[0] == framing.frame(astronaut, 64, align=True)).all()
    (tmp_path / "y.png").write_bytes(encode(np.zeros((99, 99, 3), np.uint8), "PNG"))
    with pytest.raises(ImageError, match="y.png shows no face"):
        load_images(tmp_path, 64, align=True)


def test_load_what_is_not_there(tmp_path):
    for name in ("none", "none.npy", "none.jpg"):
        with pytest.raises(FileNotFoundError, match=f"{name} does not exist"):
            load_images(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty holds no pictures .*: check"):
        load_images(tmp_path / "empty")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 64, 64, 3), np.float32), r"float32 of shape \[2, 64, 64, 3\]"),
        (np.zeros((2, 64, 64), np.uint8), r"shape \[2, 64, 64\]"),
        (np.zeros((64, 64, 3), np.uint8), "give uint8 RGB pictures"),
        (np.zeros((2, 64, 64, 4), np.uint8), "shape"),
        (np.zeros((0, 64, 64, 3), np.uint8), "n from 1"),
        (np.zeros((2, 1, 1, 3), np.uint8), "sides from 8"),
        (np.array({"a": 1}), "no whole .npy"),
        (np.array(3), "int64 of shape"),
    ],
)
def test_npy_of_another_form_is_refused(tmp_path, array, words):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(ImageError, match=rf"x\.npy .*{words}.*"):
        load_images(tmp_path / "x.npy")


def test_damaged_npy_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((9, 64, 64, 3), np.uint8))
    data = (tmp_path / "x.npy").read_bytes()
    for part in (b"", data[:50], data[:-1], b"<html>"):
        (tmp_path / "x.npy").write_bytes(part)
        with pytest.raises(ImageError, match=r"x\.npy is no whole \.npy"):
            load_images(tmp_path / "x.npy")
