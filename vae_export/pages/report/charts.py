"""Charts: histograms of latents, samples in latent space, sizes and times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vae_export.bench.bundle_bench import BenchReport
from vae_export.bench.chart import time_panel
from vae_export.pages.report.manifold import LatentGrid
from vae_export.pages.report.posterior import AggregatePosterior
from vae_export.pages.report.theme import WIDTH, Drawing, Theme, draw

__all__ = ["PANELS", "draw_histograms", "draw_plane", "draw_sizes", "draw_times"]

Array = np.ndarray[Any, Any]

# Histograms in one figure, and beside each other.
PANELS, COLUMNS = 6, 2
BINS = 48
# Heights of what is below a histogram, itself, and above it.
PANEL_INCHES = (0.22, 0.52, 0.22)
# Drawn as a line; what a histogram reaches at least to.
PRIOR_REACH = 4.0
BAR_INCHES = 0.19
# What stands above or below the bars.
MARGIN_INCHES = 0.75


def draw_histograms(posterior: AggregatePosterior, indices: Sequence[int]) -> Drawing:
    """Histograms of draws from the aggregate posterior, with the density of the prior as a line.

    Args:
        posterior: the aggregate posterior.
        indices: indices of latent values, up to `PANELS`.
    """

    def paint(theme: Theme) -> Figure:
        rows = math.ceil(len(indices) / COLUMNS)
        figure = Figure(figsize=(WIDTH, rows * sum(PANEL_INCHES)))
        panels = figure.subplots(rows, COLUMNS, squeeze=False)
        # Fixed margins for all panels: an automatic layout takes longer than the drawing.
        bottom, inner, top = (inches / (rows * sum(PANEL_INCHES)) for inches in PANEL_INCHES)
        figure.subplots_adjust(0.03, bottom, 0.97, 1 - top, 0.12, (bottom + top) / inner)
        for panel in panels.flat[len(indices) :]:
            panel.set_axis_off()
        line = np.linspace(-PRIOR_REACH, PRIOR_REACH, 81)
        density = np.exp(-0.5 * line**2) / math.sqrt(2 * math.pi)
        for panel, index in zip(panels.flat, indices, strict=False):
            state = posterior.states[index]
            values = posterior.drawn[:, index].astype(np.float64)
            reach = max(PRIOR_REACH, float(np.abs(values).max()))
            heights, edges = np.histogram(values, BINS, (-reach, reach), density=True)
            panel.stairs(
                heights, edges, fill=True, color=theme.series[0], alpha=0.8 if state == "active" else 0.35
            )
            panel.plot(line, density, color=theme.colours["ink"], linewidth=1.2)
            panel.set_title(f"{posterior.names[index]}   {state}", loc="left", fontsize=7.5)
            panel.set_yticks([])
            panel.spines["left"].set_visible(False)
            panel.locator_params(axis="x", nbins=4, integer=True)
        return figure

    parts = (
        f"{posterior.names[index]} {posterior.states[index]}, KL "
        f"{posterior.kl[index]:.2g} nats, mean {posterior.drawn[:, index].mean():.2g}, deviation "
        f"{posterior.drawn[:, index].std():.2g}"
        for index in indices
    )
    return draw(
        paint, f"Histograms of draws from the aggregate posterior beside the prior. {'; '.join(parts)}."
    )


def draw_plane(posterior: AggregatePosterior, grid: LatentGrid, rows: int) -> Drawing | None:
    """The mu of the samples in the plane of a grid, with the extent of the grid; None for a grid of one axis.

    Args:
        posterior: the aggregate posterior.
        grid: grid over the latent space.
        rows: the most samples to draw.
    """
    if len(grid.axes) < 2:
        return None
    shown = posterior.mu[:rows]
    centre = np.zeros(2) if grid.kind == "prior" else grid.axes @ grid.mean
    places = shown @ grid.axes.T - centre
    sides = np.array([grid.extent] * 2 if grid.kind == "prior" else np.multiply(grid.extent, grid.deviations))
    names = posterior.names if grid.kind == "prior" else ("first axis", "second axis")

    def paint(theme: Theme) -> Figure:
        figure = Figure(figsize=(WIDTH, WIDTH * 0.92), layout="constrained")
        panel = figure.subplots()
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) * sides
        panel.plot(*corners.T, color=theme.colours["faint"], linewidth=1, linestyle="--")
        panel.plot(*places.T, "o", color=theme.series[0], markersize=3, alpha=0.6, markeredgewidth=0)
        panel.set_aspect("equal", adjustable="datalim")
        panel.set_xlabel(names[0])
        panel.set_ylabel(names[1])
        return figure

    inside = int((np.abs(places) <= sides).all(axis=1).sum())
    return draw(
        paint,
        f"Scatter plot of mu of {len(shown)} samples: {inside} lie within the grid, which is the dashed "
        f"frame; {names[0]} from {places[:, 0].min():.2g} to {places[:, 0].max():.2g}, {names[1]} from "
        f"{places[:, 1].min():.2g} to {places[:, 1].max():.2g}.",
    )


def draw_sizes(sizes: dict[str, int]) -> Drawing:
    """A bar chart of file sizes.

    Args:
        sizes: file -> bytes.
    """

    def paint(theme: Theme) -> Figure:
        kilobytes = [size / 1000 for size in sizes.values()]
        figure = Figure(figsize=(WIDTH, BAR_INCHES * len(sizes) + MARGIN_INCHES), layout="constrained")
        panel = figure.subplots()
        colours = [theme.series[0 if file.startswith("encoder") else 2] for file in sizes]
        panel.barh(range(len(sizes)), kilobytes, 0.7, color=colours)
        for place, value in enumerate(kilobytes):
            panel.text(value + max(kilobytes) * 0.02, place, f"{value:,.0f}", va="center", fontsize=7.5)
        panel.set_yticks(range(len(sizes)), list(sizes), fontsize=7)
        panel.invert_yaxis()
        panel.set_xlim(0, max(kilobytes) * 1.25)
        panel.locator_params(axis="x", nbins=4)
        panel.set_title("size", loc="left", fontsize=10)
        panel.set_xlabel("kilobytes")
        return figure

    parts = (f"{file} {size:,}" for file, size in sizes.items())
    return draw(paint, f"Bar chart of sizes in bytes: {', '.join(parts)}.")


def draw_times(report: BenchReport, role: str) -> Drawing:
    """A bar chart of the time a row of the files of a role.

    Args:
        report: the benchmark.
        role: "encoder" or "decoder".
    """
    rows = [row for row in report.rows if row.role == role]

    def paint(theme: Theme) -> Figure:
        height = 2 * BAR_INCHES * 0.85 * len(rows) + MARGIN_INCHES + 0.2
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        panel = figure.subplots()
        time_panel(panel, role, rows, theme.series, theme.colours["faint"])
        panel.tick_params(axis="y", labelsize=7)
        panel.locator_params(axis="x", nbins=4)
        panel.set_xlim(0, panel.get_xlim()[1] * 1.12)
        handles, labels = panel.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower right", ncols=len(labels), frameon=False)
        return figure

    parts = (
        f"{row.name} "
        + ", ".join(
            f"{timing.median / size * 1e6:.3g} at batch {size}" for size, timing in row.batches.items()
        )
        for row in rows
    )
    return draw(paint, f"Bar chart of {role}s, microseconds a row: {'; '.join(parts)}.")
