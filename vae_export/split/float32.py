"""Compute a model in float32, whatever precision it was trained in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

__all__ = ["computing_in_float32"]

_OTHERS = ("float16", "bfloat16", "float64")


@contextlib.contextmanager
def computing_in_float32(*models: Any) -> Iterator[None]:
    """Let the layers of models compute in float32 while the body runs.

    Mixed precision keeps its weights in float32 and computes in half, for the sake of accelerators; others
    train in float64. The converters get neither past the runtimes, and a comparison to 1e-5 needs float32.
    """
    layers = [layer for model in models for layer in model._flatten_layers()]
    changed = [
        layer
        for layer in dict.fromkeys(layers)
        if {layer.compute_dtype, layer.variable_dtype} != {"float32"}
        and keras.backend.is_float_dtype(layer.compute_dtype)
    ]
    before = [layer.dtype_policy for layer in changed]
    # Older Keras writes its casts to half precision into the graph.
    operations = {op for layer in layers for op in getattr(layer, "operations", [])}
    casts = [(op, op.dtype) for op in operations if type(op).__name__ == "Cast" and op.dtype in _OTHERS]
    try:
        for layer in changed:
            layer.dtype_policy = _float32_policy(layer.variable_dtype)
        for cast, _ in casts:
            cast.dtype = "float32"
        yield
    finally:
        for layer, policy in zip(changed, before, strict=True):
            layer.dtype_policy = policy
        for cast, dtype in casts:
            cast.dtype = dtype


def _float32_policy(variable_dtype: str) -> Any:
    """Weights as they are, cast to float32 where they are used."""
    # No policy of Keras' own computes in less than it keeps, but for the mixed ones.
    policy = keras.DTypePolicy("mixed_float16")
    policy._variable_dtype = variable_dtype
    policy._compute_dtype = "float32"
    return policy
