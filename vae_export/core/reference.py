"""References: the outputs of the author's model on the samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vae_export.core.half import Half
from vae_export.core.latent import Latent

__all__ = ["PriorReference", "Reference"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Reference:
    """Outputs of the author's halves on real samples, with the noise of the runtime helper.

    Attributes:
        encoder, decoder: the halves of the author's model.
        latents: the latents of the model.
        encoder_inputs: x and conditions by name ``[n, ...]``.
        conditions: the decoder's inputs beside z by name ``[n, ...]``.
        posterior: mu and logvar of each latent, float32 ``[n, *latent_shape]``.
        z: z of each latent; x[k] has sample k of the seed.
        outputs: outputs of the decoder ``[n, ...]``.
        seed: seed of the noise.
    """

    encoder: Half
    decoder: Half
    latents: tuple[Latent, ...]
    encoder_inputs: Mapping[str, Array]
    conditions: Mapping[str, Array]
    posterior: Mapping[str, Array]
    z: Mapping[str, Array]
    outputs: Mapping[str, Array]
    seed: int

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(self.encoder_inputs["x"])

    def half(self, role: str) -> Half:
        """The half of a role."""
        return {"encoder": self.encoder, "decoder": self.decoder}[role]

    def inputs(self, role: str) -> dict[str, Array]:
        """The inputs of a half by name, ``[n, ...]``."""
        return dict({"encoder": self.encoder_inputs, "decoder": {**self.z, **self.conditions}}[role])

    def first(self, rows: int) -> Reference:
        """The first samples alone; each keeps its z."""
        return replace(
            self,
            encoder_inputs=_head(self.encoder_inputs, rows),
            conditions=_head(self.conditions, rows),
            posterior=_head(self.posterior, rows),
            z=_head(self.z, rows),
            outputs=_head(self.outputs, rows),
        )


@dataclass(frozen=True)
class PriorReference:
    """Outputs of the author's decoder on draws from the prior.

    Attributes:
        inputs: z of each latent and conditions ``[n, ...]``.
        outputs: outputs of the decoder ``[n, ...]``.
    """

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]

    def first(self, rows: int) -> PriorReference:
        """The first draws alone."""
        return PriorReference(_head(self.inputs, rows), _head(self.outputs, rows))


def _head(arrays: Mapping[str, Array], rows: int) -> dict[str, Array]:
    return {name: array[:rows] for name, array in arrays.items()}
