"""Differences of two arrays, as pure NumPy functions.

Every function takes ``(expected, actual)``, float arrays of one shape without NaN or infinity, and
computes in float64.

======================  ====================================================  ============
name                    formula                                               equal arrays
======================  ====================================================  ============
max_absolute_error      max |actual - expected|                               0
mean_absolute_error     mean |actual - expected|                              0
sqnr_db                 10 log10(sum expected^2 / sum (actual - expected)^2)  inf
======================  ====================================================  ============
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["max_absolute_error", "mean_absolute_error", "sqnr_db", "value_scale"]

Array = np.ndarray[Any, Any]


def max_absolute_error(expected: Array, actual: Array) -> float:
    """Largest absolute difference."""
    return float(np.abs(_difference(expected, actual)).max())


def mean_absolute_error(expected: Array, actual: Array) -> float:
    """Mean absolute difference."""
    return float(np.abs(_difference(expected, actual)).mean())


def sqnr_db(expected: Array, actual: Array) -> float:
    """Signal to (quantisation) noise ratio in decibels; infinite for equal arrays."""
    noise = float(np.square(_difference(expected, actual)).sum())
    signal = float(np.square(expected.astype(np.float64)).sum())
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def value_scale(expected: Array) -> float:
    """The factor of a tolerance: 1 for values in [0, 1], else the range of the values and 0.

    With 0 in the range a constant output has a scale too.
    """
    low, high = min(0.0, float(expected.min())), max(0.0, float(expected.max()))
    return 1.0 if low == 0 and high <= 1 else high - low


def _difference(expected: Array, actual: Array) -> Array:
    difference: Array = actual.astype(np.float64) - expected.astype(np.float64)
    return difference
