"""Private names of tf2onnx. Seen in tf2onnx 1.17.0."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tf2onnx

__all__ = ["CUSTOM_HANDLERS", "optimised_in_place", "silence"]

_CATCH_ERRORS = "TF2ONNX_CATCH_ERRORS"


def silence() -> None:
    """Turn off tf2onnx' log, which repeats its errors."""
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def optimised_in_place() -> Iterator[None]:
    """Turn off tf2onnx' copy of the graph before each optimiser, which lets it continue after a failure.

    Saves a quarter of the time and memory of large models.
    """
    before = os.environ.get(_CATCH_ERRORS)
    # tf2onnx checks whether the variable is set, not its value.
    os.environ[_CATCH_ERRORS] = "FALSE"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CATCH_ERRORS]
        else:
            os.environ[_CATCH_ERRORS] = before


def _convert_erfc(context: Any, node: Any, name: str, _: Any) -> None:
    """Convert erfc, which exact GELU uses, to 1 - erf(x): ONNX has no erfc."""
    (x,), (output,) = node.input, node.output
    shapes, dtypes = [context.get_shape(output)], [context.get_dtype(output)]
    context.remove_node(name)
    erf = context.make_node("Erf", [x], shapes=shapes, dtypes=dtypes)
    one = context.make_const(tf2onnx.utils.make_name("one"), np.array(1, np.float32))
    context.make_node(
        "Sub", [one.output[0], erf.output[0]], outputs=[output], name=name, shapes=shapes, dtypes=dtypes
    )


# TensorFlow operators that tf2onnx lacks.
CUSTOM_HANDLERS: dict[str, tuple[Any, list[str]]] = {"Erfc": (_convert_erfc, [])}
