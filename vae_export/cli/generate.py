"""`vae-export generate`: new images from the prior."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.cli.arguments import (
    add_backend_arguments,
    add_condition_argument,
    add_noise_arguments,
    conditions,
    cyclic,
    open_bundle,
    positive,
)
from vae_export.cli.parts import parts
from vae_export.cli.terminal import Progress, say
from vae_export.io.results import image_result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_backend_arguments(parser)
    parser.add_argument("-n", "--count", type=positive, default=16, metavar="N", help="default: 16")
    add_noise_arguments(parser)
    add_condition_argument(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("generated.png"),
        help=".png (all in one), a folder (a .png each), .npy or .npz (default generated.png)",
    )


def run(options: argparse.Namespace) -> int:
    """Generate."""
    bundle, vae = open_bundle(options, "decoder")
    count, seed, start = options.count, options.seed, options.start
    given = conditions(options, vae, ["decoder"])
    with image_result(options.output, count, bundle.x_range, start) as write, Progress() as progress:
        for part in parts(vae, count, "generating", progress):
            rows = part.stop - part.start
            write(vae.generate(rows, seed, start + part.start, cyclic(given, part)))
    say(f"wrote {count} images of seed {seed} to {options.output}")
    return 0
