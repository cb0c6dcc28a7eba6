"""How an array is looked at: as a picture, or as the lines of a signal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vae_export.core.manifest import TensorEntry
from vae_export.errors import InputError

__all__ = ["MOST_LINES", "View", "check_picture_shape", "picture_range", "row_shape", "view_of"]

# Channels of a signal that can be told apart as lines of one plot; a second axis longer than that is a width.
MOST_LINES = 8


@dataclass(frozen=True)
class View:
    """How one row of an array is shown.

    Attributes:
        kind: "picture" or "signal".
        shape: what the row's values are laid out as: of pictures ``(height, width, 1 or 3)``, of signals
            ``(length, channels)``.
    """

    kind: Literal["picture", "signal"]
    shape: tuple[int, ...]


def view_of(shape: tuple[int, ...], picture_shape: tuple[int, ...] | None = None) -> View | None:
    """How rows of a shape are shown.

    Args:
        shape: of one row: a picture has the axes height, width and 1 or 3 channels, or no channels if it is
            wider than `MOST_LINES`; a signal has a length, and up to `MOST_LINES` channels.
        picture_shape: ``(height, width)`` or ``(height, width, 1 or 3)`` that flat rows, of one axis, are
            pictures of.

    Returns:
        None if neither of them fits.

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
    """Refuse a shape of pictures that no rows have.

    Args:
        picture_shape: see `view_of`.
        rows: shapes of rows, by name.

    Raises:
        InputError: there are no flat rows of so many values.
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
    """The values of pictures that are shown as black and as white.

    Args:
        x_range: of the bundle's x, as far as it is known.
        dtype: of the pictures; bytes have their own range.
    """
    return (0.0, 255.0) if dtype == "uint8" else x_range or (0.0, 1.0)


def row_shape(tensor: TensorEntry) -> tuple[int, ...]:
    """Shape of one row of a tensor that a manifest describes, as far as sizes are known."""
    return tuple(size for size in tensor.shape[1:] if size is not None)


def _picture(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """A picture's shape with its channels."""
    if len(shape) == 2:
        return (*shape, 1)
    return shape if len(shape) == 3 and shape[2] in (1, 3) else None
