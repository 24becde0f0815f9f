"""How good faces are after 200, 600 and 1,800 seconds of training, beside four VAEs from elsewhere: `make race`.

    python benchmarks/time_to_quality.py [NAME…] [--seconds 200 600 1800] [--outside distance.py]

NAME: `plain` and `sharpened`, this project's defaults, their epochs chosen so that they fit; or a network of
peers/vaes.py, which tells what it is. All train on the same CelebA pictures, on the processor, in turns; the clock runs
from the first line of training on, compiling included. Every finished run is kept in time_to_quality.json, so that
the hours may be spread; the table is a section of RESULTS.md.

Measured: squared error of the reconstructions of the validation and test pictures, and the Fréchet distance of those
pictures to the reconstructions and to as many new faces, drawn from N(0, I) and from our mixture fitted to the peer's
codes; by the course's own judge and, with --outside, by a script that prints the distance of two .npy files.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import report
import step
from quality import outside

HERE = Path(__file__).resolve().parent
KEPT = HERE / "time_to_quality.json"
OWN, PEERS, SECONDS = ("plain", "sharpened"), ("keras", "book", "dcgan", "wae"), (200, 600, 1800)
PLAIN_SHARE = 0.4  # of the sharpened default's time: as in the 50 and 30 epochs of the models that ship


def train_own(name, seconds, faces):
    """Return (reconstruct, decode, codes' means and deviations, run) of this project's default after `seconds`."""
    from vae_keras import config, latent, pretrained, sharpen, training

    settings = config.get_config(profile="full", dataset="celeba")
    share, some = (1.0 if name == "plain" else PLAIN_SHARE), faces.train[:6400]

    def epochs(history, budget):
        """As many as fit, by the second of two epochs on some of the pictures: the first one compiles."""
        each = history["seconds"].iloc[1] * len(faces.train) / len(some)
        return max(1, int((budget - (history["seconds"].iloc[0] - history["seconds"].iloc[1])) / each))

    trial = training.build_vae(settings)
    plain_epochs = epochs(training.fit(trial, some, epochs=2), share * seconds)
    if name == "sharpened":
        codes = np.zeros((64, settings.latent_dim), "float32")
        sharp_epochs = epochs(sharpen.sharpen(trial, some, codes, epochs=2)[1], (1 - share) * seconds - 30)
    start = time.perf_counter()
    vae = training.build_vae(settings)
    training.fit(vae, faces.train, epochs=plain_epochs)
    run = {"epochs": f"{plain_epochs}"}
    mean, log_variance = latent.encode(vae, faces.train)
    if name == "sharpened":
        prior = fit_prior(mean, np.exp(0.5 * log_variance))
        vae, _ = sharpen.sharpen(vae, faces.train, prior.sample(20_000), epochs=sharp_epochs)
        run["epochs"] += f" + {sharp_epochs}"
    run["seconds"] = time.perf_counter() - start
    run["pictures"] = len(faces.train) * (plain_epochs + (sharp_epochs if name == "sharpened" else 0))
    model = pretrained.Pretrained(vae, None, None, None, None)
    return model.reconstruct, lambda z: latent.decode(vae, z), (mean, np.exp(0.5 * log_variance)), run


def fit_prior(mean, deviation):
    """Return our mixture, fitted as `pretrained.finish` fits it, to codes drawn from the encoder's distributions."""
    from vae_keras import latent

    noise = np.random.default_rng(0).standard_normal(mean.shape)
    return latent.fit_prior(mean + deviation * noise)


def call_peer(*words):
    """Run peers/vaes.py in its own environment; return the lines that it prints, read as JSON."""
    command = [str(step.TORCH), str(HERE / "peers" / "vaes.py"), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def trained_peer(name, seconds, folder):
    """As `train_own`, of a peer that `call_peer("train", …)` has trained; without the run."""
    call_peer("encode", name, folder, seconds)
    codes = np.load(folder / f"{name}-{seconds}.npz")

    def decode(z):
        np.save(folder / "z.npy", np.float32(z))
        call_peer("decode", name, folder, seconds, folder / "z.npy", folder / "faces.npy")
        return np.load(folder / "faces.npy")

    return lambda images: decode(codes["held_mean"]), decode, (codes["train_mean"], codes["train_deviation"])


def measure(reconstruct, decode, codes, held, script):
    """Return the figures of a trained model."""
    from vae_keras import judge, metrics

    normal = np.random.default_rng(0).standard_normal((len(held), codes[0].shape[1]))
    sets = {
        "reconstructions": reconstruct(held),
        "N(0, I)": decode(normal),
        "mixture": decode(fit_prior(*codes).sample(len(held))),
    }
    figures, network = {"squared error": metrics.squared_error(held, sets["reconstructions"])}, judge.load()
    for name, faces in sets.items():
        figures[f"{name}, judge"] = network.distance(held, faces)
        figures[f"{name}, outside"] = outside(script, held, faces)
    return figures


def keep(name, seconds, figures):
    """Write the figures of one run beside those of the others, and the table anew."""
    rows = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    rows[f"{name} {seconds}"] = {**figures, "date": time.strftime("%Y-%m-%d")}
    KEPT.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n")
    write_table(rows)
    print(name, seconds, json.dumps(figures), flush=True)


def write_table(kept):
    """Write the section of all runs."""
    rows = []
    for name in sorted(kept, key=lambda name: (int(name.split()[1]), name)):
        (model, allowed), figures = name.split(), dict(kept[name])
        rows.append({"model": model, "seconds allowed": allowed, "taken": f"{figures.pop('seconds'):.0f}"})
        rows[-1] |= {
            "pictures seen": f"{figures.pop('pictures'):,}",
            "epochs": figures.pop("epochs", "–"),
        } | figures
    report.write(
        "Time to quality",
        "What is measured, and how, stands in [time_to_quality.py](time_to_quality.py), the networks from elsewhere "
        f"in [peers/vaes.py](peers/vaes.py).\n\n{report.table(rows)}",
    )


def main():
    """Train and measure what was asked for."""
    from vae_keras import data

    faces = data.prepare("celeba", 64)
    held = np.concatenate([faces.validation, faces.test])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for part, images in (("train", faces.train), ("held", held)):
            np.save(folder / f"{part}.npy", images)
        for name in options.names or [*OWN, *PEERS]:
            if name in PEERS:
                runs = call_peer("train", name, folder, step.precision(), *options.seconds)
                for seconds, run in zip(sorted(options.seconds), runs):
                    parts = trained_peer(name, seconds, folder)
                    keep(name, seconds, {**run, **measure(*parts, held, options.outside)})
                continue
            for seconds in options.seconds:
                *parts, run = train_own(name, seconds, faces)
                keep(name, seconds, {**run, **measure(*parts, held, options.outside)})


if __name__ == "__main__":
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join((*OWN, *PEERS))}; all of them"
    )
    parser.add_argument("--seconds", nargs="+", type=int, default=SECONDS)
    parser.add_argument("--outside", help="a script that prints the distance of two .npy files")
    options = parser.parse_args()
    if unknown := set(options.names) - {*OWN, *PEERS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose of {', '.join((*OWN, *PEERS))}")
    main()
