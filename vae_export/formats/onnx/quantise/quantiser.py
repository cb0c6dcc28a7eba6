"""A .onnx file in a lower precision.

Done here, with operators of the standard alone, not with onnxruntime.quantization: what that makes differs
between its versions (the axis of ConvTranspose's channels, of which the bias depends), it quantises mu and
logvar as well, and its pre-processing brings in operators that older runtimes refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from vae_export._version import __version__
from vae_export.core.artifact import Artifact, artifact_file
from vae_export.core.precision import PRECISIONS
from vae_export.errors import ConversionError, InputError
from vae_export.formats.oldest_runtimes import OLDEST_FOR_ONNX
from vae_export.formats.onnx.passes.canonical import all_nodes, canonicalise
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.quantise.dynamic import quantise_dynamically
from vae_export.formats.onnx.quantise.float16 import FEWEST, store_in_halves
from vae_export.formats.onnx.quantise.gemm import join_biases
from vae_export.formats.onnx.quantise.ranges import find_ranges
from vae_export.formats.onnx.quantise.static import quantise_statically, tensors_to_calibrate
from vae_export.formats.onnx.quantise.weighted import Weighted, weighted_nodes

__all__ = ["quantisable_tensors", "quantise_onnx"]

Array = np.ndarray[Any, Any]

_RECIPES = {
    "float16": "weights as float16, computed in float32",
    "dynamic-int8": "weights uint8, per channel, long rows by DynamicQuantizeLinear and MatMulInteger",
    "int8": "QDQ, U8U8, per channel, minimum and maximum",
}


def quantisable_tensors(artifact: Artifact) -> tuple[str, ...]:
    """What `quantise_onnx` may keep in float: the outputs of the nodes with weights, in the file's order.

    They are MatMul, Gemm, Conv and ConvTranspose with constant weights, outside of loops and branches, and
    have the names that they have in the float32 file, such as ``"Conv_5"``, or a name of an output.
    """
    graph = OnnxGraph.of(onnx.load_from_string(artifact.data))
    return tuple(weighted.name for weighted in weighted_nodes(graph))


def quantise_onnx(
    artifact: Artifact, precision: str, inputs: Mapping[str, Array], *, keep_float: Collection[str] = ()
) -> Artifact:
    """The same half in a lower precision, inputs and outputs in float32 as they were.

    Args:
        artifact: a .onnx file of float32.
        precision: "float16", "dynamic-int8" or "int8".
        inputs: calibration rows ``[n, ...]`` by input of the file, as it takes them; only int8 uses them.
        keep_float: names out of `quantisable_tensors`: the weights of these nodes stay in float32, and so
            does what they compute.

    Raises:
        InputError: there is no such precision, or no such tensor to keep in float.
        DataError: the calibration rows are not as the file takes them.
        ConversionError: ONNX does not have the precision, the file has nothing that takes it, or the
            calibration rows bring values that are not finite.
    """
    _check_precision(artifact, precision)
    file = artifact_file(artifact.role, precision, ".onnx")
    model = onnx.load_from_string(artifact.data)
    graph = OnnxGraph.of(model)
    weighted = weighted_nodes(graph)
    _check_kept(file, weighted, keep_float)
    kept = tuple(node.name for node in weighted if node.name in keep_float)
    chosen = [node for node in weighted if node.name not in keep_float]
    if precision == "float16":
        if not store_in_halves(graph, kept):
            raise ConversionError(
                f"{file}: no constants are left to halve, expected one of {FEWEST} values or more, none of "
                f"them beyond {np.finfo(np.float16).max:g}; take float32"
            )
    elif not chosen:
        raise ConversionError(
            f"{file}: no weights are left to quantise, expected some of MatMul, Gemm, Conv or ConvTranspose "
            "outside of loops; take float16 or float32"
        )
    if precision == "dynamic-int8":
        quantise_dynamically(graph, chosen)
    elif precision == "int8":
        chosen = join_biases(graph, chosen)
        ranges = find_ranges(artifact, tensors_to_calibrate(graph, chosen), inputs, file)
        quantise_statically(graph, chosen, ranges)
    return _finished(artifact, precision, model, file, kept)


def _check_precision(artifact: Artifact, precision: str) -> None:
    if precision not in PRECISIONS:
        raise InputError(f"precision: got {precision!r}, expected one of {', '.join(PRECISIONS)}")
    if artifact.format != "onnx" or artifact.precision != "float32":
        raise InputError(f"{artifact.file}: is of {artifact.precision}, expected a .onnx file of float32")
    if precision not in _RECIPES:
        raise ConversionError(
            f"{artifact.role}.onnx: no .onnx file has the precision {precision}, expected "
            f"{', '.join(_RECIPES)}"
        )


def _check_kept(file: str, weighted: Sequence[Weighted], keep_float: Collection[str]) -> None:
    names = [node.name for node in weighted]
    unknown = [name for name in keep_float if name not in names]
    if unknown:
        raise InputError(
            f"{file}: no node with weights makes {', '.join(map(repr, unknown))}, expected tensors to keep "
            f"in float out of {', '.join(names) or 'none at all'}"
        )


def _finished(artifact: Artifact, precision: str, model: Any, file: str, kept: tuple[str, ...]) -> Artifact:
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    canonicalise(model, {value.name: value.name for value in model.graph.input}, metadata)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(
            f"{file}: the ONNX checker refuses it ({str(error).splitlines()[0]})"
        ) from error
    return replace(
        artifact,
        precision=precision,
        files={file: model.SerializeToString(deterministic=True)},
        operators=tuple(sorted({node.op_type for node in all_nodes(model.graph)})),
        oldest_runtime=OLDEST_FOR_ONNX,
        quantiser=f"vae-export {__version__}, {_RECIPES[precision]}",
        float_tensors=kept,
    )
