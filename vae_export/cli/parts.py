"""Rows in parts, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vae_export.runtime.python.vae_runtime import Vae

__all__ = ["parts"]

# Batches in a part: enough for what is done once a part to cost next to nothing.
_BATCHES = 4


def parts(vae: Vae, rows: int, doing: str, progress: Callable[[str], None]) -> Iterator[slice]:
    """Slices of `rows` rows, in their order, each of whole batches but for the last.

    Args:
        vae: says by how many rows it is best run.
        rows: how many there are.
        doing: what is done to them, for `progress`.
        progress: told before each part how far this is; may raise.
    """
    step = _BATCHES * max(entry["preferred_batch"] for entry in vae.artifacts.values())
    for low in range(0, rows, step):
        progress(f"{doing} {low:,} of {rows:,}")
        yield slice(low, min(low + step, rows))
