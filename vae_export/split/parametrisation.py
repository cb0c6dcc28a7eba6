"""What a sampling layer may be given beside mu, and how it becomes a true log-variance.

Not everybody emits a log-variance. For each parametrisation there is sigma as a function of the second
tensor, to recognise it by, and the log-variance as a function of it, to fold into the encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

__all__ = ["PARAMETRISATIONS", "Parametrisation"]

Array = np.ndarray[Any, Any]

# The smallest normal float32: the logarithm of what lies below is that of this.
_TINY = 1.1754944e-38
# Below it softplus(v) is exp(v) to float32's last digit, and its logarithm is v.
_SOFTPLUS_IS_EXP = -15.0


@dataclass(frozen=True)
class Parametrisation:
    """One way to say how wide a posterior is.

    Attributes:
        name: as in the manifest and on the command line.
        formula: sigma of the second tensor v, for people.
        sigma: v, float64 -> sigma, float64; NaN where there is none.
        to_logvar: v, a tensor -> log-variance, a tensor of the same shape; finite wherever v is.
        inverse: sigma -> v, both float64.
        probe_range: values of v on which layers are tried.
    """

    name: str
    formula: str
    sigma: Callable[[Array], Array]
    to_logvar: Callable[[Any], Any]
    inverse: Callable[[Any], Any]
    probe_range: tuple[float, float]


def _square_root(v: Array) -> Array:
    return np.sqrt(np.where(v < 0, np.nan, v))


def _softplus_logvar(v: Any) -> Any:
    # Chosen before the logarithm, so that the branch not taken is finite as well.
    small = ops.less(v, _SOFTPLUS_IS_EXP)
    safe = ops.where(small, ops.zeros_like(v), v)
    return 2.0 * ops.where(small, v, ops.log(ops.softplus(safe)))


PARAMETRISATIONS: dict[str, Parametrisation] = {
    entry.name: entry
    for entry in (
        Parametrisation(
            "log-variance",
            "exp(v/2)",
            lambda v: np.exp(v / 2),
            lambda v: v,
            lambda s: 2 * np.log(s),
            (-12, 12),
        ),
        Parametrisation("log-std", "exp(v)", np.exp, lambda v: 2.0 * v, np.log, (-6, 6)),
        Parametrisation(
            "softplus",
            "softplus(v)",
            lambda v: np.logaddexp(0, v),
            _softplus_logvar,
            # log(exp(s) - 1), for large s as well.
            lambda s: s + np.log(-np.expm1(-s)),
            (-6, 6),
        ),
        Parametrisation(
            "std",
            "v",
            np.abs,
            lambda v: 2.0 * ops.log(ops.maximum(ops.abs(v), _TINY)),
            lambda s: s,
            (0.05, 3),
        ),
        Parametrisation(
            "variance",
            "sqrt(v)",
            _square_root,
            lambda v: ops.log(ops.maximum(v, _TINY)),
            lambda s: s**2,
            (0.05, 6),
        ),
    )
}
