"""Compare the call() of a subclassed model with its joined encoder and decoder, with known noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from keras import tree

from vae_export.errors import ModelError, SamplingSiteError
from vae_export.split.example_inputs import random_array
from vae_export.split.graph import Graph, calls_between, own_words
from vae_export.split.known_noise import KnownNoise
from vae_export.split.region import run_calls, variables_restored
from vae_export.split.sampling_site import SamplingSite

__all__ = ["sites_matching_call"]

Array = np.ndarray[Any, Any]

ROWS = 8
# Relative to the largest value; another order of the same operations differs by far less.
TOLERANCE = 1e-4
_WAY_OUT = (
    "build the whole as one functional model, or give encoder and decoder alone (encoder=..., decoder=..., "
    "or --encoder and --decoder)"
)


def sites_matching_call(
    model: Any, graph: Graph, sites: Sequence[SamplingSite], where: str
) -> tuple[list[SamplingSite], bool]:
    """The candidate sites with which encoder and decoder compute what the model's call() computes.

    Args:
        model: subclassed, with a call().
        graph: its encoder and decoder; z is an input of the decoder's calls.
        sites: candidates.
        where: what messages call the model.

    Returns:
        The matching sites, and whether noise was part of the comparison; without noise it proves mu alone.

    Raises:
        ModelError: call() cannot be run on the inputs of encoder and decoder, or computes something else.
        SamplingSiteError: call() draws noise in another way than once from N(0, 1).
    """
    rng = np.random.default_rng(0)
    trials = list(_trials(graph, rng))
    known = _callable_on(model, graph, trials[0], False, where)
    z_shape = (ROWS, *sites[0].latent_shape)
    if known.draws and (known.draws > 1 or known.shape != z_shape):
        got = f"{known.draws} draws" if known.shape is None else f"one draw of shape {known.shape}"
        raise SamplingSiteError(
            f"{where}: call() has {got} of noise, expected one draw of the shape of z, {z_shape}; {_WAY_OUT}"
        )
    differences = _differences(known, graph, sites, trials, rng)
    agreeing = [site for site in sites if differences[site] <= TOLERANCE]
    if not agreeing:
        least = min(differences.values())
        how = "" if least == np.inf else f" (it differs by {least:.2g} of the largest value)"
        raise ModelError(
            f"{where}: call() computes something else than decoder(mu + sigma * epsilon) of its encoder and "
            f"decoder{how}, expected nothing before, between and after them; {_WAY_OUT}"
        )
    if known.draws:
        return agreeing, True
    # call() computes decoder(mu), as many do in inference; in training it may draw.
    known = _callable_on(model, graph, trials[0], True, where)
    if known.draws != 1 or known.shape != z_shape:
        return agreeing, False
    differences = _differences(known, graph, agreeing, trials, rng)
    drawn = [site for site in agreeing if differences[site] <= TOLERANCE]
    return (drawn, True) if drawn else (agreeing, False)


def _trials(graph: Graph, rng: np.random.Generator) -> Iterator[list[Array]]:
    """Inputs in [0, 1), in [-30, 30) and in [0, 255): call() may clip its inputs or tensors after them."""
    arrays = [random_array(graph, value, ROWS, rng) for value in graph.inputs]
    yield arrays
    for low, high in ((-30.0, 30.0), (0.0, 255.0)):
        yield [
            np.asarray(rng.uniform(low, high, array.shape), array.dtype) if array.dtype.kind == "f" else array
            for array in arrays
        ]


def _differences(
    known: KnownNoise,
    graph: Graph,
    sites: Sequence[SamplingSite],
    trials: Sequence[Sequence[Array]],
    rng: np.random.Generator,
) -> dict[SamplingSite, float]:
    """Largest relative difference of call() and decoder(mu + sigma * epsilon), for each site."""
    worst = dict.fromkeys(sites, 0.0)
    for arrays in trials:
        shape = (ROWS, *sites[0].latent_shape)
        # Twice as wide as N(0, 1), so that clipped noise is detected.
        epsilon = 2.0 * rng.standard_normal(shape) if known.draws else np.zeros(shape)
        expected = known(arrays, epsilon if known.draws else None)
        for site in sites:
            outputs = _joined(graph, site, arrays, epsilon)
            difference = _difference(outputs, expected, may_overflow=arrays is not trials[0])
            worst[site] = max(worst[site], difference)
    return worst


def _callable_on(model: Any, graph: Graph, arrays: Sequence[Array], training: bool, where: str) -> KnownNoise:
    failures: list[Exception] = []
    for form in _forms(graph):

        def run(*given: Any, form: Any = form) -> list[Any]:
            return _reconstruction_first(model(*form(given), training=training))

        with variables_restored([model]):
            known = KnownNoise(run, arrays, [model])
        if known.failure is None:
            return known
        failures.append(known.failure)
    names = ", ".join(f"{value.name!r} {value.shape}" for value in graph.inputs)
    raise ModelError(
        f"{where}: call() cannot be run on the inputs of its encoder and decoder, {names} "
        f"({own_words(failures[0])}), and may do more than join them; {_WAY_OUT}"
    )


def _reconstruction_first(outputs: Any) -> list[Any]:
    """The outputs of a model, flat; of a dict the reconstruction comes first."""
    if isinstance(outputs, Mapping):
        names = sorted(outputs, key=lambda name: "recon" not in str(name).lower())
        return [tensor for name in names for tensor in tree.flatten(outputs[name])]
    return list(tree.flatten(outputs))


def _forms(graph: Graph) -> Iterator[Any]:
    """Ways to pass the inputs to a model: one alone, a list, a dict, or arguments."""
    names = [value.name for value in graph.inputs]
    if len(names) == 1:
        yield lambda given: given
        return
    yield lambda given: [list(given)]
    yield lambda given: [dict(zip(names, given, strict=True))]
    yield lambda given: given


def _joined(graph: Graph, site: SamplingSite, arrays: Sequence[Array], epsilon: Array) -> list[Array]:
    posterior = site.posterior
    given = dict(zip(graph.inputs, arrays, strict=True))
    sources = [posterior.mu.value, posterior.spread.value]
    mu, spread = run_calls(calls_between(graph, graph.inputs, sources), given, sources, training=False)
    v = np.asarray(posterior.spread.take(spread), np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        sigma = posterior.epsilon_scale * posterior.sigma(v)
        z = (np.asarray(posterior.mu.take(mu), np.float64) + sigma * epsilon).astype(np.float32)
    known = {**given, site.z: z}
    return run_calls(calls_between(graph, known, graph.outputs), known, graph.outputs, training=False)


def _difference(outputs: Sequence[Array], expected: Sequence[Array], may_overflow: bool) -> float:
    """Largest relative difference of outputs and expected ones of their shapes; infinite if one is missing.

    Extreme inputs may overflow, and which values do depends on the order of operations.
    """
    left = list(expected)
    worst = 0.0
    for output in outputs:
        index = next((index for index, array in enumerate(left) if array.shape == output.shape), None)
        if index is None:
            return np.inf
        array = left.pop(index)
        comparable = np.isfinite(output)
        if not (np.isfinite(array[comparable]).all() and (may_overflow or comparable.all())):
            return np.inf
        scale = max(float(np.abs(output[comparable]).max(initial=0.0)), 1e-30)
        worst = max(worst, float(np.abs(array - output)[comparable].max(initial=0.0)) / scale)
    return worst
