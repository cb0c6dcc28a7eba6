"""``--precision auto``: the smallest or the fastest files that keep a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from vae_export.bench.timing import interleave
from vae_export.core.artifact import PRECISIONS, Artifact
from vae_export.errors import ConversionError, one_line
from vae_export.io.quiet import quiet
from vae_export.pipeline.stages import Progress
from vae_export.verify.fidelity import (
    Budget,
    DecoderFidelity,
    EncoderFidelity,
    budget_failures,
    measure_fidelity,
)
from vae_export.verify.runners import load_runner

if TYPE_CHECKING:
    from vae_export.formats.quantiser import Quantiser
    from vae_export.verify.gate import Reference

__all__ = ["AUTO", "AUTO_BUDGET", "PREFERENCES", "Candidate", "choose"]

AUTO = "auto"
AUTO_BUDGET = Budget(min_psnr=40.0, max_kl=0.05)
PREFERENCES = ("size", "speed")
# Of these single layers can be kept in float, so that the others may be integers.
MIXED = ("int8",)
ROUNDS = 5


@dataclass(frozen=True)
class Candidate:
    """A file that was tried.

    Attributes:
        file: its name in the bundle.
        float_tensors: what of it was kept in float.
        artifact: the file; None if it cannot be made.
        fidelity: what it keeps; None for float32.
        seconds: of one row here, on one thread.
        failures: what is beyond the budget, or why there is none; empty if it will do.
        chosen: whether it was taken.
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
    reference: Reference,
    budget: Budget,
    *,
    prefer: str,
    calibrated: bool,
    progress: Progress,
) -> list[Candidate]:
    """Try all precisions of each half in each format, and mixed ones where integers alone lose too much.

    Args:
        artifacts: of float32, which always do.
        quantiser: makes the others of them.
        reference: what they are measured on.
        budget: what they may cost.
        prefer: "size" or "speed".
        calibrated: whether there are samples for ranges of integers.
        progress: called with the name of each step.

    Returns:
        All that were tried; of those of a half and a format one is chosen.
    """
    found = []
    for artifact in artifacts:
        tried = [Candidate(artifact.file, (), artifact, None, None, ())]
        for precision in (name for name, formats in PRECISIONS.items() if artifact.format in formats):
            if precision == "float32":
                continue
            file = replace(artifact, precision=precision).file
            if not calibrated and precision in ("int8", "int16x8"):
                tried.append(Candidate(file, (), None, None, None, ("needs real samples of x",)))
                continue
            progress(f"trying {file}")
            one = _try(artifact, precision, (), quantiser, reference, budget)
            tried.append(one)
            if precision in MIXED and one.artifact is not None and one.failures:
                progress(f"trying {file} with layers in float")
                tried += _mixed(artifact, precision, one, quantiser, reference, budget)
        progress(f"timing {artifact.role}.{artifact.format}")
        found += _decided(_timed(tried, reference), prefer)
    return found


def _try(
    artifact: Artifact,
    precision: str,
    keep_float: tuple[str, ...],
    quantiser: Quantiser,
    reference: Reference,
    budget: Budget,
) -> Candidate:
    file = replace(artifact, precision=precision).file
    try:
        made = quantiser.quantise(artifact, precision, keep_float)
    # What a format cannot do is a reason to take another precision.
    except ConversionError as error:
        return Candidate(file, keep_float, None, None, None, (one_line(error, 120),))
    with quiet():
        runner = load_runner(made)
    fidelity = measure_fidelity(made.role, runner, reference)
    failures = tuple(budget_failures(file, fidelity, budget))
    return Candidate(file, keep_float, made, fidelity, None, failures)


def _mixed(
    artifact: Artifact,
    precision: str,
    whole: Candidate,
    quantiser: Quantiser,
    reference: Reference,
    budget: Budget,
) -> Iterator[Candidate]:
    """Files in which the layers that lose most are in float: each alone, then the worst ones together."""
    names = quantiser.quantisable(artifact, precision)
    if len(names) < 2:
        return
    alone = [_try(artifact, precision, (name,), quantiser, reference, budget) for name in names]
    alone = [one for one in alone if one.artifact is not None]
    ranked = sorted(alone, key=_quality, reverse=True)
    yield from ranked[:1]
    for count in range(2, len(ranked)):
        if not ranked[0].failures:
            return
        worst = {name for one in ranked[:count] for name in one.float_tensors}
        kept = tuple(name for name in names if name in worst)
        one = _try(artifact, precision, kept, quantiser, reference, budget)
        yield one
        if not one.failures:
            return


def _quality(candidate: Candidate) -> float:
    """Larger is better."""
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
            given = (
                reference.encoder_inputs
                if candidate.artifact.role == "encoder"
                else {**reference.z, **reference.conditions}
            )
            row = {name: np.ascontiguousarray(array[:1]) for name, array in given.items()}
            with quiet():
                runs[number] = partial(load_runner(candidate.artifact, threads=1).run, row)
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
        size = len(candidate.artifact.data)
        return (candidate.seconds if prefer == "speed" else float(size)), size

    best = min((number for number, one in enumerate(tried) if not one.failures), key=cost)
    return [replace(one, chosen=number == best) for number, one in enumerate(tried)]
