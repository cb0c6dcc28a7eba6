"""Find the places where a VAE draws its noise, and what goes in there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn

import keras
import numpy as np

from vae_export.errors import ModelError, SamplingSiteError
from vae_export.split.assumed import assumed_posterior
from vae_export.split.example_inputs import random_array
from vae_export.split.graph import Call, Graph, Value, values_behind
from vae_export.split.posterior import Posterior
from vae_export.split.probe import identify, identify_outputs, measured
from vae_export.split.region import Region, is_keras_own, known_noise_of, repeated, run_calls
from vae_export.split.stand_in import StandIn

__all__ = ["SamplingSite", "find_sampling_sites", "has_noise"]

Array = np.ndarray[Any, Any]

# Rows of the pass that shows what is random, and what counts as a difference, relative to the largest
# value: vector units round the last values of an array in another way.
ROWS = 8
NOISE_FLOOR = 1e-5
# Rows drawn to judge a layer by its own outputs, and values of x that these may have together.
OUTPUT_ROWS, FEWEST_OUTPUT_ROWS = 2048, 32
OUTPUT_VALUES = 1 << 22
# Calls between a source of noise and z, at most: exp, scale, multiply, add and a few more.
LONGEST_WAY = 8


@dataclass(frozen=True)
class SamplingSite:
    """Where one latent is drawn, and how.

    Attributes:
        calls: what is cut out, in running order; empty where encoder and decoder came apart.
        posterior: how mu and log-variance come out of the encoder's tensors.
        z: what is drawn.
        latent_shape: of one z.
        layer_name: name of the sampling layer, with the models it is nested in.
        layer_class: its class.
        note: what is not known of it, for people.
    """

    calls: tuple[Call, ...]
    posterior: Posterior
    z: Value
    latent_shape: tuple[int, ...]
    layer_name: str
    layer_class: str
    note: str = ""

    @property
    def name(self) -> str:
        """Name of the layer alone, for the tensors of models with several latents."""
        return self.layer_name.split("/")[-1]

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values that the encoder has to compute."""
        return tuple(dict.fromkeys((self.posterior.mu.value, self.posterior.spread.value)))


def find_sampling_sites(graph: Graph, where: str, told: str | None = None) -> tuple[SamplingSite, ...]:
    """Find where z is drawn from mu and a second tensor.

    The model is run on equal rows; a call whose rows differ is random. What it draws is probed, if need
    be together with the operations behind it (exp, multiply, add) that make z of the noise.

    Args:
        graph: the flat model.
        where: what messages call the model.
        told: the parametrisation, if the user says so; for layers whose code is not at hand.

    Returns:
        One site, or several that do not depend on each other, in the order of the graph.

    Raises:
        SamplingSiteError: none, one that computes something else, or one that depends on another.
    """
    stand_ins = [call for call in graph.calls if isinstance(call.operation, StandIn)]
    # Some samplers pass mu through unless they are training; dropout in Keras' own layers speaks only then.
    for training in (False, True):
        run = _run(graph, training)
        if run.random or stand_ins:
            break
    else:
        raise SamplingSiteError(f"{where}: no sampling site; {_what_was_found(graph)}")
    sites, strangers = [], []
    for call in run.random:
        site = _site(graph, call, run)
        if site is None:
            strangers.append(call)
        else:
            sites.append(site)
    sites += _assumed_sites(graph, stand_ins, run.recorded, bool(sites), told, where)
    sites.sort(key=lambda site: graph.calls.index(site.calls[-1]))
    inside = {call for site in sites for call in site.calls}
    strangers = [call for call in strangers if call not in inside and _matters(graph, call)]
    # What draws in training only does not matter once the sampling layers are known.
    if strangers and not (run.training and sites):
        _refuse_strangers(strangers, sites, run, where)
    if not sites:
        raise SamplingSiteError(f"{where}: no sampling site; {_what_was_found(graph)}")
    _refuse_dependent(graph, sites, where)
    return tuple(sites)


def _refuse_strangers(
    strangers: Sequence[Call], sites: Sequence[SamplingSite], run: _Run, where: str
) -> NoReturn:
    """Noise that is not that of a sampling layer."""
    if sites:
        names = ", ".join(f"{call.path!r} ({type(call.operation).__name__})" for call in strangers)
        raise SamplingSiteError(
            f"{where}: layer {names} draws noise outside of the sampling layer {sites[0].layer_name!r}, "
            "expected none in inference; remove it, or call it with training=False"
        )
    regions = [run.region([call], run.random[call][0]) for call in strangers]
    raise SamplingSiteError(
        f"{where}: {'; '.join(map(measured, regions))}; expected noise around mu, mu + sigma * epsilon "
        "with independent epsilon ~ N(0, 1), for any mu and sigma; let the sampling layer take mu and a "
        "log-variance and leave all else to layers before or behind it"
    )


