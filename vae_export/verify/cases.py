"""The inputs of the parity gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.core.latent import Latent
from vae_export.runtime.draws import draw_prior

__all__ = ["Case", "decoder_cases", "encoder_cases"]

Array = np.ndarray[Any, Any]

# Not a power of two, so that no batch size fits by accident.
LARGER_BATCH = 7
TAIL_SIGMA = 4.0
MADE_UP = ("random", "zeros", "ones")
SEED = 2013


@dataclass(frozen=True)
class Case:
    """A batch of inputs.

    Attributes:
        name: for messages: "sample", "random", "zeros", "ones" or "tails", with the batch size.
        inputs: arrays ``[n, ...]`` by input.
        made_up: whether it holds extremes, for which the model's own outputs may not be finite.
    """

    name: str
    inputs: Mapping[str, Array]
    made_up: bool = False

    @property
    def rows(self) -> int:
        """The size of the batch."""
        return len(next(iter(self.inputs.values())))


def encoder_cases(
    samples: Mapping[str, Array], value_range: tuple[float, float], batches: Sequence[int] = ()
) -> list[Case]:
    """Single samples and batches of samples, and random values, zeros and ones as x.

    Args:
        samples: the encoder's inputs ``[n, ...]``: x, and conditions, which all cases share.
        value_range: smallest and largest value of random x.
        batches: further batch sizes.
    """
    x = samples["x"]
    rng = np.random.default_rng(SEED)
    rows = max((LARGER_BATCH, *batches))
    if x.dtype.kind == "f":
        low, high = value_range
        noise = rng.random((rows, *x.shape[1:]), np.float32)
        random = np.float32(low) + np.float32(high - low) * noise
    else:
        # Only integers of the samples are known to be valid.
        random = rng.choice(x.reshape(-1), (rows, *x.shape[1:]))
    shape = (LARGER_BATCH, *x.shape[1:])
    return _cases(
        [
            ("sample", {"x": x[:1]}),
            ("sample", {"x": x}),
            ("random", {"x": random[:2]}),
            ("random", {"x": random[:LARGER_BATCH]}),
            *(("random", {"x": random[:size]}) for size in batches if size > LARGER_BATCH),
            ("zeros", {"x": np.zeros(shape, x.dtype)}),
            ("ones", {"x": np.ones(shape, x.dtype)}),
        ],
        samples,
    )


def decoder_cases(
    latents: Sequence[Latent],
    posterior: Mapping[str, Array],
    conditions: Mapping[str, Array],
    batches: Sequence[int] = (),
) -> list[Case]:
    """Draws from the posterior and the prior, tails of the prior, zeros and ones as z.

    Args:
        latents: the latents of the model.
        posterior: z of the samples by name, float32 ``[n, *latent_shape]``.
        conditions: the decoder's other inputs ``[n, ...]``.
        batches: further batch sizes.
    """
    prior = draw_prior(latents, LARGER_BATCH, SEED)

    def like_prior(function: Callable[[Array], Array]) -> dict[str, Array]:
        return {name: function(z).astype(np.float32) for name, z in prior.items()}

    return _cases(
        [
            ("posterior", {name: z[:1] for name, z in posterior.items()}),
            ("posterior", posterior),
            ("prior", like_prior(lambda z: z[:2])),
            ("prior", prior),
            *(("prior", draw_prior(latents, size, SEED)) for size in batches if size > LARGER_BATCH),
            (f"{TAIL_SIGMA:g} sigma", like_prior(lambda z: np.where(z < 0, -TAIL_SIGMA, TAIL_SIGMA))),
            ("zeros", like_prior(np.zeros_like)),
            ("ones", like_prior(np.ones_like)),
        ],
        conditions,
    )


def _cases(named: Sequence[tuple[str, Mapping[str, Array]]], conditions: Mapping[str, Array]) -> list[Case]:
    cases = []
    for name, inputs in named:
        rows = len(next(iter(inputs.values())))
        others = {key: array for key, array in conditions.items() if key not in inputs}
        whole = {**inputs, **{key: array[np.arange(rows) % len(array)] for key, array in others.items()}}
        cases.append(Case(f"{name}, batch of {rows}", whole, made_up=name in MADE_UP))
    return cases
