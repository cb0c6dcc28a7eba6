"""The nodes of an ONNX graph that hold nearly all of its numbers: those with weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from vae_export.formats.onnx.passes.graph import OnnxGraph

__all__ = ["ZERO_POINT", "EightBits", "Weighted", "eight_bits", "weighted_nodes"]

Array = np.ndarray[Any, Any]

# kind -> the axis of its weights along which the output channels lie.
_CHANNEL_AXES = {"MatMul": 1, "Gemm": 1, "Conv": 0, "ConvTranspose": 1}
# Symmetric: all channels have this zero point, as the integer kernels want it.
ZERO_POINT = 128
LEVELS = 127


@dataclass(frozen=True)
class Weighted:
    """A node that takes x first, then constant float32 weights, then, if it has one, a constant bias.

    Attributes:
        node: of the graph.
        weights: in the layout of its kind.
        axis: the axis of the weights along which the output channels lie.
        bias: ``[output channels]``, or None.
    """

    node: Any
    weights: Array
    axis: int
    bias: Array | None

    @property
    def name(self) -> str:
        """Of the tensor that it makes, by which it is known to the user."""
        return str(self.node.output[0])


@dataclass(frozen=True)
class EightBits:
    """Weights in integers: weights = scales * (values - 128), by channel.

    Attributes:
        values: uint8, shaped as the weights.
        scales: float32 ``[channels]``.
    """

    values: Array
    scales: Array


def weighted_nodes(graph: OnnxGraph) -> list[Weighted]:
    """The nodes with weights, in the order of the graph; those of the bodies of loops are none of them."""
    found = (_weighted(graph, node) for node in graph.graph.node)
    return [weighted for weighted in found if weighted is not None]


def eight_bits(weights: Array, axis: int, least: Array | float = 0.0) -> EightBits:
    """Weights to the nearest of 255 levels, by channel.

    Unsigned, as on x86 without VNNI the products of unsigned activations and signed weights are added in
    16 bits, which overflow without a word: a decoder of 36 dB was one of 24 dB there, and only there.

    Args:
        weights: float32.
        axis: of the channels.
        least: float32 ``[channels]``, the smallest scales; 0 for none.
    """
    others = tuple(other for other in range(weights.ndim) if other != axis)
    scales = np.maximum(np.abs(weights).max(axis=others) / np.float32(LEVELS), np.float32(least))
    # Of a channel of zeros, or of all but zeros.
    scales = np.where(scales < np.finfo(np.float32).tiny, np.float32(1), scales).astype(np.float32)
    along = scales.reshape([-1 if other == axis else 1 for other in range(weights.ndim)])
    values = np.clip(np.rint(weights / along), -LEVELS, LEVELS) + ZERO_POINT
    return EightBits(values.astype(np.uint8), scales)


def _weighted(graph: OnnxGraph, node: Any) -> Weighted | None:
    axis = _CHANNEL_AXES.get(node.op_type)
    if axis is None or node.domain not in ("", "ai.onnx"):
        return None
    weights = graph.constant(node.input[1])
    if weights is None or weights.dtype != np.float32 or not np.isfinite(weights).all():
        return None
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    if node.op_type == "MatMul" and weights.ndim != 2:
        return None
    if node.op_type == "Gemm":
        factors = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
        if factors != (1.0, 1.0) or attributes.get("transA", 0):
            return None
        axis = 0 if attributes.get("transB", 0) else 1
    if len(node.input) < 3 or not node.input[2]:
        return Weighted(node, weights, axis, None)
    bias = graph.constant(node.input[2])
    channels = weights.shape[axis]
    if node.op_type == "ConvTranspose":
        channels *= attributes.get("group", 1)
    if bias is None or bias.dtype != np.float32 or bias.size != channels:
        return None
    return Weighted(node, weights, axis, bias.reshape(-1))
