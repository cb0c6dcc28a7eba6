"""The values of all latents of a model as one vector."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["FlatLatents"]

Array = np.ndarray[Any, Any]


class FlatLatents:
    """The values of all latents, concatenated.

    Args:
        latents: the latents of the manifest.

    Attributes:
        names: names of the values, such as ``z[3]``, ``z[0, 2, 1]`` or ``z_style[1]``.
        sigma_scale: standard deviation of epsilon for each value, float64 ``[size]``.
    """

    def __init__(self, latents: Sequence[Mapping[str, Any]]) -> None:
        self._latents = latents
        self._sizes = [math.prod(latent["shape"]) for latent in latents]
        self.names = tuple(
            f"{latent['z']}[{', '.join(map(str, place))}]"
            for latent in latents
            for place in itertools.product(*map(range, latent["shape"]))
        )
        self.sigma_scale = np.repeat([abs(latent["epsilon_scale"]) for latent in latents], self._sizes)

    def join(self, arrays: Array | Mapping[str, Array], key: str) -> Array:
        """Arrays ``[n, *shape]`` by the names that the latents have for `key` -> ``[n, size]``.

        Args:
            arrays: arrays by name; for a single latent also a bare array.
            key: "mu", "logvar" or "z".
        """
        named = arrays if isinstance(arrays, Mapping) else {self._latents[0][key]: arrays}
        return np.concatenate(
            [named[latent[key]].reshape(len(named[latent[key]]), -1) for latent in self._latents], axis=1
        )

    def split(self, values: Array, key: str = "z") -> dict[str, Array]:
        """``[n, size]`` -> arrays by name, float32 ``[n, *shape]``."""
        parts = np.split(values.astype(np.float32), np.cumsum(self._sizes)[:-1], axis=1)
        return {
            latent[key]: part.reshape(-1, *latent["shape"])
            for latent, part in zip(self._latents, parts, strict=True)
        }
