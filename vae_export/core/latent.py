"""A latent of a VAE, as bundles describe it: its tensors, its shape and how it is drawn."""

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


# Field -> its possible values; functions, because tables grow by registration.
KNOWN_WORDS: dict[str, Callable[[], list[str]]] = {
    "parametrisation": lambda: list(PARAMETRISATIONS),
    "parametrisation_source": lambda: [way.in_manifest for way in WAYS_OF_KNOWING.values()],
}


@dataclass(frozen=True)
class Latent:
    """One latent.

    Attributes:
        layer, layer_class: name (with the models it is nested in) and class of the sampling layer.
        shape: of one z.
        mu, logvar: names of the encoder's outputs.
        epsilon: name of its noise among the golden arrays.
        z: name of the decoder's input.
        stream: of its noise.
        parametrisation: what the layer was given beside mu in the trained model; the exported encoder
            always emits a log-variance.
        parametrisation_source: how that is known, `in_manifest` of `core.evidence.WAYS_OF_KNOWING`.
        epsilon_scale: standard deviation of epsilon in the trained model.
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
    parametrisation_source: str
    epsilon_scale: Annotated[float, Meta(gt=0)]

    def __post_init__(self) -> None:
        """Refuse words that are in no table.

        Raises:
            ValueError: an unknown parametrisation or source of it.
        """
        for key, known in KNOWN_WORDS.items():
            if getattr(self, key) not in known():
                words = ", ".join(map(repr, known()))
                raise ValueError(f"{key}: got {getattr(self, key)!r}, expected one of {words}")


def active_units(mu: Array) -> Array:
    """Which latent values tell something of x: those whose mu varies over x with a variance above 0.01.

    The others do not (Burda et al. 2015): most have collapsed onto the prior.

    Args:
        mu: float ``[n, ...]``.

    Returns:
        bool ``[...]``.
    """
    active: Array = mu.astype(np.float64).var(axis=0) > ACTIVE_VARIANCE
    return active
