"""What was compared with Keras, at export and here: figures, limits and whether they are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vae_export.core.fidelity import DecoderFidelity, EncoderFidelity
from vae_export.core.manifest import ArtifactEntry, EncoderEntry, Manifest, ParityEntry
from vae_export.core.precision import Budget
from vae_export.pages.report.golden_run import GoldenRun
from vae_export.verify.fidelity import budget_failures
from vae_export.verify.parity import OutputParity

__all__ = ["Comparison", "Fidelity", "compare", "fidelities"]


@dataclass(frozen=True)
class Comparison:
    """One output of one artifact beside Keras'.

    Attributes:
        at_export: the manifest's figures; None for what only golden arrays hold.
        here: on the golden arrays.
    """

    at_export: ParityEntry | None
    here: OutputParity

    @property
    def failures(self) -> tuple[str, ...]:
        """One line each."""
        if self.at_export is None or self.at_export.max_absolute_error <= self.at_export.tolerance:
            return self.here.failures
        recorded = (
            f"{self.here.artifact}: output {self.here.output!r}, at export: largest error "
            f"{self.at_export.max_absolute_error:.3g}, tolerance {self.at_export.tolerance:.3g}"
        )
        return (recorded, *self.here.failures)

    @property
    def ok(self) -> bool:
        """Whether both matched."""
        return not self.failures

    @property
    def share(self) -> float:
        """The larger of the errors by their tolerances, at export and here."""
        found = [(self.here.max_absolute_error, self.here.tolerance)]
        if self.at_export is not None:
            found.append((self.at_export.max_absolute_error, self.at_export.tolerance))
        return max(_part(error, tolerance) for error, tolerance in found)


@dataclass(frozen=True)
class Fidelity:
    """What an artifact of a lower precision keeps, beside its budget.

    Attributes:
        file: the artifact.
        encoder, decoder: its figures; the other one is None.
        budget: the limit: nats or dB.
        failures: one line each.
    """

    file: str
    encoder: EncoderFidelity | None
    decoder: DecoderFidelity | None
    budget: float
    failures: tuple[str, ...]


def compare(manifest: Manifest, run: GoldenRun) -> tuple[Comparison, ...]:
    """Everything that was compared of an encoder and a decoder."""
    recorded: dict[tuple[str, str], ParityEntry] = {
        (entry.file, output): figures
        for entry in manifest.artifacts
        for output, figures in entry.parity.items()
    }
    recorded |= {(row.artifacts, row.output): row for row in manifest.end_to_end}
    return tuple(Comparison(recorded.get((row.artifact, row.output)), row) for row in run.rows)


def fidelities(artifacts: Sequence[ArtifactEntry]) -> tuple[Fidelity, ...]:
    """What the lower precisions among the manifest's artifacts keep."""
    return tuple(found for entry in artifacts if (found := _fidelity(entry)) is not None)


def _part(error: float, tolerance: float) -> float:
    if tolerance == 0:
        return 0.0 if error == 0 else math.inf
    return error / tolerance


def _fidelity(entry: ArtifactEntry) -> Fidelity | None:
    if entry.fidelity is None or entry.budget is None:
        return None
    if isinstance(entry, EncoderEntry):
        budget = Budget(min_psnr=0.0, max_kl=entry.budget.max_kl)
        failures = budget_failures(entry.file, entry.fidelity, budget)
        return Fidelity(entry.file, entry.fidelity, None, budget.max_kl, tuple(failures))
    budget = Budget(min_psnr=entry.budget.min_psnr, max_kl=0.0)
    failures = budget_failures(entry.file, entry.fidelity, budget)
    return Fidelity(entry.file, None, entry.fidelity, budget.min_psnr, tuple(failures))
