"""Framing: crop, face and size, the same for training pictures and a person's own."""

import cv2
import numpy as np
import pytest
from made_pictures import encode, new_generator, write

from vae_keras.data import ImageError, alignment, framing, get_dataset, load_faces, load_images


@pytest.fixture
def generator(request):
    return new_generator(request)


def test_crop_square_is_centred(generator):
    celeba = generator.integers(0, 256, (218, 178, 3), dtype=np.uint8)
    assert (framing.crop_square(celeba, 148 / 178) == celeba[35:183, 15:163]).all()
    lfw = generator.integers(0, 256, (250, 250, 3), dtype=np.uint8)
    assert (framing.crop_square(lfw, 118 / 250) == lfw[66:184, 66:184]).all()
    assert (framing.crop_square(celeba) == celeba[20:198]).all()
    assert framing.crop_square(celeba.swapaxes(0, 1), 1).shape == (178, 178, 3)
    assert framing.crop_square(celeba, 3.0).shape == (178, 178, 3)
    for fraction in (0, -1, 1e-9):
        with pytest.raises(ValueError, match="leaves nothing"):
            framing.crop_square(celeba, fraction)


def test_resize_averages_to_shrink_and_is_cubic_to_grow(generator):
    image = generator.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    means = image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(framing.resize(image, 64) - means).max() <= 0.5
    assert (framing.resize(image, 200) == cv2.resize(image, (200, 200), interpolation=cv2.INTER_CUBIC)).all()
    assert (framing.resize(image, 128) == image).all()
    assert framing.resize(image[:100, :90], 64).shape == (64, 64, 3)


class TwoFaces:
    """In the place of MTCNN: it finds a small face and a large one, wherever it looks."""

    def detect_faces(self, image, **options):
        points = np.array(alignment.TEMPLATE)
        return [described(20 * points + 5, 20), described(60 * points + 30, 60)]


def described(points, side):
    keypoints = dict(zip(alignment.POINTS, points.tolist()))
    return {"box": [*points.min(axis=0), side, side], "keypoints": keypoints, "confidence": 1.0}


def test_frame_crops_or_aligns_the_largest_face(monkeypatch, generator):
    monkeypatch.setattr(alignment, "_finder", TwoFaces)
    image = generator.integers(0, 256, (80, 100, 3), dtype=np.uint8)
    resized = framing.resize(framing.crop_square(image, 0.5), 64)
    assert (framing.frame(image, 64, crop=0.5) == resized).all()
    assert (framing.frame(image, 64) == framing.resize(image[:, 10:90], 64)).all()
    border = round(alignment.BORDER * 100)
    points = 60 * np.array(alignment.TEMPLATE) + 30 - border
    face = alignment.FoundFace(points, (0, 0, 60, 60))
    expected = alignment.align_face(image, face, alignment.TEMPLATE, 64).image
    assert (framing.frame(image, 64, crop=0.5, align=True) == expected).all()
    ready = image[:64, :64]
    assert framing.frame(ready, 64, crop=0.5, align=True) is ready


def test_an_aligned_astronaut_looks_like_a_picture_of_celeba():
    pytest.importorskip("mtcnn")
    astronaut = pytest.importorskip("skimage.data").astronaut()  # her pupils: near (204, 101), (245, 102)
    for size in (512, 1536):
        picture = cv2.resize(astronaut, (size, size))
        points = np.array([[204, 101], [245, 102]]) * size / 512
        found = alignment.find_faces(picture, framing.SMALL_COPY)
        matrix = alignment.align_face(picture, found[0], alignment.TEMPLATE, 64).matrix
        eyes = points @ matrix[:, :2].T + matrix[:, 2]
        np.testing.assert_allclose(eyes, 64 * np.array(alignment.TEMPLATE[:2]), atol=2.5)
    with pytest.raises(ImageError, match=r"^sea\.jpg shows no face .*: crop"):
        framing.frame(np.full((100, 80, 3), 90, np.uint8), 64, align=True, name="sea.jpg")


def test_the_template_is_that_of_celeba():
    from vae_keras.hub.cards import SHIPPED, read_card

    assert read_card(SHIPPED / "celeba")["template"] == [list(point) for point in alignment.TEMPLATE]


def test_without_the_finder_it_is_said_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImageError, match=r"needs the package mtcnn: run pip install"):
        get_dataset(
            write(tmp_path / "mine", {"one.png": encode(np.zeros((9, 9, 3), np.uint8), "PNG")}), align=True
        )


def test_needed_side():
    assert framing.needed_side(64) == framing.needed_side(64, 1.0) == framing.needed_side(64, 3.0) == 64
    assert framing.needed_side(64, 148 / 178) == 77
    assert framing.needed_side(64, 0.5, align=True) == 1024


@pytest.mark.parametrize("height, width", [(218, 178), (64, 64), (70, 90)])
def test_training_and_reading_frame_alike(height, width, tmp_path, monkeypatch):
    """CelebA's pictures as published and cropped by somebody: a model reads them as it was trained on them."""
    monkeypatch.setenv("VAE_KERAS_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    names = [f"{i:06d}.jpg" for i in range(1, 49)]
    files = {
        f"img_align_celeba/{name}": encode(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), "JPEG")
        for name in names
    }
    files["list_eval_partition.txt"] = "".join(f"{name} {i % 3}\n" for i, name in enumerate(names))
    files["list_attr_celeba.txt"] = "48\nMale\n" + "".join(f"{name} 1\n" for name in names)
    path = write(tmp_path / "celeba", files)
    faces = load_faces(get_dataset(path), image_size=64, progress=False)
    assert faces.dataset.name == "celeba"
    read, found = load_images(path / "img_align_celeba", 64, crop=faces.dataset.crop)
    for image, name in zip(read, found, strict=True):
        assert (faces.images[faces.table.index.get_loc(name)] == image).all()
