"""`vae-export generate`: new images from the prior."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.cli.arguments import (
    add_backend_arguments,
    add_condition_argument,
    add_noise_arguments,
    conditions,
    open_bundle,
)
from vae_export.cli.terminal import say
from vae_export.pictures import write_images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_backend_arguments(parser)
    parser.add_argument("-n", "--count", type=int, default=16, metavar="N", help="default: 16")
    add_noise_arguments(parser)
    add_condition_argument(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("generated.png"),
        help=".png, .npy or .npz (default generated.png)",
    )


def run(options: argparse.Namespace) -> int:
    """Generate."""
    bundle, vae = open_bundle(options)
    given = conditions(options, vae, ["decoder"], max(1, options.count))
    images = vae.generate(options.count, options.seed, options.start, given)
    write_images(options.output, images, bundle.x_range)
    say(f"wrote {options.count} images of seed {options.seed} to {options.output}")
    return 0
