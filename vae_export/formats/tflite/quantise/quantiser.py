"""A float32 .tflite file in another precision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vae_export.core.artifact import Artifact, artifact_file
from vae_export.errors import ConversionError
from vae_export.formats.batch_size import preferred_batch
from vae_export.formats.calibration_rows import check_calibration
from vae_export.formats.oldest_runtimes import oldest_for_tflite
from vae_export.formats.tflite.description import largest_row, minimum_runtime, operator_kinds, tensor_specs
from vae_export.formats.tflite.flatbuffer import strip, to_bytes
from vae_export.formats.tflite.quantise.float import in_float
from vae_export.formats.tflite.quantise.integers import INTEGERS_QUANTISER, quantise_to_integers
from vae_export.formats.tflite.quantise.layers import Tensor, computing, find_layers, moving_between
from vae_export.formats.tflite.quantise.names import mark_names, restore_names
from vae_export.formats.tflite.quantise.ranges import (
    Ranges,
    cut_logits,
    join_selected,
    measure_ranges,
    outputs_of,
    widen,
)
from vae_export.formats.tflite.quantise.recipes import RECIPES
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model

__all__ = ["quantise_tflite"]

Array = np.ndarray[Any, Any]

# How much wider than on the calibration rows ranges are taken, as a part of them.
# 8 bits: of mu and logvar only. What is clipped there moves a posterior by many of its sigmas, and 256
# samples do not show all: on 4000 others the mean KL of the reference encoders goes from 0.047 to 0.033
# (convolutional) and from 0.033 to 0.035 (dense), that of one row in a thousand from 5.3 to 1.8 and from 1.4
# to 0.7.
# 16 bits: of everything. It costs 0.04 dB, and 4 sigma away from the calibration rows gains 2 and 10 dB.
_MARGINS = {"int8": 0.1, "int16x8": 0.5}
_PRECISIONS = ("float16", "dynamic-int8", "int8", "int16x8")


def quantise_tflite(
    artifact: Artifact,
    precision: str,
    inputs: Mapping[str, Array],
    *,
    integer_io: bool = False,
    keep_float: Collection[str] = (),
) -> Artifact:
    """Quantise a float32 .tflite file in all its signatures.

    Args:
        artifact: as `convert_to_tflite` makes it; for "int8" lowered ``for_integers``, which is worth 8 dB.
        precision: "float16", "dynamic-int8", "int8" or "int16x8".
        inputs: calibration rows ``[n, ...]`` by input, in its dtype: real samples for encoders, for decoders
            draws of z that reach as far as those to come; conditions besides. Only "int8" and "int16x8" look
            at them.
        integer_io: of "int8": float inputs and outputs are int8 too, and their specs say what they stand for.
            Inputs of integers, such as labels, stay as they are.
        keep_float: names of operators whose arithmetic stays in float32, out of `quantisable_tensors`: the
            name of what they compute in the first signature. The same operator is kept in all signatures:
            the one at the same place among those that compute.

    Returns:
        The same graph. Tensors have their names of the float file, and those of the same values in another
        type ``_quantised`` or ``_dequantised`` after it. ``float_tensors`` names all operators that stayed in
        float against the precision, be it for `keep_float` or as the quantiser has nothing for them.

    Raises:
        ConversionError: the file, precision or names do not go together, or the quantiser does not follow.
        DataError: the rows do not fit the inputs.
    """
    file = artifact_file(artifact.role, precision, ".tflite")
    _check(artifact, precision, integer_io, file)
    model = read_model(artifact.data)
    kept = find_layers(model, keep_float, file)
    untouched = kept | moving_between(model, kept) if kept else kept
    ranges: Ranges = {}
    if precision in _MARGINS:
        check_calibration(inputs, artifact.inputs, file)
        with quiet():
            ranges = measure_ranges(artifact.data, inputs, file)
        ranges = _fit(model, ranges, artifact.role, precision)
    ends = [_interface(model, signature) for signature in model.signatureDefs]
    first = model.signatureDefs[0].subgraphIndex
    layers = [(first, index) for _, index in computing(model, first)]
    names = mark_names(model)
    if precision in RECIPES:
        from vae_export.formats.tflite.quantise.litert_quantizer import quantise_by_litert, quantiser_label

        quantiser = quantiser_label(precision)
        model = quantise_by_litert(model, precision, ranges, untouched, file)
    else:
        quantiser = INTEGERS_QUANTISER
        model = quantise_to_integers(model, ranges, untouched, integer_io=integer_io)
    _restore_interface(model, ends)
    strip(model)
    floats = in_float(model)
    _check_kept(kept - floats.keys(), names, file)
    restore_names(model, names)
    left = tuple(
        names[layer].decode() for layer in layers if layer in kept or _is_left(precision, floats.get(layer))
    )
    if precision == "dynamic-int8" and len(left) == len(layers):
        # It leaves weights of fewer than 1,024 values as they are.
        raise ConversionError(
            f"{file}: no layer became integers, expected one with 1,024 weights or more; take int8, float16 "
            "or float32"
        )
    several = artifact.batches is not None and len(artifact.batches) > 1
    specs = tensor_specs(model, several)
    return replace(
        artifact,
        precision=precision,
        inputs=specs[0],
        outputs=specs[1],
        preferred_batch=preferred_batch(largest_row(model), artifact.batches),
        operators=operator_kinds(model),
        oldest_runtime=oldest_for_tflite(minimum_runtime(model)),
        quantiser=quantiser,
        float_tensors=left,
        files={file: to_bytes(model)},
    )


def _check(artifact: Artifact, precision: str, integer_io: bool, file: str) -> None:
    if precision not in _PRECISIONS:
        raise ConversionError(
            f"{artifact.role}.tflite: precision {precision!r} is unknown, expected {', '.join(_PRECISIONS)}"
        )
    if (artifact.format, artifact.precision) != ("tflite", "float32"):
        raise ConversionError(
            f"{file}: made of {artifact.file}, expected a float32 .tflite file; convert the half to one first"
        )
    if integer_io and precision != "int8":
        raise ConversionError(
            f"{file}: integer inputs and outputs are of precision int8 alone; leave them float32, or use int8"
        )


def _fit(model: Any, ranges: Ranges, role: str, precision: str) -> Ranges:
    margin = _MARGINS[precision]
    if precision == "int16x8":
        return widen(ranges, margin, ranges)
    ranges = join_selected(model, cut_logits(model, ranges))
    return widen(ranges, margin, outputs_of(model)) if role == "encoder" else ranges


def _is_left(precision: str, has_weights: bool | None) -> bool:
    """Whether an operator in float, with or without weights, is one that the precision is about."""
    if precision == "dynamic-int8":
        return bool(has_weights)
    return has_weights is not None and precision in _MARGINS


def _interface(model: Any, signature: Any) -> dict[bytes, Any]:
    """Inputs and outputs of a signature in their order -> what is free in their shapes."""
    tensors = model.subgraphs[signature.subgraphIndex].tensors
    entries = (*signature.inputs, *signature.outputs)
    return {entry.name: tensors[entry.tensorIndex].shapeSignature for entry in entries}


def _restore_interface(model: Any, ends: Sequence[Mapping[bytes, Any]]) -> None:
    """Inputs and outputs of signatures as in the float file: quantisers put new tensors there."""
    for signature, shapes in zip(model.signatureDefs, ends, strict=True):
        order = list(shapes)
        for entries in (signature.inputs, signature.outputs):
            entries.sort(key=lambda entry, order=order: order.index(entry.name))
            for entry in entries:
                tensor = model.subgraphs[signature.subgraphIndex].tensors[entry.tensorIndex]
                tensor.shapeSignature = shapes[entry.name]


def _check_kept(missed: Collection[Tensor], names: Mapping[Tensor, bytes], file: str) -> None:
    """Quantisers pass over a name that they do not take, without a word."""
    if missed:
        found = sorted({names[tensor].decode() for tensor in missed})
        raise ConversionError(
            f"{file}: the quantiser put {', '.join(found)} into integers, expected float for keep_float; "
            "name another tensor there, or use another precision"
        )
