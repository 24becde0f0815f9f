"""Attribute directions of a length that shows, and new directions for a finished model.

A direction that `directions.attribute_directions` finds is a difference of means. How far a face has to be moved along
it before its attribute shows is another question. It is answered here with pictures: faces that lack the attribute are
moved until a classifier that knows nothing of the codes sees it as often as in reconstructions of faces that have it.
"""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from vae_keras import hub, latent, storage
from vae_keras.config import require
from vae_keras.directions import (
    attribute_directions,
    edit,
    fit_logistic,
    has,
    is_known,
    lacks,
    usable_attributes,
)
from vae_keras.evaluation import pca as principal_components
from vae_keras.evaluation.classifier import load_classifier
from vae_keras.hub.cards import SHIPPED
from vae_keras.hub.folders import DENOISER, FILES, SHARP
from vae_keras.hub.pretrained import Pretrained
from vae_keras.release.classifier import label_faces

MOST_PICTURES = 20_000  # that something is fitted to: more change nothing that is shown
VALIDATION_PICTURES = 2000  # so many that rare attributes are there and lacking
MOVED_FACES = 200  # faces that are moved to find the length of a direction that the lessons show
FEWER_MOVED_FACES = 50  # the same for all other directions, of which there may be forty
TURNED = (
    0.84  # share of the faces without an attribute that strength 1 turns, where no face that has it is known
)
LEAST_TURNED = 0.5  # the same where the attribute is hardly seen in reconstructions of faces that have it
MOST_TURNED = 0.9  # the same where it is seen in nearly all: the last faces to turn cost all others much
RELIABLE = 0.7  # balanced accuracy from which on the classifier is asked
STRENGTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)  # tried, times the direction as it was found


def find_directions(vae, faces, z_mean, labels, classifiers) -> tuple[pd.DataFrame, pd.Series]:
    """Return the calibrated directions of a VAE and the levels of a `Pretrained`.

    Args:
        vae: a trained `VAE`.
        faces: the labelled `data.Faces` that it was trained on.
        z_mean: codes of the first training pictures, (n, latent_dim).
        labels: a table of n rows, True or False, with a column for each attribute.
        classifiers: what `find_classifiers` gave.

    Returns:
        A table with a row per attribute, and a Series that says how far along its row faces that have it lie.
    """
    shown = [name for name in faces.dataset.attributes if name in labels]
    candidates = [attribute_directions(z_mean, labels, controls=shown)]
    if shown:
        candidates.append(attribute_directions(z_mean, labels, controls=list(labels)).loc[shown])
        candidates.append(attribute_directions(z_mean, labels[shown]))
    directions = calibrate(vae, faces, candidates, classifiers)
    return directions, _levels(z_mean, labels, directions)


def _levels(z_mean, labels, directions):
    """Return for each direction how far along it the codes of faces that have the attribute lie on average."""
    levels = {}
    for attribute, direction in directions.iterrows():
        along = z_mean[has(labels, attribute)] @ direction.to_numpy()
        levels[attribute] = (along / (direction**2).sum()).mean()
    return pd.Series(levels)


def find_classifiers(faces, pca, labels) -> dict:
    """Return who decides for each attribute whether a picture shows it.

    That is the classifier that ships, where it is right often enough on real faces. Elsewhere it is logistic regression
    on principal components of the pixels.

    Args:
        faces: a labelled `data.Faces`.
        pca: what `pca.fit_pca` gave for the training pictures.
        labels: a table with the attributes of the first training pictures, True or False.

    Returns:
        For each column of `labels` a function from pictures to a table of decisions, True or False.
    """
    names = list(labels)
    images = faces.validation[:VALIDATION_PICTURES]
    truth = faces.labels("validation", names)[:VALIDATION_PICTURES]
    classifier = load_classifier()
    trusted = _reliable_attributes(classifier.decisions(images), truth)
    others = [name for name in names if name not in trusted]
    pixel_classifier = None
    if others:
        pixel_classifier = PixelClassifier.fit(faces.train[: len(labels)], pca, labels[others])
    return {name: (classifier if name in trusted else pixel_classifier).decisions for name in names}


