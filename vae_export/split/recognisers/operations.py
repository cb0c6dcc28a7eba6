"""Noise of one layer, from which operations of the graph compute z: exp, multiply, add."""

from __future__ import annotations

from collections.abc import Iterator

from vae_export.split.graph import Call
from vae_export.split.probe import identify
from vae_export.split.recognisers.ancestors import take_in_ancestors
from vae_export.split.recognisers.protocol import Search
from vae_export.split.region import Region
from vae_export.split.sampling_site import SamplingSite, site_of

__all__ = ["NoiseOperations"]

# Most calls between a random call and z: exp, scale, multiply, add and a few more.
LONGEST_CHAIN = 8


class NoiseOperations:
    """A random call is probed together with its descendants, one more at a time."""

    name = "operations that make z of noise"

    def recognise(self, search: Search, call: Call) -> SamplingSite | None:
        """Probe ever longer chains."""
        if call not in search.run.random or len(call.outputs) > 2:
            return None
        for region in _chains(search, call):
            posterior = identify(region)
            if posterior is not None:
                return site_of(*take_in_ancestors(search, region, posterior), call)
        return None


def _chains(search: Search, call: Call) -> Iterator[Region]:
    """Regions that begin with a random call, each one descendant longer."""
    calls, end = [call], call.outputs[0]
    for _ in range(LONGEST_CHAIN):
        users = [other for other in search.graph.calls if end in other.inputs]
        if len(users) != 1 or len(users[0].outputs) != 1:
            return
        calls.append(users[0])
        end = users[0].outputs[0]
        yield search.run.region(calls, end)
