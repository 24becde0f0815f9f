"""Photographs: whose faces are found, how well they are reconstructed, and ways to edit them at their own size.

    python benchmarks/photographs.py found     # some ten minutes; writes a section of RESULTS.md
    python benchmarks/photographs.py ways      # some minutes; writes sheets into build/photographs, prints figures

`found` takes 300 test pictures of CelebA, each turned by up to 20 degrees, scaled by 0.8 to 2.5 and shifted on a larger
picture, as ordinary photographs are. `ways` shows, for 20 others and an astronaut: the photograph, the change added as
it is, with the code fitted to the picture, redrawn where it is large, and redrawn with details that follow (what `edit`
does).
"""

import argparse
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import report
import tensorflow as tf
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vae_keras import data, directions, hub, latent  # noqa: E402
from vae_keras.applications import full_size, photo  # noqa: E402
from vae_keras.data import alignment, framing  # noqa: E402

GROUPS = ("Male", "Young", "Pale_Skin", "Eyeglasses")
COUNT = 300
EDITS = {"Smiling": 1.0, "Eyeglasses": 1.0, "Black_Hair": 1.0, "Bangs": 1.0, "Young": -1.0}
FEW = 20  # photographs of the sheets
SHEETS = Path("build/photographs")
STEPS, NEAR = 60, 0.3  # of fitting a code; weight of its distance to the encoder's answer


def place_on_canvas(picture, rng):
    """Return a picture on a larger one, turned, scaled and shifted, and where its nose is there."""
    height, width = picture.shape[:2]
    scale = rng.uniform(0.8, 2.5)
    side = int(1.6 * height * scale) + 60
    move = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-20, 20), scale)
    move[:, 2] += (side - np.array([width, height])) / 2 + rng.uniform(-0.1, 0.1, 2) * side
    canvas = cv2.warpAffine(
        picture, move, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return canvas, move[:, :2] @ (width / 2, 0.55 * height) + move[:, 2]


def find_moved(picture, model, rng):
    """Return the aligned face of a picture that was moved; None where it is not found."""
    canvas, nose = place_on_canvas(picture, rng)
    for face in alignment.find_faces(canvas):  # reflections at the border show faces, too
        if np.linalg.norm(face.points[2] - nose) < 0.5 * face.box[2]:
            return alignment.align_face(canvas, face, model.card["template"], model.vae.image_size).image
    return None


def errors(model, images):
    """Return the squared error of the reconstruction of each picture."""
    rebuilt = latent.reconstruct(model.vae, images).astype("float32")
    return ((rebuilt - images) ** 2).mean(axis=(1, 2, 3)) / 255**2


def found_table(found, ratio_of, labels):
    """Return a row for all and two for each group: how many, the share that is found, the ratio of errors."""
    rows = []
    parts = {"all": np.ones(len(found), bool)}
    for name in GROUPS:
        parts[name] = labels[name].to_numpy() == 1
        parts[f"not {name}"] = labels[name].to_numpy() == 0
    for name, part in parts.items():
        share = float(found[part].mean()) if part.any() else None
        rows.append({"group": name, "pictures": int(part.sum()), "found": share, "error": ratio_of(part)})
    return rows


def measure_found(model, count):
    """Write how many faces are found, and how well they are reconstructed, in all and by group."""
    dataset, names, labels = test_pictures()
    rng = np.random.default_rng(1)
    names = list(rng.choice(names, min(count, len(names)), replace=False))
    size = model.vae.image_size
    official = np.zeros((len(names), size, size, 3), "uint8")
    aligned, found = official.copy(), np.zeros(len(names), bool)
    for row, name in enumerate(tqdm(names, unit="picture", mininterval=20)):
        picture = dataset.photograph(name)
        official[row] = framing.frame(picture, size, model.card["crop"])
        face = find_moved(picture, model, rng)
        if face is not None:
            aligned[row], found[row] = face, True
    before, after = errors(model, official), errors(model, aligned)

    def ratio(part):
        both = part & found
        return float(after[both].mean() / before[both].mean()) if both.any() else None

    rows = found_table(found, ratio, labels.loc[names])
    text = (
        f"{len(names)} test pictures of CelebA, turned by up to 20 degrees, scaled by 0.8 to 2.5 and shifted on a "
        "larger picture. *found*: the share whose face is found. *error*: the squared error of the reconstruction of "
        "the aligned face over that of the official crop. [photographs.py](photographs.py) measures it."
    )
    report.write("Faces found in photographs", f"{text}\n\n{report.table(rows)}")


def test_pictures():
    """Return the data set, the names of its test pictures and their labels."""
    dataset = data.get_dataset("celeba")
    table = dataset.table()
    return dataset, list(table.index[table["split"] == "test"]), table


def fit_codes(vae, z, images):
    """Return codes after some steps towards the pictures, by Adam; they stay near those that they begin with."""
    start, target = tf.constant(z), tf.constant(images / np.float32(255))
    fitted = tf.Variable(z)
    optimizer = keras.optimizers.Adam(0.05)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            error = tf.reduce_sum((vae.decode(fitted) - target) ** 2)
            loss = error + NEAR * tf.reduce_sum((fitted - start) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, fitted), fitted)])

    for _ in range(STEPS):
        step()
    return fitted.numpy()