def has_noise(graph: Graph) -> bool:
    """Whether anything in a graph draws noise, or stands in for a layer that may."""
    if any(isinstance(call.operation, StandIn) for call in graph.calls):
        return True
    return any(_run(graph, training).random for training in (False, True))


@dataclass(frozen=True)
class _Run:
    """What a graph computes when it is run.

    Attributes:
        recorded: one row of every value.
        examples: several rows of every value, of different x.
        random: the random outputs of the calls that have any.
        training: how layers that ask were called.
    """

    recorded: Mapping[Value, Array]
    examples: Mapping[Value, Array]
    random: Mapping[Call, list[Value]]
    training: bool

    def region(self, calls: Sequence[Call], z: Value) -> Region:
        return Region(tuple(calls), z, self.recorded, self.examples, self.training)


def _run(graph: Graph, training: bool) -> _Run:
    """Run a graph on equal rows, where what differs is random.

    What a random call made goes on with its first row, so that what is behind it is judged alone.
    """
    rng = np.random.default_rng(0)
    recorded = {value: random_array(graph, value, 1, rng) for value in graph.inputs}
    random = {}
    for call in graph.calls:
        given = {value: repeated(recorded[value], ROWS) for value in set(call.inputs)}
        try:
            made = again = run_calls([call], given, call.outputs, training)
        except ModelError as error:
            if "ncompatible shapes" not in str(error):
                raise
            raise ModelError(
                f"{error} (on a batch of {ROWS}); noise for a fixed batch has to follow keras.ops.shape(mu)"
            ) from error
        if _may_draw(call) and not is_keras_own(call.operation):
            # Noise that all rows share differs from call to call.
            again = run_calls([call], given, call.outputs, training, times=2)
        differing = [
            value
            for value, one, other in zip(call.outputs, made, again, strict=True)
            if (one.ndim and _differs(one[:1], one)) or _differs(one, other)
        ]
        if differing and _may_draw(call):
            random[call] = differing
        rows = (array[:1] if array.ndim else array for array in made)
        recorded.update(zip(call.outputs, rows, strict=True))
    different = {value: random_array(graph, value, ROWS, rng) for value in graph.inputs}
    values = [value for call in graph.calls for value in call.outputs]
    made = run_calls(graph.calls, different, values, training)
    examples = {**different, **dict(zip(values, made, strict=True))}
    return _Run(recorded, examples, random, training)


def _may_draw(call: Call) -> bool:
    return isinstance(call.operation, keras.Layer) and not isinstance(call.operation, StandIn)


def _differs(one: Array, other: Array) -> bool:
    if not np.issubdtype(one.dtype, np.floating):
        return bool((one != other).any())
    scale = np.abs(other[np.isfinite(other)]).max(initial=0.0)
    return bool((np.abs(one - other) > NOISE_FLOOR * scale).any())


def _site(graph: Graph, call: Call, run: _Run) -> SamplingSite | None:
    for z in run.random[call]:
        region = run.region([call], z)
        posterior = identify(region)
        if posterior is not None:
            return _made_of(*_reach_back(graph, region, posterior, run), call)
    if len(call.outputs) > 2:
        return _site_of_outputs(graph, call, run)
    for region in _ways_behind(graph, call, run):
        posterior = identify(region)
        if posterior is not None:
            return _made_of(*_reach_back(graph, region, posterior, run), call)
    return None


def _made_of(region: Region, posterior: Posterior, call: Call) -> SamplingSite:
    name, layer_class = call.path, type(call.operation).__name__
    return SamplingSite(region.calls, posterior, region.z, region.z_shape, name, layer_class)


