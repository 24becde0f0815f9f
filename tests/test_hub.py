"""Model folders: what is stored is what was trained, and what ships loads."""

import copy
import dataclasses
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from vae_keras import config, data, directions, hub, latent, priors, sharpening, storage, training
from vae_keras.data.drawn import faces as drawn
from vae_keras.hub import cards, folders
from vae_keras.release.package import describe_model

SETTINGS = config.settings(
    profile="quick", dataset="cartoon", image_size=16, latent_dim=8, precision="float32"
)
WRITTEN = sorted([*folders.FILES, storage.MARKER])


@pytest.fixture(scope="module")
def faces():
    """Few small pictures with few attributes."""
    dataset, factors = data.get_dataset("cartoon"), drawn.sample_factors(200)
    images, table = drawn.draw_faces(factors, 16), drawn.attributes(factors)[list(dataset.attributes)]
    table.insert(0, "split", ["train"] * 120 + ["validation"] * 40 + ["test"] * 40)
    return data.Faces(dataset, images, table, [])


@pytest.fixture(scope="module")
def model(faces):
    """A model trained for moments."""
    policy = keras.config.dtype_policy()
    vae = training.build_vae(SETTINGS)
    training.fit(vae, faces.train, epochs=3, batch_size=20)
    keras.config.set_dtype_policy(policy)
    z, _ = latent.encode(vae, faces.train)
    labels = faces.labels("train")
    shifts = directions.attribute_directions(z, labels)
    lengths = (shifts**2).sum(axis=1)
    levels = (z @ shifts.T.to_numpy() / lengths.to_numpy()).mean(axis=0)
    levels = shifts[0].copy().rename(None) * 0 + levels
    return hub.Pretrained(vae, priors.fit_prior(z), shifts, levels, describe_model(vae, faces))


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    hub.save(model, folder)
    return folder


@pytest.fixture
def copied(folder, tmp_path):
    """A copy of the folder to spoil."""
    target = tmp_path / "copy"
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def sharpen(model):
    """A sharpened version of a model whose details and decoder are not those of the plain one."""
    vae = model.vae.copy_with_details(16)
    rng = np.random.default_rng(1)
    decoder = vae.decoder
    decoder.set_weights(
        [w + 0.05 * rng.standard_normal(w.shape) * (w.ndim > 1) for w in decoder.get_weights()]
    )
    return dataclasses.replace(model, vae=vae, card={**model.card, "sharpened": {"epochs": 1}})


def levels_apart(one, other):
    return np.abs(one.astype(int) - other).max()


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def test_folder_holds_three_files_and_gives_back_the_same(model, folder, faces):
    assert names_in(folder) == WRITTEN
    again = hub.load(folder)
    assert again.card == model.card
    assert list(again.directions.index) == list(model.directions.index)
    assert np.allclose(again.directions, model.directions, atol=1e-6)
    assert np.allclose(again.levels[model.levels.index], model.levels, atol=1e-6)
    assert np.allclose(again.prior.sample(50, seed=1), model.prior.sample(50, seed=1), atol=1e-4)
    assert levels_apart(again.reconstruct(faces.preview), model.reconstruct(faces.preview)) <= 1
    assert not again.sharpened and again.diffusion is None


def test_float16_shows_no_difference(model, folder, tmp_path, faces):
    model.vae.save_weights(tmp_path / "exact.weights.h5")
    assert (folder / "vae.weights.h5").stat().st_size < 0.4 * (tmp_path / "exact.weights.h5").stat().st_size
    with h5py.File(folder / "vae.weights.h5") as stored:
        assert "optimizer" not in stored
    images = np.float32(faces.test) / 255
    half, exact = (one.vae.reconstruct(images) for one in (hub.load(folder), model))
    assert 0 < np.abs(np.asarray(half) - np.asarray(exact)).max() < 1 / 255


def test_the_card_leaves_number_format_and_freezing_to_the_reader(model, folder):
    stored = json.loads((folder / "card.json").read_text())["model"]
    assert not {"dtype", "trainable"} & stored.keys() and stored["details"] is None
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        assert hub.load(folder).vae.dtype_policy.name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(policy)
    assert hub.load(folder).vae.dtype_policy.name == policy.name


