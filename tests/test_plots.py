"""Figures: what they hold, how large they get, that they are shown once and leave the reader's style alone."""

import io

import matplotlib
import numpy as np
import pandas as pd
import PIL.Image
import pytest

from vae_keras import plots

BLUE, ORANGE = (47, 111, 159), (225, 129, 44)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def pixels(figure):
    image = figure.image() if isinstance(figure, plots.Plot) else figure
    return np.asarray(PIL.Image.open(io.BytesIO(image.data)).convert("RGB"))


def every_figure(rng):
    noise = rng.integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    codes = rng.standard_normal((300, 128)) * np.geomspace(0.01, 3, 128)
    table = pd.DataFrame(rng.random((45, 45)) * 2 - 1, [f"Attribute_{i}" for i in range(45)])
    labels = pd.DataFrame(rng.random((3000, 6)) < 0.5, columns=list("abcdef"))
    blocks = [("pictures", (None, 64, 64, 3)), ("z_mean", (None, 8)), ("z_log_variance", (None, 8))]
    history = {name: rng.random(9) for name in ("loss", "kl", "mse", "val_loss", "val_kl", "seconds")}
    yield plots.grid(noise, columns=10, captions=range(40))
    yield plots.rows({"photograph": noise[:8], "a longer label": noise[8:16] / 255.0}, captions=range(8))
    yield plots.curves(pd.DataFrame(history))
    yield plots.histograms(pd.DataFrame({"brightness": codes[:, 0], "contrast": codes[:, 1]}))
    yield plots.heatmap(table.set_axis(table.index, axis=1))
    yield plots.bars(table.iloc[:, :2], title="Two", label="share", reference=0.5)
    yield plots.scatter(rng.standard_normal((3000, 2)), labels, title="Map")
    yield plots.latent_distributions(codes, np.zeros_like(codes))
    yield plots.kl_per_dimension(codes.var(axis=0))
    yield plots.architecture(blocks, blocks[::-1])


def test_every_figure_fits_a_notebook(rng):
    before = dict(matplotlib.rcParams)
    for figure in every_figure(rng):
        image = figure.image()
        assert len(image.data) < (500_000 if figure.photographs else 300_000)
        assert 200 < image.width <= plots.WIDTH
        assert image.format == ("jpeg" if figure.photographs else "png")
        assert pixels(image).std() > 5
    assert dict(matplotlib.rcParams) == before


def test_a_figure_is_shown_exactly_once(rng, monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    figure = plots.grid(rng.random((2, 8, 8, 3)))
    assert not shown
    figure._ipython_display_()
    assert len(shown) == 1
    import matplotlib.pyplot

    assert not matplotlib.pyplot.get_fignums()  # nothing that the notebook would show again by itself


def test_pictures_stand_where_they_belong():
    colours = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)], np.uint8)
    images = np.broadcast_to(colours[:, None, None], (4, 16, 16, 3))
    height, width = 153, 153  # a cell of 150 pixels and a gap of 3
    drawn = pixels(plots.grid(images, columns=2))
    assert drawn.shape == (2 * height, 2 * width, 3)
    for index, colour in enumerate(colours):
        row, column = divmod(index, 2)
        centre = drawn[row * height + 75, column * width + 75].astype(int)
        np.testing.assert_allclose(centre, colour, atol=6)


def test_rows_carry_labels_and_captions():
    pictures = {"photo_graph": np.zeros((2, 8, 8, 3)), "crop": np.zeros((1, 9, 7, 3))}
    figure = plots.rows(pictures, captions=["a", 0.5])
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["photo graph", "crop", "a", "0.5"]
    assert [image.get_array().shape for image in figure.axes[0].images] == [(8, 8, 3)] * 2 + [(9, 7, 3)]


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (10, 10), (12, 12), (40, 10), (96, 12), (13, 7)])
def test_default_columns_make_full_rows(count, columns):
    figure = plots.grid(np.zeros((count, 4, 4, 3)))
    left = {image.get_extent()[0] for image in figure.axes[0].images}
    assert len(left) == columns


def test_floats_outside_of_the_range_are_clipped():
    drawn = pixels(plots.grid(np.stack([np.full((8, 8, 3), -1.0), np.full((8, 8, 3), 2.0)])))
    assert drawn[75, 75].max() < 5 and drawn[75, 228].min() > 250


