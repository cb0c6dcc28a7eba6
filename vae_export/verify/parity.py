"""The parity gate: comparison of a runner with its reference.

Checks in this order: names, shapes, dtypes, finiteness, values. All failures of all cases are collected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vae_export.core.half import Runner
from vae_export.errors import ParityError, one_line
from vae_export.io.notebook import table_html
from vae_export.verify.cases import Case
from vae_export.verify.metrics import max_absolute_error, mean_absolute_error, sqnr_db, value_scale

__all__ = ["DEFAULT_TOLERANCE", "OutputParity", "ParityReport", "check_case", "check_graph"]

Array = np.ndarray[Any, Any]

# Absolute for outputs in [0, 1], else times the range of the values.
DEFAULT_TOLERANCE = 1e-5
# Largest error of an artifact, in multiples of the error of Keras' float32 against float64.
ROUNDING_ERRORS = 10.0
# Factor from the errors of this machine to tolerances for others, whose kernels round differently.
LATER = 2.0


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
        tolerance: absolute: the given one times the scale of the output. For lower precisions twice the
            largest error, for later checks.
        failures: one line each; empty if the output matches.
        skipped: made-up cases without a finite reference.
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
    """The sums over the cases of an output."""

    cases: list[str] = field(default_factory=list)
    expected: list[Array] = field(default_factory=list)
    actual: list[Array] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def check_graph(
    artifact: str,
    runner: Runner,
    reference: Runner,
    cases: Iterable[Case],
    tolerance: float | None,
    exact: Callable[[Mapping[str, Array]], Mapping[str, Array] | None] | None = None,
) -> list[OutputParity]:
    """Run an artifact and its reference on all cases and compare all outputs.

    Args:
        artifact: file name, for the messages.
        runner, reference: the artifact and its half.
        cases: the inputs.
        tolerance: absolute for outputs in [0, 1], else times the range of the values; None, for lower
            precisions, measures errors without failures.
        exact: runs the reference in float64, if it can. Where float64 changes an output by more than the
            tolerance, the tolerance is raised: a normalisation of a constant picture, for example, enlarges
            rounding errors.

    Returns:
        One row for each output of the reference.
    """
    tallies: dict[str, _Tally] = {}
    given = {case.name: case for case in cases}
    for case in given.values():
        expected = reference.run(case.inputs)
        if case.made_up and not all(np.isfinite(array).all() for array in expected.values()):
            # For example a mean over tokens that are all masked.
            for name in expected:
                tallies.setdefault(name, _Tally()).skipped.append(case.name)
            continue
        try:
            actual: Mapping[str, Array] = runner.run(case.inputs)
        # An error in one batch size must not hide other failures.
        except Exception as error:  # noqa: BLE001  runtimes raise their own types
            for name in expected:
                failure = f"{artifact}: output {name!r}, {case.name}: the runtime failed: {one_line(error)}"
                tallies.setdefault(name, _Tally()).failures.append(failure)
            continue
        _collect(tallies, artifact, case.name, expected, actual)

    def rounding(output: str, case: str) -> float:
        inputs = given[case].inputs
        computed = exact(inputs) if exact is not None else None
        return (
            0.0 if computed is None else max_absolute_error(reference.run(inputs)[output], computed[output])
        )

    return [_row(artifact, name, tally, tolerance, rounding) for name, tally in sorted(tallies.items())]


def check_case(
    artifact: str,
    case: str,
    expected: Mapping[str, Array],
    actual: Mapping[str, Array],
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
    _collect(tallies, artifact, case, expected, actual)
    return [_row(artifact, name, tally, tolerance, None, scaled) for name, tally in sorted(tallies.items())]


def _collect(
    tallies: dict[str, _Tally],
    artifact: str,
    case: str,
    expected: Mapping[str, Array],
    actual: Mapping[str, Array],
) -> None:
    for name, reference in expected.items():
        tally = tallies.setdefault(name, _Tally())
        where = f"{artifact}: output {name!r}, {case}"
        if name not in actual:
            tally.failures.append(f"{where}: missing; the artifact has {', '.join(sorted(actual))}")
            continue
        failures = _form_failures(reference, actual[name])
        tally.failures.extend(f"{where}: {failure}" for failure in failures)
        if not failures:
            tally.cases.append(case)
            tally.expected.append(reference.reshape(-1))
            tally.actual.append(actual[name].reshape(-1))
    for name in sorted(set(actual) - set(expected)):
        first = tallies[next(iter(expected))]
        first.failures.append(f"{artifact}: output {name!r}, {case}: not expected")


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
    rounding: Callable[[str, str], float] | None,
    scaled: bool = True,
) -> OutputParity:
    if not tally.expected:
        return OutputParity(
            artifact, output, math.inf, math.inf, math.inf, None, tolerance or 0.0, tuple(tally.failures)
        )
    expected, actual = np.concatenate(tally.expected), np.concatenate(tally.actual)
    scale = value_scale(expected)
    largest = max_absolute_error(expected, actual)
    if tolerance is None:
        allowed = max(LATER * largest, DEFAULT_TOLERANCE * scale)
    else:
        allowed = tolerance * scale if scaled else tolerance
    errors = [max_absolute_error(*pair) for pair in zip(tally.expected, tally.actual, strict=True)]
    if rounding is not None:
        # Only if it matters: it costs two more runs of the half.
        beyond = [case for error, case in zip(errors, tally.cases, strict=True) if error > allowed]
        allowed = max(allowed, *(ROUNDING_ERRORS * rounding(output, case) for case in beyond), 0.0)
    # Written so that NaN fails.
    if not largest <= allowed:
        _, case = max(zip(errors, tally.cases, strict=True))
        tally.failures.append(
            f"{artifact}: output {output!r}, {case}: largest error {largest:.3g}, tolerance {allowed:.3g}"
        )
    ratio = sqnr_db(expected, actual)
    return OutputParity(
        artifact=artifact,
        output=output,
        max_absolute_error=largest,
        mean_absolute_error=mean_absolute_error(expected, actual),
        max_relative_error=largest / scale,
        sqnr_db=ratio if math.isfinite(ratio) else None,
        tolerance=allowed,
        failures=tuple(tally.failures),
        skipped=tuple(tally.skipped),
    )
