"""The nodes of an ONNX graph with weights, and 8-bit weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from vae_export.formats.onnx.passes.graph import OnnxGraph

__all__ = ["ZERO_POINT", "EightBits", "Weighted", "eight_bits", "weighted_nodes"]

Array = np.ndarray[Any, Any]

# kind -> the axis of its weights that is the output channels.
_CHANNEL_AXES = {"MatMul": 1, "Gemm": 1, "Conv": 0, "ConvTranspose": 1}
# Symmetric quantisation: the integer kernels need the same zero point for all channels.
ZERO_POINT = 128
LEVELS = 127


@dataclass(frozen=True)
class Weighted:
    """A node whose inputs are x, constant float32 weights and, optionally, a constant bias.

    Attributes:
        node: of the graph.
        weights: in the layout of the node's kind.
        axis: the axis of the weights that is the output channels.
        bias: ``[output channels]``, or None.
    """

    node: Any
    weights: Array
    axis: int
    bias: Array | None

    @property
    def name(self) -> str:
        """The name of its output, by which users name the node."""
        return str(self.node.output[0])


@dataclass(frozen=True)
class EightBits:
    """8-bit weights: weights = scales * (values - 128), by channel.

    Attributes:
        values: uint8, in the shape of the weights.
        scales: float32 ``[channels]``.
    """

    values: Array
    scales: Array


def weighted_nodes(graph: OnnxGraph) -> list[Weighted]:
    """The nodes with weights in graph order, without those in the bodies of loops and branches."""
    found = (_weighted(graph, node) for node in graph.graph.node)
    return [weighted for weighted in found if weighted is not None]


def eight_bits(weights: Array, axis: int, least: Array | float = 0.0) -> EightBits:
    """Round weights to the nearest of 255 levels, by channel.

    The levels are unsigned: on x86 without VNNI, products of unsigned activations and signed weights are
    summed in 16 bits, which saturate silently (24 dB instead of 36 for a decoder).

    Args:
        weights: float32.
        axis: of the output channels.
        least: float32 ``[channels]``, lower bounds of the scales; 0 for none.
    """
    others = tuple(other for other in range(weights.ndim) if other != axis)
    scales = np.maximum(np.abs(weights).max(axis=others) / np.float32(LEVELS), np.float32(least))
    # For a channel of zeros, or of subnormal values.
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
