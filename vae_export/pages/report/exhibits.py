"""Exhibits: reconstructions, samples and paths through latent space, as pictures or as lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.pages.report.measurements import Measurements
from vae_export.pages.report.signals import draw_signals
from vae_export.pages.report.theme import Drawing
from vae_export.pages.report.tiles import Tile, mosaic, tile
from vae_export.pages.view import View, picture_range, view_of

__all__ = ["Exhibit", "Row", "Views", "interpolations", "manifold", "reconstructions", "samples"]

Array = np.ndarray[Any, Any]

ORIGINAL = "original x"
# Lines need more space than pictures.
SIGNAL_COLUMNS, SIGNAL_SIDE, SIGNAL_SAMPLES = 4, 5, 16
# CSS pixels of a picture in a table, and of a mosaic, on wide and on narrow screens.
ROW_WIDE, ROW_NARROW = 84, 28
MOSAIC_WIDE, MOSAIC_NARROW = 640, 330


@dataclass(frozen=True)
class Views:
    """The views of x and of the decoder's outputs.

    Attributes:
        x: view of x.
        x_range: the values of black and white in pictures x.
        outputs: output -> view.
        shapes: output -> shape of a row.
        value_range: the values of black and white in pictures of outputs.
    """

    x: View | None
    x_range: tuple[float, float]
    outputs: Mapping[str, View | None]
    shapes: Mapping[str, tuple[int, ...]]
    value_range: tuple[float, float]

    @classmethod
    def of(cls, found: Measurements, picture_shape: tuple[int, ...] | None) -> Views:
        """The views of a bundle."""
        x_dtypes = {
            tensor.dtype
            for entry in found.bundle.artifacts
            for tensor in entry.inputs
            if tensor.name == "x" and tensor.quantisation is None
        }
        shapes = {name: array.shape[1:] for name, array in found.generated.items()}
        return cls(
            view_of(found.golden["x"].shape[1:], picture_shape),
            picture_range(found.bundle.x_range, "uint8" if x_dtypes == {"uint8"} else "float32"),
            {name: view_of(shape, picture_shape) for name, shape in shapes.items()},
            shapes,
            picture_range(found.bundle.x_range),
        )


@dataclass(frozen=True)
class Row:
    """A row of pictures.

    Attributes:
        label: label of the row.
        note: a figure of the row, or "".
        tiles: the pictures.
    """

    label: str
    note: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Exhibit:
    """An output of the decoder as pictures or signals, or as neither.

    Attributes:
        output: name of the output.
        shape: shape of a row.
        rows: rows of pictures; empty for signals, and for rows that are neither.
        drawing: drawing of signals, else None.
        count: number of golden or generated samples, or of steps of a side.
    """

    output: str
    shape: tuple[int, ...]
    rows: tuple[Row, ...]
    drawing: Drawing | None
    count: int


def reconstructions(found: Measurements, views: Views) -> list[Exhibit]:
    """Golden x, and its reconstructions by Keras and by every pair of halves, with one epsilon."""
    return [_reconstruction(found, views, name, view) for name, view in views.outputs.items()]


def _reconstruction(found: Measurements, views: Views, name: str, view: View | None) -> Exhibit:
    rows: dict[str, tuple[Array, View, str]] = {}
    if view is not None:
        if views.x is not None and views.x.kind == view.kind:
            rows[ORIGINAL] = (found.golden["x"], views.x, "")
        rows["Keras"] = (found.golden[name], view, "")
        for run in found.runs:
            array = run.reconstructions[name]
            difference = float(np.abs(array.astype(np.float64) - found.golden[name]).max())
            rows[run.name] = (array, view, _off(difference))
    count = len(found.golden["x"])
    shape = views.shapes[name]
    if view is None:
        return Exhibit(name, shape, (), None, 0)
    if view.kind == "signal":
        count = min(count, SIGNAL_COLUMNS)
        notes = ", ".join(f"{label} {note}" for label, (_, _, note) in rows.items() if note)
        # All rows of a figure have one layout: x is left out if its layout differs.
        arrays = [
            array[:count].reshape(count, *own.shape)
            for array, own, _ in rows.values()
            if own.shape == view.shape
        ]
        labels = [label for label, (_, own, _) in rows.items() if own.shape == view.shape]
        alt = f"{count} golden samples as lines, row by row: {', '.join(labels)}. Differences: {notes}."
        return Exhibit(name, shape, (), draw_signals(np.stack(arrays), alt, labels, _numbers(count)), count)
    return Exhibit(
        name,
        shape,
        tuple(
            Row(
                label,
                note,
                tuple(
                    tile(
                        array[k].reshape(own.shape),
                        f"{label}, golden sample {k}",
                        views.x_range if label == ORIGINAL else views.value_range,
                        ROW_WIDE,
                        ROW_NARROW,
                    )
                    for k in range(count)
                ),
            )
            for label, (array, own, note) in rows.items()
        ),
        None,
        count,
    )


def _off(difference: float) -> str:
    if not math.isfinite(difference):
        return "not finite"
    return f"off by {difference:.1e}" if difference else "equal"


def samples(found: Measurements, views: Views) -> list[Exhibit]:
    """Draws from the prior."""
    exhibits = []
    for name, array in found.generated.items():
        view, count, drawing = views.outputs[name], len(array), None
        rows: tuple[Row, ...] = ()
        if view is not None and view.kind == "picture":
            tiles = (
                tile(array[k].reshape(view.shape), f"sample {k} of seed {found.seed}", views.value_range)
                for k in range(count)
            )
            rows = (Row("", "", tuple(tiles)),)
        elif view is not None:
            columns = SIGNAL_COLUMNS
            count = min(count, SIGNAL_SAMPLES) // columns * columns
            alt = f"Samples 0 to {count - 1} of seed {found.seed} as lines, row by row, {columns} in a row."
            drawing = draw_signals(array[:count].reshape(-1, columns, *view.shape), alt)
        exhibits.append(Exhibit(name, views.shapes[name], rows, drawing, count))
    return exhibits


def manifold(found: Measurements, views: Views) -> list[Exhibit]:
    """Decoded grid over the latent space."""
    exhibits = []
    for name, array in found.manifold.items():
        view, drawing = views.outputs[name], None
        rows: tuple[Row, ...] = ()
        lines, columns = array.shape[:2]
        if view is not None and view.kind == "picture":
            whole = mosaic(array.reshape(lines, columns, *view.shape))
            alt = f"{name} of z on a grid of {lines} lines and {columns} columns, without gaps."
            rows = (Row("", "", (tile(whole, alt, views.value_range, MOSAIC_WIDE, MOSAIC_NARROW),)),)
        elif view is not None:
            steps = np.linspace(0, columns - 1, min(SIGNAL_SIDE, columns)).astype(int)
            shown = array[:, steps][steps if lines > 1 else slice(None)]
            lines, columns = shown.shape[:2]
            alt = f"{name} of z on a grid of {lines} lines and {columns} columns, as lines."
            drawing = draw_signals(shown.reshape(lines, columns, *view.shape), alt)
        exhibits.append(Exhibit(name, views.shapes[name], rows, drawing, columns))
    return exhibits


def interpolations(found: Measurements, views: Views) -> list[Exhibit]:
    """Decoded lines from the mu of a golden sample to that of the next."""
    if not found.interpolations:
        return []
    return [_interpolation(found, views, name, view) for name, view in views.outputs.items()]


def _interpolation(found: Measurements, views: Views, name: str, view: View | None) -> Exhibit:
    ways = [(f"{way.start} to {way.end}", way.outputs[name]) for way in found.interpolations]
    steps, drawing = len(ways[0][1]), None
    rows: tuple[Row, ...] = ()
    if view is not None and view.kind == "picture":
        rows = tuple(
            Row(label, "", (_strip(array.reshape(1, steps, *view.shape), label, name, views),))
            for label, array in ways
        )
    elif view is not None:
        signals = np.stack([array.reshape(steps, *view.shape) for _, array in ways])
        labels = [label for label, _ in ways]
        alt = f"{name} in {steps} steps between the mu of golden samples, as lines: {', '.join(labels)}."
        drawing = draw_signals(signals, alt, labels)
    return Exhibit(name, views.shapes[name], rows, drawing, steps)


def _strip(pictures: Array, label: str, name: str, views: Views) -> Tile:
    alt = f"{name} in {pictures.shape[1]} steps from golden sample {label}."
    return tile(mosaic(pictures), alt, views.value_range, MOSAIC_WIDE, MOSAIC_NARROW)


def _numbers(count: int) -> Sequence[str]:
    return [str(number) for number in range(count)]
