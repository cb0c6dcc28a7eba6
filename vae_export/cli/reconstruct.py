"""`vae-export reconstruct`: images through encoder and decoder."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vae_export.cli.arguments import (
    add_json_argument,
    add_x_arguments,
    conditions,
    cyclic,
    open_bundle_and_x,
)
from vae_export.cli.parts import parts
from vae_export.cli.terminal import Progress, print_json, say
from vae_export.io.results import image_result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_x_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("reconstruction.png"),
        help=".png (each input above its reconstruction), a folder (a .png each), .npy or .npz "
        "(default reconstruction.png)",
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Reconstruct."""
    bundle, vae, x = open_bundle_and_x(options, "encoder", "decoder")
    given = conditions(options, vae, ["encoder", "decoder"])
    difference, values = 0.0, 0
    with (
        image_result(options.output, len(x), bundle.x_range, options.start) as write,
        Progress() as progress,
    ):
        for part in parts(vae, len(x), "reconstructing", progress):
            above = x[part]
            images = vae.reconstruct(
                {"x": above, **cyclic(given, part)}, options.seed, options.start + part.start
            )
            write(images, above)
            # For tokens and bytes the decoder's output has another dtype.
            if isinstance(images, np.ndarray) and images.shape == above.shape and above.dtype == np.float32:
                difference += float(np.abs(images - above).sum(dtype=np.float64))
                values += images.size
    error = difference / values if values else None
    if options.json:
        print_json({"count": len(x), "mean_absolute_error": error, "output": str(options.output)})
    else:
        figures = "" if error is None else f", mean absolute error {error:.4f}"
        say(f"wrote {len(x)} reconstructions to {options.output}{figures}")
    return 0
