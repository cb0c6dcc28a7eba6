"""A region: calls of a graph that make z, run on chosen values."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from vae_export.split.graph import Call, Value, replay
from vae_export.split.known_noise import KnownNoise

__all__ = ["Region", "is_keras_own", "known_noise_of", "repeated", "run_calls", "variables_restored"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Region:
    """Calls between deterministic tensors and z.

    Attributes:
        calls: in running order.
        z: the value that they make.
        recorded: one row ``[1, ...]`` of every value, as the model computes it.
        examples: several rows, of different x.
        training: the argument `training` of layers that have it.
    """

    calls: tuple[Call, ...]
    z: Value
    recorded: Mapping[Value, Array]
    examples: Mapping[Value, Array]
    training: bool

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values that the calls take from outside, in the order of their use."""
        made = {value for call in self.calls for value in call.outputs}
        used = (value for call in self.calls for value in call.inputs)
        return tuple(dict.fromkeys(value for value in used if value not in made))

    @property
    def z_shape(self) -> tuple[int, ...]:
        """Shape of one z."""
        return tuple(self.recorded[self.z].shape[1:])

    def draw(self, given: Mapping[Value, Array], rows: int) -> Array:
        """z ``[rows, ...]``, float64; tensors not given take their recorded row. Restores all variables."""
        tensors = self._tensors(given, rows)
        return run_calls(self.calls, tensors, [self.z], self.training)[0].astype(np.float64)

    def draws_other_noise(self) -> bool:
        """Whether the region draws noise that is not normal, as far as TensorFlow's graph shows."""
        return _traced(self.calls, self._tensors({}, 2), [self.z], self.training).others > 0

    def draw_at(self, given: Mapping[Value, Array], rows: int, epsilon: float | Array) -> Array | None:
        """z with the noise set to `epsilon`; None unless the noise is one draw from N(0, 1) of z's shape."""
        tensors = self._tensors(given, rows)
        known = known_noise_of(self.calls, tensors, [self.z], self.training)
        if known is None or known.shape != (rows, *self.z_shape):
            return None
        (z,) = known(list(tensors.values()), np.broadcast_to(epsilon, known.shape))
        return z.astype(np.float64)

    def others(self, rows: int, *known: Value) -> dict[Value, Array]:
        """Rows of the inputs that are not `known`, as the model computes them on different x."""
        examples = {value: self.examples[value] for value in self.inputs if value not in known}
        return {
            value: array[np.arange(rows) % len(array)] if array.ndim else array
            for value, array in examples.items()
        }

    def _tensors(self, given: Mapping[Value, Array], rows: int) -> dict[Value, Array]:
        arrays = {
            value: given[value] if value in given else repeated(self.recorded[value], rows)
            for value in self.inputs
        }
        return {value: array.astype(self.recorded[value].dtype) for value, array in arrays.items()}


def is_keras_own(operation: Any) -> bool:
    """Whether an operation is one of Keras' own layers or operations."""
    return type(operation).__module__.split(".")[0] == "keras"


def repeated(row: Array, rows: int) -> Array:
    """Repeat a row ``[1, ...]`` along the batch; a scalar stays as it is."""
    return np.repeat(row, rows, axis=0) if row.ndim else row


def run_calls(
    calls: Sequence[Call],
    arrays: Mapping[Value, Array],
    targets: Sequence[Value],
    training: bool,
    times: int = 1,
) -> list[Array]:
    """Run calls on arrays, and leave the variables of their layers as they were.

    With `times`, run that often and return the last results.
    """
    tensors = {value: keras.ops.convert_to_tensor(array, array.dtype) for value, array in arrays.items()}
    with variables_restored(call.operation for call in calls):
        for _ in range(times):
            results = replay([_in_mode(call, training) for call in calls], tensors, targets)
        return [keras.ops.convert_to_numpy(result) for result in results]


def known_noise_of(
    calls: Sequence[Call], arrays: Mapping[Value, Array], targets: Sequence[Value], training: bool
) -> KnownNoise | None:
    """Calls as a function of arrays and noise; None unless they draw from N(0, 1) exactly once."""
    known = _traced(calls, arrays, targets, training)
    return known if known.draws == 1 else None


def _traced(
    calls: Sequence[Call], arrays: Mapping[Value, Array], targets: Sequence[Value], training: bool
) -> KnownNoise:
    values = list(arrays)

    def function(*tensors: Any) -> list[Any]:
        return replay(
            [_in_mode(call, training) for call in calls], dict(zip(values, tensors, strict=True)), targets
        )

    operations = [call.operation for call in calls]
    with variables_restored(operations):
        return KnownNoise(function, list(arrays.values()), operations)


@contextmanager
def variables_restored(operations: Iterable[Any]) -> Iterator[None]:
    """Leave the variables of layers, such as states of random generators, as they were."""
    variables = {
        id(variable): variable
        for operation in operations
        if isinstance(operation, keras.Layer)
        for variable in operation.variables
    }
    before = [(variable, keras.ops.convert_to_numpy(variable)) for variable in variables.values()]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _in_mode(call: Call, training: bool) -> Call:
    """Pass `training` to custom layers alone: Keras' own dropout and noise layers stay in inference."""
    layer = call.operation
    if not isinstance(layer, keras.Layer) or is_keras_own(layer):
        return call
    if "training" not in inspect.signature(layer.call).parameters:
        return call
    return replace(call, kwargs={**call.kwargs, "training": training})
