"""`vae-export decode`: z to images."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

from vae_export.cli.arguments import (
    add_backend_arguments,
    add_condition_argument,
    conditions,
    cyclic,
    open_bundle,
)
from vae_export.cli.parts import parts
from vae_export.cli.terminal import Progress, say
from vae_export.errors import DataError
from vae_export.io.arrays import CheckedRows, check_latents, open_arrays
from vae_export.io.results import image_result
from vae_export.runtime.python.vae_runtime import Vae


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
        help=".png (all in one), a folder (a .png each), .npy or .npz (default decoded.png)",
    )


def run(options: argparse.Namespace) -> int:
    """Decode."""
    bundle, vae = open_bundle(options, "decoder")
    z = _open_latents(options.input, vae)
    count = len(next(iter(z.values())))
    given = conditions(options, vae, ["decoder"])
    with image_result(options.output, count, bundle.x_range) as write, Progress() as progress:
        for part in parts(vae, count, "decoding", progress):
            write(vae.decode({**{name: rows[part] for name, rows in z.items()}, **cyclic(given, part)}))
    say(f"wrote {count} reconstructions to {options.output}")
    return 0


def _open_latents(path: Path, vae: Vae) -> dict[str, CheckedRows]:
    names = [latent["z"] for latent in vae.latents]
    arrays = open_arrays(path, names[0])
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataError(f"{path}: holds {', '.join(sorted(arrays))}, expected {', '.join(names)}")
    z = {}
    for name in names:
        shape = vae.inputs[name][0]
        z[name] = CheckedRows(arrays[name], shape, functools.partial(check_latents, shape=shape), str(path))
        if len(z[name]) != len(z[names[0]]):
            raise DataError(
                f"{path}: got {len(z[name])} rows of {name}, expected {len(z[names[0]])} as of {names[0]}"
            )
    return z
