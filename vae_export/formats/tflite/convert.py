"""Convert a half that TensorFlow can trace to TFLite."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from vae_export.core.artifact import Artifact
from vae_export.core.half import Half, Traced
from vae_export.core.plan import DEFAULT_BATCHES
from vae_export.errors import ConversionError, one_line
from vae_export.formats.batch_size import preferred_batch
from vae_export.formats.oldest_runtimes import oldest_for_tflite
from vae_export.formats.operators import refuse_operators
from vae_export.formats.tflite.description import (
    custom_operators,
    largest_row,
    minimum_runtime,
    operator_kinds,
    tensor_specs,
)
from vae_export.formats.tflite.flatbuffer import name_tensors, strip, to_bytes
from vae_export.formats.tflite.operators import RANDOM
from vae_export.formats.tflite.passes.lowering import lower_tflite
from vae_export.formats.traceable import traced
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model

__all__ = ["convert_to_tflite"]


def convert_to_tflite(
    half: Half,
    *,
    batches: Sequence[int] | None = DEFAULT_BATCHES,
    for_integers: bool = False,
) -> Artifact:
    """Convert a half with TensorFlow's own converter, to built-in operators only.

    Delegates run a whole graph if its shapes are static, so each batch size has a signature, ``batch_N``; all
    share the weights. A file for any batch size has the single signature ``batch_any``.

    Args:
        half: signatures and tensors get the names of its inputs and outputs.
        batches: the batch sizes, ascending, or None for any.
        for_integers: whether to lower it for 8-bit activations.

    Raises:
        ConversionError: the half cannot be converted, or the file holds forbidden operators.
    """
    role, file = half.role, f"{half.role}.tflite"
    function = traced(half, file)
    signatures = {"batch_any": None} if batches is None else {f"batch_{size}": size for size in batches}
    try:
        with quiet(), function.prepared():
            converted = _convert(function, signatures)
    # The converter raises its own type, and lets the errors of Keras' tracing through.
    except Exception as error:
        raise ConversionError(f"{file}: {_reason(function, error)}") from error
    model = read_model(converted)
    if batches is not None:
        lower_tflite(model, min(batches), for_integers=for_integers)
    strip(model)
    operators = operator_kinds(model)
    refuse_operators(file, operators, custom_operators(model), RANDOM)
    name_tensors(model, function.placeholders)
    inputs, outputs = tensor_specs(model, several=batches is not None and len(batches) > 1)
    return Artifact(
        role=role,
        format="tflite",
        precision="float32",
        files={file: to_bytes(model)},
        inputs=inputs,
        outputs=outputs,
        batches=None if batches is None else tuple(batches),
        preferred_batch=preferred_batch(largest_row(model), batches),
        operators=operators,
        oldest_runtime=oldest_for_tflite(minimum_runtime(model)),
    )


def _convert(half: Traced, signatures: Mapping[str, int | None]) -> bytes:
    archive = keras.export.ExportArchive()
    archive.track(half.tracked)
    for name, size in signatures.items():
        archive.add_endpoint(name, half.__call__, input_signature=half.signature(size))
    # Through a SavedModel: from_concrete_functions silently drops the weights of Keras 3 models, and
    # from_keras_model hides the reason why a model cannot be traced.
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return bytes(converter.convert())


def _reason(half: Traced, error: Exception) -> str:
    operators = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
    if operators:
        return (
            f"needs the TensorFlow operator {', '.join(operators)} (a Flex operator), which no plain "
            "runtime has; replace the layer that needs it with standard Keras layers"
        )
    return f"the TFLite converter cannot convert it ({half.failing_layer(error) or one_line(error)})"
