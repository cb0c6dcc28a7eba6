"""Measure what a region draws: is it mu + scale * sigma(v) * epsilon, and with which sigma?

The region is called on chosen mu and v. At fixed v its output gives the standard deviation as a function
of v: exactly if the noise can be given as well, else from many draws. Then, at random mu and v and with
the region's own noise, the residuals must be independent and standard normal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations
from math import ceil, prod
from typing import Any

import numpy as np

from vae_export.core.evidence import Evidence
from vae_export.core.parametrisation import PARAMETRISATIONS
from vae_export.split.graph import Value
from vae_export.split.posterior import Posterior, Slot, split_slots
from vae_export.split.region import Region
from vae_export.split.spread_fit import STANDARD_ERRORS, SWEEP, Sweep, fit_spreads, shortest
from vae_export.split.stand_in import class_name

__all__ = ["identify", "identify_outputs", "measured"]

Array = np.ndarray[Any, Any]

# Draws per test: a standard deviation that is 1.2 % off is found.
PROBE_VALUES = 1 << 17
PROBE_ROWS = 256
# Batches of PROBE_VALUES draws in a sweep, if the noise cannot be given.
SWEEP_BATCHES = 8
# Wide enough to detect a clipped mu, and narrow enough that float32 keeps small noise.
MU_RANGE = 30.0
# Rows with large mu and rare epsilon, and the relative error that float32 leaves of their sum.
LINEAR_ROWS, LINEAR = 256, 1e-5
# Of a layer's own outputs: the least sigma that is compared, and the fewest rows.
SMALLEST_SIGMA, FEWEST_ROWS = 1e-15, 16
# Relative rounding error of a product of a few factors in float32.
EXACT = 1e-6


def identify(region: Region) -> Posterior | None:
    """The posterior of a region, measured; None if it does not compute mu + sigma * epsilon."""
    for mu, spread in _slot_pairs(region):
        sweep = _exact_sweep(region, mu, spread)
        if sweep is None and not region.draws_other_noise():
            sweep = _drawn_sweep(region, mu, spread)
        if sweep is None:
            continue
        plain = partial(_plain, region=region)
        for posterior in fit_spreads(sweep, mu, spread, plain):
            count = _draws_normally(region, posterior)
            if count and _is_linear(region, posterior):
                return _with_evidence(posterior, sweep, count)
    return None


def identify_outputs(
    z: Array, others: Mapping[Value, Array], region: Region, epsilon: Array | None
) -> Posterior | None:
    """The posterior of a layer that returns mu, v and z, measured on its outputs.

    Args:
        z: ``[rows, ...]``, drawn at many different inputs.
        others: the other outputs, arrays of the same shape.
        region: the layer.
        epsilon: the given noise, shaped like z; None if the layer drew its own.
    """
    for mu, spread in permutations(others, 2):
        for entry in PARAMETRISATIONS.values():
            v, mean = others[spread].astype(np.float64), others[mu].astype(np.float64)
            with np.errstate(over="ignore", invalid="ignore"):
                sigma = entry.sigma(v)
                # z - mu has lost digits where sigma is small.
                lost = 1e-6 * np.maximum(np.abs(mean), np.abs(z)) / sigma
            fit: Any = (
                np.isfinite(z) & (sigma > SMALLEST_SIGMA) & (sigma < 1 / SMALLEST_SIGMA) & (lost < 1e-2)
            )
            rows: Array = fit.reshape(len(z), -1).all(axis=1)
            if rows.sum() < max(FEWEST_ROWS, len(z) // 6):
                continue
            residuals = ((z - mean) / sigma).reshape(len(z), -1)[rows]
            if epsilon is None:
                seen = float(np.sqrt((residuals**2).mean()))
                error = seen * (2 * residuals.size) ** -0.5
                how = f"{residuals.size:,} draws"
            else:
                noise = epsilon.reshape(len(z), -1)[rows]
                seen = float(np.median(residuals / noise))
                error = EXACT * abs(seen)
                how = f"{residuals.size:,} values with known noise"
                allowed = 1e-4 + lost.reshape(len(z), -1)[rows]
                if (np.abs(residuals - seen * noise) > allowed).any():
                    continue
            scale = _plain(seen, error, region)
            if _standard_normal(residuals / scale):
                evidence = Evidence("parametrisation", "measured", f"the layer's own outputs, {how}")
                return Posterior(Slot(mu), Slot(spread), entry.name, (evidence,), scale)
    return None


def measured(region: Region) -> str:
    """Mean and standard deviation of a region's draws at three inputs, for messages."""
    pairs = list(_slot_pairs(region))
    where = f"layer {region.calls[0].path!r} ({class_name(region.calls[0].operation)})"
    rows = _rows(region.z_shape)
    if not pairs:
        shapes = ", ".join(str(region.recorded[value].shape[1:]) for value in region.inputs) or "nothing"
        return f"{where} draws noise of shape {region.z_shape} from {shapes}"
    mu, spread = pairs[0]
    shape = (rows, *region.z_shape)
    found = []
    for v in (-2.0, 0.0, 2.0):
        values = region.draw(_given(mu, spread, np.full(shape, 0.5), np.full(shape, v)), rows)
        found.append(f"{values.mean():.3g} ± {values.std():.3g} for inputs (0.5, {v:g})")
    others = [repr(value.name) for value in region.inputs if value not in (mu.value, spread.value)]
    besides = f", and takes {', '.join(others)} besides" if others else ""
    return f"{where} gave {', '.join(found)}{besides}"


