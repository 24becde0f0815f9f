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
    noise = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    codes = rng.standard_normal((300, 128)) * np.geomspace(0.01, 3, 128)
    table = pd.DataFrame(rng.random((45, 45)) * 2 - 1, [f"Attribute_{i}" for i in range(45)])
    labels = pd.DataFrame(rng.random((3000, 6)) < 0.5, columns=list("abcdef"))
    blocks = [("pictures", (None, 64, 64, 3)), ("z_mean", (None, 8)), ("z_log_variance", (None, 8))]
    history = {name: rng.random(9) for name in ("loss", "kl", "mse", "val_loss", "val_kl", "seconds")}
    yield plots.grid(noise, columns=8, captions=range(40))
    yield plots.rows({"photograph": noise[:8], "a longer label": noise[8:16] / 255.0}, captions=range(8))
    yield plots.curves(pd.DataFrame(history))
    yield plots.histograms(pd.DataFrame({"brightness": codes[:, 0], "contrast": codes[:, 1]}))
    yield plots.heatmap(table.set_axis(table.index, axis=1))
    yield plots.bars(table.iloc[:, :2], title="Two", label="share", reference=0.5)
    yield plots.scatter(rng.standard_normal((3000, 2)), labels, title="Map")
    yield plots.latent_distributions(codes, np.zeros_like(codes))
    yield plots.kl_profiles({"calibrated": codes.var(axis=0), "classic": codes.var(axis=0) / 9})
    yield plots.grouped_bars({"turned": table.iloc[:5, :3].abs(), "others": table.iloc[:5, :3].abs()})
    yield plots.architecture(blocks, blocks[::-1])


def test_every_figure_fits_a_notebook(rng):
    before = dict(matplotlib.rcParams)
    for figure in every_figure(rng):
        image = figure.image()
        assert len(image.data) < (500_000 if figure.photographs else 300_000)
        assert 200 < image.width <= plots.FACES_WIDTH
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
    height, width = 131, 131  # a cell of 128 pixels and a gap of 3
    drawn = pixels(plots.grid(images, columns=2))
    assert drawn.shape == (2 * height, 2 * width, 3)
    for index, colour in enumerate(colours):
        row, column = divmod(index, 2)
        centre = drawn[row * height + 64, column * width + 64].astype(int)
        np.testing.assert_allclose(centre, colour, atol=6)


def test_rows_carry_labels_and_captions():
    pictures = {"photo_graph": np.zeros((2, 8, 8, 3)), "crop": np.zeros((1, 9, 7, 3))}
    figure = plots.rows(pictures, captions=["a", 0.5], heads=["one", "two"])
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["one", "two", "photo graph", "crop", "a", "0.5"]
    shapes = [image.get_array().shape for image in figure.axes[0].images]
    assert shapes == [(128, 128, 3)] * 2 + [(128, 100, 3)]
    heights = [text.get_position()[1] for text in figure.axes[0].texts]
    assert heights[0] < heights[2] < heights[3] < heights[4]


def test_faces_stand_at_a_multiple_of_their_own_pixels(rng):
    noise = rng.integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    figure = plots.grid(noise[:8])
    assert figure.face == figure.image().metadata == {"size": 128, "columns": 8}
    assert pixels(figure).shape == (131, 8 * 131, 3)
    large = pixels(plots.grid(np.repeat(np.repeat(noise[:1], 2, 1), 2, 2), columns=1)).astype(int)
    np.testing.assert_allclose(large[:128, :128][::2, ::2], noise[0], atol=40)  # JPEG of noise
    patch = plots.grid([noise[0, :8, :8]], size=256).axes[0].images[0].get_array()
    np.testing.assert_array_equal(patch[16::32, 16::32], noise[0, :8, :8])


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (8, 8), (10, 5), (12, 6), (40, 8), (64, 8), (13, 7)])
def test_default_columns_make_full_rows(count, columns):
    figure = plots.grid(np.zeros((count, 4, 4, 3)))
    left = {image.get_extent()[0] for image in figure.axes[0].images}
    assert len(left) == columns


def test_floats_outside_of_the_range_are_clipped():
    drawn = pixels(plots.grid(np.stack([np.full((8, 8, 3), -1.0), np.full((8, 8, 3), 2.0)])))
    assert drawn[64, 64].max() < 5 and drawn[64, 195].min() > 250


def test_curves_show_both_parts_of_each_term():
    history = {"loss": [3, 2], "val_loss": [3, 2.5], "kl": [1, 2], "seconds": [9, 9]}
    figure = plots.curves(pd.DataFrame(history))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss (nats)", "KL (nats)"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_data(), [[1, 2], [3, 2.5]])
    assert len(plots.curves({"loss": [1.0]}).axes) == 1


