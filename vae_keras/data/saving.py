"""Writing pictures: a grid, a folder, an array, an animation. Nothing of the user's is replaced.

A folder is replaced only where each file in it is one that the program wrote there. A single file is replaced
where the program wrote it, which is told by a mark in its metadata, or where the user asks for it.
"""

import importlib.util
import io
import itertools
import math
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence
from tqdm import tqdm

from vae_keras import storage
from vae_keras.data.archives import PICTURE_SUFFIXES
from vae_keras.data.images import ImageError, check_images

VIDEO = ".mp4"
MARKED_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF")
SOFTWARE = 0x0131  # the Exif tag that holds the mark
GAP = 2  # pixels between the pictures of a grid
# Of the bytes of the pixels, what the files of faces take at least.
SHARE_OF_DISK = {"array": 1, "folder": 0.5, "picture": 0.1}


def save_images(images: np.ndarray, path: str | Path, force: bool = False) -> None:
    """Write pictures. Nothing half written is ever seen under `path`.

    Args:
        images: uint8 (n, height, width, 3), or a list of such (height, width, 3), for a folder of any sizes.
        path: Name of a picture (.png, .jpg and so on: a grid of all), of an array (.npy), or, without a suffix, of a
            folder that gets 00000.png, 00001.png and so on.
        force: Whether to replace a file that the program did not write. A folder of other files is never replaced.

    Raises:
        ImageError: Something of the user's is there, or it cannot be written.
    """
    if check_output(path, force) == "folder" and len(images):
        chunks = [check_images(np.asarray(image)[None], "A picture to write") for image in images]
    else:
        chunks = [check_images(np.asarray(images), "The set of pictures to write")]
    _write(chunks, (len(images), *chunks[0].shape[1:]), path, force)


def save_chunks(chunks: Iterable[np.ndarray], shape: tuple, path: str | Path, force: bool = False) -> None:
    """Write pictures while they are made, as `save_images` writes them.

    Memory holds one chunk, but for a grid, which is one picture.

    Args:
        chunks: uint8 (n, height, width, 3), one array after the other. None is asked for where the disk has no room for
            all.
        shape: What all chunks have together, (count, height, width, 3).
        path: As for `save_images`.
        force: As for `save_images`.

    Raises:
        ImageError: Something of the user's is there, it cannot be written, or a grid is larger than programs open.
    """
    _check_size(shape, path, check_output(path, force))
    _write(chunks, shape, path, force)


def _check_size(shape, path, kind):
    """Raise ImageError where a disk has no room for pictures, or a grid of them is none that can be opened."""
    path = Path(path).resolve()
    pixels = math.prod(shape[:3])
    most = 2 * (Image.MAX_IMAGE_PIXELS or math.inf)  # of larger ones Pillow itself opens none
    if kind == "picture" and pixels > most:
        raise ImageError(
            f"{path} would be a grid of {shape[0]:,} pictures, larger than programs open: name a folder or a .npy."
        )
    wanted = SHARE_OF_DISK[kind] * 3 * pixels
    left = shutil.disk_usage(next(parent for parent in path.parents if parent.exists())).free
    if wanted > left:
        wanted, left = (tqdm.format_sizeof(size, "B") for size in (wanted, left))
        raise ImageError(
            f"{path} would take about {wanted}, and its disk has {left} left: make room there, give another place, or "
            "ask for fewer."
        )


def _write(chunks, shape, path, force):
    """Write chunks of pictures, which have a shape together."""
    path = Path(path).resolve()
    kind = check_output(path, force)
    if kind == "picture":
        grid = Image.fromarray(_fill_grid(chunks, shape))
        check_output(path, force)  # what came while the pictures were made is the user's
        _write_picture([grid], path, quality=95)
        return
    try:
        if kind == "folder":
            _write_folder(itertools.chain.from_iterable(chunks), path)
        else:
            _write_array(chunks, shape, path, force)
    except OSError as error:
        raise _cannot_be_written(path, error) from None


def _write_array(chunks, shape, path, force):
    """Write an .npy as `numpy.save` does, unless something of the user's came while the pictures were made."""
    with storage.replacing(path.parent, [path.name]) as (part,), part.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for images in chunks:
            file.write(np.ascontiguousarray(images))
        check_output(path, force)


