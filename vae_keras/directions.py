"""Directions in the space of codes: what an attribute adds to a face, and what a linear model reads off the codes.

Labels are tables with a row per code and a column of true/false, or 1/0, per attribute. Where a label is missing
(`pandas.NA`), the code says nothing about that attribute: it counts neither as with it nor as without it.
"""

import itertools

import numpy as np
import pandas as pd

from vae_keras.config import require
from vae_keras.latent import subset


def attribute_directions(z: np.ndarray, labels: pd.DataFrame, controls=()) -> pd.DataFrame:
    """Return for each attribute the shift of a typical code without it to a typical code with it.

    The codes are predicted by least squares from the attribute and from the controls. The attribute's shift is what it
    adds while the controls stay the same. Without controls that is the difference of the class means, which drags along
    whatever comes with the attribute.

    Args:
        z: codes (n, latent_dim).
        labels: a table of n rows.
        controls: names of columns that are held fixed.

    Returns:
        A float32 table with a row per attribute and the columns 0 to latent_dim - 1.

    Raises:
        ValueError: The numbers of rows differ, all pictures are alike in an attribute, or there is no such control.

    Example:
        >>> shifts = attribute_directions(z, labels, controls=["Male", "Young"])
        >>> smiling = edit(z[:8], shifts.loc["Smiling"])
    """
    z, labels = _checked(z, labels)
    shifts = []
    for attribute in labels.columns:
        known = is_known(labels, attribute)
        columns = [_numbers(labels, attribute)]
        columns += [_numbers(labels, control) for control in controls if control != attribute]
        shifts.append(regress(z[known], np.column_stack(columns)[known])[0])
    return pd.DataFrame(np.float32(shifts), index=pd.Index(labels.columns, name="attribute"))


