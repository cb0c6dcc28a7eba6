"""Printing: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from vae_export.cli.interrupts import raise_if_interrupted
from vae_export.core.fidelity import EncoderFidelity
from vae_export.core.question import Question
from vae_export.pipeline.choosing import Candidate
from vae_export.verify.fidelity import PrecisionCost
from vae_export.verify.parity import ParityReport

__all__ = [
    "Progress",
    "duration_text",
    "print_candidates",
    "print_cost",
    "print_error",
    "print_json",
    "print_parity",
    "print_question",
    "print_table",
    "say",
    "shape_text",
]

# The width of tables if standard output is no terminal: they are not folded.
_UNBOUNDED = 200


class Progress:
    """Shows the current step on one line of standard error.

    Silent if standard error is no terminal. A context manager: leaving it clears the line.
    """

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def __call__(self, step: str) -> None:
        """Show a step, unless Ctrl-C was pressed since the last one."""
        raise_if_interrupted()
        self._write(f"{step} …")

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()


def say(text: str = "") -> None:
    """Print a line of results."""
    print(text)


def print_error(text: str) -> None:
    """Print an error: one line, on standard error."""
    print(f"vae-export: {' '.join(text.split())}", file=sys.stderr)


def print_question(question: Question, arguments: Sequence[str]) -> None:
    """Print the candidates of a question with their evidence and the command for each, on standard error.

    Args:
        question: to the user.
        arguments: of the command that asks.
    """
    for answer in question.answers:
        lines = [answer.meaning, *(f"  {words}" for words in answer.evidence)]
        command = shlex.join(["vae-export", *arguments, *answer.options])
        print("\n".join(["", *lines, f"    {command}"]), file=sys.stderr)
    if question.hint:
        print(f"\n{question.hint}", file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a result for programs."""
    print(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print rows of text under headings; the columns in `right` are aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(
        file=sys.stdout, width=None if sys.stdout.isatty() else _UNBOUNDED, highlight=False, markup=False
    ).print(table)


def print_parity(report: ParityReport) -> None:
    """Print the parity table."""
    print_table(
        ("artifact", "output", "max abs error", "tolerance", "SQNR dB", "ok"),
        [
            (
                row.artifact,
                row.output,
                f"{row.max_absolute_error:.2e}",
                f"{row.tolerance:.1e}",
                "exact" if row.sqnr_db is None and row.ok else f"{row.sqnr_db or 0:.0f}",
                "yes" if row.ok else "NO",
            )
            for row in report.rows
        ],
        right=("max abs error", "tolerance", "SQNR dB"),
    )
    for case in dict.fromkeys(f"{row.artifact}: {case}" for row in report.rows for case in row.skipped):
        say(f"not compared: {case} (Keras itself gives values that are not finite)")


def print_cost(cost: PrecisionCost, sizes: Mapping[str, int]) -> None:
    """Print the cost of lower precisions.

    Args:
        cost: figures by file.
        sizes: bytes by file.
    """
    encoders: list[tuple[str, ...]] = []
    decoders: list[tuple[str, ...]] = []
    for file, figures in cost.fidelity.items():
        if isinstance(figures, EncoderFidelity):
            kl, mu = (
                f"{mean:.2g} ({worst:.2g})"
                for mean, worst in (
                    (figures.kl_mean, figures.kl_worst),
                    (figures.mu_error_mean, figures.mu_error_worst),
                )
            )
            encoders.append((file, f"{sizes[file]:,}", kl, mu))
        else:
            cells = [
                f"{_decibel(alike.psnr)} ({_decibel(alike.psnr_worst)})"
                for alike in (figures.posterior, figures.prior)
            ]
            alike = figures.prior.ssim
            decoders.append((file, f"{sizes[file]:,}", *cells, "" if alike is None else f"{alike:.4f}"))
    encoder_columns = ("artifact", "bytes", "KL nats, mean (worst)", "mu off by sigma, mean (worst)")
    print_table(encoder_columns, encoders, right=encoder_columns[1:])
    decoder_columns = ("artifact", "bytes", "PSNR dB, posterior (worst)", "prior (worst)", "SSIM, prior")
    say()
    print_table(decoder_columns, decoders, right=decoder_columns[1:])
    changes = [(name, f"{change:+.3g}") for name, change in cost.elbo_change.items() if change is not None]
    if changes:
        say()
        print_table(("end to end", "ELBO changed by, nats"), changes, right=("ELBO changed by, nats",))


def print_candidates(candidates: Sequence[Candidate]) -> None:
    """Print the candidates of precision "auto"."""
    print_table(
        ("tried", "in float", "bytes", "batch 1", "KL or PSNR", "verdict"),
        [
            (
                one.file,
                ", ".join(one.float_tensors),
                "" if one.artifact is None else f"{one.artifact.size:,}",
                "" if one.seconds is None else duration_text(one.seconds),
                _figure(one),
                _verdict(one),
            )
            for one in candidates
        ],
        right=("bytes", "batch 1", "KL or PSNR"),
    )


def _verdict(candidate: Candidate) -> str:
    if candidate.artifact is None:
        return "; ".join(candidate.failures)
    return "taken" if candidate.chosen else "too lossy" if candidate.failures else "within the budget"


def _figure(candidate: Candidate) -> str:
    """The deciding figure: mean KL, or the lower PSNR."""
    fidelity = candidate.fidelity
    if fidelity is None:
        return ""
    if isinstance(fidelity, EncoderFidelity):
        return f"{fidelity.kl_mean:.2g} nats"
    found = [one.psnr for one in (fidelity.posterior, fidelity.prior) if one.psnr is not None]
    return f"{min(found):.1f} dB" if found else "equal"


def _decibel(value: float | None) -> str:
    return "equal" if value is None else f"{value:.1f}"


def duration_text(seconds: float) -> str:
    """A duration with three digits: 62.1 µs, 1.24 ms, 3.05 s."""
    for unit, factor in (("µs", 1e6), ("ms", 1e3), ("s", 1.0)):
        value = seconds * factor
        if value < 999.5 or unit == "s":
            break
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def shape_text(shape: Sequence[int | None]) -> str:
    """A shape in words: N x 28 x 28 x 1."""
    return " x ".join("N" if n is None else str(n) for n in shape)
