"""Decoding pictures, and refusing what is damaged or none, with files made on the fly."""

import zipfile
import zlib

import cv2
import numpy as np
import pytest
from made_pictures import LOSSY, distance, encode, new_generator, smooth
from PIL import Image

from vae_keras.data import ImageError, crop_square, images, resize
from vae_keras.data.images import decode


@pytest.fixture
def generator(request):
    return new_generator(request)


def exif(orientation):
    table = Image.Exif()
    table[0x0112] = orientation
    return table


def refusal(data, name="face.jpg", **options):
    """The message of a refusal, which is one sentence that begins with the name."""
    with pytest.raises(ImageError) as error:
        decode(data, name, **options)
    message = str(error.value)
    assert message.startswith(f"{name} ") and message.endswith(".") and "\n" not in message
    assert ": " in message  # what is wrong: what to do
    return message


# Formats


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "JPEG", "JPEG2000", "GIF"])
def test_every_format_gives_rgb(kind, generator):
    image = smooth(generator)
    decoded = decode(encode(image, kind), "face")
    assert decoded.dtype == np.uint8 and decoded.flags.writeable
    assert distance(decoded, image) <= (0 if kind in ("PNG", "BMP", "TIFF", "PPM") else LOSSY)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_grey_becomes_rgb(kind, generator):
    grey = smooth(generator, channels=1)[..., 0]
    expected = np.stack([grey] * 3, axis=-1)
    assert distance(decode(encode(grey, kind), "grey"), expected) <= (
        LOSSY if kind in ("JPEG", "WEBP") else 0
    )


def test_one_bit_becomes_black_and_white():
    bits = np.arange(12 * 16).reshape(12, 16) % 3 == 0
    decoded = decode(encode(Image.fromarray(bits), "PNG"), "bits.png")
    assert (decoded == np.where(bits, 255, 0)[..., None]).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_and_not_clipped(suffix, channels, generator):
    deep = generator.integers(0, 65536, (20, 24, channels)).astype(np.uint16)
    deep[:2] = [[[0]], [[65535]]]
    if channels == 4:
        deep[..., 3] = 65535
    decoded = decode(cv2.imencode(suffix, deep)[1].tobytes(), "deep")
    expected = np.broadcast_to(deep[..., :3][..., ::-1] / 257, (20, 24, 3))
    assert np.abs(decoded - expected).max() <= 1
    assert (decoded[0] == 0).all() and (decoded[1] == 255).all()


def test_big_endian_sixteen_bits(generator):
    deep = generator.integers(0, 65536, (9, 11)).astype(np.uint16)
    data = b"P5 11 9 65535\n" + deep.astype(">u2").tobytes()
    assert np.abs(decode(data, "deep.pgm") - deep[..., None] / 257).max() <= 0.5


def test_floating_point_is_refused():
    data = encode(Image.fromarray(np.ones((16, 16), np.float32)), "TIFF")
    assert "more than 16 bits" in refusal(data, "scan.tif")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_over_white(kind, generator):
    color, alpha = smooth(generator), smooth(generator, channels=1)
    alpha[:10], alpha[10:20] = 0, 255
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode(encode(np.dstack([color, alpha]), kind, **options), "clear")
    expected = color * (alpha / 255) + 255 * (1 - alpha / 255)
    assert np.abs(decoded - expected).max() <= 1
    assert (decoded[:10] == 255).all() and (decoded[10:20] == color[10:20]).all()


def test_grey_with_transparency(generator):
    both = smooth(generator, channels=2)
    both[:5, :, 1] = 0
    layers = [Image.fromarray(np.ascontiguousarray(both[..., i])) for i in range(2)]
    decoded = decode(encode(Image.merge("LA", layers), "PNG"), "clear.png")
    grey, alpha = both[..., :1].astype(float), both[..., 1:] / 255
    assert np.abs(decoded - (grey * alpha + 255 * (1 - alpha))).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_and_its_transparency(kind):
    indices = np.arange(16 * 20, dtype=np.uint8).reshape(16, 20) % 3
    picture = Image.fromarray(indices).copy()
    picture.putpalette([250, 10, 20, 30, 240, 50, 60, 70, 230])
    colors = np.array([[250, 10, 20], [30, 240, 50], [60, 70, 230]])
    assert (decode(encode(picture, kind), "palette") == colors[indices]).all()
    colors[1] = 255
    assert (decode(encode(picture, kind, transparency=1), "palette") == colors[indices]).all()


