"""A half as a function of positional tensors, as the converters want it.

TensorFlow changes names that are no identifiers, so while it converts the inputs are called by
placeholders; the artifacts get the real names afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from vae_export.split.keras_half import KerasHalf

__all__ = ["input_signature", "placeholder_names", "positional"]


def placeholder_names(half: KerasHalf) -> list[str]:
    """One for each input; none is shorter than the real name, which can so be written over it."""
    return [f"input_{number}".ljust(len(name.encode()), "_") for number, name in enumerate(half.inputs)]


def input_signature(half: KerasHalf, batch: int | None) -> list[tf.TensorSpec]:
    """The inputs of `positional`, with a batch size, or None for any."""
    return [
        tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype, name=name)
        for name, tensor in zip(placeholder_names(half), half.inputs.values(), strict=True)
    ]


def positional(half: KerasHalf) -> Callable[..., dict[str, Any]]:
    """A half, called on its tensors one after the other, in inference."""
    names = list(half.inputs)
    return lambda *tensors: half.model(dict(zip(names, tensors, strict=True)), training=False)
