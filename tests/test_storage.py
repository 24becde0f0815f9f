"""Files that are never half written, and folders that the program knows for its own."""

import pytest

from vae_keras import storage


def test_replacing_takes_effect_at_the_end_and_as_a_whole(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with storage.replacing(tmp_path, ["a.txt", "b.txt"]) as (first, second):
        first.write_text("new")
        second.write_text("also new")
        assert (tmp_path / "a.txt").read_text() == "old" and not (tmp_path / "b.txt").exists()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.txt": "new",
        "b.txt": "also new",
    }


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error), storage.replacing(tmp_path, ["a.txt", "folder"]) as (file, folder):
        file.write_text("half")
        folder.mkdir()
        (folder / "inside").write_text("half")
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_what_a_killed_run_left_is_not_in_the_way(tmp_path):
    (tmp_path / ".part-faces").mkdir()
    (tmp_path / ".part-faces" / "00000.png").write_text("half")
    with storage.replacing(tmp_path, ["faces"]) as (folder,):
        folder.mkdir()
        (folder / "whole.png").write_text("whole")
    assert [path.name for path in (tmp_path / "faces").iterdir()] == ["whole.png"]


def test_a_folder_is_ours_as_long_as_it_holds_what_was_written(tmp_path):
    folder = tmp_path / "faces"
    assert storage.is_free(folder) and storage.read_marker(folder) == {}
    folder.mkdir()
    assert storage.is_free(folder)
    for name in ("0.png", "1.png"):
        (folder / name).write_bytes(name.encode() * 1000)
    assert not storage.is_free(folder) and not storage.holds_only_what_was_made(folder, "faces")
    storage.write_marker(folder, "faces", ["0.png", "1.png"])
    assert storage.holds_only_what_was_made(folder, "faces")
    assert not storage.holds_only_what_was_made(folder, "model")
    (folder / "1.png").unlink()  # what the user removed is no loss
    assert storage.holds_only_what_was_made(folder, "faces")


@pytest.mark.parametrize("change", ["edit", "add", "folder"])
def test_a_folder_with_something_of_the_users_is_not_ours(tmp_path, change):
    (tmp_path / "0.png").write_bytes(b"ours")
    storage.write_marker(tmp_path, "faces", ["0.png"])
    if change == "edit":
        (tmp_path / "0.png").write_bytes(b"painted over")
    elif change == "add":
        (tmp_path / "1.png").write_bytes(b"a photograph")
    else:
        (tmp_path / "holiday").mkdir()
    assert not storage.holds_only_what_was_made(tmp_path, "faces")


@pytest.mark.parametrize("text", ["", "[]", '{"made by": "somebody"}', "\xff"])
def test_a_mark_of_somebody_else_is_none(tmp_path, text):
    (tmp_path / storage.MARKER).write_bytes(text.encode("latin-1"))
    assert storage.read_marker(tmp_path) == {}
    assert not storage.holds_only_what_was_made(tmp_path, "faces")
