"""Figures of the lessons. They see arrays and tables, never a model, and share one style.

Every function but `gif` returns a `Plot`, a matplotlib figure that a notebook shows once, when it is the last
expression of a cell. Pictures are uint8 in 0..255 or float in [0, 1], RGB, [n, height, width, 3] or a list of such
[height, width, 3].
"""

import io
import itertools
import re
import textwrap
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import PIL.Image
import seaborn
from IPython.display import Image, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

WIDTH, DPI = 900, 100  # pixels, what the column of a notebook shows without shrinking
INK, QUIET, PALE, PAPER = "#22303c", "#75828e", "#b9c6d2", "#ffffff"
COLOURS = ("#2f6f9f", "#e1812c", "#4a9d6f", "#c0504d", "#7b6cb0", "#8c6d4f")
STYLE = seaborn.axes_style("whitegrid") | {
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    **dict.fromkeys(("figure.constrained_layout.w_pad", "figure.constrained_layout.h_pad"), 0.08),
    **{"font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left"},
    **{"grid.color": "#e6e9ec", "axes.edgecolor": QUIET, "axes.prop_cycle": matplotlib.cycler(color=COLOURS)},
}


class Plot(Figure):
    """A figure outside of pyplot, shown once: photographs as JPEG, charts as PNG with a palette."""

    photographs = False

    def image(self):
        """The figure as an IPython image."""
        buffer, small, kind = io.BytesIO(), io.BytesIO(), "jpeg" if self.photographs else "png"
        self.savefig(buffer, format="png", dpi=DPI if self.photographs else 1.4 * DPI)
        picture = PIL.Image.open(buffer).convert("RGB")
        if not self.photographs:
            picture = picture.quantize(256, PIL.Image.Quantize.MAXCOVERAGE, dither=PIL.Image.Dither.NONE)
        picture.save(small, kind, quality=88, optimize=True)
        return Image(small.getvalue(), format=kind, width=int(self.get_figwidth() * DPI))

    def _ipython_display_(self):
        display(self.image())


styled = matplotlib.rc_context(STYLE)  # while a function draws; the reader's own settings are left alone


