"""The worst images as a picture: float, quantised and difference."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.explain.explanation import Explanation
from vae_export.io.pictures import Grid, png
from vae_export.io.results import file_result

__all__ = ["amplification", "compare", "with_picture"]

Array = np.ndarray[Any, Any]


def with_picture(found: Explanation, path: Path) -> Explanation:
    """Write the worst images of a decoder as a .png, where its output is images.

    Args:
        found: the explanation; nothing is written for encoders, and for outputs that are not
            ``[n, height, width, 1 or 3]``.
        path: the .png to write; an existing one is replaced.

    Returns:
        `found`, with ``amplified`` if a picture was written.

    Raises:
        OutputError: `path` cannot be written.
    """
    if found.images is None or found.images[0].ndim != 4 or found.images[0].shape[3] not in (1, 3):
        return found
    value_range = found.value_range or (0.0, 1.0)
    amplified = amplification(*found.images, value_range)
    with file_result(path, ".png") as write:
        write(png(compare(*found.images, value_range, amplified)))
    return replace(found, amplified=amplified)


def amplification(expected: Array, actual: Array, value_range: tuple[float, float]) -> int:
    """The amplification of differences: the largest power of two that keeps all within the value range.

    Args:
        expected, actual: images ``[n, height, width, channels]``.
        value_range: the values of black and white.
    """
    largest = float(np.abs(actual - expected).max())
    half = (value_range[1] - value_range[0]) / 2
    if not 0 < largest < half:
        return 1
    return int(2 ** math.floor(math.log2(half / largest)))


def compare(expected: Array, actual: Array, value_range: tuple[float, float], amplified: int) -> Array:
    """Rows of three images: float, quantised, and their difference, gray for none.

    Args:
        expected, actual: images ``[n, height, width, channels]``.
        value_range: the values of black and white.
        amplified: amplification of differences.

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
