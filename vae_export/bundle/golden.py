"""Golden arrays: few inputs and the author's outputs, as raw little-endian float32 files."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["GOLDEN_FOLDER", "golden_count", "golden_file", "to_bytes"]

Array = np.ndarray[Any, Any]

GOLDEN_FOLDER = "golden"
# The most bytes of a golden array; large images have fewer than eight rows, but at least two.
GOLDEN_ROWS = 8
GOLDEN_BYTES = 1 << 20


def golden_count(row_values: int) -> int:
    """The number of golden rows, 2 to 8, for rows of `row_values` float32 values."""
    return int(min(GOLDEN_ROWS, max(2, GOLDEN_BYTES // (4 * row_values))))


def golden_file(name: str) -> str:
    """Path of a golden array in the bundle."""
    return f"{GOLDEN_FOLDER}/{name}.f32"


def to_bytes(array: Array) -> bytes:
    """An array as row-major little-endian float32, without a header."""
    return np.ascontiguousarray(array, dtype="<f4").tobytes()
