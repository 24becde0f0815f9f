"""What one face has, given to another: positions, transfers, styles, mixtures, and the command."""

import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from vae_keras import cli, hub, latent
from vae_keras.applications import full_size, mixer, transfer
from vae_keras.applications.dial import face_jpeg
from vae_keras.data.drawn import faces as drawn
from vae_keras.hub import Pretrained
from vae_keras.priors import Mixture


@pytest.fixture(scope="module")
def small():
    """A model of two latent variables without a network: the mean code is (1, 0), "Hat" points along the first."""
    prior = Mixture(np.array([0.5, 0.5]), np.array([[0.0, 0.0], [2.0, 0.0]]), np.eye(2)[None])
    directions = pd.DataFrame([[2.0, 0.0], [0.0, 1.0]], index=["Hat", "Tie"])
    return Pretrained(None, prior, directions, pd.Series({"Hat": 1.5, "Tie": 0.0}))


def test_the_mean_face_is_at_0_and_a_typical_one_at_1(small):
    z = np.float32([[1, 5], [3, 5], [2, 5], [0.9, 5], [-9, 5], [9, 5]])
    found = transfer.position(small, z, "Hat")
    np.testing.assert_allclose(found, [0, 1, 0.5, -0.05, transfer.LEAST, transfer.MOST], atol=1e-6)


def test_a_level_at_the_mean_divides_by_no_zero(small):
    found = transfer.position(small, np.float32([[0, 0], [0, 0.05]]), "Tie")
    np.testing.assert_allclose(found, [0, 0.05 / transfer.NARROWEST], atol=1e-5)


def test_a_transfer_moves_by_what_is_missing_and_along_nothing_else(small):
    z, giver = np.float32([[1, 5], [3, 7]]), np.float32([[3, -4]])
    moved = transfer.transfer(small, z, giver, ["Hat"])
    np.testing.assert_allclose(moved, [[3, 5], [3, 7]], atol=1e-6)
    assert moved.dtype == np.float32
    half = transfer.transfer(small, z, giver, ["Hat"], strength=0.5)
    np.testing.assert_allclose(half, [[2, 5], [3, 7]], atol=1e-6)
    taken = transfer.transfer(small, z, np.float32([[1, 0]]), ["Hat"])
    np.testing.assert_allclose(taken, [[1, 5], [1, 7]], atol=1e-6)
    own = transfer.transfer(small, z, np.float32([[3, 0], [2, 0]]), ["Hat"])
    np.testing.assert_allclose(own, [[3, 5], [2, 7]], atol=1e-6)
    with pytest.raises(ValueError, match="no attribute 'Hatt'"):
        transfer.transfer(small, z, giver, ["Hatt"])


def test_a_style_leads_from_the_first_set_to_the_second():
    vae = hub.load("cartoon").vae
    faces = drawn.draw_faces(drawn.sample_factors(40, seed=4), 64)
    dark = (0.6 * faces).astype("uint8")
    step = transfer.style(vae, dark, faces)
    z, _ = latent.encode(vae, dark)
    brighter = latent.decode(vae, z + step).mean()
    assert faces.mean() - 15 < brighter and dark.mean() + 15 < brighter
    np.testing.assert_allclose(transfer.style(vae, faces, dark), -step, atol=1e-5)


def test_a_mixture_is_a_weighted_mean():
    z = np.float32([[0, 0], [4, 0], [0, 8]])
    np.testing.assert_allclose(mixer.mix(z, [1, 3, 0]), [3, 0])
    np.testing.assert_allclose(mixer.mix(z, [0, 0, 0]), [4 / 3, 8 / 3], rtol=1e-6)
    assert mixer.mix(z, [1, 1, 1]).dtype == np.float32


def test_the_sliders_of_the_mixer_draw_what_they_say(monkeypatch):
    pytest.importorskip("ipywidgets")
    monkeypatch.delenv("VAE_KERAS_STATIC", raising=False)
    monkeypatch.setitem(sys.modules, "ipykernel", pytest.importorskip("ipykernel"))
    model = hub.load("cartoon")
    z = model.sample(3, seed=1)
    *knobs, face = mixer.mixer(model, z).children
    all_three = face.value
    assert [knob.value for knob in knobs] == [1, 1, 1] and all_three[:2] == b"\xff\xd8"
    knobs[0].value = knobs[2].value = 0
    assert face.value == face_jpeg(model.vae, z[1]) and face.value != all_three


