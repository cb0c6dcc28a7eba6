"""Kinds of models that users have, one a file, in one registry.

A new kind is a class like those below, in a file of its own, and one line of registration.
"""

from __future__ import annotations

from vae_export.sources.attribute import Attribute
from vae_export.sources.keras_file import KerasFile
from vae_export.sources.model_object import ModelObject
from vae_export.sources.pair import PairOfModels
from vae_export.sources.protocol import Source
from vae_export.sources.trained_folder import ReferenceModel, TrainedFolder

__all__ = ["SOURCES", "register_source"]

# In the order of messages. Of several that recognise a request the most confident one loads it.
SOURCES: list[Source] = []


def register_source(source: Source) -> Source:
    """Add a kind.

    Raises:
        ValueError: the name is taken.
    """
    if any(known.name == source.name for known in SOURCES):
        raise ValueError(f"source {source.name!r} is registered already")
    SOURCES.append(source)
    return source


register_source(PairOfModels())
register_source(TrainedFolder())
register_source(KerasFile())
register_source(Attribute())
register_source(ReferenceModel())
register_source(ModelObject())
