"""`vae-export encode`: images to mu, logvar and z."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vae_export.arrays import write_arrays
from vae_export.cli.arguments import add_json_argument, add_x_arguments, conditions, open_bundle_and_x
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
    mu, logvar = vae.encode({"x": x, **conditions(options, vae, ["encoder"], len(x))})
    z = vae.sample(mu, logvar, options.seed, options.start)
    arrays: dict[str, Any] = {}
    for name, values in (("mu", mu), ("logvar", logvar), ("z", z)):
        arrays.update(values if isinstance(values, dict) else {name: values})
    write_arrays(options.output, arrays)
    if options.json:
        print_json({name: array.tolist() for name, array in arrays.items()})
    else:
        say(f"wrote {', '.join(arrays)} of {len(x)} inputs to {options.output}")
    return 0
