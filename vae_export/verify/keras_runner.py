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

    def run_exact(self, inputs: Mapping[str, Array]) -> dict[str, Array] | None:
        """The same, computed in float64 and rounded once; None if a layer does not take float64."""
        import keras

        # Weights stay as they are and are cast where they are used, as for half precision.
        policy = keras.DTypePolicy("mixed_float16")
        policy._compute_dtype = "float64"
        layers = self.half._flatten_layers(include_self=False)
        before = [(layer, layer.dtype_policy) for layer in layers if layer.compute_dtype == "float32"]
        wide = {
            name: array.astype(np.float64) if array.dtype == np.float32 else array
            for name, array in inputs.items()
        }
        try:
            for layer, _ in before:
                layer.dtype_policy = policy
            return self.run(wide)
        # Layers of anybody may hold constants of float32, and raise anything.
        except Exception:  # noqa: BLE001
            return None
        finally:
            for layer, old in before:
                layer.dtype_policy = old
