"""Decoding one picture of any format, and refusing what is damaged or no picture.

A picture is `uint8 (height, width, 3)` in RGB, whatever the file held. JPEG is decoded by OpenCV, which is
fast but fills what is missing with grey and says nothing: so the end of the file is looked at first. Pillow
decodes the other formats and refuses damage by itself.
"""

import contextlib
import functools
import io
import re
import stat
import threading
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

SMALLEST = 8  # pixels a side: less than that holds no face
SCAN, END = b"\xff\xda", b"\xff\xd9"  # marks in a JPEG
MARKER_AFTER_PIXELS = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
HEIC = b"ftyp"  # from the fourth byte on; films begin so, too
# An ordinary JPEG up to its height and width: JFIF, tables, three colours of 8 bits. With anything else between them
# (Exif, a thumbnail) its size is read by Pillow, which takes a tenth as long as the decoding.
TABLES = rb"(?:\xff\xdb\x00\x43.{65}|\xff\xdb\x00\x84.{130})+"
ORDINARY_JPEG = re.compile(
    rb"\xff\xd8\xff\xe0\x00\x10.{14}" + TABLES + rb"\xff[\xc0-\xc2]\x00\x11\x08(..)(..)\x03", re.DOTALL
)
# What Pillow is asked to open: for EPS, say, it would start another program on a stranger's file.
FORMATS = "JPEG MPO PNG WEBP GIF BMP DIB TIFF PPM JPEG2000 AVIF HEIF TGA ICO".split()
# HEIC is listed although only a plug-in reads it: left out silently it would never be missed.
PICTURE_SUFFIXES = tuple(
    ".jpg .jpeg .jfif .png .webp .bmp .gif .tif .tiff .jp2 .avif .ppm .pgm .heic .heif".split()
)
LARGEST_FILE = 200_000_000  # bytes of a picture or a table: a small archive may unpack to any size
MOST_SCANS = 50  # of a progressive JPEG, each of which goes over all pixels: encoders write about ten
LARGE = (
    20_000_000  # pixels of a picture, from which on one is decoded at a time, whatever the number of threads
)
DAMAGED = "is cut short or damaged: copy or download it again."
# Pillow warns on stderr of large pictures and odd metadata, which it decodes all the same.
warnings.filterwarnings("ignore", module="PIL")


_one_large_picture = threading.Lock()


class ImageError(ValueError):
    """A picture that cannot be used; the message is one sentence that names it and says what to do."""


def decode(data: bytes, name: str | Path, at_least: int | None = None) -> np.ndarray:
    """Decode the content of a picture file.

    The rotation in its EXIF data is applied, transparency laid over white, 16 bits scaled to 8. Grey, palette and
    CMYK become RGB. Of an animation the first frame is taken.

    Args:
        data: Content of the file.
        name: What the file is called in messages.
        at_least: Pixels that the shorter side needs. A large JPEG is then decoded at a half, quarter or eighth of its
            size, as long as its shorter side stays twice that long. None: decoded at its full size.

    Returns:
        The picture, uint8 (height, width, 3) RGB.

    Raises:
        ImageError: The file is damaged or no picture, or has sides under 8 pixels or over 178 megapixels.
    """
    try:
        image = _decode_any(data, at_least)
    except ImageError as error:
        reason = error
    except Image.DecompressionBombError:
        reason = "has too many pixels to be decoded: make it smaller first."
    except Image.UnidentifiedImageError:
        reason = _why_unidentified(data)
    except MemoryError:
        raise
    except Exception:  # Pillow raises many kinds of errors, from OSError to struct.error, for damaged files
        reason = DAMAGED
    else:
        height, width = image.shape[:2]
        if min(height, width) >= SMALLEST:
            return image
        reason = f"is {width} x {height} pixels: take one of {SMALLEST} x {SMALLEST} or more."
    raise ImageError(f"{name} {reason}")


def _decode_any(data, at_least):
    """Return the picture; raises errors of many kinds."""
    ordinary = ORDINARY_JPEG.match(data)
    if ordinary:
        height, width = (int.from_bytes(side, "big") for side in ordinary.groups())
        most = Image.MAX_IMAGE_PIXELS or np.inf
        if 0 < height * width < most:
            with _alone(height * width):
                return _decode_jpeg(data, min(height, width), at_least)
    if data[4:8] == HEIC:
        _learn_heic()
    with open_picture(io.BytesIO(data)) as picture, _alone(picture.width * picture.height):
        if picture.format in ("JPEG", "MPO"):
            return _decode_jpeg(data, min(picture.size), at_least, is_cmyk=picture.mode == "CMYK")
        return _to_rgb(picture)


def _alone(pixels):
    """Return a context in which a large picture is decoded while no other large one is."""
    return _one_large_picture if pixels > LARGE else contextlib.nullcontext()


def open_picture(file):
    """Return a picture of Pillow's, not yet decoded, in one of FORMATS. The file may be a path."""
    Image.init()
    return Image.open(file, formats=[form for form in FORMATS if form in Image.OPEN])


