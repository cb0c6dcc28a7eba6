"""`vae-export report`: what a bundle is and does, as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vae_export.cli.arguments import add_json_argument, add_picture_shape_argument, check_outside
from vae_export.cli.bench import bench_json
from vae_export.cli.terminal import Progress, print_error, print_json, say
from vae_export.cli.verify import parity_json
from vae_export.io.results import file_result
from vae_export.pages.report.report import Report, make_report

# Collapsed latent values that are named; the report has them all.
_NAMED = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="directory made by vae-export")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("report.html"),
        metavar="HTML",
        help="default report.html",
    )
    parser.add_argument(
        "--samples",
        type=Path,
        metavar="FILE",
        help="real samples for the aggregate posterior: .npy, .npz (x, and what the encoder takes beside "
        "it), an image or a folder of images (default: the golden samples of the bundle)",
    )
    add_picture_shape_argument(parser)
    parser.add_argument(
        "--seed", type=int, default=7, metavar="S", help="seed of the noise, 0 to 2**64 - 1 (default 7)"
    )
    parser.add_argument(
        "--rounds", type=int, default=10, metavar="R", help="timed blocks of each file, in turn (default 10)"
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Report; 1 if anything differs from Keras, which is in the report then."""
    check_outside(options.output, options.bundle)
    with file_result(options.output, ".html") as write:
        with Progress() as progress:
            report = make_report(
                options.bundle,
                samples=options.samples,
                picture_shape=options.picture_shape,
                seed=options.seed,
                rounds=options.rounds,
                progress=progress,
            )
        write(report.html.encode())
    if options.json:
        print_json(_as_json(report, options.output))
    else:
        _print(report, options.output)
    for failure in report.failures:
        print_error(failure)
    return 1 if report.failures else 0


def _print(report: Report, path: Path) -> None:
    posterior = report.found.posterior
    collapsed = [
        name for name, state in zip(posterior.names, posterior.states, strict=True) if state == "collapsed"
    ]
    count = sum(len(run.rows) for run in report.found.runs)
    failed = len(report.failures)
    say(
        f"{failed} check{'s' * (failed > 1)} failed" if failed else f"all {count} comparisons with Keras pass"
    )
    rows = report.found.samples.rows
    shown = ", ".join(collapsed[:_NAMED]) + ", …" * (len(collapsed) > _NAMED)
    say(
        f"{len(collapsed)} of {len(posterior.names)} latent values collapsed, on "
        f"{rows:,} sample{'s' * (rows != 1)}{': ' * bool(collapsed)}{shown}"
    )
    say(f"wrote {path}")


def _as_json(report: Report, path: Path) -> dict[str, Any]:
    found = report.found
    posterior = found.posterior
    return {
        "ok": not report.failures,
        "failures": list(report.failures),
        "output": str(path),
        "samples": {"source": found.samples.source, "rows": found.samples.rows, "total": found.samples.total},
        "latents": [
            {"name": name, "kl": float(kl), "mu_variance": float(variance), "state": state}
            for name, kl, variance, state in zip(
                posterior.names, posterior.kl, posterior.mu_variance, posterior.states, strict=True
            )
        ],
        "parity": [parity_json(row) for run in found.runs for row in run.rows],
        "times": bench_json(found.times),
    }
