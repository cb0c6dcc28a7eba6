"""Rounding: how far an output may lie from one that is computed with the same sums in another order.

A result in float32 is right where it is the exact result for inputs, weights and values between layers within
rounding: backward stability, as in Higham, Accuracy and Stability of Numerical Algorithms, chapter 1. How
much that is depends on the model. A normalisation of a constant picture enlarges rounding a thousand times, a
sigmoid hides it. So it is measured: a half is run with everything moved by about half a unit in the last
place, in float64 where it can be. A multiple of the distance of these runs from its own float32 outputs is
allowed.

The moves of a tensor are in blocks along random axes, because the errors of kernels are: equal values are
added in the same order, so their errors have one sign and do not average out.

The multiple is 8 for rows of up to 1,024 values, and grows with the square root of their number: a kernel
that adds n terms one after the other errs up to sqrt(n) times as much as one that adds in parts, as those of
TensorFlow do. `tools/bench/gate` measures the errors of good artifacts, and of artifacts with planted faults,
in multiples of the movement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = [
    "CEILING",
    "DRAWS",
    "FEW_VALUES",
    "FLAT",
    "MULTIPLE",
    "allowed_errors",
    "channel_maxima",
    "flat_rows",
    "moved",
    "movement",
    "rounding_errors",
]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

# Largest error in multiples of the movement, for rows of up to so many values. Good artifacts of 330 small
# models erred up to 1.7 times the movement, those of pictures of 128 x 128 x 3 up to 7 times (allowed 55);
# the least of 85 kinds of faults showed by 12 times the movement.
MULTIPLE, FEW_VALUES = 8.0, 1024
# So many times the multiple is right for inputs that are mostly constant: all terms of a sum round the same
# way, so errors grow with n instead of sqrt(n): up to 19 times the movement in small models, 136 times for
# pictures of 128 x 128 x 3 (allowed 890). Random inputs hold the same artifact to the smaller multiple.
FLAT = 16.0
# No error above this part of the range is rounding: a swapped output is a fault even of a model that enlarges
# rounding a million times.
CEILING = 5e-2
# Moved runs of a half. With fewer, all may leave a single value where it is.
DRAWS = 8

# An input is flat if more neighbours than this are equal: half of them are in random signs.
_FLAT = 0.7
# An axis of a tensor moves in one direction, in two parts, or value by value.
_ONE_WAY, _TWO_PARTS = 0.4, 0.4


def moved(array: Array, rng: np.random.Generator) -> Array:
    """An array with values moved at random by half a unit in the last place of float32; zeros stay.

    Args:
        array: float64 is moved by half a unit; of float32, which has nothing between, about half of the
            values are moved by a unit. Others are returned as they are.
        rng: of the directions.
    """
    if array.dtype not in (np.float32, np.float64):
        return array
    direction = _directions(array.shape, rng)
    with np.errstate(over="ignore", invalid="ignore"):
        single = array.astype(np.float32)
        unit = np.abs(np.spacing(single))
    if array.dtype == np.float64:
        move = np.float32(0.5) * unit * direction
    else:
        move = np.where(direction == rng.choice([-1, 1]), unit * direction, np.float32(0))
    changes = np.isfinite(unit) & (single != 0)
    return np.where(changes, array + move, array).astype(array.dtype)


def _directions(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """-1 and 1 in blocks along random axes, int8."""
    ends = np.array([-1, 1], np.int8)
    field = rng.choice(ends, [1] * len(shape))
    for axis, size in enumerate(shape):
        kind = rng.random()
        if kind < _ONE_WAY:
            continue
        if kind < _ONE_WAY + _TWO_PARTS:
            line = ends[(np.arange(size) < rng.integers(0, size + 1)).astype(int)]
        else:
            line = rng.choice(ends, size)
        field = field * line.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    return np.broadcast_to(field, shape)


def movement(run_moved: Callable[[int], Arrays], expected: Arrays, draws: int = DRAWS) -> dict[str, Array]:
    """How far moved runs lie from the outputs of a half: the largest distance of each value, float64.

    Includes the half's own rounding.

    Args:
        run_moved: seed -> outputs of a moved run.
        expected: the outputs of the half in float32.
        draws: how many moved runs.
    """
    farthest = {name: np.zeros(array.shape) for name, array in expected.items()}
    for seed in range(draws):
        outputs = run_moved(seed)
        for name, array in expected.items():
            with np.errstate(over="ignore", invalid="ignore"):
                distance = np.abs(outputs[name].astype(np.float64) - array)
            # NaN too: what rounding makes infinite is not determined.
            distance[~np.isfinite(distance)] = np.inf
            farthest[name] = np.maximum(farthest[name], distance)
    return farthest


def channel_maxima(values: Array) -> Array:
    """The largest value of each row and channel: ``[n, ..., channels]`` or ``[n]`` -> ``[n, channels]``."""
    if values.ndim == 1:
        return values[:, None].copy()
    largest: Array = values.reshape(len(values), -1, values.shape[-1]).max(axis=1, initial=0.0)
    return largest


def flat_rows(inputs: Arrays) -> Array:
    """Which rows are mostly constant, by the largest input ``[n, ...]``: bool ``[n]``."""
    largest = max(inputs.values(), key=lambda array: array[:1].size)
    if largest.ndim < 2 or largest[:1].size < 2:
        return np.zeros(len(largest), bool)
    # Neighbours of a picture are pixels, of a vector values.
    axis = max(1, largest.ndim - 2)
    size = largest.shape[axis]
    equal = np.take(largest, range(size - 1), axis) == np.take(largest, range(1, size), axis)
    return equal.reshape(len(largest), -1).mean(axis=1) > _FLAT if equal.size else np.ones(len(largest), bool)


def rounding_errors(inputs: Arrays, moves: Array) -> Array:
    """Multiple * movement of each row and channel of an output: ``[n, channels]``.

    The movement is pooled over the flat rows, and over the others, for each channel: single values may stay
    where they are by chance.

    Args:
        inputs: of the half, by name ``[n, ...]``.
        moves: see `movement`: ``[n, ..., channels]``.
    """
    values = max(array[:1].size for array in (*inputs.values(), moves))
    multiple = MULTIPLE * max(1.0, (values / FEW_VALUES) ** 0.5)
    flat, moves = flat_rows(inputs), channel_maxima(moves)
    for rows in (flat, ~flat):
        moves[rows] = moves[rows].max(axis=0, initial=0.0)
    errors: Array = np.where(flat, FLAT * multiple, multiple)[:, None] * moves
    return errors


def allowed_errors(plain: Array, scales: Array, rounding: Array) -> Array:
    """The error that each row and channel of an output may have, ``[n, channels]``.

    Args:
        plain: what is allowed without rounding ``[channels]``.
        scales: of the channels; no more than `CEILING` times these is rounding.
        rounding: see `rounding_errors`.
    """
    allowed: Array = np.clip(rounding, plain, np.maximum(CEILING * scales, plain))
    return allowed
