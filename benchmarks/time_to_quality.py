"""How good faces are after 200, 600 and 1,800 seconds of training, beside four VAEs from elsewhere: `make race`.

    python benchmarks/time_to_quality.py [NAME…] [--seconds 200 600 1800] [--speeds] [--outside distance.py]

NAME: `plain` and `sharpened`, this project's defaults (flips and light varied, as lesson 03 does), or a network of
peers/vaes.py, which tells what it is. First the speed of each is measured on the processor of a machine, in turns: the
seconds until the first step, compiling included, and the pictures a second from then on (--speeds: anew). From these
follows how many pictures each may see in how many seconds; whole epochs, where rates fall along a cosine, but
sharpening may see a part of the pictures only. The training itself may then be spread over hours and machines: it does
not depend on the clock, and computes, wherever it runs, in the number format in which its speed was measured. All train
once, on the same CelebA pictures. Speeds, each with its machine and format, and every finished run are kept in
time_to_quality.json; the table is a section of RESULTS.md.

Measured: squared error of the reconstructions of the validation and test pictures, and the Fréchet distance of those
pictures to the reconstructions and to as many new faces, drawn from N(0, I) and from our mixture fitted to the model's
codes (settled, if sharpened); by the course's own judge and, with --outside, by a script that prints the distance of
two .npy files.
"""

import argparse
import json
import math
import os
import statistics
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
TURNS = 3  # in which the speeds are measured
# Pictures of each training there.
FEW = dict(plain=6400, sharpened=3200, keras=6400, book=6400, dcgan=6400, wae=1600)
SEED = 2  # of the codes that are measured


def speed(seconds, pictures):
    """Return (seconds before the first step, pictures a second) from the clock at two counts of pictures."""
    rate = (pictures[1] - pictures[0]) / (seconds[1] - seconds[0])
    return seconds[0] - pictures[0] / rate, rate


def build(precision):
    """Return this project's default for CelebA, untrained; precision: as `step.precision` gives it."""
    from vae_keras import config, training

    policy = precision if precision == "float32" else f"mixed_{precision}"
    return training.build_vae(config.get_config(profile="full", dataset="celeba", precision=policy))


def time_own(folder):
    """Print the speeds of this project's plain training and of sharpening alone, on pictures of folder/train.npy."""
    from vae_keras import sharpen, training

    images, vae = np.load(folder / "train.npy"), build(step.precision())
    ways = {
        "plain": lambda some: training.fit(vae, some, epochs=3),
        "sharpened": lambda some: sharpen.sharpen(vae, some, epochs=3)[1],
    }
    print(json.dumps({name: clocked(train, images[: FEW[name]]) for name, train in ways.items()}))


def clocked(train, images):
    """Return the speed of a training of three epochs: Keras traces and compiles before the first and in it."""
    began = time.perf_counter()
    seconds = train(images)["seconds"].tolist()
    end = time.perf_counter() - began
    return speed((end - seconds[1] - seconds[2], end), (len(images), 3 * len(images)))


