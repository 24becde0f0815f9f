"""Photographs of anybody's own: read, with the faces in them found and aligned as a model's training pictures are."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vae_keras.applications import colab_photo
from vae_keras.data import alignment, framing, images, loading
from vae_keras.data.alignment import AlignedFace

ASTRONAUT_FACE = (149, 21, 154)  # left, top and side in her portrait, framed like the faces of CelebA


def load_photos(paths, model, align: bool = True, face: int = 1) -> np.ndarray:
    """Return pictures as a model takes them, a face of each.

    Of a photograph, one face is found and aligned, where the model's card says where its training pictures
    have eyes, nose and mouth. A picture of the model's own size is left as it is.

    Args:
        paths: a path or several. Each is a picture, a folder of pictures, or a .npy of uint8 RGB
            (n, height, width, 3). A leading ~ is the home folder.
        model: a `Pretrained`.
        align: False takes the centre of each picture instead, cropped as the training pictures were.
        face: of several faces in a photograph the one with this number, counted from 1, the largest first.

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
    if not align or template_of(model) is None:
        loaded = [_load_framed(path, model) for path in paths]
    else:
        loaded = [
            find_in_photo(picture, model, name, face)[0].image[None] for name, picture in read_photos(paths)
        ]
    return np.concatenate(loaded)


def _load_framed(path, model):
    """Return the pictures at a path, cropped as the model's training pictures were."""
    size, crop = model.vae.image_size, model.card["crop"]
    pictures, _ = loading.load_images(Path(path).expanduser(), size, crop)
    return pictures


def template_of(model):
    """Return where a model's training pictures have eyes, nose and mouth; None where that is not known.

    The card of a model of found faces, from before templates, has none: their crop was much like the aligned one.
    """
    template = model.card.get("template")
    if template is None and model.card["find_face"]:
        return alignment.TEMPLATE
    return template


def read_photos(paths) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the picture, uint8 (height, width, 3), of each photograph, at its own size.

    Args:
        paths: a path or several, as for `load_photos`.

    Raises:
        FileNotFoundError: A path does not exist.
        ValueError: A picture cannot be used.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    for path in paths:
        for name, picture in loading.find_pictures(Path(path).expanduser()).items():
            if isinstance(picture, Path):
                picture = images.read_image(picture)
            yield name, np.asarray(picture)


def transparent_photos(paths) -> list[str]:
    """Return the names of the photographs that are not opaque everywhere. They are read as laid over white.

    Args:
        paths: a list of paths, as for `load_photos`, all of which can be read.
    """
    found = {}
    for path in paths:
        found |= loading.find_pictures(Path(path).expanduser())
    files = {name: picture for name, picture in found.items() if isinstance(picture, Path)}
    return [name for name, file in files.items() if images.has_transparency(file)]


def is_framed(picture: np.ndarray, model) -> bool:
    """Return whether a picture is taken as it is framed: it has the model's size, or the model knows no template."""
    size = model.vae.image_size
    return template_of(model) is None or picture.shape[:2] == (size, size)


def find_in_photo(
    picture: np.ndarray, model, name: str = "The picture", number: int | None = None
) -> list[AlignedFace]:
    """Return the faces in a photograph, aligned as a model takes them.

    Args:
        picture: uint8 (height, width, 3).
        model: a `Pretrained`.
        name: what the picture is called in messages.
        number: of the face, counted from 1, the largest first. None: all.

    Returns:
        A list of `AlignedFace`, of one where the model has no template, or the picture has the model's own size.

    Raises:
        ImageError: There is no face, or none of this number.
    """
    size = model.vae.image_size
    if is_framed(picture, model):
        return [crop_photo(picture, model)]
    found = alignment.find_faces(picture)
    chosen = found
    if number is not None or not found:
        chosen = [alignment.choose_face(found, number or 1, name)]
    return [alignment.align_face(picture, face, template_of(model), size) for face in chosen]


def crop_photo(picture: np.ndarray, model) -> AlignedFace:
    """Return the centre of a picture as a face, cropped as a model's training pictures were."""
    return framing.crop_face(picture, model.card["crop"], model.vae.image_size)


def number_faces(picture: np.ndarray) -> tuple[np.ndarray, int]:
    """Return a copy of a photograph with a numbered frame around each face that is found, and how many there are.

    Args:
        picture: uint8 (height, width, 3).
    """
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.fromarray(picture)
    pen = ImageDraw.Draw(drawn)
    faces = alignment.find_faces(picture)
    width = max(2, max(picture.shape[:2]) // 300)
    for number, face in enumerate(faces, start=1):
        left, top, across, down = face.box
        pen.rectangle((left, top, left + across, top + down), outline=(255, 210, 0), width=width)
        font = ImageFont.load_default(max(14, int(0.3 * across)))
        pen.text((left + 2 * width, top), str(number), fill=(255, 210, 0), font=font, stroke_width=width)
    return np.asarray(drawn), len(faces)


def own_photograph(path, model) -> tuple[np.ndarray, AlignedFace]:
    """Return a photograph and its largest face. Where the path is None, it is an astronaut's.

    Args:
        path: of a picture, or None for Eileen Collins, whose portrait by NASA comes with scikit-image. In Google
            Colab "upload" and "camera" ask for one.
        model: a `Pretrained`.

    Returns:
        The photograph, uint8 (height, width, 3), and its `AlignedFace`, as the model takes it.

    Raises:
        FileNotFoundError: The path does not exist.
        ValueError: The picture cannot be used, or shows no face that can be found.
    """
    if path is None:
        from skimage.data import astronaut

        photograph = astronaut()
        return photograph, framing.cut_face(photograph, *ASTRONAUT_FACE, model.vae.image_size)
    if path in (colab_photo.UPLOAD, colab_photo.CAMERA):
        path = colab_photo.ask_for_photograph(path)
    name, photograph = next(read_photos(path))
    return photograph, find_in_photo(photograph, model, name, number=1)[0]
