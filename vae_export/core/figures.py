"""Figures as manifests have them."""

from __future__ import annotations

__all__ = ["round_figure"]


def round_figure(value: float) -> float:
    """Six digits say all there is to say."""
    return float(f"{value:.6g}")
