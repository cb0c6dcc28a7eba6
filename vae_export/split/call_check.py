"""Compare the call() of a subclassed model with its joined encoder and decoder, with known noise."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import tree

from vae_export.core.rounding import CEILING, allowed_errors, channel_maxima, movement, rounding_errors
from vae_export.errors import ModelError, SamplingSiteError
from vae_export.split.example_inputs import random_array
from vae_export.split.graph import Graph, Value, calls_between, own_words
from vae_export.split.graph_model import GraphModel, Target
from vae_export.split.keras_half import KerasHalf
from vae_export.split.known_noise import KnownNoise
from vae_export.split.region import run_calls, variables_restored
from vae_export.split.sampling_site import SamplingSite

__all__ = ["sites_matching_call"]

Array = np.ndarray[Any, Any]

ROWS = 8
# Times the largest value of a channel; more where rounding moves encoder and decoder further, as for
# artifacts.
TOLERANCE = 1e-5
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
    compared = _compare(known, graph, sites, trials, rng)
    agreeing = [site for site in sites if compared[site].within_rounding]
    if not agreeing:
        least = min(comparison.difference for comparison in compared.values())
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
    compared = _compare(known, graph, agreeing, trials, rng)
    drawn = [site for site in agreeing if compared[site].within_rounding]
    if not drawn and agreeing[0].by_sampler:
        raise ModelError(
            f"{where}: call() draws z in training in another way than its {agreeing[0].layer_name!r} does, "
            f"expected the same; {_WAY_OUT}"
        )
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


@dataclass(frozen=True)
class _Comparison:
    """The difference of call() and decoder(mu + sigma * epsilon), relative to the largest value."""

    difference: float
    within_rounding: bool

    def __or__(self, other: _Comparison) -> _Comparison:
        """The worse of both."""
        return _Comparison(
            max(self.difference, other.difference), self.within_rounding and other.within_rounding
        )


_SAME = _Comparison(0.0, True)
_OTHER = _Comparison(np.inf, False)


def _compare(
    known: KnownNoise,
    graph: Graph,
    sites: Sequence[SamplingSite],
    trials: Sequence[Sequence[Array]],
    rng: np.random.Generator,
) -> dict[SamplingSite, _Comparison]:
    """The worst comparison of call() and decoder(mu + sigma * epsilon), for each site."""
    worst = dict.fromkeys(sites, _SAME)
    for arrays in trials:
        shape = (ROWS, *sites[0].latent_shape)
        # Twice as wide as N(0, 1), so that clipped noise is detected.
        epsilon = 2.0 * rng.standard_normal(shape) if known.draws else np.zeros(shape)
        expected = known(arrays, epsilon if known.draws else None)
        for site in sites:
            joined = _Joined(graph, site, arrays, epsilon)
            worst[site] |= _comparison(joined, expected, may_overflow=arrays is not trials[0])
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


@dataclass(frozen=True, eq=False)
class _Joined:
    """decoder(mu + sigma * epsilon) on arrays.

    Attributes:
        graph: encoder and decoder.
        site: where z is drawn.
        arrays: the inputs of the graph.
        epsilon: the noise.
    """

    graph: Graph
    site: SamplingSite
    arrays: Sequence[Array]
    epsilon: Array

    @property
    def given(self) -> dict[Value, Array]:
        """The inputs of the graph."""
        return dict(zip(self.graph.inputs, self.arrays, strict=True))

    @functools.cached_property
    def posterior(self) -> list[Array]:
        """The tensors of mu and v, and z."""
        sources = [self.site.posterior.mu.value, self.site.posterior.spread.value]
        calls = calls_between(self.graph, self.graph.inputs, sources)
        mu, spread = run_calls(calls, self.given, sources, training=False)
        return [mu, spread, self._z(mu, spread)]

    def run(self) -> list[Array]:
        """The outputs of the graph."""
        known = {**self.given, self.site.z: self.posterior[-1]}
        calls = calls_between(self.graph, known, self.graph.outputs)
        return run_calls(calls, known, self.graph.outputs, training=False)

    def run_moved(self, seed: int) -> dict[str, Array]:
        """The outputs by position, with everything moved within rounding."""
        posterior = self.site.posterior
        values = {"mu": posterior.mu.value, "spread": posterior.spread.value}
        moved = self._half("encoder", self.given, values).run_moved(_numbered(self.arrays), seed)
        known = {**self.given, self.site.z: self._z(moved["mu"], moved["spread"])}
        outputs = _numbered(self.graph.outputs)
        return self._half("decoder", known, outputs).run_moved(_numbered(known.values()), seed)

    def _half(self, role: str, known: Mapping[Value, Array], targets: Mapping[str, Value]) -> KerasHalf:
        calls = calls_between(self.graph, known, targets.values())
        outputs = {name: Target(value) for name, value in targets.items()}
        return KerasHalf(GraphModel(role, calls, _numbered(known), outputs))

    def _z(self, mu: Array, spread: Array) -> Array:
        posterior = self.site.posterior
        v = np.asarray(posterior.spread.take(spread), np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            sigma = posterior.epsilon_scale * posterior.sigma(v)
            z: Array = np.asarray(posterior.mu.take(mu), np.float64) + sigma * self.epsilon
            return z.astype(np.float32)


def _numbered(values: Iterable[Any]) -> dict[str, Any]:
    return {str(number): value for number, value in enumerate(values)}


def _comparison(joined: _Joined, expected: Sequence[Array], may_overflow: bool) -> _Comparison:
    """Compare outputs with expected ones of their shapes; infinitely different if one is missing.

    Extreme inputs may overflow, and which values do depends on the order of operations.
    """
    left, worst = list(expected), _SAME
    outputs = joined.run()
    moves: dict[str, Array] | None = None
    for name, output in _numbered(outputs).items():
        index = next((index for index, array in enumerate(left) if array.shape == output.shape), None)
        if index is None:
            return _OTHER
        array = left.pop(index)
        comparable = np.isfinite(output)
        if not (np.isfinite(array[comparable]).all() and (may_overflow or comparable.all())):
            return _OTHER
        sizes = np.where(comparable, np.abs(output, dtype=np.float64), 0.0)
        errors = np.zeros(output.shape)
        errors[comparable] = np.abs(array[comparable].astype(np.float64) - output[comparable])
        scale = max(float(sizes.max(initial=0.0)), 1e-30)
        difference = float(errors.max(initial=0.0)) / scale
        # A channel that is far below the others is below their rounding.
        scales = np.maximum(channel_maxima(sizes).max(axis=0), np.finfo(np.float32).eps * scale)
        errors = channel_maxima(errors)
        within = bool((errors <= TOLERANCE * scales).all())
        if not within and (errors <= CEILING * scales).all():
            moves = moves or movement(joined.run_moved, _numbered(outputs))
            rounding = rounding_errors(_numbered(joined.arrays), moves[name])
            within = bool((errors <= allowed_errors(TOLERANCE * scales, scales, rounding)).all())
        worst |= _Comparison(difference, within)
    # Losses, and what the encoder returns, may be returned beside; any other output would be lost.
    lost = any(len(array) == ROWS and not _is_one_of(array, joined.posterior) for array in left if array.ndim)
    return _OTHER if lost else worst


def _is_one_of(array: Array, others: Iterable[Array]) -> bool:
    return any(
        np.allclose(array, other, rtol=1e-3, atol=1e-3 * np.abs(other).max(initial=0.0), equal_nan=True)
        for other in others
        if array.shape == other.shape
    )
