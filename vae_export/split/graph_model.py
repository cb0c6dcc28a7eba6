"""A part of a Keras graph as a model of its own that shares the original's layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from vae_export.split.graph import Call, Value, replay
from vae_export.split.moving import replay_moved

__all__ = ["GraphModel", "Target"]


@dataclass(frozen=True)
class Target:
    """An output of a half.

    Attributes:
        value: the value of the graph.
        transform: the output as a function of that tensor; None for the tensor itself.
    """

    value: Value
    transform: Callable[[Any], Any] | None = None

    @property
    def dtype(self) -> str:
        """Of the output: float32 if it is of any floating type."""
        return _given_dtype(self.value)

    def of(self, tensor: Any) -> Any:
        """The output as a tensor."""
        output = tensor if self.transform is None else self.transform(tensor)
        floating = keras.backend.standardize_dtype(output.dtype).startswith(("float", "bfloat"))
        return keras.ops.cast(output, "float32") if floating else output


class GraphModel(keras.Model):  # type: ignore[misc]  # keras has no type stubs
    """A deterministic model with named inputs and outputs, sharing weights with the original.

    Not a functional model, because layers of different submodels may have the same name, which a
    functional model refuses.

    Args:
        name: "encoder" or "decoder".
        calls: of the original graph, in running order.
        sources: input name -> value of the graph.
        targets: output name -> target.

    Attributes:
        inputs: KerasTensors ``[batch, ...]`` by name; float32 where the original has any floating type.

    Calling it on tensors by name returns tensors by output name.
    """

    def __init__(
        self,
        name: str,
        calls: Sequence[Call],
        sources: Mapping[str, Value],
        targets: Mapping[str, Target],
    ) -> None:
        # The global policy must not matter: the layers keep their own.
        super().__init__(name=name, dtype="float32")
        # Tracked, so that their weights are this model's weights.
        self.used_layers = list(
            dict.fromkeys(call.operation for call in calls if isinstance(call.operation, keras.Layer))
        )
        self.inputs = {
            name: keras.KerasTensor(value.shape, dtype=_given_dtype(value), name=name)
            for name, value in sources.items()
        }
        self._calls = tuple(calls)
        self._sources = dict(sources)
        self._targets = dict(targets)
        self._move: Callable[[Any], Any] | None = None
        self.built = True

    @property
    def calls(self) -> tuple[Call, ...]:
        """The part of the graph that it runs."""
        return self._calls

    @property
    def sources(self) -> dict[str, Value]:
        """Input name -> value of the graph."""
        return self._sources

    @property
    def targets(self) -> dict[str, Target]:
        """Output name -> target."""
        return self._targets

    @contextmanager
    def moving(self, move: Callable[[Any], Any]) -> Iterator[None]:
        """Change all inputs and all values between layers while the body runs, which must run eagerly.

        Args:
            move: a tensor -> a tensor of the same shape and dtype.
        """
        self._move = move
        try:
            yield
        finally:
            self._move = None

    def call(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Run the part of the graph."""
        given = {value: tensors[name] for name, value in self._sources.items()}
        wanted = [target.value for target in self._targets.values()]
        if self._move is None:
            results = replay(self._calls, given, wanted)
        else:
            results = replay_moved(self._calls, given, wanted, self._move)
        return {
            name: target.of(result)
            for (name, target), result in zip(self._targets.items(), results, strict=True)
        }


def _given_dtype(value: Value) -> str:
    return "float32" if value.dtype.startswith(("float", "bfloat")) else value.dtype
