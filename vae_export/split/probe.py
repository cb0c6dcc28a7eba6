"""Learn by trying what a part of a graph draws: is it mu + scale * sigma(v) * epsilon, and which sigma?

The part is called on values of our choice. What it returns at fixed v shows the standard deviation as a
function of v; then, at random mu and v, the residuals must be independent and standard normal.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from math import ceil, prod
from typing import Any

import keras
import numpy as np

from vae_export.split.graph import Call, Value, replay
from vae_export.split.parametrisation import PARAMETRISATIONS, Parametrisation
from vae_export.split.posterior import Posterior, Slot

__all__ = ["Region", "identify", "identify_outputs", "is_keras_own", "measured"]

Array = np.ndarray[Any, Any]
Draw = Callable[[Array, Array], Array]

# Values drawn to judge by, and how many standard errors a figure may be off: a true sampler fails once
# in some 10^8, a standard deviation that is 1.5 % off is found.
PROBE_VALUES = 1 << 17
PROBE_ROWS = 256
STANDARD_ERRORS = 6.0
# Wide enough to see means clipped, not so wide that float32 rounds small noise away.
MU_RANGE = 30.0
# Values of v at which sigma is measured, and those beyond, where a layer may clip v.
CURVE = np.linspace(-2.0, 2.0, 9)
BEYOND = np.array([3, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80], np.float64)


@dataclass(frozen=True)
class Region:
    """Calls between deterministic tensors and z.

    Attributes:
        calls: in running order.
        z: what they make.
        recorded: one row ``[1, ...]`` of a value that really occurs, for each tensor that goes in.
        training: how layers that ask are called.
    """

    calls: tuple[Call, ...]
    z: Value
    recorded: Mapping[Value, Array]
    training: bool

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The tensors that go in, in the order of their use."""
        made = {value for call in self.calls for value in call.outputs}
        used = (value for call in self.calls for value in call.inputs)
        return tuple(dict.fromkeys(value for value in used if value not in made))

    @property
    def z_shape(self) -> tuple[int, ...]:
        """Shape of one z."""
        return tuple(self.recorded[self.z].shape[1:])

    def draw(self, given: Mapping[Value, Array], rows: int) -> Array:
        """z ``[rows, ...]``, float64; tensors not given take their recorded row. Restores all variables."""
        tensors = {
            value: given[value] if value in given else np.repeat(self.recorded[value], rows, axis=0)
            for value in self.inputs
        }
        return run_calls(self.calls, tensors, [self.z], self.training)[0].astype(np.float64)


def is_keras_own(operation: Any) -> bool:
    """Whether an operation is one of Keras' own layers or operations."""
    return type(operation).__module__.split(".")[0] == "keras"


def run_calls(
    calls: Sequence[Call],
    arrays: Mapping[Value, Array],
    targets: Sequence[Value],
    training: bool,
    times: int = 1,
) -> list[Array]:
    """Run calls on arrays, and leave the variables of their layers as they were.

    With `times` the results are those of the last of so many runs.
    """
    variables = {
        id(variable): variable
        for call in calls
        if isinstance(call.operation, keras.Layer)
        for variable in call.operation.variables
    }
    before = [(variable, keras.ops.convert_to_numpy(variable)) for variable in variables.values()]
    tensors = {value: keras.ops.convert_to_tensor(array, array.dtype) for value, array in arrays.items()}
    try:
        for _ in range(times):
            results = replay([_in_mode(call, training) for call in calls], tensors, targets)
        return [keras.ops.convert_to_numpy(result) for result in results]
    finally:
        for variable, value in before:
            variable.assign(value)


def _in_mode(call: Call, training: bool) -> Call:
    """Keras' own layers stay in inference: noise and dropout in other layers speak only in training."""
    layer = call.operation
    if not isinstance(layer, keras.Layer) or is_keras_own(layer):
        return call
    if "training" not in inspect.signature(layer.call).parameters:
        return call
    return replace(call, kwargs={**call.kwargs, "training": training})


def identify(region: Region) -> Posterior | None:
    """How z is drawn from the tensors that go into a region; None if it is not mu + sigma * epsilon."""
    for mu, spread in _slot_pairs(region):
        rows = _rows(region.z_shape)
        posterior = _identify(_drawer(region, mu, spread, rows), mu, spread, (rows, *region.z_shape), region)
        if posterior is not None:
            return posterior
    return None


