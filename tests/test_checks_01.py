"""The checks of lesson 01: the right answer passes, typical wrong ones are told what is wrong with them."""

import numpy as np
import pytest

from vae_keras import evaluation
from vae_keras.checks import lesson_01 as check


def error(test, mean):
    return np.square(test / 255 - mean / 255)


MEAN_FACE = {
    "the test pictures": lambda train, test: error(test, test.mean(axis=0)).mean(),
    "You measured the training pictures": lambda train, test: error(train, train.mean(axis=0)).mean(),
    "divide the pictures by 255": lambda train, test: np.square(test - train.mean(axis=0)).mean(),
    "You took the sum": lambda train, test: error(test, train.mean(axis=0)).sum(),
    "summed over the values": lambda train, test: error(test, train.mean(axis=0)).sum(axis=(1, 2, 3)).mean(),
    "You took the root": lambda train, test: error(test, train.mean(axis=0)).mean() ** 0.5,
    "absolute difference": lambda train, test: np.abs(test / 255 - train.mean(axis=0) / 255).mean(),
    "one mean over all pixels": lambda train, test: error(test, train.mean()).mean(),
    "has to be a single number": lambda train, test: error(test, train.mean(axis=0)),
    "stopped with NameError": lambda train, test: nothing,  # noqa: F821
    "Average train over axis 0": lambda train, test: 0.5,
    "not answered yet": lambda train, test: ...,
}


@pytest.mark.parametrize("message", MEAN_FACE)
def test_wrong_errors_of_the_mean_face(message):
    assert message in check.mean_face_error.problem(MEAN_FACE[message])


def test_right_error_of_the_mean_face(capsys):
    check.mean_face_error(lambda train, test: error(test, train.mean(axis=0)).mean())
    assert capsys.readouterr().out == "Exercise 1.1: right.\n"
    check.mean_face_error(...)
    assert capsys.readouterr().out == "Exercise 1.1: not answered yet.\n"


@pytest.fixture(scope="module")
def pca():
    scales = np.geomspace(1, 0.02, 48)
    values = 128 + 40 * np.random.default_rng(0).normal(size=(500, 48)) * scales
    return evaluation.fit_pca(np.clip(values, 0, 255).astype("uint8").reshape(500, 4, 4, 3), 40)


def test_numbers_of_components(pca):
    shares = pca.explained_variance_ratio_.cumsum()
    right = int(np.argmax(shares >= 0.9)) + 1
    assert check.components.problem(right, pca) is None
    assert "counts from 0" in check.components.problem(right - 1, pca)
    roots = np.sqrt(pca.explained_variance_).cumsum()
    assert "standard deviations" in check.components.problem(np.argmax(roots >= 0.9 * roots[-1]) + 1, pca)
    assert "how many" in check.components.problem(0.9, pca)
    assert "first place" in check.components.problem(40, pca)
    assert "single number" in check.components.problem(shares, pca)
    assert check.components.problem(..., pca) == "not answered yet"


def test_pictures_that_need_more_numbers_than_were_fitted():
    few = evaluation.fit_pca(check.new_faces(60, 6), 3)
    assert few.explained_variance_ratio_.sum() < 0.9
    assert check.components.problem(4, few) is None and "larger" in check.components.problem(2, few)


def shuffled(images, order):
    return images.reshape(len(images), -1)[:, order].reshape(images.shape)


def pca_error(train, test, count, shown=None):
    pca = evaluation.fit_pca(train, count)
    return evaluation.pca_error(pca, test if shown is None else shown)


def new_order(images):
    return np.random.default_rng().permutation(images[0].size)


def right_shuffle(train, test, count):
    order = new_order(train)
    return pca_error(shuffled(train, order), shuffled(test, order), count)


def right_shuffle_of_pixels(train, test, count):
    order = np.random.default_rng().permutation(train.shape[1] * train.shape[2])
    both = [images.reshape(len(images), -1, 3)[:, order].reshape(images.shape) for images in (train, test)]
    return pca_error(*both, count)


def one_order_a_picture(train, test, count):
    rng = np.random.default_rng()
    both = [rng.permuted(images.reshape(len(images), -1), axis=1) for images in (train, test)]
    return pca_error(*both, count)


SHUFFLES = {
    "the same order": one_order_a_picture,
    "Draw one permutation": lambda train, test, count: pca_error(
        shuffled(train, new_order(train)), shuffled(test, new_order(test)), count
    ),
    "fitted PCA to the test pictures": lambda train, test, count: pca_error(test, test, count),
    "measured the training pictures": lambda train, test, count: pca_error(train, train, count),
    "all components": lambda train, test, count: 0.0,
    "a single number": lambda train, test, count: shuffled(test, new_order(test)),
    "stopped with IndexError": lambda train, test, count: train[count * 1000],
    "not answered yet": lambda train, test, count: None,
}


@pytest.mark.parametrize("message", SHUFFLES)
def test_wrong_shuffles(message):
    assert message in check.shuffled_error.problem(SHUFFLES[message])


def test_right_shuffles():
    for answer in (right_shuffle, right_shuffle_of_pixels):
        assert check.shuffled_error.problem(answer) is None


@pytest.fixture(scope="module")
def codes(pca):
    return np.random.default_rng(1).normal(size=(300, 6)) @ np.random.default_rng(2).normal(size=(6, 6))


def test_covariances(codes):
    problem = check.covariance.problem
    right = np.cov(codes, rowvar=False)
    assert problem(right, codes) is None and problem(np.cov(codes.T).tolist(), codes) is None
    assert problem(np.cov(codes, rowvar=False, bias=True), codes) is None
    assert "rowvar=False" in problem(np.cov(codes), codes)
    assert "correlations" in problem(np.corrcoef(codes, rowvar=False), codes)
    assert "diagonal alone" in problem(np.diag(codes.var(axis=0, ddof=1)), codes)
    centred = codes - codes.mean(axis=0)
    assert "divide" in problem(centred.T @ centred, codes)
    assert "of shape (6, 6)" in problem(right[0], codes)
    assert "np.cov(codes, rowvar=False)" in problem(np.cov(codes[:100], rowvar=False), codes)
    assert problem(..., codes) == "not answered yet"
