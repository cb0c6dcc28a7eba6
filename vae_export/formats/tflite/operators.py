"""Classes of TFLite operators, by the schema's names, each with its purpose."""

from __future__ import annotations

__all__ = ["CASTS", "MOVING", "RANDOM", "SAME_VALUES", "VALUE_PRESERVING"]

# They draw noise of their own, which no artifact may do.
RANDOM = frozenset({"MULTINOMIAL", "RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "STABLEHLO_RNG_BIT_GENERATOR"})
# The output has the values of its single input and no others, in another shape or order.
VALUE_PRESERVING = frozenset(
    {"DEPTH_TO_SPACE", "EXPAND_DIMS", "RESHAPE", "SPACE_TO_DEPTH", "SQUEEZE", "TRANSPOSE"}
)
# The same for several inputs, whose ranges are joined.
SAME_VALUES = VALUE_PRESERVING | {"CONCATENATION", "PACK"}
# Operators that quantisers insert between layers.
CASTS = frozenset({"DEQUANTIZE", "QUANTIZE"})
# Data movement without arithmetic: which values are dropped, repeated or filled in is known beforehand. They
# are no layers for quantisers, and `explain` shows them only if they lose something.
MOVING = (
    SAME_VALUES
    | CASTS
    | {
        "BATCH_TO_SPACE_ND",
        "BROADCAST_TO",
        "CAST",
        "GATHER",
        "GATHER_ND",
        "MIRROR_PAD",
        "PAD",
        "PADV2",
        "RESIZE_NEAREST_NEIGHBOR",
        "REVERSE_V2",
        "SLICE",
        "SPACE_TO_BATCH_ND",
        "SPLIT",
        "SPLIT_V",
        "STRIDED_SLICE",
        "TILE",
        "UNPACK",
    }
)
