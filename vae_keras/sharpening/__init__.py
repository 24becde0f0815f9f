"""Sharper faces and better codes than a plain VAE gives: an adversarial decoder, and a diffusion model of the codes.

The names are loaded when they are first used, so that loading a model does not load what only training needs.
"""

import importlib

_MODULES = {
    "Sharpener": "adversarial",
    "build_discriminator": "adversarial",
    "sharpen": "adversarial",
    "Denoiser": "denoiser",
    "DiffusionPrior": "denoiser",
    "fit_denoiser": "denoiser",
    "gains": "denoiser",
}

__all__ = list(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        return getattr(importlib.import_module(f"vae_keras.sharpening.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'vae_keras.sharpening' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
