"""Which knob of a VAE matters? One factor at a time, and β with latent size: `make study`, about an hour of one core.

    python benchmarks/study.py [--data celeba] [--seeds 0 1 2] [--out benchmarks/study.csv]

Pictures of 32×32 and small networks, so that anybody can rerun it: it compares knobs, and its faces are not to be
admired. Networks learn from 4,000 pictures of a data set, or from 4,000 drawn faces, whose factors are known. Each
finished training is a row of the table. A run that was stopped goes on where it was: rows that are there are skipped.
Settings are measured on validation pictures. When all rows are there, the setting with the nearest new faces is trained
once more with each seed and measured on test pictures.
"""

import argparse
import functools
import os
import sys
import time
from pathlib import Path

for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one core; set before TensorFlow is imported
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from keras import ops  # noqa: E402

import vae_keras  # noqa: E402
from vae_keras import data, evaluation, latent, priors, storage, training  # noqa: E402
from vae_keras.data.drawn.faces import draw_faces, sample_factors  # noqa: E402
from vae_keras.evaluation.disentanglement import disentanglement_scores  # noqa: E402
from vae_keras.model import VAE  # noqa: E402

TABLE = Path(__file__).resolve().parent / "study.csv"
IMAGE_SIZE = 32
STAGES = 3  # of the networks: the smallest map is 4×4
PICTURES = 4_000  # to train on; a quarter of that each for validation and test
EPOCHS = 12
BATCH_SIZE = 32
COMPONENTS = 64  # of the space in which new faces are compared
DRAWN = 2_000  # drawn faces of known factors, for disentanglement
# Factors that are drawn independently, as numbers, and show in every face.
FACTORS = [
    "light",
    "brightness",
    "background",
    "skin",
    "clothes",
    "shift",
    "tilt",
    "yaw",
    "pitch",
    "smile",
]

BASE = {
    "beta": 1.0,
    "likelihood": "gaussian",
    "latent_dim": 64,
    "width": 8,
    "normalization": "batch",
    "dropout": 0.0,
    "augmentation": "none",
    "optimizer": "adam",
    "learning_rate": 0.002,
    "free_nats": 0.0,
}
# The settings that TensorFlow has to trace anew; the others are values of variables, or of the pictures.
STRUCTURE = ("latent_dim", "width", "likelihood", "normalization", "dropout", "optimizer", "learning_rate")
# One factor at a time from the base, and then β together with the latent size.
ONE_FACTOR = [
    *({"beta": value} for value in (0.1, 10.0, 100.0, 0.3, 3.0, 30.0)),
    *({"latent_dim": value} for value in (8, 256, 2, 32)),
    *({"likelihood": value} for value in ("mse", "bce")),
    {"optimizer": "muon", "learning_rate": 0.008},
    {"learning_rate": 0.008},  # of Muon, for Adam
    {"normalization": "none"},
    *({"width": value} for value in (16, 4)),
    {"augmentation": "flip"},
    {"dropout": 0.2},
    {"free_nats": 200.0},
]
GRID = [{"beta": beta, "latent_dim": size} for size in (8, 256) for beta in (0.1, 10.0)]
ON_DRAWN_FACES = [
    {"latent_dim": 16},
    *({"latent_dim": 16, "beta": value} for value in (10.0, 100.0, 0.1)),
    {"latent_dim": 64},
    {"latent_dim": 16, "optimizer": "muon", "learning_rate": 0.008},
]


def settings(dataset):
    """Return the settings of the study: (data set, knob that is turned, changes of the base). The base comes first."""
    single = [(dataset, next(iter(changes)), changes) for changes in ONE_FACTOR]
    grid = [(dataset, "grid", changes) for changes in GRID]
    drawn = []
    for changes in ON_DRAWN_FACES:
        turned = [name for name in changes if name != "latent_dim" or changes[name] != 16]
        drawn.append(("cartoon", next(iter(turned), "base"), changes))
    return [(dataset, "base", {}), *single, *drawn, *grid]


class FreeNats(VAE):
    """A VAE whose KL costs nothing until it reaches `free_nats` (free bits: Kingma et al. 2016, arXiv 1606.04934)."""

    def build(self, input_shape):
        """Make the variable: none by default."""
        super().build(input_shape)
        self.free_nats = keras.Variable(0.0, trainable=False, name="free_nats")

    def compute_terms(self, images, targets, training):
        """Return the terms of `VAE`, where a KL below the free nats counts as if it had reached them."""
        terms = super().compute_terms(images, targets, training)
        unused = ops.maximum(self.free_nats - terms["kl"], 0)
        return {**terms, "loss": terms["loss"] + self.beta * unused}


def build(options, image_size, seed):
    """Return an untrained VAE with some settings of the study."""
    keras.utils.set_random_seed(seed)
    vae = FreeNats(
        image_size=image_size,
        latent_dim=options["latent_dim"],
        filters=[options["width"] * 2**stage for stage in range(STAGES)],
        likelihood=options["likelihood"],
        beta=options["beta"],
        normalization=None if options["normalization"] == "none" else options["normalization"],
        dropout=options["dropout"],
        seed=seed,
    )
    vae.free_nats.assign(options["free_nats"])
    return vae


@functools.cache
def compiled(image_size, steps, *structure):
    """Return a compiled VAE for settings that differ in values of its variables alone: TensorFlow traces it once."""
    options = {**BASE, **dict(structure)}
    vae = build(options, image_size, seed=0)
    rate = keras.optimizers.schedules.CosineDecay(options["learning_rate"], steps)
    vae.compile(training.optimizers.get(options["optimizer"], rate))
    vae.optimizer.build(vae.trainable_variables)
    return vae


