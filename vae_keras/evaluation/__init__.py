"""How good reconstructions and new faces are: errors, distances of sets, and what a classifier sees in them.

The names are loaded when they are first used, so that a model can be loaded without scikit-learn and its like.
"""

import importlib

_MODULES = {
    "AttributeClassifier": "classifier",
    "build_classifier": "classifier",
    "load_classifier": "classifier",
    "dci": "disentanglement",
    "disentanglement_scores": "disentanglement",
    "mutual_information_gap": "disentanglement",
    "separated_predictability": "disentanglement",
    "KernelDistance": "distances",
    "density_and_coverage": "distances",
    "diversity": "distances",
    "frechet_distance": "distances",
    "kernel_distance": "distances",
    "squared_mmd": "distances",
    "fit_pca": "pca",
    "pca_codes": "pca",
    "pca_distance": "pca",
    "pca_error": "pca",
    "bits_per_dimension": "reconstruction",
    "nearest_pictures": "reconstruction",
    "similarity": "reconstruction",
    "squared_error": "reconstruction",
    "evaluate": "report",
}

__all__ = list(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        return getattr(importlib.import_module(f"vae_keras.evaluation.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'vae_keras.evaluation' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
