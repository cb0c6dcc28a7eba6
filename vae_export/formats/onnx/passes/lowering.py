"""The rules by which graphs of .onnx files are rewritten, so that less is left to do at run time.

Each takes a graph and one of its nodes, changes the graph if it knows how to, and says whether it has.
Results stay the same to rounding, and to the bit where values are only moved. Batches stay of any size.
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
    """Rewrite a model until no rule knows more.

    Args:
        model: an `onnx.ModelProto`; changed in place.
    """
    graph = OnnxGraph.of(model)
    while any(rule(graph, node) for node in model.graph.node for rule in _RULES):
        graph.refresh()
    graph.drop_unused()
