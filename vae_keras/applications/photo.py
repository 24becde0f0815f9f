"""Photographs of anybody's own, framed as a model's training pictures were."""

from pathlib import Path

import numpy as np

from vae_keras.data import load_images


def load_photos(paths, model) -> np.ndarray:
    """Return pictures as a model takes them.

    Args:
        paths: a path or several. Each is a picture, a folder of pictures, or a .npy of uint8 RGB
            (n, height, width, 3). A leading ~ is the home folder.
        model: a `Pretrained`. Its card says how its pictures were cropped.

    Returns:
        uint8 (n, size, size, 3), in the order of the paths, those of a folder by name.

    Raises:
        FileNotFoundError: A path does not exist.
        ValueError: A picture cannot be used. Leaving it out would shift the order of the others.

    Example:
        >>> model = hub.load("celeba")
        >>> faces = load_photos(["one.jpg", "two.jpg"], model)
        >>> smiling = model.edit(faces, "Smiling")
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    loaded = []
    for path in paths:
        images, _ = load_images(
            Path(path).expanduser(),
            model.vae.image_size,
            crop=model.card["crop"],
            find_face=model.card["find_face"],
        )
        loaded.append(images)
    return np.concatenate(loaded)
