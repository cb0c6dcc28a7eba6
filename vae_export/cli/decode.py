"""`vae-export decode`: z to images."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.arrays import check_latents, read_array
from vae_export.cli.arguments import add_backend_arguments, open_bundle
from vae_export.cli.terminal import say
from vae_export.pictures import write_images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_backend_arguments(parser)
    parser.add_argument("input", type=Path, metavar="Z", help=".npy, or .npz with z (as encode writes it)")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("decoded.png"), help=".png or .npy (default decoded.png)"
    )


def run(options: argparse.Namespace) -> int:
    """Decode."""
    bundle, vae = open_bundle(options)
    z = check_latents(read_array(options.input, "z"), vae.latent_shape, str(options.input))
    images = vae.decode(z)
    write_images(options.output, images, bundle.x_range)
    say(f"wrote {len(images)} reconstructions to {options.output}")
    return 0
