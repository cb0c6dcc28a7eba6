"""Layers with weights in ONNX graphs: MatMul, Conv and ConvTranspose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from vae_export.formats.onnx.passes.graph import OnnxGraph

__all__ = ["LinearLayer", "linear_layer"]

Array = np.ndarray[Any, Any]

# kind -> axes of its weights: input channels, output channels.
_AXES = {"MatMul": (0, 1), "Conv": (1, 0), "ConvTranspose": (0, 1)}


@dataclass(frozen=True)
class LinearLayer:
    """A layer with constant weights.

    Attributes:
        node: the node; its first input is x.
        weights: in the layout of the node's kind.
        bias: ``[output channels]``, or None.
    """

    node: Any
    weights: Array
    bias: Array | None

    @property
    def kind(self) -> str:
        """The operator's name."""
        return str(self.node.op_type)

    @property
    def inputs(self) -> int:
        """Input channels."""
        return int(self.weights.shape[_AXES[self.kind][0]])

    @property
    def outputs(self) -> int:
        """Output channels."""
        return int(self.weights.shape[_AXES[self.kind][1]])

    def along_inputs(self, values: Array) -> Array:
        """``[input channels]``, shaped so that it broadcasts over the weights."""
        return self._along(_AXES[self.kind][0], values)

    def along_outputs(self, values: Array) -> Array:
        """``[output channels]``, shaped so that it broadcasts over the weights."""
        return self._along(_AXES[self.kind][1], values)

    def _along(self, axis: int, values: Array) -> Array:
        return values.reshape([-1 if i == axis else 1 for i in range(self.weights.ndim)])

    def channels_of(self, values: Array, count: int) -> Array | None:
        """A constant added to the layer's input or output, as one value for each channel.

        Args:
            values: the constant in its shape in the graph.
            count: number of channels.

        Returns:
            ``[count]``, or None if the constant differs within a channel.
        """
        if values.size == 1:
            return np.full(count, values.reshape(()), np.float32)
        trailing = 0 if self.kind == "MatMul" else self.weights.ndim - 2
        if (
            values.size != count
            or values.ndim <= trailing
            or values.shape[values.ndim - 1 - trailing] != count
        ):
            return None
        return values.reshape(count)

    def is_padded(self) -> bool:
        """Whether the input is padded."""
        attributes = {entry.name: helper.get_attribute_value(entry) for entry in self.node.attribute}
        automatic = attributes.get("auto_pad", b"NOTSET")
        return any(attributes.get("pads", ())) or automatic not in (b"NOTSET", b"VALID")

    def set_weights(self, graph: OnnxGraph, values: Array) -> None:
        """Replace the weights."""
        self.node.input[1] = graph.add_constant(values.astype(np.float32))

    def set_bias(self, graph: OnnxGraph, values: Array) -> None:
        """Replace or add the bias; not for MatMul, which has none."""
        del self.node.input[2:]
        self.node.input.append(graph.add_constant(values.astype(np.float32)))


def linear_layer(graph: OnnxGraph, node: Any | None) -> LinearLayer | None:
    """The layer of a node; None if it is no ungrouped float32 layer with constant weights."""
    if node is None or node.op_type not in _AXES:
        return None
    weights = graph.constant(node.input[1])
    groups = [helper.get_attribute_value(entry) for entry in node.attribute if entry.name == "group"]
    if weights is None or weights.dtype != np.float32 or groups not in ([], [1]):
        return None
    if node.op_type == "MatMul":
        return LinearLayer(node, weights, None) if weights.ndim == 2 else None
    bias = graph.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    if bias is None and len(node.input) > 2 and node.input[2]:
        return None
    return LinearLayer(node, weights, bias)
