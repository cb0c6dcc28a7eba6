"""Precisions of weights and arithmetic, and what each may cost.

============  ====================================================================
float32       32-bit float
float16       16-bit float weights, computed in float32
dynamic-int8  8-bit integer weights; activations are quantised at run time
int8          8-bit integers, activations too, by ranges from calibration
int16x8       8-bit integer weights, 16-bit activations, by ranges from calibration
============  ====================================================================

Which formats have a precision is theirs to say: `formats.with_precision`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FLOAT32", "PRECISIONS", "Budget", "Precision", "register_precision"]


@dataclass(frozen=True)
class Budget:
    """What a lower precision may cost.

    Attributes:
        min_psnr: of the decoder, dB, over all images; 6 dB less of the worst one.
        max_kl: from the posterior to the artifact's, nats, mean over the samples; 10 times for the worst.
    """

    min_psnr: float
    max_kl: float


@dataclass(frozen=True)
class Precision:
    """A precision of weights and arithmetic.

    Attributes:
        name: as on the command line, in file names and in manifests.
        label: weights and arithmetic, in words.
        calibrated: whether ranges of activations are measured on samples.
        mixable: whether single layers can stay in float32.
        budget: what it may cost by default; None for float32, which is held to a tolerance instead.
    """

    name: str
    label: str
    calibrated: bool = False
    mixable: bool = False
    budget: Budget | None = None

    @property
    def exact(self) -> bool:
        """Whether artifacts are held to the tolerance of the parity gate, not to a budget."""
        return self.budget is None


# Name -> precision, in the order in which files are made and shown. Both reference models keep the budgets
# with room; a quantiser that is given the wrong ranges does not.
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
