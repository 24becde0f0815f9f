"""Files that are never half written, and weights at half the size."""

import contextlib
import io
import os
import shutil
from pathlib import Path


@contextlib.contextmanager
def replacing(folder, names):
    """Make a folder and give paths to write to; at the end what stands there takes the place of `names` in it.

    Those are files, or folders whose place is free by then. Where the block fails, what is new is removed and the old
    stays.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = [folder / f".part-{name}" for name in names]
    _remove(parts)  # of a run that was killed
    try:
        yield parts
        for part, name in zip(parts, names, strict=True):
            os.replace(part, folder / name)
    finally:
        _remove(parts)


def _remove(parts):
    for part in parts:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def save_weights(model, path):
    """Write the weights of a Keras model alone, without an optimizer's; matrices and kernels as float16."""
    import h5py

    model.save_weights(path)
    halved = io.BytesIO()
    with h5py.File(path) as old, h5py.File(halved, "w") as new:

        def copy(name, item):
            if name.split("/")[0] == "optimizer":  # twice as much again
                return
            if isinstance(item, h5py.Dataset):
                new[name] = item[()].astype("float16" if item.ndim > 1 else item.dtype)
            else:
                new.require_group(name)
            new[name].attrs.update(item.attrs)

        old.visititems(copy)
        new.attrs.update(old.attrs)
    Path(path).write_bytes(halved.getvalue())
