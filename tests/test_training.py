"""Training: an interrupted run ends where an uninterrupted one does, and what the callbacks see and do."""

import json
import os
import resource
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from vae_keras import config, optimizers, pipeline, storage, training
from vae_keras.data import augment
from vae_keras.data.drawn import faces as drawn

SMALL = dict(image_size=32, latent_dim=4, filters=(8, 16))
TERMS = ["loss", "reconstruction", "kl", "mse"]


@pytest.fixture(autouse=True)
def float32():
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)


def build(**changes):
    settings = config.settings(profile="quick", dataset="cartoon", precision="float32")
    return training.build_vae(settings, **{**SMALL, **changes})


def fit(vae, images, **changes):
    return training.fit(vae, images, **{**dict(epochs=3, batch_size=16), **changes})


class EpochsSeen(keras.callbacks.Callback):
    """Lists the epochs that begin."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    """An uninterrupted run of three epochs: (model, history, folder)."""
    vae, seen, folder = build(), EpochsSeen(), tmp_path_factory.mktemp("whole")
    history = fit(vae, images, validation=images[:8], folder=folder, callbacks=[seen])
    assert seen.epochs == [0, 1, 2]
    return vae, history, folder


class Crash(keras.callbacks.Callback):
    """Stands for a killed process: raises in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.crash_epoch, self.current = epoch, None

    def on_epoch_begin(self, epoch, logs=None):
        self.current = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.current, batch) == (self.crash_epoch, 1):
            raise KeyboardInterrupt


def crashed(folder, images, epoch):
    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, folder=folder, callbacks=[Crash(epoch)])


@pytest.fixture(scope="module")
def unfinished(images, tmp_path_factory):
    """The folder of a run that was killed in its second epoch."""
    folder = tmp_path_factory.mktemp("unfinished")
    crashed(folder, images, 1)
    return folder


def assert_same(first, second):
    """Every weight and every variable of the optimizer is the same, but for rounding."""
    pairs = [*zip(first.weights, second.weights, strict=True)]
    pairs += zip(first.optimizer.variables, second.optimizer.variables, strict=True)
    for a, b in pairs:
        # Sums on two threads differ in the last digit; a step that was lost or repeated, by a thousandth.
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4, err_msg=a.path)


# Building


def test_build_vae_takes_sizes_and_precision_from_the_config_and_repeats():
    settings = config.settings(
        profile="quick", dataset="cartoon", image_size=32, latent_dim=6, precision="mixed_bfloat16"
    )
    first, second = (training.build_vae(settings, filters=(8, 16), beta=2.0) for _ in range(2))
    assert first.image_size == 32 and first.latent_dim == 6
    assert float(first.beta) == 2.0
    assert first.encoder.layers[1].compute_dtype == "bfloat16"
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)


# History


def test_history_has_a_row_per_epoch(whole):
    _, history, _ = whole
    assert history.index.tolist() == [1, 2, 3] and history.index.name == "epoch"
    assert set(history) == {*TERMS, *(f"val_{term}" for term in TERMS), "seconds"}
    assert np.isfinite(history.to_numpy(dtype=float)).all() and (history["seconds"] > 0).all()
    np.testing.assert_allclose(history["loss"], history["reconstruction"] + history["kl"], rtol=1e-4)


def test_forty_pictures_and_the_default_batch_size_train(images):
    vae = build()
    history = fit(vae, images, batch_size=64, epochs=2)
    assert set(history) == {*TERMS, "seconds"}  # nothing held out, nothing about it
    assert len(history) == 2 and int(vae.optimizer.iterations) == 2


def test_it_learns_pictures_that_are_alike(images):
    alike = np.full_like(images, 60) + images // 16
    history = fit(build(), np.tile(alike, (4, 1, 1, 1)), epochs=4, learning_rate=5e-2)
    assert history["mse"].iloc[-1] < 0.2 * history["mse"].iloc[0]


