"""The command line: what each command writes, that it comes out the same, and what it says to mistakes."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import h5py
import imageio.v3 as imageio
import numpy as np
import pandas as pd
import pytest

from vae_keras import cli, config, data, hub, latent, storage, training
from vae_keras.applications import denoising
from vae_keras.cli import common
from vae_keras.data import alignment
from vae_keras.data.drawn import faces as drawn
from vae_keras.data.images import read_image
from vae_keras.hub import folders
from vae_keras.release import package
from vae_keras.sharpening import denoiser

ROOT = Path(__file__).resolve().parent.parent
TRAIN = (
    "train --data {data} --out {out} --epochs 3 --pictures 80 --image-size 16 --latent-dim 8 --batch-size 20"
)
FURTHER = TRAIN.replace("--epochs 3", "--epochs 2") + " --continue"
FILES = [storage.MARKER, "card.json", "faces.png", "latent.npz", "vae.weights.h5"]
FULL = """
import resource, sys
from vae_keras import cli, config
config._device = lambda: (0, "float32")
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
sys.exit(cli.main({arguments}))
"""
DYING = """
import os, pathlib, signal
from vae_keras import cli, config
config._device = lambda: (0, "float32")
write = pathlib.Path.write_bytes

def half_a_file(path, content):
    if "0002" in path.name:
        write(path, content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, content)

pathlib.Path.write_bytes = half_a_file
cli.main({arguments})
"""


def run(*arguments, **options):
    """One command in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, **options
    )


def command(text, **values):
    """A command in this process, its words split at blanks and {names} replaced; float32 on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "_device", lambda: (0, "float32"))
        return cli.main([word.format(**values) for word in text.split()])


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of 130 small drawn faces and a table that says who smiles."""
    folder = tmp_path_factory.mktemp("data") / "drawn faces"
    factors = drawn.sample_factors(130, seed=1)
    data.save_images(drawn.draw_faces(factors, 16), folder)
    smiling = drawn.attributes(factors)["Smiling"]
    rows = [f"{i:05d}.png,{has}" for i, has in enumerate(smiling)]
    (folder / "attributes.csv").write_text("\n".join(["name,Smiling", *rows]))
    return folder


@pytest.fixture(scope="session")
def model(pictures, tmp_path_factory):
    """The folder of a model trained for moments: what it draws is no face, and the same all the same."""
    folder = tmp_path_factory.mktemp("runs") / "model"
    assert command(TRAIN, data=pictures, out=folder) == 0
    return folder


@pytest.fixture(scope="session")
def faces():
    return drawn.draw_faces(drawn.sample_factors(5, seed=9), 16)


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_train_leaves_a_whole_folder_and_nothing_else(model, pictures):
    assert sorted(file.name for file in model.iterdir()) == FILES
    card = json.loads((model / "card.json").read_text())
    assert card["model"]["image_size"] == 16 and card["data"] == str(pictures.resolve())
    assert card["pictures"]["train"] == card["limit"] == 80
    assert "--epochs 3" in card["command"] and card["epochs"] == 3 and card["terms"]
    assert read_image(model / "faces.png").shape == (2 * 18 - 2, 5 * 18 - 2, 3)


@pytest.mark.slow
def test_unknown_labels_are_left_out_of_directions_and_of_a_classifier(pictures, tmp_path, capsys):
    partly = tmp_path / "partly"
    shutil.copytree(pictures, partly)
    lines = (pictures / "attributes.csv").read_text().splitlines()
    (partly / "attributes.csv").write_text("\n".join(lines[:101]))
    line = TRAIN.replace("--epochs 3", "--epochs 1")
    assert command(line, data=partly, out=tmp_path / "run") == 0
    assert "100 of 130 pictures have a row; 30 unknown" in capsys.readouterr().out
    assert list(hub.load(tmp_path / "run").directions.index)[0] == "Smiling"
    line = "classifier --data {data} --epochs 1 --out {out}"
    assert command(line, data=partly, out=tmp_path / "classifier") == 0
    assert "pictures lack a label and are left out" in capsys.readouterr().out


def test_train_does_not_overwrite_a_model_unasked(model, pictures, capsys):
    before = (model / "vae.weights.h5").read_bytes()
    assert command(TRAIN, data=pictures, out=model) == 2
    assert "--force" in capsys.readouterr().err
    assert (model / "vae.weights.h5").read_bytes() == before


class Killed(BaseException):
    """Stands for the end of the process at one place."""


