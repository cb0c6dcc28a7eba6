"""A layer that takes mu and v, and returns z."""

from __future__ import annotations

from vae_export.split.graph import Call, Graph
from vae_export.split.graph_run import GraphRun
from vae_export.split.probe import identify
from vae_export.split.recognisers.ancestors import take_in_ancestors
from vae_export.split.sampling_site import SamplingSite, site_of

__all__ = ["DrawingLayer"]


class DrawingLayer:
    """The common sampling layer: one of its outputs is z."""

    name = "a layer that draws z"

    def recognise(self, graph: Graph, call: Call, run: GraphRun) -> SamplingSite | None:
        """Probe the call alone."""
        for z in run.random[call]:
            region = run.region([call], z)
            posterior = identify(region)
            if posterior is not None:
                return site_of(*take_in_ancestors(graph, region, posterior, run), call)
        return None
