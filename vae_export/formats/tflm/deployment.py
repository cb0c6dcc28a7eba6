"""Turn a .tflite file into source that was run in TensorFlow Lite Micro."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.core.artifact import Artifact
from vae_export.core.figures import round_figure
from vae_export.formats.protocol import Table
from vae_export.formats.tflm.agreement import differences, require_agreement, run_reference
from vae_export.formats.tflm.c_source import header_file, source_file, to_header, to_source
from vae_export.formats.tflm.integers import to_integers
from vae_export.formats.tflm.interface import interface_of
from vae_export.formats.tflm.interpreter import find_arena, run_in_tflm, tflm_version
from vae_export.formats.tflm.resolver import resolver_methods

__all__ = ["arena_with_margin", "deploy", "summarise"]

Array = np.ndarray[Any, Any]

_ALIGNMENT = 16
# A sixteenth more, for an unaligned address of the arena and for future versions.
_MARGIN = 16


def deploy(artifact: Artifact, model: str, inputs: Mapping[str, Array]) -> Artifact:
    """Run a file in TensorFlow Lite Micro, compare it with LiteRT, and write it as source.

    Args:
        artifact: a .tflite file with one signature, of batch size 1.
        model: name of the VAE.
        inputs: float rows ``[n, ...]`` by input.

    Raises:
        ConversionError: TensorFlow Lite Micro lacks operators, or refuses the file.
        ParityError: its outputs differ from LiteRT's.
    """
    file = artifact.file
    methods = resolver_methods(file, artifact.operators)
    interface = interface_of(file, artifact.data)
    given = {spec.name: to_integers(inputs[spec.name], spec) for spec in artifact.inputs}
    numbered = [given[name] for name in interface.inputs]
    smallest = find_arena(file, artifact.data, numbered)
    arena_bytes = arena_with_margin(smallest)
    got = run_in_tflm(file, artifact.data, numbered, arena_bytes)
    found = differences(
        file,
        dict(zip(interface.outputs, got, strict=True)),
        run_reference(artifact.data, given),
        interface.steps,
    )
    require_agreement(file, found)
    version = tflm_version()
    header = to_header(
        artifact,
        model,
        inputs=interface.inputs,
        outputs=interface.outputs,
        methods=methods,
        smallest_arena=smallest,
        arena_bytes=arena_bytes,
        interpreter=version,
    )
    specs = {spec.name: spec for spec in (*artifact.inputs, *artifact.outputs)}
    return Artifact(
        role=artifact.role,
        format="tflm",
        precision=artifact.precision,
        files={
            source_file(artifact): to_source(artifact).encode(),
            header_file(artifact): header.encode(),
        },
        inputs=tuple(specs[name] for name in interface.inputs),
        outputs=tuple(specs[name] for name in interface.outputs),
        batches=artifact.batches,
        preferred_batch=1,
        operators=artifact.operators,
        oldest_runtime=version,
        details={
            "arena_bytes": arena_bytes,
            "resolver": list(methods),
            "compared_rows": len(numbered[0]),
            "steps_off_litert": {
                name: {"largest": round_figure(one.largest), "mean": round_figure(one.mean)}
                for name, one in found.items()
            },
        },
        quantiser=artifact.quantiser,
        float_tensors=artifact.float_tensors,
    )


def summarise(artifacts: Sequence[Artifact]) -> Table:
    """Arena, operators and difference from LiteRT of each artifact, for the terminal."""
    columns = ("header", "arena bytes", "operators", "steps off LiteRT")
    rows = []
    for artifact in artifacts:
        details: Mapping[str, Any] = artifact.details
        steps = max(one["largest"] for one in details["steps_off_litert"].values())
        cells = (f"{details['arena_bytes']:,}", str(len(details["resolver"])), f"{steps:.3g}")
        rows.append((header_file(artifact), *cells))
    return Table(columns, tuple(rows), right=columns[1:])


def arena_with_margin(smallest: int) -> int:
    """Bytes of the recommended arena, a multiple of its alignment."""
    return -(-(smallest + smallest // _MARGIN) // _ALIGNMENT) * _ALIGNMENT