def calibrate(vae, faces, candidates, classifiers) -> pd.DataFrame:
    """Return directions scaled so that at strength 1 faces stand where faces that have the attribute stand.

    A classifier sees the attribute in a share of the reconstructions of validation faces that have it. It has to see
    it in the same share of those that lack it, once they are edited. Of several candidates the one is taken that
    changes least of the other attributes at that length.

    Args:
        vae: a trained `VAE`.
        faces: a labelled `data.Faces`.
        candidates: tables of directions. The first has a row for all attributes, the others for some of them.
        classifiers: what `find_classifiers` gave.

    Returns:
        A float32 table like the first of the candidates.
    """
    names = list(candidates[0].index)
    truth = faces.labels("validation", names)[:VALIDATION_PICTURES]
    z, _ = latent.encode(vae, faces.validation[:VALIDATION_PICTURES])
    chosen = {}
    for attribute in names:
        found = [table.loc[attribute] for table in candidates if attribute in table.index]
        moved = (
            MOVED_FACES if len(found) > 1 else FEWER_MOVED_FACES
        )  # the lessons show what has several candidates
        having, lacking = z[has(truth, attribute)], z[lacks(truth, attribute)]
        decide = classifiers[attribute]
        wanted = _share_seen(vae, having[:moved], attribute, decide)
        stretched = [stretch(vae, lacking[:moved], direction, decide, wanted) for direction in found]
        chosen[attribute] = min(stretched, key=lambda result: result[:2])[2]
    return pd.DataFrame(chosen).T.astype("float32").rename_axis(candidates[0].index.name)


def measure_directions(vae, faces, directions: pd.DataFrame, classifiers) -> dict:
    """Return what edits at strength 1 do to test faces, for a card.

    Args:
        vae: a trained `VAE`.
        faces: a labelled `data.Faces`.
        directions: a table with a row per attribute.
        classifiers: what `find_classifiers` gave.

    Returns:
        For each attribute that some of the test faces have and others lack: in which share of the reconstructions it is
        seen, of those that have it, of those that lack it, and of these once they are edited; and the share of the
        other decisions that the edit changes.
    """
    truth = faces.labels("test", list(directions.index))[:VALIDATION_PICTURES]
    z, _ = latent.encode(vae, faces.test[:VALIDATION_PICTURES])
    figures = {}
    for attribute, direction in directions.iterrows():
        having, lacking = (z[rows][:MOVED_FACES] for rows in (has(truth, attribute), lacks(truth, attribute)))
        if len(having) == 0 or len(lacking) == 0:
            continue
        with_it, before, after = (
            classifiers[attribute](latent.decode(vae, codes))
            for codes in (having, lacking, edit(lacking, direction))
        )
        others = (before != after).drop(columns=attribute)
        figures[attribute] = {
            "seen_with_it": round(float(with_it[attribute].mean()), 3),
            "seen_without_it": round(float(before[attribute].mean()), 3),
            "seen_after_edit": round(float(after[attribute].mean()), 3),
        }
        if len(others.columns):
            figures[attribute]["others_changed"] = round(float(others.to_numpy().mean()), 3)
    return figures


def _share_seen(vae, z, attribute, decide):
    """Return in which share of the decoded codes the attribute is seen, within limits; `TURNED` without codes."""
    if len(z) == 0:
        return TURNED
    return np.clip(decide(latent.decode(vae, z))[attribute].mean(), LEAST_TURNED, MOST_TURNED)


def _reliable_attributes(decisions, truth):
    """Return the attributes that the classifier sees well enough in real pictures."""
    from sklearn.metrics import balanced_accuracy_score

    known = [name for name in usable_attributes(truth, 1) if name in decisions]
    accuracies = {}
    for name in known:
        rows = is_known(truth, name)
        accuracies[name] = balanced_accuracy_score(has(truth, name)[rows], decisions[name].to_numpy()[rows])
    return [name for name in known if accuracies[name] >= RELIABLE]