def regress(z: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Return what each attribute adds to a code while the others stay the same, by least squares.

    With a single attribute that is the difference of the means of the codes with it and without it.

    Args:
        z: codes (n, latent_dim).
        attributes: true/false or 1/0 (n, k).

    Returns:
        Shifts as float64 (k, latent_dim).
    """
    predictors = np.column_stack([attributes, np.ones(len(z))]).astype("float64")
    coefficients = np.linalg.lstsq(predictors, z.astype("float64"), rcond=None)[0]
    return coefficients[:-1]  # the last row is the code of a face without any of them


def correlated_pairs(labels: pd.DataFrame, count: int = 3) -> list[tuple[str, str]]:
    """Return the pairs of attributes that come together most, or most avoid each other, the strongest first.

    Args:
        labels: a table of true/false with a column per attribute, each with both values.
        count: pairs at most.

    Returns:
        Names of two columns for each pair.
    """
    strength = labels.astype("boolean").astype("float64").corr().abs()
    pairs = itertools.combinations(labels.columns, 2)
    return sorted(pairs, key=lambda pair: -strength.loc[pair])[:count]


def edit(z: np.ndarray, direction: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Return codes moved along a direction.

    Args:
        z: one code (latent_dim,) or many (n, latent_dim).
        direction: (latent_dim,).
        strength: 0 changes nothing, 1 gives the attribute, negative takes it away.

    Returns:
        Codes as float32, in the shape of z.
    """
    return (np.asarray(z) + strength * np.asarray(direction)).astype("float32")


def random_direction(like: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return a direction that means nothing, as long as another one: what an edit has to be compared with.

    Args:
        like: a direction (latent_dim,).
        seed: of the draw.

    Returns:
        A float32 direction (latent_dim,).
    """
    direction = np.random.default_rng(seed).standard_normal(len(like))
    return (direction * np.linalg.norm(like) / np.linalg.norm(direction)).astype("float32")


def arithmetic(z: np.ndarray, labels: pd.DataFrame, attribute: str, other: str) -> np.ndarray:
    """Return mean(attribute without other) - mean(neither) + mean(other without attribute).

    "Smiling woman - woman + man" is `arithmetic(z, labels, "Smiling", "Male")`.

    Args:
        z: codes (n, latent_dim).
        labels: a table of n rows.
        attribute: a column of it.
        other: another column.

    Returns:
        A float32 code (latent_dim,).

    Raises:
        ValueError: There is no such attribute, or no picture in one of the three groups.
    """
    groups = {
        f"{attribute} without {other}": has(labels, attribute) & lacks(labels, other),
        "neither": lacks(labels, attribute) & lacks(labels, other),
        f"{other} without {attribute}": has(labels, other) & lacks(labels, attribute),
    }
    means = []
    for name, members in groups.items():
        if not members.any():
            raise ValueError(f"None of {len(labels)} pictures shows {name}: use more, or other attributes.")
        means.append(np.asarray(z)[members].mean(axis=0, dtype="float64"))
    with_attribute, neither, with_other = means
    return (with_attribute - neither + with_other).astype("float32")


def usable_attributes(labels: pd.DataFrame, at_least: int = 2) -> pd.DataFrame:
    """Return the columns of a table of labels with at least so many pictures on both sides: a direction needs both."""
    enough = [min(has(labels, name).sum(), lacks(labels, name).sum()) >= at_least for name in labels.columns]
    return labels.loc[:, enough]


def probe(
    train_codes: np.ndarray, train_labels: pd.DataFrame, test_codes: np.ndarray, test_labels: pd.DataFrame
) -> pd.Series:
    """Return how well a linear model reads each attribute off the codes.

    Args:
        train_codes: codes (n, d) that the model is fitted to. Codes of any kind serve, principal components too.
        train_labels: a table of n rows.
        test_codes: codes (m, d) that it is tried on.
        test_labels: a table of m rows.

    Returns:
        For each attribute the area under the ROC curve on the test codes: 0.5 is guessing, 1 is perfect, NaN where all
        test pictures are alike.

    Raises:
        ValueError: The numbers of rows differ, or all training pictures are alike in an attribute.
    """
    from sklearn.metrics import roc_auc_score

    train_codes, train_labels = _checked(train_codes, train_labels)
    areas = {}
    for attribute in train_labels.columns:
        known = is_known(train_labels, attribute)
        known_test = is_known(test_labels, attribute)
        truth = has(test_labels, attribute)[known_test]
        if truth.all() or not truth.any():
            areas[attribute] = np.nan
            continue
        model = fit_logistic(train_codes[known], has(train_labels, attribute)[known])
        areas[attribute] = roc_auc_score(truth, model.decision_function(np.asarray(test_codes)[known_test]))
    return pd.Series(areas, name="AUC", dtype="float64").rename_axis("attribute")


def fit_logistic(x: np.ndarray, labels: np.ndarray):
    """Return a logistic regression of true/false on standardized features.

    It is balanced: pictures with the attribute and pictures without it count alike, however rare one of them is.

    Args:
        x: features (n, d).
        labels: true/false (n,).

    Returns:
        A pipeline of scikit-learn, fitted.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(class_weight="balanced", max_iter=1000)
    return make_pipeline(StandardScaler(), regression).fit(x, labels)


def is_known(labels: pd.DataFrame, attribute: str) -> np.ndarray:
    """Return which rows have a label of an attribute, true/false (n,); ValueError where there is no such column."""
    require([attribute], labels.columns, "There is no attribute")
    return labels[attribute].notna().to_numpy(bool)


def has(labels: pd.DataFrame, attribute: str) -> np.ndarray:
    """Return which rows are known to have an attribute, true/false (n,); ValueError where there is no such column."""
    require([attribute], labels.columns, "There is no attribute")
    column = labels[attribute]
    return (column.astype("boolean").fillna(False) if column.hasnans else column).to_numpy(bool)


def lacks(labels: pd.DataFrame, attribute: str) -> np.ndarray:
    """Return which rows are known to lack an attribute, true/false (n,); ValueError where there is no such column."""
    return is_known(labels, attribute) & ~has(labels, attribute)


def _numbers(labels, attribute):
    """Return a column of labels as 1 and 0, float64 (n,); its mean stands where a label is missing."""
    values = has(labels, attribute).astype("float64")
    known = is_known(labels, attribute)
    values[~known] = values[known].mean() if known.any() else 0.0
    return values


def _checked(z, labels):
    """Return the rows of both that are used; ValueError where numbers differ or an attribute has one value there."""
    if len(z) != len(labels):
        raise ValueError(f"{len(z)} codes have {len(labels)} rows of labels: give one row for each code.")
    rows = subset(np.arange(len(z)), 0)
    z, labels = np.asarray(z)[rows], labels.iloc[rows]
    alike = labels.columns.difference(usable_attributes(labels, 1).columns, sort=False)
    if len(alike):
        raise ValueError(
            f"All {len(labels)} pictures are alike in {alike[0]!r}: leave it out (directions.usable_attributes)."
        )
    return z, labels
