"""Run a model in float32, whatever precision it was trained in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from vae_export.private.keras import layers_of, policy_computing_in

__all__ = ["computing_in_float32"]

_OTHERS = ("float16", "bfloat16", "float64")


@contextlib.contextmanager
def computing_in_float32(*models: Any) -> Iterator[None]:
    """Let the layers of models compute in float32 while the body runs.

    Mixed precision keeps weights in float32 and computes in float16, for accelerators; some models train in
    float64. The runtimes take neither from the converters, and parity within 1e-5 needs float32.
    """
    layers = [layer for model in models for layer in layers_of(model)]
    changed = [
        layer
        for layer in dict.fromkeys(layers)
        if {layer.compute_dtype, layer.variable_dtype} != {"float32"}
        and keras.backend.is_float_dtype(layer.compute_dtype)
    ]
    before = [layer.dtype_policy for layer in changed]
    # Keras 3.12 writes its casts to float16 into the graph.
    operations = {op for layer in layers for op in getattr(layer, "operations", [])}
    casts = [(op, op.dtype) for op in operations if type(op).__name__ == "Cast" and op.dtype in _OTHERS]
    try:
        for layer in changed:
            layer.dtype_policy = policy_computing_in("float32", layer.variable_dtype)
        for cast, _ in casts:
            cast.dtype = "float32"
        yield
    finally:
        for layer, policy in zip(changed, before, strict=True):
            layer.dtype_policy = policy
        for cast, dtype in casts:
            cast.dtype = dtype
