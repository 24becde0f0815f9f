"""The figures of a finished model on held-out pictures, as they stand in its card."""

import numpy as np

from vae_keras import latent
from vae_keras.evaluation.classifier import load_classifier
from vae_keras.evaluation.distances import density_and_coverage, diversity, frechet_distance
from vae_keras.evaluation.pca import pca_error
from vae_keras.evaluation.reconstruction import squared_error

PICTURES_AT_MOST = 20_000  # more change nothing that is shown
PICTURES_FOR_DISTANCE = 10  # below that a distance means nothing
SEED = 2  # of the new faces: not the default of `train`, whose first faces are shown


def evaluate(model, faces, pca) -> dict:
    """Return the figures of a model on test pictures, beside those of principal components.

    Args:
        model: a `hub.Pretrained`.
        faces: a `data.Faces`, of which `train` and `test` are used.
        pca: what `fit_pca` gave for the training pictures.

    Returns:
        A dictionary. pictures: their number. squared_error, pca_squared_error and their ratio. pca_components. kl: nats
        per picture. active_units: latent dimensions in use. From 10 test pictures on also, in the features of the
        classifier that ships: distance, the Fréchet distance from the test pictures of reconstructions, of as many new
        faces and of training pictures; density and coverage of the new faces; and diversity, theirs over the test
        pictures'.
    """
    images = faces.test[:PICTURES_AT_MOST]
    z_mean, z_log_variance = latent.encode(model.vae, images)
    statistics = latent.statistics(z_mean, z_log_variance)
    reconstructions = latent.decode(model.vae, z_mean)
    own_error, linear_error = squared_error(images, reconstructions), pca_error(pca, images)
    figures = {
        "pictures": len(images),
        "squared_error": own_error,
        "pca_components": int(pca.n_components_),
        "pca_squared_error": linear_error,
        "ratio": own_error / linear_error,
        "kl": float(statistics["kl"].sum()),
        "active_units": int(statistics["active"].sum()),
    }
    if len(images) >= PICTURES_FOR_DISTANCE:
        new = model.generate(len(images), seed=SEED)
        figures |= _distances(images, reconstructions, new, faces.train[: len(images)])
    return figures


def _distances(
    images: np.ndarray, reconstructions: np.ndarray, new: np.ndarray, training: np.ndarray
) -> dict:
    """Return the figures in the features of the classifier that ships."""
    classifier = load_classifier()
    real, new_features = classifier.features(images), classifier.features(new)
    density, coverage = density_and_coverage(real, new_features)
    return {
        "distance": {
            "reconstructions": frechet_distance(real, classifier.features(reconstructions)),
            "new": frechet_distance(real, new_features),
            "training": frechet_distance(real, classifier.features(training)),
        },
        "density": density,
        "coverage": coverage,
        "diversity": diversity(new_features) / diversity(real),
    }