def test_a_training_that_was_killed_in_its_last_moments_ends_as_it_should(
    model, pictures, tmp_path, monkeypatch
):
    """After the training: before the prior, before the picture, in the save, in the removal of the checkpoint."""

    def die(*rest, **more):
        raise Killed

    out, before = tmp_path / "model", hub.load(model)
    monkeypatch.setattr(package, "package", lambda vae, *rest, **more: dataclasses.replace(before, vae=vae))
    places = [(package, "package"), (data, "save_images"), (hub, "save"), (folders, "remove_checkpoints")]
    for place in places:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(*place, die)
            command(TRAIN, data=pictures, out=out)
        assert folders.is_unfinished(out)
    assert command(TRAIN, data=pictures, out=out) == 0
    assert sorted(file.name for file in out.iterdir()) == FILES
    for one, other in zip(before.vae.get_weights(), hub.load(out).vae.get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("left", [["epoch-0003-end.weights.h5"], [".part-checkpoint.json"], []])
def test_a_removal_that_was_killed_leaves_a_finished_model(left, model, pictures, tmp_path, capsys):
    out = tmp_path / "model"
    shutil.copytree(model, out)
    (out / "checkpoint").mkdir()
    for name in left:
        (out / "checkpoint" / name).write_bytes(b"half")
    assert command(TRAIN, data=pictures, out=out) == 2
    assert "holds a trained model: train it further with --continue" in capsys.readouterr().err
    hub.save(hub.load(out), out)
    assert sorted(file.name for file in out.iterdir()) == FILES


def test_a_second_run_in_the_same_folder_says_so(model, pictures, tmp_path, capsys):
    for line in (TRAIN, "classifier --data {data} --out {out} --epochs 1"):
        out = tmp_path / line[:5]
        out.mkdir()
        with storage.locked(out):
            assert command(line, data=pictures, out=out) == 2
        assert f"Another run is writing to {out} at this moment: wait" in capsys.readouterr().err


def test_a_finished_model_is_trained_further(model, pictures, tmp_path, monkeypatch, capsys):
    out, before, packed = tmp_path / "model", hub.load(model), []
    shutil.copytree(model, out)

    def pack(vae, *rest, **more):
        packed.append(more)
        return dataclasses.replace(before, vae=vae)

    monkeypatch.setattr(package, "package", pack)
    for place in [(hub, "save"), (folders, "remove_checkpoints")]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(*place, lambda *rest: (_ for _ in ()).throw(KeyboardInterrupt))
            assert command(FURTHER, data=pictures, out=out) == 130
        assert "the same command without --force goes on" in capsys.readouterr().err
    assert command(FURTHER, data=pictures, out=out) == 0
    after = hub.load(out)
    assert [more["epochs"] for more in packed] == [5, 5, 5] and "--continue" in packed[0]["command"]
    assert sorted(file.name for file in out.iterdir()) == FILES
    apart = [
        np.abs(one - other).mean() for one, other in zip(before.vae.get_weights(), after.vae.get_weights())
    ]
    fresh = [np.abs(weights).mean() for weights in before.vae.get_weights()]
    assert 0 < sum(apart) < sum(fresh)  # it began where the model stood
    for more, words in [
        (" --force", "--continue and --force exclude each other"),
        (" --sharpen 1", "--continue and --sharpen exclude each other"),
        (" --beta 3", "holds a model with --beta 1.0: leave that option out"),
        (" --likelihood mse", "holds a model with --likelihood gaussian: leave"),
    ]:
        assert command(FURTHER + more, data=pictures, out=out) == 2
        assert words in capsys.readouterr().err
    assert command(FURTHER, data=pictures, out=tmp_path / "none") == 2
    assert "none holds no trained model: train one without --continue" in capsys.readouterr().err


def interrupt(line, at, **values):
    """Interrupt a training as it begins, or at the end of its first epoch, after the checkpoint."""
    owner = training.Checkpoint if at == "on_epoch_end" else training.VAE
    step = getattr(owner, at)

    def interrupted(self, *rest, **more):
        if at == "on_epoch_end":
            step(self, *rest, **more)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, at, interrupted)
        assert command(line, **values) == 130


@pytest.mark.parametrize("at", ["fit", "on_epoch_end"])
def test_what_continues_a_model_is_not_taken_for_what_replaces_it(
    at, model, pictures, tmp_path, monkeypatch, capsys
):
    out, whole, packed = tmp_path / "model", hub.load(model), []
    shutil.copytree(model, out)
    interrupt(FURTHER, at, data=pictures, out=out)
    before = snapshot(out)
    for line in (TRAIN, TRAIN.replace("--epochs 3", "--epochs 2"), TRAIN + " --sharpen 1"):
        capsys.readouterr()
        assert command(line, data=pictures, out=out) == 2
        assert (
            "continues the model there: repeat its command with --continue, or replace both with --force"
            in (capsys.readouterr().err)
        )
        assert snapshot(out) == before
    other = tmp_path / "other"
    shutil.copytree(out, other)
    vae = hub.load(model).vae
    vae.encoder.set_weights([2 * weights for weights in vae.encoder.get_weights()])
    folders.save_weights(vae, other / "vae.weights.h5")
    assert command(FURTHER, data=pictures, out=other) == 2
    assert (
        "holds another model than the one that its unfinished training continues" in capsys.readouterr().err
    )

    def pack(vae, *rest, **more):
        packed.append(more["epochs"])
        return dataclasses.replace(whole, vae=vae)

    monkeypatch.setattr(package, "package", pack)
    assert command(FURTHER, data=pictures, out=out) == 0
    assert packed == [5] and sorted(file.name for file in out.iterdir()) == FILES


@pytest.mark.parametrize("at", ["fit", "on_epoch_end"])
def test_what_replaces_a_model_is_not_taken_for_what_continues_it(at, model, pictures, tmp_path, capsys):
    out = tmp_path / "model"
    shutil.copytree(model, out)
    interrupt(FURTHER.replace("--continue", "--force"), at, data=pictures, out=out)
    before = snapshot(out)
    assert command(FURTHER, data=pictures, out=out) == 2
    assert f"finish it by its own command without --continue, or remove {out / 'checkpoint'}" in (
        capsys.readouterr().err
    )
    assert snapshot(out) == before
    shutil.rmtree(out / "checkpoint")
    assert command(TRAIN, data=pictures, out=out) == 2  # the model is as it was


@pytest.mark.slow
def test_a_full_disk_ends_a_training_in_one_sentence(model, pictures, tmp_path):
    """A limit on the size of files stands for it; what was saved before is whole, and the same command goes on."""
    line = [word.format(data=pictures, out=tmp_path / "model") for word in TRAIN.split()]
    full = run("-c", FULL.format(arguments=line))
    assert full.returncode == 2 and "Traceback" not in full.stderr, full.stderr
    assert full.stderr.splitlines()[-1].startswith("error: ")
    assert "(File too large): make room there; the same command without --force goes on" in full.stderr
    kept = sorted(str(path.relative_to(tmp_path / "model")) for path in (tmp_path / "model").rglob("*.*"))
    assert kept == [storage.MARKER, "checkpoint/checkpoint.json"]
    assert command(TRAIN, data=pictures, out=tmp_path / "model") == 0


def test_a_killed_training_ends_as_an_uninterrupted_one(model, pictures, tmp_path, monkeypatch):
    whole, out = hub.load(model), tmp_path / "model"
    arguments = [word.format(data=pictures, out=out) for word in TRAIN.split()]
    killed = run("-c", DYING.format(arguments=arguments))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = sorted(file.name for file in (out / "checkpoint").iterdir())
    assert kept == [".part-epoch-0002.weights.h5", "checkpoint.json", "epoch-0001.weights.h5"]
    monkeypatch.setattr(package, "package", lambda vae, *rest, **more: dataclasses.replace(whole, vae=vae))
    assert command(TRAIN, data=pictures, out=out) == 0
    assert sorted(file.name for file in out.iterdir()) == FILES
    resumed = hub.load(out)
    for one, other in zip(whole.vae.get_weights(), resumed.vae.get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-4)


