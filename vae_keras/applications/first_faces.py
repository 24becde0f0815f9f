"""The first minutes: train a small VAE, watch new faces appear, and see them beside a shipped model's.

The network has two stages instead of four, with a wide layer at each end. It learns faces that all stand in the same
place in a tenth of the time that the network of the lessons needs, which in turn draws finer ones in the end.
"""

import time
from pathlib import Path

import keras
import numpy as np

from vae_keras import config, data, directions, hub, latent, priors, training
from vae_keras.applications.page import Row, Section, draw_page, enlarge
from vae_keras.applications.photo import own_photograph

COLUMNS = 8
FILTERS = (32, 64)
LATENT_DIM = 64
BATCH_SIZE = 32
TEMPERATURE = 0.8  # of new faces: below 1, so that they are usual ones
DIAL = np.linspace(-1.5, 1.5, COLUMNS)  # strengths of an edit
PREVIEW_CODES = 2_000  # that the prior is fitted to while training goes on
SHIPPED = "celeba"
SHIPPED_SEED = 2
SHIPPED_TEMPERATURE = 0.6
SHIPPED_EDITS = {
    "Smiling": -0.7,
    "Eyeglasses": 1.0,
    "Male": 0.7,
    "Young": -0.7,
    "Black_Hair": 0.7,
    "Bangs": 0.7,
}
GIF_STEPS = 6  # frames from one new face to the next


def make_first_faces(faces, folder, epochs: int, seed: int = 0, force: bool = False) -> tuple[Path, Path]:
    """Train a VAE on faces, and write a page and an animation of what it can do.

    Args:
        faces: a `data.Faces`.
        folder: where `faces.png` and `faces.gif` are written. Other files in it stay as they are.
        epochs: passes over the training pictures.
        seed: of the training and of the new faces.
        force: whether to replace files of these names that the program did not write.

    Returns:
        The paths of both files.

    Raises:
        ImageError: Files of these names are there, and the program did not write them.

    Example:
        >>> faces = data.load_faces("cartoon")
        >>> make_first_faces(faces, "build", epochs=6)
    """
    folder = Path(folder)
    page_path, gif_path = check_outputs(folder, force)
    folder.mkdir(parents=True, exist_ok=True)
    size = faces.images.shape[1]
    settings = config.settings(
        dataset=faces.dataset.address, image_size=size, latent_dim=LATENT_DIM, seed=seed
    )
    vae = training.build_vae(settings, filters=FILTERS)
    watch = NewFacesPerEpoch(faces, page_path, seed, force)
    start = time.perf_counter()
    training.fit(
        vae,
        faces.train,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        seed=seed,
        callbacks=[watch, training.Progress()],
    )
    minutes = (time.perf_counter() - start) / 60
    heading = (
        f"Trained here for {minutes:.1f} minutes on {len(faces.train):,} pictures: {faces.dataset.title}"
    )
    z, _ = latent.encode(vae, faces.train)
    new = sample_new(z, faces, seed)
    trained = Section(heading, trained_rows(vae, faces, z, new))
    shipped = Section("Ships with the program: CelebA, trained for longer and sharpened", shipped_rows())
    save_page([trained, shipped], page_path, force)
    walk = latent.decode(vae, walk_between(new))
    frames = watch.frames + [animation_frame(row) for row in walk.reshape(-1, COLUMNS, *walk.shape[1:])]
    data.save_gif(np.stack(frames), gif_path, milliseconds=150, force=force)
    return page_path, gif_path


def check_outputs(folder, force: bool = False) -> tuple[Path, Path]:
    """Return the paths of the page and of the animation, which may both be written.

    Raises:
        ImageError: Files of these names are there, and the program did not write them.
    """
    paths = Path(folder) / "faces.png", Path(folder) / "faces.gif"
    for path in paths:
        data.check_output(path, force)
    return paths


class NewFacesPerEpoch(keras.callbacks.Callback):
    """Draws new faces after every epoch, on a page and as frames of an animation.

    Args:
        faces: a `data.Faces`, which the model is trained on.
        path: of the page.
        seed: of the new faces: each is of the same kind after every epoch.
        force: as of `make_first_faces`.
    """

    def __init__(self, faces, path, seed=0, force=False):
        super().__init__()
        self.faces = faces
        self.path = path
        self.seed = seed
        self.force = force
        self.frames = []

    def on_epoch_end(self, epoch, logs=None):
        """Draw new faces of the model as it is now."""
        z, _ = latent.encode(self.model, self.faces.train[:PREVIEW_CODES])
        new = latent.decode(self.model, sample_new(z, self.faces, self.seed)[:COLUMNS])
        self.frames.append(animation_frame(new))
        heading = f"New faces after {epoch + 1} of {self.params['epochs']} epochs"
        preview = self.faces.preview
        rows = [
            Row("Pictures that the model is not trained on", preview),
            Row("Their reconstructions", latent.reconstruct(self.model, preview)),
            Row("New faces", new),
        ]
        save_page([Section(heading, rows)], self.path, self.force)
        if epoch == 0:
            print(f"{self.path} shows the first new faces; they get better with each epoch", flush=True)


