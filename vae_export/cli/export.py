"""`vae-export [MODEL] --format ...`: make a verified bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.cli.arguments import add_json_argument, add_model_arguments, batch_sizes, model_options
from vae_export.cli.terminal import (
    Progress,
    print_candidates,
    print_cost,
    print_json,
    print_parity,
    print_table,
    say,
)
from vae_export.core.plan import DEFAULT_BATCHES
from vae_export.core.precision import PRECISIONS
from vae_export.formats import FORMATS, converted_formats
from vae_export.formats.onnx.opsets import DEFAULT_OPSET
from vae_export.pipeline import ExportResult, export
from vae_export.pipeline.planning import ALL, AUTO, PREFERENCES
from vae_export.runtime import HELPERS
from vae_export.verify.parity import DEFAULT_TOLERANCE, ParityReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    budgets = {name: one.budget for name, one in PRECISIONS.items() if one.budget is not None}
    add_model_arguments(
        parser,
        "MODEL",
        "a .keras or .h5 file, a folder made by train, the name of a reference model, or "
        "package.module:attribute (default fashion-mnist-dense)",
    )
    parser.add_argument(
        "--format",
        metavar="LIST",
        help=f"formats out of {','.join(FORMATS)}, or {ALL}: {' and '.join(converted_formats())} "
        f"(default {ALL}); " + "; ".join(f"{name}: {one.use}" for name, one in FORMATS.items()),
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="directory of the bundle (default NAME-bundle)"
    )
    parser.add_argument(
        "--name", help="name of the model in the bundle (default: from the file or the model)"
    )
    parser.add_argument(
        "--precision",
        metavar="LIST",
        help=f"precisions out of {','.join(PRECISIONS)} (default float32), or {AUTO}: the smallest files "
        "within the budget",
    )
    parser.add_argument(
        "--integer-io",
        action="store_true",
        help="int8 inputs and outputs of int8 .tflite files, instead of float32",
    )
    parser.add_argument(
        "--min-psnr",
        type=float,
        metavar="DB",
        help="lowest PSNR of decoders of lower precisions (default "
        f"{', '.join(f'{budget.min_psnr:g} in {name}' for name, budget in budgets.items())})",
    )
    parser.add_argument(
        "--prefer", choices=PREFERENCES, help=f"aim of --precision {AUTO} (default {PREFERENCES[0]})"
    )
    parser.add_argument(
        "--max-kl",
        type=float,
        metavar="NATS",
        help="largest KL divergence of encoders of lower precisions (default "
        f"{', '.join(f'{budget.max_kl:g} in {name}' for name, budget in budgets.items())})",
    )
    parser.add_argument(
        "--batch",
        type=batch_sizes,
        metavar="LIST|N|dynamic",
        help="batch sizes of the signatures in .tflite files, while .onnx files take any (default "
        f"{','.join(map(str, DEFAULT_BATCHES))}); one number fixes both",
    )
    parser.add_argument(
        "--opset",
        type=int,
        default=DEFAULT_OPSET,
        metavar="N",
        help=f"opset of .onnx files, 13 to 18 (default {DEFAULT_OPSET})",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=DEFAULT_TOLERANCE,
        metavar="X",
        help=f"largest error of outputs in [0, 1] (default {DEFAULT_TOLERANCE:g}, or more where Keras' own "
        "rounding errors are larger)",
    )
    parser.add_argument(
        "--samples",
        type=Path,
        metavar="FILE",
        help="real samples of x for verification and calibration: .npy, .npz, an image or a folder of images "
        "(default: samples.npz beside the model)",
    )
    parser.add_argument(
        "--runtime",
        default="python",
        metavar="LIST",
        help=f"runtime helpers in the bundle, out of {','.join(HELPERS)} (default python)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="refuse what would be assumed, such as mu by its name"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing bundle")
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Export, and print the parity table."""
    with Progress() as progress:
        result = export(
            options.model,
            options.output,
            name=options.name,
            format=options.format,
            precision=options.precision,
            batch=options.batch,
            opset=options.opset,
            tolerance=options.tolerance,
            samples=options.samples,
            integer_io=options.integer_io,
            min_psnr=options.min_psnr,
            max_kl=options.max_kl,
            prefer=options.prefer,
            runtime=options.runtime,
            overwrite=options.overwrite,
            strict=options.strict,
            progress=progress,
            **model_options(options),
        )
    if options.json:
        print_json({"bundle": str(result.path), "manifest": result.manifest.to_dict()})
        return 0
    say(f"cut at {result.cut}")
    say(f"compared with Keras on {result.manifest.samples}\n")
    if result.candidates:
        print_candidates(result.candidates)
        say()
    exact = _of_float32(result)
    if exact.rows:
        print_parity(exact)
    if exact.rows and result.cost.fidelity:
        say()
    if result.cost.fidelity:
        print_cost(result.cost, {entry.file: entry.bytes for entry in result.manifest.artifacts})
    for table in result.summaries():
        say()
        print_table(table.columns, table.rows, right=table.right)
    say(f"\nwrote {result.path}")
    return 0


def _of_float32(result: ExportResult) -> ParityReport:
    """The rows with a tolerance; lower precisions have a table of their own."""
    lower = {*result.cost.fidelity, *result.cost.elbo_change}
    return ParityReport(tuple(row for row in result.report.rows if row.artifact not in lower))
