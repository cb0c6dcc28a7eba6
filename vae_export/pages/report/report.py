"""The report of a bundle: one HTML file that needs no network and no other file."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from vae_export.bundle.reader import read_bundle
from vae_export.core.evidence import WAYS_OF_KNOWING
from vae_export.core.latent import ACTIVE_VARIANCE, Latent
from vae_export.core.manifest import ArtifactEntry
from vae_export.core.parametrisation import PARAMETRISATIONS
from vae_export.formats import FORMATS
from vae_export.pages.report import exhibits
from vae_export.pages.report.charts import PANELS, draw_histograms, draw_plane, draw_sizes, draw_times
from vae_export.pages.report.comparisons import Comparison, compare, fidelities
from vae_export.pages.report.golden_run import GoldenRun, errors_by_output
from vae_export.pages.report.heat_maps import draw_errors, error_map
from vae_export.pages.report.measurements import Measurements, measure
from vae_export.pages.report.posterior import MOST_ROWS
from vae_export.pages.report.theme import Drawing
from vae_export.pages.template import render, text_of
from vae_export.pages.view import View, check_picture_shape, row_shape, view_of
from vae_export.verify.fidelity import WORST_DB, WORST_KL

__all__ = ["Report", "make_report"]

Array = np.ndarray[Any, Any]

# The most histograms: those of the latent values with the largest KL.
MOST_HISTOGRAMS = 64
MOST_POINTS = 400
# in the manifest -> in the report
SOURCES = {way.in_manifest: way.label for way in WAYS_OF_KNOWING.values()}
TOLD = WAYS_OF_KNOWING["told"].in_manifest


@dataclass(frozen=True, repr=False)
class Report:
    """A report.

    Attributes:
        html: the page.
        found: the measurements of the page.
        failures: differences from Keras and figures beyond budgets: one line each.
    """

    html: str
    found: Measurements
    failures: tuple[str, ...]

    def __repr__(self) -> str:
        found = f"{len(self.failures)} failed" if self.failures else "all match"
        return f"<Report: {self.found.bundle.manifest.name}, {len(self.html):,} characters, {found}>"


def make_report(
    path: Path,
    *,
    samples: Path | None = None,
    picture_shape: tuple[int, ...] | None = None,
    seed: int = 7,
    rounds: int = 10,
    progress: Callable[[str], None],
) -> Report:
    """Run a bundle and make its report.

    Args:
        path: the bundle.
        samples: a file of real samples, see `posterior.read_samples`; None for the golden rows.
        picture_shape: shape of the pictures that flat rows hold; see `view_of`.
        seed: seed of all draws.
        rounds: number of timed blocks of calls, at least 2.
        progress: called with the name of each step.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
        InputError: an argument is wrong.
        DataError: the samples do not fit the model.
        VaeRuntimeError: a runtime is not installed, or the seed is out of range.
    """
    bundle = read_bundle(path)
    # Before anything runs.
    shown = [tensor for entry in bundle.artifacts for tensor in (*entry.inputs, *entry.outputs)]
    check_picture_shape(picture_shape, {tensor.name: row_shape(tensor) for tensor in shown})
    found = measure(bundle, samples=samples, seed=seed, rounds=rounds, progress=progress)
    progress("drawing")
    return _assemble(found, picture_shape)


def _assemble(found: Measurements, picture_shape: tuple[int, ...] | None) -> Report:
    manifest = found.bundle.manifest
    groups = [(run, compare(manifest, run)) for run in found.runs]
    lower = fidelities(manifest.artifacts)
    failures = dict.fromkeys(
        failure
        for failed in (
            *(one.failures for _, group in groups for one in group),
            *(one.failures for one in lower),
        )
        for failure in failed
    )
    views = exhibits.Views.of(found, picture_shape)
    values = {
        "report_css": Markup(text_of("report/report.css")),
        "manifest": manifest,
        "found": found,
        "failures": list(failures),
        "groups": groups,
        "tightest": _tightest(groups),
        "fidelities": lower,
        "samples": exhibits.samples(found, views),
        "reconstructions": exhibits.reconstructions(found, views),
        "manifold": exhibits.manifold(found, views),
        "interpolations": exhibits.interpolations(found, views),
        "plane": None if found.grid is None else draw_plane(found.posterior, found.grid, MOST_POINTS),
        "plane_points": min(MOST_POINTS, len(found.posterior.mu)),
        "histograms": _histograms(found),
        "heat_maps": _heat_maps(found, picture_shape),
        "sizes": draw_sizes({entry.file: entry.bytes for entry in _by_role(found)}),
        "times": [draw_times(found.times, role) for role in ("encoder", "decoder")],
        "smallest": min(_pair_sizes(found).items(), key=lambda one: one[1]),
        "fastest": min(
            (timing.median / size, row.name, size)
            for row in found.times.rows
            if row.role == "decoder"
            for size, timing in row.batches.items()
        ),
        "artifacts": _by_role(found),
        "files": sorted(manifest.files(), key=lambda entry: entry.file),
        "details": lambda entry: FORMATS[entry.format].facts(entry.details),
        "formats": {name: format.label for name, format in FORMATS.items()},
        "held": ", ".join(dict.fromkeys(FORMATS[entry.format].label for entry in found.bundle.artifacts)),
        "known": _known,
        "assumptions": [words for latent in found.bundle.manifest.latents for words in latent.assumptions],
        "told": _told(found.bundle.manifest.latents),
        "sigmas": {name: one.sigma_label for name, one in PARAMETRISATIONS.items()},
        "value_range": views.value_range,
        "x_range": views.x_range,
        "most_rows": MOST_ROWS,
        "most_histograms": MOST_HISTOGRAMS,
        "active_variance": ACTIVE_VARIANCE,
        "worst_kl": WORST_KL,
        "worst_db": WORST_DB,
    }
    filters = {
        "shape": _shape,
        "number": "{:,}".format,
        "error": _error,
        "share": _share,
        "decibel": _decibel,
    }
    return Report(render("report/report.html.jinja", values, filters), found, tuple(failures))


def _by_role(found: Measurements) -> list[ArtifactEntry]:
    """The manifest's artifacts, encoders first."""
    return sorted(found.bundle.artifacts, key=lambda entry: entry.role, reverse=True)