def _decode_jpeg(data, shorter_side, at_least, is_cmyk=False):
    """Return the picture in a JPEG; raises ImageError where its end is missing."""
    end = len(data) - 2 if data.endswith(END) else data.find(END, data.rfind(SCAN))
    if end <= 0:
        raise ImageError(DAMAGED)
    if data.count(SCAN) > MOST_SCANS and _count_scans(data) > MOST_SCANS:
        raise ImageError(f"is a JPEG of more than {MOST_SCANS} scans: save it again with another program.")
    reduction = _reduction(shorter_side, at_least)
    flag = getattr(cv2, f"IMREAD_REDUCED_COLOR_{reduction}") if reduction > 1 else cv2.IMREAD_COLOR_RGB
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if image is None:
        raise ImageError(DAMAGED)
    # OpenCV fills missing blocks with grey 128 (with another grey for CMYK): then look closer.
    corners = image[:: max(1, image.shape[0] - 1), :: max(1, image.shape[1] - 1)]
    grey_corner = (corners == 128).all(axis=2).any()
    if (is_cmyk or grey_corner) and _lacks_blocks(data, end):
        raise ImageError(DAMAGED)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if reduction > 1 else image


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height of the picture in a file, which is not decoded; None where it is none."""
    try:
        with open_picture(io.BytesIO(data)) as picture:
            return picture.size
    except Exception:  # Pillow raises many kinds of errors
        return None


def _reduction(shorter_side, at_least):
    """Return by how much a JPEG is reduced while it is decoded: 8, 4, 2 or 1."""
    if at_least:
        for reduction in (8, 4, 2):
            # Twice at_least, so that INTER_AREA still averages over the pixels that remain.
            if shorter_side // reduction >= 2 * at_least:
                return reduction
    return 1


def _count_scans(data):
    """Return the number of scans of a JPEG. What follows its end, such as the film of a phone, does not count."""
    place, scans = 2, 0
    while data[place : place + 1] == b"\xff" and data[place : place + 2] != END:
        is_scan = data[place : place + 2] == SCAN
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if is_scan:
            scans += 1
            found = MARKER_AFTER_PIXELS.search(data, place)
            place = found.start() if found else len(data)
    return scans


def _lacks_blocks(data, end):
    """Return whether a JPEG stops before its last block: only then do bytes put before its end mark show."""
    longer = data[:end] + bytes(range(255)) + data[end:]  # 0 first, so that 0xFF 0 makes no mark
    return open_picture(io.BytesIO(data)).tobytes() != open_picture(io.BytesIO(longer)).tobytes()


@functools.cache
def _learn_heic():
    """Let Pillow read what phones call HEIC, where its plug-in is installed."""
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()


def has_transparency(path: str | Path) -> bool:
    """Return whether a picture file that can be read has pixels that are not opaque: `decode` lays them over white."""
    with open_picture(path) as picture:
        if not picture.has_transparency_data:
            return False
        return picture.convert("RGBA").getchannel("A").getextrema()[0] < 255


def _why_unidentified(data):
    """Return what a file is that no decoder knows."""
    if not data:
        return "is empty (0 bytes): copy or download it again."
    if re.match(rb"\W*(!doctype|html|head|body)\b", data[:1000], re.IGNORECASE):
        return "is a web page, not a picture: download it again."
    if data[4:8] == HEIC:
        return "is a HEIC photograph or a film: save it as JPEG first, or run pip install pillow-heif."
    return "is no picture, or its beginning is damaged: give a whole JPEG or PNG file."


def _to_rgb(picture):
    """Return a picture of Pillow's as uint8 (height, width, 3)."""
    picture.load()  # damage of the pixels is found here, and below only that of the metadata
    picture = _upright(picture)
    if picture.mode.startswith(("I", "F")):
        grey = np.asarray(picture)
        if picture.mode == "F" or grey.min() < 0 or grey.max() > 65535:
            raise ImageError("has more than 16 bits a colour: save it with 8 or 16 bits first.")
        return cv2.cvtColor(np.rint(grey / np.float32(257)).astype(np.uint8), cv2.COLOR_GRAY2RGB)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _upright(picture):
    """Return a picture of Pillow's turned as its EXIF data says, and as it is where that is damaged."""
    try:
        return ImageOps.exif_transpose(picture)
    except MemoryError:
        raise
    except Exception:  # Pillow raises many kinds of errors
        return picture


def read_image(path: str | Path, at_least: int | None = None) -> np.ndarray:
    """Read the picture in a file.

    Args:
        path: Path of the file.
        at_least: As for `decode`.

    Returns:
        The picture, uint8 (height, width, 3) RGB.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: The file cannot be used.
    """
    try:
        status = Path(path).stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise ImageError(f"{path} is a device or a pipe and no file: give a picture.")
        if stat.S_ISREG(status.st_mode) and status.st_size > LARGEST_FILE:
            raise ImageError(f"{path} has more than {LARGEST_FILE // 1_000_000} MB: make it smaller first.")
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist: check the path.") from None
    except IsADirectoryError:
        raise ImageError(f"{path} is a folder: give a picture in it, or let load_images read all.") from None
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None
    return decode(data, path, at_least)


def check_images(images: np.ndarray, name: str | Path) -> np.ndarray:
    """Return an array of pictures as it is.

    Raises:
        ImageError: It is not uint8 (n, height, width, 3) with n from 1 and sides from 8.
    """
    good = images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] == 3 and len(images) > 0
    if not good or min(images.shape[1:3]) < SMALLEST:
        raise ImageError(
            f"{name} holds {images.dtype} of shape {list(images.shape)}: give uint8 RGB pictures, values"
            f" 0 to 255, shape [n, height, width, 3], n from 1 and sides from {SMALLEST}."
        )
    return images
