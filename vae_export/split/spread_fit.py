"""Fit parametrisations to standard deviations that were measured at values of v."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vae_export.core.parametrisation import PARAMETRISATIONS, Parametrisation
from vae_export.split.posterior import Posterior, Slot

__all__ = ["STANDARD_ERRORS", "SWEEP", "Sweep", "fit_spreads", "shortest"]

Array = np.ndarray[Any, Any]

# Allowed deviation in standard errors: a true figure fails about once in 10^8.
STANDARD_ERRORS = 6.0
# Values of v at which sigma is measured: near 0, where the scale shows, and beyond, where v may be clipped.
_NEAR = np.linspace(-2.0, 2.0, 9)
_BEYOND = np.array([3, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80], np.float64)
SWEEP = np.concatenate([-_BEYOND[::-1], _NEAR, _BEYOND])
# Range in which float32 keeps all its digits.
_SMALLEST, _LARGEST = 1e-30, 1e30
# Error of log(1 + exp(v)) in float32 for small v.
_ROUNDING = 3e-7


@dataclass(frozen=True)
class Sweep:
    """Standard deviations of z at the values `SWEEP` of v.

    Attributes:
        std: measured, float64 ``[len(SWEEP)]``; not finite on overflow, or where sigma is undefined.
        error: relative standard error of each.
        sign: of epsilon, -1 if the layer subtracts it; 1 if the noise could not be given.
    """

    std: Array
    error: float
    sign: float = 1.0

    @property
    def lowest(self) -> float | None:
        """Limit of std for small v; None if std still falls at the end of the sweep."""
        return self._limit(self.std[0], self.std[1])

    @property
    def highest(self) -> float | None:
        """Limit of std for large v; None if std still rises at the end of the sweep."""
        return self._limit(self.std[-1], self.std[-2])

    def _limit(self, last: float, before: float) -> float | None:
        flat = last > 0 and abs(before - last) <= 2 * STANDARD_ERRORS * self.error * last
        return float(last) if flat else None


def fit_spreads(
    sweep: Sweep, mu: Slot, spread: Slot, plain: Callable[[float, float], float]
) -> Iterator[Posterior]:
    """All posteriors that fit a sweep, the simplest first; without evidence.

    Args:
        sweep: measured.
        mu, spread: the slots of mu and v.
        plain: a scale and its standard error -> the constant in the author's code.
    """
    for rounding in (0.0, _ROUNDING):
        for entry in PARAMETRISATIONS.values():
            for floor in ("none", "sigma", "variance"):
                found = _fit(entry, floor, sweep, mu, spread, plain)
                if found is not None and _explains(found, sweep, rounding):
                    yield replace(found, epsilon_scale=sweep.sign * found.epsilon_scale)


def shortest(value: float, error: float) -> float:
    """The decimal number with the fewest digits within an error."""
    for digits in range(1, 17):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= error:
            return short
    return value


def _fit(
    entry: Parametrisation,
    floor: str,
    sweep: Sweep,
    mu: Slot,
    spread: Slot,
    plain: Callable[[float, float], float],
) -> Posterior | None:
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
        if low is not None:
            inside &= sweep.std > 1.1 * low
        if high is not None:
            inside &= sweep.std < high / 1.1
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
    sigma_floor = variance_floor = 0.0
    if added is not None and floor == "sigma":
        sigma_floor = shortest(added / scale, 3 * sweep.error * added / scale)
    elif added is not None:
        squared = (added / scale) ** 2
        variance_floor = shortest(squared, 6 * sweep.error * squared)
    clip_or_none = None if clip == (None, None) else clip
    return Posterior(mu, spread, entry.name, (), scale, clip_or_none, sigma_floor, variance_floor)


def _bound(entry: Parametrisation, sigma: float, error: float) -> float:
    """The v at which sigma has a value, as the shortest decimal within the error."""
    low, middle, high = (float(entry.inverse(sigma * (1 + k * 3 * error))) for k in (-1, 0, 1))
    return shortest(middle, (high - low) / 2)


def _explains(posterior: Posterior, sweep: Sweep, rounding: float) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        expected = posterior.epsilon_scale * posterior.sigma(SWEEP)
        off = np.abs(sweep.std - expected)
        allowed = 2 * STANDARD_ERRORS * sweep.error * expected + rounding * posterior.epsilon_scale
    # Where sigma is undefined the measured std must not be finite.
    if np.isfinite(sweep.std[np.isnan(expected)]).any():
        return False
    comparable = (expected > _SMALLEST) & (expected < _LARGEST)
    return bool((off <= allowed)[comparable].all())
