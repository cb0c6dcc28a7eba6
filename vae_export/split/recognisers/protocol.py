"""What a recogniser of sampling sites is."""

from __future__ import annotations

from typing import Protocol

from vae_export.split.graph import Call, Graph
from vae_export.split.graph_run import GraphRun
from vae_export.split.sampling_site import SamplingSite

__all__ = ["Recogniser"]


class Recogniser(Protocol):
    """Knows one way to write a sampling site.

    Attributes:
        name: for people.
    """

    name: str

    def recognise(self, graph: Graph, call: Call, run: GraphRun) -> SamplingSite | None:
        """The site of a random call, measured; None if it is not written this way.

        Args:
            graph: the flat model.
            call: one whose outputs are random.
            run: what the graph computes.
        """
