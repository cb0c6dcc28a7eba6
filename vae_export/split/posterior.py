"""The posterior at one sampling site: mu and a true log-variance as functions of the encoder's tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from vae_export.core.evidence import WAYS_OF_KNOWING, Evidence, How, Of, weakest
from vae_export.core.parametrisation import PARAMETRISATIONS
from vae_export.split.graph import Value

__all__ = ["Posterior", "Slot", "split_slots"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Slot:
    """An input of a sampling site: a tensor, or one of the two parts of a split tensor.

    Attributes:
        value: the tensor in the graph.
        axis: along which it is split, negative; None for the whole tensor.
        index: 0 for the first part, 1 for the second.
    """

    value: Value
    axis: int | None = None
    index: int = 0

    def take(self, tensor: Any) -> Any:
        """The tensor itself, or the slot's part of it."""
        return tensor if self.axis is None else ops.split(tensor, 2, axis=self.axis)[self.index]

    @property
    def key(self) -> str:
        """The name by which the user tells it: of the tensor, with ":first" or ":second" for a part."""
        name = self.value.name.split("/")[-1]
        return name if self.axis is None else f"{name}:{('first', 'second')[self.index]}"

    def describe(self) -> str:
        """The slot in a few words, for people."""
        if self.axis is None:
            return repr(self.value.name)
        which = ("first", "second")[self.index]
        return f"{which} part of {self.value.name!r} along axis {self.axis}"


def split_slots(value: Value, shape: Sequence[int | None], z_shape: Sequence[int | None]) -> list[Slot]:
    """Split a tensor that is twice as large as z along one axis into two slots; none if it is not.

    Args:
        value: the tensor.
        shape, z_shape: of one row of it, and of one z.
    """
    if len(shape) != len(z_shape):
        return []
    differing = [axis for axis, (n, size) in enumerate(zip(shape, z_shape, strict=True)) if n != size]
    if len(differing) != 1:
        return []
    n, size = shape[differing[0]], z_shape[differing[0]]
    if n is None or size is None or n != 2 * size:
        return []
    return [Slot(value, differing[0] - len(shape), index) for index in (0, 1)]


@dataclass(frozen=True)
class Posterior:
    """q(z | x) as the trained model draws from it: mu + epsilon_scale * sigma(v) * epsilon.

    Attributes:
        mu: the slot of mu.
        spread: the slot of v, which sigma is a function of.
        parametrisation: what v is; a key of `PARAMETRISATIONS`.
        evidence: how the fields are known; exactly one piece is of the parametrisation.
        epsilon_scale: standard deviation of epsilon, negative where the model subtracts it.
        clip: the range to which the layer clips v; None if it does not.
        sigma_floor, variance_floor: constants that the layer adds to sigma, or to sigma squared.
    """

    mu: Slot
    spread: Slot
    parametrisation: str
    evidence: tuple[Evidence, ...]
    epsilon_scale: float = 1.0
    clip: tuple[float | None, float | None] | None = None
    sigma_floor: float = 0.0
    variance_floor: float = 0.0

    def how(self, of: Of) -> How:
        """How mu or scale is known; as the parametrisation, if nothing else is said of it."""
        found = [one.how for one in self.evidence if one.of == of]
        return weakest(found) if found else self.how("parametrisation")

    @property
    def unproven(self) -> tuple[Evidence, ...]:
        """Evidence to print: the code that was read, and what was assumed."""
        read = [one for one in self.evidence if one.of == "parametrisation" and one.how == "read from code"]
        return (*read, *self.assumptions)

    @property
    def assumptions(self) -> tuple[Evidence, ...]:
        """Evidence that is none: what was assumed."""
        return tuple(one for one in self.evidence if not WAYS_OF_KNOWING[one.how].certain)

    def logvar(self, tensor: Any) -> Any:
        """The true log-variance, without epsilon_scale, from the tensor that `spread` is a slot of."""
        v = self.spread.take(tensor)
        if self.clip is not None:
            low, high = self.clip
            v = v if low is None else ops.maximum(v, low)
            v = v if high is None else ops.minimum(v, high)
        logvar = PARAMETRISATIONS[self.parametrisation].logvar(ops, v)
        if self.sigma_floor:
            logvar = 2.0 * _log_of_sum(logvar / 2.0, np.log(self.sigma_floor))
        if self.variance_floor:
            logvar = _log_of_sum(logvar, np.log(self.variance_floor))
        return logvar

    def sigma(self, v: Array) -> Array:
        """Standard deviation of z without epsilon_scale, float64, of the values v of `spread`."""
        low, high = self.clip or (None, None)
        if low is not None or high is not None:
            v = np.clip(v, low, high)
        sigma = PARAMETRISATIONS[self.parametrisation].sigma(v) + self.sigma_floor
        return np.sqrt(sigma**2 + self.variance_floor) if self.variance_floor else sigma

    def describe(self) -> str:
        """Parametrisation and epsilon scale, and how they are known, in a few words."""
        clip = ""
        if self.clip is not None:
            low, high = ("" if bound is None else f"{bound:g}" for bound in self.clip)
            clip = f" clipped to [{low}, {high}]"
        floor = f" + {self.sigma_floor:g}" if self.sigma_floor else ""
        floor += f", variance + {self.variance_floor:g}" if self.variance_floor else ""
        scale = "" if self.epsilon_scale == 1.0 else f", epsilon scale {self.epsilon_scale:g}"
        return f"{self.parametrisation}{clip}{floor}{scale} ({self._known()})"

    def _known(self) -> str:
        """How mu, parametrisation and scale are known."""
        ways: dict[How, list[str]] = {}
        parts: tuple[Of, ...] = ("mu", "parametrisation", "scale")
        for of in parts:
            ways.setdefault(self.how(of), []).append(of)
        if len(ways) == 1:
            return str(next(iter(ways)))
        return ", ".join(f"{' and '.join(of)} {how}" for how, of in ways.items())


def _log_of_sum(a: Any, b: float) -> Any:
    """log(exp(a) + exp(b)), finite wherever a is."""
    return ops.softplus(a - b) + b
