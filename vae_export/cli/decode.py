"""`vae-export decode`: z to images."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.arrays import check_latents, read_arrays
from vae_export.cli.arguments import add_backend_arguments, add_condition_argument, conditions, open_bundle
from vae_export.cli.terminal import say
from vae_export.errors import DataError
from vae_export.pictures import write_images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_backend_arguments(parser)
    parser.add_argument("input", type=Path, metavar="Z", help=".npy, or .npz with z (as encode writes it)")
    add_condition_argument(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("decoded.png"),
        help=".png, .npy or .npz (default decoded.png)",
    )


def run(options: argparse.Namespace) -> int:
    """Decode."""
    bundle, vae = open_bundle(options)
    names = [latent["z"] for latent in vae.latents]
    arrays = read_arrays(options.input, names[0])
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataError(f"{options.input}: holds {', '.join(sorted(arrays))}, expected {', '.join(names)}")
    z = {name: check_latents(arrays[name], vae.inputs[name][0], str(options.input)) for name in names}
    rows = len(z[names[0]])
    images = vae.decode({**z, **conditions(options, vae, ["decoder"], rows)})
    write_images(options.output, images, bundle.x_range)
    say(f"wrote {rows} reconstructions to {options.output}")
    return 0
