"""Steps that several commands share: load a model, read pictures, write faces, describe figures."""

import sys
from pathlib import Path

from vae_keras import storage
from vae_keras.cli.options import overrides
from vae_keras.config import printable

CHUNK = 2048  # faces decoded and written at a time: a multiple of the batch size of `latent.decode`


def load_model(options):
    """Return the model of --model, once it is sure that --out can be written: that is said before minutes of work."""
    from vae_keras import data, hub

    data.check_output(options.out, force=options.force)
    return hub.load(options.model, options.plain)


def read_images(options, model, face: int = 1):
    """Return a face of each picture of --images, as the model takes them. See `read_each` for those of a folder.

    Args:
        options: with `images`, `out` and `no_align`.
        model: a `Pretrained`.
        face: the number of the face in a photograph of several.

    Raises:
        ValueError: --out would replace them, or they cannot be used.
    """
    images, _ = read_faces(image_paths(options), model, not options.no_align, face)
    return images


def read_faces(paths, model, align: bool, face: int = 1):
    """Return a face of each picture at some paths, uint8 (n, size, size, 3), and a list of their n names."""
    import numpy as np

    from vae_keras.applications.photo import load_photos

    loaded, names = read_each(paths, lambda path: load_photos(path, model, align=align, face=face))
    return np.concatenate(loaded), names


def read_each(paths, read) -> tuple[list, list[str]]:
    """Read pictures one by one, with a bar on a terminal. One of a folder that cannot be used is named and left out.

    Args:
        paths: of pictures, folders or .npy.
        read: a function from the path of a picture or a .npy to what is wanted of it.

    Returns:
        What it gave for each picture, and the names of the pictures.

    Raises:
        FileNotFoundError: A path does not exist.
        ValueError: A picture that was named itself cannot be used, or none of those in the folders.
    """
    from tqdm import tqdm

    from vae_keras.data.images import ImageError
    from vae_keras.data.loading import find_pictures

    results, names = [], []
    for path in paths:
        if not path.is_dir():
            results.append(read(path))
            names += find_pictures(path)
            continue
        for name, file in tqdm(find_pictures(path).items(), unit="picture", disable=None, leave=False):
            try:
                results.append(read(file))
                names.append(name)
            except ImageError as error:
                print(f"left out: {printable(str(error))}", file=sys.stderr, flush=True)
    if not results:
        folders = ", ".join(map(str, paths))
        raise ValueError(f"None of the pictures in {folders} can be used: the lines above say why.")
    return results, names


def image_paths(options):
    """Return the paths of --images.

    Raises:
        ValueError: --out would replace one of them.
    """
    paths = paths_of(options.images)
    check_apart(options.out, paths)
    return paths


def check_apart(out: Path, paths, option: str = "--out") -> None:
    """Raise ValueError where an output is, or holds, one of the pictures that are read."""
    place = out.resolve()
    for path in paths:
        if place in (path.resolve(), *path.resolve().parents):
            raise ValueError(f"{out} holds the pictures to be read: give {option} another name.")


def paths_of(words) -> list[Path]:
    """Return the paths that somebody wrote, with ~ for the home folder."""
    return [Path(word).expanduser() for word in words]


def check_new_file(path, force: bool, magic: bytes | None = None) -> None:
    """Check, before the work is done, that a file that is no picture can be written.

    Args:
        path: of the file.
        force: whether to replace one of this name.
        magic: how a file begins that the program wrote, which may be replaced in any case.

    Raises:
        ValueError: A file or a folder of this name is there.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give --out the name of a file.")
    if not path.exists() or force:
        return
    with path.open("rb") as file:
        if magic and file.read(len(magic)) == magic:
            return
    raise ValueError(f"{path} already exists: give --out another name, or replace it with --force.")


def write_file(path, content: bytes) -> None:
    """Write a file; nothing half written is ever seen under its name."""
    path = path.resolve()
    with storage.replacing(path.parent, [path.name]) as (part,):
        part.write_bytes(content)


def write_faces(model, z, options) -> None:
    """Decode codes (n, latent_dim) and write their faces to --out; the rest as for `write_chunks`."""
    starts = range(0, len(z), CHUNK)
    write_chunks(model, (z[start : start + CHUNK] for start in starts), len(z), options)


def write_chunks(model, chunks, count: int, options) -> None:
    """Decode codes part by part, and write the faces of each part to --out before the next is asked for.

    Args:
        model: a `Pretrained`.
        chunks: codes (n, latent_dim), one array after the other.
        count: how many codes all chunks have.
        options: with `out` and `force`.
    """
    from tqdm import tqdm

    from vae_keras import data, latent

    size = model.vae.image_size
    bar = tqdm(chunks, total=-(-count // CHUNK), unit="chunk", disable=None, leave=False)
    faces = (latent.decode(model.vae, z) for z in bar)
    data.save_chunks(faces, (count, size, size, 3), options.out, force=options.force)
    print(f"wrote {options.out}: {count} face{'s' if count > 1 else ''}, {size}x{size}")


def sizes_of_chunks(count: int):
    """Return an iterator over how many faces each part has, of a count that need not fit into memory."""
    return (min(CHUNK, count - start) for start in range(0, count, CHUNK))


def describe_figures(figures: dict) -> str:
    """Return the figures of `evaluation.evaluate` as a line for people."""
    text = (
        "on {pictures} held-out pictures: squared error {squared_error:.5f}, PCA's {pca_squared_error:.5f}, "
        "ratio {ratio:.2f}; KL {kl:.1f} nats, {active_units} active units"
    ).format(**figures)
    if "distance" not in figures:
        return text
    distances = figures["distance"]
    return (
        f"{text}; distance by the classifier: reconstructions {distances['reconstructions']:.2f}, "
        f"new faces {distances['new']:.2f}, training pictures {distances['training']:.2f}"
    )


def load_faces_of(model, options, progress: bool = True):
    """Return pictures framed as a model was trained.

    Args:
        model: a `Pretrained`.
        options: with `data`, `pictures`, `layout`, `crop` and `split`. Without `data` the pictures are those of the
            model's training, taken for what they were taken for then, as many and split as then.
        progress: show a bar.

    Returns:
        A `data.Faces`.
    """
    from vae_keras import data

    card = model.card
    pictures, chosen = options.pictures, overrides(options)
    if options.data is None:
        pictures = pictures or card["limit"]
        then = card.get("overrides", {})
        chosen = {name: then.get(name) if value is None else value for name, value in chosen.items()}
    dataset = data.get_dataset(options.data or card["data"], align=card["find_face"], **chosen)
    return data.load_faces(dataset, model.vae.image_size, pictures, progress=progress)


def check_parts(faces) -> None:
    """Raise ValueError where there are no pictures to train on, to validate or to test with."""
    parts = {"training": faces.train, "validation": faces.validation, "test": faces.test}
    for name, images in parts.items():
        if len(images) == 0:
            raise ValueError(
                f"{faces.dataset.title} has no {name} pictures here: give an archive that has some."
            )
