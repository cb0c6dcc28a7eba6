"""The format ONNX, for the registry."""

from __future__ import annotations

from vae_export.core.artifact import Artifact
from vae_export.core.half import Half
from vae_export.core.plan import ExportPlan
from vae_export.core.trace import LayerTrace
from vae_export.formats.onnx.opsets import check_opset
from vae_export.formats.protocol import Format, LazyRecipe
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime

__all__ = ["OnnxFormat"]

_RECIPES = "vae_export.formats.onnx.quantise"


class OnnxFormat(Format):
    """Files for ONNX Runtime."""

    name = "onnx"
    label = "ONNX"
    runtime = "ONNX Runtime"
    use = "ONNX Runtime on desks, servers, phones and in browsers"
    suffixes = (".onnx",)
    pip = "pip install onnxruntime"
    in_browser = True
    tools = ("tf2onnx", "onnx", "onnxslim", "onnxruntime")
    recipes = {  # noqa: RUF012
        "float16": LazyRecipe(f"{_RECIPES}.float16"),
        "dynamic-int8": LazyRecipe(f"{_RECIPES}.dynamic_int8"),
        "int8": LazyRecipe(f"{_RECIPES}.int8"),
    }

    def check(self, plan: ExportPlan) -> None:
        """Refuse an unsupported opset."""
        check_opset(plan.opset)

    def convert(self, half: Half, plan: ExportPlan) -> Artifact:
        """Convert a Keras half with tf2onnx."""
        with quiet():
            from vae_export.formats.onnx.convert import convert_to_onnx
        return convert_to_onnx(half, name=plan.name, opset=plan.opset, batch=plan.fixed_batch)

    def quantisable(self, source: Artifact) -> tuple[str, ...]:
        """The outputs of nodes with weights."""
        with quiet():
            from vae_export.formats.onnx.quantise.steps import quantisable_tensors
        return quantisable_tensors(source)

    def open(
        self, model: str | bytes, threads: int | None = None, rows: int = vae_runtime.ROWS
    ) -> vae_runtime.Session:
        """Load a file in ONNX Runtime."""
        return vae_runtime.OnnxSession(model, threads, rows)

    def trace(self, data: bytes) -> LayerTrace:
        """Run a file node by node."""
        from vae_export.formats.onnx.trace import OnnxTrace

        return OnnxTrace(data)
