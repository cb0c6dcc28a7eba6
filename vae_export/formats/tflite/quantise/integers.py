"""TensorFlow's own quantiser, on a finished float file: weights and activations of 8 bits."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

# Private, and the only way to quantise a file by given ranges: the converter wants the Keras model,
# calibrates by itself, and knows nothing of what was lowered since.
from tensorflow.lite.python.convert import mlir_quantize

from vae_export.formats.tflite.description import read_model
from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflite.quantise.layers import Tensor
from vae_export.formats.tflite.quantise.names import mark
from vae_export.formats.tflite.quantise.ranges import Ranges
from vae_export.io.quiet import quiet

__all__ = ["INTEGERS_QUANTISER", "quantise_to_integers"]

INTEGERS_QUANTISER = f"tensorflow {tf.__version__} mlir_quantize, ranges by minimum and maximum"


def quantise_to_integers(
    model: Any, ranges: Ranges, keep_float: Collection[Tensor], *, integer_io: bool
) -> Any:
    """Quantise weights for each channel and activations for each tensor; per-tensor ranges are given.

    Args:
        model: the `schema.ModelT` of a float file with marked names; it can be used once.
        ranges: of all float tensors but weights.
        keep_float: outputs of the operators that are to compute in float.
        integer_io: whether float inputs and outputs are int8 too.

    Returns:
        A `schema.ModelT`; names are the marks, with digits after them.
    """
    for (subgraph, index), (low, high) in ranges.items():
        described = schema.QuantizationParametersT()
        described.min, described.max = np.array([low], np.float32), np.array([high], np.float32)
        model.subgraphs[subgraph].tensors[index].quantization = described
    dtype = tf.int8 if integer_io else tf.float32
    with quiet():
        quantised = mlir_quantize(
            to_bytes(model),
            input_data_type=dtype,
            output_data_type=dtype,
            # By names of outputs; it passes over those of TRANSPOSE_CONV without a word. Without a range
            # operators would not stay in float either: they get one from those after them, or 8-bit weights.
            denylisted_nodes={mark(tensor) for tensor in keep_float},
        )
    return read_model(bytes(quantised))
