"""`vae-export reconstruct`: images through encoder and decoder."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vae_export.cli.arguments import add_json_argument, add_x_arguments, conditions, open_bundle_and_x
from vae_export.cli.terminal import print_json, say
from vae_export.pictures import write_images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_x_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("reconstruction.png"),
        help=".png (each input above its reconstruction) or .npy (default reconstruction.png)",
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Reconstruct."""
    bundle, vae, x = open_bundle_and_x(options)
    given = conditions(options, vae, ["encoder", "decoder"], len(x))
    images = vae.reconstruct({"x": x, **given}, options.seed, options.start)
    write_images(options.output, images, bundle.x_range, above=x)
    # Of tokens and bytes the decoder makes something else.
    alike = isinstance(images, np.ndarray) and images.shape == x.shape and x.dtype == np.float32
    error = float(np.abs(images - x).mean()) if alike else None
    if options.json:
        print_json({"count": len(x), "mean_absolute_error": error, "output": str(options.output)})
    else:
        figures = "" if error is None else f", mean absolute error {error:.4f}"
        say(f"wrote {len(x)} reconstructions to {options.output}{figures}")
    return 0
