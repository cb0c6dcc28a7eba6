"""What a file computes, without what a quantiser put in between."""

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
    """What integers stand for: value = scale * (integer - zero_point).

    Attributes:
        scale: the distance of two values.
        zero_point: an integer.
        least, most: the integers there are.
    """

    scale: float
    zero_point: int
    least: int
    most: int

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return self.scale * (self.least - self.zero_point), self.scale * (self.most - self.zero_point)

    def floats(self, integers: Array) -> Array:
        """The values of integers, float32."""
        values: Array = (integers.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)
        return values

    def integers(self, values: Array) -> Array:
        """The integers nearest to values, int32."""
        steps = np.rint(values / np.float32(self.scale)) + self.zero_point
        integers: Array = np.clip(steps, self.least, self.most).astype(np.int32)
        return integers


@dataclass(frozen=True)
class Layer:
    """An operator, by the tensor that it makes; or an input.

    Attributes:
        key: of the tensor.
        name: of the tensor, in the file.
        kind: the format's name of the operator, or `INPUT`.
        sources: the tensors that it takes, of those that are no constants.
        shape: of the tensor, as far as it is known, with None where it is free.
        stored: shapes of the constants that it takes, where a file can have other ones for the same layer.
        steps: of the integers that others take it as; None for floats.
        in_float: whether it computes with floats of the float file, and gives them.
        sigmoid_alone: whether nothing but a sigmoid takes it.
        moving: whether it only moves values: data movement without arithmetic.
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
        layers: in the order of the file, inputs first.
        outputs: name -> tensor.
    """

    layers: tuple[Layer, ...]
    outputs: Mapping[str, Key]


class LayerTrace(Protocol):
    """A file that can be looked into.

    Attributes:
        outline: of the file.
        batch: how many rows it takes at a time; None for any.
    """

    outline: Outline
    batch: int | None

    def run(self, inputs: Mapping[str, Array]) -> dict[Key, Array]:
        """Tensor -> its values, as others take them: of integers, what they stand for."""

    def part(self, output: Key, known: Iterable[Key]) -> TracedPart:
        """The part of the file that computes one tensor from others."""


class TracedPart(Protocol):
    """A part of a file, which runs alone."""

    def run(self, values: Values) -> Array:
        """The tensor that it computes.

        Args:
            values: of the tensors that it takes, and maybe others.
        """
