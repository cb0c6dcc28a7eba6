"""ONNX files with their weights in float16."""

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

# Of fewer values, the node that makes float32 of them again takes more bytes than are saved.
FEWEST = 64


def store_as_float16(graph: OnnxGraph, kept: Collection[str]) -> int:
    """Put constants of float32 into the file as float16, and nodes that make float32 of them again.

    All is computed in float32; the runtimes do these casts once, when they load the file. Small constants
    stay as they are, and those with values beyond those of float16.

    Args:
        graph: changed in place.
        kept: names of the nodes with weights whose constants stay as they are.

    Returns:
        How many constants were changed.
    """
    nodes = [weighted.node for weighted in weighted_nodes(graph) if weighted.name in kept]
    left = {name for node in nodes for name in node.input}
    changed = 0
    for initializer in graph.graph.initializer:
        values = graph.constant(initializer.name)
        if initializer.name in left or values is None or not _fits(values):
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{initializer.name}_half")
        # The cast takes over the name, so that the bodies of loops find it too.
        cast = helper.make_node("Cast", [half.name], [initializer.name], to=TensorProto.FLOAT)
        graph.graph.node.append(cast)
        initializer.CopyFrom(half)
        changed += 1
    return changed


def _fits(values: Array) -> bool:
    if values.dtype != np.float32 or values.size < FEWEST:
        return False
    return bool(np.abs(values).max() <= np.finfo(np.float16).max)


def recipe(
    source: Artifact, rows: Arrays, *, integer_io: bool = False, keep_float: Collection[str] = ()
) -> Artifact:
    """The precision; see `formats.protocol.Recipe`. Inputs and outputs stay float32."""
    return quantise_by(_apply, source, rows, precision="float16", label=_LABEL, keep_float=keep_float)


def _apply(work: Work) -> None:
    if not store_as_float16(work.graph, work.kept):
        raise ConversionError(
            f"{work.file}: no constants are left to store in 16 bits, expected one of {FEWEST} values or "
            f"more, none of them beyond {np.finfo(np.float16).max:g}; take float32"
        )
