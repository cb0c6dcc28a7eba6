"""Classes of ONNX operators, each with what it is for."""

from __future__ import annotations

__all__ = ["CLASS_PRESERVING", "MOVING", "RANDOM", "RESHAPING", "SCALE_PRESERVING", "VALUE_PRESERVING"]

# They draw noise of their own, which no artifact may do.
RANDOM = frozenset(
    {
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)
# The same values in another shape or order; constants of channels can follow them. (Through DepthToSpace they
# cannot: it deals channels out over pixels.)
RESHAPING = frozenset({"Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
# The output has all values of the input, and no others: what is true of the range of one is of the other's.
VALUE_PRESERVING = RESHAPING | {"DepthToSpace", "Identity", "SpaceToDepth"}
# Every value of the output is one of the input's: integers keep their scale, though the range may shrink.
SCALE_PRESERVING = VALUE_PRESERVING | {"MaxPool", "Slice"}
# No arithmetic: what they lose, their inputs had lost. (MaxPool compares.)
MOVING = VALUE_PRESERVING | {"Concat", "Gather", "Pad", "Slice", "Split"}
# Integers stay the numbers of classes; what reorders values is no part of a look-up.
CLASS_PRESERVING = frozenset({"Cast", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
