"""Model folders: what is stored is what was trained, and what ships loads."""

import dataclasses
import json

import h5py
import keras
import numpy as np
import pandas as pd
import pytest

from vae_keras import (
    cartoon,
    config,
    data,
    diffusion,
    latent,
    marginals,
    pretrained,
    sharpen,
    sources,
    training,
)

SETTINGS = config.get_config(
    profile="quick", dataset="cartoon", image_size=16, latent_dim=8, precision="float32"
)


@pytest.fixture(scope="module")
def faces():
    """Few small pictures with few attributes, as each is calibrated."""
    source, factors = sources.get_source("cartoon"), cartoon.sample_factors(400)
    images, table = cartoon.draw_faces(factors, 16), cartoon.attributes(factors)[list(source.attributes)]
    table = table.assign(Bright=images.mean(axis=(1, 2, 3)))
    table.insert(0, "split", ["train"] * 240 + ["validation"] * 80 + ["test"] * 80)
    return data.Faces(source, images, table, [])


@pytest.fixture(scope="module")
def model(faces):
    """A model trained for moments."""
    policy = keras.config.dtype_policy()
    vae = training.build_vae(SETTINGS)
    training.fit(vae, faces.train, epochs=3, batch_size=20)
    keras.config.set_dtype_policy(policy)
    return pretrained.finish(vae, faces, epochs=3, seconds=90.0, command="a test")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    pretrained.save(model, folder)
    return folder


def test_card_says_what_is_needed(model, faces):
    card = model.card
    assert json.loads(json.dumps(card)) == card
    assert card["model"] == model.vae.get_config() and card["crop"] == faces.source.crop
    assert card["pictures"] == dict(train=240, validation=80, test=80)
    assert card["minutes"] == 1.5 and card["command"] == "a test"
    assert card["figures"]["pictures"] == len(faces.test) and card["terms"] == faces.source.terms
    assert set(faces.source.attributes) <= set(model.directions.index)


def test_folder_holds_three_files_and_gives_back_the_same(model, folder, faces):
    assert sorted(file.name for file in folder.iterdir()) == sorted(pretrained.FILES)
    again = pretrained.load(folder)
    assert again.card == model.card
    assert list(again.directions.index) == list(model.directions.index)
    assert np.allclose(again.directions, model.directions, atol=1e-6)
    assert np.allclose(again.levels[model.levels.index], model.levels, atol=1e-6)
    assert np.allclose(again.prior.sample(50, seed=1), model.prior.sample(50, seed=1), atol=1e-4)
    assert np.abs(again.reconstruct(faces.eight).astype(int) - model.reconstruct(faces.eight)).max() <= 1


def test_float16_shows_no_difference(model, folder, tmp_path, faces):
    model.vae.save_weights(tmp_path / "exact.weights.h5")
    assert (folder / "vae.weights.h5").stat().st_size < 0.3 * (tmp_path / "exact.weights.h5").stat().st_size
    with h5py.File(folder / "vae.weights.h5") as stored:
        assert "optimizer" not in stored
    images = np.float32(faces.test[:64]) / 255
    half, exact = (one.vae.reconstruct(images) for one in (pretrained.load(folder), model))
    assert 0 < np.abs(np.asarray(half) - np.asarray(exact)).max() < 1 / 255


