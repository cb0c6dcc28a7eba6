"""Validation of calibration rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.core.artifact import TensorSpec
from vae_export.errors import DataError

__all__ = ["check_calibration"]

Array = np.ndarray[Any, Any]


def check_calibration(inputs: Mapping[str, Array], specs: Sequence[TensorSpec], file: str) -> int:
    """Validate calibration arrays; return the row count.

    Args:
        inputs: rows ``[n, ...]`` by input.
        specs: the file's inputs.
        file: name of the file that is made, for messages.

    Raises:
        DataError: names are missing or unknown, shapes, dtypes or numbers of rows differ, or there are none.
    """
    wanted = sorted(spec.name for spec in specs)
    if sorted(inputs) != wanted:
        raise DataError(
            f"{file}: calibration has rows for {', '.join(sorted(inputs)) or 'nothing'}, expected "
            f"{', '.join(wanted)}; give an array for each input"
        )
    for spec in specs:
        rows = inputs[spec.name]
        fits = rows.ndim == len(spec.shape) and all(
            size in (None, got) for size, got in zip(spec.shape[1:], rows.shape[1:], strict=True)
        )
        if not fits or rows.dtype != spec.dtype or not len(rows):
            sizes = ", ".join("n" if size is None else str(size) for size in (None, *spec.shape[1:]))
            raise DataError(
                f"{file}: calibration rows for {spec.name!r} are {rows.dtype} {rows.shape}, expected "
                f"{spec.dtype} ({sizes}), n at least 1"
            )
    counts = {name: len(rows) for name, rows in inputs.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise DataError(f"{file}: calibration has {told}, expected as many rows of each input")
    return next(iter(counts.values()))
