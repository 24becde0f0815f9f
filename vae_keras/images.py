"""Pictures: decode, orientation, crop, resize; what is refused; reading and writing sets of them.

A picture is `uint8 (height, width, 3)` in RGB, whatever the file held. JPEG is decoded by OpenCV, which is
fast but fills what is missing with grey and says nothing: so the end of the file is looked at first. Pillow
decodes the other formats and refuses damage by itself.
"""

import functools
import io
import math
import re
import shutil
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from vae_keras import storage
from vae_keras.archives import SUFFIXES, Files

SMALLEST = 8  # pixels a side: less than that holds no face
SCAN, END = b"\xff\xda", b"\xff\xd9"  # marks in a JPEG
# An ordinary JPEG up to its height and width: JFIF, tables, three colours of 8 bits. With anything else between them
# (Exif, a thumbnail) it is left to Pillow, which takes a tenth as long as the decoding.
TABLES = rb"(?:\xff\xdb\x00\x43.{65}|\xff\xdb\x00\x84.{130})+"
ORDINARY = rb"\xff\xd8\xff\xe0\x00\x10.{14}" + TABLES + rb"\xff[\xc0-\xc2]\x00\x11\x08(..)(..)\x03"
ORDINARY = re.compile(ORDINARY, re.DOTALL)
DAMAGED = "is cut short or damaged: copy or download it again."
# Pillow warns on stderr of large pictures and odd metadata, which it decodes all the same.
warnings.filterwarnings("ignore", module="PIL")


class ImageError(ValueError):
    """A picture that cannot be used; the message is one sentence that names it and says what to do."""


def decode(data, name, at_least=None):
    """The picture in the bytes of a file (called `name` in messages), as uint8 (height, width, 3) RGB.

    EXIF rotation is applied, transparency laid over white, 16 bits scaled to 8; grey, palette and CMYK are
    made RGB; of an animation the first frame is taken. With `at_least` (pixels) a large JPEG is decoded at a
    half, quarter or eighth of its size, as long as its shorter side stays twice that long.
    Raises ImageError for damage, for what is no picture, for sides under 8 pixels and over 178 megapixels.
    """
    try:
        image = _decode_any(data, at_least)
        if min(image.shape[:2]) >= SMALLEST:
            return image
        why = f"is {image.shape[1]} x {image.shape[0]} pixels: take one of {SMALLEST} x {SMALLEST} or more."
    except ImageError as error:
        why = error
    except Image.DecompressionBombError:
        why = "has too many pixels to be decoded: make it smaller first."
    except Image.UnidentifiedImageError:
        why = _why_unidentified(data)
    except Exception:  # Pillow raises many kinds of errors, from OSError to struct.error, for damaged files
        why = DAMAGED
    raise ImageError(f"{name} {why}")


def _decode_any(data, at_least):
    if ordinary := ORDINARY.match(data):
        height, width = (int.from_bytes(side, "big") for side in ordinary.groups())
        if 0 < height * width < (Image.MAX_IMAGE_PIXELS or math.inf):
            return _decode_jpeg(data, min(height, width), at_least)
    with Image.open(io.BytesIO(data)) as picture:
        if picture.format in ("JPEG", "MPO"):
            return _decode_jpeg(data, min(picture.size), at_least, picture.mode == "CMYK")
        return _to_rgb(picture)