def test_sharpening_goes_on_from_a_plain_model_and_keeps_it(
    model, pictures, faces, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(denoiser, "GAIN", 10)  # with so few pictures it does not
    out = tmp_path / "model"
    shutil.copytree(model, out)
    assert command(TRAIN + " --sharpen 2", data=pictures, out=out) == 0
    assert sorted(file.name for file in out.iterdir()) == sorted(
        [*FILES, folders.SHARP, folders.DENOISER, "faces-plain.png"]
    )
    with h5py.File(out / folders.DENOISER) as stored:
        assert "optimizer" not in stored
    card = json.loads((out / "card.json").read_text())
    assert card["epochs"] == 3 and card["sharpened"]["epochs"] == 2
    assert "--sharpen 2" in card["sharpened"]["command"] and card["sharpened"]["figures"]["squared_error"] > 0
    assert card["sharpened"]["diffusion"].keys() == {"epochs", "minutes", "mixture", "loss"}
    sharp, plain, before = hub.load(out), hub.load(out, plain=True), hub.load(model)
    assert sharp.sharpened and not plain.sharpened
    assert np.array_equal(plain.generate(4), before.generate(4))
    assert not np.array_equal(sharp.generate(4), before.generate(4))
    for one, other in zip(sharp.vae.encoder.get_weights(), before.vae.encoder.get_weights()):
        assert np.array_equal(one, other)
    np.save(tmp_path / "faces.npy", faces)
    for flag in ("", " --plain"):
        line = "reconstruct --model {m} --images {i} --out {o}" + flag
        assert command(line, m=out, i=tmp_path / "faces.npy", o=tmp_path / f"{flag.strip()}r.npy") == 0
    assert np.array_equal(np.load(tmp_path / "r.npy"), sharp.reconstruct(faces))
    assert np.array_equal(np.load(tmp_path / "--plainr.npy"), plain.reconstruct(faces))
    left = out / folders.SHARPENING / "checkpoint" / "checkpoint.json"
    left.parent.mkdir(parents=True)
    left.write_text("{}")  # as a process leaves it that is killed as it saves
    with storage.locked(out):  # by another run, which may need it
        assert command(TRAIN, data=pictures, out=out) == 2 and left.exists()
        assert "holds a trained model" in capsys.readouterr().err
    for flag in ("", " --sharpen 2"):
        assert command(TRAIN + flag, data=pictures, out=out) == 2
        assert not (out / folders.SHARPENING).exists()
        assert "holds a trained model: choose another --out" in capsys.readouterr().err
    assert (
        command(
            TRAIN.replace("--image-size 16", "--image-size 32") + " --sharpen 2", data=pictures, out=model
        )
        == 2
    )
    assert "--image-size 16" in capsys.readouterr().err
    assert sorted(file.name for file in model.iterdir()) == FILES, "a refused run left something behind"


class FaceEverywhere:
    """In the place of MTCNN: one upright face that fills half of the picture, but none in a dark one."""

    def detect_faces(self, image):
        if image.mean() < 40:
            return []
        side = len(image)
        points = side * (0.25 + 0.5 * np.array(alignment.TEMPLATE))
        keypoints = dict(zip(alignment.POINTS, points.tolist()))
        return [{"box": [side / 4, side / 4, side / 2, side / 2], "keypoints": keypoints, "confidence": 1.0}]


def test_a_model_is_trained_on_aligned_photographs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("mtcnn")
    monkeypatch.setattr(alignment, "_finder", FaceEverywhere)
    factors = drawn.sample_factors(60, seed=2)
    photographs = drawn.draw_faces(factors, 64)
    photographs[7] = 0
    data.save_images(photographs, tmp_path / "photographs")
    smiling = drawn.attributes(factors)["Smiling"]
    rows = [f"{i:05d}.png,{has}" for i, has in enumerate(smiling)]
    (tmp_path / "photographs" / "attributes.csv").write_text("\n".join(["name,Smiling", *rows]))
    assert command(TRAIN + " --align", data=tmp_path / "photographs", out=tmp_path / "model") == 0
    assert "00007.png: shows no face that can be found" in capsys.readouterr().out
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["find_face"] and card["template"] == [list(point) for point in alignment.TEMPLATE]
    assert sum(card["pictures"].values()) == 59
    assert command(TRAIN + " --sharpen 2", data=tmp_path / "photographs", out=tmp_path / "model") == 2
    assert "--align as when it was made" in capsys.readouterr().err
    pictures = data.load_faces(data.get_dataset(tmp_path / "photographs", align=True), 16, 80)
    whole = pictures.dataset.photograph(pictures.table.index[0])
    np.testing.assert_array_equal(pictures.images[0], data.frame(whole, 16, align=True))


@pytest.mark.parametrize("error, code", [(KeyboardInterrupt, 130), (ValueError, 2)])
def test_a_model_is_given_up_only_when_its_successor_begins_to_train(error, code, model, pictures, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(model, out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load_faces", lambda *rest, **more: (_ for _ in ()).throw(error))
        assert command(TRAIN + " --force", data=pictures, out=out) == code
        assert command(TRAIN, data=pictures, out=tmp_path / "new") == code
    assert sorted(file.name for file in out.iterdir()) == FILES and not (tmp_path / "new").exists()
    assert command(TRAIN, data=pictures, out=out) == 2


def test_an_interrupted_replacement_is_not_taken_for_the_model_that_it_replaces(model, pictures, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(model, out)
    with pytest.MonkeyPatch.context() as patch:
        asked = []

        def interrupted(self, *rest, **more):
            asked.append(type(self.optimizer).__name__.lower())
            raise KeyboardInterrupt

        patch.setattr(training.VAE, "fit", interrupted)
        assert command(TRAIN + " --seed 5 --force --optimizer adam", data=pictures, out=out) == 130
        assert asked == ["adam"]
    assert command(TRAIN + " --seed 5", data=pictures, out=out) == 0
    assert "--seed 5" in hub.load(out).card["command"]
    assert sorted(file.name for file in out.iterdir()) == FILES


@pytest.mark.parametrize("kept, lacking", [("test", "training"), ("train", "validation")])
def test_a_set_that_lacks_a_part_is_refused(kept, lacking, model, pictures, tmp_path, monkeypatch, capsys):
    whole = data.load_faces(pictures, 16)
    part = dict(images=getattr(whole, kept), table=whole.table[whole.table["split"] == kept])
    monkeypatch.setattr(data, "load_faces", lambda *rest_of, **more: dataclasses.replace(whole, **part))
    assert command(TRAIN, data=pictures, out=tmp_path / "model") == 2
    assert f"no {lacking} pictures" in capsys.readouterr().err


def test_a_killed_sharpening_goes_on_with_its_own_optimizer(model, pictures, tmp_path, monkeypatch, capsys):
    out = tmp_path / "model"
    shutil.copytree(model, out)

    save = training.Checkpoint.on_epoch_end

    def stop(self, epoch, logs=None):
        save(self, epoch, logs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.Checkpoint, "on_epoch_end", stop)
        assert command(TRAIN + " --sharpen 2 --seed 1 --optimizer adam", data=pictures, out=out) == 130
    assert (out / folders.SHARPENING / "checkpoint" / "checkpoint.json").exists()
    assert not hub.load(out).sharpened  # the plain model is whole meanwhile
    before = snapshot(out)
    assert command(FURTHER, data=pictures, out=out) == 2
    assert "holds an unfinished sharpening of its model: finish that" in capsys.readouterr().err
    assert snapshot(out) == before
    assert command(TRAIN + " --sharpen 2 --seed 1", data=pictures, out=out) == 2
    assert "other settings" in capsys.readouterr().err
    assert command(TRAIN + " --sharpen 2 --seed 1 --optimizer adam", data=pictures, out=out) == 0
    assert hub.load(out).sharpened and not (out / folders.SHARPENING).exists()


def test_a_classifier_is_trained_on_labels_and_says_when_there_are_none(pictures, tmp_path, capsys):
    line, out = "classifier --data {d} --out {o} --epochs 1", tmp_path / "classifier"
    assert command(line, d=pictures, o=out) == 0
    assert "Smiling" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        storage.MARKER,
        "card.json",
        "classifier.weights.h5",
    ]
    card = json.loads((out / "card.json").read_text())
    assert card["attributes"] == ["Smiling"] and 0 <= card["figures"]["accuracy"] <= 1
    before = snapshot(out)
    assert command(line, d=pictures, o=out) == 2
    assert "holds a trained classifier" in capsys.readouterr().err and snapshot(out) == before
    assert command(line + " --seed 1 --force", d=pictures, o=out) == 0
    assert json.loads((out / "card.json").read_text())["seed"] == 1
    data.save_images(drawn.draw_faces(drawn.sample_factors(60), 16), tmp_path / "unlabelled")
    assert command(line, d=tmp_path / "unlabelled", o=tmp_path / "no") == 2
    assert "no labelled attributes" in capsys.readouterr().err and not (tmp_path / "no").exists()


FOREIGN = ["checkpoint/mine.txt", "sharpening/mine.txt", "faces.png", "latent.npz", "card.json"]


@pytest.mark.parametrize("more", ["", " --force"])
@pytest.mark.parametrize("line", [TRAIN, "classifier --data {data} --out {out} --epochs 1"])
def test_a_foreign_folder_is_not_trained_into(line, more, pictures, tmp_path, capsys):
    for name in FOREIGN:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    before = snapshot(tmp_path)
    assert command(line + more, data=pictures, out=tmp_path) == 2
    error = capsys.readouterr().err
    assert "already exists and holds something else than a" in error and error.count("\n") == 1
    assert snapshot(tmp_path) == before


def test_a_persons_numbered_pictures_are_not_replaced(model, faces, tmp_path, capsys):
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number:05d}.png"), faces[number % 5])
    before = snapshot(tmp_path)
    for more in ("", " --force"):
        assert command("generate --model {m} --count 2 --out {o}" + more, m=model, o=tmp_path) == 2
        assert "already exists and holds something else" in capsys.readouterr().err
        assert snapshot(tmp_path) == before
    mine = tmp_path / "mine.png"
    cv2.imwrite(str(mine), faces[0])
    before = mine.read_bytes()
    line = "generate --model {m} --count 2 --out {o}"
    assert command(line, m=model, o=mine) == 2
    assert "--force" in capsys.readouterr().err and mine.read_bytes() == before
    assert command(line + " --force", m=model, o=mine) == 0
    assert mine.read_bytes() != before
    assert command(line + " --seed 3", m=model, o=mine) == 0, "the program's own picture"


def test_faces_that_the_program_wrote_are_replaced(model, tmp_path):
    for count in (5, 3):
        assert command("generate --model {m} --count {n} --out {o}", m=model, n=count, o=tmp_path / "f") == 0
        assert len(list((tmp_path / "f").glob("*.png"))) == count


def test_a_direction_is_added_to_a_copy_or_in_place(model, pictures, tmp_path, capsys):
    line = "directions --model {m} --attribute Bright"
    before = snapshot(model)
    assert command(line + " --out {o}", m=model, o=tmp_path / "copy") == 0
    assert "--attribute Bright" in capsys.readouterr().out
    assert snapshot(model) == before
    assert "Bright" in hub.load(tmp_path / "copy").card["added_directions"]
    assert command(line + " --data {d}", m=tmp_path / "copy", d=pictures) == 0
    drawing = "generate --model {m} --attribute Bright --out {o}"
    assert command(drawing, m=tmp_path / "copy", o=tmp_path / "bright.png") == 0
    capsys.readouterr()
    assert command(line + " --out {o}", m=model, o=tmp_path / "copy") == 2
    assert "copy already exists" in capsys.readouterr().err
    assert command("directions --model celeba --attribute Smiling") == 2
    assert "celeba ships and stays as it is" in capsys.readouterr().err


def test_generate_repeats_and_another_process_agrees(model, tmp_path):
    line = "generate --model {model} --count 5 --seed 3 --out {out}"
    assert command(line, model=model, out=tmp_path / "here.npy") == 0
    there = run(
        "-m", "vae_keras", *line.format(model=model, out=tmp_path / "there.npy").split(), cwd=tmp_path
    )
    assert (there.returncode, there.stderr) == (0, "")
    here, there = np.load(tmp_path / "here.npy"), np.load(tmp_path / "there.npy")
    assert here.dtype == np.uint8 and here.shape == (5, 16, 16, 3)
    assert np.array_equal(here, there)
    assert command(line.replace("--seed 3", "--seed 4"), model=model, out=tmp_path / "other.npy") == 0
    assert not np.array_equal(here, np.load(tmp_path / "other.npy"))


def test_generate_does_not_depend_on_the_size_of_its_chunks(model, tmp_path, monkeypatch):
    for chunk in (256, 2048):
        monkeypatch.setattr(common, "CHUNK", chunk)
        assert (
            command("generate --model {m} --count 600 --out {o}", m=model, o=tmp_path / f"{chunk}.npy") == 0
        )
    assert (tmp_path / "256.npy").read_bytes() == (tmp_path / "2048.npy").read_bytes()
    assert command("generate --model {m} --count 300 --out {o}", m=model, o=tmp_path / "first.npy") == 0
    apart = np.load(tmp_path / "256.npy")[:300].astype(int) - np.load(tmp_path / "first.npy")
    assert np.abs(apart).max() <= 1  # the first ones of a larger count, but for the rounding of other batches
    assert sorted(file.name for file in tmp_path.iterdir()) == ["2048.npy", "256.npy", "first.npy"]


def test_generate_from_either_prior_with_temperature_and_attribute(model, tmp_path):
    drawn = {}
    for name in ("prior fitted", "prior mixture", "prior standard", "temperature 0.1", "attribute Smiling"):
        out = tmp_path / f"{name}.npy".replace(" ", "-")
        assert command("generate --model {model} --{option} {value} --out {out}", model=model, out=out,
                       option=name.split()[0], value=name.split()[1]) == 0  # fmt: skip
        drawn[name] = np.load(out).astype(float)
    assert drawn["prior fitted"].std(axis=0).mean() > drawn["temperature 0.1"].std(axis=0).mean()
    assert not np.array_equal(drawn["prior fitted"], drawn["prior standard"])
    np.testing.assert_array_equal(drawn["prior fitted"], drawn["prior mixture"])  # there is no better one


def test_arrays_go_in_and_come_out_in_order(model, faces, tmp_path):
    np.save(tmp_path / "x.npy", faces)
    np.save(tmp_path / "backwards.npy", faces[::-1])
    for name in ("x", "backwards"):
        assert command("reconstruct --model {m} --images {i} --out {o}", m=model, i=tmp_path / f"{name}.npy",
                       o=tmp_path / f"r-{name}.npy") == 0  # fmt: skip
    forwards, backwards = np.load(tmp_path / "r-x.npy"), np.load(tmp_path / "r-backwards.npy")
    assert forwards.dtype == np.uint8 and forwards.shape == faces.shape
    assert np.abs(forwards[::-1].astype(int) - backwards).max() <= 1


def test_a_folder_comes_out_as_a_folder_and_a_picture_as_a_grid(model, faces, tmp_path):
    (tmp_path / "in").mkdir()
    for name, face in zip("edcba", faces, strict=True):
        larger = cv2.resize(face, (40, 40), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(tmp_path / "in" / f"{name}.png"), larger[..., ::-1])
    for out in ("pictures", "grid.png", "array.npy"):
        line = "reconstruct --model {model} --images {images} --out {out}"
        assert command(line, model=model, images=tmp_path / "in", out=tmp_path / out) == 0
    written = sorted((tmp_path / "pictures").iterdir())
    array = np.load(tmp_path / "array.npy")
    assert [file.name for file in written] == [storage.MARKER, *(f"0000{i}.png" for i in range(5))]
    assert np.array_equal(np.stack([read_image(file) for file in written[1:]]), array)
    assert read_image(tmp_path / "grid.png").shape[2] == 3
    np.save(
        tmp_path / "sorted.npy", faces[::-1]
    )  # by name: a, b, ... is the reverse of how they were written
    line = "reconstruct --model {model} --images {images} --out {out}"
    assert command(line, model=model, images=tmp_path / "sorted.npy", out=tmp_path / "expected.npy") == 0
    assert np.abs(np.load(tmp_path / "expected.npy").astype(float) - array).mean() < 2


def test_edit_with_strength_0_changes_nothing_and_signs_differ(model, faces, tmp_path):
    np.save(tmp_path / "x.npy", faces)
    edited = {}
    for strength in ("0", "1", "-1"):
        out = tmp_path / f"{strength}.npy"
        line = "edit --model {m} --images {i} --attribute Smiling --strength {s} --face-only --out {o}"
        assert command(line, m=model, i=tmp_path / "x.npy", s=strength, o=out) == 0
        edited[strength] = np.load(out)
    line = "reconstruct --model {m} --images {i} --out {o}"
    assert command(line, m=model, i=tmp_path / "x.npy", o=tmp_path / "r.npy") == 0
    assert np.array_equal(edited["0"], np.load(tmp_path / "r.npy"))
    assert not np.array_equal(edited["1"], edited["-1"])


def test_interpolate_begins_and_ends_with_the_reconstructions(model, faces, tmp_path):
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path, face in zip(paths, faces, strict=False):
        data.save_images(face[None], path)
    line = "interpolate --model {m} --images {one} {two} --steps 6 --out {o}"
    values = dict(m=model, one=paths[0], two=paths[1])
    for out, option in (("a.npy", ""), ("b.npy", " --spherical"), ("strip.png", ""), ("walk.gif", "")):
        assert command(line + option, **values, o=tmp_path / out) == 0
    straight, spherical = np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy")
    np.save(tmp_path / "x.npy", faces[:2])
    assert command("reconstruct --model {m} --images {i} --out {o}", m=model, i=tmp_path / "x.npy",
                   o=tmp_path / "r.npy") == 0  # fmt: skip
    assert straight.shape == (6, 16, 16, 3)
    for way in (straight, spherical):
        assert np.abs(way[[0, -1]].astype(int) - np.load(tmp_path / "r.npy")).max() <= 1
    assert read_image(tmp_path / "strip.png").shape[:2] == (16, 6 * 18 - 2)
    assert len(imageio.imread(tmp_path / "walk.gif")) == 6


def test_evaluate_prints_one_object_that_agrees_with_the_card(model, capsys):
    capsys.readouterr()
    assert command("evaluate --model {model} --json", model=model) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"pictures", "squared_error", "pca_squared_error", "ratio", "kl", "active_units"} <= set(figures)
    assert figures["ratio"] == pytest.approx(figures["squared_error"] / figures["pca_squared_error"])
    card = json.loads((model / "card.json").read_text())["figures"]
    assert figures["pictures"] == card["pictures"]
    assert figures["squared_error"] == pytest.approx(card["squared_error"], rel=0.05)  # stored as float16
    assert figures["pca_squared_error"] == pytest.approx(card["pca_squared_error"], rel=0.01)
    assert command("evaluate --model {model}", model=model) == 0
    assert "active units" in capsys.readouterr().out


def test_denoise_reconstructs_or_takes_means(model, faces, tmp_path):
    np.save(tmp_path / "x.npy", faces)
    values = dict(m=model, i=tmp_path / "x.npy", t=tmp_path)
    assert command("denoise --model {m} --images {i} --out {t}/d.npy", **values) == 0
    assert command("reconstruct --model {m} --images {i} --out {t}/r.npy", **values) == 0
    assert np.array_equal(np.load(tmp_path / "d.npy"), np.load(tmp_path / "r.npy"))
    line = "denoise --model {m} --images {i} --method means --strength 0.1 --out {t}/means.npy"
    assert command(line, **values) == 0
    means = np.load(tmp_path / "means.npy")
    assert means.shape == faces.shape and not np.array_equal(means, faces)


def test_a_model_is_trained_on_noisy_pictures(pictures, tmp_path, monkeypatch):
    asked = []
    fit = training.fit
    monkeypatch.setattr(
        training, "fit", lambda *rest, **more: asked.append(more["augment"]) or fit(*rest, **more)
    )
    assert (
        command(TRAIN.replace("--epochs 3", "--epochs 1") + " --noise", data=pictures, out=tmp_path / "m")
        == 0
    )
    assert asked == [denoising.noisy_pairs] and "--noise" in hub.load(tmp_path / "m").card["command"]


def test_anomaly_writes_a_score_for_each_picture_and_the_strangest(model, faces, tmp_path, capsys):
    np.save(tmp_path / "faces.npy", faces)
    strange = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), "uint8")
    data.save_images(strange, tmp_path / "noise.png")
    values = dict(m=model, t=tmp_path)
    line = (
        "anomaly --model {m} --images {t}/faces.npy {t}/noise.png --faces {t}/faces.npy --out {t}/scores.csv"
    )
    assert command(line + " --grid {t}/grid.png --strangest 1", **values) == 0
    table = pd.read_csv(tmp_path / "scores.csv")
    assert table["picture"].tolist() == [*(f"faces-0000{i}" for i in range(5)), "noise.png"]
    assert table.drop(columns="picture").notna().all(axis=None)
    strangest = table["strangeness"].idxmax()  # this model knows no faces, so it may be any of them
    assert np.array_equal(read_image(tmp_path / "grid.png"), np.concatenate([faces, strange])[strangest])
    said = capsys.readouterr().out
    assert f"{table['picture'][strangest]}: strangeness" in said
    assert "5 faces to compare with are too few for a threshold of 3" in said
    before = (tmp_path / "scores.csv").read_bytes()
    assert command(line, **values) == 2
    assert "already exists" in capsys.readouterr().err and (tmp_path / "scores.csv").read_bytes() == before
    assert command(line + " --force", **values) == 0
    assert command("anomaly --model {m} --images {t}/noise.png --out {t}/one.csv", **values) == 2
    assert "add --faces" in capsys.readouterr().err and not (tmp_path / "one.csv").exists()


