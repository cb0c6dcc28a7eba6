"""Google's litert-quantizer, on a finished float file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from importlib import metadata
from typing import Any

import numpy as np
from litert_quantizer import qtyping, quantizer

from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflite.quantise.layers import Tensor
from vae_export.formats.tflite.quantise.names import mark
from vae_export.formats.tflite.quantise.ranges import Ranges
from vae_export.formats.tflite.quantise.versions import state_versions
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model

__all__ = ["NO_QUANTIZE", "OPERATORS", "quantise_by_litert", "quantiser_label"]

OPERATORS = qtyping.TFLOperationName
NO_QUANTIZE = quantizer.AlgorithmName.NO_QUANTIZE


def quantiser_label(recipe: str) -> str:
    """The library with its version and the name of its recipe, for the manifest."""
    return f"litert-quantizer {metadata.version('litert-quantizer')} {recipe}"


def quantise_by_litert(
    load: Callable[[quantizer.Quantizer], None],
    model: Any,
    ranges: Ranges,
    keep_float: Collection[Tensor],
    file: str,
) -> Any:
    """Quantise weights, and activations if the recipe has it; inputs and outputs stay float32.

    Args:
        load: loads a recipe into the quantiser.
        model: the `schema.ModelT` of a float file with marked names; it can be used once.
        ranges: of all float tensors but weights, if the recipe needs calibration.
        keep_float: outputs of the operators that stay in float.
        file: for messages.

    Returns:
        A `schema.ModelT` with the versions of operators that its runtime needs; names are the marks, with the
        library's words after them.

    Raises:
        ConversionError: the versions are unknown.
    """
    shapes = {(k, i): len(t.shape) for k, g in enumerate(model.subgraphs) for i, t in enumerate(g.tensors)}
    with quiet(), warnings.catch_warnings():
        # It looks at the file in an interpreter that warns of the memory it needs.
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)
        work = quantizer.Quantizer(bytearray(to_bytes(model)))
        load(work)
        for tensor in keep_float:
            pattern = f"^{mark(tensor)}"
            work.update_quantization_recipe(pattern, OPERATORS.ALL_SUPPORTED, algorithm_key=NO_QUANTIZE)
        known = {
            mark(tensor): {"min": _bound(low, shapes[tensor]), "max": _bound(high, shapes[tensor])}
            for tensor, (low, high) in ranges.items()
        }
        result = work.quantize(known if work.need_calibration else None, enable_progress_report=False)
    quantised = _take_in(bytes(result.quantized_model))
    state_versions(quantised, to_bytes(_take_in(bytes(result.quantized_model))), file)
    return quantised


def _bound(value: float, rank: int) -> Any:
    return np.full((1,) * max(1, rank), value, np.float32)


def _take_in(data: bytes) -> Any:
    """A model with all buffers in it: the library puts large ones behind the flatbuffer."""
    model = read_model(data)
    for buffer in model.buffers:
        # 0 is nowhere, and 1 what the format says instead.
        if buffer.offset > 1:
            buffer.data = np.frombuffer(data[buffer.offset : buffer.offset + buffer.size], np.uint8)
        buffer.offset = buffer.size = 0
    return model
