"""Measures of disentanglement, held against a case worked by hand and against the published definitions."""

import numpy as np
import pytest

from vae_keras.evaluation.disentanglement import (
    dci,
    disentanglement_scores,
    mutual_information_gap,
    of_importances,
    separated_predictability,
)

# Two independent factors a and b of 0 and 1: all four pairs come equally often.
A, B = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (25, 1)).T
FACTORS = np.stack([A, B], axis=1)


def test_one_variable_for_each_factor_is_disentangled():
    codes = np.stack([3 - 2 * B, 0 * A, A], axis=1)  # in another order, turned over, and one that is silent
    assert mutual_information_gap(codes, FACTORS) == pytest.approx(1)
    assert separated_predictability(codes, FACTORS) == pytest.approx(1)
    assert dci(codes, FACTORS)["disentanglement"] == pytest.approx(1)


def test_a_factor_that_two_variables_hold_alike_has_no_gap():
    codes = np.stack([A, -A], axis=1)
    assert mutual_information_gap(codes, FACTORS) == pytest.approx(0)
    assert separated_predictability(codes, FACTORS) == pytest.approx(0)


def test_a_case_worked_by_hand():
    """The variables are a + b, which is 0, 1, 1 or 2, and b.

    Mutual information in bits: a + b has an entropy of 1.5, and 1 when a is known: it tells 0.5 of a, and 0.5 of b.
    The variable b tells 0 of a and 1 of b. Both gaps are 0.5, and each factor has an entropy of 1.
    Lines: cov(a + b, a)² / (var(a + b) var(a)) = 0.25² / (0.5 · 0.25) = 0.5; so both gaps are 0.5 again.
    """
    codes = np.stack([A + B, B], axis=1)
    assert mutual_information_gap(codes, FACTORS) == pytest.approx(0.5)
    assert separated_predictability(codes, FACTORS) == pytest.approx(0.5)


def test_importances_worked_by_hand():
    """The first variable serves both factors (0), the second one alone (1), and they weigh the same: 0.5.

    The first factor uses one variable: 1. The second uses shares of 1/3 and 2/3, an entropy of log2(3) - 2/3 bits.
    """
    found = of_importances(np.array([[1.0, 1.0], [0.0, 2.0]]))
    assert found["disentanglement"] == pytest.approx(0.5)
    assert found["completeness"] == pytest.approx((1 + 1 - (np.log2(3) - 2 / 3)) / 2)
    weighted = of_importances(np.array([[1.0, 1.0], [0.0, 6.0]]))
    assert weighted["disentanglement"] == pytest.approx(6 / 8)


def published_gap(codes, factors, bins):
    """Return MIG as Chen et al. define it, from two-way histograms."""
    gaps = []
    for k in range(factors.shape[1]):
        _, factor_counts = np.unique(factors[:, k], return_counts=True)
        p_factor = factor_counts / len(factors)
        informations = []
        for j in range(codes.shape[1]):
            joint, _, _ = np.histogram2d(codes[:, j], factors[:, k], (bins, len(p_factor)))
            joint /= len(codes)
            independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
            seen = joint > 0
            informations.append((joint[seen] * np.log(joint[seen] / independent[seen])).sum())
        first, second = sorted(informations)[:-3:-1]
        gaps.append((first - second) / -(p_factor * np.log(p_factor)).sum())
    return np.mean(gaps)


def published_predictability(codes, factors):
    """Return SAP as Kumar et al. define it for factors that are numbers, from correlations."""
    width = codes.shape[1]
    squared = np.corrcoef(codes.T, factors.T)[:width, width:] ** 2
    ordered = np.sort(squared, axis=0)
    return np.mean(ordered[-1] - ordered[-2])


def test_the_published_definitions_give_the_same():
    random = np.random.default_rng(0)
    factors = random.integers(0, 5, (500, 3)).astype(float)
    codes = factors @ random.standard_normal((3, 6)) + 0.3 * random.standard_normal((500, 6))
    assert mutual_information_gap(codes, factors) == pytest.approx(
        published_gap(codes, factors, 20), rel=1e-6
    )
    assert separated_predictability(codes, factors) == pytest.approx(published_predictability(codes, factors))


def test_turning_the_axes_of_the_code_tangles_it():
    random = np.random.default_rng(0)
    factors = random.random((600, 2))
    codes = factors + 0.02 * random.standard_normal((600, 2))
    turned = (codes - codes.mean(axis=0)) @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    straight, tangled = disentanglement_scores(codes, factors), disentanglement_scores(turned, factors)
    for name in ("mig", "dci", "sap"):
        assert straight[name] > 0.5 > 0.25 > tangled[name], name
    assert dci(codes, factors)["informativeness"] > 0.95


def test_the_order_and_the_scale_of_the_variables_do_not_count():
    random = np.random.default_rng(1)
    factors = random.random((400, 3))
    codes = factors @ random.standard_normal((3, 5))
    other = 7 * codes[:, ::-1] - 3
    assert mutual_information_gap(codes, factors) == pytest.approx(mutual_information_gap(other, factors))
    assert separated_predictability(codes, factors) == pytest.approx(separated_predictability(other, factors))


@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (np.zeros((9, 2)), FACTORS, "of the same n pictures"),
        (A, FACTORS, "of the same n pictures"),
        (A[:, None], FACTORS, "two latent variables"),
        (FACTORS, np.ones((100, 2)), "leave it out"),
    ],
)
def test_what_cannot_be_measured_is_named(codes, factors, message):
    for measure in (mutual_information_gap, separated_predictability, dci):
        with pytest.raises(ValueError, match=message):
            measure(codes, factors)
