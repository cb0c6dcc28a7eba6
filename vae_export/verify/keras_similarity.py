"""Structural similarity by TensorFlow, which every export has."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["ssim"]

Array = np.ndarray[Any, Any]

FILTER_SIZE = 11


def ssim(expected: Array, actual: Array, peak: float) -> Array:
    """Structural similarity of images (Wang et al. 2004): ``[n]``, 1 for equal ones.

    Args:
        expected, actual: float32 ``[n, height, width, channels]``.
        peak: range of the values.
    """
    import tensorflow as tf

    size = min(FILTER_SIZE, *expected.shape[1:3])
    similarity: Array = tf.image.ssim(expected, actual, peak, filter_size=size).numpy()
    return similarity
