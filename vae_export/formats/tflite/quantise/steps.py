"""What the precisions of .tflite files have in common; each is a recipe in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
from vae_export.formats.tflite.quantise.layers import Tensor, computing, find_layers, moving_between
from vae_export.formats.tflite.quantise.names import mark_names, restore_names
from vae_export.formats.tflite.quantise.ranges import Ranges, measure_ranges
from vae_export.io.quiet import quiet
from vae_export.private.litert import read_model

__all__ = ["Method", "quantise_by"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Method:
    """How a precision is made.

    Attributes:
        precision: its name.
        quantiser: the program that quantises, with its version, for the manifest.
        quantise: ``quantise(model, ranges, keep_float, file)`` makes a quantised `schema.ModelT` of a float
            one with marked names, which can be used once. ``keep_float`` are the outputs of operators that
            stay in float, and ``ranges`` holds all float tensors but weights if `fit` is there.
        concerns: whether an operator that computes in float, ``True`` if it has weights, misses the
            precision: such operators are the artifact's ``float_tensors``.
        fit: ``fit(model, ranges, role)`` makes the ranges to quantise by of those that were measured on the
            calibration rows. None for a precision without calibration.
    """

    precision: str
    quantiser: str
    quantise: Callable[[Any, Ranges, Collection[Tensor], str], Any]
    concerns: Callable[[bool], bool]
    fit: Callable[[Any, Ranges, str], Ranges] | None = None


def quantise_by(
    method: Method, source: Artifact, rows: Mapping[str, Array], keep_float: Collection[str]
) -> Artifact:
    """Quantise a float32 .tflite file in all its signatures.

    Args:
        method: of the precision.
        source: the float32 artifact.
        rows: calibration rows ``[n, ...]`` by input, in its dtype: real samples for encoders, for decoders
            draws of z from posterior, prior and its tails; conditions besides.
        keep_float: names of operators whose arithmetic stays in float32, out of `quantisable_tensors`: the
            name of their output in the first signature. The same operator is kept in all signatures: the one
            at the same position among those that compute.

    Returns:
        The same graph. Tensors have their names of the float file, and those of the same values in another
        type ``_quantised`` or ``_dequantised`` after it. ``float_tensors`` names all operators that stayed in
        float against the precision, be it for `keep_float` or as the quantiser has nothing for them.

    Raises:
        ConversionError: the file or names do not fit, or the quantiser does not follow.
        DataError: the rows do not fit the inputs.
    """
    file = artifact_file(source.role, method.precision, ".tflite")
    if (source.format, source.precision) != ("tflite", "float32"):
        raise ConversionError(
            f"{file}: made of {source.file}, expected a float32 .tflite file; convert the half to one first"
        )
    model = read_model(source.data)
    kept = find_layers(model, keep_float, file)
    untouched = kept | moving_between(model, kept) if kept else kept
    ranges: Ranges = {}
    if method.fit is not None:
        check_calibration(rows, source.inputs, file)
        with quiet():
            ranges = measure_ranges(source.data, rows, file)
        ranges = method.fit(model, ranges, source.role)
    ends = [_interface(model, signature) for signature in model.signatureDefs]
    first = model.signatureDefs[0].subgraphIndex
    layers = [(first, index) for _, index in computing(model, first)]
    names = mark_names(model)
    model = method.quantise(model, ranges, untouched, file)
    _restore_interface(model, ends)
    strip(model)
    floats = in_float(model)
    _check_kept(kept - floats.keys(), names, file)
    restore_names(model, names)
    missed = kept | {layer for layer, has_weights in floats.items() if method.concerns(has_weights)}
    several = source.batches is not None and len(source.batches) > 1
    inputs, outputs = tensor_specs(model, several)
    return replace(
        source,
        precision=method.precision,
        inputs=inputs,
        outputs=outputs,
        preferred_batch=preferred_batch(largest_row(model), source.batches),
        operators=operator_kinds(model),
        oldest_runtime=oldest_for_tflite(minimum_runtime(model)),
        quantiser=method.quantiser,
        float_tensors=tuple(names[layer].decode() for layer in layers if layer in missed),
        files={file: to_bytes(model)},
    )


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
