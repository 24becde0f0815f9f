"""Training: an interrupted run ends where an uninterrupted one does, and what the callbacks see and do."""

import json
import os

import keras
import numpy as np
import pytest

from vae_keras import config, training

SMALL = dict(image_size=32, latent_dim=4, filters=(8, 16))


@pytest.fixture(autouse=True)
def float32():
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)


def build(**changes):
    settings = config.get_config(profile="quick", dataset="cartoon", precision="float32")
    return training.build_vae(settings, **{**SMALL, **changes})


def fit(vae, images, **changes):
    return training.fit(vae, images, **{**dict(validation=images[:8], epochs=3, batch_size=16), **changes})


class Crash(keras.callbacks.Callback):
    """Stands for a killed process: raises in the middle of an epoch."""

    def __init__(self, epoch, batch=1):
        super().__init__()
        self.crash_epoch, self.crash_batch, self.current = epoch, batch, None

    def on_epoch_begin(self, epoch, logs=None):
        self.current = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.current, batch) == (self.crash_epoch, self.crash_batch):
            raise KeyboardInterrupt


def crashed(folder, images, epoch, **changes):
    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, folder=folder, callbacks=[Crash(epoch)], **changes)


def assert_same_weights(first, second):
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)


# Building


def test_build_vae_takes_sizes_and_precision_from_the_config_and_repeats():
    settings = config.get_config(
        profile="quick", dataset="cartoon", image_size=32, latent_dim=6, precision="mixed_bfloat16"
    )
    first, second = (training.build_vae(settings, filters=(8, 16), beta=2.0) for _ in range(2))
    assert first.network["image_size"] == 32 and first.network["latent_dim"] == 6
    assert first.settings["beta"] == 2.0
    assert first.encoder.layers[1].compute_dtype == "bfloat16"
    assert_same_weights(first, second)


# History


def test_history_has_a_row_per_epoch(images):
    history = fit(build(), images)
    assert history.index.tolist() == [1, 2, 3] and history.index.name == "epoch"
    terms = ["loss", "reconstruction", "kl", "mse"]
    assert set(history) == {*terms, *(f"val_{term}" for term in terms), "seconds"}
    assert np.isfinite(history.to_numpy(dtype=float)).all()
    assert (history["seconds"] > 0).all()
    np.testing.assert_allclose(history["loss"], history["reconstruction"] + history["kl"], rtol=1e-4)


def test_without_validation_pictures_there_are_no_columns_for_them(images):
    assert set(fit(build(), images, validation=None, epochs=1)) == {
        *("loss", "reconstruction", "kl", "mse", "seconds")
    }


def test_forty_pictures_and_the_default_batch_size_train(images):
    vae = build()
    history = fit(vae, images, batch_size=64, epochs=2)
    assert len(history) == 2 and int(vae.optimizer.iterations) == 2


def test_it_learns_pictures_that_are_alike(images):
    alike = np.full_like(images, 60) + images // 16
    history = fit(build(), alike, epochs=30, batch_size=20, learning_rate=1e-2)
    assert history["mse"].iloc[-1] < 0.2 * history["mse"].iloc[0]


def test_the_learning_rate_falls_to_zero_over_the_run(images):
    vae = build()
    fit(vae, images, learning_rate=0.01)
    assert int(vae.optimizer.iterations) == 3 * (40 // 16)
    assert float(vae.optimizer.learning_rate) < 1e-6


def test_the_same_seed_gives_the_same_run_and_another_another(images):
    first, second, third = build(), build(), build()
    fit(first, images)
    fit(second, images)
    assert_same_weights(first, second)
    fit(third, images, seed=1)
    assert not np.array_equal(first.weights[0], third.weights[0])


# Interrupted and resumed


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(images, tmp_path, epoch):
    whole = build()
    history = fit(whole, images, folder=tmp_path / "whole")
    crashed(tmp_path / "cut", images, epoch)
    resumed = build(seed=0)
    resumed.encoder.set_weights([np.zeros_like(weight) for weight in resumed.encoder.get_weights()])
    resumed_history = fit(resumed, images, folder=tmp_path / "cut")
    assert_same_weights(whole, resumed)
    for a, b in zip(whole.optimizer.variables, resumed.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)
    columns = [column for column in history if column != "seconds"]
    np.testing.assert_array_equal(history[columns], resumed_history[columns])


def test_a_run_without_a_folder_is_the_same_run(images, tmp_path):
    with_folder, without = build(), build()
    fit(with_folder, images, folder=tmp_path)
    fit(without, images)
    assert_same_weights(with_folder, without)


def test_a_warm_up_of_beta_is_resumed_too(images, tmp_path):
    whole, resumed = build(), build()
    fit(whole, images, callbacks=[training.BetaWarmUp(3)])
    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, folder=tmp_path, callbacks=[training.BetaWarmUp(3), Crash(2)])
    fit(resumed, images, folder=tmp_path, callbacks=[training.BetaWarmUp(3)])
    assert_same_weights(whole, resumed)