def _slot_pairs(region: Region) -> Iterator[tuple[Slot, Slot]]:
    """All candidates for (mu, v): two tensors of z's shape, or the two parts of one of twice its size."""
    shapes = {value: region.recorded[value].shape[1:] for value in region.inputs}
    for mu, spread in permutations([value for value in shapes if shapes[value] == region.z_shape], 2):
        yield Slot(mu), Slot(spread)
    for value, shape in shapes.items():
        yield from permutations(split_slots(value, shape, region.z_shape), 2)


def _given(mu: Slot, spread: Slot, mu_values: Array, v: Array) -> dict[Value, Array]:
    """Input arrays of a region for given mu and v, ``[rows, *z_shape]`` each."""
    if mu.axis is None:
        return {mu.value: mu_values, spread.value: v}
    parts = (mu_values, v) if mu.index == 0 else (v, mu_values)
    return {mu.value: np.concatenate(parts, axis=mu.axis)}


def _rows(shape: Sequence[int]) -> int:
    return max(PROBE_ROWS, ceil(PROBE_VALUES / max(1, prod(shape))))


def _exact_sweep(region: Region, mu: Slot, spread: Slot) -> Sweep | None:
    """The sweep with all noise 1; None if the noise cannot be given."""
    rows = len(SWEEP)
    shape = (rows, *region.z_shape)
    v = np.broadcast_to(SWEEP.reshape(rows, *[1] * len(region.z_shape)), shape)
    z = region.draw_at(_given(mu, spread, np.zeros(shape), v), rows, 1.0)
    if z is None or z.shape != shape:
        return None
    z = z.reshape(rows, -1)
    # Only where v is positive: a standard deviation that may be negative has both signs.
    positive = z[SWEEP > 0]
    sign = -1.0 if (positive[np.isfinite(positive)] < 0).all() else 1.0
    z = np.abs(z)
    with np.errstate(invalid="ignore"):
        differ = np.abs(z - z[:, :1]).max(axis=1) > 10 * EXACT * z[:, 0]
    # Latents of different scales have no one standard deviation.
    return Sweep(np.where(differ, -1.0, z[:, 0]), EXACT, sign)


def _drawn_sweep(region: Region, mu: Slot, spread: Slot) -> Sweep | None:
    """The sweep from the region's own noise."""
    rows = _rows(region.z_shape)
    shape = (rows, *region.z_shape)
    rng = np.random.default_rng(0)
    squares, counts = np.zeros(len(SWEEP)), np.zeros(len(SWEEP))
    for _ in range(SWEEP_BATCHES):
        which = rng.integers(0, len(SWEEP), shape)
        z = region.draw(_given(mu, spread, np.zeros(shape), SWEEP[which]), rows)
        if z.shape != shape:
            return None
        with np.errstate(invalid="ignore", over="ignore"):
            squares += np.bincount(which.ravel(), z.ravel() ** 2, len(SWEEP))
        counts += np.bincount(which.ravel(), minlength=len(SWEEP))
    with np.errstate(invalid="ignore"):
        return Sweep(np.sqrt(squares / counts), float((2 * counts.min()) ** -0.5))


