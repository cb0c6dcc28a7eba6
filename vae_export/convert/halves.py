"""Both halves in every format that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.artifact import FORMATS, PRECISIONS, Artifact
from vae_export.quiet import quiet, without_log_handlers

__all__ = ["convert_halves", "convert_to_reduced", "quantise_halves"]

Array = np.ndarray[Any, Any]


def convert_halves(
    halves: Mapping[str, Any],
    *,
    name: str,
    formats: Sequence[str],
    batches: tuple[int, ...] | None,
    opset: int,
    progress: Callable[[str], None],
) -> list[Artifact]:
    """Convert the halves of a VAE, in float32.

    Args:
        halves: role -> Keras model.
        name: of the VAE.
        formats: of `FORMATS`.
        batches: the signatures of .tflite files, None for any batch; a single one is that of .onnx files too.
        opset: of .onnx files.
        progress: called with the name of each step.

    Raises:
        ConversionError: a half cannot be converted.
    """
    artifacts = []
    for format in (known for known in FORMATS if known in formats):
        for role, half in halves.items():
            progress(f"converting {role}.{format}")
            # Imported when they are needed: each takes seconds.
            if format == "onnx":
                with quiet():
                    from vae_export.convert.onnx_artifact import convert_to_onnx
                fixed = batches[0] if batches and len(batches) == 1 else None
                artifacts.append(convert_to_onnx(half, role, name=name, opset=opset, batch=fixed))
            else:
                with quiet():
                    from vae_export.convert.tflite_artifact import convert_to_tflite
                artifacts.append(convert_to_tflite(half, role, batches=batches))
    return artifacts


def quantise_halves(
    halves: Mapping[str, Any],
    artifacts: Sequence[Artifact],
    precisions: Sequence[str],
    inputs: Mapping[str, Mapping[str, Array]],
    *,
    batches: tuple[int, ...] | None,
    integer_io: bool,
    progress: Callable[[str], None],
) -> list[Artifact]:
    """Make artifacts of lower precisions.

    Args:
        halves: role -> Keras model.
        artifacts: of float32.
        precisions: lower ones; those that a format lacks are left out of it.
        inputs: role -> calibration rows by input ``[n, ...]``.
        batches: the signatures of .tflite files, None for any batch.
        integer_io: int8 .tflite files take and give int8.
        progress: called with the name of each step.

    Raises:
        ConversionError: a half cannot be quantised.
    """
    made = []
    for artifact in artifacts:
        for precision in precisions:
            if artifact.format not in PRECISIONS[precision]:
                continue
            progress(f"quantising {artifact.role}.{precision}.{artifact.format}")
            if artifact.format == "onnx":
                with quiet(), without_log_handlers():
                    from vae_export.convert.quantisation.onnx_quantiser import quantise_onnx
                made.append(quantise_onnx(artifact, precision, inputs[artifact.role]))
            else:
                with quiet():
                    from vae_export.convert.quantisation.tflite_quantiser import quantise_tflite
                    from vae_export.convert.tflite_artifact import convert_to_tflite
                source = artifact
                if precision == "int8":
                    source = convert_to_tflite(
                        halves[artifact.role], artifact.role, batches=batches, for_integers=True
                    )
                made.append(
                    quantise_tflite(
                        source,
                        precision,
                        inputs[artifact.role],
                        integer_io=integer_io and precision == "int8",
                    )
                )
    return made


def convert_to_reduced(artifacts: Sequence[Artifact], progress: Callable[[str], None]) -> list[Artifact]:
    """The .ort files of the .onnx files among artifacts."""
    with without_log_handlers():
        from vae_export.convert.ort_artifact import convert_to_ort
    made = []
    for artifact in [artifact for artifact in artifacts if artifact.format == "onnx"]:
        progress(f"converting {artifact.file} to .ort")
        made.append(convert_to_ort(artifact))
    return made
