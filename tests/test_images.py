"""Reading, refusing, cropping, resizing and writing pictures, with files made on the fly."""

import io
import os
import sys
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vae_keras import images
from vae_keras.images import ImageError, decode, load_images, save_images

LOSSY = 6.0  # mean difference in grey levels that a lossy format may cost on a smooth picture
DATA = Path(os.environ.get("VAE_KERAS_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture
def generator(request):
    """New random numbers in every run; the seed stands in the report of a test that fails."""
    seed = int.from_bytes(os.urandom(4), "big")
    request.node.user_properties.append(("seed", seed))
    print("seed", seed)
    return np.random.default_rng(seed)


def smooth(generator, height=48, width=40, channels=3):
    """A smooth random picture: lossy formats keep it nearly as it is."""
    coarse = generator.integers(0, 256, (4, 4, channels), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(
        height, width, channels
    )


def encode(picture, kind, **options):
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation):
    table = Image.Exif()
    table[0x0112] = orientation
    return table


def distance(one, other):
    assert one.shape == other.shape
    return np.abs(one.astype(float) - other.astype(float)).mean()


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


# Crop, face, resize


def test_crop_square_is_centred(generator):
    celeba = generator.integers(0, 256, (218, 178, 3), dtype=np.uint8)
    assert (images.crop_square(celeba, 148 / 178) == celeba[35:183, 15:163]).all()
    lfw = generator.integers(0, 256, (250, 250, 3), dtype=np.uint8)
    assert (images.crop_square(lfw, 118 / 250) == lfw[66:184, 66:184]).all()
    assert (images.crop_square(celeba) == celeba[20:198]).all()
    assert images.crop_square(celeba.swapaxes(0, 1), 1).shape == (178, 178, 3)
    assert images.crop_square(celeba, 3.0).shape == (178, 178, 3)
    for fraction in (0, -1, 1e-9):
        with pytest.raises(ValueError, match="leaves nothing"):
            images.crop_square(celeba, fraction)


def test_resize_averages_to_shrink_and_is_cubic_to_grow(generator):
    image = generator.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    means = image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(images.resize(image, 64) - means).max() <= 0.5
    assert (images.resize(image, 200) == cv2.resize(image, (200, 200), interpolation=cv2.INTER_CUBIC)).all()
    assert (images.resize(image, 128) == image).all()
    assert images.resize(image[:100, :90], 64).shape == (64, 64, 3)


def test_find_face():
    skimage_data = pytest.importorskip("skimage.data")
    astronaut = skimage_data.astronaut()  # 512 x 512, her eyes near (row 115, columns 205 and 245)
    face = images.find_face(astronaut)
    assert face.shape[0] == face.shape[1] and 90 < face.shape[0] < 300
    wanted = astronaut[90:150, 195:255]  # eyes and nose lie in what was found
    found = cv2.matchTemplate(face, wanted, cv2.TM_SQDIFF)
    assert found.min() < 1
    wide = images.find_face(astronaut, fraction=100)
    assert (wide == astronaut).all()
    large = images.find_face(cv2.resize(astronaut, (1536, 1536)))
    assert abs(large.shape[0] / face.shape[0] - 3) < 0.5
    found = cv2.matchTemplate(images.resize(large, len(face)), wanted, cv2.TM_CCOEFF_NORMED)
    here = cv2.matchTemplate(face, wanted, cv2.TM_CCOEFF_NORMED)
    assert np.abs(np.subtract(cv2.minMaxLoc(found)[3], cv2.minMaxLoc(here)[3])).max() < len(face) / 8
    with pytest.raises(ImageError, match=r"^sea\.jpg shows no face .*: crop"):
        images.find_face(np.full((100, 80, 3), 90, np.uint8), name="sea.jpg")


# Sets of pictures


def test_load_a_folder_sorted_with_unicode_names(tmp_path, generator):
    faces = {name: smooth(generator, 80, 60) for name in ("b.png", "a.PNG", "é顔.png", "in/c.png", "B.png")}
    for name, face in faces.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode(face, "PNG"))
    for name in ("attributes.csv", ".hidden.png", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"no picture")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._a.png").write_bytes(b"no picture")
    loaded, names = load_images(tmp_path, 32)
    assert names == sorted(faces) == ["B.png", "a.PNG", "b.png", "in/c.png", "é顔.png"]
    for image, name in zip(loaded, names, strict=True):
        assert (image == cv2.resize(faces[name][10:70], (32, 32), interpolation=cv2.INTER_AREA)).all()
    cropped, _ = load_images(tmp_path, 32, crop=0.5)
    assert (cropped[0] == images.resize(faces["B.png"][25:55, 15:45], 32)).all()


def test_load_one_picture_and_never_crop_what_has_the_size(tmp_path, generator):
    face = smooth(generator, 64, 64)
    (tmp_path / "x.png").write_bytes(encode(face, "PNG"))
    loaded, names = load_images(tmp_path / "x.png", 64, crop=0.5, find_face=True)
    assert names == ["x.png"] and (loaded[0] == face).all()
    assert (load_images(tmp_path / "x.png", 32, crop=0.5)[0][0] == face[16:48, 16:48]).all()


def test_load_reduces_large_jpegs_and_keeps_them_sharp(tmp_path, generator):
    fine = generator.integers(0, 256, (160, 120, 3), dtype=np.uint8)
    image = cv2.resize(fine, (1200, 1600), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "x.jpg").write_bytes(encode(image, "JPEG", quality=95))
    for crop, allowed in ((None, 12), (0.5, 12), (0.1, 3)):  # of a difference of 60 between any two
        expected = images.resize(images.crop_square(image, crop), 64)
        assert distance(load_images(tmp_path / "x.jpg", 64, crop=crop)[0][0], expected) < allowed


def test_load_names_all_that_cannot_be_used(tmp_path, generator):
    (tmp_path / "good.png").write_bytes(encode(smooth(generator), "PNG"))
    (tmp_path / "bad1.jpg").write_bytes(b"<html>")
    (tmp_path / "bad2.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match=r"bad1\.jpg is a web page.*bad2\.jpg is empty") as error:
        load_images(tmp_path)
    assert "good" not in str(error.value) and "\n" not in str(error.value)
    for i in range(30):
        (tmp_path / f"c{i}.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match="And 12 more such pictures"):
        load_images(tmp_path)


def test_load_finds_faces_where_asked(tmp_path):
    astronaut = pytest.importorskip("skimage.data").astronaut()
    (tmp_path / "x.png").write_bytes(encode(astronaut, "PNG"))
    loaded, _ = load_images(tmp_path, 64, find_face=True)
    assert (loaded[0] == images.resize(images.find_face(astronaut), 64)).all()
    (tmp_path / "y.png").write_bytes(encode(np.zeros((99, 99, 3), np.uint8), "PNG"))
    with pytest.raises(ImageError, match="y.png shows no face"):
        load_images(tmp_path, 64, find_face=True)


def test_load_what_is_not_there(tmp_path):
    for name in ("none", "none.npy", "none.jpg"):
        with pytest.raises(FileNotFoundError, match=f"{name} does not exist"):
            load_images(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty holds no pictures .*: check"):
        load_images(tmp_path / "empty")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 64, 64, 3), np.float32), r"float32 of shape \[2, 64, 64, 3\]"),
        (np.zeros((2, 64, 64), np.uint8), r"shape \[2, 64, 64\]"),
        (np.zeros((64, 64, 3), np.uint8), "give uint8 RGB pictures"),
        (np.zeros((2, 64, 64, 4), np.uint8), "shape"),
        (np.zeros((0, 64, 64, 3), np.uint8), "n from 1"),
        (np.zeros((2, 1, 1, 3), np.uint8), "sides from 8"),
        (np.array({"a": 1}), "no whole .npy"),
        (np.array(3), "int64 of shape"),
    ],
)
def test_npy_of_another_form_is_refused(tmp_path, array, words):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(ImageError, match=rf"x\.npy .*{words}.*"):
        load_images(tmp_path / "x.npy")


