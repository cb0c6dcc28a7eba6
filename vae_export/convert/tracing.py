"""What has to be changed in a half's layers, for as long as a converter traces them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import keras

__all__ = ["failing_layer", "made_traceable"]

_NO_SCOPE_NAME = re.compile(r"[^A-Za-z0-9_.\\/>-]")


def failing_layer(error: Exception) -> str | None:
    """Which layer cannot be traced, from an error that TensorFlow has put its own words around."""
    found = re.findall(r"layer '.*?' \(\w+\) cannot be called: .*", str(error))
    return found[-1] if found else None


@contextlib.contextmanager
def made_traceable(half: Any) -> Iterator[None]:
    """Lend the layers of a half what the converters need.

    - Names that TensorFlow takes for scopes: Keras lets a layer be called anything.
    - Recurrent layers unrolled over their steps: of their loops tf2onnx makes files whose bytes differ from
      run to run, and the TFLite converter tensor lists, which no plain runtime has.
    """
    changed: list[tuple[Any, str, Any]] = []

    def lend(layer: Any, attribute: str, value: Any) -> None:
        changed.append((layer, attribute, getattr(layer, attribute)))
        setattr(layer, attribute, value)

    operations = [*half._flatten_layers(), *(call.operation for call in half.calls)]
    try:
        for operation in dict.fromkeys(operations):
            if _NO_SCOPE_NAME.search(operation.name):
                lend(operation, "name", _NO_SCOPE_NAME.sub("_", operation.name))
            if isinstance(operation, keras.layers.RNN) and not operation.unroll:
                lend(operation, "unroll", True)
        for weight in half.weights:
            # TensorFlow's variable, which a SavedModel names after its handle.
            variable = weight._value
            if _NO_SCOPE_NAME.search(variable._handle_name.removesuffix(":0")):
                name = _NO_SCOPE_NAME.sub("_", variable._handle_name.removesuffix(":0"))
                lend(variable, "_handle_name", f"v{name}:0")
        yield
    finally:
        for layer, attribute, value in reversed(changed):
            setattr(layer, attribute, value)
