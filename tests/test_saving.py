"""Writing pictures: grids, folders, arrays and animations, and that nothing of the user's is lost."""

from pathlib import Path

import numpy as np
import pytest
from made_pictures import LOSSY, distance, new_generator, smooth
from PIL import Image

from vae_keras.data import (
    ImageError,
    check_output,
    grid_image,
    load_images,
    read_image,
    resize,
    save_chunks,
    save_gif,
    save_images,
)


@pytest.fixture
def generator(request):
    return new_generator(request)


@pytest.mark.parametrize("name", ["faces.npy", "faces.NPY", "faces", "顔 ü/new/faces.npy", "顔 ü/new/faces"])
def test_round_trip(tmp_path, name, generator):
    faces = generator.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    save_images(faces, tmp_path / name)
    loaded, names = load_images(tmp_path / name, 32, crop=0.5)
    assert (loaded == faces).all() and len(set(names)) == 12
    # Again: replaced as a whole, nothing old stays.
    save_images(faces[::-1][:7], str(tmp_path / name), force=name.lower().endswith(".npy"))
    assert (load_images(tmp_path / name, 32)[0] == faces[::-1][:7]).all()
    assert [file.name for file in (tmp_path / name).parent.iterdir()] == [Path(name).name]
    half, _ = load_images(tmp_path / name, 16)
    assert (half[0] == resize(faces[-1], 16)).all()


@pytest.mark.parametrize("name", ["faces.npy", "faces", "faces.png", "faces.jpg"])
def test_chunks_are_written_as_the_whole(tmp_path, name, generator):
    faces = generator.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    save_images(faces, tmp_path / "whole" / name)
    chunks = (faces[start : start + 5] for start in range(0, 12, 5))
    save_chunks(chunks, faces.shape, tmp_path / "parts" / name)
    whole, parts = (contents(tmp_path / folder) for folder in ("whole", "parts"))
    assert list(whole.values()) == list(parts.values())
    if name == "faces.npy":
        np.save(tmp_path / "numpy.npy", faces)
        assert (tmp_path / "numpy.npy").read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_grid():
    faces = np.stack([np.full((8, 6, 3), i + 1, np.uint8) for i in range(5)])
    grid = grid_image(faces, columns=3)
    assert grid.shape == (2 * 8 + 2, 3 * 6 + 2 * 2, 3) and grid.dtype == np.uint8
    assert (grid[:8, :6] == 1).all() and (grid[:8, 8:14] == 2).all() and (grid[10:, 8:14] == 5).all()
    assert (grid[8:10] == 255).all() and (grid[:, 6:8] == 255).all() and (grid[10:, 16:] == 255).all()
    assert (grid_image(faces[:1]) == faces[0]).all()
    widths = {n: grid_image(np.zeros((n, 8, 8, 3), np.uint8)).shape[1] for n in (2, 4, 8, 10, 64, 7)}
    assert {n: (width + 2) // 10 for n, width in widths.items()} == {2: 2, 4: 2, 8: 4, 10: 5, 64: 8, 7: 3}
    assert grid_image(faces, columns=99).shape[1] == 5 * 8 - 2


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_save_a_grid(tmp_path, suffix, generator):
    faces = np.stack([smooth(generator, 32, 32) for _ in range(6)])
    save_images(faces, tmp_path / f"grid ü{suffix}")
    decoded = read_image(tmp_path / f"grid ü{suffix}")
    assert distance(decoded, grid_image(faces)) < LOSSY
    assert len(list(tmp_path.iterdir())) == 1


def test_save_refuses_with_a_sentence_and_leaves_nothing(tmp_path, generator):
    faces = generator.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "mine.jpg").write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"mine")
    before = sorted(tmp_path.rglob("*"))
    for images_, name, words in [
        (faces, "faces.txt", r"ends in \.txt: give"),
        (faces, "faces.heic", "cannot be written"),
        (
            faces,
            "photographs",
            "already exists and holds something else than faces.*: give the name of a new folder",
        ),
        (faces, "file", "already exists and is a file"),
        (faces, "file/faces.npy", "cannot be written"),
        (faces / 255, "faces.npy", "float64"),
        (faces[0], "faces.png", "shape"),
        (faces[:0], "faces.npy", "shape"),
        (np.zeros((1, 66_000, 8, 3), np.uint8), "faces.jpg", "cannot be written"),
        (np.zeros((1, 17_000, 8, 3), np.uint8), "faces.webp", "cannot be written"),
    ]:
        with pytest.raises(ImageError, match=words) as error:
            save_images(images_, tmp_path / name)
        assert "\n" not in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "file").read_bytes() == b"mine"


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["faces.npy", "faces.png", "faces.gif", "faces"])
def test_an_interrupted_save_keeps_the_old(tmp_path, name, generator, monkeypatch):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    save = save_gif if name == "faces.gif" else save_images
    save(faces, tmp_path / name)
    old = contents(tmp_path)
    write_bytes, save_picture, written = Path.write_bytes, Image.Image.save, []

    def half_written(self, data):
        write_bytes(self, data[: len(data) // 2])
        raise KeyboardInterrupt

    def half_a_folder(self, file, *arguments, **options):
        save_picture(self, file, *arguments, **options)
        written.append(file)
        if len(written) == 2 and name == "faces":
            raise KeyboardInterrupt

    def half_an_array(file, header):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", half_written)
    monkeypatch.setattr(Image.Image, "save", half_a_folder)
    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", half_an_array)
    with pytest.raises(KeyboardInterrupt):
        save(255 - faces, tmp_path / name, force=True)
    assert contents(tmp_path) == old and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_take_its_place_is_put_back(tmp_path, generator, monkeypatch):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    save_images(faces, tmp_path / "faces")
    old = contents(tmp_path)

    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(ImageError, match="faces cannot be written .No space left.*: make room there, or"):
        save_images(255 - faces, tmp_path / "faces")
    assert contents(tmp_path) == old and len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_save_left_is_no_obstacle(tmp_path, generator):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    (tmp_path / ".part-faces" / "00007.png").parent.mkdir()
    (tmp_path / ".part-faces" / "00007.png").write_bytes(b"half")
    save_images(faces, tmp_path / "faces")
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]
    assert (load_images(tmp_path / "faces", 16)[0] == faces).all()


# Nothing of the user's is lost.


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_ones_own_numbered_pictures_is_refused(tmp_path, force, generator):
    own = tmp_path / "numbered"
    own.mkdir()
    for i in range(12):
        Image.fromarray(smooth(generator)).save(own / f"{i:05d}.png")
    before = contents(own)
    with pytest.raises(
        ImageError, match="numbered already exists and holds .* give the name of a new folder"
    ):
        save_images(generator.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8), own, force)
    with pytest.raises(ImageError, match="new folder"):
        check_output(own, force)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("change", ["added", "edited", "folder", "renamed"])