def test_curves_show_both_parts_of_each_term():
    history = {"loss": [3, 2], "val_loss": [3, 2.5], "kl": [1, 2], "seconds": [9, 9]}
    figure = plots.curves(pd.DataFrame(history))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss (nats)", "KL (nats)"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_data(), [[1, 2], [3, 2.5]])
    assert len(plots.curves({"loss": [1.0]}).axes) == 1


def test_every_latent_variable_has_its_histogram(rng):
    z_mean = rng.standard_normal((2000, 20)) * np.linspace(0.0, 1, 20)
    log_variance = np.broadcast_to(np.log1p(-0.9 * np.linspace(0, 1, 20) ** 2), z_mean.shape)
    axes = plots.latent_distributions(z_mean, log_variance).axes[0]
    assert len(axes.collections) == len(axes.lines) == len(axes.texts) == 20
    order = [int(text.get_text().split(":")[0]) for text in axes.texts]
    assert order[0] == 19 and set(order) == set(range(20))
    kl = [float(text.get_text().split(":")[1]) for text in axes.texts]
    assert kl == sorted(kl, reverse=True)
    # z has a variance close to 1 in every dimension, so each histogram covers as much as the density beside it.
    for histogram, line in zip(axes.collections, axes.lines):
        x, y = histogram.get_paths()[0].vertices.T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        expected = np.trapezoid(line.get_ydata() - line.get_ydata().min(), line.get_xdata())
        np.testing.assert_allclose(area, expected, rtol=0.1)


def test_kl_is_sorted_and_summed():
    axes = plots.kl_per_dimension(pd.Series([1.0, 3.0, 2.0])).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [3, 2, 1]
    assert "6.0 nats" in axes.get_title(loc="left")


def test_bars_put_the_first_row_on_top():
    table = pd.DataFrame({"VAE": [0.9, 0.6], "PCA": [0.8, np.nan]}, index=["Smiling", "Blond_Hair"])
    axes = plots.bars(table, reference=0.5).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["Smiling", "Blond Hair"]
    np.testing.assert_array_equal(axes.lines[0].get_data(), [[0.9, 0.6], [1, 0]])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["VAE", "PCA"]


def test_scatter_has_a_map_per_attribute(rng):
    labels = pd.DataFrame({name: rng.random(50) < 0.5 for name in ("Male", "Young", "Pale_Skin", "Bald")})
    figure = plots.scatter(rng.standard_normal((50, 2)), labels)
    assert [axes.get_title(loc="left") for axes in figure.axes[:4]] == ["Male", "Young", "Pale Skin", "Bald"]
    orange = matplotlib.colors.to_rgb(plots.COLOURS[1])
    found = (figure.axes[0].collections[0].get_facecolors()[:, :3] == orange).all(axis=1).sum()
    assert found == labels["Male"].sum()


def test_architecture_tells_true_shapes():
    encoder = [
        ("InputLayer", (None, 64, 64, 3)),
        ("Conv2DTranspose", (None, 32, 32, 16)),
        ("z_mean", (None, 8)),
    ]
    figure = plots.architecture(
        [*encoder, ("z_log_variance", (None, 8))], [("z", (8,)), ("face", (64, 64, 3))]
    )
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "64×64×3\nInput Layer" in words and "32×32×16\nConv2D Transpose" in words and "8\nz mean" in words
    assert words.count("→") == 3 and words.count("and") == 1


def test_gif_is_small_and_even(rng):
    frames = [np.full((10, 16, 16, 3), value, np.uint8) for value in range(0, 250, 10)]
    image = plots.gif(frames)
    with PIL.Image.open(io.BytesIO(image.data)) as animation:
        assert animation.n_frames == 12 and animation.size == (8 * 16, 16 + 3)
        animation.seek(11)
        last = np.asarray(animation.convert("RGB"))
    np.testing.assert_allclose(last[8, 60], 240, atol=4)
    np.testing.assert_allclose(last[-1, -1], BLUE, atol=4)
    single = plots.gif(rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8))
    with PIL.Image.open(io.BytesIO(single.data)) as animation:
        assert animation.n_frames == 3 and animation.size == (16, 19)