def test_compressed_faces_come_back_and_what_is_damaged_does_not(model, faces, tmp_path, capsys):
    np.save(tmp_path / "x.npy", faces)
    values = dict(m=model, t=tmp_path)
    line = "compress --model {m} --images {t}/x.npy --step 0.01 --out {t}/x.vae"
    assert command(line, **values) == 0
    size = (tmp_path / "x.vae").stat().st_size
    assert f"5 faces, {size} bytes" in capsys.readouterr().out
    assert command("decompress --model {m} --file {t}/x.vae --out {t}/y.npy", **values) == 0
    assert command("reconstruct --model {m} --images {t}/x.npy --out {t}/r.npy", **values) == 0
    apart = np.load(tmp_path / "y.npy").astype(int) - np.load(tmp_path / "r.npy")
    assert np.abs(apart).mean() < 1
    assert command(line, **values) == 0, "the program's own file"
    whole = (tmp_path / "x.vae").read_bytes()
    (tmp_path / "cut.vae").write_bytes(whole[:-9])
    (tmp_path / "letter.vae").write_text("dear")
    for name, words in {"cut": "cut short or damaged", "letter": "no file of compressed faces"}.items():
        capsys.readouterr()
        values["f"] = tmp_path / f"{name}.vae"
        assert command("decompress --model {m} --file {f} --out {t}/no.png", **values) == 2
        error = capsys.readouterr().err
        assert f"{name}.vae" in error and words in error and error.count("\n") == 1
    assert not (tmp_path / "no.png").exists()
    assert command(line.replace("x.vae", "letter.vae"), **values) == 2
    assert (tmp_path / "letter.vae").read_text() == "dear" and "--force" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["code", "pixels"])
