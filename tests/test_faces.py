"""The first command: what it writes, what it leaves alone, its prior by kinds, and the page."""

import ast
import re
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vae_keras import cli, config, data, hub, priors, training
from vae_keras.applications import first_faces, page
from vae_keras.applications.photo import own_photograph
from vae_keras.data.drawn import faces as drawn

ROOT = Path(__file__).resolve().parent.parent
TINY = ["--pictures", "80", "--epochs", "2", "--image-size", "16"]


def command(*arguments):
    """Run the command in this process; float32 on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "_device", lambda: (0, "float32"))
        return cli.main(["faces", *map(str, arguments)])


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The folder that the command wrote into, beside a file of the user's, and the pages that were written."""
    folder = tmp_path_factory.mktemp("faces") / "build"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    pages = []
    save_page = first_faces.save_page

    def record(sections, path, force=False):
        save_page(sections, path, force)
        assert Image.open(path).format == "PNG"  # whole after each epoch
        pages.append(sections)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first_faces, "save_page", record)
        assert command(*TINY, "--out", folder) == 0
    return folder, pages


def test_the_command_writes_two_files_and_touches_no_other(build):
    folder, _ = build
    assert sorted(file.name for file in folder.iterdir()) == ["faces.gif", "faces.png", "letter.txt"]
    assert (folder / "letter.txt").read_text() == "mine"
    width, height = Image.open(folder / "faces.png").size
    assert width == 8 * 128 + 7 * page.GAP + 2 * page.MARGIN and height > 10 * 128
    animation = Image.open(folder / "faces.gif")
    assert animation.size == (4 * 130 - 2, 2 * 130 - 2)
    assert animation.n_frames == 2 + 2 * first_faces.GIF_STEPS - 1  # the walk begins with the last faces


def test_the_page_is_refreshed_after_every_epoch(build):
    _, pages = build
    assert [sections[0].heading for sections in pages[:2]] == [
        "New faces after 1 of 2 epochs",
        "New faces after 2 of 2 epochs",
    ]
    assert len(pages) == 3


def test_the_last_page_shows_both_models(build):
    _, pages = build
    trained, shipped = pages[-1]
    titles = [row.title for row in trained.rows]
    assert titles[:3] == ["Pictures that it has not seen", "Their reconstructions", "New faces"]
    assert "Smiling" in titles[4] and "interpolation" in titles[5]
    assert [row.title.split()[0] for row in shipped.rows] == ["A", "New", "An", "An"]
    for row in (*trained.rows, *shipped.rows):
        assert len(row.images) == 8 and row.images.dtype == np.uint8
    preview = data.load_faces("cartoon", 16, 80).preview
    assert (trained.rows[0].images == preview).all()
    assert not (trained.rows[2].images == trained.rows[3].images).all()
    _, face = own_photograph(None, hub.load("celeba"))
    assert (shipped.rows[0].images[0] == face.image).all()


def test_the_reconstruction_of_the_photograph_is_framed_as_the_model_expects():
    row = first_faces.shipped_rows()[0].images.astype(float)
    assert np.abs(row[1] - row[0]).mean() < 17  # 16.1; of a crop that is narrower by a quarter, 18.2


def test_a_second_run_replaces_its_own_files_only(build, monkeypatch, capsys):
    folder, _ = build
    monkeypatch.setattr(first_faces, "make_first_faces", lambda *arguments: first_faces.check_outputs(folder))
    assert command(*TINY, "--out", folder) == 0
    output = capsys.readouterr().out
    assert str(folder / "faces.png") in output and str(folder / "faces.gif") in output
    (hint,) = [line for line in output.splitlines() if line.startswith("next: ")]
    assert re.findall(r"make \w+", hint) == ["make site", "make lab"]
    Image.new("RGB", (50, 50)).save(folder / "faces.png")
    before = (folder / "faces.png").read_bytes()
    assert command(*TINY, "--out", folder) == 2
    assert "faces.png already exists" in capsys.readouterr().err
    assert (folder / "faces.png").read_bytes() == before
    assert command(*TINY, "--out", folder, "--force") == 2  # the stand-in looks without force
    assert (folder / "faces.png").read_bytes() == before


