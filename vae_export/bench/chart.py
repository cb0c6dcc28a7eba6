"""A bar chart of a `BenchReport`."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vae_export.bench.bundle_bench import BenchReport, BenchRow

__all__ = ["COLOURS", "draw_chart", "time_panel"]

# The palette of Okabe & Ito (2008), safe for all colour vision; blue and orange first.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
BAR_INCHES = 0.24
DOTS_PER_INCH = 144


def draw_chart(report: BenchReport) -> bytes:
    """A PNG with the time a row of every artifact and batch size, encoders above decoders."""
    roles = list(dict.fromkeys(row.role for row in report.rows))
    groups = [[row for row in report.rows if row.role == role] for role in roles]
    bars = [len(rows) * (len(rows[0].batches) + 0.8) for rows in groups]
    figure = Figure(figsize=(8, 1.6 + BAR_INCHES * sum(bars)), layout="constrained")
    panels = figure.subplots(len(roles), 1, squeeze=False, height_ratios=bars)[:, 0]
    for panel, role, rows in zip(panels, roles, groups, strict=True):
        time_panel(panel, role, rows)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels), frameon=False)
    threads = sorted({"its choice" if row.threads is None else str(row.threads) for row in report.rows})
    figure.supxlabel(
        f"median of {report.rounds} interleaved blocks, whiskers from quartile to quartile; "
        f"threads: {', '.join(threads)}\n{report.machine}",
        fontsize=8,
    )
    content = io.BytesIO()
    figure.savefig(content, dpi=DOTS_PER_INCH, format="png")
    return content.getvalue()


def time_panel(
    panel: Axes,
    role: str,
    rows: Sequence[BenchRow],
    colours: Sequence[str] = COLOURS,
    whiskers: str = "#333333",
) -> None:
    """Draw the time a row of artifacts: one bar for each batch size, with its number."""
    sizes = list(rows[0].batches)
    height = 1 / (len(sizes) + 0.8)
    widest = max(row.batches[size].high / size for row in rows for size in sizes) * 1e6
    for index, size in enumerate(sizes):
        places = [number + (index - (len(sizes) - 1) / 2) * height for number in range(len(rows))]
        timings = [row.batches[size] for row in rows]
        values, low, high = (
            [getattr(timing, name) / size * 1e6 for timing in timings] for name in ("median", "low", "high")
        )
        panel.barh(
            places,
            values,
            height,
            xerr=[
                [value - least for value, least in zip(values, low, strict=True)],
                [most - value for value, most in zip(values, high, strict=True)],
            ],
            color=colours[index % len(colours)],
            ecolor=whiskers,
            label=f"batch {size}",
        )
        for place, value, end in zip(places, values, high, strict=True):
            panel.text(end + widest * 0.01, place, f"{value:.3g}", va="center", fontsize=8)
    panel.set_yticks(range(len(rows)), [row.name for row in rows])
    panel.invert_yaxis()
    panel.set_xlim(0, widest * 1.12)
    panel.set_title(role, loc="left", fontsize=10)
    panel.set_xlabel("microseconds a row", fontsize=9)
    panel.spines[["top", "right"]].set_visible(False)
