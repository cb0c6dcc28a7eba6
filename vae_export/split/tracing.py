"""What has to be changed in a half's layers, for as long as a converter traces them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import keras

from vae_export.private.keras import layers_of
from vae_export.split.keras_half import KerasHalf
from vae_export.split.scope_names import scope_names

__all__ = ["failing_layer", "made_traceable"]


def failing_layer(error: Exception) -> str | None:
    """Which layer cannot be traced, from an error that TensorFlow has put its own words around."""
    found = re.findall(r"layer '.*?' \(\w+\) cannot be called: .*", str(error))
    return found[-1] if found else None


@contextlib.contextmanager
def made_traceable(half: KerasHalf) -> Iterator[None]:
    """Lend the layers of a half what the converters need.

    - Names that TensorFlow takes for scopes.
    - Recurrent layers unrolled over their steps: of their loops tf2onnx makes files whose bytes differ from
      run to run, and the TFLite converter tensor lists, which no plain runtime has.
    """
    operations = [*layers_of(half.model), *(call.operation for call in half.model.calls)]
    looping = [
        layer
        for layer in dict.fromkeys(operations)
        if isinstance(layer, keras.layers.RNN) and not layer.unroll
    ]
    try:
        for layer in looping:
            layer.unroll = True
        with scope_names(operations):
            yield
    finally:
        for layer in looping:
            layer.unroll = False