@pytest.mark.parametrize(
    "options, pictures, epochs",
    [([], None, 5), (["--data", "{folder}"], 10_000, 12), (["--pictures", "90", "--epochs", "3"], 90, 3)],
)
def test_photographs_get_other_amounts(options, pictures, epochs, tmp_path, monkeypatch):
    asked = {}

    def load_faces(name, image_size, pictures):
        asked["pictures"] = pictures
        return types.SimpleNamespace(
            train=[0], validation=[0], test=[0], dataset=types.SimpleNamespace(title="Some")
        )

    def make(faces, folder, epochs, *rest):
        asked["epochs"] = epochs
        return "one", "two"

    monkeypatch.setattr(data, "get_dataset", lambda name, align, **overrides: name)
    monkeypatch.setattr(data, "load_faces", load_faces)
    monkeypatch.setattr(first_faces, "make_first_faces", make)
    options = [option.format(folder=tmp_path) for option in options]
    assert command("--out", tmp_path / "build", *options) == 0
    assert asked == {"pictures": pictures, "epochs": epochs}


def test_nothing_is_trained_where_a_file_is_in_the_way(tmp_path, monkeypatch):
    (tmp_path / "faces.gif").write_text("mine")
    monkeypatch.setattr(training, "fit", lambda *arguments, **options: pytest.fail("it trained"))
    assert command(*TINY, "--out", tmp_path) == 2
    assert (tmp_path / "faces.gif").read_text() == "mine" and not (tmp_path / "faces.png").exists()


def two_kinds(count=400, seed=0):
    """Codes of faces with and without glasses, far apart, and the labels."""
    rng = np.random.default_rng(seed)
    glasses = rng.random(count) < 0.25
    hat = rng.random(count) < 0.5
    z = rng.standard_normal((count, 6))
    z[:, 0] = 40 * glasses + 0.5 * z[:, 0]
    z[:, 1] = 40 * (glasses & hat) + 0.5 * z[:, 1]
    return z, pd.DataFrame({"glasses": glasses, "hat": hat})


def test_new_codes_lie_at_kinds_and_never_between():
    z, labels = two_kinds()
    new = priors.fit_kinds(z, labels).sample(300, seed=1)
    for axis in (0, 1):
        assert (np.minimum(np.abs(new[:, axis]), np.abs(new[:, axis] - 40)) < 3).all()
    assert not ((new[:, 1] > 20) & (new[:, 0] < 20)).any()  # a kind that does not occur
    assert abs((new[:, 0] > 20).mean() - labels["glasses"].mean()) < 0.08
    np.testing.assert_allclose(new[:, 2:].std(axis=0), z[:, 2:].std(axis=0), rtol=0.2)


def test_samples_depend_on_seed_and_temperature_only():
    prior = priors.fit_kinds(*two_kinds())
    new = prior.sample(20, seed=3)
    assert new.dtype == np.float32 and (prior.sample(5, seed=3) == new[:5]).all()
    assert not (prior.sample(20, seed=4) == new).all()
    means = prior.sample(20, seed=3, temperature=0.0)
    assert len(np.unique(means, axis=0)) == 4
    np.testing.assert_allclose(prior.sample(20, seed=3, temperature=0.5), (means + new) / 2, atol=1e-4)


def test_all_kinds_share_the_covariance_of_what_is_left():
    z, labels = two_kinds()
    prior = priors.fit_prior(z, kinds=labels)
    assert prior.factors.shape == (1, 6, 6) and len(prior.weights) == len(prior.means) == 4
    assert prior.weights.sum() == pytest.approx(1)
    whole = priors.Mixture(prior.weights, prior.means, np.repeat(prior.factors, 4, axis=0))
    np.testing.assert_allclose(prior.log_density(z), whole.log_density(z), rtol=1e-6)
    assert (prior.sample(50, seed=1) == whole.sample(50, seed=1)).all()


