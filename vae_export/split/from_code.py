"""Sampling sites whose layers are Lambdas: what is known of them is read from the code in the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isclose

from vae_export.core.evidence import Evidence
from vae_export.core.question import Question
from vae_export.errors import QuestionError, SamplingSiteError
from vae_export.split.graph import Call
from vae_export.split.lambdas.layer import ReadLambda
from vae_export.split.posterior import Posterior
from vae_export.split.probe import identify
from vae_export.split.recognisers import Search
from vae_export.split.sampling_site import SamplingSite

__all__ = ["refuse_unknown_names", "with_evidence_of_code"]


def with_evidence_of_code(search: Search, site: SamplingSite) -> SamplingSite:
    """The site with evidence that says so, if what was probed is code that was read from the file.

    Raises:
        QuestionError: the code scales epsilon by a name whose value is not in the file.
        SamplingSiteError: such a name changes something else.
    """
    layers = [
        call.operation
        for call in site.calls
        if isinstance(call.operation, ReadLambda) and not call.operation.inert
    ]
    if not layers:
        return site
    code = " and ".join(f"`{layer.text()}`" for layer in layers)
    posterior = site.posterior
    evidence = [
        replace(one, how="read from code", words=f"the file's code is {code}; computed, {one.words}")
        if one.of == "parametrisation"
        else replace(one, how="read from code")
        for one in posterior.evidence
        if one.how == "measured"
    ]
    for layer in layers:
        for name in layer.unknown:
            _require_scale(search, site, layer, name, code)
            scale = search.told.epsilon_scale
            if scale is None:
                where = f"{search.where}: layer {site.layer_name!r}"
                factor = posterior.epsilon_scale
                product = name if factor == 1 else f"{factor:g} · {name}"
                why = f"its code, {code}, scales epsilon by {product}, and {name} is not in the file; give "
                why += f"--custom-objects a file with `{name} = ` its value, or"
                raise QuestionError(Question(where, f"--epsilon-scale, the value of {product}", why))
            posterior = replace(posterior, epsilon_scale=scale)
            evidence.append(Evidence("scale", "told", f"{name} in its code, told by the user"))
        sizes = [
            f"{name} for the {'batch' if size is None else f'{size} of its input'}"
            for name, size in layer.sizes.items()
        ]
        if sizes:
            words = (
                f"sizes of the noise that are not in the file are taken as those of mu: {', '.join(sizes)}"
            )
            evidence.append(Evidence("scale", "assumed", words))
    return replace(site, posterior=replace(posterior, evidence=tuple(evidence)))


def refuse_unknown_names(calls: Iterable[Call], where: str) -> None:
    """Refuse code outside of sampling sites that needs the value of a name.

    Raises:
        SamplingSiteError: a call has such code.
    """
    for call in calls:
        layer = call.operation
        if isinstance(layer, ReadLambda) and not layer.inert and layer.unknown:
            _ask_for_values(f"{where}: layer {call.path!r}", layer.unknown, f"`{layer.text()}`")


def _require_scale(search: Search, site: SamplingSite, layer: ReadLambda, name: str, code: str) -> None:
    """Raise unless a name is a factor of epsilon alone.

    Raises:
        SamplingSiteError: the site with twice the value is not the same with twice the scale.
    """
    with layer.assuming(name, 2.0):
        twice = identify(search.run.region(site.calls, site.z))
    if twice is None or not _is_scaled(site.posterior, twice, 2.0):
        _ask_for_values(f"{search.where}: layer {site.layer_name!r}", [name], code)


def _is_scaled(one: Posterior, other: Posterior, factor: float) -> bool:
    same = replace(other, epsilon_scale=one.epsilon_scale, evidence=one.evidence)
    return same == one and isclose(other.epsilon_scale, factor * one.epsilon_scale, rel_tol=1e-5)


def _ask_for_values(where: str, names: Sequence[str], code: str) -> None:
    raise SamplingSiteError(
        f"{where}: its code, {code}, uses {', '.join(names)}, whose value is not in the file; give "
        f"--custom-objects a file with `{names[0]} = ` its value"
    )
