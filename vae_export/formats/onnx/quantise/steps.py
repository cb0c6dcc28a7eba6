"""What the precisions of .onnx files have in common; each is a recipe in a file of its own.

Done here, with operators of the standard alone, not with onnxruntime.quantization: what that makes differs
between its versions (the axis of ConvTranspose's channels, of which the bias depends), it quantises mu and
logvar as well, and its pre-processing brings in operators that older runtimes refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from vae_export._version import __version__
from vae_export.core.artifact import Artifact, artifact_file
from vae_export.core.precision import FLOAT32
from vae_export.errors import ConversionError, InputError
from vae_export.formats.oldest_runtimes import OLDEST_FOR_ONNX
from vae_export.formats.onnx.passes.canonical import all_nodes, canonicalise
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.quantise.weighted import Weighted, weighted_nodes

__all__ = ["Work", "quantisable_tensors", "quantise_by"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Work:
    """What a recipe changes, and what it may look at.

    Attributes:
        source: the float32 artifact.
        graph: of its file; changed in place.
        chosen: the nodes with weights that are quantised.
        kept: names of those that stay in float.
        rows: calibration rows ``[n, ...]`` by input, as the file takes them.
        file: name of the file that is made, for messages.
    """

    source: Artifact
    graph: OnnxGraph
    chosen: Sequence[Weighted]
    kept: tuple[str, ...]
    rows: Mapping[str, Array]
    file: str

    def need_chosen(self) -> None:
        """Refuse a file without weights to quantise.

        Raises:
            ConversionError: names what is expected.
        """
        if not self.chosen:
            raise ConversionError(
                f"{self.file}: no weights are left to quantise, expected some of MatMul, Gemm, Conv or "
                "ConvTranspose outside of loops; take float16 or float32"
            )


def quantisable_tensors(artifact: Artifact) -> tuple[str, ...]:
    """What a recipe may keep in float: the outputs of the nodes with weights, in the file's order.

    They are MatMul, Gemm, Conv and ConvTranspose with constant weights, outside of loops and branches, and
    have the names that they have in the float32 file, such as ``"Conv_5"``, or a name of an output.
    """
    graph = OnnxGraph.of(onnx.load_from_string(artifact.data))
    return tuple(weighted.name for weighted in weighted_nodes(graph))


def quantise_by(
    apply: Callable[[Work], None],
    source: Artifact,
    rows: Mapping[str, Array],
    *,
    precision: str,
    label: str,
    keep_float: Collection[str] = (),
) -> Artifact:
    """The same half in a lower precision, inputs and outputs in float32 as they were.

    Args:
        apply: what the precision does to the graph.
        source: a .onnx file of float32.
        rows: calibration rows ``[n, ...]`` by input of the file, as it takes them.
        precision: the precision.
        label: weights and arithmetic, for the manifest.
        keep_float: names out of `quantisable_tensors`: the weights of these nodes stay in float32, and so
            does what they compute.

    Raises:
        InputError: the file is not of float32, or there is no such tensor to keep in float.
        DataError: the calibration rows are not as the file takes them.
        ConversionError: the file has nothing that takes the precision, or the calibration rows bring values
            that are not finite.
    """
    if source.format != "onnx" or source.precision != FLOAT32:
        raise InputError(f"{source.file}: is of {source.precision}, expected a .onnx file of float32")
    file = artifact_file(source.role, precision, ".onnx")
    model = onnx.load_from_string(source.data)
    graph = OnnxGraph.of(model)
    weighted = weighted_nodes(graph)
    _check_kept(file, weighted, keep_float)
    kept = tuple(node.name for node in weighted if node.name in keep_float)
    chosen = [node for node in weighted if node.name not in keep_float]
    apply(Work(source, graph, chosen, kept, rows, file))
    return _finished(source, precision, label, model, file, kept)


def _check_kept(file: str, weighted: Sequence[Weighted], keep_float: Collection[str]) -> None:
    names = [node.name for node in weighted]
    unknown = [name for name in keep_float if name not in names]
    if unknown:
        raise InputError(
            f"{file}: no node with weights makes {', '.join(map(repr, unknown))}, expected tensors to keep "
            f"in float out of {', '.join(names) or 'none at all'}"
        )


def _finished(
    artifact: Artifact, precision: str, label: str, model: Any, file: str, kept: tuple[str, ...]
) -> Artifact:
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
        quantiser=f"vae-export {__version__}, {label}",
        float_tensors=kept,
    )
