"""Layer-by-layer traces of files, without the operators that quantisers insert."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["INPUT", "Layer", "LayerTrace", "Outline", "Steps", "TracedPart", "Values"]

Array = np.ndarray[Any, Any]
# A tensor, whatever a format knows it by.
Key = Hashable
Values = Mapping[Key, Array]

# The kind of what is given.
INPUT = "input"


@dataclass(frozen=True)
class Steps:
    """Quantisation steps: value = scale * (integer - zero_point).

    Attributes:
        scale: size of a step.
        zero_point: the integer of 0.
        least, most: smallest and largest integer.
    """

    scale: float
    zero_point: int
    least: int
    most: int

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return self.scale * (self.least - self.zero_point), self.scale * (self.most - self.zero_point)

    def floats(self, integers: Array) -> Array:
        """Dequantise integers to float32."""
        values: Array = (integers.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)
        return values

    def integers(self, values: Array) -> Array:
        """Quantise values to the nearest integers, int32."""
        steps = np.rint(values / np.float32(self.scale)) + self.zero_point
        integers: Array = np.clip(steps, self.least, self.most).astype(np.int32)
        return integers


@dataclass(frozen=True)
class Layer:
    """An operator, identified by its output tensor; or an input.

    Attributes:
        key: the output tensor.
        name: name of the tensor in the file.
        kind: the format's name of the operator, or `INPUT`.
        sources: its inputs without constants.
        shape: shape of the tensor, None for free sizes; () if unknown.
        stored: shapes of its constants, to tell layers of one kind apart.
        steps: quantisation of the tensor for its consumers; None for floats.
        in_float: whether it computes in float32.
        sigmoid_alone: whether a sigmoid is its only consumer.
        moving: whether it is data movement without arithmetic.
    """

    key: Key
    name: str
    kind: str
    sources: tuple[Key, ...]
    shape: tuple[int | None, ...] = ()
    stored: tuple[tuple[int, ...], ...] = ()
    steps: Steps | None = None
    in_float: bool = True
    sigmoid_alone: bool = False
    moving: bool = False


@dataclass(frozen=True)
class Outline:
    """The layers of a file.

    Attributes:
        layers: in graph order, inputs first.
        outputs: name -> tensor.
    """

    layers: tuple[Layer, ...]
    outputs: Mapping[str, Key]


class LayerTrace(Protocol):
    """A file that is run layer by layer.

    Attributes:
        outline: the layers of the file.
        batch: batch size of the file; None for any.
    """

    outline: Outline
    batch: int | None

    def run(self, inputs: Mapping[str, Array]) -> dict[Key, Array]:
        """Run on inputs ``[n, ...]`` by name; returns dequantised values by tensor."""

    def part(self, output: Key, known: Iterable[Key]) -> TracedPart:
        """The subgraph that computes a tensor from known ones."""


class TracedPart(Protocol):
    """A subgraph of a file that can be run."""

    def run(self, values: Values) -> Array:
        """Compute the tensor.

        Args:
            values: values by tensor, including all inputs of the subgraph.
        """
