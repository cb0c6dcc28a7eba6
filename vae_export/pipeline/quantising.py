"""Lower precisions: what they are calibrated on, what they cost, and whether that is too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_export.core.artifact import PRECISIONS, Artifact, pairs
from vae_export.errors import InputError, ParityError
from vae_export.pipeline.choosing import AUTO, AUTO_BUDGET, PREFERENCES, Candidate, choose
from vae_export.pipeline.stages import Progress
from vae_export.sources.resolve import SAMPLE_COUNT, Samples
from vae_export.verify.fidelity import (
    DEFAULT_BUDGETS,
    Budget,
    Loss,
    budget_failures,
    elbo_change,
    measure_fidelity,
)
from vae_export.verify.gate import Reference, end_to_end_name, verify_artifacts
from vae_export.verify.parity import ParityReport

if TYPE_CHECKING:
    from vae_export.split.split_vae import SplitVae

__all__ = ["MOST_SAMPLES", "Plan", "judge", "make_plan", "quantise", "reference_of"]

Array = np.ndarray[Any, Any]

MOST_SAMPLES = 512
# From so many on, those that are calibrated on are not those that are measured on.
ENOUGH_TO_SPLIT = 2 * SAMPLE_COUNT
SEED = 7
# Precisions whose ranges are measured on samples.
CALIBRATED = ("int8", "int16x8")


@dataclass(frozen=True)
class Plan:
    """Which precisions are made, and what they may cost.

    Attributes:
        precisions: in the order of `PRECISIONS`, or "auto" alone.
        budgets: lower precision -> what it may cost.
        auto_budget: what all may cost where they are chosen.
        prefer: of `PREFERENCES`.
        integer_io: int8 .tflite files take and give int8.
    """

    precisions: tuple[str, ...]
    budgets: Mapping[str, Budget]
    auto_budget: Budget
    prefer: str
    integer_io: bool


def make_plan(
    precision: str | Sequence[str],
    formats: Sequence[str],
    *,
    min_psnr: float | None,
    max_kl: float | None,
    prefer: str | None,
    integer_io: bool,
) -> Plan:
    """Check what is asked for.

    Raises:
        InputError: a precision that there is not, or not in a format; a budget that nothing can be held to;
            something that only matters for precisions that are not asked for.
    """
    precisions = _precisions((precision,) if isinstance(precision, str) else tuple(precision), formats)
    auto = precisions == (AUTO,)
    lower = [name for name in PRECISIONS if name != "float32" and (auto or name in precisions)]
    for name, value in (("min psnr", min_psnr), ("max kl", max_kl)):
        if value is not None and not lower:
            raise InputError(f"{name}: got {value:g}, but float32 alone; choose a --precision that loses any")
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{name}: got {value:g}, expected a finite number above 0")
    if prefer is not None and (prefer not in PREFERENCES or not auto):
        raise InputError(
            f"prefer: got {prefer} with --precision {','.join(precisions)}, expected "
            f"{' or '.join(PREFERENCES)} with --precision {AUTO}"
        )
    if integer_io and ("int8" not in precisions or "tflite" not in formats):
        raise InputError("integer io: got no int8 .tflite file, expected --precision int8 --format tflite")

    def held_to(default: Budget) -> Budget:
        return Budget(
            default.min_psnr if min_psnr is None else min_psnr, default.max_kl if max_kl is None else max_kl
        )

    auto_budget = held_to(AUTO_BUDGET)
    budgets = {name: auto_budget if auto else held_to(DEFAULT_BUDGETS[name]) for name in lower}
    return Plan(precisions, budgets, auto_budget, prefer or PREFERENCES[0], integer_io)


def _precisions(given: tuple[str, ...], formats: Sequence[str]) -> tuple[str, ...]:
    """In the order of `PRECISIONS`, or "auto" alone."""
    if given == (AUTO,):
        return given
    unknown = [name for name in given if name not in PRECISIONS]
    if unknown or not given:
        raise InputError(
            f"precision: got {', '.join(unknown) or 'none'}, expected some of {', '.join(PRECISIONS)}, or "
            f"{AUTO} alone"
        )
    for name in given:
        if not set(formats) & set(PRECISIONS[name]):
            raise InputError(
                f"precision: got {name} for {', '.join(formats)}, expected it for "
                f"{', '.join(PRECISIONS[name])} alone; choose the format with --format"
            )
    return tuple(name for name in PRECISIONS if name in given)


def reference_of(split: SplitVae, samples: Samples, rows: slice, seed: int) -> Reference:
    """What Keras computes on some of the samples."""
    given = {name: array[rows] for name, array in samples.arrays.items()}
    return Reference.compute(
        split.encoder,
        split.decoder,
        split.latents,
        {name: given[name] for name in split.encoder.inputs},
        {name: given[name] for name in split.decoder.inputs if name in given},
        seed,
    )


def quantise(
    split: SplitVae,
    artifacts: Sequence[Artifact],
    plan: Plan,
    samples: Samples,
    batches: tuple[int, ...] | None,
    progress: Progress,
) -> tuple[list[Artifact], list[Candidate]]:
    """The artifacts of all precisions, made of those of float32; and what was tried to find them.

    Raises:
        ConversionError: a half cannot be quantised.
        InputError: ranges are needed, and there are no real samples.
    """
    if not plan.budgets:
        return list(artifacts), []
    calibrated = [precision for precision in plan.precisions if precision in CALIBRATED]
    if calibrated and not samples.real:
        raise InputError(
            f"precision: {', '.join(calibrated)} needs ranges, got no real samples of x; give some with "
            "--calibration"
        )
    progress("calibrating")
    from vae_export.formats.calibration import calibration_inputs
    from vae_export.formats.quantiser import Quantiser

    quantiser = Quantiser(
        {"encoder": split.encoder, "decoder": split.decoder},
        calibration_inputs(reference_of(split, samples, _calibration_rows(samples), SEED)),
        batches,
        plan.integer_io,
    )
    if plan.precisions == (AUTO,):
        tried = choose(
            artifacts,
            quantiser,
            reference_of(split, samples, _measured_rows(samples), SEED),
            plan.auto_budget,
            prefer=plan.prefer,
            calibrated=samples.real,
            progress=progress,
        )
        return [one.artifact for one in tried if one.chosen and one.artifact is not None], tried
    made = [artifact for artifact in artifacts if artifact.precision in plan.precisions]
    for artifact in artifacts:
        for precision in plan.precisions:
            if precision != "float32" and artifact.format in PRECISIONS[precision]:
                progress(f"quantising {artifact.role}.{precision}.{artifact.format}")
                made.append(quantiser.quantise(artifact, precision))
    return made, []


def judge(
    artifacts: Sequence[Artifact],
    reference: Reference,
    split: SplitVae,
    samples: Samples,
    *,
    tolerance: float,
    budgets: Mapping[str, Budget],
    progress: Progress,
) -> tuple[ParityReport, Loss]:
    """Hold the artifacts against Keras: float32 to the tolerance, lower precisions to their budgets.

    Raises:
        ParityError: one does not match, or costs too much.
    """
    report, runners = verify_artifacts(
        artifacts,
        reference,
        value_range=samples.value_range or (0.0, 1.0),
        tolerance=tolerance,
        progress=lambda file: progress(f"verifying {file}"),
    )
    report.require()
    loss = Loss({}, {}, budgets)
    lower = [artifact for artifact in artifacts if artifact.precision in budgets]
    if not lower:
        return report, loss
    measured_on = reference_of(split, samples, _measured_rows(samples), SEED)
    for artifact in lower:
        progress(f"measuring {artifact.file}")
        runner = runners[artifact.file]
        loss.fidelity[artifact.file] = measure_fidelity(artifact.role, runner, measured_on)
    for encoder, decoder in pairs(artifacts):
        if encoder in lower or decoder in lower:
            change = elbo_change(runners[encoder.file], runners[decoder.file], measured_on)
            loss.elbo_change[end_to_end_name(encoder.file, decoder.file)] = change
    failures = tuple(
        failure
        for artifact in lower
        for failure in budget_failures(
            artifact.file, loss.fidelity[artifact.file], budgets[artifact.precision]
        )
    )
    if failures:
        raise ParityError(f"{len(failures)} budget{'s' * (len(failures) > 1)} exceeded", failures)
    return report, loss


def _calibration_rows(samples: Samples) -> slice:
    return slice(0, None, 2) if _count(samples) >= ENOUGH_TO_SPLIT else slice(None)


def _measured_rows(samples: Samples) -> slice:
    return slice(1, None, 2) if _count(samples) >= ENOUGH_TO_SPLIT else slice(None)


def _count(samples: Samples) -> int:
    return len(samples.arrays["x"])
