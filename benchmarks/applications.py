"""What the applications of lessons 08 and 09 are worth on CelebA's test pictures: writes APPLICATIONS.md, ten minutes.

    python benchmarks/applications.py [--parts denoise anomaly compress transfer synthetic]

Everything runs with the plain CelebA model that ships. A part that is left out keeps what the page says of it. A part
that is measured again keeps what stands below the line "by hand".
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import report
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vae_keras import data, directions, evaluation, hub, latent  # noqa: E402
from vae_keras.applications import anomalies, compression, denoising, synthetic, transfer  # noqa: E402

PAGE = Path(__file__).resolve().parent / "APPLICATIONS.md"
HEAD = (
    "# What the applications reach\n\nOn CelebA's test pictures, with the plain model that ships. Each section "
    "names its command. What fell short of its bar, and what was tried, stands at the end of a section.\n"
)
STEPS = (0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
OPTIONS = compression.FORMATS | {"AVIF": {"speed": 4}}  # slower than the lesson's, and smaller by a fifth
QUALITIES = {"JPEG": (1, 3, 5, 8, 10, 15), "WEBP": (0, 2, 5), "AVIF": (0, 5, 10, 15)}


def denoise(model, faces, options):
    """Return the page's section on noise."""
    few, pictures = faces.test[: options.pictures], faces.train[: options.training]
    networks = {"VAE as it is": model.vae}
    for name, variational in {"denoising VAE": True, "denoising autoencoder": False}.items():
        networks[name] = denoising.train_denoiser(model.vae, pictures, options.epochs, variational)
    likeness = {"noisy": {}, "non-local means": {}, **{name: {} for name in networks}}
    for strength in denoising.STRENGTHS:
        noisy = denoising.add_noise(few, strength)
        cleaned = {"noisy": noisy, "non-local means": denoising.non_local_means(noisy, strength)}
        cleaned |= {name: latent.reconstruct(network, noisy) for name, network in networks.items()}
        for name, images in cleaned.items():
            likeness[name][strength] = evaluation.similarity(few, images)
    rows = []
    for name, by_strength in likeness.items():
        row = {"method": name}
        row |= {f"PSNR at {strength}": round(found["psnr"], 2) for strength, found in by_strength.items()}
        row |= {f"SSIM at {strength}": round(found["ssim"], 3) for strength, found in by_strength.items()}
        rows.append(row)
    return (
        f"Likeness of {len(few)} denoised test pictures to the clean ones, by the strength of the noise. The two that "
        f"learn begin with the model's weights and see {len(pictures):,} pictures in {options.epochs} epochs; the "
        "autoencoder is the same network without draw and KL (Vincent et al. 2008). Non-local means is OpenCV's, and "
        f"is told the strength.\n\n{report.table(rows)}"
    )


def anomaly(model, faces, options):
    """Return the page's section on strangers."""
    few = faces.test[: options.pictures]
    usual = anomalies.scores(model.vae, model.prior, faces.train[:1_000])
    ordinary = with_strangeness(model, few, usual)
    areas = {}
    for name, images in anomalies.strangers(few).items():
        strange = with_strangeness(model, images, usual)
        truth = np.repeat([0, 1], [len(ordinary), len(strange)])
        both = pd.concat([ordinary, strange])
        areas[name] = {score: round(roc_auc_score(truth, both[score]), 3) for score in both}
    rows = [{"score": score, **row} for score, row in pd.DataFrame(areas).to_dict("index").items()]
    return (
        f"AUC against {len(few)} test faces, of as many strangers of each kind.\n\n{report.table(rows)}\n\n"
        "Bars: 0.99 for drawn faces and for no faces, 0.85 for an eighth covered."
    )


def with_strangeness(model, images, usual):
    """Return the scores of pictures, strangeness among them."""
    table = anomalies.scores(model.vae, model.prior, images)
    return table.assign(strangeness=anomalies.strangeness(table, usual))


def compress(model, faces, options):
    """Return the page's section on bytes."""
    few = faces.test[: options.pictures]
    sample = few[: options.written]
    z, _ = latent.encode(model.vae, few)
    curves = {form: measure(sample, form) for form in QUALITIES}
    head = compression.HEADER.size + 4
    rows = []
    for step in STEPS:
        symbols = compression.quantize(z, step)
        size = len(compression.encode(model.prior, symbols, step)) / len(z)
        images = latent.decode(model.vae, symbols * np.float32(step))
        ssim = evaluation.similarity(sample, images[: len(sample)])["ssim"]
        row = {"step": step, "SSIM": round(ssim, 3), "VAE": round(size, 1)}
        row |= {form: needed(curve, ssim, "bare") for form, curve in curves.items()}
        row["VAE, whole file"] = round(size + head, 1)
        row |= {f"{form}, whole file": needed(curve, ssim, "whole") for form, curve in curves.items()}
        rows.append(row)
    least = ", ".join(f"{form} {curve['ssim'].iloc[0]:.3f}" for form, curve in curves.items())
    return (
        f"Bytes a face at equal SSIM, at 64×64 pixels: of {len(few)} test pictures for the VAE, of {len(sample)} for "
        "the others, between measured qualities by a straight line. Without headers, and as whole files of one face, "
        f"AVIF at speed {OPTIONS['AVIF']['speed']}. The VAE's header of {head} bytes stands once for all faces of a "
        "file. "
        f"`<`: the smallest file of the format is better already, with an SSIM of {least}.\n\n{report.table(rows)}"
    )


def measure(images, form):
    """Return a table of SSIM and bytes of a format over its qualities."""
    rows = []
    for quality in QUALITIES[form]:
        read, whole, bare = compression.ordinary(images, form, quality, OPTIONS[form])
        rows.append({"ssim": evaluation.similarity(images, read)["ssim"], "whole": whole, "bare": bare})
    return pd.DataFrame(rows)


