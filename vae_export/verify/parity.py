"""The parity gate: comparison of a runner with its reference.

Checks in this order: names, shapes, dtypes, finiteness, values. All failures of all cases are collected.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vae_export.core.half import Runner
from vae_export.core.rounding import movement
from vae_export.errors import ParityError, one_line
from vae_export.io.notebook import table_html
from vae_export.verify.cases import Case
from vae_export.verify.judgement import Compared, channel_scales, judge_rounding, judge_told
from vae_export.verify.metrics import max_absolute_error, mean_absolute_error, sqnr_db, value_scale

__all__ = ["DEFAULT_TOLERANCE", "OutputParity", "ParityReport", "check_case", "check_graph", "check_outputs"]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

# Absolute for outputs in [0, 1], else times the range of the values.
DEFAULT_TOLERANCE = 1e-5
# Factor from the errors of this machine to tolerances for others, whose kernels round differently.
LATER = 2.0
# A message names a channel that is allowed less than the output as a whole by this factor.
_QUIET = 10.0


@dataclass(frozen=True)
class OutputParity:
    """The comparison of an output over all cases.

    Attributes:
        artifact: file name, or `end_to_end_name` of two files.
        output: name of the output.
        max_absolute_error: over all cases; infinite if a case could not be compared.
        mean_absolute_error: over all values of all cases.
        max_relative_error: max_absolute_error / scale of the output.
        sqnr_db: over all cases; None if all outputs are equal bit for bit, or none is comparable.
        tolerance: absolute, for later checks: the given one times the scale of the output; by default at
            least the most that any value was allowed by rounding, and twice the largest error. For lower
            precisions twice the largest error.
        failures: one line each; empty if the output matches.
        skipped: made-up cases whose reference is not finite, or not determined in float32.
    """

    artifact: str
    output: str
    max_absolute_error: float
    mean_absolute_error: float
    max_relative_error: float
    sqnr_db: float | None
    tolerance: float
    failures: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything matched."""
        return not self.failures