@dataclasses.dataclass
class PixelClassifier:
    """Decides on attributes by logistic regression on principal components of the pixels.

    Args:
        pca: what `pca.fit_pca` gave.
        models: a fitted scikit-learn classifier for each attribute.
    """

    pca: object
    models: dict

    @classmethod
    def fit(cls, images, pca, labels):
        """Return one that is fitted to pictures (n, size, size, 3) and their labels, a table of n rows."""
        codes = principal_components.pca_codes(pca, images)
        known = {name: is_known(labels, name) for name in labels}
        return cls(
            pca, {name: fit_logistic(codes[rows], has(labels, name)[rows]) for name, rows in known.items()}
        )

    def decisions(self, images) -> pd.DataFrame:
        """Return a table with a row per picture and a column per attribute, True or False."""
        codes = principal_components.pca_codes(self.pca, images)
        return pd.DataFrame({name: model.predict(codes) for name, model in self.models.items()})


def stretch(vae, z, direction, decide, wanted: float = TURNED) -> tuple[float, float, pd.Series]:
    """Return how far a direction has to be stretched until it turns as many faces as is wanted.

    Args:
        vae: a trained `VAE`.
        z: codes of faces that lack the attribute, (n, latent_dim). Those that already decode to faces that have it are
            left out.
        direction: a Series of latent_dim values whose name is the attribute.
        decide: a function from pictures to a table of attributes, True or False.
        wanted: share of the faces that is to have the attribute in the end.

    Returns:
        The share by which it turns too few, the share of all decisions that it changes, and the stretched direction.
    """
    attribute = direction.name
    if len(z) == 0:
        return 0.0, 0.0, direction
    before = decide(latent.decode(vae, z))
    unseen = ~before[attribute].to_numpy(bool)
    if not unseen.any():
        return 0.0, 0.0, direction
    z = z[unseen]
    before = before[unseen].reset_index(drop=True)
    measured = {}
    too_short = 0.0
    for strength in STRENGTHS:
        measured[strength] = _measure_edit(vae, edit(z, direction, strength), before, attribute, decide)
        if measured[strength][0] >= wanted:
            break
        too_short = strength
    most = max(turned for turned, _ in measured.values())
    if most < wanted:
        strength = _first_that_turns_nearly(most, measured)
    else:
        # Halving the interval three times: a straight line between its ends would miss the bend of the curve.
        for _ in range(3):
            middle = (too_short + strength) / 2
            measured[middle] = _measure_edit(vae, edit(z, direction, middle), before, attribute, decide)
            if measured[middle][0] >= wanted:
                strength = middle
            else:
                too_short = middle
    turned, changed = measured[strength]
    return max(0.0, wanted - turned), changed, strength * direction


def _measure_edit(vae, z, before, attribute, decide):
    """Return the share of edited codes whose faces have the attribute, and the share of decisions that changed."""
    after = decide(latent.decode(vae, z))
    return after[attribute].mean(), (after != before).to_numpy().mean()


def _first_that_turns_nearly(most, measured):
    """Return the first strength that turns nearly as many faces as any: beyond it faces fall apart."""
    if most == 0:
        return 1.0
    return next(strength for strength, (turned, _) in measured.items() if turned >= 0.9 * most)


