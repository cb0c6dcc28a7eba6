"""Run code that draws normal noise, with that noise replaced by given values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from vae_export.split.scope_names import scope_names

__all__ = ["KnownNoise"]

Array = np.ndarray[Any, Any]

# The operations of TensorFlow that draw from N(0, 1); Keras' own functions end there as well.
_NORMAL = ("RandomStandardNormal", "StatelessRandomNormal", "StatelessRandomNormalV2")
# Dropout draws uniform noise too, but only in training.
_NOT_NORMAL = (
    "RandomUniform", "RandomUniformInt", "StatelessRandomUniform", "StatelessRandomUniformV2",
    "StatelessRandomUniformInt", "StatelessRandomUniformIntV2", "TruncatedNormal", "StatelessTruncatedNormal",
    "StatelessTruncatedNormalV2", "RandomGammaV3", "StatelessRandomGammaV3", "RandomPoissonV2", "Multinomial",
    "StatelessMultinomial",
)  # fmt: skip


class KnownNoise:
    """A function of tensors whose one draw from N(0, 1) is replaced by a given array.

    Attributes:
        draws: number of operations that draw normal noise among the ancestors of the results.
        others: number of those that draw other noise.
        shape: of the noise, if it is drawn once.
        failure: why the function cannot be traced, and then must not be called; None if it can.

    Args:
        function: tensors -> tensor or list of tensors.
        arrays: example arguments; it may be called on others of the same shapes and dtypes.
        operations: the layers that it calls.
    """

    def __init__(
        self, function: Callable[..., Any], arrays: Sequence[Array], operations: Iterable[Any]
    ) -> None:
        specs = [tf.TensorSpec(array.shape, array.dtype) for array in arrays]
        self.draws = self.others = 0
        self.shape: tuple[int, ...] | None = None
        self.failure: Exception | None = None
        try:
            with _functions_inlined(), scope_names(operations):
                graph = tf.compat.v1.wrap_function(lambda *given: tf.nest.flatten(function(*given)), specs)
        # Code that runs on arrays alone; layers of anybody raise anything.
        except Exception as error:  # noqa: BLE001
            self.failure = error
            return
        noise = [op.outputs[0] for op in _ancestors(graph.outputs) if op.type in _NORMAL]
        self.draws = len(noise)
        self.others = sum(op.type in _NOT_NORMAL for op in _ancestors(graph.outputs))
        if self.draws > 1:
            return
        inputs = graph.inputs[: len(specs)]
        if noise:
            drawn = np.asarray(graph.prune(inputs, noise)(*map(tf.constant, arrays))[0])
            self.shape = drawn.shape
        self._dtype = noise[0].dtype.as_numpy_dtype if noise else np.float32
        self._run = graph.prune([*inputs, *noise], graph.outputs)

    def __call__(self, arrays: Sequence[Array], epsilon: Array | None = None) -> list[Array]:
        """The results for arrays and noise of `shape`; no noise if the function draws none."""
        noise = [] if epsilon is None else [epsilon.astype(self._dtype)]
        return [np.asarray(result) for result in self._run(*map(tf.constant, [*arrays, *noise]))]


def _ancestors(tensors: Iterable[Any]) -> list[Any]:
    """The operations of a graph that tensors are computed from."""
    found: dict[Any, None] = {}
    waiting = [tensor.op for tensor in tensors]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found[operation] = None
            waiting.extend(tensor.op for tensor in operation.inputs)
    return list(found)


@contextmanager
def _functions_inlined() -> Iterator[None]:
    """Trace the body of each tf.function into the surrounding graph."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
