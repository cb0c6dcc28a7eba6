"""The phases of a transposed convolution: what each needs of the input and of the weights.

Output number stride * q + phase depends on a few inputs around number q, and on every stride-th weight. So
the outputs of one phase are a plain convolution of the input.
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
    """What a phase needs along one axis.

    Attributes:
        low: the first input, relative to q, for output stride * q + phase.
        taps: which weight meets each input from there on; None for none.
    """

    low: int
    taps: tuple[int | None, ...]


def windows(kernel: int, stride: int, padding: int) -> list[Window]:
    """The window of each phase, where weight t takes input i to output stride * i + t - padding."""
    found = []
    for phase in range(stride):
        centre, first = divmod(phase + padding, stride)
        taps = tuple(reversed(range(first, kernel, stride)))
        found.append(Window(centre - len(taps) + 1, taps))
    return found


def widened(phases: Sequence[Window]) -> list[Window]:
    """The same windows, each as wide as all of them together."""
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
    # A row and a column of zeros for places that have no weight.
    extended = np.pad(kernel, ((0, 0), (0, 1), (0, 1), (0, 0)))
    rows, columns = ([-1 if tap is None else tap for tap in axis.taps] for axis in window)
    return np.ascontiguousarray(extended[:, rows][:, :, columns])


def margins(window: Window, size: int, outputs: int) -> tuple[int, int]:
    """How many zeros go before and after the input; below 0 where inputs have to be cut off.

    Args:
        window: along one axis.
        size: of the input.
        outputs: of the phase.
    """
    return -window.low, outputs - size + window.low + len(window.taps) - 1
