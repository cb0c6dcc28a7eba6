"""Draws of every latent of a model, by the runtime helper's noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.core.latent import Latent
from vae_export.runtime.python import vae_runtime

__all__ = ["draw_prior", "draw_z"]

Array = np.ndarray[Any, Any]


def draw_prior(latents: Sequence[Latent], rows: int, seed: int) -> dict[str, Array]:
    """Draws from N(0, I) by name of z: float32 ``[rows, *shape]``; row k is sample k of the seed."""
    return {
        latent.z: vae_runtime.normal(seed, latent.stream, 0, rows * math.prod(latent.shape)).reshape(
            rows, *latent.shape
        )
        for latent in latents
    }


def draw_z(latents: Sequence[Latent], posterior: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """Draws from the posterior by name of z; row k is sample k of the seed."""
    return {
        latent.z: vae_runtime.sample(
            posterior[latent.mu],
            posterior[latent.logvar],
            seed=seed,
            stream=latent.stream,
            epsilon_scale=latent.epsilon_scale,
        )
        for latent in latents
    }
