"""`vae-export encode`: images to mu, logvar and z."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.cli.arguments import (
    add_json_argument,
    add_x_arguments,
    conditions,
    cyclic,
    open_bundle_and_x,
)
from vae_export.cli.parts import parts
from vae_export.cli.terminal import Progress, print_json, say
from vae_export.io.results import array_result

Array = np.ndarray[Any, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_x_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("latents.npz"),
        help=".npz, or a folder of .npy files (default latents.npz): mu, logvar, z",
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Encode and sample."""
    _, vae, x = open_bundle_and_x(options, "encoder")
    given = conditions(options, vae, ["encoder"])
    printed: list[dict[str, Array]] = []
    with array_result(options.output, len(x)) as write, Progress() as progress:
        for part in parts(vae, len(x), "encoding", progress):
            mu, logvar = vae.encode({"x": x[part], **cyclic(given, part)})
            z = vae.sample(mu, logvar, options.seed, options.start + part.start)
            arrays = {**_named("mu", mu), **_named("logvar", logvar), **_named("z", z)}
            write(arrays)
            if options.json:
                printed.append(arrays)
    if options.json:
        print_json({name: np.concatenate([a[name] for a in printed]).tolist() for name in arrays})
    else:
        say(f"wrote {', '.join(arrays)} of {len(x)} inputs to {options.output}")
    return 0


def _named(name: str, values: Array | Mapping[str, Array]) -> Mapping[str, Array]:
    return values if isinstance(values, Mapping) else {name: values}
