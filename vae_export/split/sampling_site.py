"""A sampling site: the calls of a graph that draw one latent."""

from __future__ import annotations

from dataclasses import dataclass

from vae_export.split.graph import Call, Value
from vae_export.split.posterior import Posterior
from vae_export.split.region import Region
from vae_export.split.stand_in import class_name

__all__ = ["SamplingSite", "site_of"]


@dataclass(frozen=True)
class SamplingSite:
    """The calls that draw one latent, and its posterior.

    Attributes:
        calls: cut out of the graph, in running order; empty for a pair of encoder and decoder.
        posterior: mu and log-variance as functions of the encoder's tensors.
        z: the drawn value.
        latent_shape: of one z.
        layer_name: name of the sampling layer, with the models it is nested in.
        layer_class: its class.
        by_sampler: whether it is a sampler of the model's own, beside its call().
    """

    calls: tuple[Call, ...]
    posterior: Posterior
    z: Value
    latent_shape: tuple[int, ...]
    layer_name: str
    layer_class: str
    by_sampler: bool = False

    @property
    def name(self) -> str:
        """Name of the layer alone, for the tensors of models with several latents."""
        return self.layer_name.split("/")[-1]

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values that the encoder has to compute."""
        return tuple(dict.fromkeys((self.posterior.mu.value, self.posterior.spread.value)))


def site_of(region: Region, posterior: Posterior, call: Call) -> SamplingSite:
    """The site of a probed region, named after the random call."""
    name, layer_class = call.path, class_name(call.operation)
    return SamplingSite(region.calls, posterior, region.z, region.z_shape, name, layer_class)