def test_a_folder_that_the_user_has_changed_is_refused(tmp_path, change, generator):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    folder = tmp_path / "faces"
    save_images(faces, folder)
    if change == "added":
        (folder / "00003.png").write_bytes(b"mine")
    elif change == "edited":
        Image.fromarray(255 - faces[0]).save(folder / "00000.png")
    elif change == "folder":
        (folder / "mine").mkdir()
    else:
        (folder / "00000.png").rename(folder / "best.png")
    before = contents(tmp_path)
    with pytest.raises(ImageError, match="give the name of a new folder"):
        save_images(faces, folder, force=True)
    assert contents(tmp_path) == before


def test_a_folder_from_which_something_was_taken_is_replaced(tmp_path, generator):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    save_images(faces, tmp_path / "faces")
    (tmp_path / "faces" / "00001.png").unlink()
    save_images(faces[:1], tmp_path / "faces")
    assert (load_images(tmp_path / "faces", 16)[0] == faces[:1]).all()
    (tmp_path / "empty").mkdir()
    save_images(faces, tmp_path / "empty")
    assert len(load_images(tmp_path / "empty", 16)[1]) == 3


@pytest.mark.parametrize("name", "a.png a.PNG a.jpg a.jpeg a.webp a.tif a.gif a.bmp a.npy".split())
def test_a_file_of_the_users_is_replaced_on_request_only(tmp_path, name, generator):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, 255 - faces)
    else:
        Image.fromarray(smooth(generator)).save(path)
    before = path.read_bytes()
    for action in (check_output, lambda path: save_images(faces, path)):
        with pytest.raises(ImageError, match="already exists.*give another name, or replace it with --force"):
            action(path)
    assert path.read_bytes() == before
    assert check_output(path, force=True) in ("picture", "array")
    save_images(faces, path, force=True)
    assert path.read_bytes() != before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", "a.png a.PNG a.jpg a.jpeg a.webp a.tif a.gif".split())
