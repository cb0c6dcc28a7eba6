"""The posterior of a sampling layer whose code is not at hand, from names and activations.

Where they say too little or contradict each other, the user is asked. Every assumption is printed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vae_export.core.evidence import Evidence, How
from vae_export.errors import SamplingSiteError
from vae_export.split.graph import Call, Graph, Value
from vae_export.split.posterior import Posterior, Slot, split_slots

__all__ = ["KINDS_BY_NAME", "assumed_posterior", "posterior_by_names", "spread_index"]

Array = np.ndarray[Any, Any]

# Patterns of names for v, the more specific first.
KINDS_BY_NAME = (
    ("log-variance", r"log_?_?(sigma)?_?(var|sq)|log_?sigma_?2|lnvar|logv\b"),
    ("log-std", r"log_?(std|sd|sigma|scale)"),
    ("variance", r"var(iance)?\b"),
    ("std", r"std|stddev|sigma|scale"),
)
_MEAN = r"mean|mu\b|loc\b"
# Patterns of names for sampling layers, and for one tensor that holds mu and v.
_DRAWS = r"sampl|repar|latent|gauss|normal|noise|draw|vae|\bz\b"
_MOMENTS = r"moment|param|stat"
# Activations and operations whose output is never negative.
_NEVER_NEGATIVE = {
    "softplus",
    "exp",
    "exponential",
    "relu",
    "sigmoid",
    "softmax",
    "square",
    "abs",
    "absolute",
}
_MU_FIRST = Evidence("order", "assumed", "mu first, as most models have it")
_SCALE_1 = Evidence("scale", "assumed", "epsilon of scale 1")
_NAMES_TELL = "the names tell mu from v"
_NO_CODE = "the layer's code is not at hand; --parametrisation decides"


def assumed_posterior(
    call: Call, graph: Graph, recorded: Mapping[Value, Array], told: str | None, where: str
) -> Posterior | None:
    """The posterior of a stand-in's inputs; None if their shapes are not those of a sampling layer.

    Args:
        call: of the stand-in.
        graph: the graph that has the call.
        recorded: one row of its inputs and outputs.
        told: the parametrisation that the user gave, or None.
        where: what messages call the model.

    Raises:
        SamplingSiteError: names, activations and settings say too little, or contradict each other.
    """
    if len(call.outputs) != 1:
        return None
    shape = recorded[call.outputs[0]].shape
    inputs = list(dict.fromkeys(call.inputs))
    slots = [Slot(value) for value in inputs if recorded[value].shape == shape]
    if len(inputs) == 1 and not slots:
        slots = split_slots(inputs[0], recorded[inputs[0]].shape[1:], shape[1:])
    elif len(slots) != len(inputs):
        return None
    if len(slots) != 2:
        return None
    layer = f"{where}: layer {call.path!r}"
    names = [slot.value.name.split("/")[-1] for slot in slots]
    if told is None and not _looks_drawn(call, names):
        raise SamplingSiteError(
            f"{layer} has class {call.operation.missing_class!r}, which is not known here, and no name says "
            f"that it draws z from {' and '.join(map(repr, dict.fromkeys(names)))}; give --custom-objects "
            "the file or module that defines it, or --parametrisation if it draws"
        )
    posterior = posterior_by_names(slots, names, graph, told, layer)
    scale, remark = call.operation.epsilon_scale(layer)
    evidence = posterior.evidence
    if remark:
        read = Evidence("scale", "assumed" if scale == 1.0 else "read from names", remark)
        evidence = (*(one for one in evidence if scale == 1.0 or one.of != "scale"), read)
    return replace(posterior, epsilon_scale=scale, evidence=evidence)


def posterior_by_names(
    slots: Sequence[Slot], names: Sequence[str], graph: Graph, told: str | None, where: str
) -> Posterior:
    """The posterior of two tensors, read from their names and last activations.

    Args:
        slots, names: of both tensors, in the order of the arguments.
        graph: the graph that computes them.
        told: the parametrisation that the user gave, or None.
        where: what messages call the layer or the model.

    Raises:
        SamplingSiteError: name and activation contradict each other, or say too little.
    """
    (mu, spread), (mu_name, name) = slots, names
    if mu.axis is not None:
        what = Evidence("parametrisation", "told" if told else "assumed", _NO_CODE)
        return Posterior(mu, spread, told or "log-variance", (_MU_FIRST, what, _SCALE_1))
    which = spread_index(names)
    order = _MU_FIRST if which is None else Evidence("order", "read from names", _NAMES_TELL)
    if which == 0:
        mu, spread, name = spread, mu, mu_name

    def posterior(kind: str, how: How, words: str) -> Posterior:
        return Posterior(mu, spread, kind, (Evidence("parametrisation", how, words), order, _SCALE_1))

    if told is not None:
        return posterior(told, "told", "told by the user")
    kind_of_name, never_negative = _kind(name), _never_negative(graph, spread.value)
    if kind_of_name in ("std", "variance") and never_negative is False:
        raise SamplingSiteError(
            f"{where}: {name!r} is named like a {kind_of_name}, but may be negative; give "
            f"--parametrisation log-variance, log-std or {kind_of_name}"
        )
    if kind_of_name not in (None, "log-variance"):
        return posterior(kind_of_name, "read from names", f"a tensor called {name!r}; {_NO_CODE}")
    if kind_of_name is None and never_negative:
        raise SamplingSiteError(
            f"{where}: {name!r} is never negative, so it is no logarithm, and its name does not tell what it "
            "is; give --parametrisation std or variance"
        )
    agrees = "" if kind_of_name is None else f", as the name {name!r} has it"
    return posterior("log-variance", "assumed", f"what most models have{agrees}; {_NO_CODE}")


def spread_index(names: Sequence[str]) -> int | None:
    """Index of v among two tensors, by their names; None if the names do not tell."""
    means = [bool(re.search(_MEAN, name.lower())) for name in names]
    if means[0] != means[1]:
        return means.index(False)
    spreads = [_kind(name) is not None for name in names]
    return spreads.index(True) if spreads[0] != spreads[1] else None


def _kind(name: str) -> str | None:
    lower = name.lower()
    return next((kind for kind, pattern in KINDS_BY_NAME if re.search(pattern, lower)), None)


def _looks_drawn(call: Call, names: Sequence[str]) -> bool:
    layer = f"{call.operation.missing_class} {call.path.split('/')[-1].replace('_', ' ')}".lower()
    if re.search(_DRAWS, layer):
        return True
    return spread_index(names) is not None or any(re.search(_MOMENTS, name.lower()) for name in names)


def _never_negative(graph: Graph, value: Value) -> bool | None:
    """Whether the activation that makes a value excludes negative ones; None if that is not known."""
    maker = next((call for call in graph.calls if value in call.outputs), None)
    if maker is None:
        return None
    activation = getattr(maker.operation, "activation", None)
    name = getattr(activation, "__name__", None) or type(maker.operation).__name__.lower()
    if name in _NEVER_NEGATIVE:
        return True
    return False if name == "linear" else None