def squared_error(vae, z, images):
    return float(np.mean((np.asarray(vae.decode(z)) - images / np.float32(255)) ** 2))


def add_change(photograph, face, change):
    """Return a photograph with a change added, and details as they are."""
    flat = alignment.AlignedFace(np.zeros_like(face.image), face.matrix)  # in which no brightness changes
    return full_size.paste_change(photograph, flat, change)


def ways(model, photograph, face, z, fitted, strengths):
    """Return the photograph and each way to edit it, side by side, around the face."""
    shift = sum(strength * model.direction(name) for name, strength in strengths.items())
    codes = np.concatenate([z, directions.edit(z, shift), fitted, directions.edit(fitted, shift)])
    before, after, fitted_before, fitted_after = np.asarray(model.vae.decode(codes))
    redrawn = full_size.change_face(model, face.image, strengths)
    shown = [
        photograph,
        add_change(photograph, face, after - before),
        add_change(photograph, face, fitted_after - fitted_before),
        add_change(photograph, face, redrawn),
        full_size.paste_change(photograph, face, redrawn),
    ]
    left, top, right, bottom = full_size.region(face.matrix, model.vae.image_size, photograph.shape)
    return np.concatenate([framing.resize(part[top:bottom, left:right], 200) for part in shown], axis=1)


def draw_ways(model):
    """Write a sheet for each edit; print what fitting the codes gains in error."""
    from skimage.data import astronaut

    dataset, names, _ = test_pictures()
    photographs = [astronaut(), *(dataset.photograph(name) for name in names[:FEW])]
    faces = [photo.find_in_photo(picture, model, number=1)[0] for picture in photographs]
    images = np.stack([face.image for face in faces])
    z, _ = latent.encode(model.vae, images)
    fitted = fit_codes(model.vae, z, images)
    before, after = (squared_error(model.vae, codes, images) for codes in (z, fitted))
    print(f"squared error {before:.5f}, of fitted codes {after:.5f}: {after / before:.2f} of it")
    SHEETS.mkdir(parents=True, exist_ok=True)
    for name, strength in EDITS.items():
        rows = [
            ways(model, *of_one, z[row : row + 1], fitted[row : row + 1], {name: strength})
            for row, of_one in enumerate(zip(photographs, faces))
        ]
        data.save_images(np.concatenate(rows)[None], SHEETS / f"{name}.png", force=True)
    print(f"wrote {SHEETS}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("found", "ways"))
    parser.add_argument("--pictures", type=int, default=COUNT, help="of `found`")
    options = parser.parse_args()
    celeba = hub.load("celeba")
    if options.what == "found":
        measure_found(celeba, options.pictures)
    else:
        draw_ways(celeba)
