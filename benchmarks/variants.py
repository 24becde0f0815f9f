"""What becomes of the plain model when one thing is changed, in the same time: `python benchmarks/variants.py`.

    python benchmarks/variants.py [NAME…] [--pictures 60000] [--faces] [--outside distance.py]

Each variant is trained in a process of its own on CelebA's training pictures, for as long as the plain model, by Adam,
takes to see so many pictures; the rate falls to zero over that. So a variant that takes twice as long a picture sees
half as many: the cost is measured first, in turns with the plain model, by the time of the processors. Measured on the
validation pictures, since they choose: squared error of the reconstructions, KL, and the Fréchet distance of
reconstructions, and with --faces of as many new faces of a fitted mixture, by the course's own judge and, with
--outside, by a script that prints the distance of two .npy files. Every run is kept in variants.json; the table is a
section of RESULTS.md.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras
import numpy as np
import report
import time_to_quality
from keras import layers, ops

from vae_keras import config, data, judge, latent, metrics, model, training

KEPT = Path(__file__).resolve().parent / "variants.json"
PARTS = 12  # of a training: so many times may a callback change something
MOST, TURN = 80, 16  # steps by which the cost is measured, and of a turn


def rectified_twice(x, normalization):
    """Return a stage's end with one more convolution of the same size behind it."""
    x = activate(x, normalization)
    return activate(layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(x), normalization)


def residual(x, normalization):
    """Return a stage's end with a residual block behind it, which begins with nothing (He et al. 2016)."""
    x = activate(x, normalization)
    y = activate(layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(x), normalization)
    y = layers.Conv2D(x.shape[-1], 3, padding="same", kernel_initializer="zeros")(y)
    return layers.add([x, y])