def test_search_finds_the_picture_itself_first(by, model, faces, tmp_path, capsys):
    np.save(tmp_path / "among.npy", faces)
    data.save_images(faces[3:4], tmp_path / "one.png")
    line = "search --model {m} --images {t}/one.png --among {t}/among.npy --count 2 --by {by} --out {t}/found.png"
    assert command(line, m=model, t=tmp_path, by=by) == 0
    assert "one.png: among-00003 (" in capsys.readouterr().out
    grid = read_image(tmp_path / "found.png")
    assert grid.shape == (16, 3 * 18 - 2, 3) and np.array_equal(grid[:, :16], grid[:, 18:34])


def test_pictures_that_are_searched_or_scored_are_not_replaced(model, faces, tmp_path, capsys):
    data.save_images(faces, tmp_path / "mine")  # made by the program, which may replace it
    data.save_images(faces[:1], tmp_path / "one.png")
    before = sorted(path.read_bytes() for path in (tmp_path / "mine").glob("*.png"))
    for option, line in (
        ("--out", "search --model {m} --images {t}/one.png --among {t}/mine --out {t}/mine"),
        ("--grid", "anomaly --model {m} --images {t}/mine --grid {t}/mine --out {t}/scores.csv"),
        (
            "--grid",
            "anomaly --model {m} --images {t}/one.png --faces {t}/mine --grid {t}/mine --out {t}/s.csv",
        ),
    ):
        assert command(line, m=model, t=tmp_path) == 2
        assert f"holds the pictures to be read: give {option} another name" in capsys.readouterr().err
    assert sorted(path.read_bytes() for path in (tmp_path / "mine").glob("*.png")) == before


