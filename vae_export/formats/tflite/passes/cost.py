"""What the vector instructions of a convolution's kernel take, in multiplications for one output value.

Kernels work on 16 output channels at a time (8 in narrower instruction sets): a layer with one output channel
costs as much as one with 16. Those of depthwise convolutions load more than they multiply.
"""

from __future__ import annotations

__all__ = ["DEPTHWISE", "FEW_CHANNELS", "padded"]

_LANES = 16
# Measured: time of a multiplication in a depthwise convolution, in those of a full one.
DEPTHWISE = 4
# Output channels of pictures.
FEW_CHANNELS = 3


def padded(channels: int) -> int:
    """Output channels that are computed for so many that are wanted."""
    return -(-channels // _LANES) * _LANES
