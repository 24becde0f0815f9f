"""A dial: one face, and a slider that turns an attribute of it."""

import io
import os
import sys

import numpy as np
from PIL import Image

from vae_keras import directions, hub, latent

LEAST, MOST, STEP = -1.5, 1.5, 0.1  # strengths that the slider reaches, and what it moves by
STRIP = (-1.5, -1, -0.5, 0, 0.5, 1, 1.5)  # strengths of the pictures that stand in its place
SIZE = 256  # pixels a side of the face beside the slider
QUALITY = 92  # of its JPEG


def first_model(settings, plain: bool = False):
    """Return the model for these settings, and that of CelebA where there is none yet.

    Args:
        settings: what `vae_keras.settings` gave.
        plain: as of `hub.load`.

    Returns:
        A `Pretrained`.
    """
    try:
        return hub.load_for(settings, plain)
    except FileNotFoundError:
        print(f"There is no model of {settings.dataset} yet. Here is the one of celeba.")
        return hub.load("celeba", plain)


def pick_attribute(model, wanted: str) -> str:
    """Return an attribute that a model can edit: the wanted one, else the one whose edits change most.

    Args:
        model: a `Pretrained`.
        wanted: such as "Smiling".

    Raises:
        ValueError: The model has no directions at all.
    """
    names = model.directions.index
    if wanted in names:
        return wanted
    if not len(names):
        raise ValueError("This model has no directions: its training pictures had no labels.")
    lengths = np.linalg.norm(model.directions.to_numpy(), axis=1)
    return str(names[lengths.argmax()])


def dial(model, z: np.ndarray, attribute: str):
    """Return a slider that turns an attribute of a face, or a strip of pictures where nothing would answer it.

    The slider needs ipywidgets (7 or 8) and a notebook that somebody has open. Under the variable `VAE_KERAS_STATIC`,
    which the build of the lessons sets, there is nobody.

    Args:
        model: a `Pretrained`.
        z: the code of the face, (latent_dim,).
        attribute: one of the index of `model.directions`.

    Returns:
        A widget or a `plots.Plot`. A notebook shows either when it is the last expression of a cell.

    Raises:
        ValueError: The model has no such attribute.

    Example:
        >>> dial(model, model.sample(1)[0], "Smiling")
    """
    direction = model.direction(attribute)
    if is_live():
        return slider(model.vae, z, direction, attribute)
    return strip(model.vae, z, direction, attribute)


def is_live() -> bool:
    """Return whether a slider would be seen and answered: in a notebook, with ipywidgets, and not in a build."""
    if os.environ.get("VAE_KERAS_STATIC") or "ipykernel" not in sys.modules:
        return False
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return True


def slider(vae, z: np.ndarray, direction: np.ndarray, attribute: str):
    """Return a widget of core ipywidgets: a slider, and below it the face as far along a direction as it says.

    Args:
        vae: a `VAE`.
        z: the code of the face, (latent_dim,).
        direction: (latent_dim,).
        attribute: its name, beside the slider.

    Returns:
        A `VBox` of a `FloatSlider` and an `Image`.
    """
    import ipywidgets

    strength = ipywidgets.FloatSlider(
        value=0.0,
        min=LEAST,
        max=MOST,
        step=STEP,
        readout_format=".1f",
        description=attribute.replace("_", " "),
    )
    strength.style.description_width = "initial"  # long names are not cut
    face = ipywidgets.Image(value=face_jpeg(vae, z), format="jpeg", width=SIZE, height=SIZE)

    def turn(change):
        face.value = face_jpeg(vae, directions.edit(z, direction, change["new"]))

    strength.observe(turn, names="value")
    return ipywidgets.VBox([strength, face])


def face_jpeg(vae, z: np.ndarray) -> bytes:
    """Return the face of a code as a JPEG of `SIZE` pixels a side.

    Args:
        vae: a `VAE`.
        z: a code (latent_dim,).
    """
    face = Image.fromarray(latent.decode(vae, z[None])[0])
    file = io.BytesIO()
    face.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(file, "jpeg", quality=QUALITY)
    return file.getvalue()


def strip(vae, z: np.ndarray, direction: np.ndarray, attribute: str):
    """Return pictures of a face at steps along a direction, with the strengths above them.

    Args:
        vae: a `VAE`.
        z: the code of the face, (latent_dim,).
        direction: (latent_dim,).
        attribute: its name, above the pictures.

    Returns:
        A `plots.Plot`.
    """
    from vae_keras import plots

    codes = np.stack([directions.edit(z, direction, strength) for strength in STRIP])
    return plots.rows({attribute: latent.decode(vae, codes)}, heads=STRIP)
