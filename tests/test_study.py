"""The study of lesson 06: what it trains, how it resumes, and the table that ships."""

import sys

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import study  # noqa: E402

MEASURES = ["error", "kl", "active", "distance", "seconds"]


def test_there_are_at_most_40_settings_and_each_changes_what_its_knob_says():
    every = study.settings("celeba")
    names = [(dataset, study.name_of(changes)) for dataset, _, changes in every]
    assert len(every) <= 40 and len(set(names)) == len(names)
    assert names[0] == ("celeba", "base")
    bases = {"celeba": study.BASE, "cartoon": {**study.BASE, "latent_dim": 16}}
    for dataset, knob, changes in every:
        assert set(changes) <= set(study.BASE)
        if knob not in ("base", "grid"):
            assert changes[knob] != bases[dataset][knob]
    for name in ("beta", "likelihood", "latent_dim", "width", "normalization", "dropout", "augmentation"):
        assert name in {knob for _, knob, _ in every}
    assert {"optimizer", "free_nats", "learning_rate"} <= {knob for _, knob, _ in every}
    betas = {changes.get("beta", 1.0) for _, _, changes in every}
    sizes = {changes.get("latent_dim", 64) for _, _, changes in every}
    assert (min(betas), max(betas), min(sizes), max(sizes)) == (0.1, 100.0, 2, 256)


def test_the_grid_of_beta_and_latent_size_is_whole():
    pairs = set()
    for dataset, _, changes in study.settings("celeba"):
        if dataset == "celeba" and set(changes) <= {"beta", "latent_dim"}:
            options = {**study.BASE, **changes}
            pairs.add((options["beta"], options["latent_dim"]))
    assert {(beta, size) for beta in (0.1, 1.0, 10.0) for size in (8, 64, 256)} <= pairs


class Trained:
    """Stands for the pictures of a data set; remembers what was trained."""

    rows = []

    def __init__(self, dataset):
        self.dataset = dataset

    def row(self, options, seed, split):
        self.rows.append((self.dataset, options["beta"], seed, split))
        return dict.fromkeys(MEASURES, 1.0) | {"distance": 10 - options["beta"] - seed}


@pytest.fixture
def trained(monkeypatch):
    monkeypatch.setattr(study, "Pictures", Trained)
    monkeypatch.setattr(Trained, "rows", [])
    return Trained.rows


JOBS = [
    (dataset, "beta", changes, seed, "validation")
    for seed in (0, 1)
    for dataset, changes in (("celeba", {}), ("celeba", {"beta": 3.0}), ("cartoon", {}))
]


def test_a_run_that_is_stopped_goes_on_where_it_was(tmp_path, trained):
    path = tmp_path / "study.csv"
    study.run(path, JOBS[:2])
    study.run(path, JOBS)
    assert trained == [(job[0], {**study.BASE, **job[2]}["beta"], *job[3:]) for job in JOBS]
    table = study.read(path)
    assert len(table) == len(JOBS) and list(table["seed"]) == [0, 0, 0, 1, 1, 1]
    assert list(table["setting"][:2]) == ["base", "beta=3"]
    study.run(path, JOBS)
    assert len(trained) == len(JOBS)
    assert [path.name for path in tmp_path.iterdir()] == ["study.csv"]


def test_the_setting_with_the_nearest_faces_is_chosen_by_the_mean_of_its_seeds(tmp_path, trained):
    path = tmp_path / "study.csv"
    study.run(path, [*JOBS, ("celeba", "beta", {"beta": 5.0}, 0, "test")])
    assert study.chosen(study.read(path), "celeba") == "beta=3"


def test_free_nats_cost_nothing_until_they_are_reached():
    images = np.random.default_rng(0).random((4, 16, 16, 3), dtype="float32")
    vae = study.FreeNats(image_size=16, latent_dim=3, filters=[4] * 3, beta=2.0)
    vae.encoder.set_weights([2 * weights for weights in vae.encoder.get_weights()])
    terms = {}
    for free_nats in (0.0, 1000.0):
        vae.free_nats.assign(free_nats)
        terms[free_nats] = vae.compute_terms(images, images, training=False)
    kl, loss = float(terms[0.0]["kl"]), float(terms[0.0]["loss"] - terms[0.0]["reconstruction"])
    assert kl > 0.1 and loss == pytest.approx(2 * kl, rel=1e-3)
    more = float(terms[1000.0]["loss"] - terms[1000.0]["reconstruction"])
    assert more == pytest.approx(2 * 1000, rel=1e-3)
    assert float(terms[1000.0]["kl"]) == pytest.approx(kl, rel=1e-3)


def test_a_training_follows_its_options(monkeypatch):
    monkeypatch.setattr(study, "EPOCHS", 1)
    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)
    options = {**study.BASE, "width": 2, "latent_dim": 3, "normalization": "none", "optimizer": "muon"}
    vae = study.train({**options, "likelihood": "bce", "augmentation": "flip"}, images, seed=0)
    assert (vae.latent_dim, vae.filters, vae.likelihood) == (3, [2, 4, 8], "bce")
    assert type(vae.optimizer).__name__ == "Muon" and vae.normalization is None
    pca = study.evaluation.fit_pca(images, 8)
    measures = study.measure(vae, images, images[:32], pca, seed=0)
    assert set(measures) == set(MEASURES) - {"seconds"} and measures["active"] <= 3


def test_a_network_that_is_used_again_learns_what_a_new_one_learns(monkeypatch):
    monkeypatch.setattr(study, "EPOCHS", 1)
    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)
    options = {**study.BASE, "width": 2, "latent_dim": 3, "dropout": 0.5}
    weights = []
    for again in (False, True):
        study.compiled.cache_clear()
        if again:
            study.train({**options, "beta": 30.0, "free_nats": 9.0}, images, seed=1)
        vae = study.train(options, images, seed=0)
        weights.append([np.array(variable) for variable in vae.variables])
    for own, other in zip(*weights):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not study.TABLE.exists(), reason="the study was not run")
def test_the_table_that_ships_holds_known_settings_once():
    table = study.read(study.TABLE)
    known = {(dataset, knob, study.name_of(changes)) for dataset, knob, changes in study.settings("celeba")}
    assert set(zip(table["dataset"], table["knob"], table["setting"])) <= known
    assert not table.duplicated(["dataset", "setting", "seed", "split"]).any()
    assert set(MEASURES) | set(study.BASE) | {"mig", "dci", "sap"} <= set(table)
    assert np.isfinite(table[MEASURES]).all(axis=None)
    drawn = table[table["dataset"] == "cartoon"]
    assert drawn[["mig", "dci", "sap"]].apply(pd.to_numeric).stack().between(0, 1).all()