def _is_linear(region: Region, posterior: Posterior) -> bool:
    """Whether z is mu + scale * sigma(v) * epsilon for large mu and rare epsilon too: nothing is clipped.

    True if the noise cannot be given.
    """
    shape = (LINEAR_ROWS, *region.z_shape)
    rng = np.random.default_rng(2)
    mu = rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(-2, 5, shape)
    v = rng.uniform(*PARAMETRISATIONS[posterior.parametrisation].probe_range, shape)
    epsilon = rng.choice(np.array([-6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0]), shape)
    given = _given(posterior.mu, posterior.spread, mu, v)
    z = region.draw_at({**region.others(LINEAR_ROWS, *given), **given}, LINEAR_ROWS, epsilon)
    if z is None:
        return True
    drawn = posterior.epsilon_scale * posterior.sigma(v) * epsilon
    return bool((np.abs(z - mu - drawn) <= LINEAR * (np.abs(mu) + np.abs(drawn)) + EXACT).all())


def _draws_normally(region: Region, posterior: Posterior) -> int:
    """Number of draws whose residuals are independent and standard normal; 0 if they are not."""
    rows = _rows(region.z_shape)
    shape = (rows, *region.z_shape)
    rng = np.random.default_rng(1)
    low, high = PARAMETRISATIONS[posterior.parametrisation].probe_range
    mu, v = rng.uniform(-MU_RANGE, MU_RANGE, shape), rng.uniform(low, high, shape)
    given = _given(posterior.mu, posterior.spread, mu, v)
    # A third tensor, say a temperature, must make no difference.
    z = region.draw({**region.others(rows, *given), **given}, rows)
    if z.shape != shape:
        return 0
    residuals = (z - mu) / (posterior.epsilon_scale * posterior.sigma(v))
    return residuals.size if _standard_normal(residuals.reshape(rows, -1)) else 0


def _with_evidence(posterior: Posterior, sweep: Sweep, count: int) -> Posterior:
    formula = PARAMETRISATIONS[posterior.parametrisation].formula
    how = "with known noise" if sweep.error == EXACT else "by drawing"
    scale = abs(posterior.epsilon_scale)
    sigma = formula if scale == 1 else f"{scale:g} {formula}"
    swept = f"sigma(v) = {sigma} within {sweep.error:.1g} at {len(SWEEP)} values of v, {how}"
    residuals = (
        f"residuals of {count:,} draws are independent and standard normal within {STANDARD_ERRORS:g} "
        "standard errors"
    )
    evidence = (Evidence("parametrisation", "measured", swept), Evidence("mu", "measured", residuals))
    return replace(posterior, evidence=evidence)


def _plain(value: float, error: float, region: Region) -> float:
    """Snap a measured constant to a layer attribute, else to the shortest decimal within the error."""
    written = [
        float(number)
        for call in region.calls
        for number in vars(call.operation).values()
        if isinstance(number, (int, float)) and not isinstance(number, bool)
    ]
    near = [number for number in written if abs(number - value) <= 4 * error]
    return min(near, key=lambda number: abs(number - value)) if near else shortest(value, 3 * error)


def _standard_normal(residuals: Array) -> bool:
    """Whether residuals ``[rows, values]`` look independent and standard normal."""
    rows, values = residuals.shape
    count = rows * values
    if not np.isfinite(residuals).all():
        return False
    # figure, its value for N(0, 1), its standard error
    figures = [
        (residuals.mean(), 0.0, 1 / count),
        (residuals.std(), 1.0, 1 / (2 * count)),
        ((residuals**3).mean(), 0.0, 15 / count),
        ((residuals**4).mean(), 3.0, 96 / count),
        # Of each latent, over the rows: detects noise shared by all rows.
        (np.abs(residuals.mean(axis=0)).max(), 0.0, 1 / rows),
        (np.abs(residuals.std(axis=0) - 1).max(), 0.0, 1 / (2 * rows)),
        # Of the sums over a row: detects noise shared by the latents.
        (residuals.sum(axis=1).std() / np.sqrt(values), 1.0, 1 / (2 * rows)),
    ]
    return all(abs(got - expected) <= STANDARD_ERRORS * variance**0.5 for got, expected, variance in figures)
