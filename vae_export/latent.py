"""A latent of a VAE, as bundles describe it: its tensors, its shape and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PARAMETRISATION_NAMES", "Latent"]

# What a sampling layer may be given beside mu.
PARAMETRISATION_NAMES = ("log-variance", "log-std", "softplus", "std", "variance")


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
        parametrisation_source: how that is known: "probed", "names", "given" or "assumed".
        epsilon_scale: standard deviation of epsilon in the trained model.
    """

    layer: str
    layer_class: str
    shape: tuple[int, ...]
    mu: str
    logvar: str
    epsilon: str
    z: str
    stream: int
    parametrisation: str
    parametrisation_source: str
    epsilon_scale: float
