"""Signals as lines, side by side in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vae_export.pages.report.theme import WIDTH, Drawing, Theme, draw

__all__ = ["draw_signals"]

Array = np.ndarray[Any, Any]

# Of a letter of a label, on average.
LETTER_INCHES = 0.075
# Height of a cell by its width, and its least height.
SHAPE, LEAST_INCHES = 0.62, 0.42
# Of a cell, which the lines leave free.
GAP = 0.12


def draw_signals(signals: Array, alt: str, labels: Sequence[str] = (), heads: Sequence[str] = ()) -> Drawing:
    """Draw signals in rows and columns, all to one scale.

    Args:
        signals: float ``[rows, columns, length, channels]``; values that are not finite are gaps.
        alt: alternative text.
        labels: labels of the rows, or none.
        heads: headings of the columns, or none.
    """
    rows, columns, length, channels = signals.shape
    finite = signals[np.isfinite(signals)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    labels = [label.replace(", ", ",\n") for label in labels]
    left = 0.1 + LETTER_INCHES * max(
        (len(line) for label in labels for line in label.split("\n")), default=-1
    )
    top = 0.22 if heads else 0.0
    cell = max((WIDTH - left) / columns * SHAPE, LEAST_INCHES)
    size = (WIDTH, top + rows * cell)

    def paint(theme: Theme) -> Figure:
        figure = Figure(figsize=size)
        panel = figure.add_axes((left / WIDTH, 0, 1 - left / WIDTH, 1 - top / size[1]))
        panel.set_axis_off()
        panel.set_xlim(0, columns)
        panel.set_ylim(rows, 0)
        across = np.linspace(GAP / 2, 1 - GAP / 2, length)
        # Rows are counted downwards.
        down = 1 - GAP - (1 - 2 * GAP) * (signals.astype(np.float64) - low) / ((high - low) or 1.0)
        for channel in range(channels):
            # A single line for a whole row, with gaps, takes far fewer bytes.
            for row in range(rows):
                xs = np.concatenate([[*(column + across), np.nan] for column in range(columns)])
                ys = np.concatenate([[*down[row, column, :, channel], np.nan] for column in range(columns)])
                colour = theme.series[channel % len(theme.series)]
                panel.plot(xs, row + ys, color=colour, linewidth=1.0)
        for row, label in enumerate(labels):
            figure.text(0.02, 1 - (top + (row + 0.5) * cell) / size[1], label, va="center", fontsize=8)
        for column, head in enumerate(heads):
            place = (left + (column + 0.5) * (WIDTH - left) / columns) / WIDTH
            figure.text(place, 1 - 0.11 / size[1], head, ha="center", va="center", fontsize=8)
        return figure

    return draw(paint, alt)
