"""Calibration rows: what the VAE itself defines as input of its halves.

The encoder's are real samples. The decoder's are z of the aggregate posterior (for reconstructions) and of
the prior with its tails (for generation).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.core.latent import Latent
from vae_export.core.reference import Reference
from vae_export.runtime.draws import draw_prior

__all__ = ["calibration_inputs", "tail_radius"]

Array = np.ndarray[Any, Any]

SEED = 1977
PRIOR_ROWS = 256
# Single values of z are not clipped within this many sigma.
AXIS_SIGMA = 4.0
# A normal value exceeds it with the probability of being beyond 4 sigma on either side.
TAIL_QUANTILE = 3.835


def calibration_inputs(reference: Reference) -> dict[str, dict[str, Array]]:
    """The calibration rows of both halves: role -> inputs by name ``[n, ...]``.

    Args:
        reference: what the author's model computes for the calibration samples.
    """
    prior = draw_prior(reference.latents, PRIOR_ROWS, SEED)
    tails = on_the_shell(reference.latents, PRIOR_ROWS, SEED + 1)
    z = {
        latent.z: np.concatenate(
            [reference.z[latent.z], prior[latent.z], tails[latent.z], _axis_ends(latent.shape)]
        )
        for latent in reference.latents
    }
    rows = len(next(iter(z.values())))
    conditions = {
        name: np.resize(array, (rows, *array.shape[1:])) for name, array in reference.conditions.items()
    }
    return {"encoder": dict(reference.encoder_inputs), "decoder": {**z, **conditions}}


def on_the_shell(latents: Sequence[Latent], rows: int, seed: int) -> Mapping[str, Array]:
    """Prior draws rescaled to the radius exceeded with p = 1/16,000: float32 ``[rows, *shape]`` by z.

    Better than the corners of a cube of 4 sigma: in 16 dimensions their radius is four times that of real
    draws, and ranges that hold them are too coarse.
    """
    shell = {}
    for name, z in draw_prior(latents, rows, seed).items():
        flat = z.reshape(rows, -1).astype(np.float64)
        length = np.linalg.norm(flat, axis=1, keepdims=True)
        shell[name] = (flat / length * tail_radius(flat.shape[1])).reshape(z.shape).astype(np.float32)
    return shell


def tail_radius(dimensions: int) -> float:
    """The norm that a draw from N(0, I) exceeds with p = 1/16,000 (Wilson & Hilferty 1931)."""
    spread = 2 / (9 * dimensions)
    return math.sqrt(dimensions * (1 - spread + TAIL_QUANTILE * math.sqrt(spread)) ** 3)


def _axis_ends(shape: tuple[int, ...]) -> Array:
    """Two z with one value at ±`AXIS_SIGMA`, all others 0: float32 ``[2, *shape]``."""
    ends = np.zeros((2, math.prod(shape)), np.float32)
    ends[:, 0] = (AXIS_SIGMA, -AXIS_SIGMA)
    return ends.reshape(2, *shape)
