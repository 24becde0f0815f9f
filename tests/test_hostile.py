"""Files that would take all memory, all time, or start other programs: refused, named, in bounded memory and time."""

import io
import os
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from made_pictures import encode, folder_of, picture, smooth, write
from PIL import Image

from vae_keras import cli
from vae_keras.data import ImageError, alignment, archives, get_dataset, images, load_faces, read_image
from vae_keras.data.archives import Files

NOTHING = bytes(1_000_000)


def test_an_entry_that_unpacks_to_gigabytes_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_FILE", 10_000_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", 200 * NOTHING)
    tracemalloc.start()
    with pytest.raises(OSError, match="bomb.jpg in .*bomb.zip has more than 10 MB"):
        Files(path).read("bomb.jpg")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 50_000_000


def test_zeros_are_told_from_web_pages_in_no_time():
    start = time.monotonic()
    with pytest.raises(ImageError, match="is no picture"):
        images.decode(50 * NOTHING, "zeros.jpg")
    assert time.monotonic() - start < 5


def test_a_table_of_one_long_line_is_refused(tmp_path):
    path = folder_of(tmp_path, 12, **{"attributes.csv": "name," + "a," * 160_000})
    start = time.monotonic()
    with pytest.raises(ValueError, match="attributes.csv of .* has a line of more than 100 kB"):
        get_dataset(path)
    assert time.monotonic() - start < 5


def test_a_jpeg_of_a_hundred_scans_is_refused(generator):
    data = encode(smooth(generator, 64, 64), "JPEG", progressive=True)
    assert images.decode(data, "x").shape == (64, 64, 3)
    start = data.rfind(images.SCAN)
    many = data[:start] + 100 * data[start:-2] + data[-2:]
    with pytest.raises(ImageError, match="many.jpg is a JPEG of more than 50 scans"):
        images.decode(many, "many.jpg")
    with_a_film = data + 100 * images.SCAN + images.END
    assert images.decode(with_a_film, "phone.jpg").shape == (64, 64, 3)


def test_large_pictures_are_decoded_one_at_a_time(monkeypatch, generator):
    monkeypatch.setattr(images, "LARGE", 100)
    held = []
    to_rgb = images._to_rgb
    monkeypatch.setattr(
        images, "_to_rgb", lambda picture: held.append(images._one_large_picture.locked()) or to_rgb(picture)
    )
    images.decode(encode(smooth(generator), "PNG"), "x")
    images.decode(encode(smooth(generator, 9, 9), "PNG"), "x")
    assert held == [True, False]


def test_a_pipe_and_a_device_are_no_pictures(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    for name in ("pipe.jpg", "endless.jpg"):
        with pytest.raises(ImageError, match=f"{name} is a device or a pipe"):
            read_image(tmp_path / name)


def test_no_other_program_is_started_for_a_picture(monkeypatch):
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *rest, **more: pytest.fail("started"))
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "EPS")
    with pytest.raises(ImageError, match="x.jpg is no picture"):
        images.decode(stream.getvalue(), "x.jpg")


def test_a_folder_with_a_very_long_name_is_prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_KERAS_CACHE", str(tmp_path / "cache"))
    path = write(tmp_path / ("é" * 120), {f"{i}.jpg": picture(i) for i in range(40)})
    assert len(load_faces(path, 16).images) == 40


def test_no_face_is_looked_for_in_a_stripe():
    assert alignment.find_faces(np.zeros((8, 20_000, 3), np.uint8)) == []


def test_an_error_never_steers_the_terminal(monkeypatch, capsys):
    def fail(*arguments):
        raise ValueError("a\x1b[2Jb is no picture")

    monkeypatch.setattr(cli, "check_command", fail)
    assert cli.main(["train"]) == 2
    assert capsys.readouterr().err == "error: a\\x1b[2Jb is no picture\n"


@pytest.fixture
def generator():
    return np.random.default_rng(5)