def _decode_jpeg(data, shorter, at_least, cmyk=False):
    end = len(data) - 2 if data.endswith(END) else data.find(END, data.rfind(SCAN))
    # Twice at_least, so that INTER_AREA still averages over the pixels that remain.
    reductions = [n for n in (8, 4, 2) if at_least and shorter // n >= 2 * at_least]
    flag = getattr(cv2, f"IMREAD_REDUCED_COLOR_{reductions[0]}") if reductions else cv2.IMREAD_COLOR_RGB
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if end > 0 else None
    if image is None:
        raise ImageError(DAMAGED)
    # OpenCV fills missing blocks with grey 128 (with another grey for CMYK): then look closer.
    corners = image[:: max(1, image.shape[0] - 1), :: max(1, image.shape[1] - 1)]
    if (cmyk or (corners == 128).all(axis=2).any()) and _lacks_blocks(data, end):
        raise ImageError(DAMAGED)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if reductions else image


def _lacks_blocks(data, end):
    """Whether a JPEG's data stop before its last block: only then do bytes put before its end mark show."""
    longer = data[:end] + bytes(range(255)) + data[end:]  # 0 first, so that 0xFF 0 makes no mark
    return Image.open(io.BytesIO(data)).tobytes() != Image.open(io.BytesIO(longer)).tobytes()


def _why_unidentified(data):
    if not data:
        return "is empty (0 bytes): copy or download it again."
    if re.match(rb"\W*(!doctype|html|head|body)\b", data, re.IGNORECASE):
        return "is a web page, not a picture: download it again."
    if data[4:8] == b"ftyp":
        return "is a HEIC photograph or a film: save it as JPEG first."
    return "is no picture, or its beginning is damaged: give a whole JPEG or PNG file."


def _to_rgb(picture):
    picture = ImageOps.exif_transpose(picture)
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
    return np.array(picture.convert("RGB"))


def read_image(path, at_least=None):
    """The picture in a file, as `decode` gives it. Raises FileNotFoundError, ImageError."""
    try:
        return decode(Path(path).read_bytes(), path, at_least)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist: check the path.") from None
    except IsADirectoryError:
        raise ImageError(f"{path} is a folder: give a picture in it, or let load_images read all.") from None
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None


def crop_square(image, fraction=None):
    """The centre square of (height, width, 3), its side `fraction` of the width, at most the shorter side."""
    height, width = image.shape[:2]
    side = min(height, width) if fraction is None else min(height, width, round(fraction * width))
    if side < 1:
        raise ValueError(f"A crop of {fraction} of the width leaves nothing: give a fraction up to 1.")
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def find_face(image, fraction=1.4, name="The picture"):
    """A square around the largest face found (scikit-image's cascade), inside the picture.

    image: uint8 (height, width, 3). fraction: side of the square over that of the face that was found; 1.4
    and a centre higher by 0.15 faces frame it as CelebA's crop does. Raises ImageError where none is found.
    """
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    height, width = image.shape[:2]
    scale = min(1.0, 400 / max(height, width))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey, side = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), min(small.shape[:2])
    cascade = Cascade(lbp_frontal_face_cascade_filename())
    found = cascade.detect_multi_scale(grey, 1.2, 1, (max(side // 8, 24),) * 2, (max(side, 24),) * 2)
    if not found:
        raise ImageError(f"{name} shows no face that can be found: crop it by hand to a square around it.")
    face = max(found, key=lambda box: box["width"])
    side = min(round(fraction * face["width"] / scale), height, width)
    middle = (face["r"] + 0.35 * face["height"]) / scale, (face["c"] + 0.5 * face["width"]) / scale
    top = int(np.clip(round(middle[0] - side / 2), 0, height - side))
    left = int(np.clip(round(middle[1] - side / 2), 0, width - side))
    return image[top : top + side, left : left + side]


def resize(image, size):
    """(height, width, 3) to (size, size, 3): INTER_AREA, which averages, to shrink, INTER_CUBIC to grow."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = image.shape[0] * image.shape[1] > size * size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def enough(size, crop, with_face):
    """Pixels that the shorter side of a picture needs before `frame`: more only take longer to decode."""
    return 1024 if with_face else math.ceil(size / min(crop or 1, 1))


def frame(image, size, crop, with_face, name):
    """(height, width, 3) to (size, size, 3): the centre square, or the face that is found, resized."""
    return resize(find_face(image, name=name) if with_face else crop_square(image, crop), size)


def load_images(path, image_size=64, crop=None, find_face=False):
    """Pictures ready for a model: (uint8 (n, image_size, image_size, 3), list of n names).

    path: a picture, a folder (and the folders in it, sorted by name) or a .npy of uint8 RGB (n, h, w, 3).
    What already is image_size x image_size is never cropped; of the rest the centre square (`crop`: its side
    as a fraction of the width) or, on request, the face that is found is taken. Raises FileNotFoundError, and
    one ImageError for all pictures that cannot be used: leaving them out would shift the others' order.
    """
    path = Path(path)
    at_least = enough(image_size, crop, find_face)
    if path.suffix.lower() == ".npy" and path.is_file():
        readers = {f"{path.stem}-{i:05d}": image.view for i, image in enumerate(_load_array(path))}
    else:
        names = Files(path).pictures(str, "pictures (.jpg, .png and so on)") if path.is_dir() else [path.name]
        folder = path if path.is_dir() else path.parent
        readers = {name: functools.partial(read_image, folder / name, at_least) for name in names}
    images, errors = np.empty((len(readers), image_size, image_size, 3), np.uint8), []
    for i, (name, read) in enumerate(readers.items()):
        try:
            image = read()
            framed = image.shape[:2] == (image_size, image_size)
            images[i] = image if framed else frame(image, image_size, crop, find_face, name)
        except ImageError as error:
            errors.append(str(error))
    if errors:
        more = [f"And {len(errors) - 20} more such pictures."] if len(errors) > 20 else []
        raise ImageError(" ".join(errors[:20] + more))
    return images, list(readers)


def _load_array(path):
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception:  # ValueError, EOFError, OSError, by the kind of damage
        raise ImageError(f"{path} is no whole .npy of numbers: write it again with numpy.save.") from None
    return _check_images(array, path)


def _check_images(images, name):
    good = images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] == 3 and len(images) > 0
    if not good or min(images.shape[1:3]) < SMALLEST:
        raise ImageError(
            f"{name} holds {images.dtype} of shape {list(images.shape)}: give uint8 RGB pictures, values"
            f" 0 to 255, shape [n, height, width, 3], n from 1 and sides from {SMALLEST}."
        )
    return images


def grid_image(images, columns=None):
    """One picture of uint8 (n, h, w, 3), row by row with white lines 2 pixels wide between them.

    columns: by default close to the square root of n, and a divisor of n where one is close.
    """
    from skimage.util import montage

    count = len(images)
    root = math.ceil(math.sqrt(count))
    columns = min(columns or next((n for n in range(root, 2 * root) if count % n == 0), root), count)
    shape = -(-count // columns), columns
    return montage(images, (255, 255, 255), grid_shape=shape, padding_width=2, channel_axis=3)[2:-2, 2:-2]


def check_output(path):
    """Whether `save_images` will write a folder, and whether a .npy; raises ImageError where it would refuse."""
    folder, array = path.is_dir() or not path.suffix, path.suffix.lower() == ".npy"
    others = [file.name for file in path.glob("*") if not re.fullmatch(r"\d{5,}\.png", file.name)]
    if others or (folder and path.is_file()):
        raise ImageError(f"{path} already exists and holds something else: give the name of a new folder.")
    if not folder and not array and not path.name.lower().endswith(SUFFIXES):
        raise ImageError(f"{path} ends in {path.suffix}: give a name in .npy, .png or .jpg, or a folder.")
    return folder, array


def save_images(images, path):
    """Writes uint8 (n, height, width, 3) as a .npy, as a picture (a grid) or, without a suffix, a folder.

    The folder gets 00000.png, 00001.png ...; one that exists is replaced when it holds nothing but such
    files, else refused. Nothing half written is ever seen under `path`. Raises ImageError.
    """
    path, images = Path(path).absolute(), _check_images(np.asarray(images), "The set of pictures to write")
    folder, array = check_output(path)
    try:
        with storage.replacing(path.parent, [path.name]) as (temporary,):
            if folder:
                temporary.mkdir()
                for i, image in enumerate(images):
                    Image.fromarray(image).save(temporary / f"{i:05d}.png")
                shutil.rmtree(path, ignore_errors=True)
            elif array:
                with temporary.open("wb") as file:
                    np.save(file, images)
            else:
                Image.fromarray(grid_image(images)).save(temporary, quality=95)
    except (OSError, ValueError, KeyError) as error:  # ValueError, KeyError: what the format cannot hold
        why = getattr(error, "strerror", None) or error
        raise ImageError(f"{path} cannot be written ({why}): give another name or place.") from None
