"""A Keras half as an ONNX file."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnxslim
import tensorflow as tf
import tf2onnx
from onnx import helper

from vae_export.artifact import Artifact, TensorSpec
from vae_export.bundle.format_version import FORMAT_VERSION
from vae_export.convert.operators import refuse_operators
from vae_export.convert.opsets import DEFAULT_OPSET, OLDEST_RUNTIMES, check_opset
from vae_export.convert.signature import input_signature, placeholder_names, positional
from vae_export.convert.tracing import failing_layer, made_traceable
from vae_export.errors import ConversionError, one_line
from vae_export.quiet import quiet

__all__ = ["convert_to_onnx"]

BATCH_AXIS = "N"


def convert_to_onnx(
    half: Any, role: str, *, name: str, opset: int = DEFAULT_OPSET, batch: int | None = None
) -> Artifact:
    """Convert a half with tf2onnx, clean it with onnxslim and check it in full.

    Args:
        half: Keras model with dicts of inputs and outputs; the tensors get these names.
        role: "encoder" or "decoder".
        name: of the VAE; goes into the file's metadata.
        opset: see `check_opset`.
        batch: a fixed batch size, or None for any.

    Raises:
        InputError: the opset is not supported.
        ConversionError: the half cannot be converted, or the file holds operators it must not.
    """
    check_opset(opset)
    file = f"{role}.onnx"
    model = _trace(half, opset, batch, file)
    nodes = list(_all_nodes(model.graph))
    custom = [
        f"{node.domain}.{node.op_type}".lstrip(".")
        for node in nodes
        if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type, opset, "")
    ]
    refuse_operators(file, (node.op_type for node in nodes), custom)
    model = onnxslim.slim(model)
    metadata = {"name": name, "role": role, "format_version": str(FORMAT_VERSION)}
    _canonicalise(model, dict(zip(placeholder_names(half), half.inputs, strict=True)), metadata)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(
            f"{file}: the ONNX checker refuses it ({str(error).splitlines()[0]})"
        ) from error
    return Artifact(
        role=role,
        format="onnx",
        precision="float32",
        data=model.SerializeToString(deterministic=True),
        inputs=tuple(_spec(value) for value in model.graph.input),
        outputs=tuple(_spec(value) for value in model.graph.output),
        batches=None if batch is None else (batch,),
        operators=tuple(sorted({node.op_type for node in _all_nodes(model.graph)})),
        oldest_runtime=f"onnxruntime {OLDEST_RUNTIMES[opset]}",
        opset=opset,
        ir_version=model.ir_version,
    )


def _trace(half: Any, opset: int, batch: int | None, file: str) -> Any:
    function = tf.function(positional(half))
    # Unknown operators are reported by name below; tf2onnx' own log would say it again.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    try:
        with quiet(), made_traceable(half):
            model, _ = tf2onnx.convert.from_function(
                function,
                input_signature=input_signature(half, batch),
                opset=opset,
                custom_op_handlers={"Erfc": (_convert_erfc, [])},
            )
    # tf2onnx raises many types, and passes on whatever TensorFlow raises while tracing.
    except Exception as error:
        reason = failing_layer(error) or one_line(error)
        raise ConversionError(f"{file}: tf2onnx cannot convert it ({reason})") from error
    return model


def _convert_erfc(context: Any, node: Any, name: str, _: Any) -> None:
    """erfc(x) = 1 - erf(x), of which exact GELU is made; ONNX has erf alone."""
    (x,), (output,) = node.input, node.output
    shapes, dtypes = [context.get_shape(output)], [context.get_dtype(output)]
    context.remove_node(name)
    erf = context.make_node("Erf", [x], shapes=shapes, dtypes=dtypes)
    one = context.make_const(tf2onnx.utils.make_name("one"), np.array(1, np.float32))
    context.make_node(
        "Sub", [one.output[0], erf.output[0]], outputs=[output], name=name, shapes=shapes, dtypes=dtypes
    )


def _canonicalise(model: Any, inputs: Mapping[str, str], metadata: dict[str, str]) -> None:
    """Make the bytes depend on the model alone.

    The converters name tensors by counters of the process and by addresses, and order nodes by their
    names. So nodes are put in the order in which the outputs need them, and every tensor but the inputs
    and outputs is named by its place. The bodies of loops and branches follow along.

    Args:
        model: changed in place.
        inputs: what the converter calls them -> their name.
        metadata: for the file.
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
    # tf2onnx also declares ai.onnx.ml, which nothing here uses.
    standard = [opset for opset in model.opset_import if opset.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    helper.set_model_props(model, metadata)


def _subgraphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def _all_nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a graph, and those of the bodies of its loops and branches."""
    for node in graph.node:
        yield node
        for inner in _subgraphs(node):
            yield from _all_nodes(inner)


def _used(node: Any) -> Iterator[str]:
    """Names of the tensors a node needs, those that only its bodies need among them."""
    yield from node.input
    for inner in _subgraphs(node):
        for nested in _all_nodes(inner):
            yield from nested.input
        yield from (value.name for value in inner.output)


def _sort_nodes(graph: Any) -> None:
    """Order nodes depth first from the outputs, inputs in their order; leaves out what nothing needs."""
    nodes = list(graph.node)
    maker = {name: index for index, node in enumerate(nodes) for name in node.output}
    order: list[int] = []
    placed: set[int] = set()
    waiting = [maker[value.name] for value in reversed(graph.output) if value.name in maker]
    while waiting:
        index = waiting[-1]
        missing = [maker[name] for name in _used(nodes[index]) if maker.get(name, index) != index]
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
    """(what kind of thing it is, name) of every tensor, weights where they are first used."""
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
    # Shapes of tensors in between: they may hold counted names, and are inferred again anyway.
    del graph.value_info[:]


def _spec(value: Any) -> TensorSpec:
    tensor = value.type.tensor_type
    shape = tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim)
    return TensorSpec(value.name, shape, str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)))
