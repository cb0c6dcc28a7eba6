"""Golden arrays: small inputs and what Keras made of them, as raw little-endian float32 files."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["GOLDEN_FOLDER", "golden_count", "golden_file", "to_bytes"]

Array = np.ndarray[Any, Any]

GOLDEN_FOLDER = "golden"
# Eight rows where they stay below this, fewer of large images, never less than two.
GOLDEN_ROWS = 8
GOLDEN_BYTES = 1 << 20


def golden_count(row_values: int) -> int:
    """How many rows of `row_values` float32 values become golden: 2 to 8."""
    return int(min(GOLDEN_ROWS, max(2, GOLDEN_BYTES // (4 * row_values))))


def golden_file(name: str) -> str:
    """Path of a golden array in the bundle."""
    return f"{GOLDEN_FOLDER}/{name}.f32"


def to_bytes(array: Array) -> bytes:
    """The file of an array: row-major, little-endian float32, no header."""
    return np.ascontiguousarray(array, dtype="<f4").tobytes()