GENERATE = "generate --model {model} --out {tmp}/out.npy"
RECONSTRUCT = "reconstruct --model {model} --out {tmp}/out.npy --images"
MISTAKES = {
    "": "required",
    "genrate": "no command 'genrate'; did you mean generate",
    "judge --data celeba --out x": "no command 'judge' any more; it is called classifier",
    "generate --out x.npy": "--model",
    "generate --model {tmp}/nothing --out {tmp}/out.npy": "nothing is no model",
    "generate --model {tmp} --out {tmp}/out.npy": "card.json",
    "generate --model {tmp}/damaged --out {tmp}/out.npy": "damaged is damaged",
    "generate --model {model} --out {tmp}/out.docx": ".png",
    "generate --model {model} --out {tmp}/x.npy/faces.npy": "faces.npy cannot be written",
    "generate --model {model} --count 1000000000000000 --out {tmp}/out.npy": "ask for fewer",
    GENERATE + " --count -3": "from 1 on",
    GENERATE + " --count 0": "from 1 on",
    GENERATE + " --count 1.5": "whole number",
    GENERATE + " --temperature nan": "nan is no number",
    GENERATE + " --temperature -1": "from 0 to 100",
    GENERATE + " --seed -1": "from 0 to 4294967295",
    GENERATE + " --seed 4294967296": "from 0 to 4294967295",
    GENERATE + " --prior fited": "fitted",
    GENERATE + " --marginals": "--marginals",
    GENERATE + " --attribute Smilling": "Smiling",
    RECONSTRUCT + " {tmp}/nothing.png": "nothing.png",
    RECONSTRUCT + " {tmp}/text.png": "text.png",
    RECONSTRUCT + " {tmp}/cut.png": "cut.png",
    RECONSTRUCT + " {tmp}/empty": "empty",
    RECONSTRUCT + " {tmp}/floats.npy": "uint8",
    RECONSTRUCT + " {tmp}/text.npy": "text.npy",
    "reconstruct --model {model} --images {tmp}/x.npy --out {tmp}/../{tmp.name}/x.npy": "another name",
    "edit --model {model} --images {tmp}/x.npy --out {tmp}/out.npy": "--attribute",
    "edit --model {model} --images {tmp}/x.npy --attribute Beard --out {tmp}/out.npy": "Beard",
    "edit --model {model} --images {tmp}/x.npy --attribute Smiling --strength much --out {tmp}/o.npy": "much",
    "interpolate --model {model} --images {tmp}/x.npy --out {tmp}/out.gif": "two pictures",
    "interpolate --model {model} --images {tmp}/x.npy --steps 1 --out {tmp}/out.gif": "from 2 on",
    "denoise --model {model} --images {tmp}/x.npy --method means --out {tmp}/out.npy": "--strength",
    "denoise --model {model} --images {tmp}/x.npy --strength -1 --out {tmp}/out.npy": "from 0 on",
    "anomaly --model {model} --images {tmp}/x.npy --out {tmp}/out.txt": "does not end in .csv",
    "anomaly --model {model} --images {tmp}/nothing --out {tmp}/out.csv": "nothing",
    "compress --model {model} --images {tmp}/x.npy --out {tmp}/out.npy": "does not end in .vae",
    "compress --model {model} --images {tmp}/x.npy --step 0 --out {tmp}/out.vae": "from 0.001 on",
    "decompress --model {model} --file {tmp}/nothing.vae --out {tmp}/out.npy": "nothing.vae cannot be read",
    "decompress --model {model} --file {tmp}/x.npy --out {tmp}/out.npy": "x.npy is no file of compressed faces",
    "search --model {model} --images {tmp}/x.npy --among {tmp}/x.npy --count 9 --out {tmp}/out.png": "1 and 5 faces",
    "search --model {model} --images {tmp}/x.npy --among {tmp}/empty --out {tmp}/out.png": "empty",
    "transfer --model {model} --images {tmp}/x.npy --out {tmp}/out.npy": "--from and --attribute",
    "transfer --model {model} --images {tmp}/x.npy --from {tmp}/x.npy --attribute Beard --out {tmp}/out.npy": "Beard",
    "transfer --model {model} --images {tmp}/x.npy --style-to {tmp}/x.npy --out {tmp}/out.npy": "--style-from",
    "evaluate --model {tmp}/nothing --json": "nothing is no model: it is neither one that ships (there are anime",
    "evaluate --model {model} --data cartoons": "cartoon",
    "train --data cartoons --out {tmp}/run": "cartoon",
    "train --data {tmp}/nothing.zip --out {tmp}/run": "nothing.zip",
    "train --data {tmp}/text.zip --out {tmp}/run": "text.zip",
    "train --data {tmp}/empty --out {tmp}/run": "empty",
    "train --data cartoon --image-size 65 --out {tmp}/run": "64",
    "train --data cartoon --epochs 0 --out {tmp}/run": "from 1 on",
    "train --data cartoon --pictures 1 --out {tmp}/run": "from 2 on",
    "train --data {tmp}/texts --out {tmp}/run": "can be used: 0.jpg is a web page",
    "train --data cartoon --out {tmp}/text.png": "text.png is a file",
    "train --data cartoon --image-size 16 --sharpen 1 --out {model}": "a model of drawn_faces, not of cartoon",
}


