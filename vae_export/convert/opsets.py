"""The ONNX opsets that files can be made for, and the runtimes they ask for."""

from __future__ import annotations

from vae_export.errors import InputError

__all__ = ["DEFAULT_OPSET", "OLDEST_RUNTIMES", "check_opset"]

# opset -> first ONNX Runtime that reads it (the runtime's compatibility table).
OLDEST_RUNTIMES = {13: "1.6", 14: "1.8", 15: "1.10", 16: "1.11", 17: "1.12", 18: "1.14"}
DEFAULT_OPSET = 17


def check_opset(opset: int) -> None:
    """Refuse an opset that no file is made for.

    Raises:
        InputError: the opset is not a key of `OLDEST_RUNTIMES`.
    """
    if opset not in OLDEST_RUNTIMES:
        raise InputError(
            f"opset: got {opset}, expected {min(OLDEST_RUNTIMES)} to {max(OLDEST_RUNTIMES)} "
            f"(default {DEFAULT_OPSET})"
        )
