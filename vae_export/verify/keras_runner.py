"""Run a Keras half: the reference that artifacts are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["KerasRunner"]

Array = np.ndarray[Any, Any]


class KerasRunner:
    """A Keras model with dicts of inputs and outputs, as a function of arrays by name."""

    def __init__(self, half: Any) -> None:
        self.half = half

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs by name, for inputs by name; all ``[n, ...]``."""
        outputs = self.half({name: inputs[name] for name in self.half.inputs}, training=False)
        return {name: np.asarray(value) for name, value in outputs.items()}