def test_the_learning_rate_falls_to_zero_over_the_run(whole):
    vae = whole[0]
    assert int(vae.optimizer.iterations) == 3 * (40 // 16)
    assert float(vae.optimizer.learning_rate) < 1e-6


def test_muon_learns_faces_in_fewer_epochs_than_adam():
    faces, left = drawn.draw_faces(drawn.sample_factors(640, seed=3), 32), {}
    for way in ("adam", "muon"):
        vae = build(latent_dim=16, filters=(16, 32))
        left[way] = fit(vae, faces, epochs=6, batch_size=32, optimizer=way)["mse"].iloc[-1]
    assert left["muon"] < 0.8 * left["adam"]


def test_an_optimizer_that_there_is_not_is_named(images):
    with pytest.raises(ValueError, match="no optimizer 'muo'; did you mean muon"):
        fit(build(), images, optimizer="muo")


# The same run again, interrupted and resumed


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(images, tmp_path, whole, epoch):
    crashed(tmp_path, images, epoch)
    resumed = build()
    if epoch:  # all that is needed comes from the checkpoint
        resumed.encoder.set_weights([np.zeros_like(weight) for weight in resumed.encoder.get_weights()])
    history = fit(resumed, images, folder=tmp_path)
    assert_same(whole[0], resumed)
    np.testing.assert_allclose(whole[1][TERMS], history[TERMS], rtol=1e-4)


@pytest.mark.parametrize(("network", "how"), [({"dropout": 0.3}, {}), ({}, {"optimizer": "muon"})])
def test_a_resumed_run_with_dropout_or_by_muon_ends_as_an_uninterrupted_one(images, tmp_path, network, how):
    runs = [build(**network), build(**network)]
    fit(runs[0], images, **how)
    with pytest.raises(KeyboardInterrupt):
        fit(build(**network), images, folder=tmp_path, callbacks=[Crash(1)], **how)
    fit(runs[1], images, folder=tmp_path, **how)
    assert_same(*runs)


def test_a_run_without_a_folder_is_the_same_and_another_seed_is_another_run(images, whole):
    again, other = build(), build()
    fit(again, images)
    assert_same(whole[0], again)
    fit(other, images, seed=1)
    assert not np.array_equal(again.trainable_weights[0], other.trainable_weights[0])


def test_a_finished_run_is_not_run_again(images, whole):
    again, seen = build(), EpochsSeen()
    history = fit(again, images, folder=whole[2], callbacks=[seen])
    assert_same(whole[0], again)
    assert seen.epochs == [] and history.equals(whole[1])


def test_one_checkpoint_is_kept(whole):
    names = sorted(path.name for path in (whole[2] / "checkpoint").iterdir())
    assert names == ["checkpoint.json", "epoch-0003-end.weights.h5"]


@pytest.mark.parametrize("broken", ["write_bytes", "replace"])
def test_a_crash_while_saving_leaves_the_epoch_before(images, tmp_path, monkeypatch, whole, broken):
    def cut_off(path, *rest):
        if broken == "write_bytes":  # half a file is on the disk
            path.write_text("half")
        raise KeyboardInterrupt

    class BreakSaving(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                monkeypatch.setattr(Path if broken == "write_bytes" else os, broken, cut_off)

    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, folder=tmp_path, callbacks=[BreakSaving()])
    monkeypatch.undo()
    note = json.loads((tmp_path / "checkpoint" / "checkpoint.json").read_text())
    assert len(note["rows"]) == 1 and note["weights"] == "epoch-0001.weights.h5"
    resumed = build()
    fit(resumed, images, folder=tmp_path)
    assert_same(whole[0], resumed)


@pytest.mark.parametrize(
    "changes, model_changes, named",
    [
        (dict(epochs=5), {}, "epochs"),
        (dict(batch_size=8), {}, "batch_size"),
        (dict(seed=1), {}, "seed"),
        (dict(learning_rate=0.5), {}, "learning_rate"),
        (dict(optimizer="adam"), {}, "optimizer"),
        (dict(augment=augment), {}, "augmentation"),
        ({}, dict(latent_dim=5), "latent_dim"),
        ({}, dict(likelihood="mse"), "likelihood"),
    ],
)
def test_the_checkpoint_of_other_settings_is_refused(images, unfinished, changes, model_changes, named):
    with pytest.raises(ValueError, match=rf"other settings \(.*\b{named}\b.*\)") as refusal:
        fit(build(**model_changes), images, folder=unfinished, **changes)
    assert str(unfinished) in str(refusal.value)


def test_the_checkpoint_of_other_pictures_is_refused(images, unfinished):
    with pytest.raises(ValueError, match=r"other settings \(content of the pictures\)"):
        fit(build(), np.concatenate([images[:-1], images[:1]]), folder=unfinished)


# Checkpoints within an epoch, early stops, rates that callbacks change


class CrashAfter(keras.callbacks.Callback):
    """Stands for a killed process: raises after so many steps in all."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_begin(self, batch, logs=None):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_a_run_resumed_within_an_epoch_ends_as_an_uninterrupted_one(images, tmp_path, steps):
    network, options = dict(dropout=0.3), dict(batch_size=8, optimizer="adam", augment=augment)
    expected = build(**network)
    history = fit(expected, images, **options)
    with pytest.raises(KeyboardInterrupt):
        callbacks = [CrashAfter(steps)]
        fit(build(**network), images, folder=tmp_path, save_freq=2, callbacks=callbacks, **options)
    resumed, counter = build(**network), Counter()
    again = fit(resumed, images, folder=tmp_path, save_freq=2, callbacks=[counter], **options)
    assert counter.steps == 15 - {1: 0, 3: 2, 7: 6}[steps]
    assert_same(expected, resumed)
    np.testing.assert_allclose(history[TERMS], again[TERMS], rtol=1e-3)


class Counter(keras.callbacks.Callback):
    """Counts the steps that a training takes."""

    steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1


def test_a_wrong_save_freq_is_named(images):
    for wrong in (0, "step", 2.5):
        with pytest.raises(ValueError, match=f"save_freq is {wrong!r}"):
            fit(build(), images, save_freq=wrong)


def test_a_later_call_respects_an_early_stop(images, tmp_path):
    def stop():
        return keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e9, restore_best_weights=True)

    first, again, counter = build(), build(), Counter()
    history = fit(first, images, epochs=9, folder=tmp_path, callbacks=[stop()], learning_rate=1e-3)
    assert len(history) < 9
    later = fit(again, images, epochs=9, folder=tmp_path, callbacks=[stop(), counter], learning_rate=1e-3)
    assert counter.steps == 0 and later.equals(history)
    for one, other in zip(first.weights, again.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)  # the best, which were restored at the end


def test_a_later_call_returns_the_best_weights_that_a_callback_restored_at_the_end(images, tmp_path):
    """Keras restores them at the end of every training, whether it was stopped or not."""

    class Restore(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.model.encoder.set_weights([weight + 1 for weight in self.model.encoder.get_weights()])

    first, again = build(), build()
    fit(first, images, epochs=1, folder=tmp_path, callbacks=[Restore()])
    fit(again, images, epochs=1, folder=tmp_path, callbacks=[Restore()])
    for one, other in zip(first.weights, again.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_callbacks_that_have_seen_nothing_do_no_harm(images, tmp_path):
    """Nothing is held out, so Keras warns that there is no val_loss, and their best is None."""
    callbacks = [keras.callbacks.EarlyStopping("val_loss"), keras.callbacks.ReduceLROnPlateau("val_loss")]
    history = fit(build(), images, folder=tmp_path, save_freq=1, callbacks=callbacks, learning_rate=1e-3)
    assert len(history) == 3


def test_a_checkpoint_every_other_epoch(images, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, epochs=5, folder=tmp_path, save_freq=4, callbacks=[Crash(3)])
    note = json.loads((tmp_path / "checkpoint" / "checkpoint.json").read_text())
    assert len(note["rows"]) == 2 and note["step"] == 0


def test_files_of_the_user_beside_the_checkpoint_are_kept(images, tmp_path):
    own = tmp_path / "checkpoint" / "epoch-3.weights.h5"
    own.parent.mkdir()
    own.write_bytes(b"mine")
    fit(build(), images, epochs=2, folder=tmp_path)
    assert own.read_bytes() == b"mine"


def test_progress_counts_on_after_an_interruption_within_an_epoch(images, tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, batch_size=8, folder=tmp_path, save_freq=1, callbacks=[CrashAfter(2)])
    capsys.readouterr()
    fit(build(), images, batch_size=8, folder=tmp_path, save_freq=1, callbacks=[training.Progress()])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in lines] == ["epoch   1/3", "epoch   2/3", "epoch   3/3"]


def test_patience_is_kept_over_an_interruption(images, tmp_path):
    def reduce():
        return keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=1e9)

    options = dict(epochs=5, optimizer="adam", learning_rate=0.01)
    expected, resumed = build(), build()
    fit(expected, images, callbacks=[reduce()], **options)
    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, folder=tmp_path, callbacks=[reduce(), Crash(2)], **options)
    fit(resumed, images, folder=tmp_path, callbacks=[reduce()], **options)
    assert float(expected.optimizer.learning_rate) < 0.01
    assert_same(expected, resumed)


def test_a_float_is_a_constant_rate_that_callbacks_change(images):
    vae = build()
    fit(vae, images, epochs=2, learning_rate=2.0**-20, optimizer="sgd")
    assert float(vae.optimizer.learning_rate) == 2.0**-20
    vae = build()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.001 / (1 + epoch))
    fit(vae, images, epochs=2, learning_rate=0.25, callbacks=[schedule])
    np.testing.assert_allclose(vae.optimizer.learning_rate, 0.0005)


def test_schedules_and_instances_are_taken_as_they_are(images):
    rate = optimizers.cosine_decay(0.01, 2, 16, len(images))
    vae = build()
    fit(vae, images, epochs=2, learning_rate=rate, optimizer="adam")
    assert float(vae.optimizer.learning_rate) < 1e-6
    own = keras.optimizers.RMSprop(0.001)
    vae = build()
    fit(vae, images, epochs=1, optimizer=own)
    assert int(own.iterations) == 2
    with pytest.raises(ValueError, match="not both"):
        fit(build(), images, optimizer=keras.optimizers.RMSprop(0.001), learning_rate=0.1)


def test_jit_compile_reaches_keras(images):
    vae = build()
    fit(vae, images, epochs=1, jit_compile=True)
    assert vae.jit_compile is True


def test_a_dataset_trains_too(images, tmp_path):
    dataset = pipeline.batches(images, 16)
    vae = build()
    history = fit(vae, dataset, validation=dataset, epochs=2, folder=tmp_path)
    assert len(history) == 2 and int(vae.optimizer.iterations) == 6
    assert float(vae.optimizer.learning_rate) < 1e-6
    with pytest.raises(ValueError, match="how many batches"):
        fit(build(), dataset.filter(lambda batch: True), epochs=1)
    with pytest.raises(ValueError, match="divide values of 0 to 255"):
        fit(build(), dataset.map(lambda batch: batch * 255), epochs=1)
    with pytest.raises(ValueError, match="divide values of 0 to 255"):
        fit(build(), images, validation=dataset.map(lambda batch: batch * 255), epochs=1)


def test_the_checkpoint_of_another_precision_is_refused(images, tmp_path):
    crashed(tmp_path, images, 1)
    with pytest.raises(ValueError, match=r"other settings \(dtype: float32 there, mixed_bfloat16 here\)"):
        fit(build(dtype="mixed_bfloat16"), images, folder=tmp_path)


def change_of(old, new):
    """A change of a text that has to hold the old words."""

    def change(text):
        assert old in text
        return text.replace(old, new)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "checkpoint.json is damaged: delete"),
        (lambda text: "{", "checkpoint.json is damaged: delete"),
        (lambda text: "[]", "checkpoint.json is damaged: delete"),
        (lambda text: "{}", "another version of vae_keras: delete"),
        (lambda text: '{"format": 5}', "checkpoint.json is damaged: delete"),
        (lambda text: text[:-9], "checkpoint.json is damaged: delete"),
        (lambda text: text + "\xff\0", "checkpoint.json is damaged: delete"),
        (change_of('"format": 5', '"format": 1'), "another version of vae_keras: delete"),
        (change_of('"rows": [', '"rows": [7, '), "checkpoint.json is damaged: delete"),
        (change_of('"step": 0', '"step": 1'), "checkpoint.json is damaged: delete"),
        (change_of('"step": 0, ', ""), "checkpoint.json is damaged: delete"),
        (change_of('"weights": "epoch', '"weights": "../epoch'), "checkpoint.json is damaged: delete"),
        (change_of('"mse": 0.', '"mse": 1.'), "checkpoint.json is damaged: delete"),
    ],
)
def test_a_damaged_note_is_refused_with_the_way_out(images, unfinished, tmp_path, change, message):
    shutil.copytree(unfinished, tmp_path, dirs_exist_ok=True)
    note = tmp_path / "checkpoint" / "checkpoint.json"
    note.write_text(change(note.read_text()), encoding="latin-1")
    with pytest.raises(ValueError, match=message):
        fit(build(), images, folder=tmp_path)


@pytest.mark.parametrize("damage", ["cut", "half", "one bit", "gone", "a folder", "of another run"])
def test_damaged_weights_are_refused_with_the_way_out(images, unfinished, whole, tmp_path, damage):
    shutil.copytree(unfinished, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / "checkpoint" / "epoch-0001.weights.h5"
    content = weights.read_bytes()
    other = (whole[2] / "checkpoint" / "epoch-0003-end.weights.h5").read_bytes()
    flipped = content[:-99] + bytes([content[-99] ^ 64]) + content[-98:]
    spoiled = {"cut": content[:-9], "half": b"half", "one bit": flipped, "of another run": other}
    weights.unlink()
    if damage == "a folder":
        weights.mkdir()
    elif damage in spoiled:
        weights.write_bytes(spoiled[damage])
    with pytest.raises(ValueError, match="epoch-0001.weights.h5 cannot be loaded .*delete its folder"):
        fit(build(), images, folder=tmp_path)


def test_an_optimizer_that_does_not_fit_is_an_error_not_a_warning(images, unfinished, tmp_path, monkeypatch):
    shutil.copytree(unfinished, tmp_path, dirs_exist_ok=True)
    other = build()
    other.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
    other.optimizer.build(other.trainable_variables)
    other.save_weights(tmp_path / "checkpoint" / "epoch-0001.weights.h5")
    note = json.loads((tmp_path / "checkpoint" / "checkpoint.json").read_text())
    monkeypatch.setattr(storage, "checksum", lambda path: note["crc32 of the weights"])
    with pytest.raises(ValueError, match="Skipping variable loading"):
        fit(build(), images, folder=tmp_path)


def test_a_run_that_has_saved_nothing_yet_stands_in_nobodys_way(images, tmp_path):
    """Its note says that what else is in the folder is given up, and no settings are held against another run."""
    crashed(tmp_path, images, 0)
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["checkpoint.json"]
    assert len(fit(build(), images, folder=tmp_path, epochs=1)) == 1


@pytest.mark.parametrize("epoch", [0, 1])  # before the first checkpoint, and after it
@pytest.mark.parametrize(("there", "here"), [(None, {"weights": 7}), ({"weights": 7}, None)])
def test_a_run_that_continues_something_else_is_refused(images, tmp_path, epoch, there, here):
    with pytest.raises(KeyboardInterrupt):
        fit(build(), images, folder=tmp_path, continues=there, callbacks=[Crash(epoch)])
    before = [path.read_bytes() for path in (tmp_path / "checkpoint").iterdir()]
    with pytest.raises(ValueError, match=r"other settings \(continues\): finish it with those"):
        fit(build(), images, folder=tmp_path, continues=here)
    assert [path.read_bytes() for path in (tmp_path / "checkpoint").iterdir()] == before
    assert training.what_it_continues(tmp_path) == there
    assert len(fit(build(), images, folder=tmp_path, continues=there)) == 3


def test_two_runs_in_one_folder_are_refused(images, tmp_path):
    class Second(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            with pytest.raises(ValueError, match="Another run is writing to .*checkpoint at this moment"):
                fit(build(), images, folder=tmp_path)

    assert len(fit(build(), images, folder=tmp_path, callbacks=[Second()])) == 3
    assert len(fit(build(), images, folder=tmp_path)) == 3


def test_the_precision_of_any_model_belongs_to_its_checkpoint(images, tmp_path):
    def network():
        model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.optimizer.build(model.trainable_variables)
        return model

    def train(callbacks=()):
        labels = np.zeros((40, 1), "float32")
        options = dict(epochs=2, batch_size=8, seed=0, settings={}, labels=labels, callbacks=callbacks)
        training.run(network(), images, folder=tmp_path, **options)

    with pytest.raises(KeyboardInterrupt):
        train([Crash(1)])
    keras.config.set_dtype_policy("mixed_bfloat16")
    with pytest.raises(ValueError, match=r"\(dtype: float32 there, mixed_bfloat16 here\)"):
        train()


# What is no number


class Poison(keras.callbacks.Callback):
    """Stands for a step that was too large: a weight becomes infinite in the second epoch."""

    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 3:
            weights = self.model.encoder.get_weights()
            self.model.encoder.set_weights([np.full_like(weight, np.inf) for weight in weights])


def test_training_stops_at_the_first_loss_that_is_no_number(images, tmp_path):
    message = "The loss is no number any more in epoch 2, step 2, most likely .* with the optimizer adam or "
    kept = "a smaller beta, in a new folder or after removing .*checkpoint, which keeps the checkpoint before that"
    with pytest.raises(ValueError, match=message + kept):
        fit(build(), images, folder=tmp_path, callbacks=[Poison()])
    note = json.loads((tmp_path / "checkpoint" / "checkpoint.json").read_text())
    assert len(note["rows"]) == 1
    assert len(fit(build(), images, folder=tmp_path)) == 3
    with pytest.raises(ValueError, match=message + "a smaller beta.$"):
        fit(build(), images, callbacks=[Poison()])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": "muon", "continues": None, "beta": 1.0}, "the optimizer adam or a smaller beta"),
        ({"optimizer": "adam", "continues": None, "beta": 1.0, "learning_rate": {}}, "a smaller beta"),
        (
            {"optimizer": "adam", "continues": None, "beta": 0.0, "learning_rate": 0.1},
            "a smaller learning rate",
        ),
        ({"optimizer": "adam", "continues": {"weights": 7}, "beta": 1.0}, "another seed"),
        ({"optimizer": "muon", "beta": 1.0, "rates": [1, 2]}, "the optimizer adam"),  # of a sharpening
        ({"rate": 0.1, "attributes": ["Smiling"]}, "another seed"),  # of a classifier
    ],
)
def test_only_what_a_run_can_change_is_advised(settings, words):
    checkpoint = training.Checkpoint(None, settings)
    checkpoint.epoch = 0
    with pytest.raises(ValueError, match=f"begin again with {words}.$"):
        checkpoint.on_train_batch_end(0, {"loss": np.nan})


def test_weights_that_are_no_numbers_are_not_saved(images, tmp_path):
    """The loss of the last step is that before it: the weights may be worse."""

    class Spoil(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == 4:
                self.model.decoder.set_weights(
                    [weight * np.nan for weight in self.model.decoder.get_weights()]
                )

    with pytest.raises(ValueError, match="A weight is no number any more in epoch 2, step 2, most likely"):
        fit(build(), images, folder=tmp_path, callbacks=[Spoil()])
    assert len(fit(build(), images, folder=tmp_path)) == 3


# A full disk


def test_a_full_disk_is_an_error_and_the_last_checkpoint_stays(images, tmp_path, whole):
    """A limit on the size of files stands for it. HDF5 ends the process where it cannot write."""

    class Fill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(OSError, match="File too large: .*checkpoint"):
            fit(build(), images, folder=tmp_path, callbacks=[Fill()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    kept = sorted(path.name for path in (tmp_path / "checkpoint").iterdir())
    assert kept == ["checkpoint.json", "epoch-0001.weights.h5"]
    resumed = build()
    fit(resumed, images, folder=tmp_path)
    assert_same(whole[0], resumed)


def test_the_states_of_the_seeds_never_meet(images):
    """Two layers that draw begin an epoch from states that no number of draws makes equal."""
    vae, seen = build(dropout=0.3), []

    class Look(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 0:
                states = [v for v in vae.non_trainable_variables if v.path.endswith("seed_generator_state")]
                seen.append([np.array(state).tolist() for state in states])

    fit(vae, images, callbacks=[Look()])
    for epoch, states in enumerate(seen):
        assert len(states) == 3 and all(first == epoch for first, _ in states)
        places = sorted(second for _, second in states)
        assert min(np.diff(places)) >= 1 << 20


# Callbacks


def test_progress_prints_a_line_per_epoch_with_the_terms(images, capsys):
    fit(build(), images, epochs=6, callbacks=[training.Progress()])
    lines = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in lines] == [f"epoch   {number}/6" for number in range(1, 7)]
    assert all("kl" in line and "mse" in line and "s left" in line for line in lines)


def test_progress_shows_losses_where_there_is_nothing_else(capsys):
    progress = training.Progress()
    progress.set_params({"epochs": 2})
    progress.on_train_begin()
    progress.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25})
    progress.on_epoch_end(1, {"loss": -13430.4, "reconstruction": -13840.4, "kl": 410, "feature_loss": 0.5})
    first, second = capsys.readouterr().out.splitlines()
    assert "loss 0.5000  val_loss 0.2500" in first
    assert "  reconstruction -13840  kl 410.0  feature_loss 0.5000  " in second and " loss" not in second
