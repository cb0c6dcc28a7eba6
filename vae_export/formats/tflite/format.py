"""The format TFLite, for the registry."""

from __future__ import annotations

from vae_export.core.artifact import Artifact
from vae_export.core.half import Half
from vae_export.core.plan import ExportPlan
from vae_export.core.trace import LayerTrace
from vae_export.formats.protocol import Format
from vae_export.formats.tflite.quantise.recipe import TfliteRecipe, need_quantizer
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime

__all__ = ["TfliteFormat"]

_RECIPES = "vae_export.formats.tflite.quantise"


class TfliteFormat(Format):
    """Files for LiteRT and its predecessors."""

    name = "tflite"
    label = "TFLite"
    runtime = "LiteRT"
    use = "LiteRT and TensorFlow Lite on phones and boards"
    suffixes = (".tflite",)
    pip = "pip install ai-edge-litert"
    tools = ("ai-edge-litert",)
    integer_io = ("int8",)
    recipes = {  # noqa: RUF012
        "float16": TfliteRecipe(f"{_RECIPES}.float16", by_litert_quantizer=True),
        "dynamic-int8": TfliteRecipe(f"{_RECIPES}.dynamic_int8", by_litert_quantizer=True),
        "int8": TfliteRecipe(f"{_RECIPES}.int8", for_integers=True),
        "int16x8": TfliteRecipe(f"{_RECIPES}.int16x8", by_litert_quantizer=True),
    }

    def check(self, plan: ExportPlan) -> None:
        """Refuse precisions whose quantiser is not installed."""
        need_quantizer({name: recipe for name, recipe in self.recipes.items() if name in plan.precisions})

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
        """For int8 a file that is lowered for 8-bit activations."""
        recipe = self.recipes.get(precision)
        if isinstance(recipe, TfliteRecipe) and recipe.for_integers:
            return self._convert(half, plan, for_integers=True)
        return artifact

    def quantisable(self, source: Artifact) -> tuple[str, ...]:
        """The outputs of computing operators."""
        with quiet():
            from vae_export.formats.tflite.quantise.layers import quantisable_tensors
        return quantisable_tensors(source)

    def open(
        self, model: str | bytes, threads: int | None = None, rows: int = vae_runtime.ROWS
    ) -> vae_runtime.Session:
        """Load a file in LiteRT, or in tflite-runtime."""
        return vae_runtime.LiteRTSession(model, threads, rows)

    def trace(self, data: bytes) -> LayerTrace:
        """Run a file operator by operator."""
        from vae_export.formats.tflite.trace import TfliteTrace

        return TfliteTrace(data)
