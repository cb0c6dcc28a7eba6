"""The parity gate of an export: each artifact in its runtime against its half, alone and end to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vae_export.core.artifact import Artifact, pairs
from vae_export.core.half import ROLES, Runner
from vae_export.core.precision import PRECISIONS
from vae_export.core.reference import Reference
from vae_export.errors import MissingDependencyError, ParityError, one_line
from vae_export.formats import FORMATS
from vae_export.formats.loading import load_artifact
from vae_export.verify.cases import Case, decoder_cases, encoder_cases
from vae_export.verify.end_to_end import EndToEnd, end_to_end_name
from vae_export.verify.parity import DEFAULT_TOLERANCE, OutputParity, ParityReport, check_graph

__all__ = ["verify_artifacts"]


def verify_artifacts(
    artifacts: Sequence[Artifact],
    reference: Reference,
    *,
    value_range: tuple[float, float],
    tolerance: float,
    progress: Callable[[str], None],
) -> tuple[ParityReport, dict[str, Runner]]:
    """Load every artifact in its runtime and compare it with its half.

    Artifacts of lower precisions need the right names, shapes and dtypes, and finite values on real inputs;
    their losses are measured by `verify.fidelity`.

    Args:
        artifacts: encoders and decoders of all formats and precisions.
        reference: the author's halves, and their outputs on the samples.
        value_range: range of x, for random inputs.
        tolerance: absolute for outputs in [0, 1], else times the range of the values. The default is raised
            where rounding moves the half's own outputs further; see `check_graph`. Another is not.
        progress: called with the name of each artifact.

    Returns:
        The report, and file -> the loaded artifact.

    Raises:
        ParityError: a runtime refuses to load an artifact.
        MissingDependencyError: a runtime is not installed.
    """
    batches = sorted({size for artifact in artifacts for size in artifact.batches or ()})
    cases = {
        "encoder": encoder_cases(reference.encoder_inputs, value_range, batches),
        "decoder": decoder_cases(reference.latents, reference.z, reference.conditions, batches),
    }
    halves = {role: reference.half(role) for role in ROLES}
    # A tolerance of the user is not raised.
    moving = tolerance == DEFAULT_TOLERANCE
    rows: list[OutputParity] = []
    runners: dict[str, Runner] = {}
    for artifact in artifacts:
        progress(artifact.file)
        runner = runners[artifact.file] = _load(artifact)
        half, given = halves[artifact.role], _within(cases[artifact.role], artifact)
        if PRECISIONS[artifact.precision].exact:
            run_moved = half.run_moved if moving else None
            rows += check_graph(artifact.file, runner, half, given, tolerance, run_moved)
        else:
            # Ranges are calibrated on real inputs; extremes are out of scope.
            real = [case for case in given if not case.made_up]
            rows += check_graph(artifact.file, runner, half, real, None)
    whole = EndToEnd(reference, tolerance, moving=moving)
    for encoder, decoder in pairs(artifacts):
        exact = all(PRECISIONS[one.precision].exact for one in (encoder, decoder))
        where = end_to_end_name(encoder.file, decoder.file)
        rows += whole.check(where, runners[encoder.file], runners[decoder.file], exact=exact)
    return ParityReport(tuple(rows)), runners


def _within(cases: Sequence[Case], artifact: Artifact) -> list[Case]:
    """The cases with at most the rows that the format verifies."""
    most = FORMATS[artifact.format].most_rows
    return [case for case in cases if most is None or case.rows <= most]


def _load(artifact: Artifact) -> Runner:
    try:
        return load_artifact(artifact)
    except MissingDependencyError:
        raise
    # Runtimes raise their own types when they refuse a file.
    except Exception as error:
        failure = f"{artifact.file}: the runtime refuses to load it: {one_line(error)}"
        raise ParityError("1 parity check failed", (failure,)) from error