def test_a_sharpened_model_stands_beside_the_plain_one(model, copied, faces):
    sharp = sharpen(model)
    hub.save(sharp, copied)
    assert names_in(copied) == sorted([*WRITTEN, folders.SHARP])
    loaded, plain = hub.load(copied), hub.load(copied, plain=True)
    assert loaded.sharpened and loaded.vae.details == 16 and loaded.card["sharpened"]["epochs"] == 1
    assert not plain.sharpened and "sharpened" not in plain.card
    assert levels_apart(loaded.reconstruct(faces.test), sharp.reconstruct(faces.test)) <= 1
    assert levels_apart(plain.reconstruct(faces.test), model.reconstruct(faces.test)) <= 1
    assert levels_apart(loaded.reconstruct(faces.test), plain.reconstruct(faces.test)) > 5
    hub.save(model, copied)  # the plain one again
    assert names_in(copied) == WRITTEN and not hub.load(copied).sharpened


def test_a_number_of_details_of_its_own_is_kept(model, copied):
    sharp = dataclasses.replace(model, vae=model.vae.copy_with_details(5))
    hub.save(sharp, copied)
    assert hub.load(copied).vae.details == 5


def test_a_sharpened_model_without_its_plain_one_is_written_whole(model, tmp_path, faces):
    sharp = sharpen(model)
    hub.save(sharp, tmp_path / "alone")
    assert names_in(tmp_path / "alone") == WRITTEN
    loaded = hub.load(tmp_path / "alone")
    assert loaded.sharpened
    assert levels_apart(loaded.reconstruct(faces.test), sharp.reconstruct(faces.test)) <= 1
    with pytest.raises(ValueError, match="saved without its plain version"):
        hub.load(tmp_path / "alone", plain=True)


def test_a_sharpened_model_that_is_trained_further_keeps_its_details(model, copied, faces):
    hub.save(sharpen(model), copied)
    trained = hub.load(copied)
    trained.vae.compile(optimizer=keras.optimizers.SGD(1e-5))
    trained.vae.fit(np.float32(faces.train) / 255, epochs=1, batch_size=40, verbose=0)
    for target in (copied.parent / "new", copied):
        hub.save(trained, target)
        again = hub.load(target)
        assert again.vae.details == 16
        assert levels_apart(again.reconstruct(faces.test), trained.reconstruct(faces.test)) <= 1
    assert names_in(copied) == WRITTEN, "the decoder of the earlier model is left over"


