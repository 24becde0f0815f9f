"""Makes the pictures of the page of the commands, docs/commands/*.jpg, as the commands make them.

They show faces that models draw, faces that this project draws, and an astronaut, whose portrait by NASA is in the
public domain: no picture of a data set.
"""

import sys
from pathlib import Path

import numpy as np
from commands import FIGURES

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the module may not be installed

from vae_keras import data, hub, latent, plots  # noqa: E402
from vae_keras.applications import anomalies, compression, denoising, search, transfer  # noqa: E402
from vae_keras.applications.full_size import edit_photograph, region  # noqa: E402
from vae_keras.applications.morph import morph_codes  # noqa: E402
from vae_keras.applications.photo import own_photograph  # noqa: E402

STEPS = (0.3, 0.7, 1.5)
GIVEN = ("Eyeglasses", "Smiling", "Goatee", "Wearing_Hat")


def generate(celeba, drawn, faces):
    """Eight new faces."""
    return plots.grid(celeba.generate(8, seed=0), columns=8)


def reconstruct(celeba, drawn, faces):
    """A photograph and its reconstruction."""
    _, face = own_photograph(None, celeba)
    images = [face.image, celeba.reconstruct(face.image[None])[0]]
    return plots.grid(images, captions=["photograph", "reconstruction"], size=256)


def edit(celeba, drawn, faces):
    """A photograph with less and more of a smile, at its own size."""
    photograph, face = own_photograph(None, celeba)
    left, top, right, bottom = region(face.matrix, len(face.image), photograph.shape)
    edits = {"Smiling=-1": -1, "Smiling=1": 1}
    images = [
        photograph,
        *(edit_photograph(celeba, photograph, face, {"Smiling": s}) for s in edits.values()),
    ]
    heads = [image[top:bottom, left:right] for image in images]
    return plots.grid(heads, captions=["photograph", *edits], size=320)


def interpolate(celeba, drawn, faces):
    """A walk between two new faces."""
    start, end = celeba.sample(2, seed=5)
    return plots.grid(latent.decode(celeba.vae, latent.interpolate(start, end, 8)), columns=8)


def morph(celeba, drawn, faces):
    """Eight frames from a photograph to a new face."""
    _, face = own_photograph(None, celeba)
    z, _ = latent.encode(celeba.vae, face.image[None])
    codes = morph_codes(np.concatenate([z, celeba.sample(1, seed=5)]), 7)
    return plots.grid(latent.decode(celeba.vae, codes), columns=8)


def transfer_attributes(celeba, drawn, faces):
    """Drawn faces that get glasses, a smile and a beard from others."""
    truth = faces.labels("test", list(GIVEN))
    rows = {"--images": [], "--from": [], "--out": []}
    for place, attribute in enumerate(GIVEN):
        has = truth[attribute].to_numpy(bool)
        receiver, giver = faces.test[~has][place : place + 1], faces.test[has][:1]
        (z, _), (given, _) = latent.encode(drawn.vae, receiver), latent.encode(drawn.vae, giver)
        moved = latent.decode(drawn.vae, transfer.transfer(drawn, z, given, [attribute]))
        for row, image in zip(rows.values(), (receiver, giver, moved)):
            row.append(image[0])
    return plots.rows(rows, heads=[f"--attribute {name}" for name in GIVEN], size=192)


def denoise(celeba, drawn, faces):
    """Noisy, denoised and clean drawn faces."""
    clean = faces.test[:8]
    noisy = denoising.add_noise(clean, 0.2)
    rows = {"--images": noisy, "--out": latent.reconstruct(drawn.vae, noisy), "as they were drawn": clean}
    return plots.rows(rows)


def anomaly(celeba, drawn, faces):
    """The strangest of drawn faces, covered ones and other pictures."""
    few = faces.test[:40]
    images = np.concatenate([few, anomalies.cover(few[:4]), anomalies.non_faces(4)])
    scored, usual = (anomalies.scores(drawn.vae, drawn.prior, some) for some in (images, few))
    strange = anomalies.strangeness(scored, usual).to_numpy()
    first = np.argsort(-strange)[:8]
    return plots.grid(images[first], columns=8, captions=strange[first].round(1))


def compress(celeba, drawn, faces):
    """Drawn faces from files of fewer and fewer bytes."""
    few = faces.test[:8]
    rows = {"--images": few}
    for step in STEPS:
        content = compression.compress(drawn, few, step)
        rows[f"--step {step}: {len(content) / len(few):.0f} bytes a face"] = compression.decompress(
            drawn, content
        )
    return plots.rows(rows)


def decompress(celeba, drawn, faces):
    """Drawn faces, and what the file that compress wrote of them gives back."""
    few = faces.test[8:16]
    content = compression.compress(drawn, few)
    rows = {
        "before": few,
        f"--out, from a file of {len(content)} bytes": compression.decompress(drawn, content),
    }
    return plots.rows(rows)


def search_faces(celeba, drawn, faces):
    """Two drawn faces and those that are most like them."""
    among = faces.train[:4000]
    found, _ = search.search(drawn.vae, faces.test[:2], among, 7)
    rows = {f"--images, number {1 + i}": [faces.test[i], *among[found[i]]] for i in range(2)}
    return plots.rows(rows)


def main():
    """Write all pictures, or those of the commands that are named."""
    pictures = [
        generate,
        reconstruct,
        edit,
        interpolate,
        morph,
        transfer_attributes,
        denoise,
        anomaly,
        compress,
        decompress,
        search_faces,
    ]
    models = hub.load("celeba"), hub.load("cartoon"), data.load_faces("cartoon", 64)
    FIGURES.mkdir(exist_ok=True)
    for picture in pictures:
        name = picture.__name__.partition("_")[0]
        if name in sys.argv[1:] or len(sys.argv) == 1:
            (FIGURES / f"{name}.jpg").write_bytes(picture(*models).image().data)
            print(f"wrote {(FIGURES / name).with_suffix('.jpg')}", flush=True)


if __name__ == "__main__":
    main()
