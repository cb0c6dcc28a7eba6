"""TensorFlow's own quantiser, on a finished float file: weights and activations of 8 bits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

# Private, and the only way to quantise a file by given ranges: the converter wants the Keras model,
# calibrates by itself, and knows nothing of what was lowered since.
from tensorflow.lite.python.convert import mlir_quantize

from vae_export.convert.flatbuffer import to_bytes
from vae_export.convert.quantisation.tflite_layers import SAME_VALUES, Tensor, kind_of
from vae_export.convert.quantisation.tflite_names import mark
from vae_export.convert.quantisation.tflite_ranges import Ranges
from vae_export.convert.tflite_description import read_model
from vae_export.quiet import quiet

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
    left_out = {tensor for output in keep_float for tensor in _left_out(model, output)}
    for (subgraph, index), (low, high) in ranges.items():
        if (subgraph, index) not in left_out:
            described = schema.QuantizationParametersT()
            described.min, described.max = np.array([low], np.float32), np.array([high], np.float32)
            model.subgraphs[subgraph].tensors[index].quantization = described
    dtype = tf.int8 if integer_io else tf.float32
    with quiet():
        quantised = mlir_quantize(
            to_bytes(model),
            input_data_type=dtype,
            output_data_type=dtype,
            # By names of outputs. An operator without a range would stay in float as well, but take those
            # after it along, and get a range of theirs if they only move values.
            denylisted_nodes={mark(tensor) for tensor in keep_float},
        )
    return read_model(bytes(quantised))


def _left_out(model: Any, output: Tensor) -> Iterator[Tensor]:
    """Tensors without a range, for an operator that the quantiser cannot be told to leave.

    It does not know a TRANSPOSE_CONV by the name of its output.
    """
    subgraph, tensor = output
    operators = model.subgraphs[subgraph].operators
    if not any(tensor in o.outputs and kind_of(model, o) == "TRANSPOSE_CONV" for o in operators):
        return
    same = [tensor]
    for operator in operators:
        if kind_of(model, operator) in SAME_VALUES and any(index in same for index in operator.inputs):
            same.extend(map(int, operator.outputs))
    yield from ((subgraph, index) for index in same)
