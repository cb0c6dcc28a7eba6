"""A place in a graph where a latent is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from vae_export.split.graph import Call, Value
from vae_export.split.posterior import Posterior
from vae_export.split.region import Region

__all__ = ["SamplingSite", "site_of"]


@dataclass(frozen=True)
class SamplingSite:
    """Where one latent is drawn, and how.

    Attributes:
        calls: what is cut out, in running order; empty where encoder and decoder came apart.
        posterior: how mu and log-variance come out of the encoder's tensors.
        z: what is drawn.
        latent_shape: of one z.
        layer_name: name of the sampling layer, with the models it is nested in.
        layer_class: its class.
        note: what is not known of it, for people.
    """

    calls: tuple[Call, ...]
    posterior: Posterior
    z: Value
    latent_shape: tuple[int, ...]
    layer_name: str
    layer_class: str
    note: str = ""

    @property
    def name(self) -> str:
        """Name of the layer alone, for the tensors of models with several latents."""
        return self.layer_name.split("/")[-1]

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values that the encoder has to compute."""
        return tuple(dict.fromkeys((self.posterior.mu.value, self.posterior.spread.value)))


def site_of(region: Region, posterior: Posterior, call: Call) -> SamplingSite:
    """The site of a region that was probed, named after the call that draws."""
    name, layer_class = call.path, type(call.operation).__name__
    return SamplingSite(region.calls, posterior, region.z, region.z_shape, name, layer_class)
