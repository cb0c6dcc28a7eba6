"""Views of arrays: as a picture, or as the lines of a signal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vae_export.core.manifest import TensorEntry
from vae_export.errors import InputError

__all__ = ["MOST_LINES", "View", "check_picture_shape", "picture_range", "row_shape", "view_of"]

# The most channels of a signal, as distinct lines of a plot; a longer second axis is the width of a picture.
MOST_LINES = 8


@dataclass(frozen=True)
class View:
    """The view of a row of an array.

    Attributes:
        kind: "picture" or "signal".
        shape: layout of the row's values: ``(height, width, 1 or 3)`` of pictures, ``(length, channels)`` of
            signals.
    """

    kind: Literal["picture", "signal"]
    shape: tuple[int, ...]


def view_of(shape: tuple[int, ...], picture_shape: tuple[int, ...] | None = None) -> View | None:
    """The view of rows of a shape.

    Args:
        shape: shape of a row. A picture has height, width and 1 or 3 channels, or no channel axis if its
            width is above `MOST_LINES`; a signal has a length, and up to `MOST_LINES` channels.
        picture_shape: ``(height, width)`` or ``(height, width, 1 or 3)`` of the pictures that flat rows hold.

    Returns:
        The view; None if the shape is neither.

    Raises:
        InputError: `picture_shape` is not that of a picture.
    """
    if picture_shape is not None:
        picture = _picture(picture_shape)
        if picture is None:
            raise InputError(
                f"picture shape: got {','.join(map(str, picture_shape))}, expected height, width and 1 or 3 "
                "channels, such as 28,28,1"
            )
        if len(shape) == 1 and shape[0] == math.prod(picture):
            return View("picture", picture)
    if (picture := _picture(shape)) is not None and (len(shape) == 3 or shape[1] > MOST_LINES):
        return View("picture", picture)
    if len(shape) == 1:
        return View("signal", (*shape, 1))
    return View("signal", shape) if len(shape) == 2 and shape[1] <= MOST_LINES else None


def check_picture_shape(picture_shape: tuple[int, ...] | None, rows: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a picture shape that fits no rows.

    Args:
        picture_shape: see `view_of`.
        rows: name -> shape of a row.

    Raises:
        InputError: there are no flat rows with that number of values.
    """
    if picture_shape is None or any(
        view_of(shape, picture_shape) != view_of(shape) for shape in rows.values()
    ):
        return
    held = ", ".join(f"{name} {list(shape)}" for name, shape in rows.items())
    sizes, values = ",".join(map(str, picture_shape)), math.prod(picture_shape)
    raise InputError(
        f"picture shape: got {sizes}, {values:,} values, expected as many as flat rows have, of {held}"
    )


def picture_range(x_range: tuple[float, float] | None, dtype: str = "float32") -> tuple[float, float]:
    """The values of black and white in pictures.

    Args:
        x_range: range of x in the bundle; None if not known.
        dtype: dtype of the pictures; bytes have their own range.
    """
    return (0.0, 255.0) if dtype == "uint8" else x_range or (0.0, 1.0)


def row_shape(tensor: TensorEntry) -> tuple[int, ...]:
    """The shape of a row of a tensor in a manifest, without free sizes."""
    return tuple(size for size in tensor.shape[1:] if size is not None)


def _picture(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """A picture's shape with its channels."""
    if len(shape) == 2:
        return (*shape, 1)
    return shape if len(shape) == 3 and shape[2] in (1, 3) else None
