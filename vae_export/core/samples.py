"""Samples: real x, or random values in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Samples"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Samples:
    """Inputs for verification and calibration.

    Attributes:
        arrays: x and the conditions ``[n, ...]``, in the dtypes of the inputs.
        description: their origin in one line.
        value_range: range of real x, [0, 1] or [-1, 1]; None for random or otherwise scaled x.
        real: whether x are real samples.
    """

    arrays: Mapping[str, Array]
    description: str
    value_range: tuple[float, float] | None
    real: bool

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(self.arrays["x"])
