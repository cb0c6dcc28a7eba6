"""Lowering of .tflite graphs for XNNPACK, the delegate that all runtimes have.

A rule takes a graph and one of its operators, and returns operators that compute the same to rounding, or
None. ``tools/bench/lowering`` measures the gain of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vae_export.formats.tflite.passes.few_channels import lower_few_channels
from vae_export.formats.tflite.passes.graph import TfliteGraph
from vae_export.formats.tflite.passes.tile import lower_tile
from vae_export.formats.tflite.passes.transposed_convolution import lower_transposed_convolution

__all__ = ["lower_tflite"]

Rule = Callable[[TfliteGraph, Any, int], "list[Any] | None"]

_RULES: dict[str, Rule] = {
    "CONV_2D": lower_few_channels,
    "TILE": lower_tile,
    "TRANSPOSE_CONV": lower_transposed_convolution,
}
_SUM_LATER = {lower_few_channels}


def lower_tflite(model: Any, smallest_batch: int, *, for_integers: bool = False) -> None:
    """Rewrite a model with static shapes.

    Args:
        model: a `schema.ModelT`; changed in place.
        smallest_batch: the smallest batch size of its signatures. All are lowered alike, to share weights.
        for_integers: whether to leave out rules that lose precision with 8-bit activations, because they
            quantise products before the sum.
    """
    rules = {kind: rule for kind, rule in _RULES.items() if not (for_integers and rule in _SUM_LATER)}
    for subgraph in model.subgraphs:
        graph = TfliteGraph(model, subgraph)
        subgraph.operators = [
            lowered
            for operator in subgraph.operators
            for lowered in _lower(rules, graph, operator, smallest_batch)
        ]


def _lower(rules: Mapping[str, Rule], graph: TfliteGraph, operator: Any, smallest_batch: int) -> list[Any]:
    """Apply the rules to an operator, and to the resulting operators."""
    rule = rules.get(graph.kind(operator))
    made = rule(graph, operator, smallest_batch) if rule else None
    if made is None:
        return [operator]
    return [lowered for new in made for lowered in _lower(rules, graph, new, smallest_batch)]
