"""TFLite files with 8-bit weights, whose activations are quantised at run time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
from litert_quantizer import quantizer
from litert_quantizer import recipe as recipes

from vae_export.core.artifact import Artifact
from vae_export.errors import ConversionError
from vae_export.formats.tflite.quantise.layers import quantisable_tensors
from vae_export.formats.tflite.quantise.litert_quantizer import quantise_by_litert, quantiser_label
from vae_export.formats.tflite.quantise.steps import Method, quantise_by

__all__ = ["recipe"]

Array = np.ndarray[Any, Any]


def recipe(
    source: Artifact, rows: Mapping[str, Array], *, integer_io: bool = False, keep_float: Collection[str] = ()
) -> Artifact:
    """The precision; see `formats.protocol.QuantisationRecipe`. It needs no calibration rows."""
    method = Method(
        precision="dynamic-int8",
        quantiser=quantiser_label("dynamic_legacy_wi8_afp32"),
        quantise=partial(quantise_by_litert, _load),
        concerns=lambda has_weights: has_weights,
    )
    artifact = quantise_by(method, source, rows, keep_float)
    if artifact.float_tensors == quantisable_tensors(source):
        raise ConversionError(
            f"{artifact.file}: no layer became integers, expected one with 1,024 weights or more; take int8, "
            "float16 or float32"
        )
    return artifact


def _load(work: quantizer.Quantizer) -> None:
    # "legacy" leaves weights of fewer than 1,024 values in float: without it files are both worse and slower.
    work.load_quantization_recipe(recipes.dynamic_legacy_wi8_afp32())
