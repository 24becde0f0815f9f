"""Figures of the lessons. They see arrays and tables, never a model, and share one style.

Every function but `gif` returns a `Plot`, a matplotlib figure that a notebook shows once, when it is the last
expression of a cell. Images are uint8 in 0 to 255 or float in [0, 1], RGB: (n, height, width, 3), or a list of such
(height, width, 3).
"""

import io
import itertools
import re
import textwrap

import matplotlib
import matplotlib.font_manager
import matplotlib.patches
import matplotlib.ticker
import numpy as np
import pandas as pd
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import seaborn
from IPython.display import Image, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

WIDTH = 900  # pixels: what the column of a notebook shows without shrinking
DPI = 100
INK, QUIET, PALE, PAPER = "#22303c", "#75828e", "#b9c6d2", "#ffffff"
COLOURS = ("#2f6f9f", "#e1812c", "#4a9d6f", "#c0504d", "#7b6cb0", "#8c6d4f")
DASHES = ("-", "-", "--", "--")  # so that curves show that lie on each other
STYLE = {
    **seaborn.axes_style("whitegrid"),
    "font.size": 9,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": "#e6e9ec",
    "legend.frameon": False,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
}
# While a function draws; the reader's own settings are left alone.
styled = matplotlib.rc_context(STYLE)

FACES_WIDTH = 1056  # pixels of the widest grid: eight faces
FACE = 128  # pixels a side of a face in a grid, twice the models' own 64
LARGE_PIXELS = 8  # times a picture is enlarged so that its pixels are meant to be seen
GAP = 3  # pixels between images of a grid
LINE = 15  # pixels, the height of a line of a caption
MOST_FACES = 8  # in a row of an animation
ACTIVE_VARIANCE = 0.01  # of z_mean over the images, above which a latent variable counts as used
TERMS = {
    "loss": "loss (nats)",
    "reconstruction": "reconstruction (nats)",
    "kl": "KL (nats)",
    "mse": "squared error",
}


