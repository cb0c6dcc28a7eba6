"""A half of a VAE, encoder or decoder, whatever framework computes it."""

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


class Traced(Protocol):
    """A half as a function of positional TensorFlow tensors that returns tensors by name.

    TensorFlow changes names that are no identifiers, so while it converts the inputs are called by
    placeholders; the artifacts get the real names afterwards.

    Attributes:
        tracked: what holds the weights, for a SavedModel.
        placeholders: name of an argument -> name of the input, in order.
    """

    @property
    def tracked(self) -> Any:
        """See the class."""

    @property
    def placeholders(self) -> Mapping[str, str]:
        """See the class."""

    def signature(self, batch: int | None) -> Any:
        """The `tf.TensorSpec` of each argument, for a batch size, or None for any."""

    def __call__(self, *tensors: Any) -> Any:
        """Compute the outputs by name, in inference."""

    def prepared(self) -> AbstractContextManager[None]:
        """Within it the function can be traced."""

    def failing_layer(self, error: Exception) -> str | None:
        """Which layer cannot be traced, and why; None if the error does not tell."""


@runtime_checkable
class TraceableHalf(Half, Protocol):
    """A half of Keras or TensorFlow, for the converters that trace TensorFlow."""

    def traceable(self) -> Traced:
        """The half as TensorFlow traces it."""
