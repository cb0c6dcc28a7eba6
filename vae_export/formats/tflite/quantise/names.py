"""Names of tensors that outlive the quantisers.

Both quantisers know tensors by name, and neither keeps names as they are: litert-quantizer refuses one that
is in two subgraphs, TensorFlow's cuts them at an ``@``, joins them with ``;`` and appends digits. So while
they work, tensors are called after their place, ``t5_of_0#``, which also keeps the characters of users' names
out of the patterns that layers are looked up by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vae_export.formats.tflite.quantise.layers import Tensor, kind_of
from vae_export.private.litert import schema

__all__ = ["mark", "mark_names", "marked", "restore_names"]

_MARK = re.compile(rb"^t(\d+)_of_(\d+)#")
_FLOATS = {schema.TensorType.FLOAT16, schema.TensorType.FLOAT32}


def mark(tensor: Tensor) -> str:
    """What a tensor is called for a quantiser."""
    subgraph, index = tensor
    return f"t{index}_of_{subgraph}#"


def marked(name: bytes | None) -> Tensor | None:
    """Which tensor of the float file a quantiser has named so, if any."""
    found = _MARK.match(name or b"")
    return (int(found[2]), int(found[1])) if found else None


def mark_names(model: Any) -> dict[Tensor, bytes]:
    """Call all tensors of a float model by their marks.

    Args:
        model: a `schema.ModelT`; changed in place.

    Returns:
        What they were called.
    """
    names = {}
    for subgraph, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            names[subgraph, index] = tensor.name
            tensor.name = mark((subgraph, index)).encode()
    return names


def restore_names(model: Any, names: dict[Tensor, bytes]) -> None:
    """Name the tensors of a quantised model as those of the float model that they came from.

    Inputs and outputs of signatures have their names. A tensor besides that stands for the same values is
    ``NAME_quantised`` or ``NAME_dequantised``, and of several each after the first has a number.

    Args:
        model: a `schema.ModelT` with marks; changed in place.
        names: as `mark_names` had them.
    """
    for signature in model.signatureDefs:
        graph = model.subgraphs[signature.subgraphIndex]
        graph.name = signature.signatureKey
        ends = {e.tensorIndex: e.name for e in (*signature.inputs, *signature.outputs)}
        taken = set(ends.values())
        sources = _sources(model, graph)
        for index in _by_place(graph):
            tensor = graph.tensors[index]
            tensor.name = ends.get(index) or _free_name(_base(sources[index], names), tensor.type, taken)
            taken.add(tensor.name)


def _by_place(graph: Any) -> Iterator[int]:
    """Tensors, those that operators compute before those that are in the file."""
    order = [int(index) for operator in graph.operators for index in operator.outputs]
    yield from dict.fromkeys((*order, *range(len(graph.tensors))))


def _sources(model: Any, graph: Any) -> list[bytes | None]:
    """The marked name of every tensor, or of the one that an operator of the quantiser made it of."""
    sources = [tensor.name if marked(tensor.name) else None for tensor in graph.tensors]
    for operator in graph.operators:
        if kind_of(model, operator) in ("DEQUANTIZE", "QUANTIZE"):
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
