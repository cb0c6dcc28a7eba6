"""Whether TensorFlow Lite Micro computes what LiteRT computes."""

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
    """How far an output is off, in steps of its integers."""

    largest: float
    mean: float


def run_reference(data: bytes, inputs: Arrays) -> dict[str, Array]:
    """What LiteRT's reference kernels make of rows, one after the other.

    XNNPACK, its default, rounds in other places, which the layers after them make up to 15 steps of.

    Args:
        data: a .tflite file of one signature, of one row.
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
    """How far each output is off, in steps of its integers.

    Args:
        file: name of the artifact, for the message.
        got, expected: rows by output, of TensorFlow Lite Micro and of LiteRT.
        steps: what a step is worth, where values are floats; None for what is computed in float.

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
    """Raise if an output differs by more than rounding does.

    Raises:
        ParityError: names every such output.
    """
    failures = tuple(
        f"{file}: {name}: TensorFlow Lite Micro is {one.largest:.3g} steps off LiteRT, {one.mean:.3g} in "
        f"the mean, expected at most {MOST_STEPS} and {MOST_STEPS_IN_THE_MEAN}; use another tflite-micro"
        for name, one in found.items()
        # A NaN is no difference that would do.
        if not (one.largest <= MOST_STEPS and one.mean <= MOST_STEPS_IN_THE_MEAN)
    )
    if failures:
        raise _error(*failures)


def _error(*failures: str) -> ParityError:
    count = len(failures)
    return ParityError(
        f"{count} output{'s' * (count > 1)} differ{'s' * (count == 1)} in TensorFlow Lite Micro", failures
    )
