"""The protocol of recognisers of sampling sites."""

from __future__ import annotations

from typing import Protocol

from vae_export.split.graph import Call, Graph
from vae_export.split.graph_run import GraphRun
from vae_export.split.sampling_site import SamplingSite

__all__ = ["Recogniser"]


class Recogniser(Protocol):
    """Recognises one way to write a sampling site.

    Attributes:
        name: for people.
    """

    name: str

    def recognise(self, graph: Graph, call: Call, run: GraphRun) -> SamplingSite | None:
        """The measured site of a random call; None if it is not written this way.

        Args:
            graph: the flat model.
            call: a call with random outputs.
            run: the values of the graph.
        """
