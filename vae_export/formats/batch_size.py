"""The batch size at which a runtime is fastest for each row."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["preferred_batch"]

# Weights are read once a batch, so larger batches take less time a row, as long as their tensors fit a common
# second-level cache; beyond that they take up to a third more (measured by tools/bench/batch_sizes).
_CACHE = 2 << 20
_LARGEST = 256


def preferred_batch(row_bytes: int, batches: Sequence[int] | None) -> int:
    """The largest batch whose largest tensor fits the cache.

    Computed from sizes and not measured, so that the same export gives the same bytes.

    Args:
        row_bytes: bytes of one row of the largest tensor.
        batches: batch sizes of the graph, ascending; None for any.

    Returns:
        A power of two up to 256, or one of `batches`.
    """
    fitting = max(1, min(_LARGEST, _CACHE // row_bytes))
    if batches is None:
        return 1 << (fitting.bit_length() - 1)
    return max((size for size in batches if size <= fitting), default=batches[0])
