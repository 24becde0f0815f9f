"""Training: an interrupted run ends where an uninterrupted one does, and what the callbacks see and do."""

import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from vae_keras import cartoon, config, training

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
    settings = config.get_config(profile="quick", dataset="cartoon", precision="float32")
    return training.build_vae(settings, **{**SMALL, **changes})


def fit(vae, images, **changes):
    return training.fit(vae, images, **{**dict(epochs=3, batch_size=16), **changes})


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    """An uninterrupted run of three epochs: (model, history, folder, frames seen)."""
    vae, seen, folder = build(), training.FacesPerEpoch(np.eye(8, 4)), tmp_path_factory.mktemp("whole")
    before = np.array(vae.decode(seen.z))
    history = fit(vae, images, validation=images[:8], folder=folder, callbacks=[seen])
    return vae, history, folder, [before, *seen.frames]


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
    settings = config.get_config(
        profile="quick", dataset="cartoon", image_size=32, latent_dim=6, precision="mixed_bfloat16"
    )
    first, second = (training.build_vae(settings, filters=(8, 16), beta=2.0) for _ in range(2))
    assert first.network["image_size"] == 32 and first.network["latent_dim"] == 6
    assert first.settings["beta"] == 2.0
    assert first.encoder.layers[1].compute_dtype == "bfloat16"
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)


# History


def test_history_has_a_row_per_epoch(whole):
    _, history, _, _ = whole
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


