"""The errors of an output, judged: what each row and channel of each case may err, and where it errs more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.core.rounding import allowed_errors, channel_maxima, rounding_errors
from vae_export.verify.metrics import value_scale

__all__ = ["Compared", "Judgement", "Movement", "channel_scales", "judge_rounding", "judge_told"]

Array = np.ndarray[Any, Any]
# How far each value of an output moves within rounding, for a case.
Movement = Callable[[], Array]

# The scale of a channel is at least this part of the output's: less is not held by float32.
_LEAST_SCALE = float(np.finfo(np.float32).eps)
# A channel of an output in [0, 1] is quiet with less than this part of the loudest one's range.
_QUIET, _QUIET_SCALE = 1e-4, 0.05


@dataclass(frozen=True)
class Compared:
    """An output in a case.

    Attributes:
        case: its name.
        expected, actual: finite arrays of one shape ``[n, ...]``.
        made_up: whether the case holds extremes.
        inputs: of the case, by name.
        movement: see `core.rounding.movement`; called where the plain tolerance is exceeded; None where a
            half that could be moved is not at hand.
    """

    case: str
    expected: Array
    actual: Array
    made_up: bool = False
    inputs: Mapping[str, Array] | None = None
    movement: Movement | None = None

    @property
    def errors(self) -> Array:
        """Absolute errors, float64 ``[n, ...]``."""
        errors: Array = np.abs(self.actual.astype(np.float64) - self.expected)
        return errors


@dataclass(frozen=True)
class Judgement:
    """The verdict on an output in a case.

    Attributes:
        case: its name.
        largest: the largest error that was judged.
        allowed: the most that any value was allowed.
        wrong: None, or (error, allowed, channel) where the error exceeds what is allowed by the largest
            factor.
        undetermined: whether float32 does not determine values of a made-up case, which were not judged.
    """

    case: str
    largest: float
    allowed: float
    wrong: tuple[float, float, int] | None
    undetermined: bool = False


def channel_scales(output: Array) -> Array:
    """The factor of a tolerance for each channel of ``[n, ..., channels]``: ``[channels]``.

    1 for outputs in [0, 1]; else the range of the channel and 0, so that a quiet channel, such as a latent
    that is 10,000 times smaller than another, is judged by its own values. A channel that is 10,000 times
    smaller than the others of an output in [0, 1] has 0.05: kernels of sigmoid and softmax are right to a few
    units in the last place of 1, however small their results are.
    """
    rows = output.reshape(-1, output.shape[-1] if output.ndim > 1 else 1)
    low, high = np.minimum(rows.min(axis=0), 0.0), np.maximum(rows.max(axis=0), 0.0)
    ranges, whole = (high - low).astype(np.float64), value_scale(output)
    if output.min() >= 0 and output.max() <= 1:
        quiet = ranges < _QUIET * ranges.max()
        return np.where(quiet, _QUIET_SCALE, 1.0)
    scales: Array = np.maximum(ranges, _LEAST_SCALE * whole)
    return scales


def judge_told(compared: Compared, allowed: float) -> Judgement:
    """Hold all values of an output to one error."""
    errors = channel_maxima(compared.errors)
    largest = float(errors.max())
    channel = int(errors.max(axis=0).argmax())
    # Written so that NaN fails.
    wrong = None if largest <= allowed else (largest, allowed, channel)
    return Judgement(compared.case, largest, allowed, wrong)


def judge_rounding(compared: Compared, tolerance: float, scales: Array) -> Judgement:
    """Hold each row and channel to max(tolerance * scale, multiple * movement).

    The movement is measured only if an error exceeds tolerance * scale. What is allowed is at most `CEILING`
    * scale. Errors of a made-up case that are larger, but within the multiple of the movement, are not
    judged: float32 does not determine the output.

    Args:
        compared: the case.
        tolerance: times the scale of a channel.
        scales: see `channel_scales`, over all cases.
    """
    errors = channel_maxima(compared.errors)
    allowed = np.broadcast_to(tolerance * scales, errors.shape)
    judged = np.ones(errors.shape, bool)
    if compared.movement is not None and compared.inputs is not None and (errors > allowed).any():
        rounding = rounding_errors(compared.inputs, compared.movement())
        allowed = allowed_errors(tolerance * scales, scales, rounding)
        judged = ~(compared.made_up & (errors > allowed) & (errors <= rounding))
    return _verdict(compared.case, errors, allowed, judged)


def _verdict(case: str, errors: Array, allowed: Array, judged: Array) -> Judgement:
    undetermined = not judged.all()
    if not judged.any():
        return Judgement(case, 0.0, 0.0, None, undetermined)
    excess = np.where(judged, errors / np.maximum(allowed, np.finfo(np.float64).tiny), 0.0)
    row, channel = np.unravel_index(int(excess.argmax()), excess.shape)
    wrong = None
    if not (errors <= allowed)[judged].all():
        wrong = (float(errors[row, channel]), float(allowed[row, channel]), int(channel))
    return Judgement(case, float(errors[judged].max()), float(allowed[judged].max()), wrong, undetermined)
