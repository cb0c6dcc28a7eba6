"""How something about a model is known: measured, read, told or assumed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["WAYS_OF_KNOWING", "Evidence", "How", "Of", "Way", "in_words"]

Of = Literal["mu", "parametrisation", "scale", "order"]
How = Literal["measured", "read from code", "read from names", "told", "assumed"]


@dataclass(frozen=True)
class Way:
    """The names of a way of knowing in manifest and report.

    Attributes:
        in_manifest: value of `parametrisation_source`.
        label: text in the report.
    """

    in_manifest: str
    label: str


# The strongest first.
WAYS_OF_KNOWING: dict[How, Way] = {
    "measured": Way("probed", "measured on the layer"),
    "read from code": Way("code", "read from the layer's code"),
    "read from names": Way("names", "read from names in the model"),
    "told": Way("given", "told by whoever exported it"),
    "assumed": Way("assumed", "assumed"),
}


@dataclass(frozen=True)
class Evidence:
    """One thing that is known about a sampling site.

    Attributes:
        of: which tensor is "mu"; the "parametrisation" of the second tensor, with its bounds; the "scale" of
            epsilon, unless it was measured with the parametrisation; the "order" of two tensors, or of the
            two parts of one, where their use does not show it.
        how: a key of `WAYS_OF_KNOWING`.
        words: the observation, with figures; without a full stop.
    """

    of: Of
    how: How
    words: str


def in_words(evidence: Iterable[Evidence]) -> str:
    """All evidence in one line, for people."""
    return "; ".join(dict.fromkeys(one.words for one in evidence))
