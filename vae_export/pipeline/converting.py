"""Make artifacts of halves: convert, quantise, derive."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.core.artifact import Artifact, Companion
from vae_export.core.half import Half
from vae_export.core.plan import ExportPlan
from vae_export.core.precision import PRECISIONS
from vae_export.core.reference import Reference
from vae_export.errors import InputError
from vae_export.formats import FORMATS
from vae_export.formats.calibration import calibration_inputs
from vae_export.formats.protocol import DerivationContext
from vae_export.pipeline.stages import Progress

__all__ = ["Quantiser", "check_calibrated", "convert", "derive", "make_quantiser", "quantise"]

Array = np.ndarray[Any, Any]


class Quantiser:
    """Makes lower precisions of the float32 artifacts of an export.

    Args:
        halves: role -> half.
        rows: role -> calibration rows by input ``[n, ...]``.
        plan: the plan of the export.
    """

    def __init__(
        self, halves: Mapping[str, Half], rows: Mapping[str, Mapping[str, Array]], plan: ExportPlan
    ) -> None:
        self._halves, self._rows, self._plan = halves, rows, plan
        # Some precisions need a file with another lowering, which is converted once.
        self._sources: dict[tuple[str, str, str], Artifact] = {}

    def quantise(self, artifact: Artifact, precision: str, keep_float: Collection[str] = ()) -> Artifact:
        """Quantise a float32 artifact.

        Args:
            artifact: the artifact.
            precision: a lower precision of its format.
            keep_float: names out of `quantisable`.

        Raises:
            ConversionError: the artifact cannot be quantised.
        """
        format = FORMATS[artifact.format]
        return format.quantise(
            self._source(artifact, precision),
            precision,
            self._rows[artifact.role],
            integer_io=self._plan.integer_io and precision in format.integer_io,
            keep_float=keep_float,
        )

    def quantisable(self, artifact: Artifact, precision: str) -> tuple[str, ...]:
        """The names that `keep_float` may have, in graph order."""
        return FORMATS[artifact.format].quantisable(self._source(artifact, precision))

    def _source(self, artifact: Artifact, precision: str) -> Artifact:
        key = (artifact.format, artifact.role, precision)
        if key not in self._sources:
            half = self._halves[artifact.role]
            self._sources[key] = FORMATS[artifact.format].quantisation_source(
                artifact, precision, half, self._plan
            )
        return self._sources[key]


def convert(halves: Mapping[str, Half], plan: ExportPlan, progress: Progress) -> list[Artifact]:
    """Convert the halves to float32 artifacts, in all formats of the plan that have no base.

    Raises:
        ConversionError: a half cannot be converted.
    """
    made = []
    for format in (FORMATS[name] for name in plan.formats):
        if format.base is None:
            for role, half in halves.items():
                progress(f"converting {format.file(role)}")
                made.append(format.convert(half, plan))
    return made


def make_quantiser(halves: Mapping[str, Half], plan: ExportPlan, calibration: Reference) -> Quantiser:
    """A quantiser with calibration rows from the samples."""
    return Quantiser(halves, calibration_inputs(calibration), plan)


def check_calibrated(plan: ExportPlan, real: bool) -> None:
    """Refuse precisions that need calibration if there are no real samples.

    Raises:
        InputError: names the precisions.
    """
    calibrated = [name for name in plan.precisions if PRECISIONS[name].calibrated]
    if calibrated and not plan.auto and not real:
        raise InputError(
            f"precision: {', '.join(calibrated)} needs ranges, got no real samples of x; give some with "
            "--samples"
        )


def quantise(
    artifacts: Sequence[Artifact], quantiser: Quantiser, plan: ExportPlan, progress: Progress
) -> list[Artifact]:
    """Quantise the float32 artifacts to all precisions of the plan.

    Raises:
        ConversionError: a half cannot be quantised.
    """
    made = [artifact for artifact in artifacts if artifact.precision in plan.precisions]
    for artifact in artifacts:
        format = FORMATS[artifact.format]
        for precision in plan.budgets:
            if precision in format.precisions:
                progress(f"quantising {format.file(artifact.role, precision)}")
                made.append(quantiser.quantise(artifact, precision))
    return made


def derive(
    artifacts: Sequence[Artifact], plan: ExportPlan, reference: Reference, progress: Progress
) -> tuple[list[Artifact], list[Companion]]:
    """Derive the artifacts of formats with a base, and their further files for the bundle.

    Raises:
        InputError: no artifact of the base has a fitting precision.
        ConversionError: an artifact cannot be derived.
        ParityError: a derived artifact differs from its source.
    """
    made: list[Artifact] = []
    companions: list[Companion] = []
    context = DerivationContext(plan.name, {role: reference.inputs(role) for role in ("encoder", "decoder")})
    for format in (FORMATS[name] for name in plan.formats):
        if format.base is None:
            continue
        progress(f"making the files for {format.runtime}")
        derived = format.derive([one for one in (*artifacts, *made) if one.format == format.base], context)
        made += derived.artifacts
        companions += [Companion(format.name, file, data) for file, data in derived.companions.items()]
    return made, companions
