"""The precisions that litert-quantizer makes: an extra, as it pins ai-edge-litert to one version."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from vae_export.errors import MissingDependencyError

__all__ = ["RECIPES", "need_quantizer"]

# Precision -> what the library calls it. "legacy" leaves weights of fewer than 1024 elements in float:
# without it dynamic files are both worse and slower.
RECIPES = {
    "float16": "float_casting",
    "dynamic-int8": "dynamic_legacy_wi8_afp32",
    "int16x8": "static_wi8_ai16",
}


def need_quantizer(precisions: Iterable[str]) -> None:
    """See that litert-quantizer is there, if precisions are made by it.

    Raises:
        MissingDependencyError: it is not.
    """
    made = [precision for precision in precisions if precision in RECIPES]
    if made and importlib.util.find_spec("litert_quantizer") is None:
        raise MissingDependencyError(
            f"precision: {', '.join(made)} of .tflite files needs litert-quantizer, which is not installed; "
            "pip install 'vae-export[int8]'"
        )
