"""Measure a model on held-out pictures, beside PCA fitted on the training pictures in the same run.

Examples:
  python -m vae_keras evaluate --model runs/lfw
  python -m vae_keras evaluate --model celeba --data celeba --json
"""

import json

from vae_keras.cli import common
from vae_keras.cli.options import add_data, add_json, add_model, add_pictures

MOST_PICTURES = 20_000  # that PCA is fitted to


def add_arguments(parser):
    """Declare the options of this command."""
    add_model(parser)
    add_data(parser, required=False)
    add_pictures(parser, "as it was trained with")
    add_json(parser)


def run(options):
    """Measure a model and print the figures."""
    from vae_keras import evaluation, hub

    model = hub.load(options.model, options.plain)
    faces = common.load_faces_of(model, options, progress=not options.json)
    pca = evaluation.fit_pca(faces.train[:MOST_PICTURES])
    figures = evaluation.evaluate(model, faces, pca)
    print(json.dumps(figures) if options.json else common.describe_figures(figures))
