"""How good faces are after 200, 600 and 1,800 seconds of training, beside four VAEs from elsewhere: `make race`.

    python benchmarks/time_to_quality.py [NAME…] [--seconds 200 600 1800] [--outside distance.py]

NAME: `plain` and `sharpened`, this project's defaults (flips and light varied, as lesson 03 does), their epochs chosen
beforehand so that they fit (sharpening may see a part of the pictures only); or a network of peers/vaes.py, which tells
what it is. All train once on the same CelebA pictures, on the processor, one after another, in a process of their own;
the clock runs from the first line of training on, compiling included. Every finished run is kept in
time_to_quality.json, so that the hours may be spread; the table is a section of RESULTS.md.

Measured: squared error of the reconstructions of the validation and test pictures, and the Fréchet distance of those
pictures to the reconstructions and to as many new faces, drawn from N(0, I) and from our mixture fitted to the model's
codes; by the course's own judge and, with --outside, by a script that prints the distance of two .npy files.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import report
import step

HERE = Path(__file__).resolve().parent
KEPT = HERE / "time_to_quality.json"
OWN, PEERS, SECONDS = ("plain", "sharpened"), ("keras", "book", "dcgan", "wae"), (200, 600, 1800)
PLAIN_SHARE = 0.4  # of the sharpened default's time
SPARE = 0.95  # part of the time that is planned: epochs vary
SEED = 2  # of the codes that are measured; the sharpener has seen those of seed 1


def plan(name, seconds, images):
    """Return how many epochs of plain training and of sharpening fit, by a trial on some of the pictures.

    Plain epochs are whole; of sharpening, whose epochs are long, a part of the first one may be all that fits.
    """
    from vae_keras import config, sharpen, training

    settings, some = config.get_config(profile="full", dataset="celeba"), images[:6400]
    share = 1.0 if name == "plain" else PLAIN_SHARE

    def fitting(history, budget):
        first, *others = history["seconds"]  # the first one compiles
        each = np.mean(others)
        return max(0.01, (SPARE * budget - (first - each)) / (each * len(images) / len(some)))

    trial = training.build_vae(settings)
    plain = max(1, int(fitting(training.fit(trial, some, epochs=4), share * seconds)))
    if name == "plain":
        return plain, 0
    codes = np.zeros((64, settings.latent_dim), "float32")
    prior = 30  # seconds to encode the pictures and to fit the mixture
    sharp = fitting(sharpen.sharpen(trial, some, codes, epochs=3)[1], (1 - share) * seconds - prior)
    return plain, int(sharp) or round(sharp, 2)


def train_own(folder, plain_epochs, sharp_epochs):
    """Train this project's default on folder/train.npy, write its weights, and print what it took."""
    from vae_keras import config, latent, sharpen, training

    images, settings = np.load(folder / "train.npy"), config.get_config(profile="full", dataset="celeba")
    start = time.perf_counter()
    vae = training.build_vae(settings)
    training.fit(vae, images, epochs=plain_epochs)
    if sharp_epochs:
        codes = fit_prior(*latent.encode(vae, images)).sample(20_000, seed=1)
        some = images[: int(min(1, sharp_epochs) * len(images))]
        vae, _ = sharpen.sharpen(vae, some, codes, epochs=math.ceil(sharp_epochs))
    seconds = time.perf_counter() - start
    vae.encoder.save_weights(folder / "encoder.weights.h5")
    vae.decoder.save_weights(folder / "decoder.weights.h5")
    pictures = int(len(images) * (plain_epochs + sharp_epochs))
    print(
        json.dumps({"seconds": seconds, "pictures": pictures, "epochs": f"{plain_epochs} + {sharp_epochs:g}"})
    )


def trained_own(name, folder):
    """Return (reconstruct, decode, codes' means and log-variances) of the model that `train_own` wrote."""
    from vae_keras import config, latent, sharpen, training

    vae = training.build_vae(config.get_config(profile="full", dataset="celeba"))
    vae = vae if name == "plain" else sharpen.with_details(vae)
    vae.encoder.load_weights(folder / "encoder.weights.h5")
    vae.decoder.load_weights(folder / "decoder.weights.h5")
    codes = latent.encode(vae, np.load(folder / "train.npy"))
    return lambda images: latent.reconstruct(vae, images), lambda z: latent.decode(vae, z), codes


def fit_prior(mean, log_variance):
    """Return our mixture, fitted as `pretrained.finish` fits it, to codes drawn from the encoder's distributions."""
    from vae_keras import latent

    noise = np.random.default_rng(0).standard_normal(mean.shape)
    return latent.fit_prior(mean + np.exp(0.5 * log_variance) * noise)


