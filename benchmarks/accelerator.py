"""The same training on an accelerator: pictures per second, and the seconds of three trainings.

    python benchmarks/accelerator.py prepare FOLDER
    KERAS_BACKEND=jax python benchmarks/accelerator.py train FOLDER [--minutes M]
    python benchmarks/accelerator.py measure FOLDER [--outside distance.py]

The first command writes the pictures, which together with this repository are copied to where the accelerator is. The
second runs there what `train` runs. On JAX it needs no TensorFlow, and PyTorch only to compare. The third, with what
that wrote in the folder again, measures the faces, keeps the figures in accelerator.json and writes a section of
RESULTS.md.
"""

import argparse
import importlib.metadata
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import report
import step

KEPT = Path(__file__).resolve().with_suffix(".json")
SEED = 2  # of the codes of new faces
BATCH, EPOCHS_TIMED = 64, 5  # of the epochs timed, the first one compiles and does not count
# (plain, sharpening): the first two are what two cores have time for in 1,800 seconds (CONCLUSIONS.md).
EPOCHS = {"plain": (23, 0), "sharpened": (9, 4), "longest": (50, 100)}
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def prepare(folder):
    """Write the pictures to train on."""
    from vae_keras import data

    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "train.npy", data.load_faces("celeba", 64).train)


def train_model(folder, name, pictures):
    """Train one of the models of `EPOCHS` and write its weights; return the seconds that it took."""
    from vae_keras import config, data, sharpening, training

    begun, (plain_epochs, sharp_epochs) = time.perf_counter(), EPOCHS[name]
    vae = training.build_vae(config.settings(profile="full", dataset="celeba"))
    seconds = list(training.fit(vae, pictures, epochs=plain_epochs, augment=data.augment)["seconds"])
    if sharp_epochs:
        vae, history = sharpening.sharpen(vae, pictures, epochs=sharp_epochs, augment=data.augment)
        seconds += list(history["seconds"])
    vae.save_weights(folder / f"{name}.weights.h5")
    usual = statistics.median(seconds[1:])
    compiling = seconds[0] - usual
    whole = time.perf_counter() - begun
    return dict(
        epochs=f"{plain_epochs} + {sharp_epochs}", compiling=compiling, training=sum(seconds), whole=whole
    )


def speed(batch, optimizer, pictures):
    """Return the pictures per second of an epoch."""
    from vae_keras import config, data, training

    vae = training.build_vae(config.settings(profile="full", dataset="celeba"))
    history = training.fit(
        vae, pictures, epochs=EPOCHS_TIMED, batch_size=batch, optimizer=optimizer, augment=data.augment
    )
    rates = [len(pictures) // batch * batch / seconds for seconds in history["seconds"][1:]]
    found = dict(rate=statistics.median(rates), least=min(rates), most=max(rates))
    return dict(way=f"course, {optimizer.title()}", size=pictures.shape[1], batch=batch, **found)


def torch_speed(size, batch):
    """Return the same of the network in PyTorch (peers/torch_step.py), on one batch; None if that fails."""
    command = [sys.executable, Path(__file__).parent / "peers" / "torch_step.py", size, "bfloat16", batch]
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return None
    rates = [float(line) for line in done.stdout.splitlines()[-3:]]
    found = dict(rate=statistics.median(rates), least=min(rates), most=max(rates))
    return dict(way="PyTorch, Adam", size=size, batch=batch, **found)


def peak():
    """Return the operations per second (a multiplication or an addition each) of a large product of matrices."""
    import jax

    a, product, rates = (
        jax.random.normal(jax.random.key(0), (8192, 8192), "bfloat16"),
        jax.jit(lambda a: a @ a),
        [],
    )
    for _ in range(6):
        begun = time.perf_counter()
        product(a).block_until_ready()
        rates.append(2 * 8192**3 / (time.perf_counter() - begun))
    return statistics.median(rates[1:])


def train(folder, minutes):
    """Measure and train; keep what was found after every part, so that what stops early has something to show."""
    import jax
    import keras

    if keras.backend.backend() != "jax":
        sys.exit("Keras is not set to JAX, which is measured here: set KERAS_BACKEND=jax.")
    begun, pictures = time.perf_counter(), np.load(folder / "train.npy")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("jax", "keras"))
    found = {"date": time.strftime("%Y-%m-%d"), "device": jax.devices()[0].device_kind, "versions": versions}
    found |= {"peak": peak(), "speeds": [], "runs": {}}
    parts = [(train_model, folder, name, pictures) for name in EPOCHS]
    for batch in (BATCH, 16 * BATCH):
        parts += [(speed, batch, optimizer, pictures) for optimizer in ("adam", "muon")]
        parts += [(torch_speed, 64, batch)]
    for function, *arguments in parts:
        if time.perf_counter() - begun > 60 * minutes:
            break
        row = function(*arguments)
        print(f"{time.perf_counter() - begun:.0f} s", row, flush=True)
        if function is train_model:
            found["runs"][arguments[1]] = row
        elif row:
            found["speeds"].append(row)
        (folder / KEPT.name).write_text(json.dumps(found, indent=1) + "\n")


