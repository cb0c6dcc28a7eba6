"""Recognisers of sampling sites, each in a file of its own, in the order in which they are tried.

The first that recognises a random call decides. It returns a measured site: see `probe`.
"""

from __future__ import annotations

from vae_export.split.recognisers.drawing_layer import DrawingLayer
from vae_export.split.recognisers.operations import Operations
from vae_export.split.recognisers.protocol import Recogniser
from vae_export.split.recognisers.several_outputs import SeveralOutputs

__all__ = ["RECOGNISERS", "register_recogniser"]

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
register_recogniser(Operations())
