"""Variational autoencoders for faces: the thin module that the lessons import.

Rooms for each lesson (CONTRIBUTING.md lists them): `config` and `plots` for all, `sources` and `data` for 01, `model`
for 02, `training` for 03, `latent`, `metrics` and `pretrained` after it. A room is loaded when it is first used, so
`import vae_keras` costs next to nothing.
"""

import importlib
from pathlib import Path

from vae_keras.config import Config, get_config

__version__ = "0.1.0"

_ROOMS = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))

__all__ = ["Config", "get_config", *_ROOMS]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"vae_keras.{name}")
    raise AttributeError(f"module 'vae_keras' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
