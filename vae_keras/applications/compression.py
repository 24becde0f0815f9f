"""Faces in a hundred bytes: their codes, rounded, and written by an entropy coder with the model's prior.

A file is: `MAGIC`, the version, the step, the number of faces and the model's fingerprint; the bytes of the entropy
coder; and a checksum (CRC-32) of all that stands before it.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from scipy.linalg import solve_triangular

from vae_keras import latent

MAGIC = b"VAEF"
VERSION = 1
HEADER = struct.Struct("<4sBfII")  # magic, version, step, faces, fingerprint
STEP = 0.7  # between two values that can be written: as coarse as the encoder's own noise
FARTHEST = 4095  # steps from zero that can be written
MOST_FACES = 1_000_000
MOST_FACES_PER_BYTE = 100  # no real file has nearly as many: a claim of more is a damaged or hostile file
FORMATS = {  # of Pillow, with options that give small files
    "JPEG": {"optimize": True, "subsampling": "4:2:0"},
    "WEBP": {"method": 6},
    "AVIF": {"speed": 8},
}


def compress(model, images: np.ndarray, step: float = STEP) -> bytes:
    """Return faces as the content of a file.

    Args:
        model: a `Pretrained`.
        images: uint8 (n, size, size, 3).
        step: the values that are written are multiples of it. Larger: fewer bytes, and less like the face.

    Raises:
        ValueError: The step is too small or too large for these codes.
    """
    if not 0 < step <= FARTHEST or len(images) > MOST_FACES:
        raise ValueError(
            f"{len(images)} faces in steps of {step}: write {MOST_FACES:,} at most, in steps up to {FARTHEST}."
        )
    z, _ = latent.encode(model.vae, images)
    head = HEADER.pack(MAGIC, VERSION, step, len(images), fingerprint(model))
    step = HEADER.unpack(head)[2]  # as it is read again, with fewer digits
    content = head + encode(model.prior, quantize(z, step), step)
    return content + struct.pack("<I", zlib.crc32(content))


def decompress(model, content: bytes, name: str = "The file") -> np.ndarray:
    """Return the faces in a file of `compress`.

    Args:
        model: the `Pretrained` that wrote it.
        content: of the file.
        name: what the file is called in messages.

    Returns:
        Faces as uint8 (n, size, size, 3).

    Raises:
        ValueError: The file is no such file, is damaged, or was written by another model or version.
    """
    return latent.decode(model.vae, read_codes(model, content, name))


def read_codes(model, content: bytes, name: str = "The file") -> np.ndarray:
    """Return the codes in a file of `compress`, float32 (n, latent_dim); arguments and errors as of `decompress`."""
    step, count = read_header(model, content, name)
    try:
        symbols = decode(model.prior, content[HEADER.size : -4], count, step)
    except (ValueError, AssertionError, OverflowError) as error:
        raise ValueError(f"{name} is damaged: copy it again.") from error
    return np.float32(symbols) * np.float32(step)


def read_header(model, content: bytes, name: str) -> tuple[float, int]:
    """Return the step and the number of faces of a file, once all of its header is as it has to be."""
    if not content.startswith(MAGIC):
        raise ValueError(f"{name} is no file of compressed faces: `compress` writes such files.")
    if len(content) < HEADER.size + 4 or zlib.crc32(content[:-4]) != struct.unpack("<I", content[-4:])[0]:
        raise ValueError(f"{name} is cut short or damaged: copy it again.")
    _, version, step, count, written_by = HEADER.unpack(content[: HEADER.size])
    if version != VERSION:
        raise ValueError(f"{name} is of version {version}, and this program reads {VERSION}: update it.")
    if written_by != fingerprint(model):
        raise ValueError(f"{name} was written by another model: give the one that compressed it.")
    most = min(MOST_FACES, MOST_FACES_PER_BYTE * len(content))
    if not 0 < step < np.inf or not 0 < count <= most:
        raise ValueError(f"{name} says that it holds {count} faces in steps of {step}: write it again.")
    return step, count


def fingerprint(model) -> int:
    """Return a checksum of what has to be the same to read a file: the decoder's weights and the prior."""
    value = 0
    for array in (*model.vae.decoder.get_weights(), *model.prior.to_arrays().values()):
        value = zlib.crc32(np.ascontiguousarray(array, "<f4"), value)
    return value


def quantize(z: np.ndarray, step: float) -> np.ndarray:
    """Return codes (n, latent_dim) as whole numbers of steps, int32.

    Raises:
        ValueError: The step is no number above 0, or so small that the numbers become too large.
    """
    if not 0 < step < np.inf:
        raise ValueError(f"The step is {step}; it has to be above 0.")
    symbols = np.rint(z / step)
    if np.abs(symbols).max(initial=0) > FARTHEST:
        raise ValueError(
            f"The step {step} is too small: these codes are more than {FARTHEST} steps from zero."
        )
    return symbols.astype("int32")