def test_the_latent_variables_that_differ_most_have_histograms(rng):
    z_mean = rng.standard_normal((4000, 20)) * np.linspace(0.5, 2, 20)
    figure = plots.latent_distributions(z_mean, np.full(z_mean.shape, -9.0), most=5)
    drawn = [axes for axes in figure.axes if axes.lines]
    titles = [axes.get_title(loc="left") for axes in drawn]
    assert [int(title.split(":")[0]) for title in titles[:3]] == [19, 18, 17] and len(drawn) == 5
    assert titles[0].endswith("0.0 ± 2.0")
    for axes in drawn:  # a histogram covers as much as the density beside it
        x, y = axes.collections[0].get_paths()[0].vertices.T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        np.testing.assert_allclose(area, 1, rtol=0.05)
    assert len([axes for axes in plots.latent_distributions(z_mean, 0 * z_mean).axes if axes.lines]) == 12


def test_kl_of_several_models(rng):
    axes = plots.kl_profiles({"one": [1.0, 3.0, 2.0], "other": [0.5, 0.0, 0.0]}).axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [3, 2, 1, 1])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "one: 6 nats in all",
        "other: 0 nats in all",
    ]


def test_grouped_bars_show_shares_as_percentages():
    table = pd.DataFrame({"edit": [0.9, 0.5], "control": [0.1, np.nan]}, index=["Smiling", "Blond_Hair"])
    figure = plots.grouped_bars({"turned": table, "others_changed": table / 2})
    left, right = figure.axes
    assert [bar.get_width() for bar in left.patches[:2]] == [90, 50]
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["Smiling", "Blond Hair"]
    assert right.get_title(loc="left") == "others changed" and right.patches[0].get_width() == 45
    assert left.patches[0].get_y() > left.patches[2].get_y() > left.patches[1].get_y()
    assert plots.grouped_bars({"turned": table.iloc[:0]}).image().width > 200


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
        last = np.asarray(animation.convert("RGB"))
        animation.seek(1)
        np.testing.assert_allclose(np.asarray(animation.convert("RGB"))[8, 60], 0, atol=4)
    np.testing.assert_allclose(last[8, 60], 240, atol=4)
    np.testing.assert_allclose(last[-1, -1], BLUE, atol=4)
    labelled = plots.gif(frames, labels=[f"epoch {number}" for number in range(len(frames))])
    with PIL.Image.open(io.BytesIO(labelled.data)) as animation:
        below = np.asarray(animation.convert("L"))[16:]
    assert labelled.width == 2 * 8 * 16 and below.min() < 120 and below.max() > 250
    single = plots.gif(rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8))
    with PIL.Image.open(io.BytesIO(single.data)) as animation:
        assert animation.n_frames == 3 and animation.size == (16, 19)


def test_pixels_stand_in_the_square_with_their_values(rng):
    image = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    figure = plots.pixels(image, top=29, left=20)
    axes = figure.axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert len(texts) == 64 and texts[9] == "\n".join(map(str, image[30, 21]))
    assert min(text.get_fontsize() for text in axes.texts) * plots.DPI / 72 >= 10
    drawn = pixels(figure).astype(float)
    side = drawn.shape[0]
    np.testing.assert_allclose(drawn[side // 2 + 4, 4], image[32, 0], atol=12)
    shown = drawn[6, drawn.shape[1] - side + 6]  # the corner of the square, beside its numbers
    np.testing.assert_allclose(shown, image[29, 20], atol=12)


def test_a_code_map_has_codes_draws_and_spots(rng):
    codes, draws = rng.standard_normal((500, 2)), rng.standard_normal((40, 2))
    axes = plots.code_map(codes, draws).axes[0]
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), codes)
    np.testing.assert_array_equal(axes.collections[1].get_offsets(), draws)
    deviations = np.array([[0.1, 0.2], [0.3, 0.1]])
    axes = plots.code_map(codes, draws, spots=(codes[:2], deviations)).axes[0]
    assert [(spot.width, spot.height) for spot in axes.patches] == [(0.4, 0.8), (1.2, 0.4)]


def test_a_decoded_grid_stands_at_the_values_of_its_codes(rng):
    pictures = rng.random((6, 16, 16, 3))
    figure = plots.decoded_grid(pictures, [-1, 0, 1], [0.5, -0.5])
    assert figure.face == {"size": 128, "columns": 3}
    axes = figure.axes[0]
    assert len(axes.images) == 6
    words = [text.get_text() for text in axes.texts]
    assert words == ["-1.0", "0.0", "1.0", "0.5", "-0.5"]
    left, right, bottom, top = axes.images[3].get_extent()
    assert left == axes.images[0].get_extent()[0] and top > axes.images[0].get_extent()[3]


