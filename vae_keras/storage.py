"""Files that are never half written, and weights at half the size."""

import contextlib
import os
from pathlib import Path


@contextlib.contextmanager
def replacing(folder, names):
    """Make a folder and give paths to write to; at the end what stands there takes the place of the files `names`.

    Where the block fails, the new files are removed and the old ones stay.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = [folder / f"part-{name}" for name in names]
    try:
        yield parts
        for part, name in zip(parts, names, strict=True):
            os.replace(part, folder / name)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def save_weights(model, path, half=True):
    """Write the weights of a Keras model; with `half`, matrices and kernels as float16 (vectors stay float32)."""
    model.save_weights(path)
    if half:
        _halve(Path(path))


def _halve(path):
    import h5py

    halved = path.with_name(f"half-{path.name}")
    try:
        with h5py.File(path) as old, h5py.File(halved, "w") as new:

            def copy(name, item):
                if isinstance(item, h5py.Dataset):
                    kind = "float16" if item.ndim > 1 else item.dtype
                    new.create_dataset(name, data=item[()].astype(kind))
                else:
                    new.require_group(name)
                for key, value in item.attrs.items():
                    new[name].attrs[key] = value

            old.visititems(copy)
            for key, value in old.attrs.items():
                new.attrs[key] = value
        os.replace(halved, path)
    finally:
        halved.unlink(missing_ok=True)
