"""Fix the sizes that a model leaves open."""

from __future__ import annotations

import numpy as np

from vae_export.errors import InputError, ModelError, one_line
from vae_export.split.example_inputs import random_array
from vae_export.split.graph import Graph, Value, resized
from vae_export.split.region import run_calls

__all__ = ["with_x_shape"]


def with_x_shape(graph: Graph, shape: tuple[int, ...] | None, where: str) -> Graph:
    """The graph with all sizes that follow from the shape of one x.

    Args:
        graph: flat.
        shape: of one x, or None to leave the graph as it is.
        where: what messages call the model.

    Raises:
        InputError: no input leaves sizes open, or the shape contradicts it.
        ModelError: a layer does not take this shape.
    """
    if shape is None:
        return graph
    fitting = [
        value
        for value in graph.inputs
        if len(value.shape) == len(shape) + 1
        and all(size in (None, given) for size, given in zip(value.shape[1:], shape, strict=True))
    ]
    if len(fitting) != 1:
        got = ", ".join(f"{value.name!r} {value.shape}" for value in graph.inputs)
        raise InputError(
            f"input shape: got {', '.join(map(str, shape))}, expected one that fits one of the inputs: {got}"
        )
    (x,) = fitting
    graph = resized(graph, {x: (None, *shape)})
    rng = np.random.default_rng(0)
    arrays = {value: random_array(graph, value, 1, rng) for value in graph.inputs}
    sizes: dict[Value, tuple[int | None, ...]] = {}
    for call in graph.calls:
        try:
            made = run_calls([call], {value: arrays[value] for value in call.inputs}, call.outputs, False)
        # Keras raises many types for shapes that do not fit.
        except Exception as error:
            raise ModelError(
                f"{where}: layer {call.path!r} does not take the input shape {', '.join(map(str, shape))} "
                f"({one_line(error)})"
            ) from error
        arrays.update(zip(call.outputs, made, strict=True))
        sizes.update((value, (None, *arrays[value].shape[1:])) for value in call.outputs)
    return resized(graph, sizes)
