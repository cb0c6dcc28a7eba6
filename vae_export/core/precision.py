"""Precisions of weights and arithmetic, and their budgets.

============  ====================================================================
float32       32-bit float
float16       16-bit float weights, computed in float32
dynamic-int8  8-bit integer weights; activations are quantised at run time
int8          8-bit integers, activations too, by ranges from calibration
int16x8       8-bit integer weights, 16-bit activations, by ranges from calibration
============  ====================================================================

`formats.with_precision` returns the formats that have a precision.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FLOAT32", "PRECISIONS", "Budget", "Precision", "register_precision"]


@dataclass(frozen=True)
class Budget:
    """The largest loss that a lower precision may have.

    Attributes:
        min_psnr: lowest PSNR of decoders over all images, dB; 6 dB less for the worst image.
        max_kl: largest mean KL divergence of encoders over the samples, nats; 10 times for the worst sample.
    """

    min_psnr: float
    max_kl: float


@dataclass(frozen=True)
class Precision:
    """A precision of weights and arithmetic.

    Attributes:
        name: name on the command line, in file names and in manifests.
        label: weights and arithmetic in words.
        calibrated: whether it needs ranges of activations, measured on samples.
        mixable: whether single layers can stay in float32.
        budget: the default budget; None for float32, which has a tolerance instead.
    """

    name: str
    label: str
    calibrated: bool = False
    mixable: bool = False
    budget: Budget | None = None

    @property
    def exact(self) -> bool:
        """Whether artifacts have the tolerance of the parity gate instead of a budget."""
        return self.budget is None


# Name -> precision, in the order of files. Both reference models are well within the budgets; with wrong
# ranges they are not.
PRECISIONS: dict[str, Precision] = {}
FLOAT32 = "float32"


def register_precision(precision: Precision) -> Precision:
    """Add a precision at the end of `PRECISIONS`.

    Raises:
        ValueError: the name is taken.
    """
    if precision.name in PRECISIONS:
        raise ValueError(f"precision {precision.name!r} is registered already")
    PRECISIONS[precision.name] = precision
    return precision


register_precision(Precision(FLOAT32, "32-bit float"))
register_precision(
    Precision("float16", "16-bit float weights, computed in float32", budget=Budget(70.0, 0.001))
)
register_precision(
    Precision(
        "dynamic-int8",
        "8-bit integer weights; activations are quantised at run time, or weights are cast",
        budget=Budget(40.0, 0.05),
    )
)
register_precision(
    Precision(
        "int8", "8-bit integers, activations too", calibrated=True, mixable=True, budget=Budget(32.0, 0.1)
    )
)
register_precision(
    Precision(
        "int16x8", "8-bit integer weights, 16-bit activations", calibrated=True, budget=Budget(42.0, 0.05)
    )
)
