"""One half of a VAE: a part of its graph, called on new inputs with the original's own layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from vae_export.split.graph import Call, Value, replay

__all__ = ["Half"]


class Half(keras.Model):  # type: ignore[misc]  # keras has no type stubs
    """A deterministic model with one input and named outputs, sharing weights with the original.

    Not a functional model, because layers of different submodels may have the same name, which a
    functional model refuses.

    Args:
        name: "encoder" or "decoder".
        calls: of the original graph, in running order.
        source: the value of the graph that the input stands for.
        input_name: what the input is called.
        targets: output name -> value of the graph.

    Attributes:
        inputs: the one input, a KerasTensor ``[batch, ...]``.

    Calling it on a tensor returns a dict of float32 tensors by output name.
    """

    def __init__(
        self,
        name: str,
        calls: Sequence[Call],
        source: Value,
        input_name: str,
        targets: Mapping[str, Value],
    ) -> None:
        # Whatever policy is set globally: the layers keep their own.
        super().__init__(name=name, dtype="float32")
        # Tracked, so that their weights are this model's weights.
        self.used_layers = list(
            dict.fromkeys(call.operation for call in calls if isinstance(call.operation, keras.Layer))
        )
        self.inputs = [keras.KerasTensor(source.shape, dtype="float32", name=input_name)]
        self._calls = tuple(calls)
        self._source = source
        self._targets = dict(targets)
        self.built = True

    def call(self, tensor: Any) -> dict[str, Any]:
        """Run the part of the graph."""
        results = replay(self._calls, {self._source: tensor}, list(self._targets.values()))
        return {
            name: keras.ops.cast(result, "float32")
            for name, result in zip(self._targets, results, strict=True)
        }
