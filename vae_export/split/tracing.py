"""A Keras half as TensorFlow traces it: `core.half.Traced`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from vae_export.core.artifact import TensorSpec
from vae_export.private.keras import layers_of
from vae_export.split.graph_model import GraphModel
from vae_export.split.scope_names import scope_names

__all__ = ["TracedKeras"]


@dataclass(frozen=True)
class TracedKeras:
    """See `core.half.Traced`.

    Attributes:
        tracked: the model, which holds the weights.
        inputs: specs by name.
    """

    tracked: GraphModel
    inputs: Mapping[str, TensorSpec]

    @property
    def placeholders(self) -> dict[str, str]:
        """Placeholder -> name of the input; none is shorter than the name, which is written over it."""
        return {
            f"input_{number}".ljust(len(name.encode()), "_"): name for number, name in enumerate(self.inputs)
        }

    def signature(self, batch: int | None) -> list[tf.TensorSpec]:
        """Specs of the arguments, for a batch size, or None for any."""
        return [
            tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype, name=name)
            for name, tensor in zip(self.placeholders, self.inputs.values(), strict=True)
        ]

    def __call__(self, *tensors: Any) -> dict[str, Any]:
        """Call the half in inference."""
        return dict(self.tracked(dict(zip(self.inputs, tensors, strict=True)), training=False))

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Change the layers for as long as a converter traces them.

        - Names become scopes that TensorFlow allows.
        - Recurrent layers are unrolled over their steps: of their loops tf2onnx makes files whose bytes
          differ from run to run, and the TFLite converter makes tensor lists, which no plain runtime has.
        """
        operations = [*layers_of(self.tracked), *(call.operation for call in self.tracked.calls)]
        looping = [
            layer
            for layer in dict.fromkeys(operations)
            if isinstance(layer, keras.layers.RNN) and not layer.unroll
        ]
        try:
            for layer in looping:
                layer.unroll = True
            with scope_names(operations):
                yield
        finally:
            for layer in looping:
                layer.unroll = False

    def failing_layer(self, error: Exception) -> str | None:
        """The layer that cannot be traced, and why, from an error that TensorFlow wrapped."""
        found = re.findall(r"layer '.*?' \(\w+\) cannot be called: .*", str(error))
        return found[-1] if found else None
