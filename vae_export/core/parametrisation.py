"""The parametrisations of a sampling layer's second tensor v: one table.

Not every encoder emits a log-variance. Each parametrisation has sigma as a function of v, by which it is
recognised, and the log-variance as graph operations on v, which become part of the encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["PARAMETRISATIONS", "MathOperations", "Parametrisation", "register_parametrisation"]

Array = np.ndarray[Any, Any]

# The smallest normal float32: smaller variances are raised to it before the logarithm.
_TINY = 1.1754944e-38
# Below it softplus(v) is exp(v) to float32's last digit, and its logarithm is v.
_SOFTPLUS_IS_EXP = -15.0


class MathOperations(Protocol):
    """The operations that compute a log-variance, with the names of `keras.ops`.

    A namespace over tensors of a framework, or over nodes of a graph.
    """

    def abs(self, x: Any) -> Any:
        """Elementwise absolute value."""

    def log(self, x: Any) -> Any:
        """Elementwise natural logarithm."""

    def softplus(self, x: Any) -> Any:
        """Elementwise log(1 + exp(x))."""

    def maximum(self, x1: Any, x2: Any) -> Any:
        """Elementwise larger value."""

    def less(self, x1: Any, x2: Any) -> Any:
        """Elementwise x1 < x2."""

    def where(self, condition: Any, x1: Any, x2: Any) -> Any:
        """Elementwise x1 where the condition holds, else x2."""

    def zeros_like(self, x: Any) -> Any:
        """Zeros of the shape of x."""


@dataclass(frozen=True)
class Parametrisation:
    """One way to give the standard deviation of a posterior.

    Attributes:
        name: name in the manifest and on the command line.
        formula: sigma as a function of v, for messages.
        sigma_label: sigma, for the report.
        sigma: v, float64 -> sigma, float64; NaN where sigma is not defined.
        logvar: operations and v, a tensor -> log-variance, a tensor of the same shape; finite wherever v is.
        inverse: sigma -> v, both float64.
        probe_range: lowest and highest v at which a layer is probed.
    """

    name: str
    formula: str
    sigma_label: str
    sigma: Callable[[Array], Array]
    logvar: Callable[[MathOperations, Any], Any]
    inverse: Callable[[Any], Any]
    probe_range: tuple[float, float]


# Name -> parametrisation, in the order in which they are fitted to a sampling layer.
PARAMETRISATIONS: dict[str, Parametrisation] = {}


def register_parametrisation(parametrisation: Parametrisation) -> Parametrisation:
    """Add a parametrisation, to be fitted after the others.

    Raises:
        ValueError: the name is taken.
    """
    if parametrisation.name in PARAMETRISATIONS:
        raise ValueError(f"parametrisation {parametrisation.name!r} is registered already")
    PARAMETRISATIONS[parametrisation.name] = parametrisation
    return parametrisation


def _square_root(v: Array) -> Array:
    return np.sqrt(np.where(v < 0, np.nan, v))


def _softplus_logvar(ops: MathOperations, v: Any) -> Any:
    # Selected before the logarithm, so that the other branch is finite too.
    small = ops.less(v, _SOFTPLUS_IS_EXP)
    safe = ops.where(small, ops.zeros_like(v), v)
    return 2.0 * ops.where(small, v, ops.log(ops.softplus(safe)))


register_parametrisation(
    Parametrisation(
        "log-variance",
        "exp(v/2)",
        "exp(0.5 · logvar)",
        lambda v: np.exp(v / 2),
        lambda ops, v: v,
        lambda s: 2 * np.log(s),
        (-12, 12),
    )
)
register_parametrisation(
    Parametrisation("log-std", "exp(v)", "exp(log-std)", np.exp, lambda ops, v: 2.0 * v, np.log, (-6, 6))
)
register_parametrisation(
    Parametrisation(
        "softplus",
        "softplus(v)",
        "softplus(v)",
        lambda v: np.logaddexp(0, v),
        _softplus_logvar,
        # log(exp(s) - 1) without overflow.
        lambda s: s + np.log(-np.expm1(-s)),
        (-6, 6),
    )
)
register_parametrisation(
    Parametrisation(
        "std",
        "v",
        "std",
        np.abs,
        lambda ops, v: 2.0 * ops.log(ops.maximum(ops.abs(v), _TINY)),
        lambda s: s,
        (0.05, 3),
    )
)
register_parametrisation(
    Parametrisation(
        "variance",
        "sqrt(v)",
        "sqrt(variance)",
        _square_root,
        lambda ops, v: ops.log(ops.maximum(v, _TINY)),
        lambda s: s**2,
        (0.05, 6),
    )
)
