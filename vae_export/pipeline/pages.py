"""Pages of a bundle: a report to read, and a playground in which it runs. Both need no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vae_export.bundle.reader import read_bundle
from vae_export.errors import OutputError
from vae_export.io.results import file_result
from vae_export.pipeline.stages import Progress, silent

if TYPE_CHECKING:
    from vae_export.pages.report.report import Report

__all__ = [
    "PLAYGROUND_FILE",
    "PLAYGROUND_FOLDER",
    "REPORT_FILE",
    "PlaygroundResult",
    "check_outside",
    "playground",
    "report",
]

REPORT_FILE, PLAYGROUND_FILE, PLAYGROUND_FOLDER = "report.html", "playground.html", "playground"


@dataclass(frozen=True)
class PlaygroundResult:
    """A playground that was written.

    Attributes:
        path: the page, or the folder.
        bytes: size of all its files.
    """

    path: Path
    bytes: int


def report(
    bundle: str | Path,
    output: str | Path = REPORT_FILE,
    *,
    samples: str | Path | None = None,
    picture_shape: Sequence[int] | None = None,
    seed: int = 7,
    rounds: int = 10,
    progress: Progress | None = None,
) -> Report:
    """Run a bundle and write a report on it as one HTML file.

    The page is written even if something does not match: see `Report.failures`.

    Args:
        bundle: the directory.
        output: the .html file, outside of the bundle.
        samples: real samples for the aggregate posterior: .npy, .npz, an image or a folder of images.
            Default: the golden samples of the bundle.
        picture_shape: shape of the pictures that flat rows hold.
        seed: seed of all draws, 0 to 2**64 - 1.
        rounds: number of timed blocks of calls, at least 2.
        progress: called with the name of each step.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
        InputError: an argument is wrong.
        OutputError: the page cannot be written.
        VaeRuntimeError: a runtime is not installed, or the seed is wrong.
    """
    from vae_export.pages.report.report import make_report

    path = Path(output)
    check_outside(path, Path(bundle))
    with file_result(path, ".html") as write:
        made = make_report(
            Path(bundle),
            samples=None if samples is None else Path(samples),
            picture_shape=None if picture_shape is None else tuple(picture_shape),
            seed=seed,
            rounds=rounds,
            progress=progress or silent,
        )
        write(made.html.encode())
    return made


def playground(
    bundle: str | Path,
    output: str | Path | None = None,
    *,
    split: bool = False,
    precision: str | None = None,
    picture_shape: Sequence[int] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    ort_web: str | Path | None = None,
    progress: Progress | None = None,
) -> PlaygroundResult:
    """Write a page in which a bundle runs in the browser.

    Args:
        bundle: the directory.
        output: the .html file, or the folder with `split`; default "playground.html" or "playground".
        split: whether to write a folder of files, for hosting, instead of one file that opens from disk.
        precision: precision of the .onnx files; default the first in the bundle.
        picture_shape: shape of the pictures that flat rows hold.
        labels: names of classes, by input of a conditional model.
        ort_web: folder of the npm package onnxruntime-web; default in node_modules of this or a parent
            directory.
        progress: called with the name of each step.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
        InputError: the browser cannot run the bundle, or an argument is wrong.
        OutputError: the output cannot be written.
        MissingDependencyError: onnxruntime-web is not found.
    """
    from vae_export.pages.playground.ort_web import find_ort_web
    from vae_export.pages.playground.playground import build_playground, write_folder, write_page

    path = Path(output) if output is not None else Path(PLAYGROUND_FOLDER if split else PLAYGROUND_FILE)
    check_outside(path, Path(bundle))
    (progress or silent)("packing")
    built = build_playground(
        read_bundle(Path(bundle)),
        find_ort_web(None if ort_web is None else Path(ort_web)),
        precision=precision,
        picture_shape=None if picture_shape is None else tuple(picture_shape),
        labels=labels,
    )
    return PlaygroundResult(path, (write_folder if split else write_page)(built, path))


def check_outside(output: Path, bundle: Path) -> None:
    """Refuse an output inside the bundle, which would make the bundle invalid."""
    if output.resolve().is_relative_to(bundle.resolve()):
        raise OutputError(f"{output}: is in the bundle {bundle}; choose a path outside it with -o")
