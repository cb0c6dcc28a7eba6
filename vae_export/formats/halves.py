"""Both halves in every format that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vae_export.core.artifact import FORMATS, ORT_PRECISIONS, Artifact
from vae_export.io.quiet import quiet, without_log_handlers

__all__ = ["convert_halves", "convert_to_reduced"]


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
                    from vae_export.formats.onnx.convert import convert_to_onnx
                fixed = batches[0] if batches and len(batches) == 1 else None
                artifacts.append(convert_to_onnx(half, name=name, opset=opset, batch=fixed))
            else:
                with quiet():
                    from vae_export.formats.tflite.convert import convert_to_tflite
                artifacts.append(convert_to_tflite(half, batches=batches))
    return artifacts


def convert_to_reduced(artifacts: Sequence[Artifact], progress: Callable[[str], None]) -> list[Artifact]:
    """The .ort files of the .onnx files among artifacts, in `ORT_PRECISIONS`."""
    with without_log_handlers():
        from vae_export.formats.ort.convert import convert_to_ort
    made = []
    for artifact in artifacts:
        if artifact.format != "onnx" or artifact.precision not in ORT_PRECISIONS:
            continue
        progress(f"converting {artifact.file} to .ort")
        made.append(convert_to_ort(artifact))
    return made
