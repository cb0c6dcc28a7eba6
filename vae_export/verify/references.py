"""The references of an export, each computed once, at its first use."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.core.half import Half
from vae_export.core.latent import Latent
from vae_export.core.reference import PriorReference, Reference
from vae_export.core.samples import Samples
from vae_export.errors import ModelError
from vae_export.runtime.draws import draw_prior, draw_z
from vae_export.verify.metrics import value_scale

__all__ = ["SEED", "VERIFIED_ROWS", "References", "compute_reference"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

# Seed of the noise of references and golden arrays.
SEED = 7
# The most samples for verification.
VERIFIED_ROWS = 64
# Fewest samples for which calibration and fidelity use different ones.
_ENOUGH_TO_SPLIT = 2 * VERIFIED_ROWS
_PRIOR_ROWS, _PRIOR_SEED = 256, 4321
# Largest difference of a sample alone and in a batch, relative to the range of the values.
_ALONE_TOLERANCE = 1e-3


class References:
    """The outputs of the author's model on the samples.

    Args:
        encoder, decoder: the halves of the model.
        latents: the latents of the model.
        samples: x and conditions.
    """

    def __init__(self, encoder: Half, decoder: Half, latents: Sequence[Latent], samples: Samples) -> None:
        self._encoder, self._decoder, self._latents = encoder, decoder, tuple(latents)
        self._samples = samples

    @functools.cached_property
    def verified(self) -> Reference:
        """The samples for verification; the golden arrays are the first of them."""
        return self._compute(slice(VERIFIED_ROWS))

    @functools.cached_property
    def calibration(self) -> Reference:
        """The samples for calibration: every second one, or all if there are few."""
        return self._compute(slice(0, None, 2)) if self._enough else self._all

    @functools.cached_property
    def measured(self) -> Reference:
        """The samples for the fidelity of lower precisions: the others, or all if there are few."""
        return self._compute(slice(1, None, 2)) if self._enough else self._all

    @functools.cached_property
    def prior(self) -> PriorReference:
        """Draws from the prior for the fidelity of lower precisions."""
        z = draw_prior(self._latents, _PRIOR_ROWS, _PRIOR_SEED)
        conditions = {
            name: np.resize(array, (_PRIOR_ROWS, *array.shape[1:]))
            for name, array in self.measured.conditions.items()
        }
        inputs = {**z, **conditions}
        return PriorReference(inputs, self._decoder.run(inputs))

    @functools.cached_property
    def _all(self) -> Reference:
        return self.verified if self._samples.rows <= VERIFIED_ROWS else self._compute(slice(None))

    @property
    def _enough(self) -> bool:
        return self._samples.rows >= _ENOUGH_TO_SPLIT

    def _compute(self, rows: slice) -> Reference:
        given = {name: array[rows] for name, array in self._samples.arrays.items()}
        return compute_reference(
            self._encoder,
            self._decoder,
            self._latents,
            {name: given[name] for name in self._encoder.inputs},
            {name: given[name] for name in self._decoder.inputs if name in given},
            SEED,
        )


def compute_reference(
    encoder: Half,
    decoder: Half,
    latents: Sequence[Latent],
    encoder_inputs: Arrays,
    conditions: Arrays,
    seed: int,
) -> Reference:
    """Run the halves on samples; see `Reference` for the arguments.

    Raises:
        ModelError: the output for a sample depends on the other samples of its batch.
    """
    posterior = encoder.run(encoder_inputs)
    _refuse_batch_dependence(encoder, encoder_inputs, posterior)
    z = draw_z(latents, posterior, seed)
    outputs = decoder.run({**z, **conditions})
    _refuse_batch_dependence(decoder, {**z, **conditions}, outputs)
    return Reference(
        encoder, decoder, tuple(latents), encoder_inputs, conditions, posterior, z, outputs, seed
    )


def _refuse_batch_dependence(half: Half, inputs: Arrays, outputs: Arrays) -> None:
    alone = half.run({name: array[:1] for name, array in inputs.items()})
    for name, array in alone.items():
        off = float(np.abs(array[0] - outputs[name][0]).max(initial=0.0))
        if off > _ALONE_TOLERANCE * value_scale(outputs[name]):
            raise ModelError(
                f"{half.role}: {name!r} of a sample differs by {off:.2g} alone and in "
                f"a batch of {len(outputs[name])}, expected rows that do not depend on each other; batch "
                "statistics, as of BatchNormalization called with training=True, belong to training"
            )
