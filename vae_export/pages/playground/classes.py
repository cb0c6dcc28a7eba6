"""The number of classes of an integer input, read from the graph."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import numpy_helper

from vae_export.formats.onnx.operators import CLASS_PRESERVING

__all__ = ["count_classes"]

# The arithmetic by which Keras lets negative integers count from the end.
_WRAPPERS = ("Add", "Less", "Mul", "Not", "Where")
# Operators between a table and its look-up.
_DECODERS = ("Cast", "DequantizeLinear", "Identity")


def count_classes(data: bytes, name: str) -> int | None:
    """The rows of the table that an input looks up (an embedding), or the depth of its one-hot encoding.

    Args:
        data: an .onnx file.
        name: name of an integer input.

    Returns:
        The smallest number over its consumers; None if no consumer has one.
    """
    graph = onnx.load_from_string(data).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    counts: list[int] = []
    waiting = [name]
    for tensor in waiting:
        for node in graph.node:
            if tensor not in node.input:
                continue
            if node.op_type in (*CLASS_PRESERVING, *_WRAPPERS):
                waiting.extend(name for name in node.output if name not in waiting)
            elif node.op_type == "Gather" and node.input[1] == tensor:
                table = _stored(node.input[0], stored, makers)
                axis = next((item.i for item in node.attribute if item.name == "axis"), 0)
                counts += [table.dims[axis]] if table is not None else []
            elif node.op_type == "OneHot" and node.input[0] == tensor:
                depth = _stored(node.input[1], stored, makers)
                counts += [int(numpy_helper.to_array(depth).item())] if depth is not None else []
    return min(counts, default=None)


def _stored(name: str, stored: dict[str, Any], makers: dict[str, Any]) -> Any | None:
    while name not in stored and name in makers and makers[name].op_type in _DECODERS:
        name = makers[name].input[0]
    return stored.get(name)
