"""Files that are never half written, and folders that the program knows for its own."""

import os
import resource
import runpy
import subprocess
import sys

import pytest

from conftest import ROOT
from vae_keras import storage

NEW = {"a.txt": "new a", "b.txt": "new b", "c.txt": "new c"}
OLD = {"a.txt": "old a", "b.txt": "old b", "gone.txt": "old"}
DYING = """
import os, sys
import storage  # by itself, without Keras
left = int(sys.argv[2])
def dying(call):
    def one_more(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return call(*arguments, **options)
    return one_more
with storage.replacing(sys.argv[1], ["a.txt", "b.txt", "c.txt"], ["gone.txt"]) as paths:
    for path in paths:
        path.write_text(f"new {path.stem[-1]}")
    for name in ("replace", "unlink", "stat", "open"):
        setattr(os, name, dying(getattr(os, name)))
os._exit(0)
"""


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


@pytest.mark.parametrize("text", ["", "[]", "[" * 99_999, '{"made by": "somebody"}', "\xff"])
def test_a_mark_of_somebody_else_is_none(tmp_path, text):
    (tmp_path / storage.MARKER).write_bytes(text.encode("latin-1"))
    assert storage.read_marker(tmp_path) == {}
    assert not storage.holds_only_what_was_made(tmp_path, "faces")


def texts(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith(".part-")}


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_all_of_the_old_files_or_all_of_the_new_ones(tmp_path):
    found = []
    for calls in range(40):
        folder = tmp_path / str(calls)
        folder.mkdir()
        for name, text in OLD.items():
            (folder / name).write_text(text)
        program = [sys.executable, "-c", DYING, folder, str(calls)]
        code = subprocess.run(program, env=os.environ | {"PYTHONPATH": str(ROOT / "vae_keras")}).returncode
        storage.finish_replacing(folder)
        found.append(texts(folder))
        with storage.replacing(folder, NEW) as paths:
            for path, text in zip(paths, NEW.values()):
                path.write_text(text)
        if code == 0:
            break
    assert code == 0 and found[0] == OLD and found[-1] == NEW
    assert all(one in (OLD, NEW) for one in found), found


@pytest.mark.parametrize(
    "note",
    [
        "{",
        "[]",
        "[" * 99_999,
        " " * 100_001,
        '{"replace": 1, "remove": []}',
        '{"replace": ["../a"], "remove": []}',
        '{"replace": [], "remove": [".."]}',
        '{"replace": [], "remove": ["a\\u0000"]}',
    ],
)
def test_a_note_of_a_change_that_is_none_is_refused(tmp_path, note):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "a").write_text("mine")
    (folder / storage.CHANGE).write_text(note)
    with pytest.raises(ValueError, match="remove that file, and what does not load then restore from a copy"):
        storage.finish_replacing(folder)
    assert (tmp_path / "a").read_text() == "mine"


def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        full = pytest.raises(OSError, match=f"File too large: '{tmp_path}'")
        with full, storage.replacing(tmp_path, ["a.txt"]) as (path,):
            path.write_text("new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert texts(tmp_path) == {"a.txt": "old"} and len(list(tmp_path.iterdir())) == 1


def test_one_run_has_a_folder(tmp_path):
    for _ in range(2):
        with storage.locked(tmp_path):
            refused = pytest.raises(ValueError, match=f"Another run is writing to {tmp_path} at this moment")
            with refused, storage.locked(tmp_path):
                pytest.fail("two have it")
    assert list(tmp_path.iterdir()) == []


def test_where_folders_cannot_be_locked_a_run_goes_on(tmp_path, monkeypatch):
    """As on Windows, where fcntl is not there."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    without = runpy.run_path(storage.__file__)
    with without["locked"](tmp_path), without["replacing"](tmp_path, ["a.txt"]) as (path,):
        path.write_text("written")
    assert texts(tmp_path) == {"a.txt": "written"}


def test_a_folder_that_was_being_marked_is_free(tmp_path):
    (tmp_path / f"{storage.PART}{storage.MARKER}").write_text("{")
    storage.claim(tmp_path, "model")
    assert storage.read_marker(tmp_path)["kind"] == "model" and len(list(tmp_path.iterdir())) == 1
