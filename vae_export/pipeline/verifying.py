"""Verify artifacts against their halves, and measure lower precisions."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vae_export.core.artifact import Artifact, pairs
from vae_export.core.fidelity import DecoderFidelity, EncoderFidelity
from vae_export.core.half import Runner
from vae_export.core.plan import ExportPlan
from vae_export.core.samples import Samples
from vae_export.errors import ParityError
from vae_export.formats import FORMATS
from vae_export.pipeline.stages import Progress
from vae_export.verify.end_to_end import end_to_end_name
from vae_export.verify.fidelity import PrecisionCost, budget_failures, elbo_change, measure_fidelity
from vae_export.verify.gate import verify_artifacts
from vae_export.verify.parity import ParityReport
from vae_export.verify.references import References

__all__ = ["measure", "verify_and_measure"]


def verify_and_measure(
    artifacts: Sequence[Artifact],
    references: References,
    samples: Samples,
    plan: ExportPlan,
    progress: Progress,
) -> tuple[ParityReport, PrecisionCost]:
    """Check float32 artifacts by tolerance, and lower precisions by budget.

    Raises:
        ParityError: an artifact does not match, or is beyond its budget.
    """
    report, runners = verify_artifacts(
        artifacts,
        references.verified,
        value_range=samples.value_range or (0.0, 1.0),
        tolerance=plan.tolerance,
        progress=lambda file: progress(f"verifying {file}"),
    )
    report.require()
    cost = PrecisionCost({}, {}, plan.budgets)
    lower = [artifact for artifact in artifacts if artifact.precision in plan.budgets]
    if not lower:
        return report, cost
    for artifact in lower:
        progress(f"measuring {artifact.file}")
        cost.fidelity[artifact.file] = measure(artifact, runners[artifact.file], references)
    for encoder, decoder in pairs(artifacts):
        if encoder in lower or decoder in lower:
            reference = references.measured.first(_most_rows(encoder))
            change = elbo_change(runners[encoder.file], runners[decoder.file], reference)
            cost.elbo_change[end_to_end_name(encoder.file, decoder.file)] = change
    failures = tuple(
        failure
        for artifact in lower
        for failure in budget_failures(
            artifact.file, cost.fidelity[artifact.file], plan.budgets[artifact.precision]
        )
    )
    if failures:
        raise ParityError(f"{len(failures)} budget{'s' * (len(failures) > 1)} exceeded", failures)
    return report, cost


def measure(artifact: Artifact, runner: Runner, references: References) -> EncoderFidelity | DecoderFidelity:
    """The fidelity of an artifact of a lower precision, on at most the samples that its format verifies."""
    most = _most_rows(artifact)
    return measure_fidelity(
        artifact.role, runner, references.measured.first(most), references.prior.first(most)
    )


def _most_rows(artifact: Artifact) -> int:
    return FORMATS[artifact.format].most_rows or sys.maxsize