def grouped(x, normalization):
    """Return x through group normalization (Wu and He 2018), 16 channels a group, and ReLU."""
    return layers.ReLU()(layers.GroupNormalization(x.shape[-1] // 16)(x))


def leaky(x, normalization):
    """Return x through batch normalization and leaky ReLU."""
    return layers.LeakyReLU(0.1)(model.BatchNormalization(momentum=0.9)(x))


def smooth(x, normalization):
    """Return x through batch normalization and SiLU."""
    return layers.Activation("silu")(model.BatchNormalization(momentum=0.9)(x))


def free_nats(z_mean, z_log_variance):
    """Return the KL of each latent dimension, at least a quarter of a nat (Kingma et al. 2016)."""
    return ops.maximum(kl_divergence(z_mean, z_log_variance), 0.25)


activate, kl_divergence = model.activate, model.kl_divergence
UNCHANGED = {"activate": activate, "kl_divergence": kl_divergence}
MUON = {"optimizer": "muon"}
# What is changed: arguments of the VAE, functions of its module, batch, rate, optimizer and its options, callbacks.
VARIANTS = {
    "Adam": {},
    "Adam, other seed": {"seed": 1},
    "Adam, rate 0.0005": {"rate": 5e-4},
    "Adam, rate 0.002": {"rate": 2e-3},
    "Adam, batches of 32": {"batch": 32},
    "Adam, batches of 128, rate 0.002": {"batch": 128, "rate": 2e-3},
    "Adam, average of the weights": {"options": {"use_ema": True, "ema_momentum": 0.99}},
    "Adam, KL warmed up for a quarter": {"callbacks": [training.BetaWarmUp(PARTS // 4)]},
    "Muon": MUON,
    "Muon, other seed": MUON | {"seed": 1},
    "Muon, rate 0.004": MUON | {"rate": 4e-3},
    "Muon, rate 0.016": MUON | {"rate": 16e-3},
    "Muon, batches of 128": MUON | {"batch": 128},
    "Muon, KL warmed up for a quarter": MUON | {"callbacks": [training.BetaWarmUp(PARTS // 4)]},
    "Muon, a quarter of a nat free": MUON | {"functions": {"kl_divergence": free_nats}},
    "Muon, narrower, 24 to 192": MUON | {"network": {"filters": [24, 48, 96, 192]}},
    "Muon, wider, 48 to 384": MUON | {"network": {"filters": [48, 96, 192, 384]}},
    "Muon, shallower, to 8×8": MUON | {"network": {"filters": [32, 64, 128]}},
    "Muon, a convolution more in each stage": MUON | {"functions": {"activate": rectified_twice}},
    "Muon, a residual block in each stage": MUON | {"functions": {"activate": residual}},
    "Muon, group normalization": MUON | {"functions": {"activate": grouped}},
    "Muon, no normalization": MUON | {"network": {"normalization": None}},
    "Muon, leaky ReLU": MUON | {"functions": {"activate": leaky}},
    "Muon, SiLU": MUON | {"functions": {"activate": smooth}},
}


def start(variant, images, steps, parts=1):
    """Return (VAE, batches of a part) of a variant whose rate falls to zero over so many steps."""
    for name, function in (UNCHANGED | variant.get("functions", {})).items():
        setattr(model, name, function)
    seed = variant.get("seed", 0)
    settings = config.get_config(profile="full", dataset="celeba", seed=seed)
    vae = training.build_vae(settings, **variant.get("network", {}))
    optimizer = variant.get("optimizer", "adam")
    rate = keras.optimizers.schedules.CosineDecay(variant.get("rate", training.RATES[optimizer]), steps)
    vae.compile(training.OPTIMIZERS[optimizer](rate, **variant.get("options", {})))
    batches = data.pipeline(images, variant.get("batch", 64), training=True, seed=seed)
    return vae, batches.repeat().take(steps // parts)


def relative_cost(variant, images):
    """Return how many times as long as the plain model's a picture takes; in turns, by the processors' time."""
    spent = []
    for each in (VARIANTS["Adam"], variant):
        vae, batches = start(each, images, MOST)
        vae.make_train_function()
        spent.append((vae.train_function, iter(batches), each.get("batch", 64), []))
    for _ in range(MOST // TURN):  # the first turn compiles
        for function, batches, batch, seconds in spent:
            began = time.process_time()
            for _ in range(TURN):
                function(batches)["loss"].numpy()
            seconds.append((time.process_time() - began) / batch)
    for _, batches, *_ in spent:
        next(batches, None)  # to its end: else closing it waits for a thread of TensorFlow that sleeps long
    plain, other = (np.median(seconds[1:]) for *_, seconds in spent)
    return float(other / plain)


def train(variant, images, pictures):
    """Return a VAE that saw as many pictures as its cost allows, and what it took."""
    free = variant.keys() <= {"seed", "rate", "callbacks"}
    cost, batch = 1.0 if free else relative_cost(variant, images), variant.get("batch", 64)
    steps = int(pictures / cost / batch) // PARTS * PARTS
    vae, batches = start(variant, images, steps, PARTS)
    vae.fit(batches, epochs=PARTS, shuffle=False, verbose=0, callbacks=variant.get("callbacks"))
    return vae, {"weights": vae.count_params(), "cost": cost, "pictures": steps * batch}


def measure(vae, faces):
    """Return the figures of a trained VAE on the validation pictures."""
    held, network = faces.validation, judge.load()
    z_mean, z_log_variance = latent.encode(vae, held)
    sets = {"reconstructions": latent.decode(vae, z_mean)}
    figures = {
        "squared error": metrics.squared_error(held, sets["reconstructions"]),
        "KL": float(np.sum(kl_divergence(z_mean, z_log_variance), axis=1).mean()),
    }
    if options.faces:
        prior = time_to_quality.fit_prior(*latent.encode(vae, faces.train))
        sets["new faces"] = latent.decode(vae, prior.sample(len(held), seed=time_to_quality.SEED))
    for name in ("reconstructions", "new faces"):
        there = name in sets
        figures[f"{name}, judge"] = network.distance(held, sets[name]) if there else None
        figures[f"{name}, outside"] = report.outside(options.outside, held, sets[name]) if there else None
    return figures


def main():
    """Train and measure the variants that were asked for, each in a process of its own; write the section."""
    for name in options.names or VARIANTS:
        words = ["--alone", name, "--pictures", options.pictures, *(["--faces"] if options.faces else [])]
        words += ["--outside", options.outside] if options.outside else []
        command = [sys.executable, __file__, *map(str, words)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        run = json.loads(done.stdout.splitlines()[-1])
        known[f"{name}; {options.pictures}"] = {"machine": report.machine()} | run
        KEPT.write_text(json.dumps(known, indent=1) + "\n")
        write(known)


def write(known):
    """Write the section: a row per variant and time, in the order of `VARIANTS`."""
    order = list(VARIANTS)
    keys = sorted(known, key=lambda key: (int(key.split("; ")[1]), order.index(key.split("; ")[0])))
    rows = []
    for key in keys:
        name, pictures = key.split("; ")
        rows.append({"variant": name, "for": int(pictures)} | known[key])
        del rows[-1]["machine"]
    measured = [column for column in rows[0] if any(row.get(column) is not None for row in rows)]
    rows = [{column: row.get(column) for column in measured} for row in rows]
    text = (
        "How they are trained and measured: [variants.py](variants.py); each run's machine: variants.json. *For*: as "
        "long as Adam takes for so many pictures. *Cost*: the processors' time for a picture, where Adam's is 1."
    )
    report.write("Variants of the plain model", f"{text}\n\n{report.table(rows)}")


def alone(name):
    """Train and measure one variant, and print its figures."""
    faces = data.prepare("celeba", 64)
    vae, run = train(VARIANTS[name], faces.train, options.pictures)
    print(json.dumps(run | measure(vae, faces), default=float))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(VARIANTS))
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--faces", action="store_true", help="measure new faces, too")
    parser.add_argument("--outside", help="a script that prints the distance of two .npy files")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.names) - VARIANTS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose of {'; '.join(VARIANTS)}")
    alone(options.alone) if options.alone else main()
