"""C++ source for TensorFlow Lite Micro, derived from int8 .tflite files, for the registry."""

from __future__ import annotations

from collections.abc import Sequence

from vae_export.core.artifact import Artifact
from vae_export.core.plan import ExportPlan
from vae_export.errors import InputError
from vae_export.formats.protocol import DerivationContext, Derived, Format, Implied, Table
from vae_export.formats.tflm.interpreter import need_tflm
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime

__all__ = ["TflmFormat"]

_PRECISION, _BATCHES = "int8", (1,)


class TflmFormat(Format):
    """Arrays for programs on microcontrollers."""

    name = "tflm"
    label = "TFLM"
    runtime = "TensorFlow Lite Micro"
    use = "microcontrollers, as C++ source of int8 files of batch 1 for TensorFlow Lite Micro"
    suffixes = (".cc", ".h")
    pip = "pip install --pre tflite-micro"
    tools = ("tflite-micro",)
    base = "tflite"
    implied = Implied((_PRECISION,), _BATCHES)
    # The interpreter runs one row at a time, in reference kernels.
    most_rows = 64
    timed = False

    @property
    def precisions(self) -> tuple[str, ...]:
        """int8 alone: float kernels are too slow and too large for microcontrollers."""
        return (_PRECISION,)

    def check(self, plan: ExportPlan) -> None:
        """Refuse a plan without int8 and batch 1, and a machine without the interpreter."""
        if _PRECISION not in plan.precisions or plan.auto:
            got = "auto" if plan.auto else ",".join(plan.precisions)
            raise InputError(
                f"format: got {self.name} with --precision {got}, expected --precision {_PRECISION}, which "
                "it implies; leave it out"
            )
        if plan.batches != _BATCHES:
            got = "dynamic" if plan.batches is None else ",".join(map(str, plan.batches))
            raise InputError(
                f"format: got {self.name} with --batch {got}, expected --batch 1, which it implies; leave it "
                "out"
            )
        need_tflm()

    def derive(self, artifacts: Sequence[Artifact], context: DerivationContext) -> Derived:
        """Run files in TensorFlow Lite Micro, compare them with LiteRT, and write them as source."""
        with quiet():
            from vae_export.formats.tflm.deployment import deploy

            return Derived(
                tuple(
                    deploy(one, context.name, context.inputs[one.role])
                    for one in artifacts
                    if one.precision == _PRECISION
                )
            )

    def open(
        self, model: str | bytes, threads: int | None = None, rows: int = vae_runtime.ROWS
    ) -> vae_runtime.Session:
        """Run the array of a source file in TensorFlow Lite Micro, in a process of its own."""
        need_tflm()
        from vae_export.formats.tflm.session import TflmSession

        return TflmSession(model)

    def summary(self, artifacts: Sequence[Artifact]) -> Table:
        """The size of the arena, the operators, and the distance from LiteRT's reference kernels."""
        from vae_export.formats.tflm.deployment import summarise

        return summarise(artifacts)
