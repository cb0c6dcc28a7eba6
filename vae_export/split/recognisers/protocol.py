"""The protocol of recognisers of sampling sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vae_export.core.told import NOTHING_TOLD, Told
from vae_export.split.graph import Call, Graph
from vae_export.split.graph_run import GraphRun
from vae_export.split.sampling_site import SamplingSite

__all__ = ["Recogniser", "Search"]


@dataclass(frozen=True)
class Search:
    """What a recogniser may look at.

    Attributes:
        graph: the flat model.
        run: the values of the graph.
        where: what messages call the model.
        told: by the user.
        found: the sites of earlier calls.
    """

    graph: Graph
    run: GraphRun
    where: str
    told: Told = NOTHING_TOLD
    found: tuple[SamplingSite, ...] = ()


class Recogniser(Protocol):
    """Recognises one way to write a sampling site.

    Attributes:
        name: for people.
    """

    name: str

    def recognise(self, search: Search, call: Call) -> SamplingSite | None:
        """The site of a call; None if it is not written this way.

        Args:
            search: what there is to look at.
            call: one with random outputs, or one of a layer whose code is not at hand.

        Raises:
            SamplingSiteError: it is written this way, but too little is known of it.
        """
