"""Train the network that names attributes and measures faces, on labelled pictures, and write its folder.

After an interruption the same command continues.

Examples:
  python -m vae_keras classifier --data celeba --out runs/classifier
  python -m vae_keras classifier --data ~/labelled-faces.zip --epochs 60 --out runs/classifier
"""

from vae_keras import storage
from vae_keras.cli.options import add_data, add_pictures, add_seed, output_folder, overrides, whole_number


def add_arguments(parser):
    """Declare the options of this command."""
    add_data(parser)
    parser.add_argument("--out", required=True, type=output_folder, help="the classifier's folder")
    parser.add_argument(
        "--epochs", type=whole_number(1), default=30, help="passes over the pictures (default: 30)"
    )
    add_pictures(parser, "all")
    add_seed(parser)
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace the classifier, or the unfinished run, that is in --out",
    )


def run(options):
    """Train, save and measure a classifier."""
    import keras

    from vae_keras import config, data
    from vae_keras.evaluation.classifier import SIZE
    from vae_keras.release import classifier as classifiers

    folder = options.out
    classifiers.check_folder(folder)
    check_free(options)
    keras.config.set_dtype_policy(config.settings(dataset=options.data).precision)
    faces = data.load_faces(options.data, SIZE, options.pictures, **overrides(options))
    classifiers.require_labels(faces)
    classifiers.claim_folder(folder)  # what cannot be written is said before the training
    with storage.locked(folder):
        check_free(options)  # another run may have ended meanwhile
        figures, table = train(faces, options)
    print(table.round(3).to_string())
    print()
    for name, value in figures.items():
        print(f"{name} {value:.4g}")


def check_free(options) -> None:
    """Raise ValueError where --out holds a finished classifier and may not be replaced."""
    from vae_keras.hub.folders import is_unfinished
    from vae_keras.release import classifier as classifiers

    folder = options.out
    if classifiers.is_finished(folder) and not is_unfinished(folder) and not options.force:
        raise ValueError(
            f"{folder} holds a trained classifier: choose another --out, or replace it with --force."
        )


def train(faces, options):
    """Train, save and measure a classifier; return what `classifiers.evaluate` gives."""
    from vae_keras import training
    from vae_keras.evaluation.classifier import load_classifier
    from vae_keras.hub.folders import remove_checkpoints
    from vae_keras.release import classifier as classifiers

    folder = options.out
    if options.force:
        remove_checkpoints(folder)
    classifier = classifiers.train(
        faces,
        epochs=options.epochs,
        seed=options.seed,
        callbacks=[training.Progress(lines=options.epochs)],
        folder=folder,
    )
    classifiers.save(classifier, folder)
    classifier = load_classifier(folder)  # measured as it will be used: rounded, in float32
    figures, table = classifiers.evaluate(classifier, faces)
    classifier.card.update(
        source=faces.dataset.name,
        command=options.command_line,
        terms=faces.dataset.terms,
        figures=figures,
        attribute_figures=table.round(4).to_dict("index"),
    )
    classifiers.save(classifier, folder)
    remove_checkpoints(folder)
    return figures, table
