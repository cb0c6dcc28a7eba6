"""Real samples of x, or random ones where there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Samples"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Samples:
    """Inputs to verify and to calibrate on.

    Attributes:
        arrays: x and the conditions ``[n, ...]``, in the dtypes of the inputs.
        description: one line that says what they are.
        value_range: smallest and largest value of real x, [0, 1] or [-1, 1]; None if they are not
            real, or scaled otherwise.
        real: whether x was given, not made up.
    """

    arrays: Mapping[str, Array]
    description: str
    value_range: tuple[float, float] | None
    real: bool

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(self.arrays["x"])
