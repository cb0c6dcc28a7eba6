"""`vae-export report`: a report on a bundle as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vae_export.cli.arguments import add_json_argument, add_picture_shape_argument
from vae_export.cli.bench import bench_json
from vae_export.cli.terminal import Progress, print_error, print_json, say
from vae_export.cli.verify import parity_json
from vae_export.pages.report.report import Report
from vae_export.pipeline.pages import REPORT_FILE, report

# The most collapsed latent values to name; the report has all.
_NAMED = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="directory made by vae-export")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path(REPORT_FILE),
        metavar="HTML",
        help=f"default {REPORT_FILE}",
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
        "--rounds",
        type=int,
        default=10,
        metavar="R",
        help="timed blocks of each file, interleaved (default 10)",
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Write the report; 1 if something differs from Keras, which the report shows."""
    with Progress() as progress:
        made = report(
            options.bundle,
            options.output,
            samples=options.samples,
            picture_shape=options.picture_shape,
            seed=options.seed,
            rounds=options.rounds,
            progress=progress,
        )
    if options.json:
        print_json(_as_json(made, options.output))
    else:
        _print(made, options.output)
    for failure in made.failures:
        print_error(failure)
    return 1 if made.failures else 0


def _print(made: Report, path: Path) -> None:
    posterior = made.found.posterior
    collapsed = [
        name for name, state in zip(posterior.names, posterior.states, strict=True) if state == "collapsed"
    ]
    count = sum(len(run.rows) for run in made.found.runs)
    failed = len(made.failures)
    say(
        f"{failed} check{'s' * (failed > 1)} failed" if failed else f"all {count} comparisons with Keras pass"
    )
    rows = made.found.samples.rows
    shown = ", ".join(collapsed[:_NAMED]) + ", …" * (len(collapsed) > _NAMED)
    say(
        f"{len(collapsed)} of {len(posterior.names)} latent values collapsed, on "
        f"{rows:,} sample{'s' * (rows != 1)}{': ' * bool(collapsed)}{shown}"
    )
    say(f"wrote {path}")


def _as_json(made: Report, path: Path) -> dict[str, Any]:
    found = made.found
    posterior = found.posterior
    return {
        "ok": not made.failures,
        "failures": list(made.failures),
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
