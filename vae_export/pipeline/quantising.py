"""Lower precisions: what they are calibrated on, what they cost, and whether that is too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_export.artifact import Artifact, pairs
from vae_export.errors import InputError, ParityError
from vae_export.pipeline.stages import Progress
from vae_export.sources import SAMPLE_COUNT, Samples
from vae_export.verify.fidelity import (
    DEFAULT_BUDGETS,
    Budget,
    Loss,
    budget_failures,
    elbo_change,
    measure_decoder,
    measure_encoder,
)
from vae_export.verify.gate import Reference, end_to_end_name, verify_artifacts
from vae_export.verify.parity import ParityReport

if TYPE_CHECKING:
    from vae_export.split.split_vae import SplitVae

__all__ = ["MOST_SAMPLES", "check_budgets", "judge", "quantise", "reference_of"]

Array = np.ndarray[Any, Any]

MOST_SAMPLES = 512
# From so many on, those that are calibrated on are not those that are measured on.
ENOUGH_TO_SPLIT = 2 * SAMPLE_COUNT
SEED = 7


def check_budgets(
    precisions: Sequence[str], min_psnr: float | None, max_kl: float | None
) -> dict[str, Budget]:
    """Precision -> what it may cost, for the lower ones.

    Raises:
        InputError: a budget that nothing can be held to, or one without a lower precision.
    """
    lower = [precision for precision in precisions if precision != "float32"]
    for name, value in (("min psnr", min_psnr), ("max kl", max_kl)):
        if value is not None and not lower:
            raise InputError(f"{name}: got {value:g}, but float32 alone; choose a --precision that loses any")
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{name}: got {value:g}, expected a finite number above 0")
    return {
        precision: Budget(
            DEFAULT_BUDGETS[precision].min_psnr if min_psnr is None else min_psnr,
            DEFAULT_BUDGETS[precision].max_kl if max_kl is None else max_kl,
        )
        for precision in lower
    }


def reference_of(split: SplitVae, samples: Samples, rows: slice, seed: int) -> Reference:
    """What Keras computes on some of the samples."""
    from vae_export.verify.keras_runner import KerasRunner

    given = {name: array[rows] for name, array in samples.arrays.items()}
    return Reference.compute(
        KerasRunner(split.encoder),
        KerasRunner(split.decoder),
        split.latents,
        {name: given[name] for name in split.encoder.inputs},
        {name: given[name] for name in split.decoder.inputs if name in given},
        seed,
    )


def quantise(
    split: SplitVae,
    artifacts: Sequence[Artifact],
    precisions: Sequence[str],
    samples: Samples,
    batches: tuple[int, ...] | None,
    *,
    integer_io: bool,
    progress: Progress,
) -> list[Artifact]:
    """The artifacts of all precisions, made of those of float32.

    Raises:
        ConversionError: a half cannot be quantised.
        InputError: ranges are needed, and there are no real samples.
    """
    from vae_export.convert.halves import quantise_halves
    from vae_export.verify.calibration import calibration_inputs

    kept = [artifact for artifact in artifacts if artifact.precision in precisions]
    lower = [precision for precision in precisions if precision != "float32"]
    if not lower:
        return kept
    calibrated = [precision for precision in lower if precision in ("int8", "int16x8")]
    if calibrated and not samples.real:
        raise InputError(
            f"precision: {', '.join(calibrated)} needs ranges, got no real samples of x; give some with "
            "--calibration"
        )
    progress("calibrating")
    inputs = calibration_inputs(reference_of(split, samples, _calibration_rows(samples), SEED))
    return kept + quantise_halves(
        {"encoder": split.encoder, "decoder": split.decoder},
        artifacts,
        lower,
        inputs,
        batches=batches,
        integer_io=integer_io,
        progress=progress,
    )


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
    loss = Loss({}, {})
    lower = [artifact for artifact in artifacts if artifact.precision in budgets]
    if not lower:
        return report, loss
    from vae_export.verify.keras_similarity import ssim

    measured_on = reference_of(split, samples, _measured_rows(samples), SEED)
    for artifact in lower:
        progress(f"measuring {artifact.file}")
        runner = runners[artifact.file]
        loss.fidelity[artifact.file] = (
            measure_encoder(runner, measured_on)
            if artifact.role == "encoder"
            else measure_decoder(runner, measured_on, ssim)
        )
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