def add_direction(model: Pretrained, faces, attribute: str) -> Pretrained:
    """Return a model with one more attribute direction, calibrated like its others.

    Args:
        model: a `Pretrained`.
        faces: a `data.Faces` of the model's image size, whose table has a column for the attribute. Where it has no
            labels at all, those of the attribute classifier are taken.
        attribute: name of the column. A direction of that name is replaced.

    Returns:
        A copy of the model with the new row in its directions, levels and card.

    Raises:
        ValueError: The pictures are of another size, or do not show the attribute with and without it.

    Example:
        >>> model = hub.load("celeba")
        >>> faces = data.load_faces("celeba", model.vae.image_size, 5000)
        >>> model = add_direction(model, faces, "Wearing_Hat")
        >>> faces = model.generate(8, attribute="Wearing_Hat")
    """
    size = model.vae.image_size
    if faces.images.shape[1] != size:
        raise ValueError(f"The pictures have {faces.images.shape[1]} pixels a side: load them with {size}.")
    if attribute not in faces.table:
        faces = label_faces(faces)
    require([attribute], faces.table.columns.drop("split"), f"{faces.dataset.title} has no attribute")
    train = faces.train[:MOST_PICTURES]
    names = list(dict.fromkeys([*faces.dataset.attributes, attribute]))
    labels = usable_attributes(faces.labels("train", names)[: len(train)])
    if attribute not in labels:
        raise ValueError(
            f"Too few of the {len(train)} training pictures differ in {attribute}: a direction needs at least two "
            "pictures with it and two without it."
        )
    z_mean, _ = latent.encode(model.vae, train)
    pca = principal_components.fit_pca(train)
    candidates = [
        attribute_directions(z_mean, labels, controls=list(labels)).loc[[attribute]],
        attribute_directions(z_mean, labels[[attribute]]),
    ]
    classifiers = find_classifiers(faces, pca, labels[[attribute]])
    direction = calibrate(model.vae, faces, candidates, classifiers)
    level = _levels(z_mean, labels, direction)
    kept = model.directions.drop(index=attribute, errors="ignore")
    direction.columns = kept.columns
    added = {"data": faces.dataset.address, "pictures": len(train)}
    figures = measure_directions(model.vae, faces, direction, classifiers)
    card = {
        **model.card,
        "added_directions": {**model.card.get("added_directions", {}), attribute: added},
        "directions": {**model.card.get("directions", {}), **figures},
    }
    return dataclasses.replace(
        model,
        directions=pd.concat([kept, direction]).rename_axis(model.directions.index.name),
        levels=pd.concat([model.levels.drop(attribute, errors="ignore"), level]),
        card=card,
    )


def add_direction_to_folder(folder, faces, attribute: str, out=None) -> Pretrained:
    """Add an attribute direction to a model folder, or to a copy of it.

    Args:
        folder: a model folder, or the name of a model that ships.
        faces: as of `add_direction`.
        attribute: as of `add_direction`.
        out: a new folder for the copy. None changes the folder itself, which cannot be a model that ships.

    Returns:
        The model that was written.

    Raises:
        FileExistsError: `out` is not free.
        ValueError: A model that ships would be changed, or `add_direction` refuses.
    """
    check_places(folder, out)
    model = add_direction(hub.load(folder), faces, attribute)
    if out is None:
        hub.save(model, Path(folder).expanduser())
        return model
    out = Path(out).expanduser().absolute()
    with storage.replacing(out.parent, [out.name]) as (copy,):
        _copy_model(folder, copy)
        hub.save(model, copy)
        if out.exists():
            out.rmdir()
    return model


def check_places(folder, out) -> None:
    """Check where a model with one more direction may be written, as `add_direction_to_folder` explains it.

    Raises:
        FileExistsError: `out` is not free.
        ValueError: A model that ships would be changed.
    """
    ships = str(folder) in hub.model_names() or SHIPPED in Path(folder).expanduser().resolve().parents
    if out is None and ships:
        raise ValueError(f"{folder} ships and stays as it is: name a new folder for a copy with --out.")
    if out is not None and not storage.is_free(Path(out).expanduser()):
        raise FileExistsError(f"{out} already exists: give the name of a new folder.")


def _copy_model(folder, copy):
    """Copy the files of a model to a new folder."""
    source = SHIPPED / str(folder) if str(folder) in hub.model_names() else Path(folder).expanduser()
    copy.mkdir()
    for name in (*FILES, SHARP, DENOISER, "faces.png", "faces-plain.png"):
        if (source / name).exists():
            shutil.copyfile(source / name, copy / name)
