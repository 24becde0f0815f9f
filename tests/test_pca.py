"""Principal components against the eigenvalues of the covariance."""

import numpy as np
import pytest

from vae_keras.evaluation import fit_pca, pca, pca_codes, pca_distance, pca_error


@pytest.fixture
def faces():
    return np.random.default_rng(0).integers(0, 256, (600, 4, 4, 3), dtype=np.uint8)


def test_pca_error_equals_the_variance_left_out(faces):
    fitted = fit_pca(faces, components=10)
    flat = faces.reshape(600, -1) / 255
    variances = np.linalg.eigvalsh(np.cov(flat, rowvar=False, bias=True))
    assert pca_error(fitted, faces) == pytest.approx(variances[:-10].sum() / 48, rel=0.02)
    codes = pca_codes(fitted, faces)
    assert codes.shape == (600, 10)
    np.testing.assert_allclose(codes, fitted.transform(flat), atol=1e-4)


def test_pca_of_few_pictures_and_of_a_subset(faces):
    assert fit_pca(faces[:5]).n_components_ == 4  # the fifth would be rounding alone
    first, again = (fit_pca(faces, 3, seed=1, at_most=100) for _ in range(2))
    np.testing.assert_array_equal(first.components_, again.components_)
    assert first.n_samples_ == 100
    with pytest.raises(ValueError, match="at least 2 pictures"):
        fit_pca(faces[:1])


def test_of_larger_pictures_fewer_are_used(faces, monkeypatch):
    monkeypatch.setattr(pca, "VALUES_AT_MOST", 100 * 4 * 4 * 3)
    assert fit_pca(faces, 3).n_samples_ == 100
    assert fit_pca(faces.repeat(2, axis=1), 3).n_samples_ == 50


def test_fitting_leaves_the_pictures_alone(faces):
    as_float = (faces / 255).astype("float32")
    kept = as_float.copy()
    fit_pca(as_float, 3)
    np.testing.assert_array_equal(as_float, kept)


def test_pca_distance_orders_damage(faces):
    fitted = fit_pca(faces, components=20)
    darker = (faces * 0.5).astype("uint8")
    same = pca_distance(fitted, faces[:300], faces[300:])
    assert 0 < same < pca_distance(fitted, faces[:300], darker[300:])
    assert pca_distance(fitted, faces, faces) == pytest.approx(0, abs=1e-6)
