"""Files that are never half written, and weights at half the size."""

import contextlib
import dataclasses
import io
import os
import shutil
from pathlib import Path

import numpy as np


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


class Arrays:
    """A dataclass of arrays that share an .npz file with others: each has the name of its class and its own."""

    def to_arrays(self):
        """Return {name: float32 array}."""
        kind = type(self).__name__.lower()
        return {f"{kind}_{name}": np.float32(value) for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_arrays(cls, arrays):
        """Return the reverse of `to_arrays`; KeyError where one of them is not there."""
        names = [f"{cls.__name__.lower()}_{field.name}" for field in dataclasses.fields(cls)]
        return cls(*(np.float32(arrays[name]) for name in names))
