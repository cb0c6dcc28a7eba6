"""Lower TILE, which nearest-neighbour upsampling needs and XNNPACK lacks, to CONCATENATION."""

from __future__ import annotations

from typing import Any

from vae_export.formats.tflite.passes.graph import MOST_CONCATENATED, TfliteGraph

__all__ = ["lower_tile"]


def lower_tile(graph: TfliteGraph, operator: Any, _: int) -> list[Any] | None:
    """Lower a float32 TILE with few repetitions along one axis; None to keep it.

    Args:
        graph: the subgraph of the operator; tensors are added.
        operator: the TILE.
    """
    x, multiples = (int(tensor) for tensor in operator.inputs)
    (output,) = (int(tensor) for tensor in operator.outputs)
    times = graph.constant(multiples)
    if times is None or not graph.is_float(x):
        return None
    axes = [axis for axis, count in enumerate(times) if count != 1]
    if len(axes) != 1 or times[axes[0]] > MOST_CONCATENATED:
        return None
    return graph.concatenation([x] * int(times[axes[0]]), axes[0], output)
