"""The phases of a transposed convolution: the inputs and weights of each.

Output stride * q + phase depends on a few inputs around q and on every stride-th weight. So the outputs of a
phase are a plain convolution of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Window", "margins", "phase_kernel", "widened", "windows"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Window:
    """The inputs and weights of a phase along one axis.

    Attributes:
        low: index of the first input, relative to q, for output stride * q + phase.
        taps: index of the weight of each input from there on; None for no weight.
    """

    low: int
    taps: tuple[int | None, ...]


def windows(kernel: int, stride: int, padding: int) -> list[Window]:
    """The window of each phase; weight t adds input i to output stride * i + t - padding."""
    found = []
    for phase in range(stride):
        centre, first = divmod(phase + padding, stride)
        taps = tuple(reversed(range(first, kernel, stride)))
        found.append(Window(centre - len(taps) + 1, taps))
    return found


def widened(phases: Sequence[Window]) -> list[Window]:
    """The windows, each extended to the union of all."""
    low = min(phase.low for phase in phases)
    high = max(phase.low + len(phase.taps) for phase in phases)
    return [
        Window(
            low,
            (None,) * (phase.low - low) + phase.taps + (None,) * (high - phase.low - len(phase.taps)),
        )
        for phase in phases
    ]


def phase_kernel(kernel: Array, window: Sequence[Window]) -> Array:
    """The weights of a phase.

    Args:
        kernel: ``[output channels, height, width, input channels]``.
        window: vertical and horizontal.

    Returns:
        ``[output channels, vertical taps, horizontal taps, input channels]``.
    """
    # A row and a column of zeros for taps without a weight.
    extended = np.pad(kernel, ((0, 0), (0, 1), (0, 1), (0, 0)))
    rows, columns = ([-1 if tap is None else tap for tap in axis.taps] for axis in window)
    return np.ascontiguousarray(extended[:, rows][:, :, columns])


def margins(window: Window, size: int, outputs: int) -> tuple[int, int]:
    """(before, after) padding of the input in zeros; negative to crop it.

    Args:
        window: of the phase along one axis.
        size: size of the input along the axis.
        outputs: number of outputs of the phase.
    """
    return -window.low, outputs - size + window.low + len(window.taps) - 1
