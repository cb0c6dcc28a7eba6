"""The computing operators of a TFLite file, and their names in every signature.

An operator is named by its output in the first signature. Other signatures may have other names, as batches
above 1 need data-movement operators that a batch of 1 does without. Without those, all signatures hold the
same kinds of operators in the same order, so an operator is identified by its position among the computing
ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from vae_export.core.artifact import Artifact
from vae_export.errors import ConversionError
from vae_export.formats.tflite.operators import MOVING
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.private.litert import read_model, schema

__all__ = [
    "Tensor",
    "computing",
    "find_layers",
    "moving_between",
    "quantisable_tensors",
]

# (subgraph, tensor): names are not unique across signatures.
Tensor = tuple[int, int]


def quantisable_tensors(artifact: Artifact) -> tuple[str, ...]:
    """The names that `keep_float` may have for a float32 .tflite file: computing operators in graph order.

    An operator is named by its output in the first signature, such as ``"conv_2d_3"``.
    """
    model = read_model(artifact.data)
    first = model.signatureDefs[0].subgraphIndex
    return tuple(model.subgraphs[first].tensors[index].name.decode() for _, index in computing(model, first))


def computing(model: Any, subgraph: int) -> Iterator[tuple[Any, int]]:
    """(operator, index of its output) of the computing operators with a float32 output, in graph order."""
    graph = model.subgraphs[subgraph]
    for operator in graph.operators:
        # Assertions have no output.
        for index in map(int, operator.outputs[:1]):
            is_float = graph.tensors[index].type == schema.TensorType.FLOAT32
            if is_float and kind_of(model, operator) not in MOVING:
                yield operator, index


def find_layers(model: Any, names: Collection[str], file: str) -> frozenset[Tensor]:
    """Find named operators in every signature.

    Args:
        model: the `schema.ModelT` of a float32 file.
        names: of operators, as in the first signature.
        file: for messages.

    Returns:
        The outputs of the operators.

    Raises:
        ConversionError: no operator has the name, or the computing operators of signatures differ.
    """
    subgraphs = [signature.subgraphIndex for signature in model.signatureDefs]
    tensors = model.subgraphs[subgraphs[0]].tensors
    rows = [list(computing(model, subgraph)) for subgraph in subgraphs]
    known = [tensors[index].name.decode() for _, index in rows[0]]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ConversionError(
            f"{file}: keep_float: got {', '.join(unknown)}, expected names out of {', '.join(known)}"
        )
    kinds = [[kind_of(model, operator) for operator, _ in row] for row in rows]
    if names and any(other != kinds[0] for other in kinds):
        raise ConversionError(
            f"{file}: keep_float names tensors, but its signatures have different operators, expected the "
            "same ones in all; export with a single batch size"
        )
    return frozenset(
        (subgraph, row[position][1])
        for subgraph, row in zip(subgraphs, rows, strict=True)
        for position, name in enumerate(known)
        if name in names
    )


def moving_between(model: Any, layers: Collection[Tensor]) -> frozenset[Tensor]:
    """Outputs of data-movement operators whose producers and consumers are all in `layers`.

    Inputs and outputs of the graph count as layers. In integers such operators would round values between two
    float layers.

    Args:
        model: the `schema.ModelT` of a float32 file.
        layers: outputs of computing operators.
    """
    found: set[Tensor] = set()
    for subgraph, graph in enumerate(model.subgraphs):
        inside = {index for other, index in layers if other == subgraph}
        moving = [operator for operator in graph.operators if kind_of(model, operator) in MOVING]
        ends = {int(index) for index in (*graph.inputs, *graph.outputs)}
        while True:
            made = inside.union(ends, *(map(int, operator.outputs) for operator in moving))
            kept = [o for o in moving if _is_inside(graph, o, made, ends)]
            if len(kept) == len(moving):
                break
            moving = kept
        found.update((subgraph, int(index)) for operator in moving for index in operator.outputs)
    return frozenset(found)


def _is_inside(graph: Any, operator: Any, made: Collection[int], ends: Collection[int]) -> bool:
    """Whether all producers and consumers of an operator are among some tensors."""
    computed = {int(index) for other in graph.operators for index in other.outputs}
    sources = [int(index) for index in operator.inputs if int(index) in computed or int(index) in ends]
    takers = [o for o in graph.operators if any(index in operator.outputs for index in o.inputs)]
    return all(index in made for index in (*sources, *(int(i) for taker in takers for i in taker.outputs)))
