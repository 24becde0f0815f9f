"""Variational autoencoders for faces: the module that the lessons import.

What the lessons explain stands in `model`, `training`, `priors`, `latent`, `directions`, `layers`, `optimizers`,
`pipeline`, `plots` and `config`; what stands behind them in the packages `data`, `sharpening`, `evaluation`,
`applications`, `hub`, `release` and `cli`. Importing `vae_keras` registers its Keras classes, so that
`keras.models.load_model` finds them; everything else is loaded when it is first used.
"""

import importlib
import os
import sys
from pathlib import Path

from vae_keras.backend import BACKENDS
from vae_keras.memory import keep_freed_memory

__version__ = "0.2.0"

# A name that is used often, and the module that it stands in.
_EXPORTS = {
    "VAE": "model",
    "Sampling": "model",
    "Settings": "config",
    "settings": "config",
    "load": "hub",
}
_MODULES = (
    "applications backend checks cli config data directions evaluation hub latent layers memory model "
    "optimizers pipeline plots priors release sharpening storage training"
).split()
# Modules whose classes Keras has to know to load a file.
_KERAS_CLASSES = ("layers", "model", "optimizers", "evaluation.distances", "sharpening.denoiser")

__all__ = ["__version__", *_EXPORTS, *_MODULES]


def __getattr__(name):
    if name in _EXPORTS:
        return getattr(importlib.import_module(f"vae_keras.{_EXPORTS[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"vae_keras.{name}")
    raise AttributeError(f"module 'vae_keras' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


def _check_backend(keras):
    """Raise ImportError, in a sentence, where Keras runs on something that these models do not run on."""
    name, layout = keras.backend.backend(), keras.backend.image_data_format()
    if name not in BACKENDS:
        raise ImportError(
            f"vae_keras runs on {', '.join(BACKENDS)}, and Keras is set to {name}: set KERAS_BACKEND to one of them "
            "before Keras is imported, or change it in ~/.keras/keras.json."
        )
    if layout != "channels_last":
        raise ImportError(
            f"vae_keras takes images with channels last, and Keras is set to {layout}: call "
            "keras.config.set_image_data_format('channels_last') first, or change it in ~/.keras/keras.json."
        )


def register():
    """Import Keras and the modules that register classes with it.

    Raises:
        ImportError: Keras is set to a backend that is not installed or not supported, or to channels first.
    """
    try:
        import keras
    except ModuleNotFoundError as error:
        if error.name not in BACKENDS:
            raise
        raise ImportError(
            f"Keras is set to {error.name}, which is not installed: install it, or set KERAS_BACKEND to another of "
            f"{', '.join(BACKENDS)}."
        ) from error

    _check_backend(keras)
    for name in _KERAS_CLASSES:
        importlib.import_module(f"vae_keras.{name}")


def _is_command():
    """Return whether Python was started to run the command line: it registers later, and answers --help at once."""
    script = Path(sys.argv[0] if sys.argv else "").stem
    return script == "vae-keras" or (script == "-m" and "vae_keras" in sys.orig_argv)


keep_freed_memory()
if not _is_command():
    # TensorFlow then writes warnings and errors, but no notes on the processor.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    register()