def _site_of_outputs(graph: Graph, call: Call, run: _Run) -> SamplingSite | None:
    """A layer with weights of its own that returns mu, v and z at once."""
    rng = np.random.default_rng(0)
    # Layers of pictures need memory for every row.
    most = max(prod(size or 1 for size in value.shape[1:]) for value in graph.inputs)
    rows = max(FEWEST_OUTPUT_ROWS, min(OUTPUT_ROWS, OUTPUT_VALUES // most))
    arrays = {value: random_array(graph, value, rows, rng) for value in graph.inputs}
    before = graph.calls[: graph.calls.index(call) + 1]
    known = known_noise_of(before, arrays, call.outputs, run.training)
    if known is None:
        epsilon, made = None, run_calls(before, arrays, call.outputs, run.training)
    else:
        epsilon = rng.standard_normal(known.shape or ())
        made = known(list(arrays.values()), epsilon)
    drawn = dict(zip(call.outputs, made, strict=True))
    for z in run.random[call]:
        if epsilon is not None and epsilon.shape != drawn[z].shape:
            continue
        others = {
            value: array
            for value, array in drawn.items()
            if value not in run.random[call] and array.shape == drawn[z].shape
        }
        region = run.region([call], z)
        posterior = identify_outputs(drawn[z].astype(np.float64), others, region, epsilon)
        if posterior is not None:
            return _made_of(region, posterior, call)
    return None


def _ways_behind(graph: Graph, call: Call, run: _Run) -> Iterator[Region]:
    """Regions that begin with a source of noise and take in one more operation behind it at a time."""
    calls, end = [call], call.outputs[0]
    for _ in range(LONGEST_WAY):
        behind = [other for other in graph.calls if end in other.inputs]
        if len(behind) != 1 or len(behind[0].outputs) != 1:
            return
        calls.append(behind[0])
        end = behind[0].outputs[0]
        yield run.region(calls, end)


def _reach_back(graph: Graph, region: Region, posterior: Posterior, run: _Run) -> tuple[Region, Posterior]:
    """Take in the operations that make v, as long as that shows what v was made of.

    exp(0.5 * logvar) in the graph is better known by logvar than by its value, which over- and underflows.
    """
    makers = {value: call for call in graph.calls for value in call.outputs}
    while posterior.parametrisation != "log-variance" and posterior.spread.axis is None:
        maker = makers.get(posterior.spread.value)
        if maker is None or len(maker.inputs) != 1 or _has_weights(maker):
            break
        wider = run.region([maker, *region.calls], region.z)
        found = identify(wider)
        if found is None:
            break
        region, posterior = wider, found
    return region, posterior


def _has_weights(call: Call) -> bool:
    return bool(getattr(call.operation, "weights", []))


def _assumed_sites(
    graph: Graph,
    stand_ins: Sequence[Call],
    recorded: Mapping[Value, Array],
    others: bool,
    told: str | None,
    where: str,
) -> list[SamplingSite]:
    sites = []
    for call in stand_ins:
        posterior = None if others else assumed_posterior(call, graph, recorded, told, where)
        if posterior is None:
            raise SamplingSiteError(f"{where}: {call.operation.explain(call.path)}")
        z = call.outputs[0]
        shape = tuple(recorded[z].shape[1:])
        sites.append(SamplingSite((call,), posterior, z, shape, call.path, call.operation.missing_class))
    return sites


def _matters(graph: Graph, call: Call) -> bool:
    """Whether any output depends on a call."""
    behind = {value for output in call.outputs for value in values_behind(graph, output)}
    return not behind.isdisjoint(graph.outputs)


def _refuse_dependent(graph: Graph, sites: Sequence[SamplingSite], where: str) -> None:
    for site in sites:
        behind = values_behind(graph, site.z)
        for other in sites:
            if other is not site and not behind.isdisjoint(other.inputs):
                raise SamplingSiteError(
                    f"{where}: the latent of layer {other.layer_name!r} depends on that of layer "
                    f"{site.layer_name!r} (a hierarchical VAE, or a decoder that draws what it returns), "
                    "expected latents that depend on x alone; export each level as a VAE of its own, and a "
                    "decoder without its last draw"
                )


def _what_was_found(graph: Graph) -> str:
    candidates = [
        call
        for call in graph.calls
        if isinstance(call.operation, keras.Layer) and not is_keras_own(call.operation)
    ]
    if candidates:
        names = ", ".join(f"{call.path!r} ({type(call.operation).__name__})" for call in candidates)
        found = f"no layer draws noise, not even the custom ones: {names}"
    else:
        kinds = sorted({type(call.operation).__name__ for call in graph.calls})
        found = f"found only {', '.join(kinds) or 'no layers'}"
    return (
        f"{found}; expected a layer that takes [mu, logvar] and returns z: save the full VAE with its "
        "sampling layer"
    )
