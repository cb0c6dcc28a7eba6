"""Pictures: images as grids, as the eye wants them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vae_export.arrays import write_arrays
from vae_export.errors import DataError, OutputError

__all__ = ["grid", "write_images", "write_png"]

Array = np.ndarray[Any, Any]

# Small images are enlarged to about this many pixels a side.
TILE = 56
MARGIN = 2
BACKGROUND = 255
# Columns where inputs stand above their reconstructions.
PAIRED_COLUMNS = 10


def grid(images: Array, columns: int | None = None, value_range: tuple[float, float] = (0.0, 1.0)) -> Array:
    """Lay images out in rows.

    Args:
        images: float ``[n, height, width, channels]`` with 1 or 3 channels; values outside
            `value_range` are clipped.
        columns: images in a row; None makes the grid about square.
        value_range: the values shown as black and as white.

    Returns:
        uint8 ``[height, width]`` or ``[height, width, 3]``.

    Raises:
        DataError: images of another shape.
    """
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not len(images):
        raise DataError(
            f"picture: got arrays of shape {images.shape}, expected [n, height, width, 1 or 3]; "
            "write them as .npy instead"
        )
    low, high = value_range
    pixels = np.rint(np.clip((images - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    enlarge = max(1, TILE // max(images.shape[1:3]))
    pixels = pixels.repeat(enlarge, axis=1).repeat(enlarge, axis=2)
    count, height, width, channels = pixels.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    canvas = np.full(
        (rows * (height + MARGIN) + MARGIN, columns * (width + MARGIN) + MARGIN, channels),
        BACKGROUND,
        np.uint8,
    )
    for index, tile in enumerate(pixels):
        top = MARGIN + index // columns * (height + MARGIN)
        left = MARGIN + index % columns * (width + MARGIN)
        canvas[top : top + height, left : left + width] = tile
    return canvas[..., 0] if channels == 1 else canvas


def write_png(picture: Array, path: Path) -> None:
    """Write a uint8 picture as PNG.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        Image.fromarray(picture).save(path, format="PNG", optimize=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def write_images(
    path: Path,
    images: Array | Mapping[str, Array],
    value_range: tuple[float, float] | None,
    above: Array | None = None,
) -> None:
    """Write images as one PNG, or as they are to .npy; several arrays by name to .npz.

    Args:
        path: where to; its suffix says which.
        images: float ``[n, height, width, channels]`` (any shape for .npy and .npz).
        value_range: of the values; None takes [0, 1].
        above: for PNG, shown if shaped like `images`: in pairs of rows, these above those.

    Raises:
        OutputError: another suffix, or the file cannot be written.
        DataError: no images, but .png.
    """
    if isinstance(images, Mapping):
        if path.suffix == ".npz":
            write_arrays(path, images)
            return
        images = _only_images(images, path)
    if path.suffix == ".npy":
        write_arrays(path, {"images": images})
    elif path.suffix == ".png":
        low, high = value_range or (0.0, 1.0)
        columns = None
        if above is not None and above.shape == images.shape:
            columns = min(len(images), PAIRED_COLUMNS)
            # White tiles fill the last row, so that every pair of rows is whole.
            blank = np.full((-len(images) % columns, *images.shape[1:]), high, images.dtype)
            upper, lower = (
                np.concatenate([part, blank]).reshape(-1, columns, *images.shape[1:])
                for part in (above, images)
            )
            images = np.stack([upper, lower], axis=1).reshape(-1, *images.shape[1:])
        write_png(grid(images, columns, (low, high)), path)
    else:
        raise OutputError(f"{path}: got a file named *{path.suffix}, expected .png or .npy")


def _only_images(arrays: Mapping[str, Array], path: Path) -> Array:
    images = {name: array for name, array in arrays.items() if array.ndim == 4 and array.shape[3] in (1, 3)}
    if len(images) != 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(
            f"{path}: got the outputs {shapes}, expected one of [n, height, width, 1 or 3] for a picture; "
            "write them as .npz instead"
        )
    return next(iter(images.values()))
