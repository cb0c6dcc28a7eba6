"""`vae-export encode`: images to mu, logvar and z."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.arrays import check_x, read_array, write_arrays
from vae_export.cli.arguments import (
    add_backend_arguments,
    add_json_argument,
    add_noise_arguments,
    open_bundle,
)
from vae_export.cli.terminal import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_backend_arguments(parser)
    parser.add_argument(
        "input", type=Path, metavar="X", help=".npy, .npz (x), an image or a folder of images"
    )
    add_noise_arguments(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("latents.npz"), help="default: latents.npz (mu, logvar, z)"
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Encode and sample."""
    bundle, vae = open_bundle(options)
    x = check_x(read_array(options.input, "x"), vae.x_shape, bundle.x_range, str(options.input))
    mu, logvar = vae.encode(x)
    z = vae.sample(mu, logvar, options.seed, options.start)
    write_arrays(options.output, {"mu": mu, "logvar": logvar, "z": z})
    if options.json:
        print_json({"mu": mu.tolist(), "logvar": logvar.tolist(), "z": z.tolist()})
    else:
        say(f"wrote mu, logvar and z of {len(x)} inputs to {options.output}")
    return 0
