"""Photographs as they come: turned by EXIF, with alpha, grey, of 16 bits, HEIC, with several faces, and large."""

import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image

from vae_keras import cli, hub
from vae_keras.applications import full_size, photo
from vae_keras.data import ImageError, alignment, framing, images

CENTRES = [(100, 120)]  # of the faces that the stand-in finds, in pixels of the photograph


class Finder:
    """In the place of MTCNN: it finds upright faces, 60 pixels wide, around CENTRES."""

    def detect_faces(self, image):
        # the photograph is smaller than LARGEST_SIDE: only the border shifts it
        height, width = image.shape[:2]
        border = round(alignment.BORDER * max(height, width) / (1 + 2 * alignment.BORDER))
        found = []
        for number, centre in enumerate(CENTRES):
            points = 60 * (np.array(alignment.TEMPLATE) - 0.5) + centre + border
            side = 60 - number
            box = [centre[0] - 30 + border, centre[1] - 30 + border, side, side]
            keypoints = dict(zip(alignment.POINTS, points.tolist()))
            found.append({"box": box, "keypoints": keypoints, "confidence": 1.0})
        return found


@pytest.fixture(scope="module")
def model():
    return hub.load("celeba")


@pytest.fixture(autouse=True)
def quick(model, monkeypatch):
    """Neither the finder nor the model is loaded for each command."""
    monkeypatch.setattr(alignment, "_finder", Finder)
    monkeypatch.setattr(hub, "load", lambda name, plain=False: model)
    monkeypatch.setitem(globals(), "CENTRES", [(100, 120)])


@pytest.fixture
def photograph():
    """A soft picture, 200 wide and 300 high, light above and dark below."""
    rng = np.random.default_rng(0)
    soft = cv2.resize(rng.integers(60, 200, (6, 4, 3), dtype="uint8"), (200, 300))
    return cv2.addWeighted(
        soft, 0.6, np.linspace(100, 0, 300)[:, None, None].astype("uint8") + 0 * soft, 1, 0
    )


def edit(path, out, *more):
    return cli.main(
        ["edit", "--model", "celeba", "--images", path, "--attribute", "Smiling", "--out", out, *more]
    )


def read(path):
    return images.read_image(path).astype(int)


def test_a_photograph_turned_by_exif_is_edited_upright(photograph, tmp_path):
    turned = Image.fromarray(np.rot90(photograph))  # the camera was held on its side
    exif = Image.Exif()
    exif[274] = 6  # turn by 90 degrees to the right
    turned.save(tmp_path / "x.png", exif=exif)
    assert edit(tmp_path / "x.png", tmp_path / "out.png") == 0
    edited = read(tmp_path / "out.png")
    assert edited.shape == photograph.shape
    changed = np.abs(edited - photograph).max(axis=2) > 0
    assert changed[80:160, 60:140].any() and not changed[200:].any()


def test_transparency_is_white_afterwards_and_that_is_said(photograph, tmp_path, capsys):
    alpha = np.full(photograph.shape[:2], 255, "uint8")
    alpha[250:] = 0
    Image.fromarray(np.dstack([photograph, alpha])).save(tmp_path / "x.png")
    Image.fromarray(np.dstack([photograph, np.full_like(alpha, 255)])).save(tmp_path / "opaque.png")
    assert edit(tmp_path / "x.png", tmp_path / "out.png") == 0
    assert "x.png: what was transparent is white now" in capsys.readouterr().out
    assert (read(tmp_path / "out.png")[250:] == 255).all()
    assert edit(tmp_path / "opaque.png", tmp_path / "out.png") == 0
    assert "transparent" not in capsys.readouterr().out


def test_black_and_white_stays_so(photograph, tmp_path):
    grey = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
    for suffix in ("png", "jpg"):
        Image.fromarray(grey).save(tmp_path / f"x.{suffix}")
        assert edit(tmp_path / f"x.{suffix}", tmp_path / "out.png") == 0
        edited = read(tmp_path / "out.png")
        assert np.ptp(edited, axis=2).max() == 0
        assert np.abs(edited[..., 0] - read(tmp_path / f"x.{suffix}")[..., 0]).max() > 5


