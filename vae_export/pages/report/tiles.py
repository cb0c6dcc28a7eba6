"""Pictures in a page: exact pixels, enlarged by whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.io.pictures import png, to_pixels
from vae_export.pages.template import data_uri

__all__ = ["Tile", "mosaic", "tile"]

Array = np.ndarray[Any, Any]

# CSS pixels of the longer side, on wide and on narrow screens.
WIDE, NARROW = 56, 28


@dataclass(frozen=True)
class Tile:
    """A picture.

    Attributes:
        uri: the PNG.
        alt: alternative text.
        size: (width, height) of the picture.
        wide, narrow: width on wide and on narrow screens, CSS pixels.
    """

    uri: str
    alt: str
    size: tuple[int, int]
    wide: int
    narrow: int


def tile(
    picture: Array, alt: str, value_range: tuple[float, float], wide: int = WIDE, narrow: int = NARROW
) -> Tile:
    """A picture of the page.

    Args:
        picture: float ``[height, width, 1 or 3]``; values that are not finite are shown as the lowest value.
        alt: alternative text.
        value_range: the values of black and white.
        wide, narrow: most CSS pixels of the longer side; small pictures are enlarged by a whole number.
    """
    height, width = picture.shape[:2]
    low, high = value_range
    pixels = to_pixels(np.nan_to_num(picture, nan=low, posinf=high, neginf=low), value_range)
    shown = [_fitting(width, max(height, width), most) for most in (wide, narrow)]
    return Tile(data_uri(png(pixels), "image/png"), alt, (width, height), shown[0], shown[1])


def _fitting(width: int, longer: int, most: int) -> int:
    return width * (most // longer) if longer <= most else round(width * most / longer)


def mosaic(pictures: Array) -> Array:
    """Pictures ``[rows, columns, height, width, channels]`` without gaps: ``[height, width, channels]``."""
    rows, columns, height, width, channels = pictures.shape
    whole: Array = pictures.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
    return whole
