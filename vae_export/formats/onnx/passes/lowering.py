"""Lowering of .onnx graphs: rules that rewrite them, for less work at run time.

A rule takes a graph and one of its nodes, and returns whether it changed the graph. Results stay equal to
rounding, and to the bit where values are only moved. The batch size stays free.
"""

from __future__ import annotations

from typing import Any

from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.passes.scales_and_offsets import (
    fold_into_layer_above,
    fold_into_layer_below,
    scale_before_offset,
)
from vae_export.formats.onnx.passes.transposes import (
    fold_transpose_above_flattening,
    fold_transpose_below_unflattening,
)

__all__ = ["lower_onnx"]

_RULES = (
    fold_transpose_above_flattening,
    fold_transpose_below_unflattening,
    fold_into_layer_above,
    fold_into_layer_below,
    scale_before_offset,
)


def lower_onnx(model: Any) -> None:
    """Apply the rules to a model until none changes it.

    Args:
        model: an `onnx.ModelProto`; changed in place.
    """
    graph = OnnxGraph.of(model)
    while any(rule(graph, node) for node in model.graph.node for rule in _RULES):
        graph.refresh()
    graph.drop_unused()
