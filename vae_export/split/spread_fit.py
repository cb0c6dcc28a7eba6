"""Which parametrisation explains standard deviations that were measured at values of v."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.split.parametrisation import PARAMETRISATIONS, Parametrisation

__all__ = ["STANDARD_ERRORS", "SWEEP", "SpreadFit", "Sweep", "fit_spreads", "shortest"]

Array = np.ndarray[Any, Any]

# How many standard errors a figure may be off: true ones fail once in some 10^8.
STANDARD_ERRORS = 6.0
# Values of v at which sigma is measured: near 0, where the scale shows, and beyond, where v may be clipped.
_NEAR = np.linspace(-2.0, 2.0, 9)
_BEYOND = np.array([3, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80], np.float64)
SWEEP = np.concatenate([-_BEYOND[::-1], _NEAR, _BEYOND])
# What float32 holds with all its digits.
_SMALLEST, _LARGEST = 1e-30, 1e30
# As log(1 + exp(v)) in float32 is off where v is small.
_ROUNDING = 3e-7


@dataclass(frozen=True)
class Sweep:
    """Standard deviations of z at the values `SWEEP` of v.

    Attributes:
        std: measured, float64 ``[len(SWEEP)]``; what overflowed or has no value is not finite.
        error: relative standard error of each.
    """

    std: Array
    error: float

    @property
    def lowest(self) -> float | None:
        """The value below which std does not fall however small v is; None if there is none."""
        return self._limit(self.std[0], self.std[1])

    @property
    def highest(self) -> float | None:
        """The same for large v."""
        return self._limit(self.std[-1], self.std[-2])

    def _limit(self, last: float, before: float) -> float | None:
        flat = last > 0 and abs(before - last) <= 2 * STANDARD_ERRORS * self.error * last
        return float(last) if flat else None


@dataclass(frozen=True)
class SpreadFit:
    """sigma as a function of v, found in a sweep.

    Attributes:
        parametrisation: its name.
        scale: standard deviation of epsilon.
        clip: the range to which v is clipped.
        sigma_floor, variance_floor: what is added to sigma, or to its square, so that it is never 0.
    """

    parametrisation: str
    scale: float
    clip: tuple[float | None, float | None] | None = None
    sigma_floor: float = 0.0
    variance_floor: float = 0.0


def fit_spreads(sweep: Sweep, plain: Callable[[float, float], float]) -> Iterator[SpreadFit]:
    """Everything that explains a sweep, the simplest first.

    Args:
        sweep: measured.
        plain: a scale and its standard error -> the number that somebody wrote.
    """
    for rounding in (0.0, _ROUNDING):
        for entry in PARAMETRISATIONS.values():
            for floor in ("none", "sigma", "variance"):
                fit = _fit(entry, floor, sweep, rounding, plain)
                if fit is not None:
                    yield fit


def shortest(value: float, error: float) -> float:
    """The decimal number with the fewest digits within an error."""
    for digits in range(1, 17):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= error:
            return short
    return value


def _fit(
    entry: Parametrisation, floor: str, sweep: Sweep, rounding: float, plain: Callable[[float, float], float]
) -> SpreadFit | None:
    low, high = sweep.lowest, sweep.highest
    added = low if floor != "none" else None
    if floor != "none" and added is None:
        return None

    def without_floor(std: Any) -> Any:
        if added is None:
            return std
        with np.errstate(invalid="ignore", over="ignore"):
            return std - added if floor == "sigma" else np.sqrt(std**2 - added**2)

    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        ratio = without_floor(sweep.std) / entry.sigma(SWEEP)
        inside = np.isfinite(ratio) & (ratio > 0)
        for limit, factor in ((low, 1.1), (high, 1 / 1.1)):
            if limit is not None:
                inside &= sweep.std > factor * limit if factor > 1 else sweep.std < factor * limit
    near = inside & (np.abs(SWEEP) <= _NEAR[-1])
    used = near if near.any() else inside
    if not used.any():
        return None
    measured = float(ratio[used].mean())
    scale = plain(measured, sweep.error * measured / used.sum() ** 0.5)
    clip = (
        None if low is None or added is not None else _bound(entry, low / scale, sweep.error),
        None if high is None else _bound(entry, float(without_floor(high)) / scale, sweep.error),
    )
    fit = SpreadFit(
        entry.name,
        scale,
        None if clip == (None, None) else clip,
        shortest(added / scale, 3 * sweep.error * added / scale) if added and floor == "sigma" else 0.0,
        shortest((added / scale) ** 2, 6 * sweep.error * (added / scale) ** 2)
        if added and floor == "variance"
        else 0.0,
    )
    return fit if _explains(fit, entry, sweep, rounding) else None


def _bound(entry: Parametrisation, sigma: float, error: float) -> float:
    """The v at which sigma has a value, as somebody may have written it."""
    low, middle, high = (float(entry.inverse(sigma * (1 + k * 3 * error))) for k in (-1, 0, 1))
    return shortest(middle, (high - low) / 2)


def _explains(fit: SpreadFit, entry: Parametrisation, sweep: Sweep, rounding: float) -> bool:
    v = SWEEP if fit.clip is None else np.clip(SWEEP, *fit.clip)
    with np.errstate(invalid="ignore", over="ignore"):
        sigma = entry.sigma(v) + fit.sigma_floor
        expected = fit.scale * np.sqrt(sigma**2 + fit.variance_floor)
        off = np.abs(sweep.std - expected)
        allowed = 2 * STANDARD_ERRORS * sweep.error * expected + rounding * fit.scale
    # Where sigma has no value the layer must have none either.
    if np.isfinite(sweep.std[np.isnan(expected)]).any():
        return False
    comparable = (expected > _SMALLEST) & (expected < _LARGEST)
    return bool((off <= allowed)[comparable].all())