def test_a_sharpened_model_is_not_saved_without_the_plain_one(tmp_path):
    with pytest.raises(ValueError, match="copy lacks the plain model"):
        pretrained.save(pretrained.load("celeba"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_generate_repeats_and_follows_its_arguments(model):
    assert np.array_equal(model.generate(4, seed=2), model.generate(4, seed=2))
    assert not np.array_equal(model.generate(4, seed=2), model.generate(4, seed=3))
    assert np.array_equal(model.generate(4, seed=2), latent.decode(model.vae, model.sample(4, seed=2)))
    assert np.allclose(
        model.sample(9, temperature=0.5, prior="standard"), 0.5 * model.sample(9, prior="standard")
    )
    z, moved = model.sample(200), model.sample(200, attribute="Smiling")
    along = model.direction("Smiling") / np.linalg.norm(model.direction("Smiling"))
    assert (moved @ along).min() >= (z @ along).min() - 1e-4
    level = model.levels["Smiling"] * np.linalg.norm(model.direction("Smiling"))
    assert (moved @ along).min() == pytest.approx(level, rel=1e-3, abs=1e-3)


def test_codes_settle_once_if_the_decoder_is_sharpened(model):
    sharpened = dataclasses.replace(model, card={**model.card, "sharpened": {}})
    z = model.prior.sample(6, seed=4, temperature=0.8)
    once, twice = (latent.settle(model.vae, z, passes) for passes in (1, 2))
    assert np.abs(once - z).max() > 1e-3 and np.abs(twice - once).max() > 1e-3
    for own, passes, settled in (
        (model, None, z),
        (sharpened, None, once),
        (model, 2, twice),
        (sharpened, 0, z),
    ):
        found = own.sample(6, seed=4, temperature=0.8, passes=passes)
        np.testing.assert_allclose(found, settled, atol=1e-5)
    standard = model.sample(6, seed=4, prior="standard")
    np.testing.assert_array_equal(sharpened.sample(6, seed=4, prior="standard"), standard)


def test_a_fitted_diffusion_model_is_kept_and_drawn_from(model, folder, tmp_path):
    rng = np.random.default_rng(0)
    better = diffusion.Diffusion(model.prior)
    better.denoiser.set_weights([0.1 * rng.standard_normal(w.shape) for w in better.denoiser.get_weights()])
    card = {**model.card, "sharpened": {"diffusion": {}}}
    sharpened = dataclasses.replace(model, vae=sharpen.with_details(model.vae), card=card, diffusion=better)
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    pretrained.save(sharpened, tmp_path)
    again = pretrained.load(tmp_path)
    z = better.sample(4, seed=3)
    assert np.abs(z - model.prior.sample(4, seed=3)).max() > 1e-2
    np.testing.assert_array_equal(sharpened.sample(4, seed=3, passes=0), z)
    np.testing.assert_allclose(again.sample(4, seed=3, passes=0), z, atol=0.05)
    np.testing.assert_allclose(
        again.sample(4, seed=3, prior="mixture", passes=0), model.prior.sample(4, seed=3), atol=1e-4
    )
    assert pretrained.load(tmp_path, plain=True).diffusion is None
    (tmp_path / pretrained.DENOISER).unlink()
    with pytest.raises(ValueError, match="is damaged .*: train or download"):
        pretrained.load(tmp_path)
    pretrained.save(model, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(pretrained.FILES)


def test_marginals_are_fitted_kept_and_used_for_the_best_prior_alone(
    model, folder, faces, tmp_path, monkeypatch
):
    monkeypatch.setattr(pretrained.assessment, "calibrate", lambda vae, faces, pca, ways, labels: ways[0])
    how = dict(epochs=1, seconds=1, plain=model)
    sharpened = pretrained.finish(sharpen.with_details(model.vae), faces, **how)
    monkeypatch.setattr(marginals, "ENOUGH", 1 + len(faces.train) // 8)  # per number, of which there are 8
    assert pretrained.finish(sharpen.with_details(model.vae), faces, **how).marginals is None
    z = model.prior.sample(6, seed=3)
    moved = sharpened.marginals(z)
    assert np.abs(moved - z).max() > 1e-2
    np.testing.assert_array_equal(sharpened.sample(6, seed=3, passes=0), moved)
    np.testing.assert_array_equal(sharpened.sample(6, seed=3, passes=0, prior="mixture"), z)
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    pretrained.save(sharpened, tmp_path)
    np.testing.assert_allclose(pretrained.load(tmp_path).sample(6, seed=3, passes=0), moved, atol=1e-2)
    assert pretrained.load(tmp_path, plain=True).marginals is None


def test_the_card_says_how_a_diffusion_model_was_fitted(model, faces, monkeypatch):
    better = diffusion.Diffusion(model.prior)
    history = pd.DataFrame({"val_loss": [0.9, 0.7, 0.8], "seconds": [30.0, 30.0, 30.0]})
    monkeypatch.setattr(pretrained.assessment, "calibrate", lambda vae, faces, pca, ways, labels: ways[0])
    how, moved = dict(epochs=1, seconds=1, plain=model), []
    monkeypatch.setattr(marginals, "fit", lambda prior, z, seed: moved.append(prior))
    kept = pretrained.finish(model.vae, faces, diffusion=(better, history), **how)
    assert kept.diffusion is better
    assert kept.card["sharpened"]["diffusion"] == dict(epochs=2, minutes=1.5, mixture=0.9, loss=0.7)
    without = pretrained.finish(model.vae, faces, **how)
    assert without.diffusion is None and "diffusion" not in without.card["sharpened"]
    assert moved == [better, model.prior]  # what is drawn from is what is moved


def test_edit_moves_along_the_direction(model, faces):
    edited = model.edit(faces.eight, "Smiling", 1.0)
    z, _ = latent.encode(model.vae, faces.eight)
    assert np.array_equal(edited, latent.decode(model.vae, z + model.direction("Smiling")))
    assert np.array_equal(model.edit(faces.eight, "Smiling", 0.0), model.reconstruct(faces.eight))


@pytest.mark.parametrize(
    "message, arguments",
    [
        ("Asked for 0 faces", dict(count=0)),
        ("Asked for -2 faces", dict(count=-2)),
        ("no prior 'normal'", dict(count=1, prior="normal")),
        ("Temperature is -1", dict(count=1, prior="standard", temperature=-1.0)),
        ("Temperature is -1", dict(count=1, temperature=-1.0)),
    ],
)
def test_generate_refuses_in_words(model, message, arguments):
    with pytest.raises(ValueError, match=message):
        model.generate(**arguments)


def test_unknown_attribute_is_answered_with_the_nearest(model):
    with pytest.raises(ValueError, match="'Smilling'; did you mean Smiling"):
        model.direction("Smilling")


def test_what_is_no_model_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="celebb is no model"):
        pretrained.load("celebb")
    with pytest.raises(FileNotFoundError, match="card.json"):
        pretrained.load(tmp_path)


def test_a_card_that_lacks_what_is_needed_is_damaged(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    card = json.loads((tmp_path / "card.json").read_text())
    del card["crop"]
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="is damaged .*crop"):
        pretrained.load(tmp_path)


@pytest.mark.parametrize("name", pretrained.FILES)
@pytest.mark.parametrize("damage", ["cut", "html", "other"])
def test_damage_is_said(folder, tmp_path, name, damage):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = (tmp_path / name).read_bytes()
    other = (folder / pretrained.FILES[pretrained.FILES.index(name) - 1]).read_bytes()
    (tmp_path / name).write_bytes(
        {"cut": whole[: len(whole) // 2], "html": b"<html>", "other": other}[damage]
    )
    with pytest.raises(ValueError, match="is damaged .*: train or download"):
        pretrained.load(tmp_path)


def test_an_unfinished_save_leaves_the_old_model(model, folder, tmp_path, monkeypatch):
    pretrained.save(model, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(*rest, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        pretrained.save(dataclasses.replace(model, card={}), tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_load_for_finds_the_model_of_lesson_03(model, tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_KERAS_RUNS", str(tmp_path))
    monkeypatch.setattr(pretrained, "SHIPPED", tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="lesson 03"):
        pretrained.load_for(SETTINGS)
    pretrained.save(model, SETTINGS.model_folder)
    assert pretrained.load_for(SETTINGS).card == model.card


@pytest.mark.parametrize("name", pretrained.names())
def test_what_ships_loads_and_draws(name):
    model = pretrained.load(name)
    assert model.card["source"] == name and model.card["terms"] and model.card["command"]
    assert model.vae.network["image_size"] == 64 and model.card["figures"]["ratio"] < 1
    assert set(model.card["attributes"]) <= set(model.directions.index)
    faces = model.generate(8, seed=0)
    assert faces.shape == (8, 64, 64, 3) and faces.std(axis=0).mean() > 10


def test_what_ships_stays_small():
    assert sum(file.stat().st_size for file in pretrained.SHIPPED.rglob("*") if file.is_file()) < 40_000_000
