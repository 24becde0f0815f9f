"""Pictures, folders and archives that tests make on the fly."""

import io
import os
import zipfile

import cv2
import numpy as np
from PIL import Image

LOSSY = 6.0  # mean difference in grey levels that a lossy format may cost on a smooth picture


def new_generator(request):
    """New random numbers in every run; the seed stands in the report of a test that fails."""
    seed = int.from_bytes(os.urandom(4), "big")
    request.node.user_properties.append(("seed", seed))
    print("seed", seed)
    return np.random.default_rng(seed)


def smooth(generator, height=48, width=40, channels=3):
    """A smooth random picture: lossy formats keep it nearly as it is."""
    coarse = generator.integers(0, 256, (4, 4, channels), dtype=np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return picture.reshape(height, width, channels)


def encode(picture, kind, **options):
    """The bytes of a picture in a format of Pillow's."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def distance(one, other):
    """The mean difference of two pictures, in grey levels."""
    assert one.shape == other.shape
    return np.abs(one.astype(float) - other.astype(float)).mean()


def picture(seed, height=24, width=20):
    """A small JPEG that differs from those of all other seeds."""
    corners = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", cv2.resize(corners, (width, height)))[1].tobytes()


def write(root, files):
    """Writes {name: bytes or text} as a folder, or as a zip when the name ends so; returns the path."""
    if root.suffix == ".zip":
        root.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(root, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return root
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def folder_of(tmp_path, count, **more):
    """A folder of pictures of 50 x 60 pixels, and of `more` files."""
    files = {f"{i:03d}.jpg": picture(i, 60, 50) for i in range(count)}
    return write(tmp_path / "mine", files | more)


CELEBA = [f"{i:06d}.jpg" for i in range(1, 49)]
ROWS = [
    (name, i % 3, 1 if i % 2 else -1, -1 if i % 4 else 1) for i, name in enumerate([*CELEBA, "000099.jpg"])
]
KAGGLE_TABLES = {
    "list_eval_partition.csv": "image_id,partition\n" + "".join(f"{n},{p}\n" for n, p, _, _ in ROWS),
    "list_attr_celeba.csv": "image_id,Male,Smiling\n" + "".join(f"{n},{a},{b}\n" for n, _, a, b in ROWS),
}
OFFICIAL_TABLES = {
    "list_eval_partition.txt": "".join(f"{n} {p}\n" for n, p, _, _ in ROWS),
    "list_attr_celeba.txt": "49\nMale Smiling \n" + "".join(f"{n} {a:2d} {b:2d}\n" for n, _, a, b in ROWS),
}


def celeba(layout, root):
    """Forty-eight pictures laid out like CelebA; the path."""
    pictures = {name: picture(i) for i, name in enumerate(CELEBA)}
    if layout.startswith("kaggle"):
        inside = {f"img_align_celeba/img_align_celeba/{name}": data for name, data in pictures.items()}
        return write(
            root / ("celeba-dataset.zip" if "zip" in layout else "celeba-dataset"), inside | KAGGLE_TABLES
        )
    inside = {f"img_align_celeba/{name}": data for name, data in pictures.items()}
    if layout == "official folder":
        return write(root, inside | OFFICIAL_TABLES)
    tables = dict(OFFICIAL_TABLES)
    if layout == "official tree":
        tables = {"Eval/list_eval_partition.txt": tables["list_eval_partition.txt"]}
        tables["Anno/list_attr_celeba.txt"] = OFFICIAL_TABLES["list_attr_celeba.txt"]
    write(root / ("Img" if layout == "official tree" else ".") / "img_align_celeba.zip", inside)
    return write(root, tables)


def lfw(root):
    """Two pictures each of sixty people, laid out like LFW; the path."""
    names = [f"Person_{p}/Person_{p}_{i:04d}.jpg" for p in range(60) for i in range(1, 3)]
    prefix = "lfw-deepfunneled/lfw-deepfunneled/"
    files = {prefix + name: picture(i, 250, 250) for i, name in enumerate(names)}
    return write(root, {"lfw_allnames.csv": "name,images\n", **files})
