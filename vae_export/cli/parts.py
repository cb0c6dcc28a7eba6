"""Process rows in parts, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vae_export.runtime.python.vae_runtime import Vae

__all__ = ["parts"]

# Batches in a part: enough to make the overhead of a part negligible.
_BATCHES = 4


def parts(vae: Vae, rows: int, doing: str, progress: Callable[[str], None]) -> Iterator[slice]:
    """Slices of `rows` rows in order, of whole batches except for the last.

    Args:
        vae: the bundle, for its preferred batch.
        rows: number of rows.
        doing: the verb for `progress`, such as "encoding".
        progress: called before each part; may raise.
    """
    step = _BATCHES * max(entry["preferred_batch"] for entry in vae.artifacts.values())
    for low in range(0, rows, step):
        progress(f"{doing} {low:,} of {rows:,}")
        yield slice(low, min(low + step, rows))
