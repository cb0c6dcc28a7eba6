"""Samples: from the user, from samples.npz beside the model, or random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.core.artifact import TensorSpec
from vae_export.core.samples import Samples
from vae_export.errors import DataError
from vae_export.io.arrays import check_condition, check_x, read_arrays
from vae_export.verify.references import VERIFIED_ROWS

__all__ = ["MOST_SAMPLES", "find_samples"]

Array = np.ndarray[Any, Any]

SAMPLES_FILE = "samples.npz"
# The most samples for calibration and for the fidelity of lower precisions.
MOST_SAMPLES = 512


def find_samples(
    samples: str | Path | Array | Mapping[str, Array] | None,
    folder: Path | None,
    inputs: Mapping[str, TensorSpec],
    random: Callable[[str, int], Array],
    most: int = VERIFIED_ROWS,
) -> Samples:
    """Read samples of x and the conditions from the user or from beside the model, or make random ones.

    Args:
        samples: a file, a folder of images, an array ``[n, *shape]``, arrays by name, or None.
        folder: the folder of samples.npz; None if there is none.
        inputs: specs by name, including x.
        random: ``random(name, rows)`` makes rows for an input without samples.
        most: the most rows to take.

    Raises:
        DataError: the samples cannot be read, or do not fit the inputs.
    """
    if samples is None and folder is not None and (folder / SAMPLES_FILE).is_file():
        samples = folder / SAMPLES_FILE
    given, where = _read(samples)
    arrays = {
        name: _check_given(given[name], spec, name, where) for name, spec in inputs.items() if name in given
    }
    rows = {len(array) for array in arrays.values()}
    if len(rows) > 1:
        counts = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
        raise DataError(f"{where}: got {counts} rows, expected as many of each")
    value_range = _value_range(arrays["x"]) if "x" in arrays else None
    count = min(most, *rows) if rows else most
    arrays = {name: array[:count] for name, array in arrays.items()}
    missing = [name for name in inputs if name not in arrays]
    everything = {**arrays, **{name: random(name, count) for name in missing}}
    if not arrays:
        return Samples(everything, "random values; no real samples were given", None, False)
    guessed = f", random {', '.join(missing)}" if missing else ""
    return Samples(everything, f"{count} real samples from {where}{guessed}", value_range, "x" in arrays)


def _read(samples: Any) -> tuple[Mapping[str, Array], str]:
    """Arrays by name, and their origin for messages."""
    if samples is None:
        return {}, ""
    if isinstance(samples, (str, Path)):
        return read_arrays(Path(samples), "x"), Path(samples).name
    return (samples if isinstance(samples, Mapping) else {"x": samples}), "samples"


def _check_given(array: Array, spec: TensorSpec, name: str, where: str) -> Array:
    """Validate an array for an input, and return it in the input's dtype, ``[n, ...]``.

    Raises:
        DataError: it does not fit.
    """
    shape, dtype = tuple(size for size in spec.shape[1:] if size is not None), spec.dtype
    floating = dtype.startswith(("float", "bfloat"))
    if name == "x" and floating:
        return check_x(array, shape, (0.0, 1.0) if array.dtype == np.uint8 else None, where)
    return check_condition(array, shape, "float32" if floating else dtype, f"{where}: {name}")


def _value_range(x: Array) -> tuple[float, float] | None:
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        if x.min() >= low and x.max() <= high:
            return low, high
    return None