def test_rare_kinds_follow_from_their_labels_and_common_ones_from_their_faces():
    rng = np.random.default_rng(0)
    labels = pd.DataFrame(rng.random((500, 3)) < 0.5, columns=list("abc"))
    z = labels.to_numpy() @ np.array([[3.0, 0], [0, 5], [1, 1]])
    z[:, 0] += 8.0 * labels.all(axis=1)  # more than pairs can tell
    prior = priors.fit_kinds(z, labels)
    kinds, counts = np.unique(labels.to_numpy(), axis=0, return_counts=True)
    for label, mean in zip(kinds[np.argsort(-counts, kind="stable")], prior.means, strict=True):
        own = z[(labels.to_numpy() == label).all(axis=1)].mean(axis=0)
        np.testing.assert_allclose(mean, own, atol=0.4)


def test_rare_kinds_are_not_drawn_unless_all_are_rare():
    z = np.zeros((12, 2))
    labels = pd.DataFrame({"a": [True] * 10 + [False] * 2})
    z[10:] = 9
    assert (np.abs(priors.fit_kinds(z, labels).sample(100)) < 5).all()
    labels = pd.DataFrame(np.eye(12, dtype=bool))
    assert priors.fit_kinds(z, labels).sample(100).shape == (100, 2)


def test_drawn_faces_know_their_kinds():
    factors = drawn.sample_factors(500, seed=2)
    table = drawn.kinds(factors)
    assert table.isin([0, 1]).all(axis=None) and len(table) == 500
    assert (table["glasses_round"] == (factors["glasses"] == "round")).all()
    bald = factors["hair_style"] == "bald"
    assert table.loc[bald, "hair_color_none"].all() and table.loc[bald, "hairline_high"].all()
    faces = data.load_faces("cartoon", 16, 80)
    rows = faces.table.iloc[faces.rows("train")]
    known = faces.kinds("train")
    assert list(known.index) == list(rows.index)
    assert (known["hat_none"] == 1 - rows["Wearing_Hat"]).all()


def test_pictures_without_labels_get_a_mixture(tmp_path):
    data.save_images(drawn.draw_faces(drawn.sample_factors(60, seed=1), 16), tmp_path / "own")
    faces = data.load_faces(tmp_path / "own", 16)
    assert faces.kinds() is None
    z = np.random.default_rng(0).standard_normal((len(faces.train), 8))
    assert first_faces.sample_new(z, faces).shape == (16, 8)


def test_the_nearest_pair_is_interpolated():
    z = np.float32([[0, 0], [5, 5], [5, 6], [0, 3]])
    first, second = first_faces.nearest_pair(z)
    np.testing.assert_array_equal([first, second], z[1:3])


def test_a_page_holds_pictures_pixel_by_pixel_under_their_titles():
    images = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), "uint8")
    drawing = page.draw_page(
        [page.Section("Heading", [page.Row("one", images[:2]), page.Row("two", images[2:])])]
    )
    assert drawing.dtype == np.uint8 and drawing.shape[1] == 2 * 128 + page.GAP + 2 * page.MARGIN
    top = page.MARGIN + 2 * page.HEADING + page.TITLE + page.BELOW_TITLE
    step = 128 + page.MARGIN + page.TITLE + page.BELOW_TITLE
    left = page.MARGIN
    assert (drawing[top : top + 128, left : left + 128] == images[0]).all()
    assert (drawing[top : top + 128, left + 128 + page.GAP : left + 256 + page.GAP] == images[1]).all()
    assert (drawing[top + step : top + step + 128, left : left + 128] == images[2]).all()
    assert drawing.shape[0] == top + step + 128 + page.MARGIN
    assert drawing[:top].min() < 100 and (drawing[-page.MARGIN :] == 255).all()  # text above, white below


def test_generating_needs_neither_figures_nor_notebooks():
    for path in (
        "applications/first_faces.py",
        "applications/page.py",
        "priors.py",
        "cli/faces.py",
    ):
        for node in ast.walk(ast.parse((ROOT / "vae_keras" / path).read_text())):
            names = [alias.name for alias in getattr(node, "names", [])]
            names.append(getattr(node, "module", None) or "")
            for name in names:
                assert not {"plots", "matplotlib", "seaborn", "IPython"} & set(name.split("."))
