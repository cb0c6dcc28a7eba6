"""The traced function of a half, for converters that trace TensorFlow."""

from __future__ import annotations

from vae_export.core.half import Half, TraceableHalf, Traced
from vae_export.errors import ConversionError

__all__ = ["traced"]


def traced(half: Half, file: str) -> Traced:
    """The traced function of a half.

    Raises:
        ConversionError: TensorFlow cannot trace the half; the message names the file that would be made.
    """
    if not isinstance(half, TraceableHalf):
        raise ConversionError(
            f"{file}: got a {type(half).__name__}, expected one that TensorFlow can trace; choose "
            "another --format"
        )
    return half.traceable()