def test_sixteen_bits_are_edited_as_eight(photograph, tmp_path):
    grey = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
    Image.fromarray(grey).save(tmp_path / "8.png")
    Image.fromarray(grey.astype("uint16") * 257).save(tmp_path / "16.png")
    for bits in (8, 16):
        assert edit(tmp_path / f"{bits}.png", tmp_path / f"out{bits}.png") == 0
    np.testing.assert_array_equal(read(tmp_path / "out8.png"), read(tmp_path / "out16.png"))


def test_heic_is_read_with_the_plug_in_and_else_said(photograph, tmp_path, monkeypatch):
    plug_in = pytest.importorskip("pillow_heif")
    path = tmp_path / "x.heic"
    plug_in.from_pillow(Image.fromarray(photograph)).save(path, quality=90)
    assert np.abs(read(path) - photograph).mean() < 4
    assert edit(path, tmp_path / "out.png") == 0
    monkeypatch.setattr(images, "_learn_heic", lambda: None)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    with pytest.raises(ImageError, match="x.heic is a HEIC photograph .*: save it as JPEG first, or run pip"):
        images.read_image(path)


def test_every_face_of_a_group_is_edited_or_the_one_that_is_chosen(photograph, tmp_path, capsys):
    group = np.concatenate([photograph, photograph], axis=1)
    Image.fromarray(group).save(tmp_path / "x.png")
    CENTRES.append((300, 120))
    edited, lines = {}, {}
    for name, more in {"all": [], "second": ["--face", "2"]}.items():
        assert edit(tmp_path / "x.png", tmp_path / "out.png", *more) == 0
        lines[name] = capsys.readouterr().out
        changed = (read(tmp_path / "out.png") != group).any(axis=2)
        edited[name] = changed[:, :200].any(), changed[:, 200:].any()
    assert edited == {"all": (True, True), "second": (False, True)}
    assert "x.png: 2 faces found; edited: 2" in lines["all"]
    assert "x.png: 2 faces found; edited: number 2" in lines["second"]
    assert edit(tmp_path / "x.png", tmp_path / "out.png", "--face", "3") == 2
    assert "there is no face 3" in capsys.readouterr().err


def test_a_framed_picture_is_said_to_be_one(photograph, tmp_path, capsys):
    Image.fromarray(photograph).save(tmp_path / "x.png")
    assert edit(tmp_path / "x.png", tmp_path / "out.png", "--no-align") == 0
    assert "x.png: taken as it is framed; edited" in capsys.readouterr().out


def test_reconstruct_and_interpolate_find_faces_too(photograph, model, tmp_path):
    Image.fromarray(photograph).save(tmp_path / "x.png")
    aligned = photo.find_in_photo(photograph, model)[0].image
    assert (
        cli.main(
            ["reconstruct", "--model", "celeba", "--images", tmp_path / "x.png", "--out", tmp_path / "r.npy"]
        )
        == 0
    )
    expected = model.reconstruct(aligned[None])
    np.testing.assert_array_equal(np.load(tmp_path / "r.npy"), expected)
    two = [tmp_path / "x.png"] * 2
    assert cli.main(["interpolate", "--model", "celeba", "--images", *two, "--out", tmp_path / "i.npy"]) == 0
    assert np.abs(np.load(tmp_path / "i.npy")[0].astype(int) - expected[0]).max() <= 1


def test_a_large_photograph_is_not_computed_as_a_whole():
    """As floats, its layers would take 252 MB; a band of rows at a time, the copy of it takes most."""
    large = np.full((3000, 3000, 3), 100, "uint8")  # 27 MB
    face = framing.crop_face(large, 1.0, 64)
    change = np.full((64, 64, 3), 0.2, "float32")
    tracemalloc.start()
    edited = full_size.paste_change(large, face, change)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * large.nbytes
    assert edited[1500, 1500, 0] == 151 and edited[0, 0, 0] == 100
