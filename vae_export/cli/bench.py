"""`vae-export bench`: how fast a bundle runs here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vae_export.bench.bundle_bench import BenchReport, BenchRow
from vae_export.bench.timing import Timing
from vae_export.cli.arguments import add_json_argument, batch_list
from vae_export.cli.terminal import Progress, duration_text, print_json, print_table, say
from vae_export.pipeline import bench


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="directory made by vae-export")
    parser.add_argument("--against", metavar="MODEL", help="the Keras model of the bundle, to time it too")
    parser.add_argument(
        "--custom-objects",
        metavar="FILE.py|MODULE",
        help="Python file or module with the classes of the model",
    )
    parser.add_argument(
        "--batch", type=batch_list, default=(1, 64), metavar="LIST", help="batch sizes (default 1,64)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="T",
        help="threads of the runtimes and of TensorFlow (default: 1 for files up to 1 MiB)",
    )
    parser.add_argument(
        "--rounds", type=int, default=30, metavar="R", help="timed blocks of each, interleaved (default 30)"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="PNG", help="draw a bar chart")
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, and print a table."""
    with Progress() as progress:
        report = bench(
            options.bundle,
            options.output,
            against=options.against,
            custom_objects=options.custom_objects,
            batch=options.batch,
            threads=options.threads,
            rounds=options.rounds,
            progress=progress,
        )
    if options.json:
        print_json(bench_json(report))
        return 0
    _print(report)
    if options.output:
        say(f"\nwrote {options.output}")
    return 0


def _print(report: BenchReport) -> None:
    sizes = list(report.rows[0].batches)
    compared = any(row.speedup for row in report.rows)
    columns = ["artifact", "bytes", "load", *(f"batch {size}" for size in sizes), f"rows/s at {sizes[-1]}"]
    columns += [*(["Keras' time / its"] if compared else []), "max abs error", "threads"]
    print_table(columns, [_cells(row, compared) for row in report.rows], right=columns[1:])
    say(
        f"\nTime of a call, median of {report.rounds} interleaved blocks of calls ± half the distance of the "
        f"quartiles.\n{report.machine}."
    )


def _cells(row: BenchRow, compared: bool) -> list[str]:
    size, timing = list(row.batches.items())[-1]
    cells = [
        row.name if row.bytes is not None else f"{row.role} in {row.name}",
        "" if row.bytes is None else f"{row.bytes:,}",
        "" if row.load is None else duration_text(row.load.median),
        *(f"{duration_text(one.median)} ±{one.spread:4.0%}" for one in row.batches.values()),
        f"{size / timing.median:,.0f}",
    ]
    if compared:
        cells.append(", ".join(f"{ratio:.2f}" for ratio in row.speedup.values()))
    cells.append("" if row.max_absolute_error is None else f"{row.max_absolute_error:.1e}")
    cells.append("its choice" if row.threads is None else str(row.threads))
    return cells


def bench_json(report: BenchReport) -> dict[str, Any]:
    """The figures, for programs."""
    return {
        "machine": report.machine,
        "rounds": report.rounds,
        "rows": [
            {
                "role": row.role,
                "name": row.name,
                "threads": row.threads,
                "bytes": row.bytes,
                "load": row.load and _timing(row.load, 1),
                "batches": {str(size): _timing(timing, size) for size, timing in row.batches.items()},
                "speedup": {str(size): ratio for size, ratio in row.speedup.items()},
                "max_absolute_error": row.max_absolute_error,
            }
            for row in report.rows
        ],
    }


def _timing(timing: Timing, size: int) -> dict[str, float]:
    """Milliseconds of a call, and rows in a second."""
    return {
        "median_ms": timing.median * 1e3,
        "low_ms": timing.low * 1e3,
        "high_ms": timing.high * 1e3,
        "rows_per_second": size / timing.median,
    }
