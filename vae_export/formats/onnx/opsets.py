"""The ONNX opsets that files can be made for."""

from __future__ import annotations

from vae_export.errors import InputError

__all__ = ["DEFAULT_OPSET", "OPSETS", "check_opset"]

OPSETS = range(13, 19)
DEFAULT_OPSET = 17


def check_opset(opset: int) -> None:
    """Refuse an opset that no file is made for.

    Raises:
        InputError: the opset is not one of `OPSETS`.
    """
    if opset not in OPSETS:
        raise InputError(
            f"opset: got {opset}, expected {min(OPSETS)} to {max(OPSETS)} (default {DEFAULT_OPSET})"
        )