@pytest.fixture(scope="session")
def mistakes(model, faces, tmp_path_factory):
    """A folder with what the mistakes need."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    for number in range(40):
        (folder / "texts" / f"{number}.jpg").write_text("<html>Too many requests</html>")
    for name in ("text.png", "text.npy", "text.zip"):
        (folder / name).write_text("<html>Too many requests</html>")
    whole = cv2.imencode(".png", faces[0])[1].tobytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    np.save(folder / "x.npy", faces)
    np.save(folder / "floats.npy", faces / 255)
    (folder / "damaged").mkdir()
    for file in model.iterdir():
        (folder / "damaged" / file.name).write_bytes(file.read_bytes())
    weights = folder / "damaged/vae.weights.h5"
    weights.write_bytes(weights.read_bytes()[:5000])
    return folder


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_answered_in_one_sentence(line, model, mistakes, capsys):
    before = sorted(mistakes.rglob("*"))
    assert command(line, model=model, tmp=mistakes) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and "Traceback" not in error
    assert MISTAKES[line] in error
    assert sorted(mistakes.rglob("*")) == before


def test_faces_are_not_made_for_a_place_that_is_taken(model, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    monkeypatch.setattr(hub, "load", None)
    assert command("generate --model {m} --out {o}", m=model, o=tmp_path / "mine") == 2
    assert "already exists and holds something else" in capsys.readouterr().err


def test_home_is_found_in_paths(model, faces, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.save(tmp_path / "faces.npy", faces)
    assert command("reconstruct --model {m} --images ~/faces.npy --out ~/r.npy", m=model) == 0
    assert len(np.load(tmp_path / "r.npy")) == len(faces)


@pytest.mark.parametrize("images", ["", "/00001.png"])
def test_what_is_read_is_not_written_over(images, model, faces, tmp_path, capsys):
    data.save_images(faces[:3], tmp_path / "faces")
    line = "reconstruct --model {m} --images {f}" + images + " --out {f}"
    assert command(line, m=model, f=tmp_path / "faces") == 2
    assert "give --out another name" in capsys.readouterr().err
    assert len(list((tmp_path / "faces").glob("*.png"))) == 3


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_shows_examples_that_can_be_parsed(name, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    examples = re.findall(r"^  python -m vae_keras (.+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(examples) >= 1
    for example in examples:
        assert cli.build_parser().parse_args(example.split()).command == name


def test_help_does_not_load_what_takes_long():
    """By the module as a command, which imports the package first, and by the installed script's name."""
    code = """
import sys
sys.argv = ["vae-keras", "--help"]
from vae_keras import cli
try:
    cli.main(["train", "--help"])
finally:
    print({"tensorflow", "keras"} & set(sys.modules), file=sys.stderr)
"""
    assert run("-c", code).stderr == "set()\n"
    shown = run("-X", "importtime", "-m", "vae_keras", "--help")
    assert shown.returncode == 0 and all(name in shown.stdout for name in cli.COMMANDS)
    imported = {line.split("|")[-1].strip().split(".")[0] for line in shown.stderr.splitlines()}
    assert "argparse" in imported and not imported & {"tensorflow", "keras", "numpy", "pandas"}


