"""A page of faces: rows of pictures under titles, drawn with Pillow alone."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vae_keras.data.saving import GAP, grid_image

FACE = 128  # pixels a side, on the page
MARGIN = 20
HEADING = 22  # pixels a line of text is high
TITLE = 15
BELOW_TITLE = 8
INK = (40, 40, 40)


@dataclass(frozen=True)
class Row:
    """Pictures side by side.

    Args:
        title: stands above them.
        images: uint8 (n, size, size, 3).
    """

    title: str
    images: np.ndarray


@dataclass(frozen=True)
class Section:
    """Rows under a heading."""

    heading: str
    rows: list[Row]


def draw_page(sections: list[Section]) -> np.ndarray:
    """Return a page with all sections, one below the other: uint8 (height, width, 3)."""
    columns = max(len(row.images) for section in sections for row in section.rows)
    width = columns * (FACE + GAP) - GAP + 2 * MARGIN
    page = Image.new("RGB", (width, _height(sections)), "white")
    draw = ImageDraw.Draw(page)
    top = MARGIN
    for section in sections:
        draw.text((MARGIN, top), section.heading, INK, ImageFont.load_default(HEADING))
        top += 2 * HEADING
        for row in section.rows:
            draw.text((MARGIN, top), row.title, INK, ImageFont.load_default(TITLE))
            top += TITLE + BELOW_TITLE
            faces = grid_image(enlarge(row.images), columns=len(row.images))
            page.paste(Image.fromarray(faces), (MARGIN, top))
            top += FACE + MARGIN
        top += MARGIN
    return np.array(page)


def _height(sections):
    """Return how many pixels all sections need from top to bottom."""
    height = 0
    for section in sections:
        height += 2 * HEADING + MARGIN
        height += len(section.rows) * (TITLE + BELOW_TITLE + FACE + MARGIN)
    return height


def enlarge(images: np.ndarray) -> np.ndarray:
    """Return pictures of any size as they stand on the page: uint8 (n, FACE, FACE, 3)."""
    resized = [Image.fromarray(image).resize((FACE, FACE), Image.Resampling.BICUBIC) for image in images]
    return np.stack([np.array(image) for image in resized])
