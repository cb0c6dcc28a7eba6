"""Lend layers and weights names that TensorFlow accepts as scopes; Keras allows any name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from vae_export.private.keras import layers_of, lend_handle_name

__all__ = ["scope_names"]

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.\\/>-]")


@contextmanager
def scope_names(operations: Iterable[Any]) -> Iterator[None]:
    """Rename layers, nested layers and weights while the body runs, so that they can be traced.

    Args:
        operations: Keras layers and operations.
    """
    changed: list[tuple[Any, str, str]] = []

    def lend(owner: Any, attribute: str, name: str, prefix: str = "", suffix: str = "") -> None:
        if _NOT_ALLOWED.search(name):
            changed.append((owner, attribute, getattr(owner, attribute)))
            setattr(owner, attribute, f"{prefix}{_NOT_ALLOWED.sub('_', name)}{suffix}")

    try:
        for operation in dict.fromkeys(operations):
            for layer in layers_of(operation):
                lend(layer, "name", layer.name)
            for weight in getattr(operation, "weights", []):
                lend(*lend_handle_name(weight), "v", ":0")
        yield
    finally:
        for owner, attribute, name in reversed(changed):
            setattr(owner, attribute, name)