def needed(curve, ssim, column):
    """Return the bytes that a format needs for an SSIM, in words."""
    if ssim < curve["ssim"].iloc[0]:
        return f"< {curve[column].iloc[0]:.0f}"
    return f"{np.interp(ssim, curve['ssim'], curve[column]):.0f}"


STRENGTHS = (1.0, 1.5)
RATIO = 0.8  # of what is seen in faces that have the attribute, wanted after a transfer
GIVEN = (
    "Smiling",
    "Eyeglasses",
    "Blond_Hair",
    "Bangs",
    "Black_Hair",
    "Goatee",
    "Wearing_Hat",
    "Male",
    "Young",
)
SIZES = (50, 500)
SEEDS = 3


def transferred(model, faces, options):
    """Return the page's section on attributes that one face gives to another."""
    model, classifier = (
        hub.load("celeba"),
        evaluation.load_classifier(),
    )  # sharpened, as the command's default
    z_test, _ = latent.encode(model.vae, faces.test)
    truth = faces.labels("test", list(GIVEN))
    rng = np.random.default_rng(0)
    rows = []
    for name in GIVEN:
        has = truth[name].to_numpy()
        giver, receiver = (z_test[rng.choice(np.flatnonzero(group), options.given)] for group in (has, ~has))
        codes = {"givers": giver, "receivers": receiver}
        for strength in STRENGTHS:
            codes[strength] = transfer.transfer(model, receiver, giver, [name], strength)
        seen = {}
        for key, z in codes.items():
            seen[key] = classifier.decisions(latent.decode(model.vae, z))[name].mean()
        row = {"attribute": name, "givers": seen["givers"], "receivers": seen["receivers"]}
        for strength in STRENGTHS:
            row[f"strength {strength}"] = seen[strength]
            row[f"ratio at {strength}"] = round(seen[strength] / seen["givers"], 2)
        rows.append(
            {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
        )
    missed = [row["attribute"] for row in rows if row[f"ratio at {STRENGTHS[0]}"] < RATIO]
    return (
        f"How often the attribute classifier sees an attribute: in reconstructions of {options.given} givers that are "
        "labelled with it, in those of as many receivers that are labelled without it, and in the receivers after the "
        f"transfer, each from a giver of its own.\n\n{report.table(rows)}\n\nBar: a ratio of {RATIO}. "
        f"Missed at strength {STRENGTHS[0]}: {', '.join(missed) or 'none'}."
    )


def synthetic_data(model, faces, options):
    """Return the page's section on generated pictures as training data."""
    images = faces.train[: options.coded]
    z, _ = latent.encode(model.vae, images)
    z_test, _ = latent.encode(model.vae, faces.test)
    small = synthetic.shrink(faces.test)
    rows = []
    for name in options.labels:
        labels = faces.labels("train", [name])[name].to_numpy()[: len(images)]
        truth = faces.labels("test", [name])[name].to_numpy()
        for size in SIZES:
            found = []
            for seed in range(SEEDS):
                chosen = np.random.default_rng(seed).permutation(len(images))[:size]
                given = z[chosen], labels[chosen]
                row = synthetic.compare(
                    model.vae, images[chosen], *given, (small, truth), options.steps, seed
                )
                decided = directions.fit_logistic(*given).predict(z_test)
                found.append({**row, "regression on codes": balanced_accuracy_score(truth, decided)})
            table = 100 * pd.DataFrame(found)
            gain = table["real + generated"] - table["real"]
            means = {column: round(table[column].mean(), 1) for column in table}
            spread = f"{gain.mean():+.1f} ({', '.join(f'{value:+.1f}' for value in gain)})"
            rows.append({"label": name, "labelled pictures": size, **means, "gain, and of each seed": spread})
    return (
        f"Balanced accuracy, in per cent, of a small network on {len(truth):,} test pictures, after {options.steps} "
        f"steps with and without {synthetic.EACH_STEP * options.steps} generated pictures of each class in half of the "
        f"places; the mean of {SEEDS} seeds, which also choose the labelled pictures. "
        "The priors are fitted to the same pictures.\n\n"
        f"{report.table(rows)}"
    )


SECTIONS = {
    "denoise": ("Noise", denoise),
    "anomaly": ("Pictures that do not belong", anomaly),
    "compress": ("Bytes", compress),
    "transfer": ("From face to face", transferred),
    "synthetic": ("Generated pictures as data", synthetic_data),
}


def main():
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(description=report.says(__file__))
    parser.add_argument("--pictures", type=int, default=200, help="test pictures (default: 200)")
    parser.add_argument(
        "--written", type=int, default=60, help="of them that other formats write (default: 60)"
    )
    parser.add_argument("--training", type=int, default=3_000, help="pictures to learn from (default: 3,000)")
    parser.add_argument("--epochs", type=int, default=5, help="of the denoising networks (default: 5)")
    parser.add_argument("--given", type=int, default=100, help="transfers of an attribute (default: 100)")
    parser.add_argument("--coded", type=int, default=6_000, help="pictures to choose from (default: 6,000)")
    parser.add_argument("--steps", type=int, default=300, help="of the small network (default: 300)")
    parser.add_argument("--labels", nargs="+", default=["Male", "Smiling"], help="that it learns")
    parser.add_argument("--parts", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    options = parser.parse_args()
    model = hub.load("celeba", plain=True)
    faces = data.load_faces("celeba", model.vae.image_size)
    for part in options.parts:
        title, section = SECTIONS[part]
        command = f"`python benchmarks/applications.py --parts {part}`"
        report.write(title, f"{command}\n\n{section(model, faces, options)}", PAGE, HEAD)


if __name__ == "__main__":
    main()
