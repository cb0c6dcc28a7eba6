"""The inputs that artifacts are compared on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.runtime import vae_runtime

__all__ = ["Case", "decoder_cases", "encoder_cases"]

Array = np.ndarray[Any, Any]

# A batch that is no power of two, so that nothing fits by accident.
LARGER_BATCH = 7
TAIL_SIGMA = 4.0
SEED = 2013


@dataclass(frozen=True)
class Case:
    """One input to compare on.

    Attributes:
        name: for messages: "real", "random", "zeros", "ones", "tails", with the batch size.
        input: float32 ``[n, ...]``.
    """

    name: str
    input: Array


def encoder_cases(samples: Array, value_range: tuple[float, float]) -> list[Case]:
    """Samples one by one and together, random, zeros and ones.

    Args:
        samples: float32 ``[n, ...]``.
        value_range: smallest and largest value of the random input.
    """
    shape = samples.shape[1:]
    low, high = value_range
    noise = np.random.default_rng(SEED).random((LARGER_BATCH, *shape), np.float32)
    random = np.float32(low) + np.float32(high - low) * noise
    return _named(
        [
            ("sample", samples[:1]),
            ("sample", samples),
            ("random", random[:2]),
            ("random", random),
            ("zeros", np.zeros((LARGER_BATCH, *shape), np.float32)),
            ("ones", np.ones((LARGER_BATCH, *shape), np.float32)),
        ]
    )


def decoder_cases(posterior: Array) -> list[Case]:
    """Draws from the posterior and the prior, the prior's tails, zeros and ones.

    Args:
        posterior: z of the samples, float32 ``[n, *latent_shape]``.
    """
    shape = posterior.shape[1:]
    size = int(np.prod(shape))
    prior = vae_runtime.normal(SEED, 0, 0, LARGER_BATCH * size).reshape(LARGER_BATCH, *shape)
    tails = np.where(prior < 0, -TAIL_SIGMA, TAIL_SIGMA).astype(np.float32)
    return _named(
        [
            ("posterior", posterior[:1]),
            ("posterior", posterior),
            ("prior", prior[:2]),
            ("prior", prior),
            (f"{TAIL_SIGMA:g} sigma", tails),
            ("zeros", np.zeros((LARGER_BATCH, *shape), np.float32)),
            ("ones", np.ones((LARGER_BATCH, *shape), np.float32)),
        ]
    )


def _named(cases: list[tuple[str, Array]]) -> list[Case]:
    return [Case(f"{name}, batch of {len(array)}", array) for name, array in cases]