def test_a_file_of_the_programs_is_replaced(tmp_path, name, generator):
    path = tmp_path / name
    save_images(generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8), path)
    first = path.read_bytes()
    save_images(generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8), path)
    assert path.read_bytes() != first


@pytest.mark.parametrize("name", ["a.bmp", "a.npy"])
def test_what_cannot_be_marked_is_never_replaced_unasked(tmp_path, name, generator):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    save_images(faces, tmp_path / name)
    with pytest.raises(ImageError, match="or replace it with --force"):
        save_images(faces, tmp_path / name)
    save_images(faces[:1], tmp_path / name, force=True)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif"])
def test_a_picture_that_the_user_has_painted_in_is_theirs(tmp_path, name, generator):
    save_images(generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8), tmp_path / name)
    with Image.open(tmp_path / name) as picture:
        exif, comment = picture.getexif(), picture.info.get("comment", b"")
        pixels = np.array(picture.convert("RGB"))
    pixels[:8, :8] = 255 - pixels[:8, :8]
    mark = {"comment": comment} if name == "a.gif" else {"exif": exif}
    Image.fromarray(pixels).save(tmp_path / name, **mark)  # editors keep what they do not know
    with pytest.raises(ImageError, match="--force"):
        check_output(tmp_path / name)


def test_check_output_says_what_will_be_written(tmp_path):
    assert check_output(tmp_path / "new") == "folder"
    assert check_output(tmp_path / "new.npy") == "array"
    assert check_output(tmp_path / "new.JPG") == "picture"
    assert not list(tmp_path.iterdir())
    with pytest.raises(ImageError, match="is a file: give the name of a new folder"):
        check_output("/dev/null", force=True)


def test_a_link_keeps_leading_to_its_folder(tmp_path, generator):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for count in (3, 2):
        save_images(faces[:count], tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert (load_images(tmp_path / "elsewhere", 16)[0] == faces[:count]).all()


def test_a_killed_replacement_is_finished(tmp_path, generator):
    """Killed between taking the old folder away and putting the new one in its place."""
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    save_images(faces, tmp_path / "faces")
    (tmp_path / "faces").rename(tmp_path / ".old-faces")
    save_images(faces[:2], tmp_path / "faces")
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]
    assert (load_images(tmp_path / "faces", 16)[0] == faces[:2]).all()


def test_a_hidden_folder_of_the_users_stays(tmp_path, generator):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    (tmp_path / ".old-faces").mkdir()
    (tmp_path / ".old-faces" / "00000.png").write_bytes(b"mine")
    save_images(faces, tmp_path / "faces")
    with pytest.raises(ImageError, match="cannot be written"):
        save_images(faces[:1], tmp_path / "faces")
    assert (tmp_path / ".old-faces" / "00000.png").read_bytes() == b"mine"
    assert len(load_images(tmp_path / "faces", 16)[1]) == 3


# Animations


def test_gif(tmp_path, generator):
    frames = np.stack([smooth(generator, 32, 48) for _ in range(4)])
    save_gif(frames, tmp_path / "walk.gif")
    with Image.open(tmp_path / "walk.gif") as picture:
        assert picture.n_frames == 4 and picture.info["loop"] == 0
        durations = []
        for index, frame in enumerate(frames):
            picture.seek(index)
            durations.append(picture.info["duration"])
            assert distance(np.array(picture.convert("RGB")), frame) < 12  # 96 colours
    assert durations == [300, 300, 300, 1200]
    save_gif(frames[:1], tmp_path / "walk.gif", milliseconds=50)  # the program's own: replaced
    with Image.open(tmp_path / "walk.gif") as picture:
        assert picture.size == (48, 32) and getattr(picture, "n_frames", 1) == 1


def test_gif_refuses(tmp_path, generator):
    frames = np.stack([smooth(generator, 32, 32) for _ in range(2)])
    Image.fromarray(frames[0]).save(tmp_path / "mine.gif")
    before = contents(tmp_path)
    for frames_, name, words in [
        (frames, "mine.gif", "or replace it with --force"),
        (frames, "walk.png", "ends in .png: give an animation a name in .gif"),
        (frames, "walk", "ends in nothing"),
        (frames / 255, "walk.gif", "float64"),
        (frames, "mine.gif/walk.gif", "cannot be written"),
    ]:
        with pytest.raises(ImageError, match=words):
            save_gif(frames_, tmp_path / name)
    assert contents(tmp_path) == before
    save_gif(frames, tmp_path / "mine.gif", force=True)
    assert contents(tmp_path) != before
