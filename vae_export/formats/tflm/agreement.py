"""Comparison of TensorFlow Lite Micro with LiteRT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from vae_export.errors import ParityError

__all__ = [
    "MOST_STEPS",
    "MOST_STEPS_IN_THE_MEAN",
    "Difference",
    "differences",
    "require_agreement",
    "run_reference",
]

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

# The kernels of both round on their own, and one step of one layer grows in the next; the steepest place of a
# sigmoid alone makes three of one. Seen: single values up to 5 steps off, a hundredth of one in the mean.
MOST_STEPS, MOST_STEPS_IN_THE_MEAN = 16, 0.5
# What counts as a step where an output is computed in float: as fine as 8 bits of its range would be.
_STEPS_OF_FLOATS = 255


@dataclass(frozen=True)
class Difference:
    """The difference of an output, in steps of its integers."""

    largest: float
    mean: float


def run_reference(data: bytes, inputs: Arrays) -> dict[str, Array]:
    """Run rows one by one in LiteRT's reference kernels.

    XNNPACK, the default, rounds at other points, which later layers enlarge to as many as 15 steps.

    Args:
        data: a .tflite file with one signature, of batch size 1.
        inputs: rows ``[n, ...]`` by input, in its dtype.
    """
    interpreter = Interpreter(
        model_content=data,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    run = interpreter.get_signature_runner()
    count = len(next(iter(inputs.values())))
    rows = [run(**{name: array[row : row + 1] for name, array in inputs.items()}) for row in range(count)]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def differences(
    file: str, got: Arrays, expected: Arrays, steps: Mapping[str, float | None]
) -> dict[str, Difference]:
    """The difference of each output, in steps of its integers.

    Args:
        file: name of the artifact, for the message.
        got, expected: rows by output, of TensorFlow Lite Micro and of LiteRT.
        steps: the size of a step by output; None for outputs that are computed in float.

    Raises:
        ParityError: an output has another shape or dtype.
    """
    found = {}
    for name, right in expected.items():
        left = got[name]
        if (left.shape, left.dtype) != (right.shape, right.dtype):
            raise _error(
                f"{file}: {name}: TensorFlow Lite Micro gives {left.dtype} {list(left.shape)}, expected "
                f"{right.dtype} {list(right.shape)} as LiteRT does"
            )
        worth = 1.0
        if right.dtype.kind == "f":
            worth = steps[name] or float(np.ptp(right)) / _STEPS_OF_FLOATS or 1.0
        apart = np.abs(left.astype(np.float64) - right.astype(np.float64)) / worth
        found[name] = Difference(float(apart.max()), float(apart.mean()))
    return found


def require_agreement(file: str, found: Mapping[str, Difference]) -> None:
    """Raise if an output differs by more than rounding.

    Raises:
        ParityError: names every such output.
    """
    failures = tuple(
        f"{file}: {name}: TensorFlow Lite Micro is {one.largest:.3g} steps off LiteRT, {one.mean:.3g} in "
        f"the mean, expected at most {MOST_STEPS} and {MOST_STEPS_IN_THE_MEAN}; use another tflite-micro"
        for name, one in found.items()
        # NaN fails too.
        if not (one.largest <= MOST_STEPS and one.mean <= MOST_STEPS_IN_THE_MEAN)
    )
    if failures:
        raise _error(*failures)


def _error(*failures: str) -> ParityError:
    count = len(failures)
    return ParityError(
        f"{count} output{'s' * (count > 1)} differ{'s' * (count == 1)} in TensorFlow Lite Micro", failures
    )
