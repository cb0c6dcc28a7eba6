"""The posterior of a sampling layer whose code is not at hand: what the user told, or a question.

Names and activations do not decide what the second tensor is: of eleven public models with a tensor called
z_log_sigma six take exp(v) of it, four exp(v/2), and one v itself. They are shown with the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vae_export.core.evidence import Evidence
from vae_export.core.parametrisation import PARAMETRISATIONS
from vae_export.core.question import Answer, Question
from vae_export.core.told import Told
from vae_export.errors import InputError, ModelError, QuestionError
from vae_export.split.graph import Call, Graph, Value, calls_between
from vae_export.split.posterior import Posterior, Slot, split_slots
from vae_export.split.region import run_calls

__all__ = [
    "KINDS_BY_NAME",
    "OpenSite",
    "kind_by_name",
    "names_of",
    "posterior_of_stand_in",
    "roles_of",
    "spread_index",
    "told_posterior",
    "with_moments",
]

Array = np.ndarray[Any, Any]

# Patterns of names for v, the more specific first.
KINDS_BY_NAME = (
    ("log-variance", r"log_?_?(sigma)?_?(var|sq)|log_?sigma_?2|lnvar|logv\b"),
    ("log-std", r"log_?(std|sd|sigma|scale)"),
    ("variance", r"var(iance)?\b"),
    ("std", r"std|stddev|sigma|scale"),
)
_MEAN = r"mean|mu\b|loc\b"
# Activations and operations whose output is never negative.
_NEVER_NEGATIVE = {
    "softplus", "exp", "exponential", "relu", "sigmoid", "softmax", "square", "abs", "absolute",
}  # fmt: skip


@dataclass(frozen=True)
class OpenSite:
    """A sampling site of which the tensors are known, and not what is done with them.

    Attributes:
        where: the model and the layer, for messages.
        why: why its code does not tell, and how to give it.
        graph: the graph that computes the tensors.
        slots: mu and v, in the order of the arguments.
        names: of both.
        settings: of the layer that may scale epsilon, by name.
    """

    where: str
    why: str
    graph: Graph
    slots: tuple[Slot, ...]
    names: tuple[str, ...]
    settings: Mapping[str, float]

    @property
    def keys(self) -> list[str]:
        """The names by which the user tells both tensors."""
        parts = self.names[0] == self.names[1]
        return [slot.key if parts else name for name, slot in zip(self.names, self.slots, strict=True)]


def posterior_of_stand_in(
    call: Call, graph: Graph, recorded: Mapping[Value, Array], told: Told, where: str
) -> Posterior | None:
    """The posterior of a layer without code, as told; None if its tensors are not those of a sampling layer.

    Args:
        call: of the stand-in.
        graph: the graph that has the call.
        recorded: one row of its inputs and outputs.
        told: by the user.
        where: what messages call the model.

    Raises:
        QuestionError: too little was told.
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
    stand_in = call.operation
    names = names_of(graph, slots)
    why = f"{stand_in.reason}; give {stand_in.way_out}, or"
    layer = f"{where}: layer {call.path!r}"
    return told_posterior(OpenSite(layer, why, graph, tuple(slots), names, stand_in.noise_settings()), told)


def told_posterior(site: OpenSite, told: Told) -> Posterior:
    """The posterior as the user told it.

    Raises:
        QuestionError: too little was told.
        InputError: a name that was told is none of both tensors'.
    """
    roles = roles_of(site, told)
    if roles is None or told.parametrisation is None or told.epsilon_scale is None:
        raise QuestionError(_question(site, told, roles), site)
    mu, spread, evidence = roles
    words = "told by the user"
    return Posterior(
        mu,
        spread,
        told.parametrisation,
        (Evidence("parametrisation", "told", words), Evidence("scale", "told", words), evidence),
        told.epsilon_scale,
    )


def names_of(graph: Graph, slots: Sequence[Slot]) -> tuple[str, ...]:
    """The names of two tensors; of the parts of one, those of what was concatenated to it."""
    makers = {value: call for call in graph.calls for value in call.outputs}
    values = [slot.value for slot in slots]
    maker = makers.get(values[0])
    if slots[0].axis is not None and maker is not None:
        operation, parts = maker.operation, list(maker.inputs)
        axis = getattr(operation, "axis", None)
        rank = len(values[0].shape)
        alike = len({value.shape for value in parts}) == 1 and len(parts) == 2
        if (
            type(operation).__name__ == "Concatenate"
            and alike
            and axis in (slots[0].axis, slots[0].axis + rank)
        ):
            values = parts
    return tuple(value.name.split("/")[-1] for value in values)


def roles_of(site: OpenSite, told: Told) -> tuple[Slot, Slot, Evidence] | None:
    """The slots of mu and v, as told or by telling names, and how they are known; None if neither tells.

    Raises:
        InputError: a name that was told is none of both tensors'.
    """
    return _told_roles(site, told) if told.mu is not None else _roles_by_names(site)


