"""Comparisons with Keras, at export and on this machine: figures and limits."""

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
    """The comparison of an output of an artifact with Keras.

    Attributes:
        at_export: figures of the manifest; None for outputs that only golden arrays have.
        here: figures on the golden arrays, on this machine.
    """

    at_export: ParityEntry | None
    here: OutputParity

    @property
    def failures(self) -> tuple[str, ...]:
        """The failures, one line each."""
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
        """The larger ratio of error and tolerance, at export or on this machine."""
        found = [(self.here.max_absolute_error, self.here.tolerance)]
        if self.at_export is not None:
            found.append((self.at_export.max_absolute_error, self.at_export.tolerance))
        return max(_part(error, tolerance) for error, tolerance in found)


@dataclass(frozen=True)
class Fidelity:
    """The fidelity of an artifact of a lower precision, and its budget.

    Attributes:
        file: name of the artifact.
        encoder, decoder: its figures; None for the other role.
        budget: the limit, nats or dB.
        failures: figures beyond the budget, one line each.
    """

    file: str
    encoder: EncoderFidelity | None
    decoder: DecoderFidelity | None
    budget: float
    failures: tuple[str, ...]


def compare(manifest: Manifest, run: GoldenRun) -> tuple[Comparison, ...]:
    """All comparisons of an encoder and a decoder."""
    recorded: dict[tuple[str, str], ParityEntry] = {
        (entry.file, output): figures
        for entry in manifest.artifacts
        for output, figures in entry.parity.items()
    }
    recorded |= {(row.artifacts, row.output): row for row in manifest.end_to_end}
    return tuple(Comparison(recorded.get((row.artifact, row.output)), row) for row in run.rows)


def fidelities(artifacts: Sequence[ArtifactEntry]) -> tuple[Fidelity, ...]:
    """The fidelity of the artifacts of lower precisions."""
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
