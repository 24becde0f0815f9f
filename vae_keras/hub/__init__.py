"""Model folders: load a model by its name or folder, save one, and what a loaded model can do.

The names are loaded when they are first used, so that the command line can list the models at once.
"""

import importlib

from vae_keras.hub.cards import model_names

_MODULES = {
    "Pretrained": "pretrained",
    "check_folder": "folders",
    "claim_folder": "folders",
    "load": "folders",
    "load_for": "folders",
    "save": "folders",
}

__all__ = ["model_names", *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return getattr(importlib.import_module(f"vae_keras.hub.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'vae_keras.hub' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