def save_gif(
    frames: np.ndarray, path: str | Path, milliseconds: int = 300, last: int = 1200, force: bool = False
) -> None:
    """Write an animation that begins again at its end.

    Args:
        frames: uint8 (n, height, width, 3).
        path: Name of a .gif.
        milliseconds: How long each frame is shown.
        last: How long the last frame is shown, in milliseconds.
        force: Whether to replace a file that the program did not write.

    Raises:
        ImageError: Something of the user's is there, or it cannot be written.
    """
    path = Path(path).resolve()
    frames = check_images(np.asarray(frames), "The set of frames to write")
    if path.suffix.lower() != ".gif":
        raise ImageError(f"{path} ends in {path.suffix or 'nothing'}: give an animation a name in .gif.")
    check_output(path, force)
    pictures = [Image.fromarray(frame).quantize(96, dither=0) for frame in frames]  # a third of the bytes
    durations = [milliseconds] * (len(frames) - 1) + [last] if len(frames) > 1 else last
    _write_picture(pictures, path, duration=durations, loop=0)


def save_animation(frames: Iterable, path: str | Path, rate: int, force: bool = False) -> None:
    """Write an animation whose frames are made one after the other.

    Args:
        frames: pictures of one size, uint8 (height, width, 3).
        path: Name of an .mp4 (H.264, which phones and browsers play), or of a .gif, which begins again at its end.
        rate: Frames a second.
        force: Whether to replace a file. An .mp4 carries no mark of the program.

    Raises:
        ImageError: Something of the user's is there, it cannot be written, or for an .mp4 the package av is missing.
    """
    path = Path(path).resolve()
    if path.suffix.lower() == ".gif":
        duration = round(1000 / rate)
        save_gif(np.stack(list(frames)), path, milliseconds=duration, last=duration, force=force)
        return
    check_video()
    check_output(path, force)
    try:
        with storage.replacing(path.parent, [path.name]) as (part,):
            _write_video(frames, part, rate)
    except OSError as error:
        raise _cannot_be_written(path, error) from None


def check_video() -> None:
    """Check that videos can be written.

    Raises:
        ImageError: The package av is not installed.
    """
    if importlib.util.find_spec("av") is None:
        raise ImageError(
            'An .mp4 needs the package av: run pip install "vae-keras[photo]", or give a name in .gif.'
        )


def _write_video(frames, path, rate):
    """Write frames as H.264, whose sides are even: an odd row or column is left out."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = None
        for frame in frames:
            height, width = (side - side % 2 for side in frame.shape[:2])
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            picture = np.ascontiguousarray(frame[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def check_output(path: str | Path, force: bool = False) -> str:
    """Check, before the work is done, that its result can be written.

    Args:
        path: As for `save_images`.
        force: As for `save_images`.

    Returns:
        What will be written: "folder", "array" or "picture".

    Raises:
        ImageError: Something of the user's is there, or the suffix is unknown.
    """
    path = Path(path).resolve()
    if path.is_dir() or not path.suffix:
        _check_folder(path)
        return "folder"
    is_array = path.suffix.lower() == ".npy"
    if not is_array and not path.name.lower().endswith((*PICTURE_SUFFIXES, VIDEO)):
        raise ImageError(f"{path} ends in {path.suffix}: give a name in .npy, .png or .jpg, or a folder.")
    if path.exists() and not force and not _was_written_here(path):
        raise ImageError(
            f"{path} already exists, and nothing in it tells that this program wrote it: give another name, "
            "or replace it with --force."
        )
    return "array" if is_array else "picture"


def _check_folder(path):
    """Raise ImageError where a folder of this name would replace something of the user's."""
    if path.exists() and not path.is_dir():
        raise ImageError(f"{path} already exists and is a file: give the name of a new folder.")
    if not storage.is_free(path) and not storage.holds_only_what_was_made(path, "faces"):
        raise ImageError(
            f"{path} already exists and holds something else than faces that this program wrote: "
            "give the name of a new folder."
        )


def _write_folder(images, path):
    """Write a folder of numbered pictures in the place of what `_check_folder` accepted."""
    old = path.with_name(f".old-{path.name}")
    _finish_replacing(path, old)  # what a run that was killed has left
    try:
        with storage.replacing(path.parent, [path.name]) as (part,):
            part.mkdir()
            names = []
            for row, image in enumerate(images):
                names.append(f"{row:05d}.png")
                Image.fromarray(image).save(part / names[row])
            storage.write_marker(part, "faces", names)
            _check_folder(path)
            if storage.read_marker(path):
                path.rename(old)
            elif path.exists():
                path.rmdir()  # it is empty
    finally:
        _finish_replacing(path, old)


