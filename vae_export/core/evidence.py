"""How something about a model is known: measured, read, told or assumed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["WAYS_OF_KNOWING", "Evidence", "How", "Of", "Way", "in_words", "weakest"]

Of = Literal["mu", "parametrisation", "scale", "cut"]
How = Literal["measured", "read from code", "read from names", "told", "assumed"]


@dataclass(frozen=True)
class Way:
    """The names of a way of knowing in manifest and report.

    Attributes:
        in_manifest: value of `parametrisation_source`, `mu_source` and `epsilon_scale_source`.
        label: text in the report.
        certain: whether it is no assumption.
    """

    in_manifest: str
    label: str
    certain: bool = True


# The strongest first.
WAYS_OF_KNOWING: dict[How, Way] = {
    "measured": Way("probed", "measured on the layer"),
    "read from code": Way("code", "read from the layer's code"),
    "told": Way("given", "told by whoever exported it"),
    "read from names": Way("names", "assumed from names in the model", certain=False),
    "assumed": Way("assumed", "assumed", certain=False),
}


@dataclass(frozen=True)
class Evidence:
    """One thing that is known about a sampling site.

    Attributes:
        of: which tensors are "mu" and v; the "parametrisation" of v, with its bounds; the "scale" of
            epsilon, unless it is known with the parametrisation; the "cut", that nothing stands beside the
            halves.
        how: a key of `WAYS_OF_KNOWING`.
        words: the observation, with figures; without a full stop.
    """

    of: Of
    how: How
    words: str


def weakest(ways: Iterable[How]) -> How:
    """The weakest of several ways of knowing."""
    order = list(WAYS_OF_KNOWING)
    return max(ways, key=order.index)


def in_words(evidence: Iterable[Evidence]) -> str:
    """All evidence in one line, for people."""
    return "; ".join(dict.fromkeys(one.words for one in evidence))
