"""Directions get the length that turns enough faces, and of several the one that changes least besides."""

import numpy as np
import pandas as pd
import pytest

from vae_keras import assessment, latent


@pytest.fixture
def codes(monkeypatch):
    """Codes that are their own pictures: `decide` sees "a" where the first number is above 1, "b" for the second."""
    monkeypatch.setattr(latent, "decode", lambda vae, z: z)
    return np.random.default_rng(3).random((2000, 2))


def decide(z):
    return pd.DataFrame(z > 1, columns=["a", "b"])


def row(*values):
    return pd.Series(values, name="a", dtype="float64")


def test_strength_one_turns_the_share_that_was_asked_for(codes):
    for direction in (row(1, 0), row(0.4, 0.1), row(0.25, 0)):
        short, changed, step = assessment._stretch(None, codes, direction, decide)
        turned = decide(latent.edit(codes, step.to_numpy()))["a"].mean()
        assert short == 0 and assessment.TURNED <= turned < assessment.TURNED + 0.04
        assert abs(changed - decide(latent.edit(codes, step.to_numpy())).to_numpy().mean()) < 0.04
        assert np.allclose(step / np.linalg.norm(step), direction / np.linalg.norm(direction))


def test_the_direction_that_changes_less_wins(codes):
    clean, mixed, weak = (
        assessment._stretch(None, codes, row(*d), decide)[:2] for d in ((1, 0), (1, 1), (0.1, 0))
    )
    assert min(mixed, clean, weak) == clean and mixed[1] > clean[1] + 0.2
    assert weak[0] > 0.2  # four times a tenth is the farthest that is tried


def test_faces_that_have_it_already_do_not_count(codes):
    """Half of the codes have it: those that lack it have to turn all the same."""
    mixed = np.concatenate([codes, codes + [1, 0]])
    _, _, step = assessment._stretch(None, mixed, row(1, 0), decide)
    assert np.allclose(step, assessment._stretch(None, codes, row(1, 0), decide)[2])


def test_what_turns_nobody_is_left_as_it_is(codes):
    short, _, step = assessment._stretch(None, codes, row(0, 1), decide)
    assert short == assessment.TURNED and np.array_equal(step, row(0, 1))
    assert assessment._stretch(None, codes[:0], row(0, 1), decide)[:2] == (0, 0)


def test_beyond_the_best_strength_is_not_gone(codes):
    """A direction that turns half of the faces and then loses them again stops where it has them."""

    def rises_and_falls(z):
        return decide(z) & decide(z * [1, -1] + [0, 3.0]).to_numpy()[:, [1]]

    short, _, step = assessment._stretch(None, codes, row(0.5, 1.0), rises_and_falls)
    turned = [rises_and_falls(latent.edit(codes, row(0.5, 1.0), s))["a"].mean() for s in assessment.STRENGTHS]
    assert 0 < short < assessment.TURNED and max(turned) < assessment.TURNED
    assert rises_and_falls(latent.edit(codes, step))["a"].mean() >= 0.9 * max(turned)
