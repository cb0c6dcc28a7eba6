"""Classes of ONNX operators, each with its purpose."""

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
# The same values in another shape or order, where a constant of each channel stays one. (DepthToSpace, which
# deals channels out over pixels, is none of them.)
RESHAPING = frozenset({"Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
# The output has the values of the input and no others: both have the same range.
VALUE_PRESERVING = RESHAPING | {"DepthToSpace", "Identity", "SpaceToDepth"}
# Value-preserving: every output value is an input value, so integers keep their scale; the range may shrink.
SCALE_PRESERVING = VALUE_PRESERVING | {"MaxPool", "Slice"}
# Data movement without arithmetic: the output has the errors of the input. (MaxPool compares.)
MOVING = VALUE_PRESERVING | {"Concat", "Gather", "Pad", "Slice", "Split"}
# Integers stay the numbers of classes; what reorders values is no part of a look-up.
CLASS_PRESERVING = frozenset({"Cast", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
