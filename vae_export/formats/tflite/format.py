"""The format TFLite, as the registry has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np

from vae_export.core.artifact import Artifact
from vae_export.core.half import Half
from vae_export.core.plan import ExportPlan
from vae_export.core.trace import LayerTrace
from vae_export.formats.protocol import Format
from vae_export.formats.tflite.quantise.recipes import need_quantizer
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime

__all__ = ["TfliteFormat"]

Array = np.ndarray[Any, Any]
# Activations of 8 bits want another lowering than float32 does.
_LOWERED_FOR_INTEGERS = ("int8",)


def _quantise(
    precision: str,
    source: Artifact,
    rows: Mapping[str, Array],
    *,
    integer_io: bool = False,
    keep_float: Collection[str] = (),
) -> Artifact:
    with quiet():
        from vae_export.formats.tflite.quantise.quantiser import quantise_tflite

        return quantise_tflite(source, precision, rows, integer_io=integer_io, keep_float=keep_float)


class TfliteFormat(Format):
    """Files for LiteRT and its predecessors."""

    name = "tflite"
    label = "TFLite"
    runtime = "LiteRT"
    suffixes = (".tflite",)
    pip = "pip install ai-edge-litert"
    tools = ("ai-edge-litert",)
    integer_io = ("int8",)
    recipes = {  # noqa: RUF012
        name: partial(_quantise, name) for name in ("float16", "dynamic-int8", "int8", "int16x8")
    }

    def check(self, plan: ExportPlan) -> None:
        """Refuse precisions whose quantiser is not installed."""
        need_quantizer(plan.precisions)

    def convert(self, half: Half, plan: ExportPlan) -> Artifact:
        """Convert a Keras half with TensorFlow's converter."""
        return self._convert(half, plan)

    def _convert(self, half: Half, plan: ExportPlan, for_integers: bool = False) -> Artifact:
        with quiet():
            from vae_export.formats.tflite.convert import convert_to_tflite
        return convert_to_tflite(half, batches=plan.batches, for_integers=for_integers)

    def quantisation_source(
        self, artifact: Artifact, precision: str, half: Half, plan: ExportPlan
    ) -> Artifact:
        """For activations of 8 bits a file that is lowered to suit them."""
        if precision in _LOWERED_FOR_INTEGERS:
            return self._convert(half, plan, for_integers=True)
        return artifact

    def quantisable(self, source: Artifact) -> tuple[str, ...]:
        """The outputs of operators that compute."""
        with quiet():
            from vae_export.formats.tflite.quantise.layers import quantisable_tensors
        return quantisable_tensors(source)

    def open(
        self, model: str | bytes, threads: int | None = None, rows: int = vae_runtime.ROWS
    ) -> vae_runtime.Graph:
        """Load a file in LiteRT, or in tflite-runtime."""
        return vae_runtime.LiteRTGraph(model, threads, rows)

    def trace(self, data: bytes) -> LayerTrace:
        """Run a file operator by operator."""
        from vae_export.formats.tflite.trace import TfliteGraph

        return TfliteGraph(data)
