"""`vae-export generate`: new images from the prior."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.cli.arguments import add_backend_arguments, add_noise_arguments, open_bundle
from vae_export.cli.terminal import say
from vae_export.pictures import write_images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_backend_arguments(parser)
    parser.add_argument("-n", "--count", type=int, default=16, metavar="N", help="default: 16")
    add_noise_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("generated.png"),
        help=".png or .npy (default generated.png)",
    )


def run(options: argparse.Namespace) -> int:
    """Generate."""
    bundle, vae = open_bundle(options)
    images = vae.generate(options.count, options.seed, options.start)
    write_images(options.output, images, bundle.x_range)
    say(f"wrote {len(images)} images of seed {options.seed} to {options.output}")
    return 0
