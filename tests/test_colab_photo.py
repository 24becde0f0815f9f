"""Photographs that are asked for in Google Colab, with a stub of its module."""

import base64
import io
import sys
import types

import numpy as np
import pytest
from PIL import Image

from vae_keras import data
from vae_keras.applications import photo

MODEL = types.SimpleNamespace(
    vae=types.SimpleNamespace(image_size=32), card={"crop": None, "find_face": False}
)


def picture(value, form="PNG"):
    """Return the bytes of a grey picture."""
    written = io.BytesIO()
    Image.fromarray(np.full((48, 48, 3), value, "uint8")).save(written, form)
    return written.getvalue()


@pytest.fixture
def colab(monkeypatch):
    """Return a stub of google.colab, whose functions the tests set."""
    module = types.ModuleType("google.colab")
    module.files, module.output = types.SimpleNamespace(), types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "google.colab", module)
    return module


@pytest.mark.parametrize("way", ["upload", "camera"])
def test_outside_of_colab_it_says_what_to_do(way, monkeypatch):
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    with pytest.raises(data.ImageError, match=f'"{way}" works in Google Colab only: write the path'):
        photo.own_photograph(way, MODEL)


def test_a_chosen_file_is_read(colab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def upload():
        (tmp_path / "me (1).png").write_bytes(picture(70))
        return {"me (1).png": picture(70)}

    colab.files.upload = upload
    photograph, face = photo.own_photograph("upload", MODEL)
    assert photograph.shape == (48, 48, 3) and (photograph == 70).all() and (face.image == 70).all()


@pytest.mark.parametrize("chosen", [{}, {"a.png": b"", "b.png": b""}])
def test_not_one_file_is_said(colab, chosen):
    colab.files.upload = lambda: chosen
    with pytest.raises(data.ImageError, match=f"{len(chosen)} files were chosen: .* choose one"):
        photo.own_photograph("upload", MODEL)


def test_a_picture_of_the_camera_is_read_and_nothing_is_written_beside_the_notebook(
    colab, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    address = "data:image/jpeg;base64," + base64.b64encode(picture(120, "JPEG")).decode()
    colab.output.eval_js = lambda script: address
    photograph, _ = photo.own_photograph("camera", MODEL)
    assert np.abs(photograph.astype(int) - 120).max() <= 2
    assert not list(tmp_path.iterdir())


def test_a_camera_that_is_not_allowed_is_said(colab):
    def refuse(script):
        raise RuntimeError("NotAllowedError: Permission denied")

    colab.output.eval_js = refuse
    with pytest.raises(data.ImageError, match="camera gave no picture .*Permission denied.*: allow it"):
        photo.own_photograph("camera", MODEL)
