"""Training the attribute classifier that ships, measuring it, and labelling pictures with it."""

import dataclasses
import json
import time
from pathlib import Path

import keras
import pandas as pd

from vae_keras import backend, optimizers, storage, training
from vae_keras.data import augmentation
from vae_keras.directions import usable_attributes
from vae_keras.evaluation.classifier import (
    FILES,
    OLDER_FILES,
    AttributeClassifier,
    build_classifier,
    load_classifier,
)
from vae_keras.hub.folders import holds_only_a_checkpoint, save_weights

KIND = "classifier"  # in the mark of a folder, see `storage.write_marker`
# Of its 40 attributes, those shown for photographs without labels.
SHOWN = ("Smiling", "Male", "Eyeglasses", "Blond_Hair", "Young")
FEWEST = 0.02  # share of the training pictures that an attribute has to be seen in, and missed in, to become a label
WEIGHT_DECAY = 0.05


def train(  # noqa: PLR0913
    faces,
    epochs: int = 30,
    batch_size: int = 128,
    seed: int = 1,
    learning_rate: float = 2e-3,
    callbacks=(),
    folder=None,
) -> AttributeClassifier:
    """Train a classifier of all attributes that pictures are labelled with.

    The loss is the cross-entropy of each attribute. The optimizer is Adam with decoupled weight decay (Loshchilov and
    Hutter 2019, arXiv 1711.05101), with a rate that falls along a cosine. Pictures are varied as `vary` does it.

    Args:
        faces: a labelled `data.Faces` of 64 pixels a side.
        epochs: passes over the training pictures, those of an interrupted training counted.
        batch_size: pictures per step, at most the number of training pictures.
        seed: of the initial weights, the order of the pictures and their variation.
        learning_rate: at the start.
        callbacks: of `keras.Model.fit`.
        folder: where a checkpoint is kept after every epoch. An interrupted training goes on from it.

    Returns:
        An `AttributeClassifier` with a card of its training.

    Raises:
        ValueError: The pictures have no labels, or the checkpoint is of other settings.
    """
    names = require_labels(faces)
    faces = faces.wholly_labelled()
    images, validation = faces.train, faces.validation
    keras.utils.set_random_seed(seed)
    batch_size = min(batch_size, len(images))
    network = build_classifier(len(names))
    schedule = optimizers.cosine_decay(learning_rate, epochs, batch_size, len(images))
    network.compile(
        optimizer=optimizers.Adam(schedule, weight_decay=WEIGHT_DECAY),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)],
    )
    network.optimizer.build(network.trainable_variables)
    history = training.run(
        network,
        images,
        validation,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        folder=folder,
        settings={"rate": learning_rate, "attributes": names},
        labels=faces.labels("train", names).to_numpy(bool),
        validation_labels=faces.labels("validation", names).to_numpy(bool),
        augment=vary,
        callbacks=callbacks,
    )
    card = {
        "epochs": epochs,
        "pictures": len(images),
        "crop": faces.dataset.crop,
        "seed": seed,
        "minutes": round(history["seconds"].sum() / 60, 1),
        "date": time.strftime("%Y-%m-%d"),
    }
    return AttributeClassifier(network, names, card)


def labelled_attributes(faces) -> list[str]:
    """Return the columns of a `data.Faces` that are labels, not measured from the pixels."""
    table = faces.table.drop(columns="split")
    return [name for name in table.columns if table[name].dtype.kind == "i"]


def require_labels(faces) -> list[str]:
    """Return what `labelled_attributes` gives; ValueError where that is nothing."""
    names = labelled_attributes(faces)
    if not names:
        raise ValueError(
            f"{faces.dataset.title} has no labelled attributes: take pictures with labels, such as celeba."
        )
    return names


def vary(images, seed):
    """Return a batch of pictures as the training sees it: as for a VAE, then turned, scaled and shifted a little.

    Args:
        images: uint8 (batch, size, size, 3).
        seed: two whole numbers. The same ones give the same pictures.

    Returns:
        float32 (batch, size, size, 3) in [0, 1].
    """
    seed, other_seed = backend.split(seed)
    return augmentation.move(augmentation.augment(images, seed), seed=other_seed)