def encode(prior, symbols: np.ndarray, step: float) -> bytes:
    """Return codes, as whole numbers of steps, as bytes.

    The better a component of the prior knows a code, the fewer bits it takes. So each face is written by the component
    that knows it best, whose number stands first.

    Args:
        prior: a `Mixture`.
        symbols: int32 (n, latent_dim).
        step: that the numbers are multiples of.
    """
    coder = _stream().queue.RangeEncoder()
    component = best_component(prior, symbols * step)
    coder.encode(component, _categorical(prior.weights))
    for number in np.unique(component):
        rows = component == number

        def write(j, mean, deviation, rows=rows):
            coder.encode(symbols[rows, j], _gaussian(), mean / step, deviation / step)
            return symbols[rows, j]

        walk(prior, number, rows.sum(), step, write)
    return coder.get_compressed().astype("<u4").tobytes()


def decode(prior, content: bytes, count: int, step: float) -> np.ndarray:
    """Return the codes that `encode` wrote, as whole numbers of steps: int32 (count, latent_dim)."""
    coder = _stream().queue.RangeDecoder(np.frombuffer(content, "<u4").astype("uint32"))
    component = coder.decode(_categorical(prior.weights), count)
    symbols = np.empty((count, prior.means.shape[1]), "int32")
    for number in np.unique(component):
        rows = component == number

        def read(j, mean, deviation):
            return coder.decode(_gaussian(), mean / step, deviation / step)

        symbols[rows] = walk(prior, number, rows.sum(), step, read)
    return symbols


def walk(prior, number: int, count: int, step: float, code) -> np.ndarray:
    """Go through the latent variables of some codes, each given the ones before it.

    A component is a Gaussian z = mean + factor @ u with u from N(0, I), and its factor is triangular: so latent
    variable j has a mean that follows from the u before it, and a deviation of its own.

    Args:
        prior: a `Mixture`.
        number: of the component.
        count: number of codes.
        step: that codes are multiples of.
        code: a function of j, the means (count,) and the deviations (count,), which writes or reads the numbers of
            steps of latent variable j and returns them.

    Returns:
        The numbers of steps, int32 (count, latent_dim).
    """
    center, factor = np.float64(prior.means[number]), np.float64(prior.factor(number))
    symbols = np.empty((count, len(center)), "int32")
    u = np.zeros((count, len(center)))
    for j in range(len(center)):
        mean = center[j] + u[:, :j] @ factor[j, :j]
        symbols[:, j] = code(j, mean, np.full(count, factor[j, j]))
        u[:, j] = (symbols[:, j] * step - mean) / factor[j, j]
    return symbols


def best_component(prior, z: np.ndarray) -> np.ndarray:
    """Return for each code (n, latent_dim) the component of a `Mixture` with the highest density, int32 (n,)."""
    densities = []
    for number, (weight, mean) in enumerate(zip(np.float64(prior.weights), prior.means)):
        factor = np.float64(prior.factor(number))
        u = solve_triangular(factor, (z - mean).T, lower=True)
        density = np.log(weight) - np.log(np.diag(factor)).sum() - 0.5 * np.square(u).sum(axis=0)
        densities.append(density)
    return np.argmax(densities, axis=0).astype("int32")


def _stream():
    """Return the entropy coders of constriction.

    Raises:
        ImportError: It is not installed.
    """
    try:
        import constriction
    except ImportError:
        raise ImportError("Compressing needs an entropy coder: pip install constriction.") from None
    return constriction.stream


def _categorical(weights):
    """Return the model of a component's number. It has one more, which never comes: a single one cannot be coded."""
    shares = np.append(weights / np.sum(weights), 1e-6)
    return _stream().model.Categorical(np.float32(shares), perfect=False)


def _gaussian():
    """Return the model of a number of steps, of a mean and a deviation that are given with each."""
    return _stream().model.QuantizedGaussian(-FARTHEST, FARTHEST)


def ordinary(
    images: np.ndarray, form: str, quality: int, options: dict | None = None
) -> tuple[np.ndarray, float, float]:
    """Return pictures written by an ordinary format and read again, and its bytes.

    Args:
        images: uint8 (n, size, size, 3).
        form: one of `FORMATS`.
        quality: of Pillow, 0 to 100.
        options: of Pillow for this format; None takes those of `FORMATS`.

    Returns:
        The pictures as uint8 (n, size, size, 3); the mean bytes of a picture's file; the mean bytes without the
        headers, which say the same in every file: of JPEG what stands before the scan, of WebP 30 bytes, of AVIF
        all but the data.
    """
    options = FORMATS[form] if options is None else options
    read, sizes, bare = [], [], []
    for image in images:
        whole = _write(image, form, quality, options)
        sizes.append(len(whole))
        read.append(np.asarray(Image.open(io.BytesIO(whole)).convert("RGB")))
        if form == "JPEG":  # tables that are made for a picture are no constant: count with the usual ones
            whole = _write(image, form, quality, {"subsampling": "4:2:0"})
        bare.append(len(whole) - header_bytes(whole, form))
    return np.stack(read), float(np.mean(sizes)), float(np.mean(bare))


def _write(image, form, quality, options):
    """Return a picture as the content of a file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, quality=quality, **options)
    return file.getvalue()


def header_bytes(content: bytes, form: str) -> int:
    """Return how many bytes of a JPEG, WebP or AVIF say what they say in every picture of that size and quality."""
    if form == "JPEG":
        scan = content.index(b"\xff\xda")
        length = int.from_bytes(content[scan + 2 : scan + 4], "big")
        return scan + 2 + length + 2  # the last two: the end mark
    if form == "WEBP":
        return 30  # RIFF 12, head of the chunk 8, head of the frame 10
    return content.index(b"mdat") + 4
