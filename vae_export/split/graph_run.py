"""A graph run on identical rows: outputs that differ across rows are random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from vae_export.errors import ModelError
from vae_export.split.example_inputs import random_array
from vae_export.split.graph import Call, Graph, Value
from vae_export.split.region import Region, is_keras_own, repeated, run_calls
from vae_export.split.stand_in import is_inert

__all__ = ["GraphRun", "run_graph"]

Array = np.ndarray[Any, Any]

# Rows of the pass that finds random calls, and the smallest difference that counts, relative to the largest
# value: vector units round the last values of an array differently.
ROWS = 8
NOISE_FLOOR = 1e-5


@dataclass(frozen=True)
class GraphRun:
    """The values of a graph on example inputs.

    Attributes:
        recorded: one row of every value.
        examples: several rows of every value, of different x.
        random: the random outputs of the calls that have any.
        training: the argument `training` of layers that have it.
    """

    recorded: Mapping[Value, Array]
    examples: Mapping[Value, Array]
    random: Mapping[Call, list[Value]]
    training: bool

    def region(self, calls: Sequence[Call], z: Value) -> Region:
        """The region of calls that make z, to be probed."""
        return Region(tuple(calls), z, self.recorded, self.examples, self.training)


def run_graph(graph: Graph, training: bool) -> GraphRun:
    """Run a graph on identical rows, then on different ones.

    The calls after a random one get the first row of its output alone, so that each call is tested by itself.

    Raises:
        ModelError: a layer cannot be run.
    """
    rng = np.random.default_rng(0)
    recorded = {value: random_array(graph, value, 1, rng) for value in graph.inputs}
    random = {}
    for call in graph.calls:
        given = {value: repeated(recorded[value], ROWS) for value in set(call.inputs)}
        try:
            made = again = run_calls([call], given, call.outputs, training)
        except ModelError as error:
            if "ncompatible shapes" not in str(error):
                raise
            raise ModelError(
                f"{error} (on a batch of {ROWS}); noise for a fixed batch has to follow keras.ops.shape(mu)"
            ) from error
        if _may_draw(call) and not _is_deterministic(call.operation):
            # Noise that all rows share differs from call to call.
            again = run_calls([call], given, call.outputs, training, times=2)
        differing = [
            value
            for value, one, other in zip(call.outputs, made, again, strict=True)
            if (one.ndim and _differs(one[:1], one)) or _differs(one, other)
        ]
        if differing and _may_draw(call):
            random[call] = differing
        rows = (array[:1] if array.ndim else array for array in made)
        recorded.update(zip(call.outputs, rows, strict=True))
    different = {value: random_array(graph, value, ROWS, rng) for value in graph.inputs}
    values = [value for call in graph.calls for value in call.outputs]
    made = run_calls(graph.calls, different, values, training)
    examples = {**different, **dict(zip(values, made, strict=True))}
    return GraphRun(recorded, examples, random, training)


def _is_deterministic(operation: Any) -> bool:
    """Whether Keras' own code is all there is: noise that it draws differs from row to row."""
    return is_keras_own(operation) and not isinstance(operation, keras.layers.Lambda)


def _may_draw(call: Call) -> bool:
    return isinstance(call.operation, keras.Layer) and not is_inert(call.operation)


def _differs(one: Array, other: Array) -> bool:
    if not np.issubdtype(one.dtype, np.floating):
        return bool((one != other).any())
    scale = np.abs(other[np.isfinite(other)]).max(initial=0.0)
    return bool((np.abs(one - other) > NOISE_FLOOR * scale).any())
