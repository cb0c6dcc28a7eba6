"""TensorFlow's own quantiser, on a finished float file: weights and activations of 8 bits."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf

from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflite.quantise.layers import Tensor
from vae_export.formats.tflite.quantise.names import mark
from vae_export.formats.tflite.quantise.ranges import Ranges
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model, schema
from vae_export.private.tensorflow import VERSION, quantise_file

__all__ = ["INTEGERS_QUANTISER", "quantise_to_integers"]

INTEGERS_QUANTISER = f"tensorflow {VERSION} mlir_quantize, ranges by minimum and maximum"


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
        return read_model(quantise_file(to_bytes(model), dtype, {mark(tensor) for tensor in keep_float}))
