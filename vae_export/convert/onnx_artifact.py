"""A Keras half as an ONNX file."""

from __future__ import annotations

import logging
import re
from typing import Any

import onnx
import onnxslim
import tensorflow as tf
import tf2onnx
from onnx import helper

from vae_export.artifact import Artifact, TensorSpec
from vae_export.bundle.format_version import FORMAT_VERSION
from vae_export.convert.operators import refuse_operators
from vae_export.convert.opsets import DEFAULT_OPSET, OLDEST_RUNTIMES, check_opset
from vae_export.errors import ConversionError, one_line
from vae_export.quiet import quiet

__all__ = ["convert_to_onnx"]

BATCH_AXIS = "N"


def convert_to_onnx(
    half: Any, role: str, *, name: str, opset: int = DEFAULT_OPSET, batch: int | None = None
) -> Artifact:
    """Convert a half with tf2onnx, clean it with onnxslim and check it in full.

    Args:
        half: Keras model with one input and a dict of outputs; the tensors get these names.
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
    domains = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    custom = [
        f"{node.domain}.{node.op_type}".lstrip(".")
        for node in model.graph.node
        if node.domain in domains or not onnx.defs.has(node.op_type, opset, "")
    ]
    refuse_operators(file, (node.op_type for node in model.graph.node), custom)
    model = onnxslim.slim(model)
    _canonicalise(model, {"name": name, "role": role, "format_version": str(FORMAT_VERSION)})
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
        operators=tuple(sorted({node.op_type for node in model.graph.node})),
        oldest_runtime=f"onnxruntime {OLDEST_RUNTIMES[opset]}",
        opset=opset,
        ir_version=model.ir_version,
    )


def _trace(half: Any, opset: int, batch: int | None, file: str) -> Any:
    (tensor,) = half.inputs
    signature = [tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype, name=tensor.name)]
    function = tf.function(lambda x: half(x, training=False))
    # Unknown operators are reported by name below; tf2onnx' own log would say it again.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    try:
        with quiet():
            model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=opset)
    # tf2onnx raises many types, and passes on whatever TensorFlow raises while tracing.
    except Exception as error:
        raise ConversionError(f"{file}: tf2onnx cannot convert it ({one_line(error)})") from error
    return model


def _canonicalise(model: Any, metadata: dict[str, str]) -> None:
    """Make the file depend on the model alone: tf2onnx numbers names by a counter of the process."""
    graph = model.graph
    kept = {value.name for value in (*graph.input, *graph.output)}
    renamed = {name: name for name in kept}

    def rename(name: str) -> str:
        if name and name not in renamed:
            stem = re.sub(r"__\d+", "", name)
            taken = set(renamed.values())
            number = 1
            candidate = stem
            while candidate in taken:
                number += 1
                candidate = f"{stem}.{number}"
            renamed[name] = candidate
        return str(renamed.get(name, name))

    for node in graph.node:
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
    for initializer in graph.initializer:
        initializer.name = rename(initializer.name)
    for index, node in enumerate(graph.node):
        node.name = f"{index}:{re.sub(r'__[0-9]+', '', node.name)}"
        node.doc_string = ""
    graph.initializer.sort(key=lambda initializer: initializer.name)
    graph.name = metadata["role"]
    graph.doc_string = ""
    # Intermediate shapes are for debuggers, may hold counted names, and are inferred again anyway.
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        axes = value.type.tensor_type.shape.dim
        if not axes[0].HasField("dim_value"):
            axes[0].dim_param = BATCH_AXIS
    # tf2onnx also declares ai.onnx.ml, which nothing here uses.
    standard = [opset for opset in model.opset_import if opset.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    helper.set_model_props(model, metadata)


def _spec(value: Any) -> TensorSpec:
    tensor = value.type.tensor_type
    shape = tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim)
    return TensorSpec(value.name, shape, str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)))
