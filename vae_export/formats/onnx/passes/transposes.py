"""Fold transposes between NHWC and NCHW next to a reshape into the weights of the MatMul on its other side.

Keras flattens [height, width, channels]; ONNX convolutions have [channels, height, width]. With the rows or
columns of the weights in that order nothing is moved at run time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from onnx import helper

from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.passes.layers import linear_layer

__all__ = ["fold_transpose_above_flattening", "fold_transpose_below_unflattening"]

Array = np.ndarray[Any, Any]

# Elementwise functions of one input.
_ELEMENTWISE = {
    "Celu",
    "Clip",
    "Elu",
    "Erf",
    "Exp",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Relu",
    "Selu",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
}


def fold_transpose_above_flattening(graph: OnnxGraph, node: Any) -> bool:
    """Transpose, Reshape to rows, MatMuls: permute the rows of their weights and drop the Transpose.

    Args:
        graph: changed in place.
        node: the Transpose.
    """
    order = _order(node)
    if order is None:
        return False
    reshape = graph.only_user(node.output[0])
    sizes = [size for size in graph.shape(node.input[0])[1:] if size]
    if len(sizes) != len(order) or reshape is None or reshape.op_type != "Reshape":
        return False
    count = math.prod(sizes)
    flat = graph.constant(reshape.input[1])
    if flat is None or len(flat) != 2 or flat[1] not in (-1, count):
        return False
    rows = reshape.output[0]
    users = graph.users(rows)
    layers = [
        layer
        for layer in (linear_layer(graph, user) for user in users)
        if layer is not None and (layer.kind, layer.inputs, layer.node.input[0]) == ("MatMul", count, rows)
    ]
    if not users or len(layers) != len(users):
        return False
    # Position in the transposed row of each value of the original one.
    transposed = np.arange(count).reshape([sizes[axis] for axis in order])
    positions = transposed.transpose(np.argsort(order)).reshape(-1)
    for layer in layers:
        layer.set_weights(graph, layer.weights[positions])
    reshape.input[0] = node.input[0]
    graph.graph.node.remove(node)
    return True


def fold_transpose_below_unflattening(graph: OnnxGraph, node: Any) -> bool:
    """MatMul, elementwise nodes, Reshape to [n, height, width, channels], Transpose: permute the columns.

    Args:
        graph: changed in place.
        node: the Transpose.
    """
    order = _order(node)
    reshape = graph.maker(node.input[0]) if order is not None else None
    if order is None or reshape is None or reshape.op_type != "Reshape":
        return False
    shape = graph.constant(reshape.input[1])
    if shape is None or len(shape) != len(order) + 1 or min(shape[1:]) < 1:
        return False
    count = math.prod(int(size) for size in shape[1:])
    constants = []
    above = graph.maker(reshape.input[0])
    while above is not None and above.op_type in {"Add", "Mul", *_ELEMENTWISE}:
        if above.op_type in ("Add", "Mul"):
            values = graph.constant(above.input[1])
            if values is None or values.size not in (1, count) or values.shape[-1:] != (values.size,):
                return False
            constants.append((above, values))
        above = graph.maker(above.input[0])
    layer = linear_layer(graph, above)
    if layer is None or layer.kind != "MatMul" or layer.outputs != count:
        return False
    positions = np.arange(count).reshape(shape[1:]).transpose(order).reshape(-1)
    layer.set_weights(graph, layer.weights[:, positions])
    for user, values in constants:
        if values.size == count:
            user.input[1] = graph.add_constant(values.reshape(-1)[positions].reshape(values.shape))
    sizes = [shape[0], *(shape[1:][axis] for axis in order)]
    reshape.input[1] = graph.add_constant(np.array(sizes, np.int64))
    graph.replace(node, node.input[0])
    return True


def _order(node: Any) -> list[int] | None:
    """The permutation of a Transpose without the batch axis; None if it moves that, or is no Transpose."""
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    if node.op_type != "Transpose" or attributes.get("perm", [1])[0] != 0:
        return None
    return [axis - 1 for axis in attributes["perm"][1:]]
