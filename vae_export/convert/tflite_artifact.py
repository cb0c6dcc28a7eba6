"""A Keras half as a TFLite file."""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from vae_export.artifact import Artifact, TensorSpec
from vae_export.convert.operators import refuse_operators
from vae_export.convert.signature import input_signature, placeholder_names, positional
from vae_export.convert.tracing import failing_layer, made_traceable
from vae_export.errors import ConversionError, one_line
from vae_export.quiet import quiet

__all__ = ["convert_to_tflite"]

SIGNATURE = "serving_default"

# Position of the name in the table of a tensor (schema.fbs: shape, type, buffer, name) and of an entry
# of a signature (name, tensor_index).
_TENSOR_NAME_FIELD = 10
_SIGNATURE_NAME_FIELD = 4

_DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.BOOL: np.bool_,
}
_BUILTIN_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


def convert_to_tflite(half: Any, role: str, *, batch: int | None = None) -> Artifact:
    """Convert a half with TensorFlow's own converter, to built-in operators only.

    Args:
        half: Keras model with dicts of inputs and outputs; signature and tensors get these names.
        role: "encoder" or "decoder".
        batch: a fixed batch size, or None for any.

    Raises:
        ConversionError: the half cannot be converted, or the file holds operators it must not.
    """
    file = f"{role}.tflite"
    try:
        with quiet(), made_traceable(half):
            data = _convert(half, batch)
    # The converter raises its own type, and passes on whatever Keras raises while it traces.
    except Exception as error:
        raise ConversionError(f"{file}: {_reason(error)}") from error
    model = schema.Model.GetRootAs(data, 0)
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    custom = [code.CustomCode().decode() for code in codes if code.CustomCode()]
    operators = sorted({_BUILTIN_NAMES[code.BuiltinCode()] for code in codes} - {"CUSTOM"})
    refuse_operators(file, operators, custom)
    names = dict(zip(placeholder_names(half), half.inputs, strict=True))
    inputs, outputs = _name_tensors(data, model, names)
    return Artifact(
        role=role,
        format="tflite",
        precision="float32",
        data=bytes(data),
        inputs=inputs,
        outputs=outputs,
        operators=tuple(operators),
        oldest_runtime=f"tflite {_minimum_runtime(model)}",
    )


def _convert(half: Any, batch: int | None) -> bytearray:
    archive = keras.export.ExportArchive()
    archive.track(half)
    archive.add_endpoint(SIGNATURE, positional(half), input_signature=input_signature(half, batch))
    # By way of a SavedModel: from_concrete_functions would drop the weights of a Keras 3 model without
    # a word, and from_keras_model hides why a model cannot be traced.
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return bytearray(converter.convert())


def _reason(error: Exception) -> str:
    operators = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
    if operators:
        return (
            f"needs the TensorFlow operator {', '.join(operators)} (a Flex operator), which no plain "
            "runtime has; replace the layer that needs it with standard Keras layers"
        )
    return f"the TFLite converter cannot convert it ({failing_layer(error) or one_line(error)})"


def _name_tensors(
    data: bytearray, model: Any, inputs: Mapping[str, str]
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Give signature and tensors their names, in place, and describe them.

    The converter calls tensors after its own functions. A FlatBuffer string may shrink where it lies:
    its length stands before it, and nothing else depends on it. So a tensor whose name is longer than the
    converter's keeps that; the signature, by which tensors are bound, has every name in full.
    """
    signature = model.SignatureDefs(0)
    graph = model.Subgraphs(signature.SubgraphIndex())

    def describe(entries: list[Any], names: Mapping[str, str]) -> tuple[TensorSpec, ...]:
        specs = []
        for entry in entries:
            old = entry.Name().decode()
            name = names.get(old, old)
            tensor = graph.Tensors(entry.TensorIndex())
            _shrink(data, entry, _SIGNATURE_NAME_FIELD, entry.Name(), name)
            _shrink(data, tensor, _TENSOR_NAME_FIELD, tensor.Name(), name)
            specs.append(_spec(tensor, name))
        return tuple(specs)

    return (
        describe([signature.Inputs(index) for index in range(signature.InputsLength())], inputs),
        describe([signature.Outputs(index) for index in range(signature.OutputsLength())], {}),
    )


def _shrink(data: bytearray, owner: Any, name_field: int, old: bytes, name: str) -> None:
    """Write a name over a longer one."""
    new = name.encode()
    if len(new) > len(old):
        return
    table = owner._tab
    field = table.Pos + table.Offset(name_field)
    start = field + struct.unpack_from("<I", data, field)[0]
    struct.pack_into("<I", data, start, len(new))
    data[start + 4 : start + 4 + len(old)] = new.ljust(len(old), b"\0")


def _spec(tensor: Any, name: str) -> TensorSpec:
    sizes = tensor.ShapeSignatureAsNumpy() if tensor.ShapeSignatureLength() else tensor.ShapeAsNumpy()
    shape = tuple(int(size) if size >= 0 else None for size in sizes)
    return TensorSpec(name, shape, np.dtype(_DTYPES[tensor.Type()]).name)


def _minimum_runtime(model: Any) -> str:
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == b"min_runtime_version":
            return bytes(model.Buffers(entry.Buffer()).DataAsNumpy()).rstrip(b"\0").decode()
    raise ConversionError(
        "the TFLite converter wrote no min_runtime_version; use a tested TensorFlow version"
    )
