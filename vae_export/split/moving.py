"""Run layers with weights and values moved within rounding: `core.rounding` for Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from vae_export.core.rounding import moved
from vae_export.split.graph import Call, Value, replay

__all__ = ["mover", "replay_moved", "weights_moved"]

_MOVED = ("float32", "float64")


def mover(rng: np.random.Generator) -> Callable[[Any], Any]:
    """The function that moves a tensor, in eager mode; its dtype stays, and integers stay as they are."""

    def move(tensor: Any) -> Any:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if dtype not in _MOVED:
            return tensor
        return keras.ops.convert_to_tensor(moved(keras.ops.convert_to_numpy(tensor), rng), dtype)

    return move


def replay_moved(
    calls: Sequence[Call],
    tensors: Mapping[Value, Any],
    targets: Sequence[Value],
    move: Callable[[Any], Any],
) -> list[Any]:
    """`replay`, with given tensors and the results of each call moved."""
    made = {value: move(tensor) for value, tensor in tensors.items()}
    for call in calls:
        results = replay([call], made, call.outputs)
        made.update(zip(call.outputs, map(move, results), strict=True))
    return [made[target] for target in targets]


@contextmanager
def weights_moved(variables: Iterable[Any], rng: np.random.Generator) -> Iterator[None]:
    """Move floating variables while the body runs; afterwards they have the bits that they had.

    Those that are not float32 have values between the steps of float32, which artifacts round to: they are
    moved by as much.
    """
    chosen = {
        id(variable): variable
        for variable in variables
        if keras.backend.standardize_dtype(variable.dtype) in _MOVED
    }
    before = [(variable, keras.ops.convert_to_numpy(variable)) for variable in chosen.values()]
    try:
        for variable, value in before:
            variable.assign(moved(value, rng))
        yield
    finally:
        for variable, value in before:
            variable.assign(value)