def section(found):
    """Return the text of the section: what was found there, and the figures of the models that were trained."""
    peer = {(row["size"], row["batch"]): row["rate"] for row in found["speeds"] if "PyTorch" in row["way"]}
    rows = [
        {
            "way": row["way"],
            "pictures": f"{row['size']}×{row['size']}",
            "batch": row["batch"],
            "pictures per second": row["rate"],
            "range": f"{row['least']:,.0f}–{row['most']:,.0f}",
            "PyTorch is 1": row["rate"] / peer.get((row["size"], row["batch"]), math.nan),
            "share of the peak": f"{step.operations(row['size']) * row['rate'] / found['peak']:.2%}",
        }
        for row in found["speeds"]
    ]
    parts = [
        f"That machine measured the faces. Trained and timed by an {found['device']}, {found['date']}, with "
        f"{found['versions']}, bfloat16: [accelerator.py](accelerator.py). A large product of matrices reaches "
        f"{found['peak'] / 1e12:.0f} T operations a second there. The course's pictures lie in its memory as uint8; "
        "PyTorch's are one batch that does not change.",
        report.table(rows),
        "By Muon: seconds of compiling the first training, of all epochs, and of everything. One process trains all: "
        "what was compiled for one model helps the next. Distances to CelebA's validation and test pictures.",
        report.table([{"model": name} | run for name, run in found["runs"].items()]),
    ]
    return "\n\n".join(parts)


def load_trained(name, folder):
    """Return a VAE with the weights that `train` wrote under that name."""
    from vae_keras.model import VAE

    vae = VAE(details=None if name == "plain" else 16)
    vae.load_weights(folder / f"{name}.weights.h5")
    return vae


def figures(vae, train, held, outside):
    """Return error and distances of a model: of reconstructions, and of new faces from N(0, I) and from a mixture."""
    from vae_keras import evaluation, latent, priors

    z_mean, z_log_variance = latent.encode(vae, train)
    noise = np.random.default_rng(0).standard_normal(z_mean.shape)
    prior = priors.fit_prior(z_mean + np.exp(0.5 * z_log_variance) * noise)
    normal = np.random.default_rng(SEED).standard_normal((len(held), z_mean.shape[1]))
    sets = {
        "reconstructions": latent.reconstruct(vae, held),
        "N(0, I)": latent.decode(vae, normal),
        "mixture": latent.decode(vae, prior.sample(len(held), seed=SEED)),
    }
    found = {"squared error": evaluation.squared_error(held, sets["reconstructions"])}
    classifier = evaluation.load_classifier()
    for name, images in sets.items():
        found[f"{name}, classifier"] = classifier.distance(held, images)
        found[f"{name}, outside"] = report.outside(outside, held, images)
    return found


def measure(folder, outside):
    """Measure the faces of what was trained; keep the figures beside this script, and write the section."""
    from vae_keras import data

    faces, found = data.load_faces("celeba", 64), json.loads((folder / KEPT.name).read_text())
    held = np.concatenate([faces.validation, faces.test])
    for name, run in found["runs"].items():
        run |= figures(load_trained(name, folder), faces.train, held, outside)
    KEPT.write_text(json.dumps(found, indent=1) + "\n")
    report.write("On an accelerator", section(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("prepare", "train", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60, help="after which `train` begins nothing new")
    parser.add_argument("--outside", help="a script that prints the distance of two .npy files")
    options = parser.parse_args()
    if options.what == "prepare":
        prepare(options.folder)
    elif options.what == "train":
        train(options.folder, options.minutes)
    else:
        measure(options.folder, options.outside)
