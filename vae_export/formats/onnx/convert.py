"""Convert a half that TensorFlow can trace to ONNX."""

from __future__ import annotations

import math
from typing import Any

import onnx
import onnxslim
import tensorflow as tf
import tf2onnx
from onnx import helper, numpy_helper

from vae_export.core.artifact import Artifact, TensorSpec
from vae_export.core.format_version import FORMAT_VERSION
from vae_export.core.half import Half, Traced
from vae_export.errors import ConversionError, one_line
from vae_export.formats.batch_size import preferred_batch
from vae_export.formats.oldest_runtimes import OLDEST_FOR_ONNX
from vae_export.formats.onnx.operators import RANDOM
from vae_export.formats.onnx.opsets import DEFAULT_OPSET, check_opset
from vae_export.formats.onnx.passes.canonical import all_nodes, canonicalise
from vae_export.formats.onnx.passes.lowering import lower_onnx
from vae_export.formats.operators import refuse_operators
from vae_export.formats.traceable import traced
from vae_export.io.quiet import quiet
from vae_export.private.tf2onnx import CUSTOM_HANDLERS, optimised_in_place, silence

__all__ = ["convert_to_onnx"]


def convert_to_onnx(
    half: Half, *, name: str, opset: int = DEFAULT_OPSET, batch: int | None = None
) -> Artifact:
    """Convert a half with tf2onnx, clean it with onnxslim and check it in full.

    Args:
        half: the graph's inputs and outputs get the names of the half's.
        name: name of the VAE, for the file's metadata.
        opset: see `check_opset`.
        batch: a fixed batch size, or None for any.

    Raises:
        InputError: the opset is not supported.
        ConversionError: the half cannot be converted, or the file holds forbidden operators.
    """
    check_opset(opset)
    role, file = half.role, f"{half.role}.onnx"
    function = traced(half, file)
    model = _trace(function, opset, batch, file)
    nodes = list(all_nodes(model.graph))
    custom = [
        f"{node.domain}.{node.op_type}".lstrip(".")
        for node in nodes
        if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type, opset, "")
    ]
    refuse_operators(file, (node.op_type for node in nodes), custom, RANDOM)
    model = onnxslim.slim(model)
    lower_onnx(model)
    metadata = {"name": name, "role": role, "format_version": str(FORMAT_VERSION)}
    canonicalise(model, function.placeholders, metadata)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(f"{file}: the ONNX checker refuses it ({one_line(error)})") from error
    batches = None if batch is None else (batch,)
    return Artifact(
        role=role,
        format="onnx",
        precision="float32",
        files={file: model.SerializeToString(deterministic=True)},
        inputs=tuple(_spec(value) for value in model.graph.input),
        outputs=tuple(_spec(value) for value in model.graph.output),
        batches=batches,
        preferred_batch=preferred_batch(_largest_row(model), batches),
        operators=tuple(sorted({node.op_type for node in all_nodes(model.graph)})),
        oldest_runtime=OLDEST_FOR_ONNX,
        details={"opset": opset, "ir_version": model.ir_version},
    )


def _trace(half: Traced, opset: int, batch: int | None, file: str) -> Any:
    function, signature = tf.function(half.__call__), half.signature(batch)
    # Unknown operators are reported by name below.
    silence()
    try:
        with quiet(), half.prepared(), optimised_in_place():
            model, _ = tf2onnx.convert.from_function(
                function,
                input_signature=signature,
                opset=opset,
                custom_op_handlers=CUSTOM_HANDLERS,
            )
    # tf2onnx raises many types, and lets TensorFlow's errors through.
    except Exception as error:
        reason = half.failing_layer(error) or one_line(error)
        raise ConversionError(f"{file}: tf2onnx cannot convert it ({reason})") from error
    _keep_captured(model.graph, function.get_concrete_function(*signature))
    return model


def _keep_captured(graph: Any, function: Any) -> None:
    """Tensors that layers hold besides weights, such as the mean of Normalization, are inputs for tf2onnx."""
    captured = {placeholder.name: tensor for tensor, placeholder in function.graph.captures}
    for value in [value for value in graph.input if value.name in captured]:
        graph.initializer.append(numpy_helper.from_array(captured[value.name].numpy(), value.name))
        graph.input.remove(value)


def _largest_row(model: Any) -> int:
    """Bytes of the largest tensor that is computed for one row, as far as shapes are known."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    sizes = [1]
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        tensor = value.type.tensor_type
        axes = [axis.dim_value for axis in tensor.shape.dim[1:]]
        sizes.append(math.prod(axes) * helper.tensor_dtype_to_np_dtype(tensor.elem_type).itemsize)
    return max(sizes)


def _spec(value: Any) -> TensorSpec:
    tensor = value.type.tensor_type
    shape = tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim)
    return TensorSpec(value.name, shape, str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)))
