"""Which operators of a quantised TFLite file compute with float32 weights and activations."""

from __future__ import annotations

from typing import Any

from vae_export.formats.tflite.operators import CASTS
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.formats.tflite.quantise.layers import Tensor
from vae_export.formats.tflite.quantise.names import marked
from vae_export.private.litert import schema

__all__ = ["in_float"]

# Operators whose weights are stored in fewer bits.
_WEIGHTED = {
    "BATCH_MATMUL",
    "CONV_2D",
    "CONV_3D",
    "CONV_3D_TRANSPOSE",
    "DEPTHWISE_CONV_2D",
    "EMBEDDING_LOOKUP",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
}
_NARROW = {schema.TensorType.FLOAT16, schema.TensorType.INT8, schema.TensorType.INT16}


def in_float(model: Any) -> dict[Tensor, bool]:
    """The operators of a quantised file that compute in float32.

    Args:
        model: the `schema.ModelT` of a quantised file with marked names.

    Returns:
        Output of the operator, as a tensor of the float file -> whether the operator has weights.
    """
    found = {}
    for graph in model.subgraphs:
        widened = {
            int(operator.outputs[0])
            for operator in graph.operators
            if kind_of(model, operator) == "DEQUANTIZE" and _content(model, graph, operator.inputs[0])
        }
        for operator in graph.operators:
            kind = kind_of(model, operator)
            outputs = [graph.tensors[index] for index in operator.outputs[:1]]
            tensor = marked(outputs[0].name) if outputs else None
            added = kind in CASTS
            if tensor is None or added or outputs[0].type != schema.TensorType.FLOAT32:
                continue
            inputs = [int(index) for index in operator.inputs if index >= 0]
            if not any(index in widened or graph.tensors[index].type in _NARROW for index in inputs):
                stored = [index for index in inputs if _content(model, graph, index)]
                found[tensor] = kind in _WEIGHTED and any(len(graph.tensors[i].shape) > 1 for i in stored)
    return found


def _content(model: Any, graph: Any, index: int) -> bool:
    data = model.buffers[graph.tensors[index].buffer].data
    return data is not None and len(data) > 0
