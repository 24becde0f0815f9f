"""Values of options that would end in no faces are refused before the work."""

from pathlib import Path

import pytest

from vae_keras import cli, config

TRAIN = "train --data cartoon --out nowhere "
GENERATE = "generate --model celeba --out faces.png "


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (TRAIN + "--latent-dim 1", "1 is no whole number from 2 on"),
        (TRAIN + "--beta 1e38", "1e38 is no number from 0 to 1000000"),
        (TRAIN + "--beta nan", "nan is no number"),
        (GENERATE + "--count 0", "0 is no whole number from 1 on"),
        (GENERATE + "--temperature 1e40", "1e40 is no number from 0 to 100"),
    ],
)
def test_values_that_cannot_work_are_refused(line, words, capsys):
    assert cli.main(line.split()) == 2
    assert words in capsys.readouterr().err


def test_a_home_that_is_not_there_is_said(capsys):
    assert cli.main(["train", "--data", "cartoon", "--out", "~nosuch/x"]) == 2
    assert capsys.readouterr().err.startswith("error: There is no such home folder: write whole paths")


def test_a_path_is_shown_without_a_home(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    assert config.short_path(Path.home() / "x") == "~/x"
    monkeypatch.setattr(Path, "home", homeless)
    assert config.short_path(Path("/tmp/x")) == "/tmp/x"
