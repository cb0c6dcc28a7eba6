"""`vae-export verify`: check a bundle against its hashes and golden arrays."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vae_export.cli.arguments import add_json_argument
from vae_export.cli.terminal import print_error, print_json, print_parity, say
from vae_export.io.quiet import quiet
from vae_export.pipeline import verify
from vae_export.verify.parity import OutputParity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="directory made by vae-export")
    add_json_argument(parser)


def parity_json(row: OutputParity) -> dict[str, Any]:
    """A row as JSON, which has no infinity."""
    figures = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(row).items()
    }
    return {**figures, "ok": row.ok}


def run(options: argparse.Namespace) -> int:
    """Verify, and print the parity table; 1 if anything differs."""
    with quiet():
        report = verify(options.bundle)
    if options.json:
        print_json({"ok": report.ok, "rows": [parity_json(row) for row in report.rows]})
    else:
        print_parity(report)
    for failure in report.failures:
        print_error(failure)
    if report.ok and not options.json:
        say("\nall files are unaltered, all outputs match")
    return 0 if report.ok else 1