@pytest.mark.parametrize("jit", [False, True])
def test_the_fused_adam_takes_the_steps_of_keras(jit):
    generator, ends = np.random.default_rng(5), []
    gradients = generator.normal(size=(12, 3, 40)).astype("float32")
    for kind in (keras.optimizers.Adam, training.Adam):
        weights = keras.Variable(np.linspace(-1, 1, 120, dtype="float32").reshape(3, 40))
        optimizer = kind(keras.optimizers.schedules.CosineDecay(1e-2, 20), epsilon=1e-5, clipnorm=5.0)
        optimizer.build([weights])
        step = tf.function(optimizer.apply, jit_compile=jit)
        for gradient in gradients:
            step([tf.constant(gradient)])
        ends.append([np.asarray(value) for value in (weights, *optimizer.variables)])
    for ours, theirs in zip(*ends, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_backends_without_the_kernel_take_the_steps_of_keras(monkeypatch):
    """benchmarks/jax_training.py trains with these classes on JAX."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(tf.raw_ops, "ResourceApplyAdam", None)
    gradient, ends = tf.constant(np.random.default_rng(5).normal(size=40), "float32"), []
    for kind in (keras.optimizers.Adam, training.Adam, training.Muon):  # to which a vector is Adam's
        weights = keras.Variable(np.linspace(-1, 1, 40, dtype="float32"))
        optimizer = kind(0.1)
        optimizer.build([weights])
        optimizer.apply([gradient])
        ends.append(np.asarray(weights))
    assert (ends[0] == ends[1]).all() and (ends[0] == ends[2]).all()


@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (30, 30)])
def test_orthogonal_keeps_the_singular_vectors_and_evens_the_values(shape):
    generator = np.random.default_rng()
    left, values, right = np.linalg.svd(generator.normal(size=shape), full_matrices=False)
    values = 1000 * np.geomspace(1, 0.01, len(values))  # whatever the scale
    made = np.asarray(training.orthogonal(tf.constant((left * values) @ right, "float32")))
    evened = left.T @ made @ right.T
    np.testing.assert_allclose(evened, np.diag(np.diag(evened)), atol=0.01)
    assert np.diag(evened).min() > 0.6 and np.diag(evened).max() < 1.25


@pytest.mark.parametrize("jit", [False, True])
def test_muon_moves_kernels_as_a_whole_and_vectors_as_adam_does(jit):
    """Steps of a kernel, as a matrix, are as large in each direction; those of Adam follow the gradient."""
    generator, rate = np.random.default_rng(5), 0.01
    shapes = [(3, 3, 4, 16), (6,)]
    gradients = [tf.constant(generator.normal(size=shape), "float32") for shape in shapes]
    ends = {}
    for kind in (training.Muon, training.Adam):
        weights = [keras.Variable(np.zeros(shape, "float32")) for shape in shapes]
        optimizer = kind(rate)
        optimizer.build(weights)
        tf.function(optimizer.apply, jit_compile=jit)(gradients)
        ends[kind] = [np.asarray(weight) for weight in weights]
    np.testing.assert_array_equal(ends[training.Muon][1], ends[training.Adam][1])
    values = np.linalg.svd(ends[training.Muon][0].reshape(36, 16), compute_uv=False) / rate
    assert np.all((values > 0.2 * 6 * 0.6) & (values < 0.2 * 6 * 1.25))  # 0.2 times the root of 36
    assert np.sum(ends[training.Muon][0] * gradients[0]) < 0


def test_muon_learns_faces_in_fewer_epochs_than_adam():
    faces, left = cartoon.draw_faces(cartoon.sample_factors(640, seed=3), 32), {}
    for way in ("adam", "muon"):
        vae = build(latent_dim=16, filters=(16, 32))
        left[way] = fit(vae, faces, epochs=6, batch_size=32, optimizer=way)["mse"].iloc[-1]
    assert left["muon"] < 0.8 * left["adam"]


def test_an_optimizer_that_there_is_not_is_named(images):
    with pytest.raises(ValueError, match="no optimizer 'muo'; did you mean muon"):
        fit(build(), images, optimizer="muo")


def test_muon_looks_ahead_along_its_momentum():
    """Two steps of one kernel: of 1.95 times the first gradient, then of the second and what is left of both."""
    first, second = np.random.default_rng().normal(size=(2, 3, 3, 4, 16)).astype("float32")
    weight, matrices = keras.Variable(np.zeros(first.shape, "float32")), []
    optimizer = training.Muon(0.01)
    optimizer.build([weight])
    for gradient in (first, second):
        optimizer.apply([tf.constant(gradient)])
    for ahead in (1.95 * first, second + 0.95 * (0.95 * first + second)):
        matrices.append(np.asarray(training.orthogonal(tf.constant(ahead.reshape(36, 16)))))
    moved = np.asarray(weight).reshape(36, 16)
    np.testing.assert_allclose(moved, -0.01 * 0.2 * 6 * sum(matrices), rtol=1e-3, atol=1e-5)


def test_orthogonal_bears_the_rounding_of_a_gpu(monkeypatch):
    """TF32 rounds the factors of a product to 10 bits behind the point; most values of this matrix are tiny."""

    def rounded(x):
        bits = np.asarray(x, "float32").view("uint32")
        return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view("float32")

    matmul, generator = training.ops.matmul, np.random.default_rng()
    left, _, right = np.linalg.svd(generator.normal(size=(576, 128)), full_matrices=False)
    matrix = np.float32(left * np.arange(1.0, 129.0) ** -1.5 @ right)
    monkeypatch.setattr(training.ops, "matmul", lambda a, b: matmul(rounded(a), rounded(b)))
    values = np.linalg.svd(np.asarray(training.orthogonal(matrix)), compute_uv=False)
    assert values.max() < 1.3 and np.median(values) > 0.6


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
    again, seen = build(), training.FacesPerEpoch(np.zeros((1, 4)))
    history = fit(again, images, folder=whole[2], callbacks=[seen])
    assert_same(whole[0], again)
    assert seen.frames == [] and history.equals(whole[1])


def test_one_checkpoint_is_kept(whole):
    names = sorted(path.name for path in (whole[2] / "checkpoint").iterdir())
    assert names == ["checkpoint.json", "epoch-0003.weights.h5"]


@pytest.mark.parametrize("broken", ["save_weights", "replace"])
def test_a_crash_while_saving_leaves_the_epoch_before(images, tmp_path, monkeypatch, whole, broken):
    def cut_off(*arguments, **options):
        if broken == "save_weights":  # half a file is on the disk
            arguments[1].write_bytes(b"half")
        raise KeyboardInterrupt

    class BreakSaving(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                target = (training.VAE, "save_weights") if broken == "save_weights" else (os, "replace")
                monkeypatch.setattr(*target, cut_off)

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
        (dict(optimizer="adam"), {}, "optimizer, learning_rate"),
        ({}, dict(latent_dim=5), "latent_dim"),
        ({}, dict(likelihood="mse"), "likelihood"),
    ],
)
def test_the_checkpoint_of_other_settings_is_refused(images, unfinished, changes, model_changes, named):
    with pytest.raises(ValueError, match=rf"other settings \({named}\)") as refusal:
        fit(build(**model_changes), images, folder=unfinished, **changes)
    assert str(unfinished) in str(refusal.value)


def test_the_checkpoint_of_other_pictures_is_refused(images, unfinished):
    with pytest.raises(ValueError, match=r"other settings \(content of the pictures\)"):
        fit(build(), np.concatenate([images[:-1], images[:1]]), folder=unfinished)


# Callbacks


def test_faces_per_epoch_decodes_the_same_codes_before_training_and_after_every_epoch(whole):
    vae, _, _, (before, *frames) = whole
    assert len(frames) == 4
    assert all(frame.shape == (8, 32, 32, 3) and frame.dtype == np.uint8 for frame in frames)
    np.testing.assert_allclose(frames[0], 255 * before, atol=0.51)
    np.testing.assert_allclose(
        frames[-1], 255 * np.array(vae.decode(np.eye(8, 4, dtype="float32"))), atol=0.51
    )
    assert not np.array_equal(frames[1], frames[2])


def test_beta_warms_up_in_a_straight_line_inside_the_traced_step(images, capsys):
    vae = build(beta=4.0)
    history = fit(vae, images, epochs=6, callbacks=[training.BetaWarmUp(4), training.Progress()])
    weights = (history["loss"] - history["reconstruction"]) / history["kl"]
    np.testing.assert_allclose(weights, [0, 1, 2, 3, 4, 4], atol=0.05)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in lines] == [f"epoch   {number}/6" for number in range(1, 7)]
    assert all("kl" in line and "mse" in line and "s left" in line for line in lines)


def test_progress_shows_losses_where_there_is_nothing_else(capsys):
    progress = training.Progress()
    progress.set_params({"epochs": 2})
    progress.on_train_begin()
    progress.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25})
    progress.on_epoch_end(1, {"reconstruction": -13840.4, "kl": 410})
    first, second = capsys.readouterr().out.splitlines()
    assert "loss 0.5000  val_loss 0.2500" in first and "reconstruction -13840  kl 410.0" in second


def test_beta_is_whole_after_a_run_shorter_than_its_warm_up(images):
    vae = build(beta=4.0)
    fit(vae, images, epochs=1, callbacks=[training.BetaWarmUp(10)])
    assert float(vae.beta) == 4.0