@dataclass(frozen=True, repr=False)
class ParityReport:
    """All comparisons of an export or of a bundle.

    Attributes:
        rows: one for each artifact and output, then those end to end.
    """

    rows: tuple[OutputParity, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """All failures of all rows."""
        return tuple(failure for row in self.rows for failure in row.failures)

    @property
    def ok(self) -> bool:
        """Whether everything matched."""
        return not self.failures

    def __repr__(self) -> str:
        found = f"{len(self.failures)} failed" if self.failures else "all match"
        return f"<ParityReport: {len(self.rows)} outputs, {found}>"

    def _repr_html_(self) -> str:
        return table_html(
            repr(self).strip("<>"),
            ("artifact", "output", "max abs error", "tolerance", "ok"),
            (
                (
                    row.artifact,
                    row.output,
                    f"{row.max_absolute_error:.2e}",
                    f"{row.tolerance:.1e}",
                    "yes" if row.ok else "NO",
                )
                for row in self.rows
            ),
        )

    def of(self, artifact: str) -> dict[str, OutputParity]:
        """The rows of an artifact by output."""
        return {row.output: row for row in self.rows if row.artifact == artifact}

    def require(self) -> None:
        """Raise if anything failed.

        Raises:
            ParityError: with all failures.
        """
        if not self.ok:
            count = len(self.failures)
            raise ParityError(f"{count} parity check{'s' * (count > 1)} failed", self.failures)


@dataclass
class _Tally:
    """What was found in the cases of an output."""

    compared: list[Compared] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def check_graph(
    artifact: str,
    runner: Runner,
    reference: Runner,
    cases: Iterable[Case],
    tolerance: float | None,
    run_moved: Callable[[Arrays, int], Arrays] | None = None,
) -> list[OutputParity]:
    """Run an artifact and its reference on all cases and compare all outputs.

    Args:
        artifact: file name, for the messages.
        runner, reference: the artifact and its half.
        cases: the inputs.
        tolerance: absolute for outputs in [0, 1], else times the range of the values; None, for lower
            precisions, measures errors without failures.
        run_moved: runs the reference with inputs and weights moved within rounding; see `core.half.Half`.
            With it, outputs are judged channel by channel, and an error beyond the tolerance of a channel is
            right if it is within a multiple of how far the reference moves; see `judgement.judge_rounding`.

    Returns:
        One row for each output of the reference.
    """
    tallies: dict[str, _Tally] = {}
    # Cases of equal names are equal.
    for case in {case.name: case for case in cases}.values():
        expected = reference.run(case.inputs)
        if case.made_up and not all(np.isfinite(array).all() for array in expected.values()):
            # For example a mean over tokens that are all masked.
            for name in expected:
                tallies.setdefault(name, _Tally()).skipped.append(case.name)
            continue
        try:
            actual: Arrays = runner.run(case.inputs)
        # An error in one batch size must not hide other failures.
        except Exception as error:  # noqa: BLE001  runtimes raise their own types
            for name in expected:
                failure = f"{artifact}: output {name!r}, {case.name}: the runtime failed: {one_line(error)}"
                tallies.setdefault(name, _Tally()).failures.append(failure)
            continue
        _collect(tallies, artifact, case, expected, actual, run_moved)
    return [
        _row(artifact, name, tally, tolerance, by_channel=run_moved is not None)
        for name, tally in sorted(tallies.items())
    ]


def check_case(
    artifact: str,
    case: str,
    expected: Arrays,
    actual: Arrays,
    tolerance: float | None,
    *,
    scaled: bool = True,
) -> list[OutputParity]:
    """Compare computed outputs; see `check_graph`.

    Args:
        artifact, case: for the messages.
        expected, actual: arrays by output.
        tolerance: absolute; if `scaled`, times the range of values that are not in [0, 1]; or None.
    """
    tallies: dict[str, _Tally] = {}
    _collect(tallies, artifact, Case(case, {}), expected, actual)
    return [_row(artifact, name, tally, tolerance, scaled=scaled) for name, tally in sorted(tallies.items())]


def check_outputs(
    artifact: str,
    case: Case,
    expected: Arrays,
    actual: Arrays,
    tolerance: float,
    run_moved: Callable[[Arrays, int], Arrays] | None,
) -> list[OutputParity]:
    """Compare computed outputs of a case, of which a reference can be moved; see `check_graph`."""
    tallies: dict[str, _Tally] = {}
    _collect(tallies, artifact, case, expected, actual, run_moved)
    return [
        _row(artifact, name, tally, tolerance, by_channel=run_moved is not None)
        for name, tally in sorted(tallies.items())
    ]


def _collect(
    tallies: dict[str, _Tally],
    artifact: str,
    case: Case,
    expected: Arrays,
    actual: Arrays,
    run_moved: Callable[[Arrays, int], Arrays] | None = None,
) -> None:
    @functools.cache
    def moves() -> dict[str, Array]:
        assert run_moved is not None
        return movement(lambda seed: run_moved(case.inputs, seed), expected)

    for name, reference in expected.items():
        tally = tallies.setdefault(name, _Tally())
        where = f"{artifact}: output {name!r}, {case.name}"
        if name not in actual:
            tally.failures.append(f"{where}: missing; the artifact has {', '.join(sorted(actual))}")
            continue
        failures = _form_failures(reference, actual[name])
        tally.failures.extend(f"{where}: {failure}" for failure in failures)
        if not failures:
            measured = None if run_moved is None else (lambda name=name: moves()[name])
            tally.compared.append(
                Compared(case.name, reference, actual[name], case.made_up, case.inputs, measured)
            )
    for name in sorted(set(actual) - set(expected)):
        first = tallies[next(iter(expected))]
        first.failures.append(f"{artifact}: output {name!r}, {case.name}: not expected")


def _form_failures(expected: Array, actual: Array) -> Sequence[str]:
    failures = []
    if actual.shape != expected.shape:
        failures.append(f"got shape {actual.shape}, expected {expected.shape}")
    if actual.dtype != expected.dtype:
        failures.append(f"got dtype {actual.dtype}, expected {expected.dtype}")
    for whose, array in (("Keras", expected), ("the artifact", actual)):
        wrong = int(array.size - np.isfinite(array).sum())
        if wrong:
            failures.append(f"{whose} gives {wrong} of {array.size} values that are not finite")
    return failures


def _row(
    artifact: str,
    output: str,
    tally: _Tally,
    tolerance: float | None,
    *,
    scaled: bool = True,
    by_channel: bool = False,
) -> OutputParity:
    if not tally.compared:
        infinite = (math.inf, math.inf, math.inf, None, tolerance or 0.0)
        return OutputParity(artifact, output, *infinite, tuple(tally.failures), tuple(tally.skipped))
    expected, actual = (
        np.concatenate([getattr(one, name).reshape(-1) for one in tally.compared])
        for name in ("expected", "actual")
    )
    scale = value_scale(expected)
    if by_channel and tolerance is not None:
        channels = tally.compared[0].expected.shape[-1] if tally.compared[0].expected.ndim > 1 else 1
        scales = channel_scales(expected.reshape(-1, channels))
        verdicts = [judge_rounding(one, tolerance, scales) for one in tally.compared]
    else:
        if tolerance is None:
            allowed = max(LATER * max_absolute_error(expected, actual), DEFAULT_TOLERANCE * scale)
        else:
            allowed = tolerance * scale if scaled else tolerance
        verdicts = [judge_told(one, allowed) for one in tally.compared]
    tally.skipped += [verdict.case for verdict in verdicts if verdict.undetermined]
    wrong = [(*verdict.wrong, verdict.case) for verdict in verdicts if verdict.wrong is not None]
    if wrong:
        error, most, channel, case = max(
            wrong, key=lambda found: found[0] / found[1] if found[1] else math.inf
        )
        quiet = by_channel and _QUIET * most < (tolerance or 0.0) * scale
        where = f"channel {channel}, " if quiet else ""
        tally.failures.append(
            f"{artifact}: output {output!r}, {case}: {where}largest error {error:.3g}, tolerance {most:.3g}"
        )
    largest, limit = (max(getattr(verdict, name) for verdict in verdicts) for name in ("largest", "allowed"))
    if by_channel and tolerance is not None:
        # For later checks, which see outputs as a whole, on machines whose kernels round differently.
        limit = max(limit, tolerance * scale, 0.0 if wrong else LATER * largest)
    ratio = sqnr_db(expected, actual)
    return OutputParity(
        artifact=artifact,
        output=output,
        max_absolute_error=largest,
        mean_absolute_error=mean_absolute_error(expected, actual),
        max_relative_error=largest / scale,
        sqnr_db=ratio if math.isfinite(ratio) else None,
        tolerance=limit,
        failures=tuple(tally.failures),
        skipped=tuple(tally.skipped),
    )
