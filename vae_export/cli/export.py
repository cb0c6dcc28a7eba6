"""`vae-export [MODEL] --format ...`: make a verified bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.artifact import DEFAULT_BATCHES, FORMATS
from vae_export.cli.arguments import add_json_argument, add_model_arguments, batch_sizes, model_options
from vae_export.cli.terminal import Progress, print_json, print_parity, say
from vae_export.convert.opsets import DEFAULT_OPSET
from vae_export.pipeline import PRECISIONS, export
from vae_export.runtime import HELPERS
from vae_export.verify.parity import DEFAULT_TOLERANCE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_model_arguments(
        parser,
        "MODEL",
        "a .keras or .h5 file, a folder made by train, the name of a reference model, or "
        "package.module:attribute (default fashion-mnist-dense)",
    )
    parser.add_argument("--format", choices=(*FORMATS, "all"), default="all", help="default: all")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="default: NAME-bundle")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="default: float32")
    parser.add_argument(
        "--batch",
        type=batch_sizes,
        default=DEFAULT_BATCHES,
        metavar="LIST|N|dynamic",
        help="batch sizes that .tflite files have signatures for, .onnx files taking any (default "
        f"{','.join(map(str, DEFAULT_BATCHES))}); one number fixes both",
    )
    parser.add_argument(
        "--opset",
        type=int,
        default=DEFAULT_OPSET,
        metavar="N",
        help=f"of the ONNX files, 13 to 18 (default {DEFAULT_OPSET})",
    )
    parser.add_argument(
        "--ort",
        action="store_true",
        help="also make .ort files and required_operators.config, for reduced builds of ONNX Runtime",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=DEFAULT_TOLERANCE,
        metavar="X",
        help=f"largest error on outputs in [0, 1] (default {DEFAULT_TOLERANCE:g}, or more where Keras' own "
        "rounding errors are larger)",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="real samples of x: .npy, .npz, an image or a folder of images "
        "(default: samples.npz beside the model)",
    )
    parser.add_argument(
        "--runtime",
        default="python",
        metavar="LIST",
        help=f"helpers to put into the bundle, of {','.join(HELPERS)} (default python)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing bundle")
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Export, and print the parity table."""
    with Progress() as progress:
        result = export(
            options.model,
            options.output,
            formats=FORMATS if options.format == "all" else (options.format,),
            precision=options.precision,
            batch=options.batch,
            opset=options.opset,
            ort=options.ort,
            tolerance=options.tolerance,
            calibration=options.calibration,
            runtimes=tuple(dict.fromkeys(options.runtime.split(","))),
            overwrite=options.overwrite,
            progress=progress,
            **model_options(options),
        )
    if options.json:
        print_json({"bundle": str(result.path), "manifest": result.manifest})
        return 0
    say(f"cut at {result.cut}")
    say(f"compared with Keras on {result.manifest['samples']}\n")
    print_parity(result.report)
    say(f"\nwrote {result.path}")
    return 0
