"""The dial: its slider draws the face anew, and pictures stand in its place where nothing runs."""

import io
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vae_keras import data, hub, latent, plots
from vae_keras.applications import dial as dials
from vae_keras.applications import photo
from vae_keras.model import VAE

ipywidgets = pytest.importorskip("ipywidgets")


@pytest.fixture(scope="module")
def model():
    """A small model that was not trained, with two directions; the second is the longer one."""
    vae = VAE(image_size=16, latent_dim=4, filters=(8, 8))
    table = pd.DataFrame(np.float32([[1, 0, 0, 0], [0, 9, 0, 0]]), pd.Index(["Smiling", "Gray_Hair"]))
    return hub.Pretrained(vae, None, table, pd.Series([1.0, 1.0], table.index))


@pytest.fixture
def z():
    return np.float32([0.5, -1, 0, 2])


@pytest.fixture
def notebook(monkeypatch):
    """As in a notebook that somebody has open."""
    monkeypatch.delenv("VAE_KERAS_STATIC", raising=False)
    monkeypatch.setitem(sys.modules, "ipykernel", pytest.importorskip("ipykernel"))


def test_the_slider_draws_the_face_as_far_as_it_says(model, z, notebook):
    box = dials.dial(model, z, "Gray_Hair")
    slider, face = box.children
    assert slider.description == "Gray Hair" and slider.value == 0 and (slider.min, slider.max) == (-1.5, 1.5)
    assert face.value == dials.face_jpeg(model.vae, z)
    for strength in (1.0, -0.5, 0.0):
        slider.value = strength
        assert face.value == dials.face_jpeg(model.vae, z + strength * model.direction("Gray_Hair"))
    slider.value = 7.0  # beyond its end
    assert face.value == dials.face_jpeg(model.vae, z + 1.5 * model.direction("Gray_Hair"))


def test_several_sliders_add_up(model, z, notebook):
    first, second, face = dials.dial(model, z, ["Smiling", "Gray_Hair"]).children
    assert (first.description, second.description) == ("Smiling", "Gray Hair")
    first.value, second.value = 1.0, -0.5
    moved = z + model.direction("Smiling") - 0.5 * model.direction("Gray_Hair")
    assert face.value == dials.face_jpeg(model.vae, moved) != dials.face_jpeg(model.vae, z)


def test_the_picture_is_the_decoded_face(model, z):
    picture = Image.open(io.BytesIO(dials.face_jpeg(model.vae, z)))
    assert picture.format == "JPEG" and picture.size == (256, 256)
    small = np.asarray(picture.resize((16, 16), Image.Resampling.BOX), "float32")
    assert np.abs(small - latent.decode(model.vae, z[None])[0]).mean() < 6


def test_only_widgets_that_every_notebook_knows(model, z, notebook):
    """Core widgets of ipywidgets 7, and none of their attributes that came with 8."""
    box = dials.dial(model, z, "Smiling")
    assert [type(part).__name__ for part in (box, *box.children)] == ["VBox", "FloatSlider", "Image"]
    assert box.children[0].tooltip is None


def is_strip(shown):
    return isinstance(shown, plots.Plot) and shown.face == {"size": 128, "columns": len(dials.STRIP)}


def test_a_strip_stands_in_its_place_where_nothing_runs(model, z, notebook, monkeypatch):
    monkeypatch.setenv("VAE_KERAS_STATIC", "1")
    assert is_strip(dials.dial(model, z, "Smiling"))
    assert is_strip(dials.dial(model, z, ["Smiling", "Gray_Hair"]))
    monkeypatch.delenv("VAE_KERAS_STATIC")
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # not installed
    assert is_strip(dials.dial(model, z, "Smiling"))
    monkeypatch.delitem(sys.modules, "ipywidgets")
    monkeypatch.delitem(sys.modules, "ipykernel")  # a script
    assert is_strip(dials.dial(model, z, "Smiling"))


def test_an_unknown_attribute_is_named(model, z):
    with pytest.raises(ValueError, match="no attribute 'Smile'; did you mean Smiling"):
        dials.dial(model, z, "Smile")


def test_an_attribute_that_the_model_has(model):
    assert dials.pick_attribute(model, "Smiling") == "Smiling"
    assert dials.pick_attribute(model, "Eyeglasses") == "Gray_Hair"
    nothing = SimpleNamespace(directions=model.directions.iloc[:0])
    with pytest.raises(ValueError, match="no directions"):
        dials.pick_attribute(nothing, "Smiling")


def test_the_first_model_is_celebas_where_there_is_none_yet(monkeypatch, capsys):
    def load_for(settings, plain):
        if settings.dataset == "pictures":
            raise FileNotFoundError
        return settings.dataset

    monkeypatch.setattr(hub, "load_for", load_for, raising=False)
    monkeypatch.setattr(hub, "load", lambda name, plain: name, raising=False)
    assert dials.first_model(SimpleNamespace(dataset="anime")) == "anime"
    assert capsys.readouterr().out == ""
    assert dials.first_model(SimpleNamespace(dataset="pictures")) == "celeba"
    assert "no model of pictures yet" in capsys.readouterr().out


def test_the_face_in_a_photograph_and_an_astronauts_where_there_is_none(tmp_path):
    card = {"crop": None, "find_face": False}
    small = SimpleNamespace(vae=SimpleNamespace(image_size=32), card=card)
    grey = np.full((1, 40, 40, 3), 90, "uint8")
    data.save_images(grey, tmp_path / "me.png")
    photograph, face = photo.own_photograph(tmp_path / "me.png", small)
    assert photograph.shape == (40, 40, 3) and (photograph == 90).all() and (face.image == 90).all()
    astronaut, face = photo.own_photograph(None, small)
    square = cv2.warpAffine(astronaut, face.matrix, (32, 32), flags=cv2.INTER_LINEAR)
    assert face.image.shape == (32, 32, 3) and face.image.std() > 30
    assert np.abs(cv2.blur(square, (5, 5)).astype(int) - cv2.blur(face.image, (5, 5))).mean() < 4
    with pytest.raises(FileNotFoundError, match="nobody.jpg"):
        photo.own_photograph("nobody.jpg", small)
