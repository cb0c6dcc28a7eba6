"""The cost of convolutions in XNNPACK, in multiplications of an output value.

Kernels compute 16 output channels at a time (8 in narrower instruction sets): one output channel costs as
much as 16. Kernels of depthwise convolutions load more than they multiply.
"""

from __future__ import annotations

__all__ = ["DEPTHWISE", "FEW_CHANNELS", "round_up_to_lanes"]

_LANES = 16
# Measured: time of a multiplication in a depthwise convolution, relative to a full convolution.
DEPTHWISE = 4
# Output channels of pictures.
FEW_CHANNELS = 3


def round_up_to_lanes(channels: int) -> int:
    """The number of output channels that a kernel computes for `channels`."""
    return -(-channels // _LANES) * _LANES