def test_help_names_all_data_sets_and_models(capsys):
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert all(name in words for name in (*data.dataset_names(), *hub.model_names()))


def test_several_pictures_are_read_in_their_order(model, faces, tmp_path):
    for name, face in zip("ba", faces):
        data.save_images(face[None], tmp_path / f"{name}.png")
    np.save(tmp_path / "x.npy", faces[:2])
    line = "reconstruct --model {m} --out {o} --images "
    assert command(line + "{t}/b.png {t}/a.png", m=model, t=tmp_path, o=tmp_path / "two.npy") == 0
    assert command(line + "{t}/x.npy", m=model, t=tmp_path, o=tmp_path / "array.npy") == 0
    assert np.array_equal(np.load(tmp_path / "two.npy"), np.load(tmp_path / "array.npy"))


@pytest.mark.parametrize("name", ["x.npy", "new/x", "x.png"])
def test_more_faces_than_the_disk_holds_are_refused_before_the_work(
    model, tmp_path, monkeypatch, capsys, name
):
    monkeypatch.setattr(latent, "decode", None)
    line = "generate --model {m} --count 1000000000000 --out {o}"
    assert command(line, m=model, o=tmp_path / name) == 2
    (said,) = capsys.readouterr().err.splitlines()
    grid = "would be a grid of 1,000,000,000,000 pictures, larger than programs open"
    assert (grid if name == "x.png" else "make room there, give another place, or ask for fewer.") in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.npy", "x"])
def test_a_disk_that_fills_up_leaves_nothing_half_written(model, tmp_path, monkeypatch, capsys, name):
    decode, calls = latent.decode, []

    def full(vae, z):
        calls.append(len(z))
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return decode(vae, z)

    monkeypatch.setattr(latent, "decode", full)
    monkeypatch.setattr(common, "CHUNK", 8)
    assert command("generate --model {m} --count 20 --out {o}", m=model, o=tmp_path / name) == 2
    assert f"{name} cannot be written (No space left on device)" in capsys.readouterr().err
    assert calls == [8, 8] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("prior", ["mixture", "standard"])
def test_generate_draws_and_decodes_one_chunk_after_the_other(model, tmp_path, monkeypatch, prior):
    """Neither codes nor faces are ever together in memory."""
    decode, sample = latent.decode, hub.Pretrained.sample_in_chunks
    order = []

    def noting_decode(vae, z):
        order.append(("decode", len(z)))
        return decode(vae, z)

    def noting_draws(*arguments, **options):
        for z in sample(*arguments, **options):
            order.append(("draw", len(z)))
            yield z

    monkeypatch.setattr(common, "CHUNK", 8)
    monkeypatch.setattr(latent, "decode", noting_decode)
    monkeypatch.setattr(hub.Pretrained, "sample_in_chunks", noting_draws)
    line = "generate --model {m} --count 20 --prior {p} --out {o}"
    assert command(line, m=model, p=prior, o=tmp_path / "x.npy") == 0
    assert order == [(what, count) for count in (8, 8, 4) for what in ("draw", "decode")]
    assert np.load(tmp_path / "x.npy").shape == (20, 16, 16, 3)


def test_an_interruption_ends_with_130(monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(hub, "load", interrupted)
    assert command("generate --model any --out x.npy") == 130
    assert "interrupted" in capsys.readouterr().err
