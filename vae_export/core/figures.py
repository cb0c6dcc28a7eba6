"""Figures in manifests."""

from __future__ import annotations

__all__ = ["round_figure"]


def round_figure(value: float) -> float:
    """Round to the six significant digits of a manifest."""
    return float(f"{value:.6g}")