def test_one_transparent_color(generator):
    image = np.zeros((16, 16, 3), np.uint8)
    image[:8] = 7, 8, 9
    decoded = decode(encode(image, "PNG", transparency=(7, 8, 9)), "keyed.png")
    assert (decoded[:8] == 255).all() and (decoded[8:] == 0).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind, generator):
    image = smooth(generator)
    data = encode(Image.fromarray(image).convert("CMYK"), kind)
    assert distance(decode(data, "printed"), image) < LOSSY


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (20, 16), color) for color in ("red", "lime", "blue")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    assert distance(decode(data, "moving"), np.full((16, 20, 3), [255, 0, 0])) < LOSSY


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(kind, orientation, generator):
    image = smooth(generator, 48, 32)
    turned = {  # how the stored pixels are to be shown, by the definition of the tag
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: image.swapaxes(0, 1),
        6: np.rot90(image, -1),
        7: np.rot90(image, 2).swapaxes(0, 1),
        8: np.rot90(image),
    }[orientation]
    assert distance(decode(encode(image, kind, exif=exif(orientation)), "turned"), turned) < LOSSY


def test_exif_rotation_of_a_reduced_jpeg(generator):
    image = smooth(generator, 640, 400)
    decoded = decode(encode(image, "JPEG", exif=exif(6)), "turned.jpg", at_least=50)
    expected = cv2.resize(np.rot90(image, -1), (160, 100), interpolation=cv2.INTER_AREA)
    assert distance(decoded, expected) < LOSSY


# Sizes


