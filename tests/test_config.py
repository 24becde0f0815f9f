"""The settings: profiles, changes, folders of models, misuse."""

import numpy as np
import pytest

from vae_keras import config
from vae_keras.config import PROFILES, settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in ("VAE_KERAS_PROFILE", "VAE_KERAS_DATASET", "COLAB_RELEASE_TAG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path / "empty"))
    monkeypatch.setattr(config, "working_folder", lambda: tmp_path / "empty")
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setenv("VAE_KERAS_RUNS", str(tmp_path / "runs"))


def test_profiles_change_amounts_alone():
    configs = [settings(profile=profile) for profile in PROFILES]
    for name in ("dataset", "image_size", "latent_dim", "batch_size", "precision", "seed"):
        assert len({getattr(config, name) for config in configs}) == 1, name
    assert settings(profile="full").epochs == 8 and settings(profile="full").pictures is None


def test_environment_colab_and_arguments(monkeypatch):
    assert settings().dataset == "cartoon"
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    assert settings().dataset == "celeba"
    monkeypatch.setenv("VAE_KERAS_DATASET", "lfw")
    monkeypatch.setenv("VAE_KERAS_PROFILE", "quick")
    assert (settings().dataset, settings().profile) == ("lfw", "quick")
    assert settings(dataset="anime", epochs=3, latent_dim=None).epochs == 3
    assert settings(image_size=np.int64(32)).image_size == 32
    assert "latent_dim" in str(settings())


def test_a_data_set_added_to_a_kaggle_notebook_is_found(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(config, "KAGGLE_INPUT", tmp_path / "input")
    assert settings().dataset == "cartoon"
    (tmp_path / "input" / "celeba-dataset").mkdir(parents=True)
    capsys.readouterr()
    assert settings().dataset == "celeba" and capsys.readouterr().out == ""
    assert config.find_archive(["celeba-dataset"]) == tmp_path / "input" / "celeba-dataset"


def test_without_celeba_a_line_says_that_faces_are_drawn(capsys):
    assert settings().dataset == "cartoon"
    (line,) = capsys.readouterr().out.splitlines()
    assert "drawn faces" in line and "celeba-dataset.zip" in line and 'dataset="celeba"' in line
    assert settings(dataset="cartoon").dataset == "cartoon"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("archive", ["celeba-dataset.zip", "celeba/list_attr_celeba.csv"])
@pytest.mark.parametrize("place", ["named", "data"])
def test_celeba_is_the_default_where_it_is_at_hand(archive, place, tmp_path, monkeypatch, capsys):
    path = tmp_path / place / archive
    path.parent.mkdir(parents=True)
    path.touch()
    if place == "named":
        monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path / place))
    monkeypatch.chdir(tmp_path)
    assert settings().dataset == "celeba" and capsys.readouterr().out == ""
    monkeypatch.setenv("VAE_KERAS_DATASET", "cartoon")
    assert settings().dataset == "cartoon"


def test_a_folder_for_data_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("VAE_KERAS_DATA", "/no/such/folder")
    with pytest.raises(FileNotFoundError, match="VAE_KERAS_DATA names /no/such/folder, which is no folder"):
        settings()


def test_models_of_two_folders_do_not_meet(tmp_path, monkeypatch):
    for parent in ("a", "b"):
        (tmp_path / parent / "photos").mkdir(parents=True)
    folders = {settings(dataset=tmp_path / parent / "photos").model_folder for parent in ("a", "b")}
    assert len(folders) == 2 and all(folder.parent == tmp_path / "runs" for folder in folders)
    monkeypatch.chdir(tmp_path / "a")
    assert settings(dataset="photos").model_folder in folders
    assert settings(dataset="celeba", profile="full").model_folder.name == "celeba-64-128-full"


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(epoch=3), "no setting 'epoch'; did you mean epochs"),
        (dict(profile="ful"), "no profile 'ful'; did you mean full"),
        (dict(epochs=0), "epochs is 0"),
        (dict(latent_dim=2.5), "latent_dim is 2.5"),
        (dict(pictures="many"), "pictures is 'many'"),
        (dict(epochs=True), "epochs is True"),
    ],
)
def test_misuse_is_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        settings(**changes)
    assert "\n" not in str(error.value)