def test_kl_curves_are_what_was_given():
    values = np.linspace(0.1, 3, 9)
    figure = plots.kl_curves(values, values**2, values, values + 1)
    for axes, nats in zip(figure.axes, (values**2, values + 1)):
        np.testing.assert_array_equal(axes.lines[0].get_data(), [values, nats])


def test_the_diagram_names_all_parts(rng):
    pictures = rng.random((2, 16, 16, 3))
    figure = plots.vae_diagram(pictures[0], pictures[1])
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    for part in ("encoder", "decoder", "mean", "deviation", "noise", "reconstruction:", "KL:"):
        assert part in words
    assert len(figure.axes[0].images) == 2 and len(figure.image().data) < 100_000


def test_code_planes_hold_codes_draws_and_the_circles_of_half_and_nearly_all_draws(rng):
    codes, draws = rng.standard_normal((500, 2)), rng.standard_normal((100_000, 2))
    figure = plots.code_planes({"widest": (codes, draws[:40]), "narrowest": (codes, draws[:40])})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["widest", "narrowest"]
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), codes)
    np.testing.assert_array_equal(axes.collections[1].get_offsets(), draws[:40])
    inside = [(np.linalg.norm(draws, axis=1) < circle.radius).mean() for circle in axes.patches]
    np.testing.assert_allclose(inside, [0.5, 0.99], atol=0.01)


def test_runs_share_their_scales_and_stand_beside_their_faces(rng):
    images = rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    long = {"mse": [4.0, 2, 1], "val_mse": [4.0, 3, 2], "kl": [1.0, 9, 10], "val_kl": [1.0, 9, 10]}
    long = pd.DataFrame({**long, "loss": [9.0, 8, 7], "val_loss": [9.0, 8, 8.5]})
    short = {"mse": [2.0], "val_mse": [2.0], "kl": [0.5], "val_kl": [0.5]}
    short = pd.DataFrame({**short, "loss": [-70.0], "val_loss": [-60.0]})
    figure = plots.runs({"one": long, "other": short}, {"one": images, "other": images}, images)
    page, *charts = figure.axes
    titles = [axes.get_title(loc="left") for axes in charts]
    each = ["KL (nats)", "loss (nats)"]
    assert titles == ["one: squared error", *each, "other: squared error", *each]
    assert charts[1].get_ylim() == charts[4].get_ylim()
    assert charts[0].get_ylim() == charts[3].get_ylim() and charts[1].get_ylim()[1] >= 10
    assert charts[2].get_ylim()[0] > 0 > charts[5].get_ylim()[1]
    assert [len(axes.lines) for axes in charts] == [2] * 6 and len(page.images) == 9
    assert [text.get_text() for text in page.get_legend().get_texts()] == ["training", "held out"]
    assert figure.face == {"size": 128, "columns": 3} and figure.photographs


def test_lines_keep_a_colour_for_a_name_and_share_their_scale():
    first = pd.Series([20.0, 25.0], index=[0.1, 0.4])
    panels = {"one": {"VAE": first, "JPEG": ([0.1, 0.4], [30, 40])}, "two": {"JPEG": ([0.2, 0.3], [35, 36])}}
    figure = plots.lines(panels, "bytes", "SSIM", log_x=True)
    one, two = figure.axes
    assert [line.get_xydata().tolist() for line in one.lines][0] == [[0.1, 20.0], [0.4, 25.0]]
    assert one.lines[1].get_color() == two.lines[0].get_color() != one.lines[0].get_color()
    assert one.get_ylim() == two.get_ylim() and one.get_xscale() == "log"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["VAE", "JPEG"]
    assert (one.get_title(loc="left"), one.get_ylabel(), two.get_ylabel()) == ("one", "SSIM", "")
    assert plots.lines({"alone": {"a": first}}).axes[0].get_title(loc="left") == ""
    apart = plots.lines(panels, share_y=False).axes
    assert apart[0].get_ylim() != apart[1].get_ylim()


def test_points_and_a_trade_off_are_drawn():
    generator = np.random.default_rng(0)
    ring = generator.normal(size=(50, 2))
    figure = plots.point_sets({"mean": 0 * ring, "step_10": ring + 0.1}, ring)
    assert [axes.get_title("left") for axes in figure.axes] == ["mean", "step 10"]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    table = pd.DataFrame({"squared error": [0.003, 0.004], "distance": [20.0, 2.0]}, ["plain", "long run"])
    (axes,) = plots.trade_off(table, table, 1.0).axes
    assert {text.get_text() for text in axes.texts} == {"plain", "long run"}
    assert axes.get_ylim()[0] == 0