def _pair_sizes(found: Measurements) -> dict[str, int]:
    """Name of a pair of encoder and decoder -> bytes of both."""
    sizes = {entry.file: entry.bytes for entry in found.bundle.artifacts}
    return {run.name: sum(sizes[file] for file in run.files.values()) for run in found.runs}


def _tightest(groups: list[tuple[GoldenRun, tuple[Comparison, ...]]]) -> Comparison:
    """The comparison closest to its tolerance.

    Among float32 if there is any: tolerances of lower precisions come from their own errors.
    """
    exact = [group for run, group in groups if run.precision == "float32"]
    chosen = exact or [group for _, group in groups]
    return max((one for group in chosen for one in group), key=operator.attrgetter("share"))


def _histograms(found: Measurements) -> list[Drawing]:
    indices = [int(index) for index in found.posterior.order[:MOST_HISTOGRAMS]]
    return [
        draw_histograms(found.posterior, indices[start : start + PANELS])
        for start in range(0, len(indices), PANELS)
    ]


def _heat_maps(found: Measurements, picture_shape: tuple[int, ...] | None) -> list[tuple[str, Drawing]]:
    """(output, error maps of all files) for each output of the halves."""
    entries = {entry.file: entry for entry in found.bundle.artifacts}
    latents = {name for latent in found.bundle.manifest.latents for name in (latent.mu, latent.logvar)}
    drawn = []
    for output, errors in errors_by_output(found.runs, found.golden).items():
        shape = found.golden[output].shape[1:]
        view: View | None = None if output in latents else view_of(shape, picture_shape)
        maps = {
            file: (
                f"{FORMATS[entries[file].format].label}\n{entries[file].precision}",
                error_map(array, view),
            )
            for file, array in errors.items()
        }
        picture = view is not None and view.kind == "picture"
        rows = len(found.golden[output])
        what = (
            f"of each pixel the largest over {rows} golden samples and all channels"
            if picture
            else f"a line for each of {rows} golden samples, a column for each value"
        )
        drawn.append((output, draw_errors(output, maps, picture, what)))
    return drawn


def _shape(sizes: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("N" if size is None else str(size) for size in sizes) + "]"


def _error(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"


def _share(value: float) -> str:
    """A fraction of a tolerance as text."""
    if value == math.inf:
        return "∞"
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"


def _decibel(value: float | None) -> str:
    return "equal" if value is None else f"{value:.0f}"


def _sources(latent: Latent) -> dict[str, str]:
    """What is known of the sampling layer -> how, in the manifest's words."""
    return {
        "mu": latent.mu_source,
        "parametrisation": latent.parametrisation_source,
        "epsilon's deviation": latent.epsilon_scale_source,
    }


def _known(latent: Latent) -> str:
    """How it is known what the sampling layer is given."""
    ways: dict[str, list[str]] = {}
    for what, source in _sources(latent).items():
        ways.setdefault(SOURCES[source], []).append(what)
    if len(ways) == 1:
        return next(iter(ways))
    return "; ".join(f"{' and '.join(whats)} {label}" for label, whats in ways.items())


def _told(latents: Sequence[Latent]) -> str:
    """What was told of the sampling layers; empty if nothing was."""
    whats = [what for latent in latents for what, source in _sources(latent).items() if source == TOLD]
    return ", ".join(dict.fromkeys(whats))
