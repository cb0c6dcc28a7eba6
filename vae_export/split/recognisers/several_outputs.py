"""A layer with weights of its own that returns mu, v and z at once."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from vae_export.split.example_inputs import random_array
from vae_export.split.graph import Call
from vae_export.split.probe import identify_outputs
from vae_export.split.recognisers.protocol import Search
from vae_export.split.region import known_noise_of, run_calls
from vae_export.split.sampling_site import SamplingSite, site_of

__all__ = ["SeveralOutputs"]

# Rows that are drawn, and the largest number of values of x in them.
OUTPUT_ROWS, FEWEST_OUTPUT_ROWS = 2048, 32
OUTPUT_VALUES = 1 << 22
WIDTHS = (1.0, 10.0, -100.0)

Array = np.ndarray[Any, Any]


class SeveralOutputs:
    """Measured on the layer's outputs: z against the others, over many x."""

    name = "a layer that returns mu, v and z"

    def recognise(self, search: Search, call: Call) -> SamplingSite | None:
        """Draw many rows, with known noise where the layer can be given it."""
        graph, run = search.graph, search.run
        if call not in run.random or len(call.outputs) < 3:
            return None
        rng = np.random.default_rng(0)
        # Large x need memory for every row.
        most = max(prod(size or 1 for size in value.shape[1:]) for value in graph.inputs)
        rows = max(FEWEST_OUTPUT_ROWS, min(OUTPUT_ROWS, OUTPUT_VALUES // most))
        arrays = {value: _widened(random_array(graph, value, rows, rng)) for value in graph.inputs}
        calls = graph.calls[: graph.calls.index(call) + 1]
        known = known_noise_of(calls, arrays, call.outputs, run.training)
        if known is None:
            epsilon, made = None, run_calls(calls, arrays, call.outputs, run.training)
        else:
            epsilon = rng.standard_normal(known.shape or ())
            made = known(list(arrays.values()), epsilon)
        drawn = dict(zip(call.outputs, made, strict=True))
        for z in run.random[call]:
            if epsilon is not None and epsilon.shape != drawn[z].shape:
                continue
            others = {
                value: array
                for value, array in drawn.items()
                if value not in run.random[call] and array.shape == drawn[z].shape
            }
            region = run.region([call], z)
            posterior = identify_outputs(drawn[z].astype(np.float64), others, region, epsilon)
            if posterior is not None:
                return site_of(region, posterior, call)
        return None


def _widened(array: Array) -> Array:
    """Rows of three sizes: real inputs may reach v that the layer clips."""
    if array.dtype.kind != "f":
        return array
    factors = np.resize(WIDTHS, len(array)).reshape(-1, *[1] * (array.ndim - 1))
    widened: Array = (array * factors).astype(array.dtype)
    return widened