@pytest.mark.parametrize("is_sharp", [True, False])
def test_a_fitted_diffusion_prior_is_kept_and_drawn_from(is_sharp, model, copied):
    rng = np.random.default_rng(0)
    better = sharpening.DiffusionPrior(model.prior)
    better.denoiser.set_weights([0.1 * rng.standard_normal(w.shape) for w in better.denoiser.get_weights()])
    whole = dataclasses.replace(sharpen(model) if is_sharp else model, diffusion=better)
    hub.save(whole, copied)
    again = hub.load(copied)
    z = better.sample(4, seed=3)
    assert np.abs(z - model.prior.sample(4, seed=3)).max() > 1e-2
    np.testing.assert_array_equal(whole.sample(4, seed=3), z)
    chunks = np.concatenate(list(whole.sample_in_chunks([3, 1], seed=3)))
    np.testing.assert_allclose(chunks, z, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(again.sample(4, seed=3), z, atol=0.05)
    mixture = again.sample(4, seed=3, prior="mixture")
    np.testing.assert_allclose(mixture, model.prior.sample(4, seed=3), atol=1e-4)
    if is_sharp:
        assert hub.load(copied, plain=True).diffusion is None
    hub.save(dataclasses.replace(again, diffusion=None), copied)
    assert hub.load(copied).diffusion is None and not (copied / folders.DENOISER).exists()
    hub.save(whole, copied)
    (copied / folders.DENOISER).unlink()
    with pytest.raises(ValueError, match="is damaged .*: train or download"):
        hub.load(copied)
    hub.save(model, copied)
    assert names_in(copied) == WRITTEN and hub.load(copied).diffusion is None


def test_generate_repeats_and_follows_its_arguments(model):
    assert np.array_equal(model.generate(4, seed=2), model.generate(4, seed=2))
    assert not np.array_equal(model.generate(4, seed=2), model.generate(4, seed=3))
    assert np.array_equal(model.generate(4, seed=2), latent.decode(model.vae, model.sample(4, seed=2)))
    np.testing.assert_array_equal(
        model.sample(4, seed=2, temperature=0.8),
        model.prior.sample(4, 2, 0.8),
        "nothing is done to the codes",
    )
    assert np.allclose(
        model.sample(9, temperature=0.5, prior="standard"), 0.5 * model.sample(9, prior="standard")
    )
    assert model.sample(2000, prior="standard").std() == pytest.approx(1, abs=0.05)
    for options in ({}, {"prior": "standard"}, {"attribute": "Smiling"}):
        chunks = list(model.sample_in_chunks(iter([100, 60, 40]), 5, 0.9, **options))
        assert [len(z) for z in chunks] == [100, 60, 40]
        np.testing.assert_allclose(
            np.concatenate(chunks), model.sample(200, 5, 0.9, **options), rtol=1e-4, atol=1e-5
        )
    z, moved = model.sample(200), model.sample(200, attribute="Smiling")
    along = model.direction("Smiling") / np.linalg.norm(model.direction("Smiling"))
    assert (moved @ along).min() >= (z @ along).min() - 1e-4
    level = model.levels["Smiling"] * np.linalg.norm(model.direction("Smiling"))
    assert (moved @ along).min() == pytest.approx(level, rel=1e-3, abs=1e-3)
    beyond = z @ along > level + 1e-3
    np.testing.assert_array_equal(moved[beyond], z[beyond])


def test_edit_moves_along_the_direction(model, faces):
    edited = model.edit(faces.preview, "Smiling", 1.0)
    z, _ = latent.encode(model.vae, faces.preview)
    assert np.array_equal(edited, latent.decode(model.vae, z + model.direction("Smiling")))
    assert np.array_equal(model.edit(faces.preview, "Smiling", 0.0), model.reconstruct(faces.preview))


@pytest.mark.parametrize(
    "message, arguments",
    [
        ("Asked for 0 faces", dict(count=0)),
        ("Asked for -2 faces", dict(count=-2)),
        ("no prior 'standart'; did you mean standard", dict(count=1, prior="standart")),
        ("Temperature is -1", dict(count=1, prior="standard", temperature=-1.0)),
        ("Temperature is -1", dict(count=1, temperature=-1.0)),
        ("no attribute 'Smilling'; did you mean Smiling", dict(count=1, attribute="Smilling")),
    ],
)
def test_generate_refuses_in_words(model, message, arguments):
    with pytest.raises(ValueError, match=message):
        model.generate(**arguments)


def test_what_is_no_model_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="celebb is no model.*celeba"):
        hub.load("celebb")
    with pytest.raises(FileNotFoundError, match="card.json"):
        hub.load(tmp_path)


def spoil_card(folder, **changes):
    card = json.loads((folder / "card.json").read_text())
    card["model"].update(changes.pop("model", {}))
    (folder / "card.json").write_text(json.dumps({**card, **changes}))


@pytest.mark.parametrize("name", cards.NEEDED)
def test_a_card_that_lacks_what_is_needed_is_damaged(copied, name):
    card = json.loads((copied / "card.json").read_text())
    del card[name]
    (copied / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=f"is damaged .*lacks {name}"):
        hub.load(copied)


@pytest.mark.parametrize(
    "changes, name",
    [
        (dict(crop="wide"), "crop"),
        (dict(crop=-0.5), "crop"),
        (dict(find_face="no"), "find_face"),
        (dict(limit=0), "limit"),
        (dict(data=""), "data"),
        (dict(crop=float("inf")), "crop"),
        (dict(sharpened=[]), "sharpened"),
        (dict(epochs="3"), "epochs"),
        (dict(minutes=[]), "minutes"),
        (dict(added_directions=[]), "added_directions"),
        (dict(directions=[]), "directions"),
        (dict(model=dict(latent_dim=200_000)), "latent_dim"),
        (dict(model=dict(latent_dim=True)), "latent_dim"),
        (dict(model=dict(image_size=1 << 20)), "image_size"),
        (dict(model=dict(image_size="64")), "image_size"),
    ],
)
def test_a_wrong_value_of_a_card_is_named(copied, changes, name, monkeypatch):
    spoil_card(copied, **changes)
    monkeypatch.setattr(folders, "VAE", None)  # nothing is built from such a card
    with pytest.raises(ValueError, match=f"is damaged .*wrong value for {name}"):
        hub.load(copied)


