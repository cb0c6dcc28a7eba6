"""The rules by which graphs of .tflite files are rewritten for XNNPACK, the delegate that all runtimes have.

Each is a function of a graph and one of its operators, to the operators that compute the same to rounding, or
None. What they are worth is measured by ``tools/bench/lowering``.
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
        smallest_batch: of its signatures. All of them are rewritten alike, so that they share weights.
        for_integers: leave out what loses precision where activations are 8-bit integers: products that are
            quantised before they are summed.
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
    """What a rule makes of an operator, and other rules of that."""
    rule = rules.get(graph.kind(operator))
    made = rule(graph, operator, smallest_batch) if rule else None
    if made is None:
        return [operator]
    return [lowered for new in made for lowered in _lower(rules, graph, new, smallest_batch)]