def _figure(width, height):
    figure = Plot(figsize=(width / DPI, height / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def _panels(lines, columns, width, height, title=None):
    figure = _figure(width, height + (25 if title else 0))
    figure.set_layout_engine("constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure, figure.subplots(lines, columns, squeeze=False)


def _readable(name):
    return str(name).replace("_", " ")


def _draw_grid(lines, labels, captions):
    """Every grid of pictures: `lines` of pictures, a label left of each line, captions below each picture."""
    columns, gap = max(map(len, lines)), 3
    labels = [textwrap.wrap(_readable(label), 14, break_long_words=False) for label in labels]
    left = 7.5 * max(map(len, sum(labels, [])), default=-2.4) + 18
    cell = min(150, (WIDTH - left) // columns - gap)
    captions = [[textwrap.wrap(_readable(text), max(5, cell // 6)) for text in line] for line in captions]
    depths = [gap + 13 * max(map(len, line), default=0) + (5 if line else 0) for line in captions]
    *tops, height = np.cumsum([0, *(cell + depth for depth in depths)])
    width = left + columns * (cell + gap)
    figure = _figure(width, height)
    figure.photographs = True
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    places = left + (cell + gap) * np.arange(columns)
    for line, label, texts, y in zip(lines, labels, captions, tops):
        axes.text(left - 8, y + cell / 2, "\n".join(label), ha="right", va="center")
        for x, picture in zip(places, line):
            _draw_picture(axes, np.asarray(picture), x, y, cell)
        for x, text in zip(places, texts):
            axes.text(x + cell / 2, y + cell + 3, "\n".join(text), ha="center", va="top", fontsize=8)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def _draw_picture(axes, picture, x, y, cell):
    """One picture, as large as fits into the square cell; a smaller one is enlarged smoothly."""
    height, width = (side * cell / max(picture.shape[:2]) for side in picture.shape[:2])
    x, y = x + (cell - width) / 2, y + (cell - height) / 2
    smooth = "bicubic" if max(picture.shape[:2]) < cell else "antialiased"
    picture = picture if picture.dtype == np.uint8 else np.clip(picture, 0, 1)
    axes.imshow(picture, "gray", extent=(x, x + width, y + height, y), interpolation=smooth)


@styled
def grid(images, columns=None, captions=()):
    """Pictures in rows of `columns` (default: full rows), with a caption below each where given."""
    count = len(images)
    if not columns:  # up to ten in a row, else as many as leave the fewest places empty
        columns = count if count <= 10 else max(range(6, 13), key=lambda width: (-(-count % width), width))
    starts = range(0, count, columns)
    lines, texts = ([part[i : i + columns] for i in starts] for part in (images, list(captions)))
    return _draw_grid(lines, [""] * len(lines), texts)


@styled
def rows(pictures, captions=()):
    """One row of pictures per label: {"photograph": images, "reconstruction": images}; captions below the last."""
    empty = [[] for _ in list(pictures)[1:]]
    return _draw_grid(list(pictures.values()), list(pictures), [*empty, list(captions)])


def gif(frames, path=None, most=12):
    """An animation of a row of at most 8 faces with a bar of progress: an IPython image, also written to `path`.

    frames: a list of uint8 [k, s, s, 3], or uint8 [n, s, s, 3]; of more than `most`, evenly spaced ones are kept.
    """
    frames = [np.asarray(frame).reshape(-1, *np.shape(frame)[-3:])[:8] for frame in frames]
    pictures = []
    for index in np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int)):
        row = np.concatenate(list(frames[index]), axis=1)
        bar = np.full((3, row.shape[1], 3), 225, "uint8")
        bar[:, : row.shape[1] * (index + 1) // len(frames)] = (47, 111, 159)
        pictures.append(np.concatenate([row, bar]))
    duration = [300] * (len(pictures) - 1) + [1200]  # milliseconds
    # 96 colours: a third of the bytes.
    few = [PIL.Image.fromarray(picture).quantize(96, dither=0) for picture in pictures]
    few[0].save(data := io.BytesIO(), "GIF", save_all=True, append_images=few[1:], duration=duration, loop=0)
    data = data.getvalue()
    if path:
        Path(path).write_bytes(data)
    return Image(data, format="gif", width=min(WIDTH, max(160, row.shape[1] * 3 // 2)))


@styled
def curves(history):
    """A panel per term of a training history (one row an epoch): training and, where there is val_…, held out."""
    terms = {"loss": "loss (nats)", "reconstruction": "reconstruction (nats)", "kl": "KL (nats)"}
    terms = {key: name for key, name in (terms | {"mse": "squared error"}).items() if key in history}
    figure, panels = _panels(1, len(terms), WIDTH, 240)
    epochs = np.arange(1, len(history["loss"]) + 1)
    for axes, (term, name) in zip(panels.flat, terms.items()):
        for key, label in ((term, "training"), (f"val_{term}", "held out")):
            if key in history:
                axes.plot(epochs, history[key], "o-" if len(epochs) < 3 else "-", linewidth=1.8, label=label)
        axes.set(title=name, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    panels[0, 0].legend()
    return figure


@styled
def histograms(values):
    """A histogram per column of a table, or per entry of a dictionary, side by side."""
    figure, panels = _panels(1, len(values.keys()), min(WIDTH, 220 + 300 * len(values.keys())), 230)
    for axes, (name, numbers) in zip(panels.flat, values.items()):
        seaborn.histplot(x=np.ravel(numbers), bins=40, ax=axes, color=COLOURS[0], edgecolor=PAPER)
        axes.set(title=_readable(name), ylabel="count")
    return figure


@styled
def heatmap(correlations, title=None):
    """A square table of correlations in −1..1; numbers are written where they fit (up to 14 columns)."""
    few = len(correlations) <= 14
    side = 46 * len(correlations) + 200 if few else WIDTH
    figure, ((axes,),) = _panels(1, 1, side, 0.8 * side, title)
    named = correlations.rename(index=_readable, columns=_readable)
    options = dict(annot=few, fmt=".2f", annot_kws={"fontsize": 8}, linewidths=0.5 if few else 0)
    options |= dict(xticklabels=True, yticklabels=True, cbar_kws={"shrink": 0.6}, square=True)
    seaborn.heatmap(named, ax=axes, cmap="vlag", vmin=-1, vmax=1, **options)
    axes.tick_params(labelsize=8 if few else 7)
    axes.set(xlabel="", ylabel="")
    return figure


@styled
def bars(values, title=None, label="", reference=0):
    """A dot per row of a series, or per row and column of a table, on a line that starts at `reference`."""
    table = values.to_frame() if isinstance(values, pd.Series) else values
    figure, ((axes,),) = _panels(1, 1, 640, 22 * len(table) + 75, title)
    places, lowest, highest = np.arange(len(table))[::-1], table.min(axis=1), table.max(axis=1)
    axes.hlines(places, lowest.clip(upper=reference), highest.clip(lower=reference), color=PALE, linewidth=2)
    for column in table:
        axes.plot(table[column], places, "o", markersize=6, label=_readable(column))
    axes.axvline(reference, color=QUIET, linewidth=1)
    axes.set(ylim=(-0.6, len(table) - 0.4), xlabel=label)
    axes.set_yticks(places, [_readable(name) for name in table.index])
    axes.grid(axis="y", visible=False)
    if table.shape[1] > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=table.shape[1])
    return figure


@styled
def scatter(points, labels, title=None):
    """A 2-D map of points [n, 2], once per column of `labels` (n rows): true in orange, false in grey."""
    columns, height = min(3, labels.shape[1]), -(-labels.shape[1] // 3)
    figure, panels = _panels(height, columns, 300 * columns, 280 * height, title)
    order = np.random.default_rng(0).permutation(len(points))  # else the last class hides the others
    size = float(np.clip(6000 / len(points), 2, 25))
    for axes, name in itertools.zip_longest(panels.flat, labels, fillvalue=""):
        axes.set_axis_off()
        axes.set_title(_readable(name), color=COLOURS[1])
        if name:
            colours = np.where(labels[name].to_numpy(bool), COLOURS[1], PALE)[order]
            axes.scatter(*np.asarray(points)[order].T, c=colours, s=size, linewidths=0, alpha=0.75)
    return figure


@styled
def latent_distributions(z_mean, z_log_variance, seed=0):
    """A histogram of every latent variable [n, d], drawn from the encoder, beside the density of N(0, 1).

    Sorted by KL; above each stand its number and its KL (nats, mean over the pictures). All share one scale.
    Grey: hardly used (variance of z_mean below 0.01). One pair of axes holds them all: a hundred would take seconds.
    """
    z_mean, variance = np.asarray(z_mean, "float64"), np.exp(np.asarray(z_log_variance, "float64"))
    kl = 0.5 * (z_mean**2 + variance - np.log(variance) - 1).mean(axis=0)
    z = z_mean + np.sqrt(variance) * np.random.default_rng(seed).standard_normal(z_mean.shape)
    columns, reach = min(16, len(kl)), float(np.clip(np.quantile(np.abs(z), 0.995), 4, 12))
    figure, ((axes,),) = _panels(1, 1, WIDTH, 62 * -(-len(kl) // columns) + 30)
    edges, tallest = np.linspace(-reach, reach, 49), 0.8
    centres = (edges[1:] + edges[:-1]) / 2
    normal = np.exp(-0.5 * centres**2) / np.sqrt(2 * np.pi) / tallest
    for place, index in enumerate(np.argsort(-kl)):
        x, y = place % columns, -(place // columns)
        across = x + centres / reach * 0.46
        density = np.histogram(z[:, index], edges)[0] / len(z) / np.diff(edges) / tallest
        colour = COLOURS[0] if z_mean[:, index].var() > 0.01 else PALE
        axes.fill_between(across, y, y + np.minimum(density, 0.76), color=colour, alpha=0.6, linewidth=0)
        axes.plot(across, y + normal, color=COLOURS[1], linewidth=0.9)
        axes.text(x - 0.46, y + 0.87, f"{index}: {kl[index]:.1f}", fontsize=6, color=QUIET, va="center")
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(y - 0.04, 1))
    axes.set_title(f"every latent variable (blue) and N(0, 1) (orange), from −{reach:.0f} to {reach:.0f}")
    axes.set_axis_off()
    return figure


@styled
def kl_per_dimension(kl):
    """The KL of every latent dimension (nats), the largest first."""
    figure, ((axes,),) = _panels(1, 1, WIDTH, 230)
    kl = np.sort(np.asarray(kl, "float64"))[::-1]
    axes.bar(np.arange(len(kl)), kl, width=1, color=COLOURS[0], edgecolor=PAPER, linewidth=0.3)
    axes.set(xlim=(-0.5, len(kl) - 0.5), xlabel="latent variables, sorted", ylabel="KL (nats)")
    axes.set_title(f"KL per dimension, {kl.sum():.1f} nats in all")
    axes.grid(axis="x", visible=False)
    return figure


@styled
def architecture(encoder, decoder):
    """The network as blocks. encoder, decoder: lists of (name, shape); (64, 64, 3) is a box, (128,) a bar.

    A box is as high as the picture's side and as wide as the logarithm of its channels. A batch dimension (None) is
    left out. Vectors of the same size side by side in the encoder are two outputs.
    """
    figure, panels = _panels(2, 1, WIDTH, 400)
    count = max(len(encoder), len(decoder))
    for axes, blocks, name in zip(panels.flat, (encoder, decoder), ("encoder", "decoder")):
        shapes = [[side for side in shape if side is not None] for _, shape in blocks]
        largest = max(shape[0] for shape in shapes if len(shape) == 3)
        for place, shape in enumerate(shapes):
            height, width, colour = 0.6, 0.07, COLOURS[1]
            if len(shape) == 3:
                height, width = 0.15 + 0.85 * shape[0] / largest, 0.07 * np.log2(1 + shape[2])
                colour = COLOURS[0]
            axes.bar(place, height, width, bottom=-height / 2, color=colour, alpha=0.75)
            text = re.sub(r"(?<=[a-zD])(?=[A-Z])", " ", _readable(blocks[place][0]))  # Conv2DTranspose
            words = ["×".join(map(str, shape)), *textwrap.wrap(text, 140 // count)]
            axes.text(place, -0.58, "\n".join(words), ha="center", va="top", fontsize=8, linespacing=1.35)
            if place:
                same = name == "encoder" and len(shape) == 1 and shape == shapes[place - 1]
                axes.text(place - 0.5, 0, "and" if same else "→", ha="center", color=QUIET)
        axes.set(xlim=(-0.6, count - 0.4), ylim=(-1.0, 0.6), title=name)
        axes.set_axis_off()
    return figure
