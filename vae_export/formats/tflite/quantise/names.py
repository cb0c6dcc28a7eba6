"""Names of tensors that outlive the quantisers.

Both quantisers identify tensors by name, and change names: litert-quantizer refuses a name that two subgraphs
have; TensorFlow's cuts names at ``@``, joins them with ``;`` and appends digits. So tensors are renamed by
their index before quantisation, to marks such as ``t5_of_0#``, and named again afterwards. Marks also hold no
characters that mean something in the quantisers' name patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vae_export.formats.tflite.operators import CASTS
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.formats.tflite.quantise.layers import Tensor
from vae_export.private.litert import schema

__all__ = ["mark", "mark_names", "marked", "restore_names"]

_MARK = re.compile(rb"^t(\d+)_of_(\d+)#")
_FLOATS = {schema.TensorType.FLOAT16, schema.TensorType.FLOAT32}


def mark(tensor: Tensor) -> str:
    """The name of a tensor during quantisation."""
    subgraph, index = tensor
    return f"t{index}_of_{subgraph}#"


def marked(name: bytes | None) -> Tensor | None:
    """The tensor of the float file whose mark a name begins with; None for other names."""
    found = _MARK.match(name or b"")
    return (int(found[2]), int(found[1])) if found else None


def mark_names(model: Any) -> dict[Tensor, bytes]:
    """Rename all tensors of a float model to their marks.

    Args:
        model: a `schema.ModelT`; changed in place.

    Returns:
        The names before.
    """
    names = {}
    for subgraph, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            names[subgraph, index] = tensor.name
            tensor.name = mark((subgraph, index)).encode()
    return names


def restore_names(model: Any, names: dict[Tensor, bytes]) -> None:
    """Give the tensors of a quantised model the names of the float model's.

    Inputs and outputs of signatures have their signature's names. A further tensor with the same values in
    another type is ``NAME_quantised`` or ``NAME_dequantised``; the second of a name ends in ``_2``.

    Args:
        model: a `schema.ModelT` with marks; changed in place.
        names: as returned by `mark_names`.
    """
    for signature in model.signatureDefs:
        graph = model.subgraphs[signature.subgraphIndex]
        graph.name = signature.signatureKey
        ends = {e.tensorIndex: e.name for e in (*signature.inputs, *signature.outputs)}
        taken = set(ends.values())
        sources = _sources(model, graph)
        for index in _in_running_order(graph):
            tensor = graph.tensors[index]
            tensor.name = ends.get(index) or _free_name(_base(sources[index], names), tensor.type, taken)
            taken.add(tensor.name)


def _in_running_order(graph: Any) -> Iterator[int]:
    """Indices of tensors: outputs of operators in the order of the graph, then all others."""
    order = [int(index) for operator in graph.operators for index in operator.outputs]
    yield from dict.fromkeys((*order, *range(len(graph.tensors))))


def _sources(model: Any, graph: Any) -> list[bytes | None]:
    """The mark of every tensor; of a tensor that the quantiser added, the mark of its source."""
    sources = [tensor.name if marked(tensor.name) else None for tensor in graph.tensors]
    for operator in graph.operators:
        if kind_of(model, operator) in CASTS:
            output = int(operator.outputs[0])
            sources[output] = sources[output] or sources[int(operator.inputs[0])]
    return sources


def _base(source: bytes | None, names: dict[Tensor, bytes]) -> bytes:
    tensor = marked(source)
    return b"added" if tensor is None else names[tensor]


def _free_name(base: bytes, type: int, taken: set[bytes]) -> bytes:
    if base not in taken:
        return base
    name = base + (b"_dequantised" if type in _FLOATS else b"_quantised")
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = b"%s_%d" % (name, number)
    return candidate
