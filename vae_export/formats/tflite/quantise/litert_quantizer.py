"""Google's litert-quantizer, on a finished float file: for activations of more than 8 bits."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from importlib import metadata
from typing import Any

import numpy as np
from litert_quantizer import qtyping, quantizer, recipe

from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflite.quantise.layers import Tensor
from vae_export.formats.tflite.quantise.names import mark
from vae_export.formats.tflite.quantise.ranges import Ranges
from vae_export.formats.tflite.quantise.recipes import RECIPES
from vae_export.formats.tflite.quantise.versions import state_versions
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model

__all__ = ["quantise_by_litert", "quantiser_label"]

_Operators = qtyping.TFLOperationName
_Algorithms = quantizer.AlgorithmName


def quantiser_label(precision: str) -> str:
    """What to call the quantiser of a precision, with its version."""
    text = f"litert-quantizer {metadata.version('litert-quantizer')} {RECIPES[precision]}"
    return f"{text}, ranges by minimum and maximum" if precision == "int16x8" else text


def quantise_by_litert(
    model: Any, precision: str, ranges: Ranges, keep_float: Collection[Tensor], file: str
) -> Any:
    """Quantise weights, and for "int16x8" activations; inputs and outputs stay float32.

    Args:
        model: the `schema.ModelT` of a float file with marked names; it can be used once.
        precision: one of `RECIPES`.
        ranges: of all float tensors but weights; for "int16x8".
        keep_float: outputs of the operators that are to stay as they are.
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
        _load_recipe(work, precision)
        for tensor in keep_float:
            _leave(work, f"^{mark(tensor)}", _Operators.ALL_SUPPORTED)
        known = {
            mark(tensor): {"min": _bound(low, shapes[tensor]), "max": _bound(high, shapes[tensor])}
            for tensor, (low, high) in ranges.items()
        }
        result = work.quantize(known if work.need_calibration else None, enable_progress_report=False)
    quantised = _take_in(bytes(result.quantized_model))
    state_versions(quantised, to_bytes(_take_in(bytes(result.quantized_model))), file)
    return quantised


def _load_recipe(work: Any, precision: str) -> None:
    if precision == "float16":
        work.add_weight_only_config(
            ".*", _Operators.ALL_SUPPORTED, 16, algorithm_key=_Algorithms.FLOAT_CASTING
        )
        return
    work.load_quantization_recipe(getattr(recipe, RECIPES[precision])())
    if precision == "int16x8":
        _leave(work, ".*", _Operators.INPUT)
        _leave(work, ".*", _Operators.OUTPUT)


def _leave(work: Any, pattern: str, operators: Any) -> None:
    work.update_quantization_recipe(pattern, operators, algorithm_key=_Algorithms.NO_QUANTIZE)


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
