"""A half of a VAE, encoder or decoder, whatever framework computes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from vae_export.core.artifact import TensorSpec

__all__ = ["ROLES", "Half", "Runner"]

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
