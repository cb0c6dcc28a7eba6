"""Take the operations that compute v from a better-known tensor into the sampling site."""

from __future__ import annotations

from vae_export.split.graph import Call
from vae_export.split.posterior import Posterior
from vae_export.split.probe import identify
from vae_export.split.recognisers.protocol import Search
from vae_export.split.region import Region

__all__ = ["take_in_ancestors"]


def take_in_ancestors(search: Search, region: Region, posterior: Posterior) -> tuple[Region, Posterior]:
    """Extend a region by the ancestors of v as long as the wider region is recognised.

    For exp(0.5 * logvar) in the graph the encoder should emit logvar: the exponential over- and underflows.
    """
    makers = {value: call for call in search.graph.calls for value in call.outputs}
    while posterior.parametrisation != "log-variance" and posterior.spread.axis is None:
        maker = makers.get(posterior.spread.value)
        if maker is None or len(maker.inputs) != 1 or _has_weights(maker):
            break
        wider = search.run.region([maker, *region.calls], region.z)
        found = identify(wider)
        if found is None:
            break
        region, posterior = wider, found
    return region, posterior


def _has_weights(call: Call) -> bool:
    return bool(getattr(call.operation, "weights", []))
