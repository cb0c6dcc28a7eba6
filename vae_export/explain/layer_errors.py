"""Errors of the layers of a quantised file against the float file, over all rows.

A layer has two errors: the accumulated one, and its own. Its own is the difference from the float layer run
on the quantised file's inputs, which involves no estimate of how earlier errors propagate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.core.trace import INPUT, Key, Layer, LayerTrace, Values
from vae_export.explain.matching import match_tensors

__all__ = ["LARGEST_LOGIT", "LayerError", "Layers"]

Array = np.ndarray[Any, Any]

# The levels of an 8-bit sigmoid are 1/256 apart: quantisers clip larger logits on purpose.
LARGEST_LOGIT = math.log(511)
_EIGHT_BITS = 255
# Finite: JSON has no infinity.
_LOWEST = -200.0


@dataclass(frozen=True)
class LayerError:
    """The error of a layer, over all rows.

    Attributes:
        layer: output tensor in the quantised file.
        float_layer: output tensor in the float file.
        operator: operator of the quantised file.
        sqnr_db: SQNR of the accumulated error; None for no error, -200 for no signal.
        own_sqnr_db: SQNR of the layer's own error; None for no error.
        max_absolute_error: of the accumulated error.
        clipped: fraction of the float values that are more than a step outside of `range`.
        range: range of the integers; None if all consumers read floats.
        in_float: whether the layer computes in float32.
        cut: whether logits beyond `LARGEST_LOGIT` were clipped before the comparison.
    """

    layer: str
    float_layer: str
    operator: str
    sqnr_db: float | None
    own_sqnr_db: float | None
    max_absolute_error: float
    clipped: float
    range: tuple[float, float] | None
    in_float: bool
    cut: bool


class Layers:
    """The matched layers of two files, with errors summed over batches.

    Args:
        quantised, exact: the traces of the two files.

    Attributes:
        unmatched: names of tensors of the quantised file without a counterpart.
        unmatched_float: names of tensors of the float file without a counterpart.
    """

    def __init__(self, quantised: LayerTrace, exact: LayerTrace) -> None:
        self._found = match_tensors(quantised.outline, exact.outline)
        self._sums = {
            layer.key: _Sums(layer) for layer in quantised.outline.layers if layer.key in self._found
        }
        others = {layer.key: layer for layer in exact.outline.layers}
        known = set(self._found.values())
        self._names = {key: others[other].name for key, other in self._found.items()}
        self._parts = {
            layer.key: exact.part(self._found[layer.key], known)
            for layer in quantised.outline.layers
            if layer.key in self._found and layer.kind != INPUT
        }
        self.unmatched = tuple(x.name for x in quantised.outline.layers if x.key not in self._found)
        self.unmatched_float = tuple(x.name for x in exact.outline.layers if x.key not in known)

    def add(self, quantised: Values, exact: Values) -> None:
        """Add a batch.

        Args:
            quantised, exact: the values of the two files by tensor.
        """
        taken: Mapping[Key, Array] = {
            other: quantised[key] for key, other in self._found.items() if key in quantised
        }
        for key, sums in self._sums.items():
            expected = exact[self._found[key]]
            # Shapes, indices and labels have no errors.
            if expected.dtype.kind == "f":
                own = self._parts[key].run(taken) if key in self._parts else expected
                sums.add(expected, own, quantised[key])

    @property
    def errors(self) -> list[LayerError]:
        """The errors of all layers, the largest own error first.

        Inputs and data-movement layers are left out if they lose nothing.
        """
        found = [
            sums.error(self._names[key])
            for key, sums in self._sums.items()
            if sums.count and not ((sums.layer.kind == INPUT or sums.layer.moving) and sums.own_noise == 0)
        ]
        return sorted(found, key=lambda error: math.inf if error.own_sqnr_db is None else error.own_sqnr_db)


class _Sums:
    """The sums of a layer's figures."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        steps = layer.steps
        self._cut = layer.sigmoid_alone and steps is not None and steps.most - steps.least == _EIGHT_BITS
        self.count = self.clipped = 0
        self.signal = self.noise = self.own_signal = self.own_noise = self.largest = 0.0

    def add(self, expected: Array, own: Array, actual: Array) -> None:
        """Add a batch: float file, float layer on quantised inputs, quantised file."""
        expected, own, actual = (array.astype(np.float64) for array in (expected, own, actual))
        if self._cut:
            expected, own, actual = (
                np.clip(array, -LARGEST_LOGIT, LARGEST_LOGIT) for array in (expected, own, actual)
            )
        error = np.abs(actual - expected)
        self.count += expected.size
        self.signal += float(np.square(expected).sum())
        self.noise += float(np.square(error).sum())
        self.own_signal += float(np.square(own).sum())
        self.own_noise += float(np.square(actual - own).sum())
        self.largest = float(np.maximum(self.largest, error.max(initial=0.0)))
        if self.layer.steps is not None:
            (low, high), step = self.layer.steps.range, self.layer.steps.scale
            self.clipped += int(((expected < low - step) | (expected > high + step)).sum())

    def error(self, float_layer: str) -> LayerError:
        """The figures of the layer."""
        return LayerError(
            self.layer.name,
            float_layer,
            self.layer.kind,
            _decibel(self.signal, self.noise),
            _decibel(self.own_signal, self.own_noise),
            self.largest,
            self.clipped / self.count,
            None if self.layer.steps is None else self.layer.steps.range,
            self.layer.in_float,
            self._cut,
        )


def _decibel(signal: float, noise: float) -> float | None:
    """The ratio of signal and noise, dB; None for no noise."""
    if noise == 0:
        return None
    # Noise without a signal, or that is no number.
    if not signal or not noise < math.inf:
        return _LOWEST
    return max(_LOWEST, 10 * math.log10(signal / noise))
