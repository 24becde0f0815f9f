"""Loading a person's own pictures, ready for a model."""

from pathlib import Path

import numpy as np

from vae_keras.data.archives import Files
from vae_keras.data.framing import frame, needed_side
from vae_keras.data.images import ImageError, check_images, read_image

MOST_ERRORS = 20  # named in one message


def load_images(
    path: str | Path, image_size: int = 64, crop: float | None = None, align: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Load pictures as a model takes them.

    Args:
        path: A picture, a folder (and the folders in it, sorted by name) or a .npy of uint8 RGB (n, h, w, 3).
        image_size: Pixels a side. A picture that has this size already is left as it is.
        crop: Side of the centre square as a fraction of the width; None takes the largest square.
        align: Whether to find the face in each picture and align it, instead of taking the centre.

    Returns:
        The pictures, uint8 (n, image_size, image_size, 3), and a list of their n names.

    Raises:
        FileNotFoundError: There is no such file, or no picture in the folder.
        ImageError: Pictures cannot be used. It names all of them: left out, they would shift the others' order.

    Example:
        >>> images, names = load_images("photographs/", image_size=64, align=True)
    """
    pictures = find_pictures(Path(path))
    at_least = needed_side(image_size, crop, align)
    images = np.empty((len(pictures), image_size, image_size, 3), np.uint8)
    errors = []
    for row, (name, picture) in enumerate(pictures.items()):
        try:
            if isinstance(picture, Path):
                picture = read_image(picture, at_least)
            images[row] = frame(picture, image_size, crop, align, name)
        except ImageError as error:
            errors.append(str(error))
    if len(errors) > MOST_ERRORS:
        errors[MOST_ERRORS:] = [f"And {len(errors) - MOST_ERRORS} more such pictures."]
    if errors:
        raise ImageError(" ".join(errors))
    return images, list(pictures)


def find_pictures(path):
    """Return {name: path of a picture, or the picture itself}."""
    if path.suffix.lower() == ".npy" and path.is_file():
        return {f"{path.stem}-{row:05d}": image for row, image in enumerate(_load_array(path))}
    if path.is_dir():
        return {name: path / name for name in Files(path).pictures(str)}
    return {path.name: path}


def _load_array(path):
    """Return the pictures in a .npy, memory-mapped."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception:  # ValueError, EOFError, OSError, by the kind of damage
        raise ImageError(f"{path} is no whole .npy of numbers: write it again with numpy.save.") from None
    return check_images(array, path)
