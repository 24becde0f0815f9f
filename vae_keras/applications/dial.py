"""A dial: one face, and sliders that turn attributes of it."""

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


def dial(model, z: np.ndarray, attributes):
    """Return a slider for each attribute of a face, or strips of pictures where nothing would answer them.

    The sliders need ipywidgets (7 or 8) and a notebook that somebody has open. Under the variable `VAE_KERAS_STATIC`,
    which the build of the lessons sets, there is nobody.

    Args:
        model: a `Pretrained`.
        z: the code of the face, (latent_dim,).
        attributes: one of the index of `model.directions`, or several.

    Returns:
        A widget or a `plots.Plot`. A notebook shows either when it is the last expression of a cell.

    Raises:
        ValueError: The model has no such attribute.

    Example:
        >>> dial(model, model.sample(1)[0], ["Smiling", "Young"])
    """
    names = [attributes] if isinstance(attributes, str) else list(attributes)
    steps = np.stack([model.direction(name) for name in names])
    if not is_live():
        return strips(model.vae, z, names, steps)
    sliders = [slider(name.replace("_", " "), LEAST, MOST, STEP) for name in names]
    return face_below(model.vae, sliders, lambda strengths: directions.edit(z, strengths @ steps))


def is_live() -> bool:
    """Return whether a slider would be seen and answered: in a notebook, with ipywidgets, and not in a build."""
    if os.environ.get("VAE_KERAS_STATIC") or "ipykernel" not in sys.modules:
        return False
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return True


def slider(name: str, least: float, most: float, step: float, value: float = 0.0):
    """Return a `FloatSlider` of core ipywidgets with a name beside it."""
    import ipywidgets

    made = ipywidgets.FloatSlider(value=value, min=least, max=most, step=step, description=name)
    made.style.description_width = "initial"  # long names are not cut
    return made


def face_below(vae, sliders, code):
    """Return sliders and below them a face that follows them, as a widget of core ipywidgets.

    Args:
        vae: a `VAE`.
        sliders: widgets with a value.
        code: a function from their values (n,) to a code (latent_dim,).

    Returns:
        A `VBox` of the sliders and an `Image`.
    """
    import ipywidgets

    def draw():
        return face_jpeg(vae, code(np.array([one.value for one in sliders])))

    face = ipywidgets.Image(value=draw(), format="jpeg", width=SIZE, height=SIZE)

    def turn(change):
        face.value = draw()

    for one in sliders:
        one.observe(turn, names="value")
    return ipywidgets.VBox([*sliders, face])


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


def strips(vae, z: np.ndarray, names, steps: np.ndarray):
    """Return pictures of a face at steps along directions, a row for each, with the strengths above them.

    Args:
        vae: a `VAE`.
        z: the code of the face, (latent_dim,).
        names: of the directions.
        steps: the directions, (n, latent_dim).

    Returns:
        A `plots.Plot`.
    """
    from vae_keras import plots

    rows = {name: latent.decode(vae, z + np.outer(STRIP, step)) for name, step in zip(names, steps)}
    return plots.rows(rows, heads=STRIP)
