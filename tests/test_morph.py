"""Morphs: ways from face to face, as a GIF and as an MP4."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from vae_keras import cli, data, latent
from vae_keras.applications import morph


def command(*words):
    return cli.main(["morph", "--model", "celeba", *words])


def frames_of(path):
    video, frames = cv2.VideoCapture(str(path)), []
    while True:
        is_there, frame = video.read()
        if not is_there:
            return np.array(frames)
        frames.append(frame[..., ::-1])


def test_a_way_visits_its_faces_and_is_slow_there():
    z = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])
    way = morph.morph_codes(z, 8)
    assert way.shape == (17, 2) and way.dtype == np.float32
    np.testing.assert_array_equal(way[[0, 8, 16]], z)
    speed = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert speed[0] < speed[3] / 2 and speed[7] < speed[4] / 2
    back = morph.morph_codes(z, 8, back=True)
    assert len(back) == 25 and (back[-1] == back[0]).all()


def test_new_faces_as_mp4(tmp_path, capsys):
    pytest.importorskip("av")
    from vae_keras import hub

    path = tmp_path / "new.mp4"
    assert command("--new", "2", "--seed", "3", "--seconds", "0.4", "--side", "65", "--out", path) == 0
    assert "2 faces, 11 pictures, 0.4 seconds" in capsys.readouterr().out
    frames = frames_of(path)
    assert frames.shape == (11, 64, 64, 3)
    model = hub.load("celeba")
    ends = latent.decode(model.vae, model.sample(2, seed=3))
    for frame, face in zip(frames[[0, -1]], ends):
        large = cv2.resize(face, (65, 65), interpolation=cv2.INTER_CUBIC)[:64, :64]
        assert np.abs(frame.astype(int) - large).mean() < 6
    assert [file.name for file in tmp_path.iterdir()] == ["new.mp4"]
    again = path.read_bytes()
    assert command("--new", "2", "--seconds", "0.4", "--out", path) == 2
    assert "--force" in capsys.readouterr().err and path.read_bytes() == again


def test_pictures_as_gif(tmp_path):
    faces = data.load_faces("cartoon", 64, pictures=8, progress=False).preview[:2]
    np.save(tmp_path / "two.npy", faces)
    out = tmp_path / "two.gif"
    words = ["--images", tmp_path / "two.npy", "--seconds", "0.5", "--side", "64", "--back", "--out", out]
    assert command(*words) == 0
    with Image.open(out) as animation:
        frames = [np.array(frame.convert("RGB")) for frame in ImageSequence.Iterator(animation)]
    assert len(frames) == 13 and np.abs(frames[0].astype(int) - frames[-1]).mean() < 2
    assert np.abs(frames[0].astype(int) - frames[6]).mean() > 5


@pytest.mark.parametrize(
    "words, message",
    [
        (["--out", "x.gif"], "one of the arguments --images --new is required"),
        (["--new", "1", "--out", "x.gif"], "from 2 on"),
        (["--new", "2", "--out", "x.png"], "x.png is no animation"),
        (["--new", "2", "--out", "folder"], "folder is no animation"),
        (["--new", "2", "--side", "8", "--out", "x.gif"], "from 16 to 2048"),
        (["--images", "one.npy", "--out", "x.gif"], "give two or more"),
        (["--images", "none.jpg", "two.jpg", "--out", "x.gif"], "none.jpg does not exist"),
    ],
)
def test_mistakes(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("one.npy", np.zeros((1, 64, 64, 3), "uint8"))
    assert command(*words) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["one.npy"]


def test_without_av_it_is_said_what_to_install(tmp_path, monkeypatch, capsys):
    find_spec = data.saving.importlib.util.find_spec
    monkeypatch.setattr(
        data.saving.importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "av" else find_spec(name, *rest),
    )
    assert command("--new", "2", "--out", tmp_path / "x.mp4") == 2
    assert "needs the package av: run pip install" in capsys.readouterr().err
