"""ONNX files whose bytes depend on the model alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import onnx
from onnx import helper

__all__ = ["all_nodes", "canonicalise", "outer_inputs"]

BATCH_AXIS = "N"


def canonicalise(model: Any, inputs: Mapping[str, str], metadata: dict[str, str]) -> None:
    """Make the bytes depend on the model alone.

    The converters name tensors by counters and addresses of the process, and sort nodes by these names. Here
    nodes are sorted depth first from the outputs, and tensors other than inputs and outputs are named by
    their position; the same in the bodies of loops and branches.

    Args:
        model: changed in place.
        inputs: the converter's name of each input -> its name in the file, in order.
        metadata: the metadata of the file.
    """
    graph = model.graph
    _sort_nodes(graph)
    order = list(inputs)
    graph.input.sort(key=lambda value: order.index(value.name))
    names = {**inputs, **{value.name: value.name for value in graph.output}}
    for number, (owner, name) in enumerate(_definitions(graph)):
        names.setdefault(name, f"{owner}_{number}")
    _rename(graph, names)
    graph.initializer.sort(key=lambda initializer: initializer.name)
    graph.name = metadata["role"]
    graph.doc_string = ""
    for value in (*graph.input, *graph.output):
        axes = value.type.tensor_type.shape.dim
        if not axes[0].HasField("dim_value"):
            axes[0].dim_param = BATCH_AXIS
    # tf2onnx also declares ai.onnx.ml, which no node uses.
    standard = [opset for opset in model.opset_import if opset.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    helper.set_model_props(model, metadata)


def _subgraphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def all_nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a graph, and those of the bodies of its loops and branches."""
    for node in graph.node:
        yield node
        for inner in _subgraphs(node):
            yield from all_nodes(inner)


def outer_inputs(node: Any) -> list[str]:
    """Names of the inputs of a node, then of the outer tensors that its bodies read."""
    names = list(node.input)
    for inner in _subgraphs(node):
        own = {name for nested in inner.node for name in nested.output}
        own.update(value.name for value in (*inner.input, *inner.initializer))
        read = [name for nested in inner.node for name in outer_inputs(nested)]
        read += [value.name for value in inner.output]
        names += [name for name in read if name and name not in own]
    return names


def _sort_nodes(graph: Any) -> None:
    """Sort nodes depth first from the outputs, by the order of inputs; drops nodes that no output needs."""
    nodes = list(graph.node)
    # The empty name is an omitted input or output.
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    order: list[int] = []
    placed: set[int] = set()
    waiting = [maker[value.name] for value in reversed(graph.output) if value.name in maker]
    while waiting:
        index = waiting[-1]
        missing = [maker[name] for name in outer_inputs(nodes[index]) if maker.get(name, index) != index]
        missing = [other for other in missing if other not in placed]
        if index not in placed and missing:
            waiting.extend(reversed(missing))
            continue
        waiting.pop()
        if index not in placed:
            placed.add(index)
            order.append(index)
    ordered = [onnx.NodeProto.FromString(nodes[index].SerializeToString()) for index in order]
    del graph.node[:]
    graph.node.extend(ordered)
    for node in graph.node:
        for inner in _subgraphs(node):
            _sort_nodes(inner)


def _definitions(graph: Any) -> Iterator[tuple[str, str]]:
    """(kind, name) of every tensor: "input", "weight" at its first use, or the operator that computes it."""
    weights = {initializer.name for initializer in graph.initializer}
    for value in graph.input:
        yield "input", value.name
    for node in graph.node:
        for name in node.input:
            if name in weights:
                weights.remove(name)
                yield "weight", name
        for inner in _subgraphs(node):
            yield from _definitions(inner)
        for name in node.output:
            if name:
                yield node.op_type, name
    for name in sorted(weights):
        yield "weight", name


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
        node.doc_string = ""
        if not node.domain:
            node.ClearField("domain")
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for inner in _subgraphs(node):
            _rename(inner, names)
            inner.name = f"{node.op_type}_{index}"
            inner.doc_string = ""
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = names.get(value.name, value.name)
        value.doc_string = ""
    for value in (*graph.input, *graph.output):
        for axis in value.type.tensor_type.shape.dim:
            if axis.HasField("dim_param"):
                axis.ClearField("dim_param")
    # Shapes of intermediate tensors: they may hold counted names, and runtimes infer them again.
    del graph.value_info[:]
