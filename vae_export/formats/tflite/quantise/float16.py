"""TFLite files with their weights in float16, computed in float32."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
from litert_quantizer import quantizer

from vae_export.core.artifact import Artifact
from vae_export.formats.tflite.quantise.litert_quantizer import OPERATORS, quantise_by_litert, quantiser_label
from vae_export.formats.tflite.quantise.steps import Method, quantise_by

__all__ = ["recipe"]

Array = np.ndarray[Any, Any]


def recipe(
    source: Artifact, rows: Mapping[str, Array], *, integer_io: bool = False, keep_float: Collection[str] = ()
) -> Artifact:
    """The precision; see `formats.protocol.QuantisationRecipe`. It needs no calibration rows."""
    method = Method(
        precision="float16",
        quantiser=quantiser_label("float_casting"),
        quantise=partial(quantise_by_litert, _load),
        # All of it computes in float.
        concerns=lambda has_weights: False,
    )
    return quantise_by(method, source, rows, keep_float)


def _load(work: quantizer.Quantizer) -> None:
    casting = quantizer.AlgorithmName.FLOAT_CASTING
    work.add_weight_only_config(".*", OPERATORS.ALL_SUPPORTED, 16, algorithm_key=casting)