@pytest.mark.parametrize(
    "changes",
    [
        dict(model=dict(filters=[4096, 4096])),
        dict(model=dict(latent_dim=8000)),
        dict(model=dict(details=3000)),
        dict(sharpened=dict(details=3000)),
    ],
)
def test_a_network_that_is_larger_than_its_weights_is_not_built(copied, changes, monkeypatch):
    spoil_card(copied, **changes)
    monkeypatch.setattr(folders, "VAE", None)
    with pytest.raises(ValueError, match="vae.weights.h5 is too small for the network"):
        hub.load(copied)


@pytest.mark.parametrize(
    "changes",
    [
        dict(model=dict(filters="many")),
        dict(model=dict(filters=[[8], 16])),
        dict(model=dict(details="16")),
        dict(model=dict(likelihood=7)),
        dict(model=dict(beta="x")),
        dict(model=dict(dropout="x")),
        dict(model=dict(normalization=3)),
        dict(model=dict(seed=[])),
        dict(model=dict(more=1)),
        dict(model=dict(name=5)),
        dict(sharpened=dict(details="16")),
        dict(sharpened=dict(diffusion=7)),
        dict(diffusion=None),
    ],
)
def test_wrong_types_in_a_card_are_damage(copied, changes):
    spoil_card(copied, **changes)
    with pytest.raises(ValueError, match="is damaged .*: train or download"):
        hub.load(copied)


def test_a_card_without_an_end_is_not_read(copied):
    with (copied / "card.json").open("ab") as file:
        file.truncate(1 << 30)
    with pytest.raises(ValueError, match="is damaged .*1,000,000 bytes"):
        hub.load(copied)


@pytest.mark.parametrize("name", folders.FILES)
def test_a_pipe_or_a_device_is_no_model(copied, name):
    (copied / name).unlink()
    (copied / name).symlink_to("/dev/zero")
    with pytest.raises(FileNotFoundError, match=f"is no model: .*{name}"):
        hub.load(copied)