def test_figures_of_planes_and_lines_show_what_they_are_given(rng):
    points = rng.standard_normal((300, 2))
    places = np.array([[-2.0, 0.0], [2.0, 1.0]])
    clouds = plots.point_clouds({"data": points, "draws": points[:40]})
    assert [len(axes.collections[0].get_offsets()) for axes in clouds.axes] == [300, 40]
    assert len({axes.get_xlim() for axes in clouds.axes}) == 1, "one scale"
    fields = plots.arrow_fields(points, {"noise 1": (places, np.zeros((2, 2)))})
    arrows = fields.axes[0].collections[-1]
    np.testing.assert_allclose(arrows.U, -places[:, 0])
    np.testing.assert_allclose(arrows.V, -places[:, 1])
    walks = plots.paths(points, rng.standard_normal((5, 3, 2)))
    assert walks.axes[0].get_legend_handles_labels()[1] == ["start: noise", "end"]
    table = pd.DataFrame({"network": [3.0, 2.0], "mixture": [2.5, 2.5]}, index=[1, 12])
    lines = plots.line_panels({"distance": table}, "steps")
    assert [list(line.get_ydata()) for line in lines.axes[0].lines] == [[3.0, 2.0], [2.5, 2.5]]
    assert [tick.get_text() for tick in lines.axes[0].get_xticklabels()] == ["1", "12"]
    for figure in (clouds, fields, walks, lines):
        assert pixels(figure).std() > 5


def made_study():
    """Return a table of trainings: a base of three seeds, and knobs of one or two."""
    rows = [("base", "base", 1.0, "", seed) for seed in range(3)]
    rows += [("beta=10", "beta", 10.0, 10.0, seed) for seed in range(2)] + [("beta=0.1", "beta", 0.1, 0.1, 0)]
    rows += [("optimizer=muon", "optimizer", 1.0, "muon", 0)]
    table = pd.DataFrame(rows, columns=["setting", "knob", "beta", "value", "seed"])
    table["kl"] = 100 / table["beta"] * (1 + 0.1 * table["seed"])
    table["error"] = 0.01 * table["beta"] ** 0.3 * (1 + 0.1 * table["seed"])
    return table


def test_a_measure_over_a_knob_is_the_mean_of_the_seeds():
    table = made_study()
    figure = plots.over_knob(
        table[table["knob"] != "optimizer"], "beta", {"error": "squared error", "kl": "KL"}
    )
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["squared error", "KL"]
    x, y = figure.axes[1].lines[0].get_data()
    np.testing.assert_allclose(x, [0.1, 1, 10])
    np.testing.assert_allclose(y, [1000, 110, 10.5])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.1", "1", "10"]


def test_a_knob_trade_off_has_a_curve_through_the_base_and_a_point_for_each_setting():
    figure = plots.knob_trade_off(made_study(), curve="beta")
    everything, near = figure.axes
    for axes in (everything, near):
        curve, *points = axes.lines
        np.testing.assert_allclose(curve.get_xdata(), [10.5, 110, 1000])
        assert sorted(len(line.get_xdata()) for line in points) == [1, 1, 2]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["β", "optimizer", "base"]
    assert [text.get_text() for text in everything.texts] == ["10", "0.1"]  # muon stands in the other panel
    assert [text.get_text() for text in near.texts] == ["muon"]
    assert near.get_xlim() == pytest.approx((71.5, 148.5))


def test_seeds_stand_beside_the_band_of_the_reference():
    figure = plots.seed_spread(made_study(), {"error": "squared error", "kl": "KL"})
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["optimizer=muon", "beta=0.1", "beta=10"]
    muon = axes.lines[1].get_xdata()  # the lowest row, after the line at 0
    np.testing.assert_allclose(muon, 100 * (1 / 1.1 - 1))
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    np.testing.assert_allclose([band.x0, band.x1], [100 / 1.1 - 100, 120 / 1.1 - 100], atol=1e-6)


def test_tables_show_their_numbers():
    table = pd.DataFrame(
        [[1.25, 2], [3, 4]], index=pd.Index([2, 8], name="size"), columns=pd.Index([1, 9], name="beta")
    )
    figure = plots.tables({"one": table, "other": table}, {"one": ".2f", "other": ".0f"})
    words = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert words[0] == ["1.25", "2.00", "3.00", "4.00"] and words[1][1:] == ["2", "3", "4"]
    assert figure.axes[0].get_xlabel() == "β" and figure.axes[1].get_ylabel() == "size"
