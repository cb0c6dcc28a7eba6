"""ONNX files with float16 weights, computed in float32."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from vae_export.core.artifact import Artifact
from vae_export.errors import ConversionError
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.quantise.steps import Work, quantise_by
from vae_export.formats.onnx.quantise.weighted import weighted_nodes

__all__ = ["recipe", "store_as_float16"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

_LABEL = "weights as float16, computed in float32"

# For fewer values, the Cast back to float32 takes more bytes than float16 saves.
FEWEST = 64


def store_as_float16(graph: OnnxGraph, kept: Collection[str]) -> int:
    """Store float32 constants as float16, each with a Cast back to float32.

    Arithmetic stays float32; runtimes do the casts once, at load time. Small constants and constants beyond
    the range of float16 stay float32.

    Args:
        graph: changed in place.
        kept: names of the nodes with weights whose constants stay float32.

    Returns:
        The number of constants stored as float16.
    """
    nodes = [weighted.node for weighted in weighted_nodes(graph) if weighted.name in kept]
    left = {name for node in nodes for name in node.input}
    changed = 0
    for initializer in graph.graph.initializer:
        values = graph.constant(initializer.name)
        if initializer.name in left or values is None or not _fits(values):
            continue
        stored = numpy_helper.from_array(values.astype(np.float16), f"{initializer.name}_half")
        # The cast takes over the name: the bodies of loops may refer to it.
        cast = helper.make_node("Cast", [stored.name], [initializer.name], to=TensorProto.FLOAT)
        graph.graph.node.append(cast)
        initializer.CopyFrom(stored)
        changed += 1
    return changed


def _fits(values: Array) -> bool:
    if values.dtype != np.float32 or values.size < FEWEST:
        return False
    return bool(np.abs(values).max() <= np.finfo(np.float16).max)


def recipe(
    source: Artifact, rows: Arrays, *, integer_io: bool = False, keep_float: Collection[str] = ()
) -> Artifact:
    """The precision; see `formats.protocol.QuantisationRecipe`. Inputs and outputs stay float32."""
    return quantise_by(_apply, source, rows, precision="float16", label=_LABEL, keep_float=keep_float)


def _apply(work: Work) -> None:
    if not store_as_float16(work.graph, work.kept):
        raise ConversionError(
            f"{work.file}: no constants are left to store in 16 bits, expected one of {FEWEST} values or "
            f"more, none of them beyond {np.finfo(np.float16).max:g}; take float32"
        )
