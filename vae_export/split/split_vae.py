"""Cut a VAE at its sampling sites."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import Any

from vae_export.core.artifact import TensorSpec
from vae_export.core.evidence import WAYS_OF_KNOWING, Evidence, How, Of, in_words
from vae_export.core.latent import Latent
from vae_export.core.told import NOTHING_TOLD, Told
from vae_export.errors import InputError, ModelError, SamplingSiteError
from vae_export.private.keras import layers_of
from vae_export.split.finding import find_sampling_sites
from vae_export.split.graph import Call, Graph, Value, calls_between, descendants, flatten, is_functional
from vae_export.split.graph_model import GraphModel, Target
from vae_export.split.input_shape import with_x_shape
from vae_export.split.keras_half import KerasHalf
from vae_export.split.pair import Pair, join, pair_in
from vae_export.split.sampling_site import SamplingSite
from vae_export.split.stand_in import UnseenCall
from vae_export.split.traced_call import CannotTraceError, trace_call

__all__ = ["SplitVae", "locate", "split", "split_graph"]

# Names that inputs of conditional models cannot have: graphs and golden arrays use them.
RESERVED = ("x", "mu", "logvar", "z", "epsilon", "reconstruction", "generated")
# How it is known, for messages.
_HOW_KNOWN: dict[How, str] = {
    "measured": "measured on the layer's own code",
    "read from code": "read from its code in the file",
    "told": "as told",
    "read from names": "by its name",
    "assumed": "by assumption",
}


@dataclass(frozen=True)
class SplitVae:
    """A VAE in two deterministic halves that share the weights of the original.

    Attributes:
        name: of the model.
        encoder: x and conditions ``[batch, ...]`` -> mu, logvar of each latent ``[batch, *latent]``.
        decoder: z of each latent and conditions -> reconstruction, or the outputs by their names.
        latents: in the order of the graph.
        sites: the sampling site of each latent.
        graph: the whole model.
        left_out: names of the model's outputs that are neither computed from z nor part of the posterior.
    """

    name: str
    encoder: KerasHalf
    decoder: KerasHalf
    latents: tuple[Latent, ...]
    sites: tuple[SamplingSite, ...]
    graph: Graph
    left_out: tuple[str, ...]

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Shape of one x, without the batch."""
        return tuple(self.encoder.model.inputs["x"].shape[1:])

    @property
    def inputs(self) -> dict[str, Value]:
        """x and the conditions, by name."""
        z = {latent.z for latent in self.latents}
        sources = {**self.encoder.model.sources, **self.decoder.model.sources}
        return {name: value for name, value in sources.items() if name not in z}

    @property
    def input_specs(self) -> dict[str, TensorSpec]:
        """Specs of x and the conditions, by name."""
        specs = {**self.encoder.inputs, **self.decoder.inputs}
        return {name: specs[name] for name in self.inputs}

    def describe_cut(self) -> str:
        """The sampling sites in one line, with evidence that was not measured."""
        return "; ".join(
            f"sampling layer {site.layer_name!r} ({site.layer_class}), latent "
            f"{'x'.join(map(str, site.latent_shape))}, {site.posterior.describe()}"
            + (f": {in_words(unproven)}" if (unproven := site.posterior.unproven) else "")
            for site in self.sites
        ) + (f"; outputs left out: {', '.join(self.left_out)}" if self.left_out else "")


def split(
    model: Any,
    name: str | None = None,
    *,
    told: Told = NOTHING_TOLD,
    x_shape: tuple[int, ...] | None = None,
) -> SplitVae:
    """Cut a Keras VAE into encoder and decoder.

    Args:
        model: see `locate`.
        name: what to call it; default the model's own name.
        told, x_shape: see `locate`.

    Raises:
        QuestionError: something has to be told of a sampling layer whose code is not at hand.
        SamplingSiteError: no sampling site, or one that no recogniser takes.
        ModelError: the model has no graph, or the decoder depends on x beside z.
    """
    name = name or model.name
    return split_graph(*locate(model, name, told=told, x_shape=x_shape), name)


def locate(
    model: Any,
    where: str,
    *,
    told: Told = NOTHING_TOLD,
    x_shape: tuple[int, ...] | None = None,
) -> tuple[Graph, tuple[SamplingSite, ...]]:
    """The graph of a model, and its sampling sites.

    Args:
        model: a functional model x -> reconstruction, alone or among other inputs and outputs, with one or
            more sampling sites between; a subclassed one whose call() can be traced, or with `encoder` and
            `decoder`; or a `Pair`.
        where: what messages call it.
        told: by the user, of sampling layers that cannot be measured.
        x_shape: shape of one x, if the model leaves sizes open.
    """
    graph, sites = _found(model, where, x_shape, told)
    sites = tuple(_with_notes(site, model) for site in sites)
    for site in sites:
        _refuse_contradiction(site, told, where)
    return graph, sites


def _with_notes(site: SamplingSite, model: Any) -> SamplingSite:
    """The site with assumptions on models in the model whose classes are not at hand."""
    models = (model.encoder, model.decoder) if isinstance(model, Pair) else (model,)
    notes = {part.note for one in models for part in layers_of(one) if isinstance(part, UnseenCall)}
    evidence = tuple(Evidence("cut", "assumed", note) for note in sorted(notes))
    posterior = replace(site.posterior, evidence=(*site.posterior.evidence, *evidence))
    return replace(site, posterior=posterior)


def _refuse_contradiction(site: SamplingSite, told: Told, where: str) -> None:
    """What was measured, or read from code, is known better than what is told."""
    posterior = site.posterior
    scale = posterior.epsilon_scale
    contradictions: tuple[tuple[Of, object, object, str], ...] = (
        ("parametrisation", told.parametrisation, posterior.parametrisation, "parametrisation"),
        ("scale", told.epsilon_scale, scale, "epsilon-scale"),
        ("mu", told.mu, posterior.mu.key if posterior.how("mu") != "told" else told.mu, "mu"),
    )
    for of, said, known, option in contradictions:
        if said is None or said == known or (of == "scale" and isclose(told.epsilon_scale or 0, scale)):
            continue
        raise InputError(
            f"{where}: layer {site.layer_name!r}: its {option.replace('-', ' ')} is {known}, "
            f"{_HOW_KNOWN[posterior.how(of)]}; --{option} says {said}, leave it out"
        )


def _found(
    model: Any, where: str, x_shape: tuple[int, ...] | None, told: Told
) -> tuple[Graph, tuple[SamplingSite, ...]]:
    if isinstance(model, Pair):
        return join(model, where, x_shape, told)
    if is_functional(model):
        return _in_graph(model, where, x_shape, told)
    pair = pair_in(model)
    try:
        return _in_graph(trace_call(model), where, x_shape, told)
    except CannotTraceError as error:
        if pair is None:
            raise ModelError(
                f"{where}: got a {type(model).__name__} without a graph of layers, {error}; expected a "
                "functional model, a call() of layers and keras.ops alone, or attributes `encoder` and "
                "`decoder`; rebuild it with keras.Input and keras.Model(inputs, outputs)"
            ) from error
    except SamplingSiteError as error:
        # Many models pass mu on in inference, and draw in training alone.
        if pair is None:
            try:
                return _in_graph(trace_call(model, training=True), where, x_shape, told)
            except (CannotTraceError, SamplingSiteError):
                raise error from None
    return join(pair, where, x_shape, told)


def _in_graph(
    model: Any, where: str, x_shape: tuple[int, ...] | None, told: Told
) -> tuple[Graph, tuple[SamplingSite, ...]]:
    graph = with_x_shape(flatten(model), x_shape, where)
    return graph, find_sampling_sites(graph, where, told)


def split_graph(graph: Graph, sites: Sequence[SamplingSite], name: str) -> SplitVae:
    """Cut a flat graph at its sampling sites; see `split`."""
    latents = _latents(sites)
    drawn = {latent.z: site.z for latent, site in zip(latents, sites, strict=True)}
    targets = _decoder_targets(graph, drawn.values(), name)
    posterior = _posterior_targets(latents, sites)
    _refuse_stateful(graph, name)
    decoder_calls = calls_between(graph, drawn.values(), targets.values())
    encoder_calls = calls_between(graph, graph.inputs, [target.value for target in posterior.values()])
    encoder_inputs = _used(graph, encoder_calls, [target.value for target in posterior.values()])
    decoder_inputs = _used(graph, decoder_calls, targets.values())
    x = _find_x(encoder_inputs, decoder_inputs, list(targets.values()), name)
    _refuse_shortcuts(graph, decoder_calls, x, drawn.values(), name)
    names = {value: "x" if value is x else _condition_name(value, latents) for value in graph.inputs}
    # x first.
    encoder_inputs.sort(key=lambda value: value is not x)
    sources = {names[value]: value for value in encoder_inputs}
    encoder = GraphModel("encoder", encoder_calls, sources, posterior)
    sources = {**drawn, **{names[value]: value for value in decoder_inputs}}
    decoder = GraphModel(
        "decoder", decoder_calls, sources, {key: Target(value) for key, value in targets.items()}
    )
    kept = {*targets.values(), *(value for site in sites for value in (*site.inputs, site.z))}
    left_out = tuple(
        name for name, value in zip(graph.output_names, graph.outputs, strict=True) if value not in kept
    )
    return SplitVae(name, KerasHalf(encoder), KerasHalf(decoder), latents, tuple(sites), graph, left_out)


def _latents(sites: Sequence[SamplingSite]) -> tuple[Latent, ...]:
    names = [site.name for site in sites]
    # Layers of different submodels may have one name.
    names = [site.layer_name.replace("/", "_") if names.count(site.name) > 1 else site.name for site in sites]
    # One layer may be called twice.
    names = [
        f"{name}_{names[:number].count(name) + 1}" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    ]
    endings = [f"_{name}" for name in names] if len(sites) > 1 else [""]
    return tuple(
        Latent(
            layer=site.layer_name,
            layer_class=site.layer_class,
            shape=site.latent_shape,
            mu=f"mu{ending}",
            logvar=f"logvar{ending}",
            epsilon=f"epsilon{ending}",
            z=f"z{ending}",
            stream=stream,
            parametrisation=site.posterior.parametrisation,
            mu_source=_source(site, "mu"),
            parametrisation_source=_source(site, "parametrisation"),
            epsilon_scale_source=_source(site, "scale"),
            assumptions=tuple(one.words for one in site.posterior.assumptions),
            epsilon_scale=site.posterior.epsilon_scale,
        )
        for stream, (site, ending) in enumerate(zip(sites, endings, strict=True))
    )


def _source(site: SamplingSite, of: Of) -> str:
    return WAYS_OF_KNOWING[site.posterior.how(of)].in_manifest


def _posterior_targets(latents: Sequence[Latent], sites: Sequence[SamplingSite]) -> dict[str, Target]:
    targets = {}
    for latent, site in zip(latents, sites, strict=True):
        posterior = site.posterior
        targets[latent.mu] = Target(posterior.mu.value, posterior.mu.take)
        targets[latent.logvar] = Target(posterior.spread.value, posterior.logvar)
    return targets


def _decoder_targets(graph: Graph, drawn: Collection[Value], where: str) -> dict[str, Value]:
    """The outputs that are computed from z, by name."""
    computed = {value for z in drawn for value in descendants(graph, z)} - set(drawn)
    targets = {
        name: value
        for name, value in zip(graph.output_names, graph.outputs, strict=True)
        if value in computed
    }
    if not targets:
        raise SamplingSiteError(
            f"{where}: nothing is computed from z, this is an encoder alone; export the full VAE, "
            "decoder(encoder(x))"
        )
    if len(targets) == 1:
        return {"reconstruction": next(iter(targets.values()))}
    return targets


def _used(graph: Graph, calls: Sequence[Call], targets: Iterable[Value]) -> list[Value]:
    """The inputs of the graph that calls use, or that are targets themselves."""
    used = {value for call in calls for value in call.inputs} | set(targets)
    return [value for value in graph.inputs if value in used]


def _find_x(encoder: list[Value], decoder: list[Value], targets: list[Value], where: str) -> Value:
    """The input of the encoder that is x; the others are conditions.

    Inputs that the decoder takes as well are conditions. Of several inputs of the encoder alone, x is the one
    shaped like the reconstruction.
    """
    # If the decoder takes all of them, one is x nevertheless: `_refuse_shortcuts` names its path around z.
    own = [value for value in encoder if value not in decoder] or encoder
    shapes = [value.shape for value in targets]
    alike = [value for value in own if value.shape in shapes] if len(own) > 1 else own
    if len(alike) != 1:
        names = ", ".join(f"{value.name!r} {value.shape}" for value in own)
        raise ModelError(
            f"{where}: got the inputs {names} for the encoder, expected one shaped like the reconstruction, "
            "and conditions that the decoder takes as well; merge them into one input"
        )
    (x,) = alike
    return x


def _condition_name(value: Value, latents: Sequence[Latent]) -> str:
    taken = {name for latent in latents for name in (latent.mu, latent.logvar, latent.epsilon, latent.z)}
    return f"{value.name}_input" if value.name in taken.union(RESERVED) else value.name


def _refuse_stateful(graph: Graph, where: str) -> None:
    for call in graph.calls:
        if getattr(call.operation, "stateful", False):
            raise ModelError(
                f"{where}: layer {call.path!r} ({type(call.operation).__name__}) is stateful, expected "
                "layers that begin anew with every batch; build it with stateful=False, the weights fit"
            )


def _refuse_shortcuts(
    graph: Graph, calls: Sequence[Call], x: Value, drawn: Iterable[Value], where: str
) -> None:
    """Raise if a call of the decoder depends on x other than through z."""
    from_x = descendants(graph, x)
    from_z = {value for z in drawn for value in descendants(graph, z)}
    for call in calls:
        if from_z.isdisjoint(call.outputs):
            continue
        for value in call.inputs:
            if value in from_x and value not in from_z:
                raise ModelError(
                    f"{where}: layer {call.path!r} of the decoder also depends on {value.name!r}, which "
                    "comes from x, expected it to depend on z and conditions; remove the connection around "
                    "the sampling layer"
                )