def test_at_least_keeps_twice_the_size(generator):
    for _ in range(20):
        height, width, at_least = (int(n) for n in generator.integers((20, 20, 8), (700, 700, 100)))
        image = smooth(generator, height, width)
        decoded = decode(encode(image, "JPEG", quality=95), "x.jpg", at_least=at_least)
        reduction = round(height / decoded.shape[0])
        assert decoded.shape[:2] == (-(-height // reduction), -(-width // reduction))
        assert reduction == 1 or min(decoded.shape[:2]) >= 2 * at_least
        assert reduction == 8 or min(height, width) // (2 * reduction) < 2 * at_least
        # A JPEG's blocks go beyond the picture: what is reduced at its edges is the edge, repeated.
        whole = np.pad(image, ((0, -height % reduction), (0, -width % reduction), (0, 0)), "edge")
        reference = cv2.resize(whole, decoded.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert distance(decoded, reference) < LOSSY


def test_ten_thousand_pixels_a_side():
    picture = Image.new("L", (10_000, 10_000), 200)
    decoded = decode(encode(picture, "JPEG", quality=30), "huge.jpg", at_least=64)
    assert decoded.shape == (1250, 1250, 3) and np.abs(decoded.astype(int) - 200).max() <= 1
    decoded = decode(encode(picture, "PNG", compress_level=1), "huge.png")
    assert decoded.shape == (10_000, 10_000, 3) and (decoded[::99, ::99] == 200).all()


def with_jpeg_size(data, height, width):
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[start + 4 :]


def test_decompression_bombs_are_refused(generator):
    jpeg = with_jpeg_size(encode(smooth(generator), "JPEG"), 65_000, 65_000)
    assert "too many pixels" in refusal(jpeg, at_least=64)
    png = bytearray(encode(smooth(generator), "PNG"))
    png[16:24] = (40_000).to_bytes(4, "big") * 2
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    assert "too many pixels" in refusal(bytes(png), "bomb.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 7)])
def test_tiny_pictures_are_refused(kind, size):
    assert f"is {size[0]} x {size[1]} pixels" in refusal(encode(Image.new("RGB", size), kind))
    assert decode(encode(Image.new("RGB", (8, 8)), kind), "small").shape == (8, 8, 3)


# Damage and what is no picture


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"exif": exif(8)}), ("PNG", {}), ("WEBP", {})]
    + [("TIFF", {}), ("GIF", {}), ("BMP", {})],
)
def test_truncated_files_are_refused_at_every_length(kind, options, generator):
    data = encode(generator.integers(0, 256, (40, 40, 3), dtype=np.uint8), kind, **options)
    assert decode(data, "whole").shape == (40, 40, 3)
    tail = {"JPEG": 1, "WEBP": 1, "PNG": 20, "TIFF": 300, "GIF": 3, "BMP": 3}[kind]  # may hold no pixels
    for length in [1, 2, 3, 10, 100, len(data) // 2, *generator.integers(1, len(data) - tail, 30)]:
        assert refusal(data[:length])
    if kind in ("JPEG", "WEBP"):
        refusal(data[:-1])


def test_truncated_jpeg_with_a_thumbnail_or_padding(generator):
    whole = encode(generator.integers(0, 256, (100, 100, 3), dtype=np.uint8), "JPEG")
    thumbnail = encode(smooth(generator, 16, 16), "JPEG")  # its end mark stands inside of the file
    data = whole[:2] + b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + whole[2:]
    assert decode(data, "camera.jpg").shape == (100, 100, 3)
    assert "cut short" in refusal(data[:-200])
    assert "cut short" in refusal(data[:-200] + bytes(20_000))  # space reserved by a download that stopped
    assert (decode(whole + bytes(99), "padded.jpg") == decode(whole, "whole.jpg")).all()


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_the_size_and_kind_of_a_jpeg_are_not_those_of_its_thumbnail(mode, generator):
    noise = Image.fromarray(generator.integers(0, 256, (600, 600, 3), dtype=np.uint8)).convert(mode)
    whole, thumbnail = encode(noise, "JPEG"), encode(smooth(generator, 16, 16), "JPEG")
    jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    exif = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    data = whole[:2] + jfif + exif + whole[2:]
    assert decode(data, "camera.jpg", at_least=64).shape == (150, 150, 3)
    assert "cut short" in refusal(data[: len(data) // 3] + b"\xff\xd9")


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_jpeg_cut_short_but_closed_is_refused(mode, orientation, generator, capfd):
    noise = generator.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise).convert(mode), "JPEG", exif=exif(orientation))
    decode(data, "whole.jpg")
    escaped = data.rindex(b"\xff\x00", 0, int(0.9 * len(data))) + 1  # a cut in the middle of an escaped byte
    for cut in [escaped, *generator.integers(0.4 * len(data), 0.9 * len(data), 10)]:
        assert "cut short" in refusal(data[:cut] + b"\xff\xd9")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_grey_background_is_no_damage(options, generator):
    image = np.full((96, 96, 3), 128, np.uint8)
    image[20:60, 30:70] = generator.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = encode(image, "JPEG", quality=95, **options)
    assert (decode(data, "studio.jpg")[[0, -1], [0, -1]] == 128).all()
    assert (decode(data + b"trailing", "studio.jpg")[-1, -1] == 128).all()


def test_random_bytes_never_give_anything_but_an_image_error(generator, capfd):
    whole = [encode(smooth(generator), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")]
    for _ in range(100):
        data = bytearray(whole[generator.integers(len(whole))])
        for position in generator.integers(0, len(data), 8):
            data[position] = generator.integers(256)
        try:
            assert decode(bytes(data), "garbled").dtype == np.uint8
        except ImageError as error:
            assert str(error).startswith("garbled ")
        refusal(b"\x89PNG\r\n\x1a\n" + bytes(data[9:40]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty (0 bytes)"),
        (b"\n <!DOCTYPE html><p>404", "web page"),
        (b"<html><body>Sign in", "web page"),
        (b"name,Smiling\n1.jpg,1\n", "no picture"),
        (b"PK\x03\x04" + bytes(50), "no picture"),
        (b"\xff\xd8\xff", "no picture, or its beginning is damaged"),
        (bytes(1000), "no picture"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "HEIC"),
    ],
)
def test_what_is_no_picture_is_named(data, words):
    assert words in refusal(data)


def test_read_image_names_the_file(tmp_path, generator):
    image = smooth(generator)
    path = tmp_path / "jalapeño 顔 \U0001f642.png"
    path.write_bytes(encode(image, "PNG"))
    assert (images.read_image(path) == image).all() and (images.read_image(str(path)) == image).all()
    with pytest.raises(FileNotFoundError, match=r"none\.png does not exist: check"):
        images.read_image(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is a folder: give a picture"):
        images.read_image(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(ImageError, match="顔 .*is empty"):
        images.read_image(path)


# Real photographs, where they are at hand


@pytest.mark.parametrize(
    ("archive", "crop"),
    [("lfw-dataset.zip", 118 / 250), ("celeba-dataset.zip", 148 / 178), ("anime-faces.zip", None)],
)
def test_real_photographs_agree_with_opencv(archive, crop, generator, real_archive):
    with zipfile.ZipFile(real_archive(archive)) as opened:
        names = [name for name in opened.namelist() if name.endswith(".jpg")]
        for name in generator.choice(names, 50):
            data = opened.read(name)
            image = decode(data, name)
            assert (image == cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)).all()
            assert resize(crop_square(image, crop), 64).shape == (64, 64, 3)
            assert "cut short" in refusal(data[: int(generator.integers(len(data) * 0.7, len(data)))])


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_damaged_exif_is_ignored(kind, generator):
    image = smooth(generator)
    header = b"Exif\x00\x00\x00\x08\x00\x02\x01\x12\x00\x03"
    options = {} if kind == "TIFF" else {"exif": header}
    assert distance(images.decode(encode(image, kind, **options), "x"), image) < LOSSY
