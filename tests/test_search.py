"""The nearest faces by their codes."""

import numpy as np
import pytest

from vae_keras import hub, latent
from vae_keras.applications import search
from vae_keras.data.drawn import faces as drawn


def test_the_nearest_come_first():
    candidates = np.float32([[0, 0], [3, 0], [1, 0], [10, 10]])
    found, distances = search.nearest_codes(np.float32([[0.2, 0]]), candidates, 3)
    assert found.tolist() == [[0, 2, 1]]
    assert np.allclose(distances, [[0.2, 0.8, 2.8]], atol=1e-5)


@pytest.mark.parametrize("count", [0, 5])
def test_more_than_there_are_cannot_be_found(count):
    with pytest.raises(ValueError, match="Between 1 and 4 faces"):
        search.nearest_codes(np.zeros((1, 2)), np.zeros((4, 2)), count)


def test_a_face_finds_itself_brighter_or_darker():
    """Such a change is large in pixels."""
    model = hub.load("cartoon")
    faces = drawn.draw_faces(drawn.sample_factors(60, seed=4), 64)
    brighter = np.clip(faces[:20] + 6.0, 0, 255).astype("uint8")
    found, distances = search.search(model.vae, brighter, faces, 2)
    assert (found[:, 0] == np.arange(20)).mean() > 0.9
    assert (distances[:, 0] <= distances[:, 1]).all()
    z, _ = latent.encode(model.vae, faces)
    own, nothing = search.nearest_codes(z, z)
    assert (own[:, 0] == np.arange(60)).all() and np.allclose(nothing, 0, atol=1e-3)
