"""The worst images as a picture: float, quantised and what is between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vae_export.io.pictures import Grid

__all__ = ["amplification", "compare"]

Array = np.ndarray[Any, Any]


def amplification(expected: Array, actual: Array, value_range: tuple[float, float]) -> int:
    """By how much differences are enlarged: the largest power of two at which all can still be told.

    Args:
        expected, actual: images ``[n, height, width, channels]``.
        value_range: the values shown as black and as white.
    """
    largest = float(np.abs(actual - expected).max())
    half = (value_range[1] - value_range[0]) / 2
    if not 0 < largest < half:
        return 1
    return int(2 ** math.floor(math.log2(half / largest)))


def compare(expected: Array, actual: Array, value_range: tuple[float, float], amplified: int) -> Array:
    """Rows of three images: float, quantised, and the difference, gray where there is none.

    Args:
        expected, actual: images ``[n, height, width, channels]``.
        value_range: the values shown as black and as white.
        amplified: how many times as large differences are shown.

    Returns:
        uint8 ``[height, width]`` or ``[height, width, 3]``.

    Raises:
        DataError: images of another shape, or too many for one picture.
    """
    low, high = value_range
    canvas = Grid(3 * len(expected), expected.shape[1:], 3, value_range)
    difference = (low + high) / 2 + amplified * (actual - expected)
    for column, images in enumerate((expected, actual, difference)):
        canvas.place(range(column, 3 * len(expected), 3), images)
    return canvas.picture