@pytest.mark.parametrize("name", folders.FILES)
@pytest.mark.parametrize("damage", ["cut", "html", "other"])
def test_damage_is_said(folder, copied, name, damage):
    whole = (copied / name).read_bytes()
    other = (folder / folders.FILES[folders.FILES.index(name) - 1]).read_bytes()
    spoiled = {"cut": whole[: len(whole) // 2], "html": b"<html>", "other": other}[damage]
    (copied / name).write_bytes(spoiled)
    with pytest.raises(ValueError, match="is damaged .*: train or download"):
        hub.load(copied)


def arrays_of(folder):
    with np.load(folder / "latent.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["prior_means", "prior_factors", "directions", "prior_weights"])
def test_arrays_of_other_sizes_are_refused_unread(copied, name, monkeypatch):
    arrays = arrays_of(copied)
    arrays[name] = np.zeros((3, *arrays[name].shape), "float32")
    np.savez_compressed(copied / "latent.npz", **arrays)
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(ValueError, match="arrays of other sizes"):
        hub.load(copied)


def test_arrays_that_are_unpacked_without_a_limit_are_not_read(folder, copied):
    with (
        zipfile.ZipFile(folder / "latent.npz") as whole,
        zipfile.ZipFile(copied / "latent.npz", "w", zipfile.ZIP_LZMA) as other,
    ):
        for name in whole.namelist():
            other.writestr(name, whole.read(name))
    with pytest.raises(ValueError, match="latent.npz holds 'attributes.npy', which is not packed by deflate"):
        hub.load(copied)


def test_arrays_that_unpack_to_gigabytes_are_not_read(copied, monkeypatch):
    arrays = arrays_of(copied)
    arrays["prior_weights"] = np.zeros(1000, "float32")
    arrays["prior_means"] = np.zeros((1000, 8), "float32")
    arrays["prior_factors"] = np.zeros((1000, 8, 8), "float32")
    np.savez_compressed(copied / "latent.npz", **arrays)
    monkeypatch.setattr(np, "load", None)
    monkeypatch.setattr(folders, "MOST_NAMES", 10_000)
    with pytest.raises(ValueError, match="latent.npz would unpack to many times its size"):
        hub.load(copied)


@pytest.mark.parametrize("name", ["attributes", "levels", "prior_means"])
def test_objects_and_other_kinds_are_refused_in_words(copied, name):
    arrays = arrays_of(copied)
    for kind in (object, "datetime64[s]"):
        arrays[name] = np.zeros(arrays[name].shape, kind)
        np.savez_compressed(copied / "latent.npz", **arrays)
        with pytest.raises(ValueError, match="holds arrays of other kinds") as refusal:
            hub.load(copied)
        assert "pickle" not in str(refusal.value)


def test_a_model_whose_save_was_killed_is_whole(model, copied):
    """Killed after the new files were written, and before all of them had been moved to their places."""
    before = hub.load(copied)
    new = dataclasses.replace(
        model, prior=priors.Mixture(*(1.5 * x for x in dataclasses.astuple(model.prior)))
    )
    new_files = copied.parent / "new"
    hub.save(new, new_files)
    for name in folders.FILES:
        (new_files / name).rename(copied / f"{storage.PART}{name}")
    (copied / storage.CHANGE).write_text(json.dumps({"replace": folders.FILES, "remove": [folders.SHARP]}))
    (copied / f"{storage.PART}{folders.WEIGHTS}").replace(copied / folders.WEIGHTS)
    assert np.allclose(hub.load(copied).prior.means, 1.5 * before.prior.means)
    assert names_in(copied) == WRITTEN


def test_arrays_that_nobody_needs_are_not_read(copied, model):
    np.savez_compressed(copied / "latent.npz", **arrays_of(copied), marginals_center=np.array([None]))
    assert np.allclose(hub.load(copied).sample(5), model.sample(5), atol=1e-4)


def test_weights_with_more_numbers_than_the_model_are_refused_unread(copied, monkeypatch):
    with h5py.File(copied / "vae.weights.h5", "a") as file:
        file.create_dataset("vars/2", shape=(1 << 33,), dtype="float32")  # takes no place in the file
    monkeypatch.setattr(folders.VAE, "load_weights", None)
    with pytest.raises(ValueError, match="more numbers than the model"):
        hub.load(copied)


@pytest.mark.parametrize("name", ["prior_means", "directions", "levels"])
def test_values_that_are_no_numbers_are_said(copied, name):
    arrays = arrays_of(copied)
    arrays[name][0] = np.nan
    np.savez_compressed(copied / "latent.npz", **arrays)
    with pytest.raises(ValueError, match=f"{name} in latent.npz holds values that are no numbers"):
        hub.load(copied)


def test_weights_that_are_no_numbers_are_said(copied):
    with h5py.File(copied / "vae.weights.h5", "a") as file:
        file["decoder/layers/dense/vars/0"][0, 0] = np.inf
    with pytest.raises(ValueError, match="vae.weights.h5 holds values that are no numbers"):
        hub.load(copied)


def test_an_unfinished_save_leaves_the_old_model(model, copied, monkeypatch):
    before = {file.name: file.read_bytes() for file in copied.iterdir()}

    def full(*rest, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        hub.save(dataclasses.replace(model, card={}), copied)
    assert {file.name: file.read_bytes() for file in copied.iterdir()} == before


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "foreign",
    [
        ["checkpoint/mine.txt", "sharpening/mine.txt", "faces.png", "latent.npz"],
        ["card.json", "vae.weights.h5"],
        ["checkpoint/checkpoint.json", "thesis.tex"],
        ["checkpoint/weights.pt"],
        ["notes.txt"],
    ],
)
def test_a_foreign_folder_is_refused_and_stays(model, tmp_path, foreign):
    for name in foreign:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    before = snapshot(tmp_path)
    with pytest.raises(FileExistsError, match="something else than a model"):
        hub.save(model, tmp_path)
    assert snapshot(tmp_path) == before
    with pytest.raises(FileExistsError, match="something else than a model"):
        hub.claim_folder(tmp_path)
    assert snapshot(tmp_path) == before


def test_folders_of_earlier_versions_are_known(model, copied, tmp_path):
    (copied / storage.MARKER).unlink()
    hub.check_folder(copied)
    unfinished = tmp_path / "unfinished"
    (unfinished / "checkpoint").mkdir(parents=True)
    (unfinished / "checkpoint" / "checkpoint.json").write_text("{}")
    (unfinished / "checkpoint" / "epoch-0003.weights.h5").write_text("weights")
    for known in (copied, unfinished):
        hub.save(model, known)
        assert names_in(known) == WRITTEN
        assert storage.read_marker(known)["kind"] == "model"


def test_only_checkpoints_of_the_program_are_removed(copied):
    for name in ("checkpoint", "sharpening/checkpoint"):
        (copied / name).mkdir(parents=True)
        (copied / name / "checkpoint.json").write_text("{}")
        (copied / name / "epoch-0001.weights.h5").write_text("weights")
    (copied / "checkpoint" / "mine.txt").write_text("dear")
    folders.remove_checkpoints(copied)
    assert names_in(copied) == sorted([*WRITTEN, "checkpoint"])
    assert names_in(copied / "checkpoint") == ["mine.txt"]


def test_load_for_finds_the_model_of_lesson_03(model, tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_KERAS_RUNS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="lesson 03"):
        hub.load_for(SETTINGS)
    hub.save(model, SETTINGS.model_folder)
    assert hub.load_for(SETTINGS).card == model.card
    usual = dataclasses.replace(SETTINGS, image_size=64, latent_dim=128)
    assert hub.load_for(usual).card["source"] == "cartoon"


def test_load_for_prefers_a_sharpened_model_where_one_is_wanted(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VAE_KERAS_RUNS", str(tmp_path))
    settings = dataclasses.replace(SETTINGS, dataset="celeba", image_size=64, latent_dim=128)
    plain = hub.load("celeba", plain=True)
    plain.card = {name: value for name, value in plain.card.items() if name != "sharpened"} | {"note": "own"}
    hub.save(plain, settings.model_folder)
    assert hub.load_for(settings).card["note"] == "own" and not capsys.readouterr().out
    assert hub.load_for(settings, sharpened=True).sharpened
    assert "lesson 03 was not sharpened" in capsys.readouterr().out
    before = hub.load_for(settings, plain=True, sharpened=True)
    assert not before.sharpened and before.card["note"] != "own"
    drawn = dataclasses.replace(settings, dataset="cartoon")  # of which no sharpened model ships
    hub.save(plain, drawn.model_folder)
    assert hub.load_for(drawn, sharpened=True).card["note"] == "own"


@pytest.mark.parametrize("name", hub.model_names())
def test_what_ships_loads_and_draws(name):
    model = hub.load(name)
    assert model.card["source"] == name and model.card["terms"] and model.card["command"]
    assert model.vae.image_size == 64 and model.card["figures"]["ratio"] < 1
    assert set(model.card["attributes"]) <= set(model.directions.index)
    assert model.sharpened == ("sharpened" in model.card)
    faces = model.generate(8, seed=0)
    assert faces.shape == (8, 64, 64, 3) and faces.std(axis=0).mean() > 10


@pytest.mark.parametrize(
    "folder", sorted(Path(__file__).parent.glob("files/old-model*")), ids=lambda p: p.name
)
def test_folders_written_by_earlier_versions_load(folder):
    model = hub.load(folder)
    size = model.card["model"]["image_size"]
    assert model.generate(2).shape == (2, size, size, 3)
    assert not hub.load(folder, plain=True).sharpened


def test_a_shipped_sharpened_model_keeps_its_details_through_fit_and_save(tmp_path):
    model = hub.load("celeba")
    assert model.sharpened
    images = model.generate(8, seed=1)
    model.vae.compile(optimizer=keras.optimizers.SGD(1e-9))
    model.vae.fit(np.float32(images) / 255, epochs=1, batch_size=8, verbose=0)
    hub.save(model, tmp_path / "further")
    again = hub.load(tmp_path / "further")
    assert again.sharpened and again.diffusion is not None
    assert levels_apart(again.reconstruct(images), model.reconstruct(images)) <= 1


def test_saving_changes_nothing_in_the_model(model, copied):
    sharp = sharpen(model)
    before = copy.deepcopy(sharp.card)
    hub.save(sharp, copied)
    assert sharp.card == before


def test_what_ships_stays_small():
    assert sum(file.stat().st_size for file in cards.SHIPPED.rglob("*") if file.is_file()) < 40_000_000


def test_loading_imports_nothing_that_only_training_needs():
    code = """
import sys
import keras  # which imports some of these itself
import tensorflow
before = {name.split(".")[0] for name in sys.modules}
from vae_keras import hub
hub.load("celeba").generate(2)
roots = {name.split(".")[0] for name in sys.modules} - before
parts = {".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("vae_keras.")}
heavy = roots & {"sklearn", "skimage", "matplotlib", "cv2", "IPython", "seaborn", "PIL"}
print(heavy | parts & {"vae_keras.data", "vae_keras.release", "vae_keras.plots"})
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert found.stdout == "set()\n", found.stdout + found.stderr
