"""What the faces of a shipped model are worth, on pictures that no model was trained on: `make quality`, ten minutes.

    python benchmarks/quality.py --model celeba --data celeba [--outside distance.py]

Sets: real training pictures, reconstructions and new faces of the plain and of the sharpened decoder, each beside the
validation and test pictures. Distances: Fréchet and kernel distance in the features of the course's own classifier;
and, with `--outside`, of a script that prints the distance of two .npy files (`distance.py REAL.npy FAKE.npy`): a
network that nobody here trained. Edits, where CelebA's attributes are labelled: what the classifier sees after an edit
by the shipped direction, and by a random one of the same length.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vae_keras import data, directions, evaluation, hub, latent  # noqa: E402

EDITS = ("Smiling", "Eyeglasses", "Male", "Blond_Hair", "Young")
FEW = 200  # pictures for what takes long: bits and edits
SEED = 2  # of the new faces


def load_models(name):
    """Return the plain and, where there is one, the sharpened model, by name."""
    models = {"plain": hub.load(name, plain=True)}
    best = hub.load(name)
    if best.sharpened:
        models["sharpened"] = best
    return models


def sets_of_faces(models, faces, held):
    """Return the sets to be measured, by name: uint8 arrays as long as `held`, or shorter where pictures lack."""
    sets = {"real training pictures": faces.train[: len(held)]}
    for name, model in models.items():
        sets[f"{name}, reconstructions"] = model.reconstruct(held)
        sets[f"{name}, new faces"] = model.generate(len(held), seed=SEED)
    return sets


def distances_table(models, faces, held, outside):
    """Return a row per set: distances to the held-out pictures, diversity, density and coverage."""
    classifier, rows = evaluation.load_classifier(), []
    real = classifier.features(held)
    for name, images in sets_of_faces(models, faces, held).items():
        features = classifier.features(images)
        kernel, error = evaluation.kernel_distance(real, features)
        density, coverage = evaluation.density_and_coverage(real, features)
        row = {
            "set": name,
            "outside": report.outside(outside, held, images),
            "Fréchet": evaluation.frechet_distance(real, features),
            "kernel": f"{kernel:.3f} ± {error:.3f}",
            "diversity": evaluation.diversity(features) / evaluation.diversity(real),
            "density": density,
            "coverage": coverage,
        }
        rows.append(row)
    return rows


def reconstruction_table(models, faces):
    """Return a row per model: likeness of reconstructions of test pictures, beside PCA, and bits per dimension."""
    pca, rows = evaluation.fit_pca(faces.train), []
    error = evaluation.pca_error(pca, faces.test)
    for name, model in models.items():
        row = {"decoder": name, **evaluation.similarity(faces.test, model.reconstruct(faces.test))}
        row["of PCA's error"] = row["mse"] / error
        row |= {"ELBO (bits)": None, "64 samples": None, "fitted prior": None}
        if name == "plain":  # no likelihood trained the other
            few, bits = faces.test[:FEW], evaluation.bits_per_dimension
            row["ELBO (bits)"] = bits(model.vae, few)
            row["64 samples"] = bits(model.vae, few, samples=64)
            row["fitted prior"] = bits(model.vae, few, samples=64, prior=model.prior)
        rows.append(row)
    return rows


def edit_table(model, faces):
    """Return two rows per attribute: what the classifier sees in edited test pictures that lack the attribute.

    photographs, reconstructed: how often it sees the attribute in pictures that have it, and in their reconstructions.
    turned: how often after the edit. others_changed: the share of its other decisions that change.
    """
    classifier, rows = evaluation.load_classifier(), []
    truth = faces.labels("test", list(EDITS))
    for name in EDITS:
        lacking = faces.test[(truth[name] == 0).to_numpy()][:FEW]
        having = faces.test[(truth[name] == 1).to_numpy()][:FEW]
        z, before = latent.encode(model.vae, lacking)[0], model.reconstruct(lacking)
        seen = {
            "photographs": classifier.decisions(having)[name].mean(),
            "reconstructed": classifier.decisions(model.reconstruct(having))[name].mean(),
        }
        shipped = model.directions.loc[name].to_numpy()
        steps = {"shipped": shipped, "random direction": directions.random_direction(shipped)}
        for way, step in steps.items():
            after = latent.decode(model.vae, directions.edit(z, step))
            score = classifier.score_edit(before, after, name)
            rows.append({"attribute": f"{name}, {way}", **score, **seen})
    return rows


def main(options):
    """Measure, and write the section."""
    faces = data.load_faces(options.data, 64)
    models = load_models(options.model)
    held = np.concatenate([faces.validation, faces.test])
    outside = f" ({report.says(options.outside)})" if options.outside else ""
    protocol = (
        f"Crop {faces.dataset.crop:.3f} of the width, 64×64; {len(faces.train):,} training pictures; distances to "
        f"{len(held):,} validation and test pictures, from as many faces, the new ones of seed {SEED}, by the "
        f"course's classifier, but for *outside*{outside}; errors on test pictures, bits and edits on {FEW} of them "
        "at most. A sharpened decoder has no bits: no likelihood trained it. What the columns are: "
        "[quality.py](quality.py)."
    )
    tables = [distances_table(models, faces, held, options.outside), reconstruction_table(models, faces)]
    if set(EDITS) <= set(faces.table):
        tables.append(edit_table(list(models.values())[-1], faces))
    report.write(f"The faces of {options.model}", "\n\n".join([protocol, *map(report.table, tables)]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="celeba")
    parser.add_argument("--data", default="celeba")
    parser.add_argument("--outside", help="a script that prints the distance of two .npy files")
    main(parser.parse_args())