def with_moments(error: QuestionError, x: Array) -> QuestionError:
    """The same question with the second moment of the aggregate posterior beside each candidate.

    Of a VAE that learned its KL term the mean of mu**2 + sigma**2 over samples is near 1 in every active
    latent value: the posteriors make up the prior (Hoffman & Johnson 2016, "ELBO surgery").

    Args:
        error: with an open site.
        x: real samples ``[n, ...]``.
    """
    site: OpenSite = error.site
    graph = site.graph
    answers = []
    sources = [slot.value for slot in site.slots]
    try:
        (value,) = graph.inputs
        given = {value: x}
        arrays = run_calls(calls_between(graph, [value], sources), given, sources, training=False)
    # Conditional models, or samples that do not fit: the question is asked without figures.
    except (ValueError, ModelError):
        return error
    tensors = [
        np.asarray(slot.take(array), np.float64) for slot, array in zip(site.slots, arrays, strict=True)
    ]
    for answer in error.question.answers:
        mu, v = tensors if not answer.swapped else tensors[::-1]
        with np.errstate(over="ignore", invalid="ignore"):
            sigma = answer.scale * PARAMETRISATIONS[answer.parametrisation].sigma(v)
            moment = float((mu**2 + sigma**2).mean())
        figure = f"{moment:.3g}" if np.isfinite(moment) else "no number"
        words = f"mean of mu² + sigma² over {len(x)} samples: {figure}"
        answers.append(replace(answer, evidence=(*answer.evidence, words)))
    why = "of a VAE that learned its KL term the mean of mu² + sigma² is near 1"
    return QuestionError(replace(error.question, answers=tuple(answers), hint=why), site)


def spread_index(names: Sequence[str]) -> int | None:
    """Index of v among two tensors, if one is named like a mean and the other like a spread; else None."""
    means = [bool(re.search(_MEAN, name.lower())) for name in names]
    spreads = [kind_by_name(name) is not None for name in names]
    for index in (0, 1):
        if means[1 - index] and spreads[index] and not means[index]:
            return index
    return None


def kind_by_name(name: str) -> str | None:
    """The parametrisation that a tensor is named after; None if it is named after none."""
    lower = name.lower()
    return next((kind for kind, pattern in KINDS_BY_NAME if re.search(pattern, lower)), None)


def _told_roles(site: OpenSite, told: Told) -> tuple[Slot, Slot, Evidence]:
    keys = site.keys
    for option, name in (("mu", told.mu), ("logvar", told.logvar)):
        if name not in keys:
            raise InputError(f"{site.where}: {option}: got {name}, expected one of {', '.join(keys)}")
    first, second = (keys.index(str(name)) for name in (told.mu, told.logvar))
    return site.slots[first], site.slots[second], Evidence("mu", "told", "told by the user")


def _roles_by_names(site: OpenSite) -> tuple[Slot, Slot, Evidence] | None:
    which = spread_index(site.names)
    if which is None:
        return None
    words = f"the names {site.names[1 - which]!r} and {site.names[which]!r} tell mu from v"
    return site.slots[1 - which], site.slots[which], Evidence("mu", "read from names", words)


def _question(site: OpenSite, told: Told, roles: tuple[Slot, Slot, Evidence] | None) -> Question:
    keys = site.keys
    orders = [(0, 1), (1, 0)]
    if roles is not None:
        orders = [(site.slots.index(roles[0]), site.slots.index(roles[1]))]
    scale = told.epsilon_scale or next(iter(site.settings.values()), 1.0)
    kinds = [told.parametrisation] if told.parametrisation else list(PARAMETRISATIONS)
    answers = []
    for mu, spread in orders:
        for kind in kinds:
            options: list[str] = []
            if roles is None:
                options += ["--mu", keys[mu], "--logvar", keys[spread]]
            if told.parametrisation is None:
                options += ["--parametrisation", kind]
            if told.epsilon_scale is None:
                options += ["--epsilon-scale", f"{scale:g}"]
            formula = PARAMETRISATIONS[kind].formula
            factor = "" if scale == 1 else f"{scale:g} · "
            meaning = f"z = mu + {factor}{formula} · epsilon, mu = {keys[mu]}, v = {keys[spread]}"
            evidence = tuple(_evidence(site, kind, site.names[spread], site.slots[spread]))
            answers.append(
                Answer(tuple(options), meaning, evidence, kind, scale, swapped=(mu, spread) == (1, 0))
            )
    missing = [
        *(["--mu and --logvar"] if roles is None else []),
        *(["--parametrisation"] if told.parametrisation is None else []),
        *(["--epsilon-scale"] if told.epsilon_scale is None else []),
    ]
    return Question(site.where, ", ".join(missing), site.why, tuple(answers))


def _evidence(site: OpenSite, kind: str, name: str, slot: Slot) -> list[str]:
    """What speaks for or against a parametrisation of a tensor."""
    found = []
    if kind_by_name(name) == kind:
        found.append(f"the name {name!r} is that of a {kind}, which is not always true")
    activation = _activation(site.graph, slot.value)
    if activation in _NEVER_NEGATIVE and kind in ("log-variance", "log-std"):
        found.append(
            f"against it: v comes from {activation} and is never negative, so sigma is never below 1"
        )
    if activation == "linear" and kind in ("std", "variance"):
        found.append("against it: v may be negative")
    found += [f"the layer has {setting}={value:g}" for setting, value in site.settings.items()]
    return found


def _activation(graph: Graph, value: Value) -> str | None:
    """The activation that makes a value; None if it is not known."""
    maker = next((call for call in graph.calls if value in call.outputs), None)
    if maker is None:
        return None
    activation = getattr(maker.operation, "activation", None)
    return getattr(activation, "__name__", None) or type(maker.operation).__name__.lower()
