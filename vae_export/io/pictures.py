"""Pictures of images: grids, pixels, PNG files."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vae_export.errors import DataError, OutputError

__all__ = ["Grid", "check_pictures", "grid", "png", "to_pixels", "write_png"]

Array = np.ndarray[Any, Any]

# Smaller images are enlarged to about this many pixels a side.
TILE = 56
MARGIN = 2
BACKGROUND = 255
# Pillow warns of larger pictures as a possible attack, and other programs fail to open them.
MOST_PIXELS = 2**28 // 3


class Grid:
    """A canvas for images in rows, filled in parts.

    Args:
        count: number of tiles.
        shape: shape of an image, ``(height, width, 1 or 3)``.
        columns: number of images in a row; None makes the grid about square.
        value_range: the values of black and white.

    Attributes:
        columns: number of images in a row.

    Raises:
        DataError: images of another shape, or too many for one picture.
    """

    def __init__(
        self,
        count: int,
        shape: tuple[int, ...],
        columns: int | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        check_pictures((count, *shape))
        self.columns = columns or math.ceil(math.sqrt(count))
        self._range = value_range
        height, width, channels = shape
        self._enlarge = max(1, TILE // max(height, width))
        self._step = (height * self._enlarge + MARGIN, width * self._enlarge + MARGIN)
        rows = math.ceil(count / self.columns)
        size = (rows * self._step[0] + MARGIN, self.columns * self._step[1] + MARGIN)
        if math.prod(size) > MOST_PIXELS:
            raise DataError(
                f"picture: got {count:,} images, which make a picture of {size[1]:,} x {size[0]:,} pixels, "
                f"expected at most {MOST_PIXELS:,} pixels; write them as .npy or into a folder instead"
            )
        self._canvas = np.full((*size, channels), BACKGROUND, np.uint8)

    def place(self, positions: Iterable[int], images: Array) -> None:
        """Draw images, float ``[n, height, width, channels]``, at positions, counted row by row from 0."""
        pixels = to_pixels(images, self._range).repeat(self._enlarge, axis=1).repeat(self._enlarge, axis=2)
        for position, tile in zip(positions, pixels, strict=True):
            row, column = divmod(position, self.columns)
            top, left = MARGIN + row * self._step[0], MARGIN + column * self._step[1]
            self._canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile

    @property
    def picture(self) -> Array:
        """The canvas, uint8 ``[height, width]`` or ``[height, width, 3]``; empty tiles are white."""
        return self._canvas[..., 0] if self._canvas.shape[2] == 1 else self._canvas


def grid(images: Array, columns: int | None = None, value_range: tuple[float, float] = (0.0, 1.0)) -> Array:
    """Draw images in rows.

    Args:
        images: float ``[n, height, width, channels]`` with 1 or 3 channels.
        columns, value_range: see `Grid`.

    Returns:
        uint8 ``[height, width]`` or ``[height, width, 3]``.

    Raises:
        DataError: see `Grid`.
    """
    canvas = Grid(len(images), images.shape[1:], columns, value_range)
    canvas.place(range(len(images)), images)
    return canvas.picture


def check_pictures(shape: tuple[int, ...]) -> None:
    """Refuse arrays that are no pictures.

    Args:
        shape: shape of the array, ``(n, height, width, channels)``.

    Raises:
        DataError: another number of axes, neither 1 nor 3 channels, or n is 0.
    """
    if len(shape) != 4 or shape[3] not in (1, 3) or not shape[0]:
        raise DataError(
            f"picture: got arrays of shape {shape}, expected [n, height, width, 1 or 3]; "
            "write them as .npy instead"
        )


def to_pixels(images: Array, value_range: tuple[float, float]) -> Array:
    """Images as uint8 of the same shape; values outside `value_range` are clipped."""
    low, high = value_range
    pixels: Array = np.rint(np.clip((images - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return pixels


def png(picture: Array) -> bytes:
    """A uint8 picture ``[height, width]`` or ``[height, width, 1 or 3]`` as a PNG file."""
    file = io.BytesIO()
    pixels = picture[..., 0] if picture.shape[2:] == (1,) else picture
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def write_png(picture: Array, path: Path) -> None:
    """Write a uint8 picture as PNG.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.write_bytes(png(picture))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
