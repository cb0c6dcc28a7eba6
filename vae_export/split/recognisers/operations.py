"""Noise of one layer, from which operations of the graph compute z: exp, multiply, add."""

from __future__ import annotations

from collections.abc import Iterator

from vae_export.split.graph import Call, Graph
from vae_export.split.graph_run import GraphRun
from vae_export.split.probe import identify
from vae_export.split.recognisers.ancestors import take_in_ancestors
from vae_export.split.region import Region
from vae_export.split.sampling_site import SamplingSite, site_of

__all__ = ["Operations"]

# Most calls between a random call and z: exp, scale, multiply, add and a few more.
LONGEST_CHAIN = 8


class Operations:
    """A random call is probed together with its descendants, one more at a time."""

    name = "operations that make z of noise"

    def recognise(self, graph: Graph, call: Call, run: GraphRun) -> SamplingSite | None:
        """Probe ever longer chains."""
        if len(call.outputs) > 2:
            return None
        for region in _chains(graph, call, run):
            posterior = identify(region)
            if posterior is not None:
                return site_of(*take_in_ancestors(graph, region, posterior, run), call)
        return None


def _chains(graph: Graph, call: Call, run: GraphRun) -> Iterator[Region]:
    """Regions that begin with a random call, each one descendant longer."""
    calls, end = [call], call.outputs[0]
    for _ in range(LONGEST_CHAIN):
        users = [other for other in graph.calls if end in other.inputs]
        if len(users) != 1 or len(users[0].outputs) != 1:
            return
        calls.append(users[0])
        end = users[0].outputs[0]
        yield run.region(calls, end)