def test_a_crash_in_the_first_epoch_starts_anew(images, tmp_path):
    whole, resumed = build(), build()
    fit(whole, images)
    crashed(tmp_path, images, 0)
    fit(resumed, images, folder=tmp_path)
    assert_same_weights(whole, resumed)


def test_a_finished_run_is_not_run_again(images, tmp_path):
    whole, again = build(), build()
    history = fit(whole, images, folder=tmp_path)
    seen = training.FacesPerEpoch(np.zeros((1, 4)))
    repeated = fit(again, images, folder=tmp_path, callbacks=[seen])
    assert_same_weights(whole, again)
    assert seen.frames == [] and repeated.equals(history)


@pytest.mark.parametrize("broken", ["save_weights", "replace"])
def test_a_crash_while_saving_leaves_the_epoch_before(images, tmp_path, monkeypatch, broken):
    def cut_off(*arguments, **options):
        if broken == "save_weights":  # half a file is on the disk
            arguments[1].write_bytes(b"half")
        raise KeyboardInterrupt

    class BreakSaving(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                target = (training.VAE, "save_weights") if broken == "save_weights" else (os, "replace")
                monkeypatch.setattr(*target, cut_off)

    whole, resumed = build(), build()
    fit(whole, images)
    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, folder=tmp_path, callbacks=[BreakSaving()])
    monkeypatch.undo()
    note = json.loads((tmp_path / "checkpoint" / "checkpoint.json").read_text())
    assert len(note["rows"]) == 2 and (tmp_path / "checkpoint" / note["weights"]).exists()
    fit(resumed, images, folder=tmp_path)
    assert_same_weights(whole, resumed)


def test_one_checkpoint_is_kept(images, tmp_path):
    fit(build(), images, folder=tmp_path)
    names = sorted(path.name for path in (tmp_path / "checkpoint").iterdir())
    assert names == ["checkpoint.json", "epoch-0003.weights.h5"]


@pytest.mark.parametrize(
    "changes, model_changes, named",
    [
        (dict(epochs=5), {}, "epochs"),
        (dict(batch_size=8), {}, "batch_size"),
        (dict(seed=1), {}, "seed"),
        (dict(learning_rate=0.5), {}, "learning_rate"),
        ({}, dict(latent_dim=5), "latent_dim"),
        ({}, dict(likelihood="mse"), "likelihood"),
    ],
)
def test_the_checkpoint_of_other_settings_is_refused(images, tmp_path, changes, model_changes, named):
    crashed(tmp_path, images, 1)
    with pytest.raises(ValueError, match=rf"other settings \({named}\)") as refusal:
        fit(build(**model_changes), images, folder=tmp_path, **changes)
    assert str(tmp_path) in str(refusal.value)


# Callbacks


def test_faces_per_epoch_decodes_the_same_codes_before_training_and_after_every_epoch(images):
    codes = np.random.default_rng(0).normal(size=(8, 4))
    vae, seen = build(), training.FacesPerEpoch(codes)
    before = np.array(vae.decode(codes.astype("float32")))
    fit(vae, images, callbacks=[seen])
    assert len(seen.frames) == 4
    assert all(frame.shape == (8, 32, 32, 3) and frame.dtype == np.uint8 for frame in seen.frames)
    np.testing.assert_allclose(seen.frames[0], 255 * before, atol=0.51)
    np.testing.assert_allclose(
        seen.frames[-1], 255 * np.array(vae.decode(codes.astype("float32"))), atol=0.51
    )
    assert not np.array_equal(seen.frames[1], seen.frames[2])


def test_beta_warms_up_in_a_straight_line_inside_the_traced_step(images):
    vae = build(beta=4.0)
    history = fit(vae, images, epochs=6, callbacks=[training.BetaWarmUp(4)])
    weights = (history["loss"] - history["reconstruction"]) / history["kl"]
    np.testing.assert_allclose(weights, [0, 1, 2, 3, 4, 4], atol=0.05)
    assert float(vae.beta) == 4.0


def test_beta_is_whole_after_a_run_shorter_than_its_warm_up(images):
    vae = build(beta=4.0)
    fit(vae, images, epochs=2, callbacks=[training.BetaWarmUp(10)])
    assert float(vae.beta) == 4.0


def test_progress_prints_a_line_per_epoch(images, capsys):
    fit(build(), images, callbacks=[training.Progress()])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch   1/3", "epoch   2/3", "epoch   3/3"]
    assert all("kl" in line and "val_mse" in line and "s left" in line for line in lines)
