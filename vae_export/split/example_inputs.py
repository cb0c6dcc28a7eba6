"""Example inputs of a model: random floats, and integers within the range of its embeddings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from vae_export.errors import ModelError
from vae_export.split.graph import Graph, Value

__all__ = ["integer_limit", "random_array"]

Array = np.ndarray[Any, Any]


def random_array(graph: Graph, value: Value, rows: int, rng: np.random.Generator) -> Array:
    """Values for an input: ``[rows, ...]``, floats in [0, 1), integers from 0 below `integer_limit`.

    Raises:
        ModelError: the input has unknown sizes, or a dtype that no artifact can take.
    """
    sizes = [size for size in value.shape[1:] if size is not None]
    shape = (rows, *sizes)
    if len(shape) != len(value.shape):
        raise ModelError(
            f"input {value.name!r} has shape {value.shape}, expected known sizes after the batch; give "
            "--input-shape, or keras.Input a full shape"
        )
    if value.dtype.startswith(("float", "bfloat")):
        return rng.random(shape, np.float32)
    if value.dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if value.dtype.startswith(("int", "uint")):
        return rng.integers(0, integer_limit(graph, value), shape).astype(value.dtype)
    raise ModelError(f"input {value.name!r} has dtype {value.dtype}, expected floats, integers or bool")


def integer_limit(graph: Graph, value: Value) -> int:
    """Exclusive upper bound of an integer input, from the look-up layers that use it; else 256 (uint8) or 2.

    uint8 is taken for pictures; of other integers only 0 and 1 are safe.
    """
    known = {value}
    limits = []
    for call in graph.calls:
        if known.isdisjoint(call.inputs):
            continue
        for attribute in ("input_dim", "num_tokens", "num_classes"):
            size = getattr(call.operation, attribute, None)
            if isinstance(size, int):
                limits.append(size)
        # Data-movement layers keep the integers.
        if isinstance(call.operation, (keras.layers.Reshape, keras.layers.Flatten, keras.layers.Masking)):
            known.update(call.outputs)
    return min(limits) if limits else 256 if value.dtype == "uint8" else 2
