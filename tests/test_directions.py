"""Directions and probes against planted axes and closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from vae_keras import directions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def planted(rng, count=2000, width=6):
    """Codes with deviations from 0.1 to 3 and two correlated attributes on known axes."""
    labels = pd.DataFrame({"Smiling": rng.random(count) < 0.3})
    labels["Male"] = np.where(labels["Smiling"], rng.random(count) < 0.8, rng.random(count) < 0.2)
    scale = np.geomspace(0.1, 3, width)
    x = rng.standard_normal((count, width))
    x[:, 1] += 4 * labels["Smiling"]
    x[:, 4] += 4 * labels["Male"]
    return (x * scale).astype("float32"), labels, scale


def test_direction_recovers_a_planted_axis(rng):
    z, labels, scale = planted(rng)
    found = directions.attribute_directions(z, labels, controls=list(labels))
    assert list(found.index) == ["Smiling", "Male"] and found.shape == (2, 6)
    assert (found.dtypes == "float32").all()
    for axis, shift in zip((1, 4), found.to_numpy()):
        standardised = shift / z.std(axis=0)
        assert abs(standardised[axis]) / np.linalg.norm(standardised) > 0.97
        np.testing.assert_allclose(shift[axis], 4 * scale[axis], rtol=0.15)


def test_without_controls_a_direction_is_the_difference_of_means(rng):
    z, labels, _ = planted(rng)
    means = directions.attribute_directions(z, labels)
    for name, shift in means.iterrows():
        has = labels[name].to_numpy()
        np.testing.assert_allclose(shift, z[has].mean(axis=0) - z[~has].mean(axis=0), atol=1e-4)


def test_with_one_control_a_direction_is_the_partial_regression():
    """Frisch and Waugh: regress what the control leaves of the attribute and of the codes on each other."""
    rng = np.random.default_rng()
    z, labels, _ = planted(rng, 300)
    found = directions.attribute_directions(z, labels, controls=["Male"]).loc["Smiling"]
    control = np.column_stack([labels["Male"], np.ones(300)]).astype("float64")

    def remainder(values):
        return values - control @ np.linalg.lstsq(control, values, rcond=None)[0]

    attribute = remainder(labels["Smiling"].to_numpy("float64"))
    expected = attribute @ remainder(np.float64(z)) / (attribute @ attribute)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_means_drag_along_what_is_correlated(rng):
    z, labels, _ = planted(rng)
    leaks = []
    for controls in ((), ["Smiling", "Male"]):
        shift = directions.attribute_directions(z, labels, controls).loc["Smiling"] / z.std(axis=0)
        leaks.append(abs(shift[4] / shift[1]))
    assert leaks[1] < 0.25 < leaks[0]


def test_regression_finds_what_each_attribute_adds(rng):
    attributes = rng.random((400, 2)) < 0.5
    shifts = rng.standard_normal((2, 5))
    z = attributes @ shifts + rng.standard_normal(5)
    np.testing.assert_allclose(directions.regress(z, attributes), shifts, atol=1e-9)


def test_the_most_correlated_pairs_come_first():
    has = np.arange(80)
    labels = pd.DataFrame({"A": has % 2 == 0, "B": has % 2 == 1, "C": has % 4 < 2, "D": has % 4 == 0})
    assert directions.correlated_pairs(labels)[0] == ("A", "B")
    assert len(directions.correlated_pairs(labels, 2)) == 2
    assert directions.correlated_pairs(labels[["A"]]) == []


def test_editing_back_and_forth(rng):
    z, direction = rng.standard_normal((3, 4)), np.arange(4.0)
    assert directions.edit(z[0], direction).shape == (4,)
    np.testing.assert_allclose(directions.edit(z, direction, 0), z, atol=1e-6)
    np.testing.assert_allclose(directions.edit(directions.edit(z, direction, 2), direction, -2), z, atol=1e-6)
    other = directions.random_direction(direction, seed=1)
    np.testing.assert_allclose(np.linalg.norm(other), np.linalg.norm(direction), rtol=1e-6)
    np.testing.assert_array_equal(other, directions.random_direction(direction, seed=1))
    assert not np.allclose(other, directions.random_direction(direction, seed=2))


def test_arithmetic_lands_on_both(rng):
    z, labels, _ = planted(rng)
    both = z[(labels["Smiling"] & labels["Male"]).to_numpy()].mean(axis=0)
    np.testing.assert_allclose(directions.arithmetic(z, labels, "Smiling", "Male"), both, atol=0.4)
    with pytest.raises(ValueError, match="did you mean Smiling"):
        directions.arithmetic(z, labels, "Smilling", "Male")
    few = pd.DataFrame({"Smiling": [True, False], "Male": [False, False]})
    with pytest.raises(ValueError, match="shows Male without Smiling"):
        directions.arithmetic(z[:2], few, "Smiling", "Male")


def test_arithmetic_of_four_codes():
    labels = pd.DataFrame({"A": [1, 0, 0, 1], "B": [0, 0, 1, 1]})
    z = np.array([[1.0, 2], [10, 20], [100, 200], [7, 7]])
    np.testing.assert_allclose(directions.arithmetic(z, labels, "A", "B"), [1 - 10 + 100, 2 - 20 + 200])


def test_probe_reads_what_was_planted(rng):
    z, labels, _ = planted(rng)
    labels["Noise"] = rng.random(len(z)) < 0.5
    areas = directions.probe(z[:1500], labels[:1500], z[1500:], labels[1500:])
    # Two unit Gaussians 4 apart have an area of Phi(4 / sqrt(2)) = 0.9977.
    np.testing.assert_allclose(areas[["Smiling", "Male"]], norm.cdf(4 / np.sqrt(2)), atol=0.005)
    assert abs(areas["Noise"] - 0.5) < 0.1
    assert np.isnan(directions.probe(z, labels[["Male"]], z[:1], labels[:1])["Male"])


def test_probe_is_perfect_on_separable_codes():
    generator = np.random.default_rng()
    has = np.arange(100) % 4 == 0
    z = generator.normal(size=(100, 3)) + 20 * has[:, None]
    labels = pd.DataFrame({"A": has})
    assert directions.probe(z[:60], labels[:60], z[60:], labels[60:])["A"] == 1


def test_a_rare_attribute_counts_as_much_as_a_common_one():
    """One in ten has it, and the classes overlap: right as often on either side, so the boundary is half way."""
    generator = np.random.default_rng(5)
    has = np.arange(5000) % 10 == 0
    x = generator.normal(size=(5000, 1)) + 2 * has[:, None]
    model = directions.fit_logistic(x, has)
    seen = model.predict(x)
    assert seen[has].mean() == pytest.approx(norm.cdf(1), abs=0.05)
    assert (~seen[~has]).mean() == pytest.approx(norm.cdf(1), abs=0.03)
    rescaled = directions.fit_logistic(1000 * x - 7, has)
    np.testing.assert_array_equal(rescaled.predict(1000 * x - 7), seen)


def test_attributes_are_usable_with_enough_pictures_on_both_sides():
    labels = pd.DataFrame(
        {"none": [0, 0, 0, 0], "one": [1, 0, 0, 0], "two": [1, 1, 0, 0], "three": [1, 1, 1, 0]}
    )
    assert list(directions.usable_attributes(labels)) == ["two"]
    assert list(directions.usable_attributes(labels, 1)) == ["one", "two", "three"]


def test_misuse_of_labels_is_explained(rng, monkeypatch):
    z, labels, _ = planted(rng, 50)
    alike = labels.assign(Bald=False)
    with pytest.raises(ValueError, match="alike in 'Bald'"):
        directions.attribute_directions(z, alike)
    with pytest.raises(ValueError, match="alike in 'Bald'"):
        directions.probe(z, alike, z, alike)
    assert list(directions.usable_attributes(alike)) == ["Smiling", "Male"]
    with pytest.raises(ValueError, match="one row for each code"):
        directions.attribute_directions(z[:-1], labels)
    with pytest.raises(ValueError, match="There is no attribute 'Mael'"):
        directions.attribute_directions(z, labels, controls=["Mael"])
    # The one bald picture is not among those that are enough.
    monkeypatch.setattr(directions, "subset", lambda rows, seed: rows[:-1])
    one_bald = labels.assign(Bald=np.arange(50) == 49)
    with pytest.raises(ValueError, match="alike in 'Bald'"):
        directions.probe(z, one_bald, z, one_bald)


def test_unknown_is_not_no_in_directions_probes_and_arithmetic():
    generator = np.random.default_rng(3)
    z = generator.standard_normal((200, 4)).astype("float32")
    truth = pd.DataFrame({"Smiling": z[:, 0] > 0, "Male": z[:, 1] > 0})
    partial = truth.astype("boolean")
    unknown = np.zeros(200, bool)
    unknown[::3] = True
    partial.loc[unknown, "Smiling"] = pd.NA
    known = ~unknown
    shifts = directions.attribute_directions(z, partial)
    np.testing.assert_allclose(
        shifts.loc["Smiling"],
        directions.attribute_directions(z[known], truth[known]).loc["Smiling"],
        rtol=1e-5,
    )
    assert directions.attribute_directions(z, partial, controls=["Smiling"]).loc["Male"].notna().all()
    found = directions.arithmetic(z, partial, "Smiling", "Male")
    np.testing.assert_allclose(
        found, directions.arithmetic(z[known], truth[known], "Smiling", "Male"), rtol=1e-5
    )
    area = directions.probe(z, partial, z, partial)["Smiling"]
    assert area == directions.probe(z[known], truth[known], z[known], truth[known])["Smiling"]
    assert list(directions.usable_attributes(partial)) == ["Smiling", "Male"]
    mostly = partial.assign(Smiling=pd.array([True] * 100 + [pd.NA] * 100, "boolean"))
    assert list(directions.usable_attributes(mostly)) == ["Male"]
    assert directions.correlated_pairs(partial) == [("Smiling", "Male")]
