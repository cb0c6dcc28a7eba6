"""Fold multiplications by constants and additions of constants into the weights of neighbouring layers.

Converters make them of BatchNormalization, Rescaling, Normalization and biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from vae_export.formats.onnx.operators import RESHAPING
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.passes.layers import linear_layer

__all__ = ["fold_into_layer_above", "fold_into_layer_below", "scale_before_offset"]

Array = np.ndarray[Any, Any]

# Offsets larger than this, in units of the scaled value, are not folded: x is near the offset, so x - offset
# is exact in float32, but the difference of two products is not.
_LARGEST_OFFSET = 8.0


@dataclass(frozen=True)
class _Constant:
    """A multiplication by a constant, or an addition of one.

    Attributes:
        node: the Mul, Div, Add or Sub.
        x: name of the other operand.
        values: the factor or the summand.
        scales: whether it is a factor.
    """

    node: Any
    x: str
    values: Array
    scales: bool


def _constant(graph: OnnxGraph, node: Any | None) -> _Constant | None:
    if node is None or node.op_type not in ("Add", "Div", "Mul", "Sub"):
        return None
    x, other = node.input
    values = graph.constant(other)
    if values is None and node.op_type in ("Add", "Mul"):
        x, values = other, graph.constant(x)
    if values is None or values.dtype != np.float32:
        return None
    if node.op_type == "Sub":
        values = -values
    if node.op_type == "Div":
        with np.errstate(divide="ignore"):
            values = np.float32(1) / values
    return _Constant(node, x, values, node.op_type in ("Div", "Mul")) if np.isfinite(values).all() else None


def scale_before_offset(graph: OnnxGraph, node: Any) -> bool:
    """(x + b) * c becomes x * c + b * c, and (x + b) + c becomes x + (b + c)."""
    outer = _constant(graph, node)
    inner = _constant(graph, graph.maker(outer.x)) if outer else None
    if outer is None or inner is None or inner.scales:
        return False
    if not outer.scales:
        _become(graph, outer.node, "Add", inner.x, inner.values + outer.values)
        graph.graph.node.remove(inner.node)
        return True
    offset = inner.values * outer.values
    if np.abs(offset).max() > _LARGEST_OFFSET:
        return False
    _become(graph, inner.node, "Mul", inner.x, outer.values)
    _become(graph, outer.node, "Add", outer.x, offset)
    return True


def fold_into_layer_above(graph: OnnxGraph, node: Any) -> bool:
    """Fold a constant after a layer into its weights or bias."""
    constant = _constant(graph, node)
    layer = linear_layer(graph, graph.maker(constant.x)) if constant else None
    if constant is None or layer is None:
        return False
    values = layer.channels_of(constant.values, layer.outputs)
    # MatMul has no bias; runtimes fuse it with an addition.
    if values is None or (layer.kind == "MatMul" and not constant.scales):
        return False
    if constant.scales:
        layer.set_weights(graph, layer.weights * layer.along_outputs(values))
        if layer.bias is not None:
            layer.set_bias(graph, layer.bias * values)
    else:
        layer.set_bias(graph, values if layer.bias is None else layer.bias + values)
    graph.replace(node, constant.x)
    return True


def fold_into_layer_below(graph: OnnxGraph, node: Any) -> bool:
    """Fold a constant before a layer into its weights or bias.

    Between them may be nodes that reshape, for a constant of one value, or a Transpose, for one value a
    channel.
    """
    layer = linear_layer(graph, node)
    if layer is None:
        return False
    between = []
    above = graph.maker(node.input[0])
    while above is not None and above.op_type in RESHAPING:
        between.append(above)
        above = graph.maker(above.input[0])
    constant = _constant(graph, above)
    seen = _seen_below(constant.values, between[::-1]) if constant else None
    values = layer.channels_of(seen, layer.inputs) if seen is not None else None
    if constant is None or values is None:
        return False
    if constant.scales:
        layer.set_weights(graph, layer.weights * layer.along_inputs(values))
    else:
        spatial = tuple(range(2, layer.weights.ndim))
        moved = (layer.weights * layer.along_inputs(values)).sum(axis=spatial)
        # The offset is not added to padding, nor in full at the borders of a transposed convolution.
        if layer.kind == "ConvTranspose" or layer.is_padded() or np.abs(values).max() > _LARGEST_OFFSET:
            return False
        if layer.kind == "Conv":
            moved = moved.sum(axis=1)
            layer.set_bias(graph, moved if layer.bias is None else layer.bias + moved)
        else:
            _add_after(graph, node, moved.sum(axis=0))
    (user,) = graph.users(constant.node.output[0])
    user.input[0] = constant.x
    graph.graph.node.remove(constant.node)
    return True


def _seen_below(values: Array, nodes: list[Any]) -> Array | None:
    """A constant that broadcasts over a tensor, in the shape in which it broadcasts after some nodes."""
    for node in nodes:
        if values.size == 1:
            break
        order = [helper.get_attribute_value(entry) for entry in node.attribute if entry.name == "perm"]
        if node.op_type != "Transpose" or not order:
            return None
        values = values.reshape((1,) * (len(order[0]) - values.ndim) + values.shape).transpose(order[0])
    return values


def _become(graph: OnnxGraph, node: Any, kind: str, x: str, values: Array) -> None:
    node.op_type = kind
    del node.input[:]
    node.input.extend([x, graph.add_constant(values.astype(np.float32))])


def _add_after(graph: OnnxGraph, node: Any, values: Array) -> None:
    """Add a constant to the output of a node."""
    output = node.output[0]
    node.output[0] = f"{output}_without_offset"
    constant = graph.add_constant(values.astype(np.float32))
    graph.graph.node.append(helper.make_node("Add", [node.output[0], constant], [output]))
