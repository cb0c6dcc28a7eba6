"""Latents of a VAE: tensors, shape and distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from vae_export.core.evidence import WAYS_OF_KNOWING
from vae_export.core.parametrisation import PARAMETRISATIONS

__all__ = ["ACTIVE_VARIANCE", "KNOWN_WORDS", "Latent", "active_units"]

Array = np.ndarray[Any, Any]

# Burda et al. 2015, "Importance weighted autoencoders", section 5.2.
ACTIVE_VARIANCE = 0.01


# Field -> function that returns its possible values: tables grow by registration.
KNOWN_WORDS: dict[str, Callable[[], list[str]]] = {
    "parametrisation": lambda: list(PARAMETRISATIONS),
    **dict.fromkeys(
        ("mu_source", "parametrisation_source", "epsilon_scale_source"),
        lambda: [way.in_manifest for way in WAYS_OF_KNOWING.values()],
    ),
}


@dataclass(frozen=True)
class Latent:
    """One latent.

    Attributes:
        layer, layer_class: name (with the models that contain it) and class of the sampling layer.
        shape: shape of one z.
        mu, logvar: names of the encoder's outputs.
        epsilon: name of its noise among the golden arrays.
        z: name of the decoder's input.
        stream: number of its noise stream.
        parametrisation: the second tensor of the sampling layer in the trained model; the exported encoder
            always returns a log-variance.
        mu_source, parametrisation_source, epsilon_scale_source: how it is known which tensors are mu and v,
            what v is, and the scale of epsilon; an `in_manifest` of `core.evidence.WAYS_OF_KNOWING`.
        assumptions: what was assumed, in words; empty if nothing was.
        epsilon_scale: factor of epsilon in the trained model: its standard deviation, negative where the
            model subtracts it.
    """

    layer: str
    layer_class: str
    shape: tuple[Annotated[int, Meta(ge=1)], ...]
    mu: str
    logvar: str
    epsilon: str
    z: str
    stream: Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
    parametrisation: str
    mu_source: str
    parametrisation_source: str
    epsilon_scale_source: str
    assumptions: tuple[str, ...]
    epsilon_scale: float

    def __post_init__(self) -> None:
        """Refuse unknown words, and a latent without noise.

        Raises:
            ValueError: an unknown parametrisation or source, or a scale of 0.
        """
        if self.epsilon_scale == 0:
            raise ValueError("epsilon_scale: got 0, expected another number")
        for key, known in KNOWN_WORDS.items():
            if getattr(self, key) not in known():
                words = ", ".join(map(repr, known()))
                raise ValueError(f"{key}: got {getattr(self, key)!r}, expected one of {words}")


def active_units(mu: Array) -> Array:
    """Which latent values are active: the variance of mu over x is above 0.01 (Burda et al. 2015).

    Most of the others have collapsed onto the prior.

    Args:
        mu: float ``[n, ...]``.

    Returns:
        bool ``[...]``.
    """
    active: Array = mu.astype(np.float64).var(axis=0) > ACTIVE_VARIANCE
    return active
