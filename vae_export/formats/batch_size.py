"""How many rows a runtime is best given at a time."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["preferred_batch"]

# Up to the size of common second-level caches, larger batches cost less for each row, as weights are read
# once for all; beyond it they cost more, by up to a third (measured by tools/bench/batch_sizes).
_CACHE = 2 << 20
_LARGEST = 256


def preferred_batch(row_bytes: int, batches: Sequence[int] | None) -> int:
    """The largest batch for which the largest tensor stays in the cache.

    It is worked out, not measured, so that exports are equal to the byte.

    Args:
        row_bytes: of the largest tensor that is computed for a row.
        batches: the batch sizes that the graph takes, ascending; None for any.

    Returns:
        A power of two up to 256, or one of `batches`.
    """
    fitting = max(1, min(_LARGEST, _CACHE // row_bytes))
    if batches is None:
        return 1 << (fitting.bit_length() - 1)
    return max((size for size in batches if size <= fitting), default=batches[0])
