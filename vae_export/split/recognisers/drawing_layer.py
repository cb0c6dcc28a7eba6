"""A layer that takes mu and v, and returns z."""

from __future__ import annotations

from vae_export.split.graph import Call
from vae_export.split.probe import identify
from vae_export.split.recognisers.ancestors import take_in_ancestors
from vae_export.split.recognisers.protocol import Search
from vae_export.split.sampling_site import SamplingSite, site_of

__all__ = ["DrawingLayer"]


class DrawingLayer:
    """The common sampling layer: one of its outputs is z."""

    name = "a layer that draws z"

    def recognise(self, search: Search, call: Call) -> SamplingSite | None:
        """Probe the call alone."""
        for z in search.run.random.get(call, ()):
            region = search.run.region([call], z)
            posterior = identify(region)
            if posterior is not None:
                return site_of(*take_in_ancestors(search, region, posterior), call)
        return None