def sample_new(z, faces, seed: int = 0) -> np.ndarray:
    """Return codes of new faces, two rows of them.

    Args:
        z: codes of the first training pictures, or of all.
        faces: a `data.Faces`.
        seed: of the draw.
    """
    kinds = faces.kinds("train", len(z))
    return priors.fit_prior(z, seed=seed, kinds=kinds).sample(2 * COLUMNS, seed, TEMPERATURE)


def trained_rows(vae, faces, z, new) -> list[Row]:
    """Return the rows of the model that was just trained.

    Args:
        vae: the trained `VAE`.
        faces: a `data.Faces`.
        z: codes of its training pictures.
        new: codes of new faces, two rows of them.
    """
    preview = faces.preview
    labels = directions.usable_attributes(faces.labels("train"))
    shifts = directions.attribute_directions(z, labels, controls=list(labels))
    attribute = shifts.index[0]
    z_preview, _ = latent.encode(vae, preview)
    drawn = latent.decode(vae, new)
    return [
        Row("Pictures that it has not seen", preview),
        Row("Their reconstructions", latent.decode(vae, z_preview)),
        Row("New faces", drawn[:COLUMNS]),
        Row("More new faces", drawn[COLUMNS:]),
        dial_row(vae, z_preview[0], attribute, shifts.loc[attribute].to_numpy()),
        interpolation_row(vae, *nearest_pair(z_preview)),
    ]


def shipped_rows() -> list[Row]:
    """Return the rows of the model that ships, none of which shows a picture of its data set."""
    model = hub.load(SHIPPED)
    _, face = own_photograph(None, model)
    photograph = face.image[None]
    pictures = [photograph, model.reconstruct(photograph)]
    names = []
    for attribute, strength in SHIPPED_EDITS.items():
        pictures.append(model.edit(photograph, attribute, strength))
        names.append(f"{'less' if strength < 0 else 'more'} {attribute}")
    new = model.sample(COLUMNS, SHIPPED_SEED, SHIPPED_TEMPERATURE)
    return [
        Row(f"A photograph (NASA), its reconstruction, {', '.join(names)}", np.concatenate(pictures)),
        Row("New faces", latent.decode(model.vae, new)),
        dial_row(model.vae, new[0], "Smiling", model.direction("Smiling")),
        interpolation_row(model.vae, new[0], new[1]),
    ]


def dial_row(vae, z, attribute: str, direction: np.ndarray) -> Row:
    """Return a row of one face, from less to more of an attribute."""
    codes = z + DIAL[:, None] * direction
    return Row(f"An edit: one face, from less to more {attribute}", latent.decode(vae, codes))


def nearest_pair(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two codes that are most alike: between them no face has half a hat.

    Args:
        z: codes (n, latent_dim), n from 2.
    """
    distances = np.linalg.norm(z[:, None] - z[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    first, second = np.unravel_index(np.argmin(distances), distances.shape)
    return z[first], z[second]


def interpolation_row(vae, start, end) -> Row:
    """Return a row that leads from one face to another."""
    codes = latent.interpolate(start, end, COLUMNS)
    return Row("An interpolation: from one face to another", latent.decode(vae, codes))


def walk_between(z: np.ndarray) -> np.ndarray:
    """Return the codes of a walk of `COLUMNS` faces at once, each to the face that is as many places further on.

    Args:
        z: codes (2 * COLUMNS, latent_dim).

    Returns:
        Codes (frames * COLUMNS, latent_dim), a frame after the other; the way leads there and back.
    """
    start, end = z[:COLUMNS], z[COLUMNS:]
    there = np.linspace(0, 1, GIF_STEPS + 1)
    shares = np.concatenate([there, there[-2:0:-1]])
    frames = [(1 - share) * start + share * end for share in shares]
    return np.concatenate(frames).astype("float32")


def animation_frame(images: np.ndarray) -> np.ndarray:
    """Return faces in two lines, as large as on the page."""
    return data.grid_image(enlarge(images), columns=len(images) // 2)


def save_page(sections: list[Section], path, force: bool = False) -> None:
    """Write a page as a picture. It takes the place of an earlier one at once, so that a viewer never sees a half."""
    data.save_images(draw_page(sections)[None], path, force=force)
