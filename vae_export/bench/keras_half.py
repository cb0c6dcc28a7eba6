"""A Keras half as a compiled TensorFlow function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["compiled", "set_threads"]

Array = np.ndarray[Any, Any]


def compiled(half: Any) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """A half as a `tf.function` on arrays, without the overhead of `predict`."""
    function = tf.function(half.model)

    def run(inputs: Mapping[str, Array]) -> dict[str, Array]:
        outputs = function({name: inputs[name] for name in half.inputs}, training=False)
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def set_threads(threads: int | None) -> int | None:
    """Set TensorFlow's threads, unless it has started; returns its threads, None if it chooses."""
    if threads is not None:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:
            # TensorFlow has started; the returned number tells.
            pass
    return tf.config.threading.get_intra_op_parallelism_threads() or None
