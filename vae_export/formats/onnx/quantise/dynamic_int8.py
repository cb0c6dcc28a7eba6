"""ONNX files with 8-bit weights, whose activations are quantised at run time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from vae_export.core.artifact import Artifact
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.quantise.nodes import NewNodes
from vae_export.formats.onnx.quantise.steps import Work, quantise_by
from vae_export.formats.onnx.quantise.weighted import ZERO_POINT, Weighted, eight_bits

__all__ = ["quantise_dynamically", "recipe"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

_LABEL = "weights uint8, per channel, long rows by DynamicQuantizeLinear and MatMulInteger"

# Shorter rows are multiplied in float: quantising them takes longer than integers save. z is such a row, and
# in 8 bits it alone cost a decoder 5 dB of 56.
_SHORTEST_ROW = 64


def quantise_dynamically(graph: OnnxGraph, chosen: Sequence[Weighted]) -> None:
    """Store weights in 8 bits, and multiply long rows with them in integers.

    An activation is quantised by the range of its whole batch, so the result for a row depends a little
    on the other rows.

    Args:
        graph: changed in place.
        chosen: the nodes to quantise.
    """
    new = NewNodes(graph)
    for weighted in chosen:
        dense = weighted.node.op_type in ("MatMul", "Gemm")
        if dense and weighted.weights.shape[1 - weighted.axis] >= _SHORTEST_ROW:
            _multiply_in_integers(graph, new, weighted)
        else:
            _store_weights(new, weighted)
    graph.drop_unused()


def _multiply_in_integers(graph: OnnxGraph, new: NewNodes, weighted: Weighted) -> None:
    node = weighted.node
    # Gemm's may be transposed.
    weights = eight_bits(np.moveaxis(weighted.weights, weighted.axis, 1), axis=1)
    zero_point = new.constant(np.array(ZERO_POINT, np.uint8))
    x, scale, x_zero_point = new.add_all("DynamicQuantizeLinear", node.input[0], outputs=3)
    product = new.add("MatMulInteger", x, new.constant(weights.values), x_zero_point, zero_point)
    scales = new.add("Mul", scale, new.constant(weights.scales))
    scaled = [new.add("Cast", product, to=TensorProto.FLOAT), scales]
    if weighted.bias is None:
        inputs, kind = scaled, "Mul"
    else:
        inputs, kind = [new.add("Mul", *scaled), new.constant(weighted.bias)], "Add"
    node.op_type = kind
    del node.attribute[:]
    node.input[:] = inputs


def _store_weights(new: NewNodes, weighted: Weighted) -> None:
    """Compute float32 weights from 8-bit ones with nodes that runtimes fold at load time.

    DequantizeLinear would run at each inference, and ConvInteger is 2 to 4 times slower than Conv.
    """
    weights = eight_bits(weighted.weights, weighted.axis)
    along = [-1 if axis == weighted.axis else 1 for axis in range(weights.values.ndim)]
    levels = new.add("Cast", new.constant(weights.values), to=TensorProto.FLOAT)
    centred = new.add("Sub", levels, new.constant(np.array(ZERO_POINT, np.float32)))
    weighted.node.input[1] = new.add("Mul", centred, new.constant(weights.scales.reshape(along)))


def recipe(
    source: Artifact, rows: Arrays, *, integer_io: bool = False, keep_float: Collection[str] = ()
) -> Artifact:
    """The precision; see `formats.protocol.QuantisationRecipe`. Inputs and outputs stay float32."""
    return quantise_by(_apply, source, rows, precision="dynamic-int8", label=_LABEL, keep_float=keep_float)


def _apply(work: Work) -> None:
    work.need_chosen()
    quantise_dynamically(work.graph, work.chosen)
