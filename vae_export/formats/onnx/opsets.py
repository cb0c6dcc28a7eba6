"""The supported ONNX opsets."""

from __future__ import annotations

from vae_export.errors import InputError

__all__ = ["DEFAULT_OPSET", "OPSETS", "check_opset"]

OPSETS = range(13, 19)
DEFAULT_OPSET = 17


def check_opset(opset: int) -> None:
    """Refuse an unsupported opset.

    Raises:
        InputError: the opset is not one of `OPSETS`.
    """
    if opset not in OPSETS:
        raise InputError(
            f"opset: got {opset}, expected {min(OPSETS)} to {max(OPSETS)} (default {DEFAULT_OPSET})"
        )