def evaluate(classifier: AttributeClassifier, faces) -> tuple[dict, pd.DataFrame]:
    """Measure a classifier on test pictures.

    Args:
        classifier: a trained classifier.
        faces: a labelled `data.Faces` with its attributes.

    Returns:
        Figures, and a table with a row per attribute. The columns of the table, whose means are among the figures:
        accuracy is the share of right decisions, majority the same if each attribute's commoner answer is always
        given, balanced the mean of the accuracies on pictures with and without the attribute, and auc the area under
        the ROC curve. The figures also have the number of pictures, and as real_distance the classifier's distance
        between training and test pictures.
    """
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    truth = faces.labels("test", classifier.attributes).reset_index(drop=True)
    scores = classifier.probabilities(faces.test)
    rows = {}
    for name in usable_attributes(truth, 1).columns:
        known = truth[name].notna().to_numpy()
        has = truth.loc[known, name].astype(bool)
        decided = scores.loc[known, name] > 0.5
        rows[name] = {
            "accuracy": (has == decided).mean(),
            "majority": max(has.mean(), 1 - has.mean()),
            "balanced": balanced_accuracy_score(has, decided),
            "auc": roc_auc_score(has, scores.loc[known, name]),
        }
    table = pd.DataFrame(rows).T.rename_axis("attribute")
    real_distance = classifier.distance(faces.train[: len(faces.test)], faces.test)
    return {"pictures": len(truth), **table.mean(), "real_distance": real_distance}, table


def save(classifier: AttributeClassifier, folder) -> None:
    """Write a classifier to a folder: its weights, kernels as float16, and its card.

    Files of an earlier classifier are replaced at the end, all of them in one change.

    Args:
        classifier: a trained classifier.
        folder: a folder that is free or holds a classifier.

    Raises:
        FileExistsError: The folder holds something else.
        OSError: The folder cannot be written.
    """
    claim_folder(folder)
    card = {"attributes": classifier.attributes, **classifier.card}
    with storage.replacing(folder, FILES, OLDER_FILES) as (weights_path, card_path):
        save_weights(classifier.network, weights_path)
        card_path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    load_classifier.cache_clear()  # it may hold what stood there


def is_finished(folder) -> bool:
    """Return whether a folder holds a trained classifier, of this version or an earlier one."""
    present = {path.name for path in Path(folder).glob("*") if path.is_file()}
    return present.issuperset(FILES) or present.issuperset(OLDER_FILES)


def check_folder(folder) -> None:
    """Check that a classifier may be written to a folder, as `hub.check_folder` does for a model."""
    storage.check_folder(folder, KIND, _is_without_mark)


def claim_folder(folder) -> None:
    """Make a folder for a classifier and mark it, as `hub.claim_folder` does for a model."""
    storage.claim(folder, KIND, _is_without_mark)


def _is_without_mark(folder):
    """Return whether a folder without a mark is a classifier's all the same."""
    return is_finished(folder) or holds_only_a_checkpoint(folder)


def label_faces(faces, classifier: AttributeClassifier | None = None):
    """Return pictures with the classifier's decisions as labels, where they have none of their own.

    Kept are attributes that it sees in at least 2 % of the training pictures and misses in as many. The labels are
    guesses: on photographs framed like CelebA's they are about as good as the classifier's card says.

    Args:
        faces: a `data.Faces`. One with labels is returned as it is.
        classifier: the one that decides. None: the one that ships.

    Returns:
        A `data.Faces`.
    """
    if labelled_attributes(faces):
        return faces
    classifier = classifier or load_classifier()
    decisions = classifier.decisions(faces.images).set_axis(faces.table.index)
    shares = decisions[faces.rows("train")].mean()
    labels = decisions.loc[:, shares.between(FEWEST, 1 - FEWEST)].astype("int8")
    shown = tuple(name for name in SHOWN if name in labels)
    if len(shown) < 2:
        return faces
    dataset = faces.dataset.with_attributes(shown, shown[:2])
    return dataclasses.replace(faces, dataset=dataset, table=faces.table.join(labels))
