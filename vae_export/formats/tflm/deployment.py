"""From a .tflite file to source that has been seen to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vae_export.core.artifact import Artifact, TensorSpec
from vae_export.core.firmware import Firmware
from vae_export.formats.tflm.agreement import differences, require_agreement, run_reference
from vae_export.formats.tflm.c_source import header_file, source_file, to_header, to_source
from vae_export.formats.tflm.interface import interface_of
from vae_export.formats.tflm.interpreter import find_arena, run_in_tflm, tflm_version
from vae_export.formats.tflm.resolver import resolver_methods

__all__ = ["arena_with_margin", "make_firmware"]

Array = np.ndarray[Any, Any]

_ALIGNMENT = 16
# A sixteenth: for a first address that is not aligned, and for versions to come.
_MARGIN = 16


def make_firmware(artifact: Artifact, model: str, inputs: Mapping[str, Array]) -> Firmware:
    """Run a file in TensorFlow Lite Micro, compare it with LiteRT, and write it as source.

    Args:
        artifact: a .tflite file of one signature, of one row.
        model: name of the VAE.
        inputs: float rows ``[n, ...]`` by input.

    Raises:
        ConversionError: TensorFlow Lite Micro lacks operators, or refuses the file otherwise.
        ParityError: it computes something else than LiteRT.
    """
    file = artifact.file
    methods = resolver_methods(file, artifact.operators)
    interface = interface_of(file, artifact.data)
    given = {spec.name: _as_given(inputs[spec.name], spec) for spec in artifact.inputs}
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
    return Firmware(
        artifact=artifact,
        files={
            source_file(artifact): to_source(artifact).encode(),
            header_file(artifact): header.encode(),
        },
        inputs=interface.inputs,
        outputs=interface.outputs,
        operators=methods,
        arena_bytes=arena_bytes,
        interpreter=version,
        rows=len(numbered[0]),
        differences=found,
    )


def arena_with_margin(smallest: int) -> int:
    """Bytes of the arena to take, a multiple of its alignment."""
    return -(-(smallest + smallest // _MARGIN) // _ALIGNMENT) * _ALIGNMENT


def _as_given(rows: Array, spec: TensorSpec) -> Array:
    """Rows in the dtype of an input, as integers if it stands for floats by them."""
    dtype = np.dtype(spec.dtype)
    if spec.quantisation is not None and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        integers = np.rint(rows / spec.quantisation.scale) + spec.quantisation.zero_point
        rows = np.clip(integers, limits.min, limits.max)
    return np.ascontiguousarray(rows, dtype)