def identify_outputs(z: Array, others: Mapping[Value, Array], region: Region) -> Posterior | None:
    """The same for a layer that returns mu and v beside z, from what it returned.

    Args:
        z: ``[rows, ...]``, drawn at many different inputs.
        others: what it returned beside, arrays of the same shape.
        region: the layer.
    """
    for mu, spread in permutations(others, 2):
        for entry in PARAMETRISATIONS.values():
            sigma = entry.sigma(others[spread].astype(np.float64))
            if not (np.isfinite(sigma).all() and (sigma > 0).all()):
                continue
            residuals = ((z - others[mu]) / sigma).reshape(len(z), -1)
            scale = _plain(*_scale(residuals), region)
            if _standard_normal(residuals / scale):
                evidence = f"the layer's own outputs, {residuals.size:,} draws"
                return Posterior(Slot(mu), Slot(spread), entry.name, "probed", evidence, scale)
    return None


def measured(region: Region) -> str:
    """Mean and standard deviation of what a region draws, at a few inputs."""
    pairs = list(_slot_pairs(region))
    where = f"layer {region.calls[0].path!r} ({type(region.calls[0].operation).__name__})"
    rows = _rows(region.z_shape)
    if not pairs:
        shapes = ", ".join(str(region.recorded[value].shape[1:]) for value in region.inputs) or "nothing"
        return f"{where} draws noise of shape {region.z_shape} from {shapes}"
    mu, spread = pairs[0]
    draw = _drawer(region, mu, spread, rows)
    shape = (rows, *region.z_shape)
    found = []
    for v in (-2.0, 0.0, 2.0):
        values = draw(np.full(shape, 0.5), np.full(shape, v))
        found.append(f"{values.mean():.3g} ± {values.std():.3g} for inputs (0.5, {v:g})")
    return f"{where} gave {', '.join(found)}"


def _slot_pairs(region: Region) -> Iterator[tuple[Slot, Slot]]:
    """Every way in which mu and v may go in: two tensors of z's shape, or one of twice its size."""
    shapes = {value: region.recorded[value].shape[1:] for value in region.inputs}
    for mu, spread in permutations([value for value in shapes if shapes[value] == region.z_shape], 2):
        yield Slot(mu), Slot(spread)
    for value, shape in shapes.items():
        if len(shape) != len(region.z_shape):
            continue
        doubled = [
            axis for axis, (n, size) in enumerate(zip(shape, region.z_shape, strict=True)) if n != size
        ]
        if len(doubled) == 1 and shape[doubled[0]] == 2 * region.z_shape[doubled[0]]:
            axis = doubled[0] - len(shape)
            yield Slot(value, axis, 0), Slot(value, axis, 1)
            yield Slot(value, axis, 1), Slot(value, axis, 0)


def _rows(shape: Sequence[int]) -> int:
    return max(PROBE_ROWS, ceil(PROBE_VALUES / max(1, prod(shape))))


def _drawer(region: Region, mu: Slot, spread: Slot, rows: int) -> Draw:
    """A function of arrays of mu and v, ``[rows, *z_shape]``."""

    def draw(mu_values: Array, v: Array) -> Array:
        if mu.axis is None:
            given = {mu.value: mu_values, spread.value: v}
        else:
            halves = (mu_values, v) if mu.index == 0 else (v, mu_values)
            given = {mu.value: np.concatenate(halves, axis=mu.axis)}
        return region.draw({value: array.astype(np.float32) for value, array in given.items()}, rows)

    return draw


def _identify(draw: Draw, mu: Slot, spread: Slot, shape: tuple[int, ...], region: Region) -> Posterior | None:
    rng = np.random.default_rng(0)
    which = rng.integers(0, len(CURVE), shape)
    drawn = draw(np.zeros(shape), CURVE[which])
    if drawn.shape != shape:
        return None
    curve = _spreads(drawn, which, len(CURVE))
    for entry in PARAMETRISATIONS.values():
        scale = _fits(entry, CURVE, curve)
        if scale is None:
            continue
        clip = None
        if entry.exponential:
            clip = _clip(draw, entry, scale, shape, rng)
            if clip is None:
                return None
        measured_scale, error = scale, scale * (2 * prod(shape)) ** -0.5
        scale = _plain(measured_scale, error, region)
        found = Posterior(mu, spread, entry.name, "probed", "", scale, None if clip == (None, None) else clip)
        low, high = entry.probe_range
        given_mu, given_v = rng.uniform(-MU_RANGE, MU_RANGE, shape), rng.uniform(low, high, shape)
        residuals = (draw(given_mu, given_v) - given_mu) / (scale * found.sigma(given_v))
        if _standard_normal(residuals.reshape(shape[0], -1)):
            evidence = (
                f"sigma(v) = {scale:g} {entry.formula} at {len(CURVE)} values of v; epsilon scale "
                f"{measured_scale:.4g} ± {error:.1g}; residuals of {prod(shape):,} draws are independent and "
                f"standard normal within {STANDARD_ERRORS:g} standard errors"
            )
            return replace(found, evidence=evidence)
    return None


