"""`vae-export playground`: a page in which a bundle runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_export.cli.arguments import add_picture_shape_argument
from vae_export.cli.terminal import Progress, say
from vae_export.core.precision import PRECISIONS
from vae_export.errors import InputError
from vae_export.pages.playground.ort_web import ORT_WEB_VERSION
from vae_export.pipeline.pages import PLAYGROUND_FILE, PLAYGROUND_FOLDER, playground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="directory made by vae-export")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="HTML",
        help=f"default {PLAYGROUND_FILE}; with --split a folder, default {PLAYGROUND_FOLDER}",
    )
    parser.add_argument(
        "--split",
        action="store_true",
        help="write a folder of files, for hosting, instead of one file that opens from disk",
    )
    parser.add_argument(
        "--precision",
        choices=tuple(PRECISIONS),
        help="precision of the .onnx files (default: the first in the bundle)",
    )
    add_picture_shape_argument(parser)
    parser.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="NAME=A,B,...",
        help="names of the classes of a conditional model's input; may be given again for another input",
    )
    parser.add_argument(
        "--ort-web",
        type=Path,
        metavar="DIR",
        help=f"folder of the npm package onnxruntime-web {ORT_WEB_VERSION} (default: found in node_modules "
        "here or above)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the page or the folder."""
    with Progress() as progress:
        made = playground(
            options.bundle,
            options.output,
            split=options.split,
            precision=options.precision,
            picture_shape=options.picture_shape,
            labels=_labels(options.labels),
            ort_web=options.ort_web,
            progress=progress,
        )
    how = "to be served, for example by python3 -m http.server" if options.split else "opens in a browser"
    say(f"wrote {made.path}, {made.bytes / 1e6:.1f} MB, {how}")
    return 0


def _labels(given: list[str]) -> dict[str, list[str]]:
    """--labels: names of classes, by input."""
    labels: dict[str, list[str]] = {}
    for text in given:
        name, _, names = text.partition("=")
        words = [word.strip() for word in names.split(",")]
        if not name or not all(words):
            raise InputError(f"labels: got {text!r}, expected NAME=A,B,... with a name for each class")
        if name in labels:
            raise InputError(f"labels: got labels of {name} twice, expected them once")
        labels[name] = words
    return labels
