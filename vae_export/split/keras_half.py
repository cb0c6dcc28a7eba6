"""A half that Keras computes: `core.half.Half` over a `GraphModel`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.core.artifact import TensorSpec
from vae_export.core.half import Traced
from vae_export.private.keras import layers_of, policy_computing_in
from vae_export.split.graph_model import GraphModel
from vae_export.split.moving import mover, weights_moved

__all__ = ["KerasHalf"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class KerasHalf:
    """See `core.half.TraceableHalf`.

    Attributes:
        model: computes the half; shares its weights with the author's model.
    """

    model: GraphModel

    @property
    def role(self) -> str:
        """Either "encoder" or "decoder"."""
        return str(self.model.name)

    @property
    def inputs(self) -> dict[str, TensorSpec]:
        """Specs by name, in the order of the model."""
        return {
            name: TensorSpec(name, (None, *tensor.shape[1:]), tensor.dtype)
            for name, tensor in self.model.inputs.items()
        }

    @property
    def outputs(self) -> dict[str, TensorSpec]:
        """Specs by name; floating types are float32."""
        return {
            name: TensorSpec(name, (None, *target.value.shape[1:]), target.dtype)
            for name, target in self.model.targets.items()
        }

    def run(self, inputs: Arrays) -> dict[str, Array]:
        """Outputs by name, for inputs by name; all ``[n, ...]``."""
        outputs = self.model({name: inputs[name] for name in self.model.inputs}, training=False)
        return {name: np.asarray(value) for name, value in outputs.items()}

    def run_exact(self, inputs: Arrays) -> dict[str, Array] | None:
        """Outputs computed in float64 and rounded once; None if a layer does not take float64."""
        # Weights stay as they are and are cast where they are used, as for half precision.
        policy = policy_computing_in("float64")
        layers = layers_of(self.model, include_self=False)
        before = [(layer, layer.dtype_policy) for layer in layers if layer.compute_dtype == "float32"]
        wide = {
            name: array.astype(np.float64) if array.dtype == np.float32 else array
            for name, array in inputs.items()
        }
        try:
            for layer, _ in before:
                layer.dtype_policy = policy
            return self.run(wide)
        # User layers may hold float32 constants, and raise anything.
        except Exception:  # noqa: BLE001
            return None
        finally:
            for layer, old in before:
                layer.dtype_policy = old

    def run_moved(self, inputs: Arrays, seed: int) -> dict[str, Array]:
        """See `core.half.Half`: inputs, weights and the results of all layers are moved."""
        rng = np.random.default_rng(seed)
        with weights_moved(self.model.variables, rng), self.model.moving(mover(rng)):
            exact = self.run_exact(inputs)
        if exact is not None:
            return exact
        rng = np.random.default_rng(seed)
        with weights_moved(self.model.variables, rng), self.model.moving(mover(rng)):
            return self.run(inputs)

    def traceable(self) -> Traced:
        """The half as TensorFlow traces it."""
        from vae_export.split.tracing import TracedKeras

        return TracedKeras(self.model, self.inputs)