def _spreads(drawn: Array, which: Array, count: int) -> Array:
    """(mean, standard deviation, number) of the draws at each value of v: float64 ``[count, 3]``."""
    with np.errstate(invalid="ignore", over="ignore"):
        groups = [drawn[which == index] for index in range(count)]
        return np.array([(group.mean(), group.std(), group.size) for group in groups])


def _fits(entry: Parametrisation, v: Array, curve: Array) -> float | None:
    """The scale with which a parametrisation explains measured spreads, or None."""
    sigma = entry.sigma(v)
    usable = np.isfinite(sigma) & np.isfinite(curve[:, 1])
    # A square root has no values at one half of the curve, all else must have all.
    if usable.sum() != np.isfinite(sigma).sum():
        return None
    mean, std, count = curve[usable].T
    sigma = sigma[usable]
    wide = sigma > 0
    scale = float(np.average(std[wide] / sigma[wide], weights=count[wide]))
    if not scale > 0:
        return None
    error = STANDARD_ERRORS * scale * sigma / np.sqrt(2 * count)
    centred = np.abs(mean) <= STANDARD_ERRORS * scale * sigma / np.sqrt(count) + 1e-6
    return scale if centred.all() and (np.abs(std - scale * sigma) <= error + 1e-6).all() else None


def _clip(
    draw: Draw, entry: Parametrisation, scale: float, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[float | None, float | None] | None:
    """Where v is clipped, (None, None) if nowhere; None if sigma is neither clipped nor exponential."""
    bounds: list[float | None] = []
    for side in (-1.0, 1.0):
        v = side * BEYOND
        which = rng.integers(0, len(v), shape)
        std = _spreads(draw(np.zeros(shape), v[which]), which, len(v))[:, 1]
        error = (2 * prod(shape) / len(v)) ** -0.5
        clipped = std[-1] > 0 and abs(std[-1] / std[-2] - 1) <= STANDARD_ERRORS * 2 * error
        bound = None
        if clipped and np.isfinite(std[-1]):
            # sigma is exp(power * v).
            power = float(np.log(entry.sigma(np.array(1.0))))
            bound = _shortest(float(np.log(std[-1] / scale)) / power, 3 * error / power)
        if not clipped:
            expected = scale * entry.sigma(v)
        elif bound is None:
            return None
        else:
            expected = scale * entry.sigma(np.maximum(v, bound) if side < 0 else np.minimum(v, bound))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            # Beyond what float32 holds there is nothing to compare.
            comparable = (expected > 1e-30) & (expected < 1e30)
            off = np.abs(std / expected - 1)[comparable]
        if not (off <= STANDARD_ERRORS * 2 * error).all():
            return None
        bounds.append(bound)
    return bounds[0], bounds[1]


def _scale(residuals: Array) -> tuple[float, float]:
    """Root mean square of residuals around 0, and its standard error."""
    scale = float(np.sqrt((residuals**2).mean()))
    return scale, scale * (2 * residuals.size) ** -0.5


def _plain(value: float, error: float, region: Region) -> float:
    """The number that somebody wrote where `value` was measured: an attribute of the layers, or short."""
    written = [
        float(number)
        for call in region.calls
        for number in vars(call.operation).values()
        if isinstance(number, (int, float)) and not isinstance(number, bool)
    ]
    near = [number for number in written if abs(number - value) <= 4 * error]
    return min(near, key=lambda number: abs(number - value)) if near else _shortest(value, 3 * error)


def _shortest(value: float, error: float) -> float:
    """The decimal number with the fewest digits within an error."""
    for digits in range(1, 17):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= error:
            return short
    return value


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
        # Of each latent, over the rows: noise that all rows share.
        (np.abs(residuals.mean(axis=0)).max(), 0.0, 1 / rows),
        (np.abs(residuals.std(axis=0) - 1).max(), 0.0, 1 / (2 * rows)),
        # Of the sums of rows: noise that the latents share.
        (residuals.sum(axis=1).std() / np.sqrt(values), 1.0, 1 / (2 * rows)),
    ]
    return all(abs(got - expected) <= STANDARD_ERRORS * variance**0.5 for got, expected, variance in figures)
