"""Hold what the call() of a subclassed model computes against its encoder and decoder joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from vae_export.errors import ModelError, SamplingSiteError, one_line
from vae_export.split.example_inputs import random_array
from vae_export.split.graph import Graph, calls_between
from vae_export.split.known_noise import KnownNoise
from vae_export.split.posterior import Posterior
from vae_export.split.region import run_calls, variables_restored
from vae_export.split.sampling_site import SamplingSite

__all__ = ["those_that_call_agrees_with"]

Array = np.ndarray[Any, Any]

ROWS = 8
# Of the largest value: code that computes the same in another order is far below.
TOLERANCE = 1e-4
_WAY_OUT = (
    "build the whole as one functional model, or give encoder and decoder alone (encoder=..., decoder=..., "
    "or --encoder and --decoder)"
)


def those_that_call_agrees_with(
    model: Any, graph: Graph, sites: Sequence[SamplingSite], where: str
) -> list[SamplingSite]:
    """Of several ideas of where and how z is drawn, those with which a model's own call() agrees.

    Args:
        model: subclassed, with a call().
        graph: its encoder and decoder; z is an input of the decoder's calls.
        sites: what may be.
        where: what messages call the model.

    Raises:
        ModelError: call() cannot be run on the inputs of encoder and decoder, or computes something else.
        SamplingSiteError: call() draws noise in another way than once from N(0, 1).
    """
    rng = np.random.default_rng(0)
    arrays = [random_array(graph, value, ROWS, rng) for value in graph.inputs]
    known = _callable_on(model, graph, arrays, where)
    z_shape = (ROWS, *sites[0].latent_shape)
    if known.draws and (known.draws > 1 or known.shape != z_shape):
        got = f"{known.draws} places" if known.shape is None else f"one place, of shape {known.shape}"
        raise SamplingSiteError(
            f"{where}: call() draws noise in {got}, expected one draw of the shape of z, {z_shape}; "
            f"{_WAY_OUT}"
        )
    # Without noise of its own, as many are in inference, it is decoder(mu).
    epsilon = rng.standard_normal(z_shape) if known.draws else np.zeros(z_shape)
    expected = known(arrays, epsilon if known.draws else None)
    worst = [_difference(_joined(graph, site, arrays, epsilon), expected) for site in sites]
    agreeing = [site for site, difference in zip(sites, worst, strict=True) if difference <= TOLERANCE]
    if not agreeing:
        how = "" if min(worst) == np.inf else f" (it differs by {min(worst):.2g} of the largest value)"
        raise ModelError(
            f"{where}: call() computes something else than decoder(mu + sigma * epsilon) of its encoder and "
            f"decoder{how}, expected nothing before, between and behind them; {_WAY_OUT}"
        )
    return agreeing


def _callable_on(model: Any, graph: Graph, arrays: Sequence[Array], where: str) -> KnownNoise:
    failures = []
    for form in _forms(graph):
        with variables_restored([model]):
            known = KnownNoise(lambda *given, form=form: model(*form(given), training=False), arrays, [model])
        if known.draws is not None:
            return known
        failures.append(known.failure)
    names = ", ".join(f"{value.name!r} {value.shape}" for value in graph.inputs)
    raise ModelError(
        f"{where}: call() cannot be run on the inputs of its encoder and decoder, {names} "
        f"({one_line(failures[0])}), and may do more than join them; {_WAY_OUT}"
    )


def _forms(graph: Graph) -> Iterator[Any]:
    """How a model may take its inputs: alone, as a list, as a dict, as arguments."""
    names = [value.name for value in graph.inputs]
    if len(names) == 1:
        yield lambda given: given
        return
    yield lambda given: [list(given)]
    yield lambda given: [dict(zip(names, given, strict=True))]
    yield lambda given: given


def _joined(graph: Graph, site: SamplingSite, arrays: Sequence[Array], epsilon: Array) -> list[Array]:
    posterior: Posterior = site.posterior
    given = dict(zip(graph.inputs, arrays, strict=True))
    sources = [posterior.mu.value, posterior.spread.value]
    mu, spread = run_calls(calls_between(graph, graph.inputs, sources), given, sources, training=False)
    sigma = posterior.epsilon_scale * posterior.sigma(np.asarray(posterior.spread.take(spread), np.float64))
    z = np.asarray(posterior.mu.take(mu), np.float64) + sigma * epsilon
    known = {**given, site.z: z.astype(np.float32)}
    return run_calls(calls_between(graph, known, graph.outputs), known, graph.outputs, training=False)


def _difference(outputs: Sequence[Array], expected: Sequence[Array]) -> float:
    """How far the outputs are from the nearest of what was expected, relative; infinite without any."""
    worst = 0.0
    for output in outputs:
        alike = [array for array in expected if array.shape == output.shape]
        scale = max(float(np.abs(output).max()), 1e-30)
        distances = [float(np.abs(array - output).max()) / scale for array in alike]
        # Written so that NaN counts as far.
        worst = max(worst, min((d for d in distances if d >= 0), default=np.inf))
    return worst