def test_damaged_npy_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((9, 64, 64, 3), np.uint8))
    data = (tmp_path / "x.npy").read_bytes()
    for part in (b"", data[:50], data[:-1], b"<html>"):
        (tmp_path / "x.npy").write_bytes(part)
        with pytest.raises(ImageError, match=r"x\.npy is no whole \.npy"):
            load_images(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["faces.npy", "faces.NPY", "faces", "顔 ü/new/faces.npy", "顔 ü/new/faces"])
def test_round_trip(tmp_path, name, generator):
    faces = generator.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    save_images(faces, tmp_path / name)
    loaded, names = load_images(tmp_path / name, 32, crop=0.5)
    assert (loaded == faces).all() and len(set(names)) == 12
    save_images(faces[::-1][:7], str(tmp_path / name))  # again: replaced as a whole, nothing old stays
    assert (load_images(tmp_path / name, 32)[0] == faces[::-1][:7]).all()
    assert [file.name for file in (tmp_path / name).parent.iterdir()] == [Path(name).name]
    half, _ = load_images(tmp_path / name, 16)
    assert (half[0] == images.resize(faces[-1], 16)).all()


def test_grid():
    faces = np.stack([np.full((8, 6, 3), i + 1, np.uint8) for i in range(5)])
    grid = images.grid_image(faces, columns=3)
    assert grid.shape == (2 * 8 + 2, 3 * 6 + 2 * 2, 3) and grid.dtype == np.uint8
    assert (grid[:8, :6] == 1).all() and (grid[:8, 8:14] == 2).all() and (grid[10:, 8:14] == 5).all()
    assert (grid[8:10] == 255).all() and (grid[:, 6:8] == 255).all() and (grid[10:, 16:] == 255).all()
    assert (images.grid_image(faces[:1]) == faces[0]).all()
    widths = {n: images.grid_image(np.zeros((n, 8, 8, 3), np.uint8)).shape[1] for n in (2, 4, 8, 10, 64, 7)}
    assert {n: (width + 2) // 10 for n, width in widths.items()} == {2: 2, 4: 2, 8: 4, 10: 5, 64: 8, 7: 3}
    assert images.grid_image(faces, columns=99).shape[1] == 5 * 8 - 2


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_save_a_grid(tmp_path, suffix, generator):
    faces = np.stack([smooth(generator, 32, 32) for _ in range(6)])
    save_images(faces, tmp_path / f"grid ü{suffix}")
    decoded = images.read_image(tmp_path / f"grid ü{suffix}")
    assert distance(decoded, images.grid_image(faces)) < LOSSY
    assert len(list(tmp_path.iterdir())) == 1


def test_save_refuses_with_a_sentence_and_leaves_nothing(tmp_path, generator):
    faces = generator.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "mine.jpg").write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"mine")
    before = sorted(tmp_path.rglob("*"))
    for images_, name, words in [
        (faces, "faces.txt", r"ends in \.txt: give"),
        (faces, "faces.heic", "cannot be written"),
        (faces, "photographs", "already exists and holds something else"),
        (faces, "file", "already exists"),
        (faces, "file/faces.npy", "cannot be written"),
        (faces / 255, "faces.npy", "float64"),
        (faces[0], "faces.png", "shape"),
        (faces[:0], "faces.npy", "shape"),
        (np.zeros((1, 66_000, 8, 3), np.uint8), "faces.jpg", "cannot be written"),
        (np.zeros((1, 17_000, 8, 3), np.uint8), "faces.webp", "cannot be written"),
    ]:
        with pytest.raises(ImageError, match=words) as error:
            save_images(images_, tmp_path / name)
        assert "\n" not in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["faces.npy", "faces.png", "faces"])