def _finish_replacing(path, old):
    """Remove the old folder where the new one is in its place; else puts it back."""
    if storage.read_marker(old).get("kind") != "faces":
        return
    if not path.exists():
        old.rename(path)
        return
    names = storage.read_marker(old).get("files", {})
    for name in (*names, storage.MARKER):
        (old / name).unlink(missing_ok=True)
    old.rmdir()  # fails where it got another file meanwhile: nothing is lost


def _write_picture(frames, path, **options):
    """Write a picture, or an animation of several, with the program's mark in it."""
    try:
        data = _encode_marked(frames, path.suffix, options)
        with storage.replacing(path.parent, [path.name]) as (part,):
            part.write_bytes(data)
    except (OSError, ValueError, KeyError) as error:  # ValueError, KeyError: what the format cannot hold
        raise _cannot_be_written(path, error) from None


def _encode_marked(frames, suffix, options):
    """Return the bytes of a picture file with the program's mark in it."""
    form = Image.registered_extensions().get(suffix.lower())
    if form is None:
        raise ValueError(f"there is no encoder for {suffix}")
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": frames[1:]}
    is_marked = form in MARKED_FORMATS and (
        len(frames) * frames[0].width * frames[0].height < Image.MAX_IMAGE_PIXELS
    )
    if is_marked and form == "PNG":  # which keeps the pixels
        return _encode(frames[0], form, options | _metadata(form, _mark_of(frames)))
    data = _encode(frames[0], form, options)
    if is_marked:  # the file has to be read again for its mark
        data = _encode(frames[0], form, options | _metadata(form, _mark(data)))
    return data


def _encode(picture, form, options):
    """Return the bytes of a picture file."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def _metadata(form, mark):
    """Return Pillow's options that write a mark into a picture."""
    if form == "GIF":
        return {"comment": mark.encode()}
    exif = Image.Exif()
    exif[SOFTWARE] = mark
    return {"exif": exif}


def _mark(data):
    """Return the mark of a picture file: the program's name and a checksum of the pixels.

    Where somebody has painted in the picture since, it is theirs: the checksum is another.
    """
    with Image.open(io.BytesIO(data), formats=MARKED_FORMATS) as picture:
        return _mark_of(ImageSequence.Iterator(picture))


def _mark_of(frames):
    """Return the mark of pictures of Pillow's."""
    checksum = 0
    for frame in frames:
        colours = frame if frame.mode == "RGB" else frame.convert("RGB")
        checksum = zlib.crc32(colours.tobytes(), checksum)
    return f"vae_keras {checksum:08x}"


def _was_written_here(path):
    """Return whether a file is a picture that the program wrote, unchanged since."""
    try:
        data = path.read_bytes() if path.is_file() else b""
        with Image.open(io.BytesIO(data), formats=MARKED_FORMATS) as picture:
            comment = picture.info.get("comment", b"")
            found = picture.getexif().get(SOFTWARE) or bytes(comment).decode("ascii", "replace")
        return found == _mark(data)
    except Exception:  # what Pillow cannot read the program did not write
        return False


def _cannot_be_written(path, error):
    """Return the error to raise: one sentence with the reason."""
    reason = getattr(error, "strerror", None) or error
    is_full = getattr(error, "errno", None) in storage.NO_ROOM
    what_next = "make room there, or give another place" if is_full else "give another name or place"
    return ImageError(f"{path} cannot be written ({reason}): {what_next}.")


def grid_image(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Put pictures into one, row by row, with white lines between them.

    Args:
        images: uint8 (n, height, width, 3).
        columns: Pictures a row; by default close to the square root of n, and a divisor of n where one is close.

    Returns:
        One picture, uint8 (height, width, 3).
    """
    return _fill_grid([images], images.shape, columns)


def _fill_grid(chunks, shape, columns=None):
    """Return the grid of pictures that come in chunks and have a shape together."""
    count, height, width, _ = shape
    images = itertools.chain.from_iterable(chunks)
    if count == 1:
        return next(images)
    columns = min(columns or _grid_columns(count), count)
    rows = math.ceil(count / columns)
    grid = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        grid[top : top + height, left : left + width] = image
    return grid


def _grid_columns(count):
    """Return a number of columns close to the square root, a divisor where one is close."""
    root = math.ceil(math.sqrt(count))
    for columns in range(root, 2 * root):
        if count % columns == 0:
            return columns
    return root