def command(*words):
    return cli.main(["transfer", "--model", "cartoon", *map(str, words)])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder with two large drawn faces, of which the second has glasses, and their darker copies."""
    folder = tmp_path_factory.mktemp("pictures")
    factors = drawn.sample_factors(40, seed=2)
    has = drawn.attributes(factors)["Eyeglasses"].to_numpy(bool)
    faces = drawn.draw_faces(factors.iloc[[has.argmin(), has.argmax()]], 128)
    for name, scale in {"light": 1.0, "dark": 0.5}.items():
        (folder / name).mkdir()
        for number, face in enumerate(faces):
            cv2.imwrite(str(folder / name / f"{number}.png"), (scale * face[..., ::-1]).astype("uint8"))
    return folder


def read(path):
    return cv2.imread(str(path)).astype(float)


def test_the_command_gives_an_attribute_at_full_size(pictures, tmp_path):
    me, other = pictures / "light/0.png", pictures / "light/1.png"
    words = ["--images", me, "--from", other, "--attribute", "Eyeglasses"]
    assert command(*words, "--out", tmp_path / "out.png") == 0
    out = read(tmp_path / "out.png")
    assert out.shape == (128, 128, 3) and np.abs(out - read(me)).max() > 5
    assert np.array_equal(out[0, 0], read(me)[0, 0]), "a pixel far from the head changed"
    assert command(*words, "--strength", "0", "--out", tmp_path / "same.png") == 0
    same = read(tmp_path / "same.png")
    assert np.abs(same - read(me)).mean() < 0.6 * np.abs(out - read(me)).mean()
    before = (tmp_path / "out.png").read_bytes()
    cv2.imwrite(str(tmp_path / "mine.png"), out)
    assert command(*words, "--out", tmp_path / "mine.png") == 2, "a picture of the user's was replaced"
    assert (tmp_path / "out.png").read_bytes() == before


def test_the_command_gives_a_style_to_faces_alone(pictures, tmp_path):
    words = [
        "--images",
        pictures / "dark",
        "--style-from",
        pictures / "dark",
        "--style-to",
        pictures / "light",
    ]
    means = {}
    for strength in ("1", "-1"):
        out = tmp_path / f"{strength}.npy"
        assert command(*words, "--strength", strength, "--face-only", "--out", out) == 0
        means[strength] = np.load(out).mean()
    assert np.load(tmp_path / "1.npy").shape == (2, 64, 64, 3)
    assert means["1"] > means["-1"] + 20


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "--from and --attribute, or --style-from and --style-to"),
        (["--from", "light/1.png"], "--from and --attribute belong together"),
        (["--attribute", "Eyeglasses"], "--from and --attribute belong together"),
        (["--style-to", "light"], "--style-from and --style-to belong together"),
        (["--from", "light/1.png", "--attribute", "Eyeglases"], "Eyeglasses"),
        (["--from", "light", "--attribute", "Eyeglasses"], "pictures: --from takes one, of who gives"),
        (["--from", "light/none.png", "--attribute", "Eyeglasses"], "none.png does not exist"),
        (["--from", "light/1.png", "--attribute", "Eyeglasses", "--strength", "x"], "x is no number"),
    ],
)
def test_mistakes(words, message, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(pictures)
    assert command("--images", "light/0.png", *words, "--out", tmp_path / "out.png") == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_gives_is_not_replaced(pictures, monkeypatch, capsys):
    monkeypatch.chdir(pictures)
    before = (pictures / "light/1.png").read_bytes()
    words = ["--images", "light/0.png", "--from", "light/1.png", "--attribute", "Smiling"]
    assert command(*words, "--out", "light/1.png", "--force") == 2
    assert "another name" in capsys.readouterr().err and (pictures / "light/1.png").read_bytes() == before


def test_edits_and_moves_are_one(pictures):
    model = hub.load("cartoon")
    face = drawn.draw_faces(drawn.sample_factors(1, seed=2), 64)[0]

    def move(z):
        return z + 0.5 * model.direction("Smiling")

    edited = full_size.change_face(model, face, {"Smiling": 0.5})
    np.testing.assert_allclose(full_size.change_by(model, face, move), edited, atol=1e-6)
