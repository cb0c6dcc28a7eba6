"""The protocol of halves: an encoder or a decoder in any framework."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import numpy as np

from vae_export.core.artifact import TensorSpec

__all__ = ["ROLES", "Half", "Runner", "TraceableHalf", "Traced"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

ROLES = ("encoder", "decoder")


class Runner(Protocol):
    """Computes outputs by name from inputs by name, all ``[n, ...]``."""

    def run(self, inputs: Any) -> Arrays:
        """Compute the outputs."""


class Half(Protocol):
    """A deterministic half of the author's model.

    Attributes:
        role: "encoder" or "decoder".
        inputs: specs by name, the batch free; encoder ``x`` and conditions, decoder ``z`` and conditions.
        outputs: specs by name; encoder ``mu`` and ``logvar``, decoder ``reconstruction``.
    """

    @property
    def role(self) -> str:
        """See the class."""

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """See the class."""

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """See the class."""

    def run(self, inputs: Arrays) -> Arrays:
        """Compute the outputs in float32."""

    def run_exact(self, inputs: Arrays) -> Arrays | None:
        """Compute the outputs in float64; None where the framework cannot."""

    def run_moved(self, inputs: Arrays, seed: int) -> Arrays:
        """Compute the outputs with inputs and weights moved within rounding, as `core.rounding` says.

        In float64, rounded once, where `run_exact` can; else in float32. Values between layers are moved too,
        where the framework can: they are the inputs of the next layer. Afterwards the half is as it was.

        Args:
            inputs: as for `run`.
            seed: of the moves; the same seed gives the same outputs.
        """


class Traced(Protocol):
    """A half as a function of positional TensorFlow tensors that returns tensors by name.

    TensorFlow changes names that are no identifiers, so the inputs have placeholder names during a
    conversion; artifacts get the real names afterwards.

    Attributes:
        tracked: the object with the weights, for a SavedModel.
        placeholders: name of an argument -> name of the input, in order.
    """

    @property
    def tracked(self) -> Any:
        """See the class."""

    @property
    def placeholders(self) -> Mapping[str, str]:
        """See the class."""

    def signature(self, batch: int | None) -> Any:
        """The `tf.TensorSpec` of each argument, for a batch size or None for any."""

    def __call__(self, *tensors: Any) -> Any:
        """Compute the outputs by name, in inference mode."""

    def prepared(self) -> AbstractContextManager[None]:
        """A context in which the function can be traced."""

    def failing_layer(self, error: Exception) -> str | None:
        """The layer that cannot be traced, and why; None if the error names none."""


@runtime_checkable
class TraceableHalf(Half, Protocol):
    """A half that TensorFlow can trace."""

    def traceable(self) -> Traced:
        """The half as a traceable function."""
