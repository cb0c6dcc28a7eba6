"""Quantise rows to the integers of a tensor, and dequantise them."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_export.core.artifact import TensorSpec

__all__ = ["from_integers", "to_integers"]

Array = np.ndarray[Any, Any]


def to_integers(rows: Array, spec: TensorSpec) -> Array:
    """Rows in the dtype of a tensor, quantised where it holds integers with a scale."""
    dtype = np.dtype(spec.dtype)
    if spec.quantisation is not None and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        integers = np.rint(rows / spec.quantisation.scale) + spec.quantisation.zero_point
        rows = np.clip(integers, limits.min, limits.max)
    return np.ascontiguousarray(rows, dtype)


def from_integers(rows: Array, spec: TensorSpec) -> Array:
    """Rows of a tensor as float32, dequantised where it holds integers with a scale."""
    if spec.quantisation is None or np.dtype(spec.dtype).kind not in "iu":
        return rows
    centred = rows.astype(np.float32) - np.float32(spec.quantisation.zero_point)
    floats: Array = centred * np.float32(spec.quantisation.scale)
    return floats
