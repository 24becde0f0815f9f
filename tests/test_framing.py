"""Framing: crop, face and size, the same for training pictures and a person's own."""

import cv2
import numpy as np
import pytest
from made_pictures import encode, new_generator, write

from vae_keras.data import ImageError, framing, get_dataset, load_faces, load_images


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


def test_find_face():
    skimage_data = pytest.importorskip("skimage.data")
    astronaut = skimage_data.astronaut()  # 512 x 512, her eyes near (row 115, columns 205 and 245)
    face = framing.find_face(astronaut)
    assert face.shape[0] == face.shape[1] and 90 < face.shape[0] < 300
    wanted = astronaut[90:150, 195:255]  # eyes and nose lie in what was found
    found = cv2.matchTemplate(face, wanted, cv2.TM_SQDIFF)
    assert found.min() < 100  # of some 100,000,000; it is computed by a Fourier transform
    wide = framing.find_face(astronaut, fraction=100)
    assert (wide == astronaut).all()
    large = framing.find_face(cv2.resize(astronaut, (1536, 1536)))
    assert abs(large.shape[0] / face.shape[0] - 3) < 0.5
    found = cv2.matchTemplate(framing.resize(large, len(face)), wanted, cv2.TM_CCOEFF_NORMED)
    here = cv2.matchTemplate(face, wanted, cv2.TM_CCOEFF_NORMED)
    assert np.abs(np.subtract(cv2.minMaxLoc(found)[3], cv2.minMaxLoc(here)[3])).max() < len(face) / 8
    with pytest.raises(ImageError, match=r"^sea\.jpg shows no face .*: crop"):
        framing.find_face(np.full((100, 80, 3), 90, np.uint8), name="sea.jpg")


class OneFace:
    """In the place of scikit-image's cascade: it finds these faces."""

    found = [
        {"r": 10, "c": 20, "width": 30, "height": 30},
        {"r": 100, "c": 120, "width": 100, "height": 100},
    ]

    def __init__(self, path):
        pass

    def detect_multi_scale(self, *arguments):
        return self.found


@pytest.mark.parametrize("scale", [1, 2])
def test_the_square_lies_so_around_the_largest_face(scale, monkeypatch, generator):
    monkeypatch.setattr("skimage.feature.Cascade", OneFace)
    image = generator.integers(0, 256, (400 * scale, 400 * scale, 3), dtype=np.uint8)
    # Side 1.4 faces; the centre 0.35 faces from the top, and in the middle between left and right.
    expected = image[65 * scale : 205 * scale, 100 * scale : 240 * scale]
    assert (framing.find_face(image) == expected).all()
    assert framing.find_face(image, fraction=2.0).shape == (200 * scale, 200 * scale, 3)


def test_the_square_stays_inside_the_picture(monkeypatch, generator):
    monkeypatch.setattr("skimage.feature.Cascade", OneFace)
    monkeypatch.setattr(OneFace, "found", [{"r": 0, "c": 240, "width": 60, "height": 60}])
    image = generator.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    assert (framing.find_face(image) == image[:84, 216:]).all()


def test_frame_crops_or_finds_and_resizes(monkeypatch, generator):
    monkeypatch.setattr("skimage.feature.Cascade", OneFace)
    image = generator.integers(0, 256, (400, 300, 3), dtype=np.uint8)
    resized = framing.resize(framing.crop_square(image, 0.5), 64)
    assert (framing.frame(image, 64, crop=0.5) == resized).all()
    assert (framing.frame(image, 64) == framing.resize(image[50:350], 64)).all()
    found = framing.resize(framing.find_face(image), 64)
    assert (framing.frame(image, 64, crop=0.5, around_face=True) == found).all()
    ready = image[:64, :64]
    assert framing.frame(ready, 64, crop=0.5, around_face=True) is ready


def test_needed_side():
    assert framing.needed_side(64) == framing.needed_side(64, 1.0) == framing.needed_side(64, 3.0) == 64
    assert framing.needed_side(64, 148 / 178) == 77
    assert framing.needed_side(64, 0.5, around_face=True) == 1024


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