def lines(*command):
    """Run a command and yield the lines that it prints, read as JSON, as they come; what it complains of is shown."""
    cold = {**os.environ, "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True, env=cold) as process:
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed")


def call_peer(*words):
    """Run peers/vaes.py in its own environment."""
    return lines(step.TORCH, HERE / "peers" / "vaes.py", *words)


def trained_peer(name, seconds, folder):
    """As `trained_own`, of a peer that `call_peer("train", …)` has trained."""
    list(call_peer("encode", name, folder, seconds))
    codes = np.load(folder / f"{name}-{seconds}.npz")

    def decode(z):
        np.save(folder / "z.npy", np.float32(z))
        list(call_peer("decode", name, folder, seconds, folder / "z.npy", folder / "faces.npy"))
        return np.load(folder / "faces.npy")

    return lambda images: decode(codes["held"]), decode, (codes["mean"], codes["log_variance"])


def measure(reconstruct, decode, codes, held):
    """Return the figures of a trained model."""
    from vae_keras import judge, metrics

    normal = np.random.default_rng(SEED).standard_normal((len(held), codes[0].shape[1]))
    sets = {
        "reconstructions": reconstruct(held),
        "N(0, I)": decode(normal),
        "mixture": decode(fit_prior(*codes).sample(len(held), seed=SEED)),
    }
    figures, network = {"squared error": metrics.squared_error(held, sets["reconstructions"])}, judge.load()
    for name, faces in sets.items():
        figures[f"{name}, judge"] = network.distance(held, faces)
        figures[f"{name}, outside"] = report.outside(options.outside, held, faces)
    return figures


def keep(name, seconds, run, figures):
    """Write the figures of one run beside those of the others, and the section anew."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    kept[f"{name} {seconds}"] = {"machine": report.machine(), **run, **figures}
    temporary = KEPT.with_suffix(".part")
    temporary.write_text(json.dumps(dict(sorted(kept.items())), indent=1, default=float) + "\n")
    os.replace(temporary, KEPT)
    rows = []
    for key in sorted(kept, key=lambda key: (int(key.split()[1]), key)):
        (model, allowed), figures = key.split(), dict(kept[key])
        row = {"model": model, "seconds allowed": int(allowed), "taken": figures.pop("seconds")}
        row |= {"pictures seen": figures.pop("pictures"), "epochs": figures.pop("epochs", None)}
        rows.append(row | {"date": figures.pop("machine").partition(",")[0]} | figures)
    report.write(
        "Time to quality",
        "What is measured, and how, stands in [time_to_quality.py](time_to_quality.py), the networks from elsewhere "
        f"in [peers/vaes.py](peers/vaes.py); the machine of every run in time_to_quality.json.\n\n{report.table(rows)}",
    )


def race(name, faces, folder, held):
    """Train and measure one model for every time that was asked for."""
    if name in PEERS:
        runs = []
        try:
            runs.extend(call_peer("train", name, folder, step.precision(), *options.seconds))
        finally:  # measured when the processor is free again; what was reached counts if the rest fails
            for seconds, run in zip(sorted(options.seconds), runs):
                keep(name, seconds, run, measure(*trained_peer(name, seconds, folder), held))
        return
    for seconds in options.seconds:
        epochs = plan(name, seconds, faces.train)
        (run,) = lines(sys.executable, __file__, "--train", folder, *epochs)
        keep(name, seconds, run, measure(*trained_own(name, folder), held))


def main():
    """Train and measure what was asked for; a model that fails does not stop the others."""
    from vae_keras import data

    names = options.names or [*OWN, *PEERS]
    if not step.TORCH.exists() and not set(names) <= set(OWN):
        return "error: the networks from elsewhere need .venv-bench, which `make race` makes."
    faces, failed = data.prepare("celeba", 64), []
    held = np.concatenate([faces.validation, faces.test])
    # A script that does not work says so now, not after hours.
    report.outside(options.outside, held[:64], held[64:128])
    with tempfile.TemporaryDirectory() as folder:
        for part, images in (("train", faces.train), ("held", held)):
            np.save(Path(folder, f"{part}.npy"), images)
        for name in names:
            try:
                race(name, faces, Path(folder), held)
            except Exception as error:  # of another library or process: hours of others wait behind it
                failed.append(f"{name}: {error}")
    return "error: " + "; ".join(failed) if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join((*OWN, *PEERS))}; all of them"
    )
    parser.add_argument("--seconds", nargs="+", type=int, default=SECONDS)
    parser.add_argument("--outside", help="a script that prints the distance of two .npy files")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS, metavar=("FOLDER", "PLAIN", "SHARP"))
    options = parser.parse_args()
    if unknown := set(options.names) - {*OWN, *PEERS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose of {', '.join((*OWN, *PEERS))}")
    if options.train:
        folder, plain_epochs, sharp_epochs = options.train
        sys.exit(train_own(Path(folder), int(plain_epochs), float(sharp_epochs)))
    sys.exit(main())