def time_peer(name, folder):
    """Return the speed of a peer."""
    reached = list(call_peer("train", name, folder, step.precision(), FEW[name] // 5, FEW[name]))
    return speed(*([line[what] for line in reached] for what in ("seconds", "pictures")))


def measure_speeds(names, folder):
    """Return every name's median speed, machine and number format; our two go together."""
    found = {}
    for _ in range(TURNS):
        (own,) = lines(sys.executable, __file__, "--time", folder) if {*OWN} & {*names} else [{}]
        speeds = own | {name: time_peer(name, folder) for name in PEERS if name in names}
        for name, pair in speeds.items():
            found.setdefault(name, []).append(pair)
    return {
        name: [*map(statistics.median, zip(*each)), report.machine(), step.precision()]
        for name, each in found.items()
    }


def keep_speeds(names, folder, anew):
    """Measure and keep the speeds of the names that have none, or of all of them; drop what other speeds trained."""
    known = kept()
    if missing := [name for name in names if anew or name not in known["speeds"]]:
        known["speeds"] |= (found := measure_speeds(missing, folder))
        known.pop("note", None)  # on the speeds until now
        known["runs"] = {key: run for key, run in known["runs"].items() if key.split()[0] not in found}
        keep(known)


def plan(name, seconds, speeds, count):
    """Return what fits into the seconds: a peer's pictures, or the epochs of plain training and of sharpening.

    speeds: of `measure_speeds`. count: of the pictures to train on.
    """

    def pictures(kind, budget):
        start, rate = speeds[kind][:2]
        return int(max(0, (budget - start) * rate))

    if name in PEERS:
        return pictures(name, seconds)
    share = 1 if name == "plain" else PLAIN_SHARE
    plain = max(1, pictures("plain", share * seconds) // count)
    if name == "plain":
        return plain, 0
    over = max(0, plain * count - pictures("plain", share * seconds)) / speeds["plain"][1]  # of one epoch
    sharp = max(0.01, pictures("sharpened", (1 - share) * seconds - over) / count)
    return plain, int(sharp) or round(sharp, 2)


def train_own(folder, precision, plain_epochs, sharp_epochs):
    """Train this project's default on folder/train.npy, write its weights, and print what it saw."""
    from vae_keras import sharpen, training

    images, vae = np.load(folder / "train.npy"), build(precision)
    training.fit(vae, images, epochs=plain_epochs)
    if sharp_epochs:
        some = images[: int(min(1, sharp_epochs) * len(images))]
        vae, _ = sharpen.sharpen(vae, some, epochs=math.ceil(sharp_epochs))
    vae.encoder.save_weights(folder / "encoder.weights.h5")
    vae.decoder.save_weights(folder / "decoder.weights.h5")
    pictures = int(len(images) * (plain_epochs + sharp_epochs))
    print(json.dumps({"pictures": pictures, "epochs": f"{plain_epochs} + {sharp_epochs:g}"}))


def trained_own(name, folder):
    """Return (reconstruct, decode, codes' means and log-variances, settle) of the model that `train_own` wrote."""
    from vae_keras import latent, sharpen

    vae = build("float32")  # as the others are measured
    vae = vae if name == "plain" else sharpen.with_details(vae)
    vae.encoder.load_weights(folder / "encoder.weights.h5")
    vae.decoder.load_weights(folder / "decoder.weights.h5")
    codes = latent.encode(vae, np.load(folder / "train.npy"))
    passes = int(name == "sharpened")  # as `generate` does
    return (
        lambda images: latent.reconstruct(vae, images),
        lambda z: latent.decode(vae, z),
        codes,
        lambda z: latent.settle(vae, z, passes),
    )


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


def trained_peer(name, count, folder):
    """As `trained_own`, of a peer that `call_peer("train", …)` has trained on a count of pictures."""
    list(call_peer("encode", name, folder, count))
    codes = np.load(folder / f"{name}-{count}.npz")

    def decode(z):
        np.save(folder / "z.npy", np.float32(z))
        list(call_peer("decode", name, folder, count, folder / "z.npy", folder / "faces.npy"))
        return np.load(folder / "faces.npy")

    return lambda images: decode(codes["held"]), decode, (codes["mean"], codes["log_variance"])


def measure(outside, held, reconstruct, decode, codes, settle=lambda z: z):
    """Return the figures of a trained model; `settle`: what becomes of codes of the mixture before they are decoded.

    outside: the script that prints a distance, or None.
    """
    from vae_keras import judge, metrics

    normal = np.random.default_rng(SEED).standard_normal((len(held), codes[0].shape[1]))
    sets = {
        "reconstructions": reconstruct(held),
        "N(0, I)": decode(normal),
        "mixture": decode(settle(fit_prior(*codes).sample(len(held), seed=SEED))),
    }
    figures, network = {"squared error": metrics.squared_error(held, sets["reconstructions"])}, judge.load()
    for name, faces in sets.items():
        figures[f"{name}, judge"] = network.distance(held, faces)
        figures[f"{name}, outside"] = report.outside(outside, held, faces)
    return figures


def kept():
    """Return the speeds and the runs that are kept."""
    return json.loads(KEPT.read_text()) if KEPT.exists() else {"speeds": {}, "runs": {}}


def keep(known):
    """Write the speeds and the runs, and the section anew."""
    order = sorted(known["runs"], key=lambda key: (int(key.split()[1]), key))
    known["runs"] = {key: known["runs"][key] for key in order}
    temporary = KEPT.with_suffix(".part")
    temporary.write_text(json.dumps(known, indent=1, default=float) + "\n")
    os.replace(temporary, KEPT)
    rows = []
    paces = [
        {
            "model": name,
            "first step (s)": start,
            "pictures per second": rate,
            "format": precision,
            "machine": machine,
        }
        for name, (start, rate, machine, precision) in known["speeds"].items()
    ]
    for key, run in known["runs"].items():
        model, seconds = key.split()
        rows.append({"model": model, "seconds": int(seconds), "epochs": None} | run)
        del rows[-1]["machine"]
    text = (
        "What is measured, and how, stands in [time_to_quality.py](time_to_quality.py), the networks from elsewhere in "
        "[peers/vaes.py](peers/vaes.py); the machine of every run in time_to_quality.json. How far real "
        "training pictures are from the same held-out ones: first row of *The faces of celeba*. Speeds, medians of "
        f"{TURNS} turns, from which the pictures follow:"
    )
    parts = [text, report.table(paces), known.get("note"), rows and report.table(rows)]
    report.write("Time to quality", "\n\n".join(filter(None, parts)))


def race(name, speeds, faces, folder, held):
    """Train and measure one model for every time that was asked for; yield its runs as they are finished."""
    plans = {seconds: plan(name, seconds, speeds, len(faces.train)) for seconds in options.seconds}
    precision = speeds[name][-1]
    if name in PEERS:
        trained = call_peer("train", name, folder, precision, *plans.values())
        for line, (seconds, count) in zip(trained, plans.items()):
            figures = measure(options.outside, held, *trained_peer(name, count, folder))
            yield seconds, {"pictures": line["pictures"]} | figures
        return
    for seconds, epochs in plans.items():
        (run,) = lines(sys.executable, __file__, "--train", folder, precision, *epochs)
        yield seconds, run | measure(options.outside, held, *trained_own(name, folder))


def main():
    """Train and measure what was asked for; a model that fails does not stop the others."""
    from vae_keras import data

    if not step.TORCH.exists():
        return "error: the networks from elsewhere need .venv-bench, which `make race` makes."
    faces, failed = data.prepare("celeba", 64), []
    held = np.concatenate([faces.validation, faces.test])
    # A script that does not work says so now, not after hours.
    report.outside(options.outside, held[:64], held[64:128])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for part, images in (("train", faces.train), ("held", held)):
            np.save(folder / f"{part}.npy", images)
        names = options.names or [*OWN, *PEERS]
        keep_speeds(names, folder, options.speeds)
        for name in names:
            try:
                for seconds, run in race(name, kept()["speeds"], faces, folder, held):
                    known = kept()
                    known["runs"][f"{name} {seconds}"] = {"machine": report.machine(), **run}
                    keep(known)
            except Exception as error:  # of another library or process: hours of others wait behind it
                failed.append(f"{name}: {error}")
                print(failed[-1], file=sys.stderr)
    return "error: " + "; ".join(failed) if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join((*OWN, *PEERS))}; all of them"
    )
    parser.add_argument("--seconds", nargs="+", type=int, default=SECONDS)
    parser.add_argument(
        "--speeds",
        action="store_true",
        help="measure the names' speeds anew (ours together); drops their runs",
    )
    parser.add_argument("--outside", help="a script that prints the distance of two .npy files")
    parser.add_argument("--time", help=argparse.SUPPRESS, metavar="FOLDER")
    parser.add_argument("--train", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.seconds = sorted(set(options.seconds))
    if unknown := set(options.names) - {*OWN, *PEERS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose of {', '.join((*OWN, *PEERS))}")
    if options.time:
        sys.exit(time_own(Path(options.time)))
    if options.train:
        folder, precision, plain_epochs, sharp_epochs = options.train
        sys.exit(train_own(Path(folder), precision, int(plain_epochs), float(sharp_epochs)))
    sys.exit(main())
