"""What TensorFlow does not promise. Seen in TensorFlow 2.21.0."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize, mlir_sparsify

__all__ = ["VERSION", "quantise_file", "rewrite_file"]

# Manifests name it with what it quantised.
VERSION = tf.__version__


def quantise_file(data: bytes, dtype: Any, keep_float: Collection[str]) -> bytes:
    """Quantise a finished .tflite file by the ranges in its tensors.

    The only way to do so: the converter wants the Keras model, calibrates by itself, and knows nothing of
    what was lowered since.

    Args:
        data: a float32 file, whose tensors have ranges.
        dtype: of inputs and outputs, tf.int8 or tf.float32.
        keep_float: names of outputs of operators that stay in float. Those of TRANSPOSE_CONV are passed over
            without a word, and operators without a range get one from their descendants.
    """
    return bytes(
        mlir_quantize(data, input_data_type=dtype, output_data_type=dtype, denylisted_nodes=set(keep_float))
    )


def rewrite_file(data: bytes) -> bytes:
    """Read a .tflite file and write it again, with the versions of operators that TensorFlow gives them."""
    return bytes(mlir_sparsify(data))
