"""The common steps of quantising .onnx files; each precision is a recipe in a file of its own.

Not done by onnxruntime.quantization: its files differ between versions (the channel axis of ConvTranspose,
on which the bias depends), it quantises mu and logvar too, and its pre-processing adds operators that older
runtimes refuse. The recipes use operators of the standard alone.
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
from vae_export.errors import ConversionError, InputError, one_line
from vae_export.formats.oldest_runtimes import OLDEST_FOR_ONNX
from vae_export.formats.onnx.passes.canonical import all_nodes, canonicalise
from vae_export.formats.onnx.passes.graph import OnnxGraph
from vae_export.formats.onnx.quantise.weighted import Weighted, weighted_nodes

__all__ = ["Work", "quantisable_tensors", "quantise_by"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Work:
    """The input of a recipe: a graph to change in place, and what it needs for that.

    Attributes:
        source: the float32 artifact.
        graph: of its file; changed in place.
        chosen: the nodes with weights to quantise.
        kept: names of the nodes with weights that stay in float.
        rows: calibration rows ``[n, ...]`` by input.
        file: name of the quantised file, for messages.
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
            ConversionError: there are none; the message names the kinds of nodes that have some.
        """
        if not self.chosen:
            raise ConversionError(
                f"{self.file}: no weights are left to quantise, expected some of MatMul, Gemm, Conv or "
                "ConvTranspose outside of loops; take float16 or float32"
            )


def quantisable_tensors(artifact: Artifact) -> tuple[str, ...]:
    """The names that `keep_float` may have for a float32 .onnx file: outputs of nodes with weights.

    In graph order. The nodes are MatMul, Gemm, Conv and ConvTranspose with constant weights, outside of loops
    and branches; a name is for example ``"Conv_5"``, or that of an output of the file.
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
    """Quantise a float32 .onnx file; inputs and outputs stay float32.

    Args:
        apply: changes the graph to the precision.
        source: the float32 artifact.
        rows: calibration rows ``[n, ...]`` by input.
        precision: name of the precision.
        label: weights and arithmetic in words, for the manifest.
        keep_float: names out of `quantisable_tensors`: these nodes keep float32 weights and arithmetic.

    Raises:
        InputError: `source` is no float32 .onnx file, or `keep_float` has an unknown name.
        DataError: the rows do not fit the inputs.
        ConversionError: the file has nothing to quantise, or values on the rows are not finite.
    """
    if source.format != "onnx" or source.precision != FLOAT32:
        raise InputError(f"{source.file}: got precision {source.precision}, expected a float32 .onnx file")
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
            f"{file}: keep_float: got {', '.join(unknown)}, expected names out of "
            f"{', '.join(names) or 'none'}"
        )


def _finished(
    artifact: Artifact, precision: str, label: str, model: Any, file: str, kept: tuple[str, ...]
) -> Artifact:
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    canonicalise(model, {value.name: value.name for value in model.graph.input}, metadata)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(f"{file}: the ONNX checker refuses it ({one_line(error)})") from error
    return replace(
        artifact,
        precision=precision,
        files={file: model.SerializeToString(deterministic=True)},
        operators=tuple(sorted({node.op_type for node in all_nodes(model.graph)})),
        oldest_runtime=OLDEST_FOR_ONNX,
        quantiser=f"vae-export {__version__}, {label}",
        float_tensors=kept,
    )
