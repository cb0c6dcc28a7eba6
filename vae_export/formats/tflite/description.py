"""Facts of a TFLite file: inputs, outputs, sizes, operators and the runtime that it needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vae_export.core.artifact import Quantisation, TensorSpec
from vae_export.errors import ConversionError
from vae_export.formats.tflite.passes.graph import KINDS
from vae_export.private.litert import schema

__all__ = [
    "custom_operators",
    "largest_row",
    "minimum_runtime",
    "operator_kinds",
    "tensor_specs",
]

_DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.BOOL: np.bool_,
}


def operator_kinds(model: Any) -> tuple[str, ...]:
    """The kinds of built-in operators in a model, sorted."""
    return tuple(sorted({KINDS[code.builtinCode] for code in model.operatorCodes} - {"CUSTOM"}))


def custom_operators(model: Any) -> list[str]:
    """Names of the custom operators."""
    return [code.customCode.decode() for code in model.operatorCodes if code.customCode]


def tensor_specs(model: Any, several: bool) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Specs of the inputs and outputs of the first signature; the batch is free if there are `several`."""
    signature = model.signatureDefs[0]
    tensors = model.subgraphs[signature.subgraphIndex].tensors

    def spec(entry: Any) -> TensorSpec:
        tensor = tensors[entry.tensorIndex]
        sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
        shape = [int(size) if size >= 0 else None for size in sizes]
        dtype = np.dtype(_DTYPES[tensor.type]).name
        return TensorSpec(
            entry.name.decode(), (None if several else shape[0], *shape[1:]), dtype, _quantisation(tensor)
        )

    return tuple(map(spec, signature.inputs)), tuple(map(spec, signature.outputs))


def _quantisation(tensor: Any) -> Quantisation | None:
    described = tensor.quantization
    if described is None or described.scale is None:
        return None
    return Quantisation(float(described.scale[0]), int(described.zeroPoint[0]))


def largest_row(model: Any) -> int:
    """Bytes of one row of the largest computed tensor of a known shape."""
    graph = model.subgraphs[model.signatureDefs[0].subgraphIndex]
    rows = max(1, int(graph.tensors[graph.inputs[0]].shape[0]))
    sizes = [1]
    # Weights stored in 16 bits are converted to 32 once.
    rowwise = [o for o in graph.operators if not all(_is_stored(model, graph, index) for index in o.inputs)]
    for index in {int(index) for operator in rowwise for index in operator.outputs}:
        tensor = graph.tensors[index]
        width = np.dtype(_DTYPES.get(tensor.type, np.float32)).itemsize
        sizes.append(math.prod(max(1, int(size)) for size in tensor.shape) * width // rows)
    return max(sizes)


def _is_stored(model: Any, graph: Any, index: int) -> bool:
    if index < 0:
        return True
    data = model.buffers[graph.tensors[index].buffer].data
    return data is not None and len(data) > 0


def minimum_runtime(model: Any) -> str:
    """The oldest runtime with all operators, from the file's metadata; empty if TensorFlow does not know it.

    Raises:
        ConversionError: the file has no such metadata.
    """
    for entry in model.metadata:
        if entry.name == b"min_runtime_version":
            return bytes(model.buffers[entry.buffer].data).rstrip(b"\0").decode()
    raise ConversionError(
        "the TFLite converter wrote no min_runtime_version; use a tested TensorFlow version"
    )
