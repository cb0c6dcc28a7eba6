"""The function in the configuration of a Lambda, as Keras 2 and Keras 3 store it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vae_export.bytecode.formula import NotUnderstoodError
from vae_export.bytecode.reading import read_function

__all__ = ["StoredFunction", "is_read", "stored_function"]


@dataclass(frozen=True)
class StoredFunction:
    """A function in a file.

    Attributes:
        name: of a function that is stored by name alone; empty for a lambda.
        code: marshalled code in base64; None if the name is all there is.
        defaults: of its last positional arguments, or None.
        closure: values of the variables of the enclosing function, or None.
    """

    name: str = ""
    code: str | None = None
    defaults: Any = None
    closure: Any = None


def stored_function(config: Mapping[str, Any]) -> StoredFunction:
    """The function in the configuration of a Lambda.

    Keras 2 stores [code, defaults, closure] of every function, Keras 3 the code of lambdas alone.
    """
    stored = config.get("function")
    if isinstance(stored, list) and stored and isinstance(stored[0], str):
        code, defaults, closure = (*stored, None, None)[:3]
        return StoredFunction("", code, defaults, closure)
    if isinstance(stored, str):
        return StoredFunction(stored)
    if isinstance(stored, dict):
        inner = stored.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("code"), str):
            return StoredFunction("", inner["code"], inner.get("defaults"), inner.get("closure"))
        return StoredFunction(str(inner if isinstance(inner, str) else stored.get("registered_name") or ""))
    return StoredFunction()


def is_read(config: Mapping[str, Any]) -> bool:
    """Whether a Lambda's code is in its configuration and can be followed."""
    code = stored_function(config).code
    if code is None:
        return False
    try:
        read_function(base64.b64decode(code))
    except (NotUnderstoodError, binascii.Error, ValueError):
        return False
    return True
