"""Ranges of the tensors of an ONNX graph on calibration rows: exact extremes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime

from vae_export.core.artifact import Artifact
from vae_export.errors import ConversionError, one_line
from vae_export.formats.calibration_rows import check_calibration
from vae_export.io.quiet import quiet

__all__ = ["find_ranges"]

Array = np.ndarray[Any, Any]


def find_ranges(
    artifact: Artifact, tensors: Collection[str], inputs: Mapping[str, Array], file: str
) -> dict[str, tuple[float, float]]:
    """Run an ONNX file on calibration rows and return the extremes of tensors.

    A moving average would leave out rare values: with it the KL divergence of an encoder was 116, not 0.03.

    Args:
        artifact: an .onnx file.
        tensors: names of float32 tensors of its graph.
        inputs: rows ``[n, ...]`` by input of the graph.
        file: name of the quantised file, for messages.

    Raises:
        DataError: the rows do not fit the inputs.
        ConversionError: the runtime refuses a row, or a tensor has values that are not finite.
    """
    rows = check_calibration(inputs, artifact.inputs, file)
    model = onnx.load_from_string(artifact.data)
    given = [name for name in tensors if name in inputs]
    watched = [name for name in tensors if name not in inputs]
    outputs = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in watched if name not in outputs)
    ranges = {name: (float(inputs[name].min()), float(inputs[name].max())) for name in given}
    # Asked for no outputs, the runtime would return all.
    batches = _batches(artifact, inputs, rows) if watched else iter(())
    with quiet():
        for values in _runs(model, watched, batches, file):
            for name, array in zip(watched, values, strict=True):
                low, high = ranges.get(name, (np.inf, -np.inf))
                # NumPy's minimum and maximum keep NaN; Python's do not.
                ranges[name] = (float(np.minimum(low, array.min())), float(np.maximum(high, array.max())))
    for name, extremes in ranges.items():
        if not np.isfinite(extremes).all():
            raise ConversionError(
                f"{file}: tensor {name!r} is between {extremes[0]:g} and {extremes[1]:g} on the calibration "
                "rows, expected finite values; leave out the rows that have them"
            )
    return ranges


def _batches(artifact: Artifact, inputs: Mapping[str, Array], rows: int) -> Iterator[dict[str, Array]]:
    """Batches of the file's batch size; the last one is filled with copies of the last row."""
    size = artifact.batches[0] if artifact.batches else artifact.preferred_batch
    for start in range(0, rows, size):
        end = start + size if artifact.batches else min(start + size, rows)
        chosen = np.minimum(np.arange(start, end), rows - 1)
        yield {name: array[chosen] for name, array in inputs.items()}


def _runs(
    model: Any, watched: Sequence[str], batches: Iterator[dict[str, Array]], file: str
) -> Iterator[list[Array]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Fusion would remove intermediate tensors.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        for batch in batches:
            yield session.run(list(watched), batch)
    # ONNX Runtime has an exception type for each error code.
    except Exception as error:
        raise ConversionError(
            f"{file}: ONNX Runtime fails on the calibration rows ({one_line(error)})"
        ) from error
