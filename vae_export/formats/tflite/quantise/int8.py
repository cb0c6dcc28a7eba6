"""TFLite files with weights and activations of 8 bits, by ranges from calibration.

TensorFlow's own quantiser makes them of a finished float file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from vae_export.core.artifact import Artifact
from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflite.quantise.layers import Tensor
from vae_export.formats.tflite.quantise.names import mark
from vae_export.formats.tflite.quantise.ranges import Ranges, cut_logits, join_selected, outputs_of, widen
from vae_export.formats.tflite.quantise.steps import Method, quantise_by
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model, schema
from vae_export.private.tensorflow import VERSION, quantise_file

__all__ = ["recipe"]

Array = np.ndarray[Any, Any]

# Ranges of mu and logvar are wider than on the calibration rows by this part of them. What is clipped there
# moves a posterior by many of its sigmas, and 256 samples do not show all: on 4000 others the mean KL of the
# reference encoders goes from 0.047 to 0.033 (convolutional) and from 0.033 to 0.035 (dense), that of one row
# in a thousand from 5.3 to 1.8 and from 1.4 to 0.7.
_MARGIN = 0.1


def recipe(
    source: Artifact, rows: Mapping[str, Array], *, integer_io: bool = False, keep_float: Collection[str] = ()
) -> Artifact:
    """The precision; see `formats.protocol.QuantisationRecipe`.

    The source is lowered ``for_integers``, which is worth 8 dB. With `integer_io` float inputs and outputs
    are int8 too, and their specs have scale and zero point; integer inputs, such as labels, stay as they are.
    """
    method = Method(
        precision="int8",
        quantiser=f"tensorflow {VERSION} mlir_quantize, ranges by minimum and maximum",
        quantise=partial(_quantise, tf.int8 if integer_io else tf.float32),
        concerns=lambda has_weights: True,
        fit=_fit,
    )
    return quantise_by(method, source, rows, keep_float)


def _fit(model: Any, ranges: Ranges, role: str) -> Ranges:
    ranges = join_selected(model, cut_logits(model, ranges))
    return widen(ranges, _MARGIN, outputs_of(model)) if role == "encoder" else ranges


def _quantise(dtype: tf.DType, model: Any, ranges: Ranges, keep_float: Collection[Tensor], file: str) -> Any:
    """Quantise weights for each channel and activations for each tensor.

    Args:
        dtype: of the inputs and outputs that are float32.
        model: the `schema.ModelT` of a float file with marked names; it can be used once.
        ranges: of all float tensors but weights.
        keep_float: outputs of the operators that compute in float.
        file: not used: TensorFlow's errors name none.

    Returns:
        A `schema.ModelT`; names are the marks, with digits after them.
    """
    for (subgraph, index), (low, high) in ranges.items():
        described = schema.QuantizationParametersT()
        described.min, described.max = np.array([low], np.float32), np.array([high], np.float32)
        model.subgraphs[subgraph].tensors[index].quantization = described
    with quiet():
        return read_model(quantise_file(to_bytes(model), dtype, {mark(tensor) for tensor in keep_float}))
