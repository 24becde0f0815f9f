"""What the faces of a shipped model are worth, on pictures that no model was trained on: `make quality`, ten minutes.

    python benchmarks/quality.py --model celeba --data celeba [--outside distance.py]

Sets: real training pictures, reconstructions and new faces of the plain and of the sharpened decoder, each beside the
validation and test pictures. Distances: Fréchet and kernel distance in the features of the course's own judge; and,
with `--outside`, of a script that prints the distance of two .npy files (`distance.py REAL.npy FAKE.npy`): a network
that nobody here trained. Edits, where CelebA's attributes are labelled: what the judge sees after them, for the ways
to find the direction, and a random one.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import report

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from vae_keras import assessment, data, distances, judge, latent, metrics, pretrained  # noqa: E402

EDITS = ("Smiling", "Eyeglasses", "Male", "Blond_Hair", "Young")
FEW = 200  # pictures for what takes long: bits and edits


def sets_of_faces(faces, held):
    """Return the sets to be measured, by name: uint8 arrays as long as `held`, or shorter where pictures lack."""
    sets = {"real training pictures": faces.train[: len(held)]}
    for name, model in models().items():
        sets[f"{name}, reconstructions"] = model.reconstruct(held)
        sets[f"{name}, new faces"] = model.generate(len(held), seed=assessment.SEED)
    return sets


def models():
    """Return the plain and, where there is one, the sharpened model, by name."""
    found = {"plain": pretrained.load(options.model, plain=True), "sharpened": pretrained.load(options.model)}
    return {name: model for name, model in found.items() if model.sharpened == (name == "sharpened")}


def distances_table(faces, held):
    """Return a row per set: distances to the held-out pictures, diversity, density and coverage."""
    network, rows = judge.load(), {}
    real = network.features(held)
    for name, some in sets_of_faces(faces, held).items():
        features = network.features(some)
        kernel, error = distances.kernel_distance(real, features)
        density, coverage = distances.density_and_coverage(real, features)
        rows[name] = {
            "outside": report.outside(options.outside, held, some),
            "Fréchet": distances.frechet(real, features),
            "kernel": f"{kernel:.3f} ± {error:.3f}",
            "diversity": distances.diversity(features) / distances.diversity(real),
            "density": density,
            "coverage": coverage,
        }
    return as_rows("set", rows)


def reconstruction_table(faces):
    """Return a row per model: likeness of reconstructions of test pictures, beside PCA, and bits per dimension."""
    pca, rows = metrics.fit_pca(faces.train), {}
    error = metrics.pca_error(pca, faces.test)
    for name, model in models().items():
        rows[name] = metrics.similarity(faces.test, model.reconstruct(faces.test))
        rows[name]["of PCA's error"] = rows[name]["mse"] / error
        if name == "plain":
            few, prior = faces.test[:FEW], model.prior
            rows[name]["ELBO (bits)"] = metrics.bits_per_dimension(model.vae, few)
            rows[name]["64 samples"] = metrics.bits_per_dimension(model.vae, few, samples=64)
            rows[name]["fitted prior"] = metrics.bits_per_dimension(model.vae, few, samples=64, prior=prior)
    return as_rows("decoder", rows)


def edit_table(faces):
    """Return a row per attribute and way: what the judge sees in edited test pictures that lack the attribute.

    Every way gets the length that `assessment.calibrate` finds on validation pictures, as the shipped directions have
    theirs: for each attribute the best of the two regressions and the means. photographs, reconstructed: how often the
    judge sees the attribute in pictures that have it, and in their reconstructions.
    """
    model, network, rows = pretrained.load(options.model), judge.load(), {}
    codes, _ = latent.encode(model.vae, faces.train)
    every = faces.labels("train", judge.load().attributes)
    test, truth = faces.test, faces.labels("test", list(EDITS))
    found = {
        "regression, five labels": latent.directions(codes, every[list(EDITS)], controls=EDITS),
        "regression, all labels": latent.directions(codes, every, controls=list(every)),
        "difference of means": latent.directions(codes, every[list(EDITS)]),
        "logistic regression": normals(codes, every[list(EDITS)]),
        "means, orthogonalised": orthogonal(latent.directions(codes, every)),
    }
    ways, pca = {"shipped": model.directions}, metrics.fit_pca(faces.train)
    for way, table in found.items():
        ways[way] = assessment.calibrate(model.vae, faces, pca, [table.loc[list(EDITS)]], every)
    for name in EDITS:
        lacking, having = (test[(truth[name] == value).to_numpy()][:FEW] for value in (False, True))
        z, before = latent.encode(model.vae, lacking)[0], model.reconstruct(lacking)
        seen = {"photographs": having, "reconstructed": model.reconstruct(having)}
        seen = {column: network.decisions(images)[name].mean() for column, images in seen.items()}
        steps = {way: table.loc[name].to_numpy() for way, table in ways.items()}
        steps["random direction"] = latent.random_direction(steps["shipped"])
        for way, step in steps.items():
            after = latent.decode(model.vae, latent.edit(z, step))
            rows[name, way] = {**network.score_edit(before, after, name), **seen}
    return as_rows("attribute", {f"{name}, {way}": row for (name, way), row in rows.items()})


def as_rows(index, rows):
    """Return {name: row} as a list of rows with the same keys, the name under `index`."""
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    return [{index: name, **{key: row.get(key) for key in keys}} for name, row in rows.items()]


def normals(codes, labels):
    """Return for each attribute the normal of the plane between its classes, as long as their means are apart."""
    rows = {}
    for name, difference in latent.directions(codes, labels).iterrows():
        scaler, regression = latent.fit_logistic(codes, labels[name])
        normal = regression.coef_[0] / np.linalg.norm(regression.coef_[0])
        rows[name] = normal @ (difference.to_numpy() / scaler.scale_) * normal * scaler.scale_
    return pd.DataFrame(rows).T.astype("float32")


def orthogonal(table):
    """Return each direction of `EDITS` without the parts that lie along the other attributes' directions."""
    rows = {}
    for name in EDITS:
        others = table.drop(index=name).to_numpy("float64")
        mine = table.loc[name].to_numpy("float64")
        rows[name] = mine - np.linalg.lstsq(others.T, mine, rcond=None)[0] @ others
    return pd.DataFrame(rows).T.astype("float32")


def main():
    """Measure, and write the section."""
    faces = data.prepare(options.data, 64)
    held = np.concatenate([faces.validation, faces.test])
    outside = f" ({report.says(options.outside)})" if options.outside else ""
    protocol = (
        f"Crop {faces.source.crop:.3f} of the width, 64×64; {len(faces.train):,} training pictures; distances to "
        f"{len(held):,} validation and test pictures, from as many faces, the new ones of seed {assessment.SEED}, by "
        f"the course's judge, but for *outside*{outside}; errors on test pictures, bits and edits on {FEW} of them at "
        "most. A sharpened decoder has no bits: no likelihood trained it. What the columns are: "
        "[quality.py](quality.py)."
    )
    tables = [distances_table(faces, held), reconstruction_table(faces)]
    if set(EDITS) <= set(faces.table):
        tables.append(edit_table(faces))
    report.write(f"The faces of {options.model}", "\n\n".join([protocol, *map(report.table, tables)]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="celeba")
    parser.add_argument("--data", default="celeba")
    parser.add_argument("--outside", help="a script that prints the distance of two .npy files")
    options = parser.parse_args()
    main()
