"""Recognisers of sampling sites, each in a file of its own, in the order in which they are tried.

They are shown random calls, whose sites are measured (see `probe`), and calls of layers whose code is not at
hand. The first that recognises a call decides.
"""

from __future__ import annotations

from vae_export.split.recognisers.drawing_layer import DrawingLayer
from vae_export.split.recognisers.missing_layer import MissingLayer
from vae_export.split.recognisers.operations import NoiseOperations
from vae_export.split.recognisers.protocol import Recogniser, Search
from vae_export.split.recognisers.several_outputs import SeveralOutputs

__all__ = ["RECOGNISERS", "Search", "register_recogniser"]

RECOGNISERS: list[Recogniser] = []


def register_recogniser(recogniser: Recogniser) -> Recogniser:
    """Add a recogniser, to be tried after the others.

    Raises:
        ValueError: the name is taken.
    """
    if any(known.name == recogniser.name for known in RECOGNISERS):
        raise ValueError(f"recogniser {recogniser.name!r} is registered already")
    RECOGNISERS.append(recogniser)
    return recogniser


register_recogniser(DrawingLayer())
register_recogniser(SeveralOutputs())
register_recogniser(NoiseOperations())
register_recogniser(MissingLayer())
