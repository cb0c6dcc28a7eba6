"""`vae-export encode`: images to mu, logvar and z."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.arrays import write_arrays
from vae_export.cli.arguments import add_json_argument, add_x_arguments, open_bundle_and_x
from vae_export.cli.terminal import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_x_arguments(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("latents.npz"), help="default: latents.npz (mu, logvar, z)"
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Encode and sample."""
    _, vae, x = open_bundle_and_x(options)
    mu, logvar = vae.encode(x)
    z = vae.sample(mu, logvar, options.seed, options.start)
    write_arrays(options.output, {"mu": mu, "logvar": logvar, "z": z})
    if options.json:
        print_json({"mu": mu.tolist(), "logvar": logvar.tolist(), "z": z.tolist()})
    else:
        say(f"wrote mu, logvar and z of {len(x)} inputs to {options.output}")
    return 0
