"""`vae-export explain`: which layers of a file of a lower precision lose accuracy."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_export.cli.arguments import add_json_argument, positive
from vae_export.cli.terminal import Progress, print_json, print_table, say, shape_text
from vae_export.explain.layer_errors import LARGEST_LOGIT, LayerError
from vae_export.pipeline import explain

if TYPE_CHECKING:
    from vae_export.explain.explanation import Explanation, Sample

_PICTURE = Path("explain.png")
# Figure of a sample -> (heading, format).
_FIGURES = {
    "psnr": ("PSNR dB", "{:.1f}"),
    "max_absolute_error": ("max abs error", "{:.2e}"),
    "kl": ("KL nats", "{:.2g}"),
    "mu_error": ("mu off by sigma", "{:.2g}"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="directory made by vae-export")
    parser.add_argument(
        "--artifact", required=True, metavar="FILE", help="file of the bundle, such as decoder.int8.tflite"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=_PICTURE,
        metavar="PNG",
        help=f"picture of a decoder's worst images (default {_PICTURE})",
    )
    parser.add_argument(
        "--count", type=positive, default=8, metavar="N", help="number of worst samples (default 8)"
    )
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Compare, print the tables and draw the picture."""
    with Progress() as progress:
        found = explain(
            options.bundle,
            options.artifact,
            options.output,
            count=options.count,
            progress=progress,
        )
    if options.json:
        print_json(_as_json(found, options.output))
        return 0
    _print(found)
    if found.amplified is not None:
        say(
            f"\nwrote {options.output}, a row for each of the worst: {found.against}, {found.artifact}, "
            f"their difference x {found.amplified} (gray: none)"
        )
    elif found.images is not None:
        shape = shape_text((None, *found.images[0].shape[1:]))
        say(f"\nno picture: {found.output} is {shape}, expected images N x height x width x 1 or 3")
    return 0


def _print(found: Explanation) -> None:
    drawn = found.rows - found.golden
    prior = f" and {drawn} of the prior (seed {found.prior_seed})" if drawn else ""
    say(f"{found.artifact} against {found.against}, on {found.golden} golden rows{prior}\n")
    columns = ["layer", f"in {found.against}", "operator", "own SQNR dB", "SQNR dB", "max abs error"]
    columns += ["range", "clipped", "in float"]
    print_table(columns, [_cells(layer) for layer in found.layers], right=columns[3:8])
    say(
        "\nown: the error that the layer adds to what it is given. clipped: values beyond the range of the "
        "integers."
    )
    for layer in found.layers:
        if layer.cut:
            say(
                f"{layer.layer}: logits beyond ±{LARGEST_LOGIT:.2f} are taken for that, as a sigmoid of "
                "8 bits tells no others apart"
            )
    for file, names in ((found.artifact, found.unmatched), (found.against, found.unmatched_float)):
        if names:
            say(f"not compared: {len(names)} of {file} without a counterpart ({', '.join(names)})")
    figures = list(found.samples[0].figures)
    headings = [_FIGURES[name][0] for name in figures]
    say()
    print_table(
        ["worst samples", *headings],
        [[f"{sample.source} {sample.index}", *_texts(sample, figures)] for sample in found.samples],
        right=headings,
    )


def _cells(layer: LayerError) -> tuple[str, ...]:
    return (
        layer.layer,
        layer.float_layer,
        layer.operator,
        _decibel(layer.own_sqnr_db),
        _decibel(layer.sqnr_db),
        f"{layer.max_absolute_error:.2e}",
        "" if layer.range is None else "{:.3g} to {:.3g}".format(*layer.range),
        "" if layer.range is None else f"{layer.clipped:.2%}",
        "yes" if layer.in_float else "",
    )


def _texts(sample: Sample, figures: Sequence[str]) -> list[str]:
    values = [(name, sample.figures[name]) for name in figures]
    return ["equal" if value is None else _FIGURES[name][1].format(value) for name, value in values]


def _decibel(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f}"


def _as_json(found: Explanation, path: Path) -> dict[str, Any]:
    return {
        "artifact": found.artifact,
        "against": found.against,
        "golden_rows": found.golden,
        "prior_rows": found.rows - found.golden,
        "prior_seed": found.prior_seed,
        "layers": [_finite(asdict(layer)) for layer in found.layers],
        "unmatched": list(found.unmatched),
        "unmatched_float": list(found.unmatched_float),
        "samples": [
            {"source": sample.source, "index": sample.index, **_finite(dict(sample.figures))}
            for sample in found.samples
        ],
        "output": found.output,
        "picture": None if found.amplified is None else {"file": str(path), "amplified": found.amplified},
    }


def _finite(figures: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }
