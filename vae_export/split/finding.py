"""Find the sampling sites of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import keras
import numpy as np

from vae_export.core.told import NOTHING_TOLD, Told
from vae_export.errors import SamplingSiteError
from vae_export.split.diagnosis import describe_noise, find_quantiser
from vae_export.split.from_code import refuse_unknown_names, with_evidence_of_code
from vae_export.split.graph import Call, Graph, descendants
from vae_export.split.graph_run import GraphRun, run_graph
from vae_export.split.probe import measured
from vae_export.split.recognisers import RECOGNISERS, Search
from vae_export.split.region import is_keras_own
from vae_export.split.sampling_site import SamplingSite
from vae_export.split.stand_in import class_name, is_inert

__all__ = ["find_sampling_sites", "has_noise"]

Array = np.ndarray[Any, Any]


def find_sampling_sites(graph: Graph, where: str, told: Told = NOTHING_TOLD) -> tuple[SamplingSite, ...]:
    """Find where z is drawn from mu and a second tensor.

    The model is run on identical rows; a call whose rows differ is random. The `RECOGNISERS` are shown these,
    and then the stand-ins of layers whose code is not at hand.

    Args:
        graph: the flat model.
        where: what messages call the model.
        told: by the user, of layers whose code is not at hand.

    Returns:
        One site, or several that do not depend on each other, in the order of the graph.

    Raises:
        QuestionError: something has to be told of a site.
        SamplingSiteError: no site, noise that no recogniser takes, or a site that depends on another.
    """
    stand_ins = [call for call in graph.calls if is_inert(call.operation)]
    # Some samplers pass mu through unless they are training; Keras' dropout is active only in training.
    for training in (False, True):
        run = run_graph(graph, training)
        if run.random or stand_ins:
            break
    else:
        raise SamplingSiteError(f"{where}: no sampling site; {_what_was_found(graph, run)}")
    sites: list[SamplingSite] = []
    strangers: list[Call] = []
    for call in (*run.random, *stand_ins):
        search = Search(graph, run, where, told, tuple(sites))
        site = _recognise(search, call)
        if site is None:
            strangers.append(call)
        else:
            sites.append(with_evidence_of_code(search, site))
    sites.sort(key=lambda site: graph.calls.index(site.calls[-1]))
    inside = {call for site in sites for call in site.calls}
    strangers = [call for call in strangers if call not in inside and _matters(graph, call)]
    # Noise in training alone, such as dropout, is harmless once the sampling layers are known.
    if strangers and not (run.training and sites):
        _refuse_strangers(strangers, sites, run, where)
    if not sites:
        raise SamplingSiteError(f"{where}: no sampling site; {_what_was_found(graph, run)}")
    _refuse_dependent(graph, sites, where)
    refuse_unknown_names([call for call in graph.calls if call not in inside], where)
    return tuple(sites)


def has_noise(graph: Graph) -> bool:
    """Whether a graph has a random call, or a stand-in for a layer that may draw."""
    if any(is_inert(call.operation) for call in graph.calls):
        return True
    return any(run_graph(graph, training).random for training in (False, True))


def _recognise(search: Search, call: Call) -> SamplingSite | None:
    found = (recogniser.recognise(search, call) for recogniser in RECOGNISERS)
    return next((site for site in found if site is not None), None)


def _refuse_strangers(
    strangers: Sequence[Call], sites: Sequence[SamplingSite], run: GraphRun, where: str
) -> NoReturn:
    """Raise for random calls that no recogniser takes."""
    if sites:
        names = ", ".join(f"{call.path!r} ({class_name(call.operation)})" for call in strangers)
        raise SamplingSiteError(
            f"{where}: layer {names} draws noise outside of the sampling layer {sites[0].layer_name!r}, "
            "expected none in inference; remove it, or call it with training=False"
        )
    refuse_unknown_names(strangers, where)
    regions = [run.region([call], run.random[call][0]) for call in strangers]
    plain = next(filter(None, map(describe_noise, regions)), None)
    if plain:
        raise SamplingSiteError(f"{where}: {plain}")
    raise SamplingSiteError(
        f"{where}: {'; '.join(map(measured, regions))}; expected noise around mu, mu + sigma * epsilon "
        "with independent epsilon ~ N(0, 1), for any mu and sigma; let the sampling layer take mu and a "
        "log-variance and leave all else to layers before or after it"
    )


def _matters(graph: Graph, call: Call) -> bool:
    """Whether an output of the graph depends on a call."""
    found = {value for output in call.outputs for value in descendants(graph, output)}
    return not found.isdisjoint(graph.outputs)


def _refuse_dependent(graph: Graph, sites: Sequence[SamplingSite], where: str) -> None:
    for site in sites:
        found = descendants(graph, site.z)
        for other in sites:
            if other is not site and not found.isdisjoint(other.inputs):
                raise SamplingSiteError(
                    f"{where}: the latent of layer {other.layer_name!r} depends on that of layer "
                    f"{site.layer_name!r} (a hierarchical VAE, or a decoder that draws what it returns), "
                    "expected latents that depend on x alone; export each level as a VAE of its own, and a "
                    "decoder without its last draw"
                )


def _what_was_found(graph: Graph, run: GraphRun) -> str:
    quantiser = find_quantiser(graph.calls, run.examples)
    if quantiser is not None:
        return (
            f"layer {quantiser.path!r} ({class_name(quantiser.operation)}) replaces vectors by those of a "
            "codebook: this is a VQ-VAE, which has no posterior to sample from and nothing to cut; convert "
            "its encoder and its decoder as they are, with a converter of your format"
        )
    candidates = [
        call
        for call in graph.calls
        if isinstance(call.operation, keras.Layer) and not is_keras_own(call.operation)
    ]
    if candidates:
        names = ", ".join(f"{call.path!r} ({class_name(call.operation)})" for call in candidates)
        found = f"no layer draws noise, not even the custom ones: {names}"
    else:
        kinds = sorted({class_name(call.operation) for call in graph.calls})
        found = f"found only {', '.join(kinds) or 'no layers'}"
    return (
        f"{found}; expected a layer that takes [mu, logvar] and returns z: save the full VAE with its "
        "sampling layer"
    )
