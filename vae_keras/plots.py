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
import numpy as np
import pandas as pd
import PIL.Image
import seaborn
from IPython.display import Image, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

WIDTH = 900  # pixels: what the column of a notebook shows without shrinking
DPI = 100
INK, QUIET, PALE, PAPER = "#22303c", "#75828e", "#b9c6d2", "#ffffff"
COLOURS = ("#2f6f9f", "#e1812c", "#4a9d6f", "#c0504d", "#7b6cb0", "#8c6d4f")
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

LARGEST_CELL = 150  # pixels a side of an image in a grid
GAP = 3  # pixels between images of a grid
LINE = 13  # pixels, the height of a line of a caption
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

    def image(self) -> Image:
        """Return the figure as an IPython image."""
        return self._jpeg() if self.photographs else self._png()

    def _jpeg(self):
        file = io.BytesIO()
        self._drawn(DPI).save(file, "jpeg", quality=88, optimize=True)
        return Image(file.getvalue(), format="jpeg", width=int(self.get_figwidth() * DPI))

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


def _wrapped(text, width):
    """Return a text as lines of at most so many characters; words stay whole."""
    return textwrap.wrap(_readable(text), width, break_long_words=False)


def _draw_grid(lines, labels, captions):
    """Return every grid of images.

    Args:
        lines: a list of lines of images.
        labels: what stands left of each line.
        captions: for each line, a list of what stands below its images, which may be empty.
    """
    columns = max(len(line) for line in lines)
    labels = [_wrapped(label, 14) for label in labels]
    longest = max((len(words) for label in labels for words in label), default=-2.4)
    left = 7.5 * longest + 18
    cell = min(LARGEST_CELL, (WIDTH - left) // columns - GAP)
    # Captions of long words are broken: they would run into each other.
    captions = [[textwrap.wrap(_readable(text), max(5, cell // 6)) for text in line] for line in captions]
    tops, height = _heights(captions, cell)
    width = left + columns * (cell + GAP)
    figure = _figure(width, height)
    figure.photographs = True
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for line, label, texts, y in zip(lines, labels, captions, tops):
        axes.text(left - 8, y + cell / 2, "\n".join(label), ha="right", va="center")
        places = left + (cell + GAP) * np.arange(columns)
        for x, image in zip(places, line):
            _draw_image(axes, np.asarray(image), x, y, cell)
        for x, text in zip(places, texts):
            middle = x + cell / 2
            axes.text(middle, y + cell + 3, "\n".join(text), ha="center", va="top", fontsize=8)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def _heights(captions, cell):
    """Return where each line of a grid begins, in pixels from the top, and the height of the whole."""
    tops = [0]
    for line in captions:
        depth = GAP
        if line:
            depth += LINE * max(len(text) for text in line) + 5
        tops.append(tops[-1] + cell + depth)
    return tops[:-1], tops[-1]


def _draw_image(axes, image, x, y, cell):
    """Draw one image, as large as fits into the square cell; a smaller one is enlarged smoothly."""
    scale = cell / max(image.shape[:2])
    height, width = image.shape[0] * scale, image.shape[1] * scale
    x, y = x + (cell - width) / 2, y + (cell - height) / 2
    if image.dtype != np.uint8:
        image = np.clip(image, 0, 1)
    smooth = "bicubic" if scale > 1 else "antialiased"
    axes.imshow(image, "gray", extent=(x, x + width, y + height, y), interpolation=smooth)


def _full_rows(count):
    """Return how many images of a grid stand in a row: up to ten, else as many as leave the fewest places empty."""
    if count <= 10:
        return count

    def empty_places(columns):
        return -count % columns, -columns

    return min(range(6, 13), key=empty_places)


@styled
def grid(images, columns: int | None = None, captions=()) -> Plot:
    """Draw images in rows.

    Args:
        images: uint8 or float in [0, 1], (n, height, width, 3), or a list of such images of any size.
        columns: images in a row. None: as many as make full rows.
        captions: what stands below each image, such as a text or a number.

    Returns:
        A `Plot`.

    Example:
        >>> plots.grid(faces.train[:40], columns=10)
    """
    columns = columns or _full_rows(len(images))
    captions = list(captions)
    lines, texts = [], []
    for start in range(0, len(images), columns):
        lines.append(images[start : start + columns])
        texts.append(captions[start : start + columns])
    return _draw_grid(lines, [""] * len(lines), texts)


@styled
def rows(images: dict, captions=()) -> Plot:
    """Draw a row of images for each label.

    Args:
        images: a dictionary of labels and images, each as for `grid`.
        captions: what stands below each image of the last row.

    Returns:
        A `Plot`.

    Example:
        >>> plots.rows({"photograph": photographs, "reconstruction": reconstructions})
    """
    texts = [[] for _ in images]
    texts[-1] = list(captions)
    return _draw_grid(list(images.values()), list(images), texts)


def gif(frames, most: int = 12) -> Image:
    """Return an animation of a row of at most 8 faces, with a bar that shows the progress.

    Args:
        frames: a list of uint8 (k, size, size, 3), or uint8 (n, size, size, 3).
        most: frames at most. Of more, evenly spaced ones are kept.

    Returns:
        An IPython image.
    """
    frames = [np.asarray(frame).reshape(-1, *np.shape(frame)[-3:])[:MOST_FACES] for frame in frames]
    kept = np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int)
    pictures = []
    for index in np.unique(kept):
        row = np.concatenate(list(frames[index]), axis=1)
        bar = np.full((3, row.shape[1], 3), 225, "uint8")
        bar[:, : row.shape[1] * (index + 1) // len(frames)] = (47, 111, 159)
        picture = PIL.Image.fromarray(np.concatenate([row, bar]))
        pictures.append(picture.quantize(96, dither=0))  # 96 colours: a third of the bytes
    milliseconds = [300] * (len(pictures) - 1) + [1200]
    file = io.BytesIO()
    first, *others = pictures
    first.save(file, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    return Image(file.getvalue(), format="gif", width=min(WIDTH, max(160, first.width * 3 // 2)))


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
    epochs = np.arange(1, len(history["loss"]) + 1)
    style = "o-" if len(epochs) < 3 else "-"
    for axes, term in zip(panels.flat, terms):
        for key, label in ((term, "training"), (f"val_{term}", "held out")):
            if key in history:
                axes.plot(epochs, history[key], style, linewidth=1.8, label=label)
        axes.set(title=TERMS[term], xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
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
def heatmap(correlations: pd.DataFrame, title: str | None = None) -> Plot:
    """Draw a square table of correlations in [-1, 1]; up to 14 columns with the numbers in it.

    Args:
        correlations: a table with the same names in rows and columns.
        title: what stands above it.

    Returns:
        A `Plot`.
    """
    is_small = len(correlations) <= 14
    side = 46 * len(correlations) + 200 if is_small else WIDTH
    figure, axes = _one_panel(side, 0.8 * side, title)
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
def latent_distributions(z_mean: np.ndarray, z_log_variance: np.ndarray, seed: int = 0) -> Plot:
    """Draw a histogram of every latent variable beside the density of N(0, 1), the most expensive first.

    Above each stand its number and its KL in nats, the mean over the images. All share one scale. Grey ones are hardly
    used: the variance of their means is below 0.01.

    Args:
        z_mean: (n, latent_dim), as the encoder gives it.
        z_log_variance: (n, latent_dim). Of both, codes are drawn.
        seed: of the draw.

    Returns:
        A `Plot`.
    """
    z_mean, variance = np.asarray(z_mean, "float64"), np.exp(np.asarray(z_log_variance, "float64"))
    kl = 0.5 * (z_mean**2 + variance - np.log(variance) - 1).mean(axis=0)
    z = z_mean + np.sqrt(variance) * np.random.default_rng(seed).standard_normal(z_mean.shape)
    is_active = z_mean.var(axis=0) > ACTIVE_VARIANCE
    columns = min(16, len(kl))
    lines = -(-len(kl) // columns)
    reach = float(np.clip(np.quantile(np.abs(z), 0.995), 4, 12))
    # One pair of axes holds all histograms: a hundred of them would take seconds.
    figure, axes = _one_panel(WIDTH, 62 * lines + 30)
    edges = np.linspace(-reach, reach, 49)
    centres = (edges[1:] + edges[:-1]) / 2
    tallest = 0.8  # density that reaches to the next line
    normal = np.exp(-0.5 * centres**2) / np.sqrt(2 * np.pi) / tallest
    for place, index in enumerate(np.argsort(-kl)):
        x, y = place % columns, -(place // columns)
        across = x + centres / reach * 0.46
        density = np.histogram(z[:, index], edges)[0] / len(z) / np.diff(edges) / tallest
        colour = COLOURS[0] if is_active[index] else PALE
        axes.fill_between(across, y, y + np.minimum(density, 0.76), color=colour, alpha=0.6, linewidth=0)
        axes.plot(across, y + normal, color=COLOURS[1], linewidth=0.9)
        axes.text(x - 0.46, y + 0.87, f"{index}: {kl[index]:.1f}", fontsize=6, color=QUIET, va="center")
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(1 - lines - 0.04, 1))
    axes.set_title(f"every latent variable (blue) and N(0, 1) (orange), from −{reach:.0f} to {reach:.0f}")
    axes.set_axis_off()
    return figure


@styled
def kl_per_dimension(kl) -> Plot:
    """Draw the KL of every latent dimension, the largest first.

    Args:
        kl: nats, (latent_dim,).

    Returns:
        A `Plot`.
    """
    figure, axes = _one_panel(WIDTH, 230)
    kl = np.sort(np.asarray(kl, "float64"))[::-1]
    axes.bar(np.arange(len(kl)), kl, width=1, color=COLOURS[0], edgecolor=PAPER, linewidth=0.3)
    axes.set(xlim=(-0.5, len(kl) - 0.5), xlabel="latent variables, sorted", ylabel="KL (nats)")
    axes.set_title(f"KL per dimension, {kl.sum():.1f} nats in all")
    axes.grid(axis="x", visible=False)
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
        shapes = [[side for side in shape if side is not None] for _, shape in blocks]
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
