"""Private names of TensorFlow. Seen in TensorFlow 2.21.0."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize, mlir_sparsify

__all__ = ["VERSION", "quantise_file", "rewrite_file"]

# For the quantiser's name in manifests.
VERSION = tf.__version__


def quantise_file(data: bytes, dtype: Any, keep_float: Collection[str]) -> bytes:
    """Quantise a .tflite file by the ranges of its tensors.

    The public converter starts from the Keras model, calibrates by itself, and would not see the lowered
    graph.

    Args:
        data: a float32 file with ranges.
        dtype: dtype of inputs and outputs, tf.int8 or tf.float32.
        keep_float: names of outputs of operators that stay in float. Names of TRANSPOSE_CONV are silently
            ignored, and operators without a range get one from their descendants.
    """
    return bytes(
        mlir_quantize(data, input_data_type=dtype, output_data_type=dtype, denylisted_nodes=set(keep_float))
    )


def rewrite_file(data: bytes) -> bytes:
    """Read and write a .tflite file, with the versions that TensorFlow gives its operators."""
    return bytes(mlir_sparsify(data))
