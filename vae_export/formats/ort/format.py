"""ONNX Runtime's own format, derived from .onnx files, for the registry."""

from __future__ import annotations

from collections.abc import Sequence

from vae_export.core.artifact import Artifact
from vae_export.core.plan import ExportPlan
from vae_export.errors import InputError
from vae_export.formats.protocol import DerivationContext, Derived, Format
from vae_export.io.quiet import without_log_handlers
from vae_export.runtime.python import vae_runtime

__all__ = ["OrtFormat"]

# The other precisions cast weights at load time. The converter would fold the casts to float32 weights.
_PRECISIONS = ("float32", "int8")


class OrtFormat(Format):
    """Files for reduced builds of ONNX Runtime."""

    name = "ort"
    label = "ORT"
    runtime = "ONNX Runtime (.ort)"
    use = "reduced builds of ONNX Runtime"
    suffixes = (".ort",)
    pip = "pip install onnxruntime"
    tools = ("onnxruntime",)
    base = "onnx"

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions without casts of weights."""
        return _PRECISIONS

    def check(self, plan: ExportPlan) -> None:
        """Refuse a plan without a precision that .ort files have."""
        if not plan.auto:
            _require(plan.precisions)

    def derive(self, artifacts: Sequence[Artifact], context: DerivationContext) -> Derived:
        """Convert .onnx files, and list the operators of all of them for a reduced build."""
        _require([artifact.precision for artifact in artifacts])
        with without_log_handlers():
            from vae_export.formats.ort.convert import OPERATORS_FILE, convert_to_ort, required_operators
        made = tuple(convert_to_ort(one) for one in artifacts if one.precision in _PRECISIONS)
        return Derived(made, {OPERATORS_FILE: required_operators(made)})

    def open(
        self, model: str | bytes, threads: int | None = None, rows: int = vae_runtime.ROWS
    ) -> vae_runtime.Session:
        """Load a file in ONNX Runtime."""
        return vae_runtime.OnnxSession(model, threads, rows)


def _require(precisions: Sequence[str]) -> None:
    if not set(precisions) & set(_PRECISIONS):
        got = ", ".join(dict.fromkeys(precisions))
        raise InputError(
            f"format: got ort with the precision {got}, expected {' or '.join(_PRECISIONS)} too; add one "
            "with --precision"
        )