class Plot(Figure):
    """A figure outside of pyplot, shown once: photographs as JPEG, charts as PNG with a palette."""

    photographs = False
    face = {}  # of a grid: pixels a side of an image, and columns

    def image(self) -> Image:
        """Return the figure as an IPython image."""
        return self._jpeg() if self.photographs else self._png()

    def _jpeg(self):
        file = io.BytesIO()
        self._drawn(DPI).save(file, "jpeg", quality=90, subsampling="4:4:4")
        width = round(self.get_figwidth() * DPI)
        return Image(file.getvalue(), format="jpeg", width=width, metadata=dict(self.face))

    def _png(self):
        file = io.BytesIO()
        drawn = self._drawn(1.4 * DPI)
        drawn = drawn.quantize(256, PIL.Image.Quantize.MAXCOVERAGE, dither=PIL.Image.Dither.NONE)
        drawn.save(file, "png", optimize=True)
        return Image(file.getvalue(), format="png", width=int(self.get_figwidth() * DPI))

    def _drawn(self, dpi):
        """Return the figure as a Pillow image."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=dpi)
        return PIL.Image.open(file).convert("RGB")

    def _ipython_display_(self):
        display(self.image())


def _figure(width, height):
    """Return an empty figure of this size in pixels."""
    figure = Plot(figsize=(width / DPI, height / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def _panels(rows, columns, width, height, title=None):
    """Return a figure of this size in pixels, and its axes as an array (rows, columns)."""
    figure = _figure(width, height + (25 if title else 0))
    figure.set_layout_engine("constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _one_panel(width, height, title=None):
    """Return a figure of this size in pixels, and its only axes."""
    figure, panels = _panels(1, 1, width, height, title)
    return figure, panels[0, 0]


def _readable(name):
    return str(name).replace("_", " ")


def _wrapped(texts, characters):
    """Return each text, readable, as a list of lines."""
    return [textwrap.wrap(_readable(text), characters) for text in texts]


def _draw_grid(lines, labels, captions, heads, size):
    """Return every grid of images.

    Args:
        lines: a list of lines of images.
        labels: what stands above each line, or "".
        captions: for each line, a list of what stands below its images, which may be empty.
        heads: what stands above each column, which may be empty.
        size: pixels a side of an image.
    """
    columns = max(len(line) for line in lines)
    cell = min(size, FACES_WIDTH // columns - GAP)
    width = columns * (cell + GAP)
    characters = max(5, cell // 6)  # Captions of long words are broken: they would run into each other.
    captions = [_wrapped(line, characters) for line in captions]
    heads = _wrapped(heads, characters)
    labels = _wrapped(labels, max(10, width // 7))
    top = LINE * max((len(head) for head in heads), default=0) + (5 if heads else 0)
    tops, height = _heights(top, labels, captions, cell)
    figure = _figure(width, height)
    figure.photographs = True
    figure.face = {"size": cell, "columns": columns}
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    places = (cell + GAP) * np.arange(columns)
    for x, head in zip(places, heads):
        axes.text(x + cell / 2, top - 4, "\n".join(head), ha="center", va="bottom", fontsize=9)
    for line, label, texts, y in zip(lines, labels, captions, tops):
        if label:
            axes.text(2, y - 4, "\n".join(label), ha="left", va="bottom", fontweight="bold")
        for x, image in zip(places, line):
            _draw_image(axes, np.asarray(image), x, y, cell)
        for x, text in zip(places, texts):
            axes.text(x + cell / 2, y + cell + 3, "\n".join(text), ha="center", va="top", fontsize=9)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def _heights(top, labels, captions, cell):
    """Return where the images of each line begin, in pixels from the top, and the height of the whole."""
    tops = []
    for label, line in zip(labels, captions):
        if label:
            top += LINE * len(label) + 8
        tops.append(top)
        top += cell + GAP
        if line:
            top += LINE * max(len(text) for text in line) + 5
    return tops, top


def _draw_image(axes, image, x, y, cell):
    """Draw one image, as large as fits into the square cell: a few large pixels with their edges, others smoothly."""
    if image.dtype != np.uint8:
        image = (np.clip(image, 0, 1) * 255).round().astype("uint8")
    scale = cell / max(image.shape[:2])
    height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
    methods = PIL.Image.Resampling
    method = methods.NEAREST if scale >= LARGE_PIXELS else methods.BICUBIC if scale > 1 else methods.BOX
    drawn = np.asarray(PIL.Image.fromarray(image.squeeze()).resize((width, height), method))
    x, y = x + (cell - width) // 2, y + (cell - height) // 2
    axes.imshow(
        drawn, "gray", extent=(x, x + width, y + height, y), interpolation="nearest", vmin=0, vmax=255
    )


def _full_rows(count):
    """Return how many images of a grid stand in a row: up to eight, else as many as leave the fewest places empty."""
    if count <= 8:
        return count

    def empty_places(columns):
        return -count % columns, -columns

    return min(range(5, 9), key=empty_places)


@styled
def grid(images, columns: int | None = None, captions=(), size: int = FACE) -> Plot:
    """Draw images in rows.

    Args:
        images: uint8 or float in [0, 1], (n, height, width, 3), or a list of such images of any size.
        columns: images in a row. None: as many as make full rows.
        captions: what stands below each image, such as a text or a number.
        size: pixels a side of an image; smaller where a row would be wider than 1,056 pixels.

    Returns:
        A `Plot`.

    Example:
        >>> plots.grid(faces.train[:40], columns=8)
    """
    columns = columns or _full_rows(len(images))
    captions = list(captions)
    lines, texts = [], []
    for start in range(0, len(images), columns):
        lines.append(images[start : start + columns])
        texts.append(captions[start : start + columns])
    return _draw_grid(lines, [""] * len(lines), texts, (), size)


@styled
def rows(images: dict, captions=(), heads=(), size: int = FACE) -> Plot:
    """Draw a row of images below each label.

    Args:
        images: a dictionary of labels and images, each as for `grid`.
        captions: what stands below each image of the last row.
        heads: what stands above each column.
        size: pixels a side of an image; smaller where a row would be wider than 1,056 pixels.

    Returns:
        A `Plot`.

    Example:
        >>> plots.rows({"photograph": photographs, "reconstruction": reconstructions})
    """
    texts = [[] for _ in images]
    texts[-1] = list(captions)
    return _draw_grid(list(images.values()), list(images), texts, list(heads), size)


def gif(frames, labels=(), most: int = 12) -> Image:
    """Return an animation of a row of at most 8 faces.

    It begins with the last frame, which is what shows where nothing moves.

    Args:
        frames: a list of uint8 (k, size, size, 3), or uint8 (n, size, size, 3).
        labels: what stands below each frame, such as "epoch 3". Without any, a bar shows the progress.
        most: frames at most. Of more, evenly spaced ones are kept.

    Returns:
        An IPython image, twice as large as the frames on the page.
    """
    frames = [np.asarray(frame).reshape(-1, *np.shape(frame)[-3:])[:MOST_FACES] for frame in frames]
    kept = np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int)
    pictures = []
    for index in np.unique(kept):
        row = np.concatenate(list(frames[index]), axis=1)
        if len(labels):
            below = _words(labels[index], row.shape[1])
        else:
            below = np.full((3, row.shape[1], 3), 225, "uint8")
            below[:, : row.shape[1] * (index + 1) // len(frames)] = (47, 111, 159)
        picture = PIL.Image.fromarray(np.concatenate([row, below]))
        pictures.append(picture.quantize(96, dither=0))  # 96 colours: a third of the bytes
    last = pictures.pop()
    milliseconds = [1200] + [300] * len(pictures)
    file = io.BytesIO()
    last.save(file, "GIF", save_all=True, append_images=pictures, duration=milliseconds, loop=0)
    return Image(file.getvalue(), format="gif", width=2 * last.width)


def _words(text, width):
    """Return a line of text as a picture of this width."""
    picture = PIL.Image.new("RGB", (width, LINE), PAPER)
    font = PIL.ImageFont.truetype(matplotlib.font_manager.findfont("DejaVu Sans"), 10)
    PIL.ImageDraw.Draw(picture).text((2, 0), _readable(text), fill=INK, font=font)
    return np.asarray(picture)


@styled
def curves(history) -> Plot:
    """Draw a panel for each term of a training: training, and held out where the history has it.

    Args:
        history: a table, or a dictionary of lists, with a row per epoch: loss, reconstruction, kl, mse, and the same
            of the validation as val_loss and so on. What is missing is left out.

    Returns:
        A `Plot`.
    """
    terms = [term for term in TERMS if term in history]
    figure, panels = _panels(1, len(terms), WIDTH, 240)
    for axes, term in zip(panels.flat, terms):
        _draw_term(axes, history, term)
        axes.set(title=TERMS[term])
    panels[0, 0].legend()
    return figure


@styled
def histograms(values) -> Plot:
    """Draw a histogram for each column, side by side.

    Args:
        values: a table, or a dictionary of names and arrays of any shape.

    Returns:
        A `Plot`.
    """
    count = len(values.keys())
    figure, panels = _panels(1, count, min(WIDTH, 220 + 300 * count), 230)
    for axes, (name, numbers) in zip(panels.flat, values.items()):
        seaborn.histplot(x=np.ravel(numbers), bins=40, ax=axes, color=COLOURS[0], edgecolor=PAPER)
        axes.set(title=_readable(name), ylabel="count")
    return figure


@styled
def heatmap(correlations: pd.DataFrame) -> Plot:
    """Draw a square table of correlations in [-1, 1]; up to 14 columns with the numbers in it.

    Args:
        correlations: a table with the same names in rows and columns.

    Returns:
        A `Plot`.
    """
    is_small = len(correlations) <= 14
    side = 46 * len(correlations) + 200 if is_small else WIDTH
    figure, axes = _one_panel(side, 0.8 * side)
    seaborn.heatmap(
        correlations.rename(index=_readable, columns=_readable),
        ax=axes,
        cmap="vlag",
        vmin=-1,
        vmax=1,
        annot=is_small,
        fmt=".2f",
        annot_kws={"fontsize": 8},
        linewidths=0.5 if is_small else 0,
        xticklabels=True,
        yticklabels=True,
        cbar_kws={"shrink": 0.6},
        square=True,
    )
    axes.tick_params(labelsize=8 if is_small else 7)
    axes.set(xlabel="", ylabel="")
    return figure


@styled
def bars(values, title: str | None = None, label: str = "", reference: float = 0) -> Plot:
    """Draw a line for each row, from a reference to a dot for each column.

    Args:
        values: a series, or a table with a few columns.
        title: what stands above it.
        label: what the values are.
        reference: where the lines begin.

    Returns:
        A `Plot`.
    """
    table = values.to_frame() if isinstance(values, pd.Series) else values
    figure, axes = _one_panel(640, 22 * len(table) + 75, title)
    places = np.arange(len(table))[::-1]
    lowest, highest = table.min(axis=1), table.max(axis=1)
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
def scatter(points: np.ndarray, labels: pd.DataFrame, title: str | None = None) -> Plot:
    """Draw a map of points once for each label: orange where it is true, grey where it is false.

    Args:
        points: (n, 2).
        labels: a table of n rows with a true/false column per map.
        title: what stands above it.

    Returns:
        A `Plot`.
    """
    count = labels.shape[1]
    columns, lines = min(3, count), -(-count // 3)
    figure, panels = _panels(lines, columns, 300 * columns, 280 * lines, title)
    order = np.random.default_rng(0).permutation(len(points))  # else the last class hides the others
    x, y = np.asarray(points)[order].T
    size = float(np.clip(6000 / len(points), 2, 25))
    for axes, name in itertools.zip_longest(panels.flat, labels, fillvalue=""):
        axes.set_axis_off()
        axes.set_title(_readable(name), color=COLOURS[1])
        if name:
            colours = np.where(labels[name].to_numpy(bool), COLOURS[1], PALE)[order]
            axes.scatter(x, y, c=colours, s=size, linewidths=0, alpha=0.75)
    return figure


@styled
def latent_distributions(
    z_mean: np.ndarray, z_log_variance: np.ndarray, most: int = 12, seed: int = 0
) -> Plot:
    """Draw histograms of the latent variables that differ most from N(0, 1), beside its density.

    Above each stand its number, and the mean and the standard deviation of its draws. All share one scale. Grey ones
    are hardly used: the variance of their means is below 0.01.

    Args:
        z_mean: (n, latent_dim), as the encoder gives it.
        z_log_variance: (n, latent_dim). Of both, codes are drawn.
        most: histograms at most, the one that differs most first.
        seed: of the draw.

    Returns:
        A `Plot`.
    """
    z_mean, variance = np.asarray(z_mean, "float64"), np.exp(np.asarray(z_log_variance, "float64"))
    z = z_mean + np.sqrt(variance) * np.random.default_rng(seed).standard_normal(z_mean.shape)
    is_active = z_mean.var(axis=0) > ACTIVE_VARIANCE
    spread = z.var(axis=0)
    # KL to N(0, 1) of a Gaussian with their mean and variance.
    differs = 0.5 * (z.mean(axis=0) ** 2 + spread - np.log(spread) - 1)
    shown = np.argsort(-differs)[:most]
    columns = min(6, len(shown))
    reach = float(np.clip(np.quantile(np.abs(z[:, shown]), 0.995), 4, 12))
    figure, panels = _panels(-(-len(shown) // columns), columns, WIDTH, 150 * -(-len(shown) // columns))
    edges = np.linspace(-reach, reach, 49)
    centres = (edges[1:] + edges[:-1]) / 2
    for axes, index in itertools.zip_longest(panels.flat, shown):
        axes.set(xlim=(-reach, reach), ylim=(0, 0.75), yticks=[], xticks=[-3, 0, 3])
        axes.spines["left"].set_visible(False)
        if index is None:
            axes.set_axis_off()
            continue
        density = np.histogram(z[:, index], edges)[0] / len(z) / np.diff(edges)
        colour = COLOURS[0] if is_active[index] else PALE
        axes.fill_between(centres, density, color=colour, alpha=0.6, linewidth=0)
        axes.plot(centres, np.exp(-0.5 * centres**2) / np.sqrt(2 * np.pi), color=COLOURS[1], linewidth=1.3)
        mean, deviation = z[:, index].mean(), np.sqrt(spread[index])
        axes.set_title(f"{index}: {mean:.1f} ± {deviation:.1f}", fontweight="normal")
    return figure


@styled
def architecture(encoder, decoder) -> Plot:
    """Draw a network as blocks: maps as boxes, vectors as bars.

    A box is as high as the map's side and as wide as the logarithm of its channels. Vectors of the same size side by
    side in the encoder are two outputs.

    Args:
        encoder: a list of pairs of a name and a shape, such as ("images", (None, 64, 64, 3)). A batch dimension of
            None is left out.
        decoder: the same.

    Returns:
        A `Plot`.
    """
    figure, panels = _panels(2, 1, WIDTH, 400)
    count = max(len(encoder), len(decoder))
    for axes, blocks, title in zip(panels.flat, (encoder, decoder), ("encoder", "decoder")):
        names = [name for name, _ in blocks]
        shapes = [[*filter(None, shape)] for _, shape in blocks]  # without the batch
        largest = max(shape[0] for shape in shapes if len(shape) == 3)
        for place, (name, shape) in enumerate(zip(names, shapes)):
            _draw_block(axes, place, name, shape, largest, letters=140 // count)
        for place in range(1, len(shapes)):
            is_vector = len(shapes[place]) == 1
            are_outputs = title == "encoder" and is_vector and shapes[place] == shapes[place - 1]
            axes.text(place - 0.5, 0, "and" if are_outputs else "→", ha="center", color=QUIET)
        axes.set(xlim=(-0.6, count - 0.4), ylim=(-1.0, 0.6), title=title)
        axes.set_axis_off()
    return figure


def _draw_block(axes, place, name, shape, largest, letters):
    """Draw one block of `architecture`, with its shape and its name below it."""
    height, width, colour = 0.6, 0.07, COLOURS[1]
    if len(shape) == 3:
        side, _, channels = shape
        height, width, colour = 0.15 + 0.85 * side / largest, 0.07 * np.log2(1 + channels), COLOURS[0]
    axes.bar(place, height, width, bottom=-height / 2, color=colour, alpha=0.75)
    spaced = re.sub(r"(?<=[a-zD])(?=[A-Z])", " ", _readable(name))  # Conv2DTranspose
    words = ["×".join(str(side) for side in shape), *textwrap.wrap(spaced, letters)]
    axes.text(place, -0.58, "\n".join(words), ha="center", va="top", fontsize=8, linespacing=1.35)


@styled
def pixels(image: np.ndarray, top: int, left: int) -> Plot:
    """Draw an image beside a square of 8 by 8 pixels of it, whose pixels show their red, green and blue values.

    Args:
        image: uint8 (height, width, 3).
        top: first row of the square.
        left: first column of the square.

    Returns:
        A `Plot`.
    """
    panel = (FACES_WIDTH - 2 * LINE) // 2
    figure = _figure(FACES_WIDTH, panel)
    figure.photographs = True
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, FACES_WIDTH), ylim=(panel, 0), aspect="auto")
    side = 8
    square = np.asarray(image)[top : top + side, left : left + side]
    start = FACES_WIDTH - panel
    for part, x in ((np.asarray(image), 0), (square, start)):
        axes.imshow(part, extent=(x, x + panel, panel, 0), interpolation="nearest", aspect="auto")
    cell = panel / side
    for row, column in np.ndindex(square.shape[:2]):
        values = square[row, column]
        colour = PAPER if values.mean() < 128 else INK
        x, y = start + (column + 0.5) * cell, (row + 0.5) * cell
        axes.text(x, y, "\n".join(map(str, values)), color=colour, fontsize=8, ha="center", va="center")
    scale = panel / len(image)
    corner = (left * scale, top * scale)
    frame = matplotlib.patches.Rectangle(corner, side * scale, side * scale, fill=False)
    frame.set(edgecolor=COLOURS[1], linewidth=2.5)
    axes.add_patch(frame)
    for y_from, y_to in ((corner[1], 0), (corner[1] + side * scale, panel)):
        axes.plot((corner[0] + side * scale, start), (y_from, y_to), color=COLOURS[1], linewidth=1)
    return figure


@styled
def kl_profiles(kls: dict) -> Plot:
    """Draw the KL of every latent variable of several models, each model's largest first.

    Args:
        kls: a dictionary of names of models and arrays (latent_dim,) in nats.

    Returns:
        A `Plot`.
    """
    figure, axes = _one_panel(WIDTH, 280)
    for (name, kl), colour in zip(kls.items(), COLOURS):
        kl = np.sort(np.asarray(kl, "float64"))[::-1]
        label = f"{_readable(name)}: {kl.sum():.0f} nats in all"
        axes.fill_between(np.arange(len(kl) + 1), [*kl, kl[-1]], step="post", alpha=0.35, color=colour)
        axes.step(np.arange(len(kl) + 1), [*kl, kl[-1]], where="post", color=colour, label=label)
    axes.set(xlabel="latent variables, the dearest first", ylabel="KL (nats)")
    axes.set_xlim(0, max(len(kl) for kl in kls.values()))
    axes.set_ylim(bottom=0)
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.75))
    return figure


@styled
def grouped_bars(tables: dict) -> Plot:
    """Draw shares as percentages: a panel for each table, with a group of bars for each of its rows.

    Args:
        tables: a dictionary of titles and tables of the same rows and columns. A bar for each column.

    Returns:
        A `Plot`.
    """
    first = next(iter(tables.values()))
    height = 0.8 / max(1, first.shape[1])
    figure, panels = _panels(1, len(tables), WIDTH, 90 + 70 * max(1, len(first)))
    places = np.arange(len(first))[::-1]
    for axes, (title, table) in zip(panels.flat, tables.items()):
        for number, (column, colour) in enumerate(zip(first, COLOURS)):
            values = 100 * table[column].to_numpy("float64")
            offset = ((first.shape[1] - 1) / 2 - number) * height
            bars_drawn = axes.barh(places + offset, values, height, color=colour, label=_readable(column))
            axes.bar_label(bars_drawn, fmt="%.0f", padding=3, fontsize=9)
        axes.set(title=_readable(title), xlabel="%")
        axes.set_yticks(places, [_readable(name) for name in table.index])
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.12)
    for axes in panels.flat[1:]:
        axes.set_yticklabels([])
    handles, names = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=max(1, len(names)))
    return figure


@styled
def runs(histories: dict, faces: dict, photographs) -> Plot:
    """Draw trainings below each other: squared error, KL and loss as curves, and reconstructions beside them.

    Errors and KL share their scales, so that trainings can be compared. Losses do not: likelihoods may differ.

    Args:
        histories: names and tables with a row per epoch: mse, kl, loss, and the same of the validation as val_mse, ….
        faces: the same names, and reconstructions by each training, three at most, as for `grid`.
        photographs: the images that were reconstructed. They stand on top.

    Returns:
        A `Plot`.
    """
    pitch, head, gap = FACE + GAP, LINE + 8, 3 * LINE  # gap: for the numbers below a chart
    first_face = FACES_WIDTH - pitch * len(photographs)
    tops = [head + (FACE + gap + head) * line for line in range(len(histories) + 1)]
    height = tops[-1] + FACE + gap
    figure = _figure(FACES_WIDTH, height)
    figure.photographs = True
    figure.face = {"size": FACE, "columns": len(photographs)}
    page = figure.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    terms = ("mse", "kl", "loss")
    panel = first_face / len(terms) - 66  # beside it stand the numbers of its axis
    tables = histories.values()
    highest = {}
    for term in ("mse", "kl"):
        highest[term] = max(table[[term, f"val_{term}"]].to_numpy().max() for table in tables)
    for top, (name, images) in zip(tops, {"photograph": photographs, **faces}.items()):
        page.text(first_face, top - 5, name, va="bottom", fontweight="bold")
        for place, image in enumerate(images):
            _draw_image(page, np.asarray(image), first_face + pitch * place, top, FACE)
        for place, term in enumerate(terms):
            if name in histories:
                left = 54 + place * first_face / len(terms)
                box = (left / FACES_WIDTH, 1 - (top + FACE) / height, panel / FACES_WIDTH, FACE / height)
                axes = figure.add_axes(box)
                _draw_term(axes, histories[name], term)
                axes.set(title=TERMS[term] if place else f"{name}: {TERMS[term]}")
                if term in highest:
                    axes.set(ylim=(0, 1.05 * highest[term]))
    handles, labels = figure.axes[1].get_legend_handles_labels()
    page.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.03, 1 - head / height))
    page.set(xlim=(0, FACES_WIDTH), ylim=(height, 0), aspect="auto")
    return figure


def _draw_term(axes, history, term):
    """Draw a term of a training over its epochs: training, and held out where the history has it."""
    epochs = np.arange(1, len(history[term]) + 1)
    style = "o-" if len(epochs) < 3 else "-"
    for key, label in ((term, "training"), (f"val_{term}", "held out")):
        if key in history:
            axes.plot(epochs, history[key], style, linewidth=1.8, label=label)
    axes.set(xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))


@styled
def code_map(codes: np.ndarray, draws: np.ndarray, spots=None) -> Plot:
    """Draw codes of two latent variables as a map, and draws from N(0, I) on it.

    Args:
        codes: (n, 2), one for each image.
        draws: (k, 2), drawn from N(0, I).
        spots: means and standard deviations of some codes, both (m, 2). Each is drawn as an ellipse of two deviations.

    Returns:
        A `Plot`.
    """
    figure, axes = _one_panel(640, 460)
    size = float(np.clip(20000 / len(codes), 5, 30))
    axes.scatter(*np.asarray(codes).T, s=size, color=COLOURS[0], alpha=0.5, linewidths=0, label="codes")
    axes.scatter(*np.asarray(draws).T, s=9, color=COLOURS[1], linewidths=0, label="draws from N(0, I)")
    if spots is not None:
        for mean, deviation in zip(*spots):
            ellipse = matplotlib.patches.Ellipse(mean, *(4 * deviation), facecolor="none", edgecolor=INK)
            ellipse.set(linewidth=1.6, zorder=3)
            axes.add_patch(ellipse)
        axes.plot([], [], "o", markersize=9, markerfacecolor="none", color=INK, label="spots of eight faces")
    axes.set(xlabel="first latent variable", ylabel="second latent variable", aspect="equal")
    axes.set_adjustable("datalim")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), markerscale=1.6)
    return figure


@styled
def decoded_grid(images, x, y) -> Plot:
    """Draw the images decoded from a grid of codes of two latent variables, with their values at the edges.

    Args:
        images: as for `grid`, row by row, in the order of `y` and in each row in that of `x`.
        x: values of the first latent variable, one for each column.
        y: values of the second, one for each row.

    Returns:
        A `Plot`.
    """
    pitch, left, below = FACE + GAP, 50, 28
    width, height = left + pitch * len(x), pitch * len(y) + below
    figure = _figure(width, height)
    figure.photographs = True
    figure.face = {"size": FACE, "columns": len(x)}
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for place, image in enumerate(images):
        row, column = divmod(place, len(x))
        _draw_image(axes, np.asarray(image), left + pitch * column, pitch * row, FACE)
    for column, value in enumerate(x):
        middle = left + pitch * column + FACE / 2
        axes.text(middle, height - 8, f"{value:.1f}", ha="center", va="bottom", fontsize=10)
    for row, value in enumerate(y):
        axes.text(left - 6, pitch * row + FACE / 2, f"{value:.1f}", ha="right", va="center", fontsize=10)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


@styled
def kl_curves(mean, kl_of_mean, deviation, kl_of_deviation) -> Plot:
    """Draw the KL of N(μ, σ²) from N(0, 1): over the mean with σ = 1, and over the deviation with μ = 0.

    Args:
        mean: values of μ, (n,).
        kl_of_mean: nats, (n,).
        deviation: values of σ, (m,).
        kl_of_deviation: nats, (m,).

    Returns:
        A `Plot`.
    """
    figure, panels = _panels(1, 2, 860, 270)
    parts = (
        (mean, kl_of_mean, "mean μ  (deviation σ = 1)", 0),
        (deviation, kl_of_deviation, "deviation σ  (mean μ = 0)", 1),
    )
    for axes, (values, nats, label, free) in zip(panels.flat, parts):
        axes.plot(values, nats, color=COLOURS[0], linewidth=2.2)
        axes.plot([free], [0], "o", color=COLOURS[1], markersize=8, zorder=3)
        axes.annotate("N(0, 1) costs nothing", (free, 0), (0, 50), textcoords="offset points", ha="center")
        axes.set(xlabel=label, ylabel="KL (nats)")
        axes.set_ylim(bottom=-0.25)
        axes.margins(x=0)
    return figure


@styled
def vae_diagram(face: np.ndarray, reconstruction: np.ndarray) -> Plot:
    """Draw what a variational autoencoder does with a face, and where the two terms of its loss come from.

    Args:
        face: an image, as for `grid`.
        reconstruction: what the model makes of it.

    Returns:
        A `Plot`.
    """
    width, height, middle = 900, 400, 195
    figure = _figure(width, height)
    figure.photographs = True
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_axis_off()
    for image, x, name in ((face, 10, "face $x$"), (reconstruction, 762, r"reconstruction $\hat{x}$")):
        _draw_image(axes, np.asarray(image), x, middle - 64, FACE)
        axes.text(x + 64, middle - 76, name, ha="center", fontsize=12)
    _draw_half(axes, (172, 292), (64, 30), middle, "encoder")
    _draw_half(axes, (608, 728), (30, 64), middle, "decoder")
    for y, symbol, name in ((middle - 34, r"$\mu$", "mean"), (middle + 34, r"$\sigma$", "deviation")):
        _draw_node(axes, 352, y, symbol, COLOURS[0])
        axes.text(352, y + (-30 if y < middle else 40), name, ha="center", fontsize=11)
    _draw_node(axes, 530, middle, "$z$", COLOURS[0])
    _draw_node(axes, 446, middle + 76, r"$\varepsilon$", COLOURS[1])
    axes.text(446, middle + 118, r"noise $\varepsilon \sim N(0, I)$", ha="center", fontsize=11)
    axes.text(520, middle - 38, r"code $z = \mu + \sigma \cdot \varepsilon$", ha="center", fontsize=12)
    arrows = (
        ((141, middle), (170, middle)),
        ((294, middle - 12), (327, middle - 30)),
        ((294, middle + 12), (327, middle + 30)),
        ((377, middle - 30), (506, middle - 6)),
        ((377, middle + 30), (506, middle + 6)),
        ((464, middle + 60), (511, middle + 18)),
        ((554, middle), (606, middle)),
        ((730, middle), (759, middle)),
    )
    for start, end in arrows:
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": QUIET, "linewidth": 1.4})
    bracket = {"color": COLOURS[3], "linewidth": 1.6}
    axes.plot([74, 74, 826, 826], [middle + 72, 355, 355, middle + 72], **bracket)
    _draw_term_of_loss(axes, 450, 355, r"reconstruction: how far is $\hat{x}$ from $x$?", COLOURS[3])
    axes.plot([352, 352], [48, middle - 80], color=COLOURS[4], linewidth=1.6)
    _draw_term_of_loss(axes, 352, 32, r"KL: how far is $N(\mu, \sigma^2)$ from $N(0, I)$?", COLOURS[4])
    return figure


def _draw_half(axes, ends, halves, middle, name):
    """Draw an encoder or a decoder as a trapezoid between two places, with half its height at each end."""
    corners = [(ends[0], middle - halves[0]), (ends[1], middle - halves[1])]
    corners += [(ends[1], middle + halves[1]), (ends[0], middle + halves[0])]
    half = matplotlib.patches.Polygon(corners, facecolor="#dbe7f0", edgecolor=COLOURS[0], linewidth=1.4)
    axes.add_patch(half)
    axes.text(sum(ends) / 2, middle, name, ha="center", va="center", fontsize=13, fontweight="bold")


def _draw_node(axes, x, y, symbol, colour):
    """Draw a circle with a symbol in it."""
    axes.add_patch(matplotlib.patches.Circle((x, y), 22, facecolor=PAPER, edgecolor=colour, linewidth=2))
    axes.text(x, y, symbol, ha="center", va="center", fontsize=15)


def _draw_term_of_loss(axes, x, y, words, colour):
    """Draw the name of a term of the loss on a label of its colour."""
    box = {"facecolor": PAPER, "edgecolor": colour, "linewidth": 1.6, "boxstyle": "round,pad=0.5"}
    axes.text(x, y, words, ha="center", va="center", fontsize=12, color=colour, fontweight="bold", bbox=box)


@styled
def code_planes(planes: dict) -> Plot:
    """Draw codes and draws from N(0, I) in some planes, with the circles in which half and nearly all draws lie.

    Args:
        planes: a dictionary of titles and pairs of arrays, the codes (n, 2) and the draws (k, 2).

    Returns:
        A `Plot`.
    """
    figure, panels = _panels(1, len(planes), 430 * len(planes), 460)
    for axes, (title, sets) in zip(panels.flat, planes.items()):
        names = ("codes of faces", "draws from N(0, I)")
        for points, name, colour in zip(sets, names, COLOURS):
            axes.scatter(*np.asarray(points).T, s=6, color=colour, alpha=0.6, linewidths=0, label=name)
        for radius in (1.18, 3.03):  # of half and of 99 in a hundred draws
            circle = matplotlib.patches.Circle((0, 0), radius, fill=False, edgecolor=INK)
            circle.set(linewidth=1.6, zorder=3)
            axes.add_patch(circle)
        axes.set(title=title, aspect="equal", adjustable="datalim")
    handles, names = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, markerscale=2.5)
    return figure


@styled
def lines(panels: dict, x: str = "", y: str = "", log_x: bool = False, share_y: bool = True) -> Plot:
    """Draw a panel of curves for each title.

    Args:
        panels: a dictionary of titles and dictionaries of names and curves. A curve is a pair of arrays (n,), or a
            series. Curves of the same name have the same colour in all panels.
        x: what the horizontal axis shows.
        y: what the vertical axis shows.
        log_x: whether the horizontal axis is logarithmic.
        share_y: whether all panels have the vertical axis of the first.

    Returns:
        A `Plot`.
    """
    names = list(dict.fromkeys(itertools.chain(*panels.values())))
    figure, axes_of = _panels(1, len(panels), WIDTH if len(panels) > 1 else 640, 330)
    for axes, (title, curves_of) in zip(axes_of.flat, panels.items()):
        for name, curve in curves_of.items():
            places, values = (curve.index, curve.to_numpy()) if isinstance(curve, pd.Series) else curve
            number = names.index(name) % len(COLOURS)
            axes.plot(
                places,
                values,
                DASHES[number % len(DASHES)],
                marker="o" if len(values) < 20 else "",
                color=COLOURS[number],
                markersize=5,
                linewidth=1.8,
                label=_readable(name),
            )
        axes.set(title=title if len(panels) > 1 else "", xlabel=x, ylabel=y)
        if log_x:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    if share_y:
        limits = [axes.get_ylim() for axes in axes_of.flat]
        for axes in axes_of.flat:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
            axes.label_outer()
    handles = {}
    for axes in axes_of.flat:
        handles.update(zip(*reversed(axes.get_legend_handles_labels())))
    figure.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=min(5, len(handles)))
    return figure


@styled
def point_sets(sets: dict, reference: np.ndarray) -> Plot:
    """Draw sets of points in the plane, a panel each, over the same reference points.

    Args:
        sets: a dictionary of titles and points, each (n, 2).
        reference: (m, 2), in grey.

    Returns:
        A `Plot`.
    """
    figure, panels = _panels(1, len(sets), 215 * len(sets), 245)
    reach = 1.6 * np.abs(reference).max()  # few points lie farther out; they are cut off
    for axes, (title, points) in zip(panels.flat, sets.items()):
        axes.scatter(*np.asarray(reference).T, s=5, color=PALE, linewidths=0)
        axes.scatter(*np.asarray(points).T, s=7, color=COLOURS[3], alpha=0.7, linewidths=0)
        axes.set(title=_readable(title), aspect="equal", xticks=[], yticks=[])
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    return figure


@styled
def trade_off(blends: pd.DataFrame, models: pd.DataFrame, floor: float) -> Plot:
    """Draw the price of sharp faces: a distance over the squared error, as a line of blends and a dot for each model.

    Args:
        blends: a table with the columns "squared error" and "distance", in the order of the line.
        models: the same columns, with a name for each row.
        floor: the distance of real faces, as a dashed line.

    Returns:
        A `Plot`.
    """
    figure, axes = _one_panel(700, 360)
    line = {"color": PALE, "linewidth": 3, "label": "mixtures of plain and long run"}
    axes.plot(blends["squared error"], blends["distance"], zorder=1, **line)
    for (name, row), colour in zip(models.iterrows(), COLOURS):
        place = row["squared error"], row["distance"]
        axes.plot(*place, "o", markersize=9, color=colour)
        axes.annotate(_readable(name), place, (9, 6), textcoords="offset points", fontsize=10)
    axes.axhline(floor, color=QUIET, linestyle="--", linewidth=1.2, label="real training faces")
    axes.set(xlabel="squared error of reconstructions", ylabel="classifier's distance")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.2, y=0.15)
    axes.legend(loc="upper right")
    return figure


@styled
def point_clouds(clouds: dict) -> Plot:
    """Draw sets of points of a plane side by side, all on one scale. A few that lie far out may be cut off.

    Args:
        clouds: a dictionary of titles and points (n, 2).

    Returns:
        A `Plot`.
    """
    pixels_wide = min(WIDTH // len(clouds), 300)
    figure, panels = _panels(1, len(clouds), pixels_wide * len(clouds), pixels_wide + 20)
    reach = 1.2 * max(np.quantile(np.abs(points), 0.99) for points in clouds.values())
    for axes, (title, points) in zip(panels.flat, clouds.items()):
        _draw_points(axes, points, COLOURS[0])
        axes.set(title=title, xlim=(-reach, reach), ylim=(-reach, reach))
    return figure


def _draw_points(axes, points, colour):
    """Draw points of a plane (n, 2), without axes."""
    size = float(np.clip(4000 / len(points), 2, 14))
    axes.scatter(*np.asarray(points).T, s=size, color=colour, alpha=0.6, linewidths=0)
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


@styled
def arrow_fields(points: np.ndarray, fields: dict) -> Plot:
    """Draw arrows in a plane, a panel for each field.

    Args:
        points: (n, 2), which stand behind the arrows in each panel.
        fields: a dictionary of titles and pairs: where the arrows begin and where they end, both (k, 2).

    Returns:
        A `Plot`.
    """
    figure, panels = _panels(1, len(fields), WIDTH, WIDTH // len(fields) + 20)
    reach = 1.08 * max(np.abs(starts).max() for starts, _ in fields.values())
    for axes, (title, (starts, ends)) in zip(panels.flat, fields.items()):
        _draw_points(axes, points, PALE)
        arrows = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.004, "headwidth": 6}
        axes.quiver(*np.asarray(starts).T, *(ends - starts).T, color=COLOURS[1], zorder=3, **arrows)
        axes.set(title=title, xlim=(-reach, reach), ylim=(-reach, reach))
    return figure


@styled
def paths(points: np.ndarray, walks: np.ndarray) -> Plot:
    """Draw walks in a plane as lines, from a ring where they begin to a dot where they end.

    Args:
        points: (n, 2), which stand behind the walks.
        walks: (steps, k, 2): where each of k walks is after each step.

    Returns:
        A `Plot`.
    """
    figure, axes = _one_panel(640, 520)
    _draw_points(axes, points, PALE)
    for number, walk in enumerate(np.swapaxes(walks, 0, 1)):
        axes.plot(*walk.T, "-", color=COLOURS[0], linewidth=1.2, alpha=0.7)
        axes.plot(*walk[1:-1].T, ".", color=COLOURS[0], markersize=4)
        axes.plot(*walk[0], "o", color=INK, markerfacecolor=PAPER, label="" if number else "start: noise")
        axes.plot(*walk[-1], "o", color=COLOURS[1], label="" if number else "end")
    axes.legend(loc="upper left")
    return figure


@styled
def line_panels(tables: dict, label: str) -> Plot:
    """Draw a panel for each table, with a line for each of its columns over its index, which doubles at equal steps.

    Args:
        tables: a dictionary of titles and tables, whose index holds positive numbers.
        label: what the index is.

    Returns:
        A `Plot`.
    """
    figure, panels = _panels(1, len(tables), min(WIDTH, 200 + 400 * len(tables)), 300)
    for axes, (title, table) in zip(panels.flat, tables.items()):
        for column, marker in zip(table, "os^Dv"):
            axes.plot(table.index, table[column], f"{marker}-", markersize=5, label=_readable(column))
        axes.set(title=title, xlabel=label)
        axes.set_xscale("log", base=2)
        axes.set_xticks(table.index, [f"{value:g}" for value in table.index])
        axes.minorticks_off()
        if table.shape[1] > 1:
            axes.legend()
    return figure


MARKERS = "oDsvP^X*<>"
KNOBS = {"beta": "β", "latent_dim": "latent size"}
NEAR = 0.35  # of the base's KL and error: what the second panel of `knob_trade_off` shows


def _knob(name):
    """Return what a knob is called in a figure."""
    return KNOBS.get(name, _readable(name))


@styled
def over_knob(table: pd.DataFrame, knob: str, measures: dict) -> Plot:
    """Draw a panel for each measure over the values of a knob: a line of means, and a band from seed to seed.

    Args:
        table: a row per training, with a column for the knob, of numbers above 0, and one for each measure.
        knob: name of the knob's column.
        measures: names of columns, and what stands above their panels.

    Returns:
        A `Plot`.
    """
    figure, panels = _panels(1, len(measures), WIDTH, 260)
    values = sorted(table[knob].unique())
    for axes, (measure, title) in zip(panels.flat, measures.items()):
        band = {"errorbar": ("pi", 100), "err_kws": {"alpha": 0.25}}  # from the least seed to the largest
        seaborn.lineplot(table, x=knob, y=measure, marker="o", color=COLOURS[0], ax=axes, **band)
        axes.set(title=title, xlabel=_knob(knob), ylabel="", xscale="log")
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.set_xticks([], minor=True)
        axes.set_ylim(min(0, table[measure].min()), 1.08 * table[measure].max())
    return figure


@styled
def knob_trade_off(table: pd.DataFrame, curve: str) -> Plot:
    """Draw squared error against KL: the values of one knob as a curve, those of the others as points.

    Args:
        table: a row per training: knob, which was turned ("base": none), value, to what, kl in nats, and error. Points
            are means over the seeds.
        curve: the knob that is drawn as a curve, through the base.

    Returns:
        A `Plot` of two panels: all settings, and those near the base.
    """
    figure, panels = _panels(1, 2, WIDTH, 440)
    means = table.groupby(["knob", "value"], sort=False)[["kl", "error"]].mean().reset_index()
    base = means[means["knob"] == "base"].iloc[0]
    relative = means[["kl", "error"]].div(base[["kl", "error"]].astype(float)) - 1
    means["near"] = (relative.abs() < NEAR).all(axis=1)
    for axes, near in zip(panels.flat, (False, True)):
        _draw_knob_trade_off(axes, means, curve, near)
    everything, closer = panels.flat
    everything.set(title="all settings", ylabel="squared error", yscale="log")
    everything.set_xlim(left=min(0, means["kl"].min()) - 0.1 * means["kl"].max())
    for set_formatter in (everything.yaxis.set_major_formatter, everything.yaxis.set_minor_formatter):
        set_formatter(matplotlib.ticker.StrMethodFormatter("{x:g}"))
    around = np.array([1 - NEAR, 1 + NEAR])
    closer.set(title="near the base", xlim=base["kl"] * around, ylim=base["error"] * around)
    corner, sides = (base["kl"] * around[0], base["error"] * around[0]), (base["kl"], base["error"])
    box = matplotlib.patches.Rectangle(corner, 2 * NEAR * sides[0], 2 * NEAR * sides[1], fill=False)
    box.set(edgecolor=QUIET, linewidth=1)
    everything.add_patch(box)
    handles, names = everything.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6)
    return figure


def _draw_knob_trade_off(axes, means, curve, near):
    """Draw the settings into one panel, with the values of those that are near the base, or of the others."""
    line = means[means["knob"].isin([curve, "base"])].sort_values("kl")
    axes.plot(line["kl"], line["error"], color=PALE, linewidth=5, zorder=1)
    knobs = [knob for knob in dict.fromkeys(means["knob"]) if knob != "base"]
    for knob, marker, colour in zip(knobs, itertools.cycle(MARKERS), itertools.cycle(COLOURS)):
        points = means[means["knob"] == knob]
        axes.plot(points["kl"], points["error"], marker, color=colour, markersize=7, label=_knob(knob))
        for _, point in points[points["near"] == near].iterrows():
            number = isinstance(point["value"], int | float | np.number)
            words = f"{point['value']:g}" if number else _readable(point["value"])
            below = knob == curve and not near  # under the curve, where it falls, nothing else lies
            offset, side, top = ((-5, -3), "right", "top") if below else ((7, 4), "left", "baseline")
            place = (point["kl"], point["error"])
            axes.annotate(words, place, offset, textcoords="offset points", ha=side, va=top, fontsize=9)
    base = means[means["knob"] == "base"]
    axes.plot(base["kl"], base["error"], "o", color=INK, markersize=10, zorder=1.5, label="base")
    axes.set(xlabel="KL (nats)")


@styled
def seed_spread(table: pd.DataFrame, measures: dict) -> Plot:
    """Draw how far each setting lies from "base", in per cent, beside the spread of the seeds of that setting.

    Args:
        table: a row per training, with a column "setting" and one for each measure, below which less is better.
        measures: names of columns, and what stands above their panels.

    Returns:
        A `Plot`.
    """
    reference = "base"
    names = [name for name in dict.fromkeys(table["setting"]) if name != reference]
    figure, panels = _panels(1, len(measures), WIDTH, 90 + 26 * len(names))
    for axes, (measure, title) in zip(panels.flat, measures.items()):
        own = table.loc[table["setting"] == reference, measure]
        change = 100 * (table[measure] / own.mean() - 1)
        band = change[table["setting"] == reference]
        axes.axvspan(band.min(), band.max(), color=PALE, alpha=0.6, linewidth=0)
        axes.axvline(0, color=QUIET, linewidth=1)
        for place, name in enumerate(reversed(names)):
            seeds = change[table["setting"] == name]
            axes.plot(seeds, [place] * len(seeds), "o", color=COLOURS[0], alpha=0.7, markersize=6)
        axes.set(title=title, xlabel=f"% from {reference}; left is better", ylim=(-0.6, len(names) - 0.4))
        axes.set_yticks(range(len(names)), [_readable(name) for name in reversed(names)])
    for axes in panels.flat[1:]:
        axes.set_yticklabels([])
    return figure


@styled
def tables(values: dict, formats: dict) -> Plot:
    """Draw tables of numbers as coloured fields, side by side.

    Args:
        values: titles and tables of numbers, whose rows and columns have names.
        formats: of the same titles, such as ".1f".

    Returns:
        A `Plot`.
    """
    figure, panels = _panels(1, len(values), WIDTH, 260)
    for axes, (title, table) in zip(panels.flat, values.items()):
        seaborn.heatmap(
            table,
            ax=axes,
            annot=True,
            fmt=formats[title],
            cmap="crest",
            cbar=False,
            linewidths=1,
            annot_kws={"fontsize": 10},
        )
        axes.set(title=title, xlabel=_knob(table.columns.name), ylabel=_knob(table.index.name))
        axes.tick_params(length=0)
        axes.tick_params(axis="y", rotation=0)
    return figure