def begin_again(vae, fresh):
    """Set a compiled VAE and its optimizer back to where a fresh VAE of the same structure begins."""
    for variable, first in zip(vae.variables, fresh.variables, strict=True):
        variable.assign(first)
    for variable in vae.optimizer.variables:
        variable.assign(ops.zeros_like(variable))


def train(options, images, seed):
    """Return a VAE with some settings of the study, trained on uint8 images (n, size, size, 3).

    It is overwritten by the next training of the same structure.
    """
    image_size, steps = images.shape[1], EPOCHS * (len(images) // BATCH_SIZE)
    structure = [(name, options[name]) for name in STRUCTURE]
    vae = compiled(image_size, steps, *structure)
    begin_again(vae, build(options, image_size, seed))
    augment = data.augment if options["augmentation"] == "flip" else None
    training.run(
        vae, images, epochs=EPOCHS, batch_size=BATCH_SIZE, seed=seed, settings=options, augment=augment
    )
    return vae


def measure(vae, images, held_out, pca, seed):
    """Return the measures of a trained VAE on held-out pictures, as columns of the table."""
    z_mean, z_log_variance = latent.encode(vae, images)
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape)
    codes = z_mean + np.exp(0.5 * z_log_variance) * noise
    new_faces = latent.decode(vae, priors.fit_prior(codes, components=1).sample(len(held_out), seed=seed))
    per_variable = latent.statistics(*latent.encode(vae, held_out))
    return {
        "error": evaluation.squared_error(held_out, latent.reconstruct(vae, held_out)),
        "kl": per_variable["kl"].sum(),
        "active": int(per_variable["active"].sum()),
        "distance": evaluation.pca_distance(pca, held_out, new_faces),
    }


class Pictures:
    """The pictures of a data set, the space in which new faces are compared, and drawn faces of known factors."""

    def __init__(self, dataset):
        self.faces = data.load_faces(dataset, IMAGE_SIZE, PICTURES, progress=False)
        self.pca = evaluation.fit_pca(self.faces.train, COMPONENTS)
        self.drawn = dataset == "cartoon"
        if self.drawn:
            factors = sample_factors(DRAWN, seed=1)
            self.known, self.factors = draw_faces(factors, IMAGE_SIZE), factors[FACTORS].to_numpy()

    def row(self, options, seed, split):
        """Return the measures of one training on a split."""
        start = time.process_time()  # of the processor: a busy machine does not count
        vae = train(options, self.faces.train, seed)
        seconds = time.process_time() - start
        row = measure(vae, self.faces.train, getattr(self.faces, split), self.pca, seed)
        if self.drawn:
            row |= disentanglement_scores(latent.encode(vae, self.known)[0], self.factors)
        return {**row, "seconds": round(seconds, 1)}


def read(path):
    """Return the table at a path; an empty one where there is none."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def append(path, row):
    """Add a row to the table at a path. The table is whole at every moment."""
    table = pd.concat([read(path), pd.DataFrame([row])], ignore_index=True)
    with storage.replacing(path.parent, [path.name]) as (part,):
        table.to_csv(part, index=False, float_format="%.6g")


def name_of(changes):
    """Return the name of a setting, such as "beta=10 latent_dim=8", or "base"."""
    values = [f"{value:g}" if isinstance(value, float) else value for value in changes.values()]
    return " ".join(f"{knob}={value}" for knob, value in zip(changes, values)) or "base"


def is_done(table, dataset, setting, seed, split):
    """Return whether the table has this row."""
    if table.empty:
        return False
    same = (table["dataset"] == dataset) & (table["setting"] == setting)
    return bool((same & (table["seed"] == seed) & (table["split"] == split)).any())


def chosen(table, dataset):
    """Return the setting whose new faces are nearest on validation pictures, a mean over the seeds."""
    rows = table[(table["dataset"] == dataset) & (table["split"] == "validation")]
    return rows.groupby("setting")["distance"].mean().idxmin()


def run(path, jobs):
    """Train and measure what the table at a path does not hold yet.

    Args:
        path: of the table.
        jobs: (data set, knob, changes, seed, split) of every row, in order.
    """
    loaded = {}
    for number, (dataset, knob, changes, seed, split) in enumerate(jobs, 1):
        setting = name_of(changes)
        if is_done(read(path), dataset, setting, seed, split):
            continue
        if dataset not in loaded:
            loaded[dataset] = Pictures(dataset)
        options = {**BASE, **changes}
        measures = loaded[dataset].row(options, seed, split)
        key = {"dataset": dataset, "setting": setting, "knob": knob, "seed": seed, "split": split}
        append(path, {**key, **options, **measures})
        print(f"{number} of {len(jobs)}: {dataset}, {setting}, seed {seed}: {measures}", flush=True)


def main(options):
    """Fill the table; then measure the chosen setting on test pictures."""
    keras.config.set_dtype_policy(vae_keras.settings(dataset="cartoon").precision)
    every = settings(options.data)
    seeds = options.seeds
    jobs = [
        (*every[0], seed, "validation") for seed in seeds
    ]  # first: nothing can be judged without its spread
    for seed in seeds:
        jobs += [(*setting, seed, "validation") for setting in every[1:]]
    run(options.out, jobs)
    best = chosen(read(options.out), options.data)
    final = next(setting for setting in every if setting[0] == options.data and name_of(setting[2]) == best)
    run(options.out, [(*final, seed, "test") for seed in seeds])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="celeba")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=TABLE)
    main(parser.parse_args())
