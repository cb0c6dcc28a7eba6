"""The format ONNX, as the registry has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np

from vae_export.core.artifact import Artifact
from vae_export.core.half import Half
from vae_export.core.plan import ExportPlan
from vae_export.core.trace import LayerTrace
from vae_export.formats.onnx.opsets import check_opset
from vae_export.formats.protocol import Format
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime

__all__ = ["OnnxFormat"]

Array = np.ndarray[Any, Any]


def _quantise(
    precision: str,
    source: Artifact,
    rows: Mapping[str, Array],
    *,
    integer_io: bool = False,
    keep_float: Collection[str] = (),
) -> Artifact:
    # Inputs and outputs of .onnx files stay float32: ONNX Runtime casts them faster than an application does.
    with quiet():
        from vae_export.formats.onnx.quantise.quantiser import quantise_onnx

        return quantise_onnx(source, precision, rows, keep_float=keep_float)


class OnnxFormat(Format):
    """Files for ONNX Runtime."""

    name = "onnx"
    label = "ONNX"
    runtime = "ONNX Runtime"
    suffixes = (".onnx",)
    pip = "pip install onnxruntime"
    in_browser = True
    tools = ("tf2onnx", "onnx", "onnxslim", "onnxruntime")
    recipes = {name: partial(_quantise, name) for name in ("float16", "dynamic-int8", "int8")}  # noqa: RUF012

    def check(self, plan: ExportPlan) -> None:
        """Refuse an opset that no file is made for."""
        check_opset(plan.opset)

    def convert(self, half: Half, plan: ExportPlan) -> Artifact:
        """Convert a Keras half with tf2onnx."""
        with quiet():
            from vae_export.formats.onnx.convert import convert_to_onnx
        return convert_to_onnx(half, name=plan.name, opset=plan.opset, batch=plan.fixed_batch)

    def quantisable(self, source: Artifact) -> tuple[str, ...]:
        """The outputs of nodes with weights."""
        with quiet():
            from vae_export.formats.onnx.quantise.quantiser import quantisable_tensors
        return quantisable_tensors(source)

    def open(
        self, model: str | bytes, threads: int | None = None, rows: int = vae_runtime.ROWS
    ) -> vae_runtime.Graph:
        """Load a file in ONNX Runtime."""
        return vae_runtime.OnnxGraph(model, threads, rows)

    def trace(self, data: bytes) -> LayerTrace:
        """Run a file node by node."""
        from vae_export.formats.onnx.trace import OnnxGraph

        return OnnxGraph(data)
