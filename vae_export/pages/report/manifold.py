"""Grids and lines in the latent space."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

__all__ = ["LatentGrid", "grid_of", "interpolate"]

Array = np.ndarray[Any, Any]

# Standard deviations that a grid of principal axes reaches from the mean.
REACH = 2.0
# An axis along which mu varies less shows nothing; of the second in parts of the first.
LEAST_DEVIATION, LEAST_PART = 1e-6, 0.01


@dataclass(frozen=True)
class LatentGrid:
    """z on a grid, with the first row at the top.

    Attributes:
        kind: "prior": at quantiles of the prior; "axes": along principal axes of mu.
        z: float64 ``[rows, columns, size]``; one row for a single latent value or axis.
        mean: mean of mu ``[size]``.
        axes: unit vectors, to the right and upwards ``[0 to 2, size]``.
        deviations: standard deviations of mu along the axes.
        shares: fractions of the variance of mu along the axes.
        extent: largest absolute z, or largest distance from the mean in standard deviations.
    """

    kind: str
    z: Array
    mean: Array
    axes: Array
    deviations: tuple[float, ...]
    shares: tuple[float, ...]
    extent: float


def grid_of(mu: Array, side: int) -> LatentGrid | None:
    """A grid over the latent space.

    For one or two latent values it is at the quantiles 1/2 ``side``, 3/2 ``side``, ... of the prior (Kingma &
    Welling 2013, figure 4), for more along the principal axes of mu, through its mean.

    Args:
        mu: mu of the samples, float64 ``[n, size]``.
        side: number of steps in each direction.

    Returns:
        The grid; None if all samples have the same mu.
    """
    size = mu.shape[1]
    mean = mu.mean(axis=0)
    if size <= 2:
        quantiles = [NormalDist().inv_cdf((step + 0.5) / side) for step in range(side)]
        z = _spread(np.zeros(size), np.eye(size), np.array(quantiles))
        return LatentGrid("prior", z, mean, np.eye(size), (), (), quantiles[-1])
    _, values, vectors = np.linalg.svd(mu - mean, full_matrices=False)
    deviations = values / np.sqrt(len(mu))
    count = min(2, int((deviations > max(LEAST_DEVIATION, LEAST_PART * deviations[0])).sum()))
    if not count:
        return None
    axes = vectors[:count]
    # The sign of an axis is arbitrary; fixed here, for equal figures on all machines.
    axes = axes * np.sign(axes[np.arange(count), np.abs(axes).argmax(axis=1)])[:, None]
    shares = deviations**2 / (deviations**2).sum()
    z = _spread(mean, axes * deviations[:count, None], np.linspace(-REACH, REACH, side))
    return LatentGrid(
        "axes", z, mean, axes, tuple(map(float, deviations[:count])), tuple(map(float, shares[:count])), REACH
    )


def _spread(centre: Array, directions: Array, steps: Array) -> Array:
    """``centre`` plus steps along one or two directions: ``[1 or steps, steps, size]``."""
    right = steps[None, :, None] * directions[0]
    up = steps[::-1, None, None] * directions[1] if len(directions) == 2 else 0.0
    z: Array = centre + right + up
    return z


def interpolate(start: Array, end: Array, steps: int) -> Array:
    """Points on the line from one z ``[size]`` to another, including both ends: ``[steps, size]``."""
    share = np.linspace(0, 1, steps)[:, None]
    z: Array = (1 - share) * start + share * end
    return z