def test_an_interrupted_save_keeps_the_old(tmp_path, name, generator, monkeypatch):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    save_images(faces, tmp_path / name)
    old = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    save, count = Image.Image.save, []

    def interrupted(self, *arguments, **options):
        save(self, *arguments, **options)
        count.append(1)
        if len(count) == (2 if name == "faces" else 1):
            raise KeyboardInterrupt

    def interrupted_array(file, array):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    monkeypatch.setattr(np, "save", interrupted_array)
    with pytest.raises(KeyboardInterrupt):
        save_images(255 - faces, tmp_path / name)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == old
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_save_left_is_no_obstacle(tmp_path, generator):
    faces = generator.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    (tmp_path / ".part-faces" / "00007.png").parent.mkdir()
    (tmp_path / ".part-faces" / "00007.png").write_bytes(b"half")
    save_images(faces, tmp_path / "faces")
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]
    assert (load_images(tmp_path / "faces", 16)[0] == faces).all()


def test_import_is_light():
    import subprocess

    code = "import sys, vae_keras.images; print([m for m in ('tensorflow', 'skimage', 'pandas') if m in sys.modules])"
    root = Path(__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


# Real photographs, where they are at hand


@pytest.mark.parametrize(
    ("archive", "crop"),
    [("lfw-dataset.zip", 118 / 250), ("celeba-dataset.zip", 148 / 178), ("anime-faces.zip", None)],
)
def test_real_photographs_agree_with_opencv(archive, crop, generator):
    if not (DATA / archive).is_file():
        pytest.skip(f"{archive} is not in VAE_KERAS_DATA")
    with zipfile.ZipFile(DATA / archive) as opened:
        names = [name for name in opened.namelist() if name.endswith(".jpg")]
        for name in generator.choice(names, 50):
            data = opened.read(name)
            image = decode(data, name)
            assert (image == cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)).all()
            assert images.resize(images.crop_square(image, crop), 64).shape == (64, 64, 3)
            assert "cut short" in refusal(data[: int(generator.integers(len(data) * 0.7, len(data)))])
