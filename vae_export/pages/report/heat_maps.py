"""Heat maps of errors by position in the output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from vae_export.pages.report.theme import WIDTH, Drawing, Theme, draw
from vae_export.pages.view import View

__all__ = ["draw_errors", "error_map"]

Array = np.ndarray[Any, Any]

COLUMNS = 3
# Decades that the colours reach down from the largest error, and at least.
MOST_DECADES, LEAST_DECADES = 6, 2
# Values of a row that a map of rows and values is drawn with.
MOST_VALUES = 256


def error_map(errors: Array, view: View | None) -> Array:
    """The error map of an output.

    Args:
        errors: absolute differences ``[n, ...]``.
        view: view of a row.

    Returns:
        For pictures the largest error over rows and channels ``[height, width]``; else ``[n, values]``, for
        rows of more than 256 values the largest of neighbours.
    """
    if view is not None and view.kind == "picture":
        largest: Array = errors.reshape(len(errors), *view.shape).max(axis=(0, 3))
        return largest
    flat = errors.reshape(len(errors), -1)
    starts = np.linspace(0, flat.shape[1], min(MOST_VALUES, flat.shape[1]), endpoint=False).astype(int)
    blocks: Array = np.maximum.reduceat(flat, starts, axis=1)
    return blocks


def draw_errors(output: str, maps: Mapping[str, tuple[str, Array]], picture: bool, what: str) -> Drawing:
    """Draw the error maps of an output on one colour scale.

    Args:
        output: name of the output.
        maps: file -> (short name, error map).
        picture: whether the maps are pictures; else their rows are samples.
        what: subject of the drawing, for the alternative text.
    """
    return draw(lambda theme: _paint(theme, maps, picture), _in_words(output, maps, picture, what))


def _paint(theme: Theme, maps: Mapping[str, tuple[str, Array]], picture: bool) -> Figure:
    some = next(iter(maps.values()))[1]
    columns = min(COLUMNS if picture or len(maps) > 4 else 2, max(2, len(maps)))
    rows = math.ceil(len(maps) / columns)
    ratio = min(1.6, max(0.4, some.shape[0] / some.shape[1])) if picture else 0.7
    height = rows * (WIDTH / columns * 0.95 * ratio + 0.36) + 0.62
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    ticks = _ticks([errors for _, errors in maps.values()])
    norm = LogNorm(ticks[-1], ticks[0])
    colours = matplotlib.colormaps[theme.errors].with_extremes(bad=theme.wrong)
    for panel in panels.flat[len(maps) :]:
        panel.set_axis_off()
    for panel, (title, errors) in zip(panels.flat, maps.values(), strict=False):
        # 0 has no logarithm, and gets the lowest colour. Values that are not finite get the colour of bad
        # values.
        shown = np.where(errors < ticks[-1], ticks[-1], errors)
        panel.imshow(
            np.ma.masked_invalid(shown),
            cmap=colours,
            norm=norm,
            interpolation="none",
            aspect="equal" if picture else "auto",
        )
        panel.set_title(f"{title}, equal" if not np.any(errors) else title, fontsize=7)
        panel.set_xticks([])
        panel.set_yticks([])
        panel.spines[:].set_visible(True)
    if not any(np.any(errors) for _, errors in maps.values()):
        return figure
    bar = figure.colorbar(
        ScalarMappable(norm, colours), ax=panels, location="bottom", aspect=32, ticks=ticks, format="%.0e"
    )
    bar.minorticks_off()
    bar.outline.set_visible(False)
    bar.set_label("absolute difference from Keras")
    return figure


def _ticks(maps: list[Array]) -> list[float]:
    """Ticks of a logarithmic scale in whole decades, from the largest down."""
    values = np.concatenate([errors.reshape(-1) for errors in maps])
    values = values[np.isfinite(values) & (values > 0)]
    high = math.ceil(math.log10(values.max())) if values.size else 0
    low = math.floor(math.log10(values.min())) if values.size else 0
    decades = min(MOST_DECADES, max(LEAST_DECADES, high - low))
    # Every n-th decade, for at most five ticks.
    step = math.ceil(decades / 4)
    return [10.0 ** (high - power) for power in range(0, step * math.ceil(decades / step) + 1, step)]


def _in_words(output: str, maps: Mapping[str, tuple[str, Array]], picture: bool, what: str) -> str:
    parts = []
    for file, (_, errors) in maps.items():
        wrong = int((~np.isfinite(errors)).sum())
        if wrong:
            parts.append(f"{file}: {wrong} of {errors.size} not finite")
            continue
        row, column = np.unravel_index(errors.argmax(), errors.shape)
        place = f"line {row}, column {column}" if picture else f"sample {row}, value {column}"
        largest = errors[row, column]
        parts.append(f"{file}: equal" if largest == 0 else f"{file}: largest {largest:.1e} at {place}")
    return f"Heat maps of the absolute difference of {output} from Keras, {what}. {'; '.join(parts)}."
