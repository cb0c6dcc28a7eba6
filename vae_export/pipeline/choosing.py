"""``--precision auto``: the smallest or the fastest files that keep a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from vae_export.bench.timing import interleave
from vae_export.core.artifact import Artifact
from vae_export.core.fidelity import DecoderFidelity, EncoderFidelity
from vae_export.core.plan import ExportPlan
from vae_export.core.precision import PRECISIONS
from vae_export.core.reference import Reference
from vae_export.errors import ConversionError, one_line
from vae_export.formats import FORMATS
from vae_export.formats.loading import load_artifact
from vae_export.pipeline.converting import Quantiser
from vae_export.pipeline.stages import Progress
from vae_export.pipeline.verifying import measure
from vae_export.verify.fidelity import budget_failures
from vae_export.verify.references import References

__all__ = ["Candidate", "choose"]

ROUNDS = 5


@dataclass(frozen=True)
class Candidate:
    """A file that was tried.

    Attributes:
        file: name in the bundle.
        float_tensors: names of the layers that stayed in float.
        artifact: the artifact; None if it could not be made.
        fidelity: its fidelity; None for float32.
        seconds: time of one row on this machine, on one thread.
        failures: figures beyond the budget, or why the file could not be made; empty within the budget.
        chosen: whether it was chosen.
    """

    file: str
    float_tensors: tuple[str, ...]
    artifact: Artifact | None
    fidelity: EncoderFidelity | DecoderFidelity | None
    seconds: float | None
    failures: tuple[str, ...]
    chosen: bool = False


def choose(
    artifacts: Sequence[Artifact],
    quantiser: Quantiser,
    references: References,
    plan: ExportPlan,
    *,
    calibrated: bool,
    progress: Progress,
) -> list[Candidate]:
    """Try all precisions of each half in each format, and mixed ones where integers alone lose too much.

    Args:
        artifacts: the float32 artifacts, which are always within the budget.
        quantiser: makes lower precisions of them.
        references: the references to measure against.
        plan: the budgets and the preference.
        calibrated: whether there are real samples for calibration.
        progress: called with the name of each step.

    Returns:
        All candidates; one of each half and format is chosen.
    """
    trial = _Trial(quantiser, references, plan)
    found = []
    for artifact in artifacts:
        tried = [Candidate(artifact.file, (), artifact, None, None, ())]
        format = FORMATS[artifact.format]
        for precision in (name for name in plan.budgets if name in format.precisions):
            file = format.file(artifact.role, precision)
            if not calibrated and PRECISIONS[precision].calibrated:
                tried.append(Candidate(file, (), None, None, None, ("needs real samples of x",)))
                continue
            progress(f"trying {file}")
            one = trial.of(artifact, precision)
            tried.append(one)
            if PRECISIONS[precision].mixable and one.artifact is not None and one.failures:
                progress(f"trying {file} with layers in float")
                tried += _mixed(artifact, precision, trial)
        progress(f"timing {artifact.file}")
        found += _decided(_timed(tried, references.measured), plan.prefer)
    return found


@dataclass(frozen=True)
class _Trial:
    """Makes and measures candidates."""

    quantiser: Quantiser
    references: References
    plan: ExportPlan

    def of(self, artifact: Artifact, precision: str, keep_float: tuple[str, ...] = ()) -> Candidate:
        file = FORMATS[artifact.format].file(artifact.role, precision)
        try:
            made = self.quantiser.quantise(artifact, precision, keep_float)
        # If a format cannot make a precision, another one is chosen.
        except ConversionError as error:
            return Candidate(file, keep_float, None, None, None, (one_line(error, 120),))
        fidelity = measure(made, load_artifact(made), self.references)
        failures = tuple(budget_failures(file, fidelity, self.plan.budgets[precision]))
        return Candidate(file, keep_float, made, fidelity, None, failures)


def _mixed(
    artifact: Artifact,
    precision: str,
    trial: _Trial,
) -> Iterator[Candidate]:
    """Candidates with the worst layers in float: each alone, then the worst together."""
    names = trial.quantiser.quantisable(artifact, precision)
    if len(names) < 2:
        return
    alone = [trial.of(artifact, precision, (name,)) for name in names]
    alone = [one for one in alone if one.artifact is not None]
    ranked = sorted(alone, key=_quality, reverse=True)
    yield from ranked[:1]
    for count in range(2, len(ranked)):
        if not ranked[0].failures:
            return
        worst = {name for one in ranked[:count] for name in one.float_tensors}
        kept = tuple(name for name in names if name in worst)
        one = trial.of(artifact, precision, kept)
        yield one
        if not one.failures:
            return


def _quality(candidate: Candidate) -> float:
    """The figure of a candidate, larger for better."""
    fidelity = candidate.fidelity
    if isinstance(fidelity, EncoderFidelity):
        return -fidelity.kl_mean
    assert fidelity is not None
    found = [one.psnr for one in (fidelity.posterior, fidelity.prior) if one.psnr is not None]
    return min(found, default=float("inf"))


def _timed(tried: Sequence[Candidate], reference: Reference) -> list[Candidate]:
    runs = {}
    for number, candidate in enumerate(tried):
        if candidate.artifact is not None:
            given = reference.inputs(candidate.artifact.role)
            row = {name: np.ascontiguousarray(array[:1]) for name, array in given.items()}
            runs[number] = partial(load_artifact(candidate.artifact, threads=1).run, row)
    times = interleave(runs, ROUNDS)
    return [
        replace(candidate, seconds=times[number].median) if number in times else candidate
        for number, candidate in enumerate(tried)
    ]


def _decided(tried: Sequence[Candidate], prefer: str) -> list[Candidate]:
    def cost(number: int) -> tuple[float, int]:
        candidate = tried[number]
        assert candidate.artifact is not None
        assert candidate.seconds is not None
        size = candidate.artifact.size
        return (candidate.seconds if prefer == "speed" else float(size)), size

    best = min((number for number, one in enumerate(tried) if not one.failures), key=cost)
    return [replace(one, chosen=number == best) for number, one in enumerate(tried)]
