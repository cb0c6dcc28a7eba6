"""Find the place where a VAE draws its noise, and learn what the layer there computes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import keras
import numpy as np
from keras import tree

from vae_export.errors import SamplingSiteError
from vae_export.split.graph import Call, Graph, Value

__all__ = ["SamplingSite", "find_sampling_site"]

Array = np.ndarray[Any, Any]

# Values drawn to judge a layer by, and how many standard errors a figure may be off: a true sampler
# fails once in some 10^8, a standard deviation that is 1.5 % off is found.
PROBE_VALUES = 1 << 17
PROBE_ROWS = 256
STANDARD_ERRORS = 6.0
# Range of the log-variances that are tried, and of the means.
LOGVAR_RANGE = 12.0
MU_RANGE = 3.0
# Vector units round the last values of an array in another way: equal rows differ by an ulp or two.
NOISE_FLOOR = 1e-3


@dataclass(frozen=True)
class SamplingSite:
    """Where z is drawn, and how.

    Attributes:
        call: the call of the sampling layer.
        mu, logvar, z: its inputs and its output in the graph.
        parametrisation: what the second input is; "log-variance": sigma = exp(0.5 * logvar).
        parametrisation_source: how that is known; "probed": measured on the layer alone.
        epsilon_scale: standard deviation of epsilon.
    """

    call: Call
    mu: Value
    logvar: Value
    z: Value
    parametrisation: str
    parametrisation_source: str
    epsilon_scale: float

    @property
    def layer_name(self) -> str:
        """Name of the sampling layer, with the models it is nested in."""
        return self.call.path

    @property
    def layer_class(self) -> str:
        """Class of the sampling layer."""
        return type(self.call.operation).__name__

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one z, without the batch."""
        return tuple(n for n in self.z.shape[1:] if n is not None)


def find_sampling_site(graph: Graph, where: str) -> SamplingSite:
    """Find the one layer that draws z from a mean and a log-variance.

    A candidate is a layer that is not Keras' own and makes one tensor out of two, all of one shape.
    Each is called alone: one that returns noise whose residuals (z - mu) / exp(0.5 * logvar) are
    independent and standard normal, whatever mu and logvar are, is a sampling layer.

    Args:
        graph: the flat model.
        where: what messages call the model.

    Raises:
        SamplingSiteError: none, several, or one that computes something else.
    """
    candidates = [call for call in graph.calls if _looks_like_a_sampler(call)]
    # Some samplers pass mu through unless they are training; dropout in other layers speaks only then.
    for training in (False, True):
        random = [call for call in candidates if _is_random(call, training)]
        if random:
            break
    else:
        raise SamplingSiteError(f"{where}: no sampling site; {_what_was_found(graph, candidates)}")
    sites = [site for call in random if (site := _site(call, training)) is not None]
    if len(sites) == 1:
        return _with_known_latent(sites[0], where)
    if sites:
        names = ", ".join(f"{site.layer_name!r} ({site.layer_class})" for site in sites)
        raise SamplingSiteError(
            f"{where}: got {len(sites)} sampling sites: {names}; expected one; export the parts on their own"
        )
    raise SamplingSiteError(
        f"{where}: {'; '.join(_measured(call, training) for call in random)}; expected noise around mu, "
        "mu + exp(0.5 * logvar) * epsilon with independent epsilon ~ N(0, 1), for any mu and logvar; let the "
        "sampling layer take mu and a log-variance and leave all else to layers before or behind it"
    )


def _with_known_latent(site: SamplingSite, where: str) -> SamplingSite:
    if None in site.z.shape[1:]:
        raise SamplingSiteError(
            f"{where}: layer {site.layer_name!r} has latents of shape {site.z.shape[1:]}, expected known "
            "sizes; give keras.Input a full shape"
        )
    return site


def _site(call: Call, training: bool) -> SamplingSite | None:
    """The site that a call is, in whichever order it takes mu and logvar; None if it is none."""
    first, second = call.inputs
    (z,) = call.outputs
    for mu, logvar in ((first, second), (second, first)):
        if _samples_log_variance(call, mu, logvar, training):
            return SamplingSite(call, mu, logvar, z, "log-variance", "probed", 1.0)
    return None


def _looks_like_a_sampler(call: Call) -> bool:
    if not isinstance(call.operation, keras.Layer) or type(call.operation).__module__.startswith("keras."):
        return False
    if len(call.inputs) != 2 or len(call.outputs) != 1:
        return False
    return len({value.shape for value in (*call.inputs, *call.outputs)}) == 1


def _draw(call: Call, given: Mapping[Value, Array], training: bool) -> Array:
    """Call the layer alone on arrays ``[rows, ...]``; float64. Leaves its variables as they were."""
    layer = call.operation
    tensors = {value: keras.ops.convert_to_tensor(array, value.dtype) for value, array in given.items()}
    args, kwargs = tree.map_structure(
        lambda leaf: tensors[leaf] if isinstance(leaf, Value) else leaf, (call.args, dict(call.kwargs))
    )
    if "training" in inspect.signature(layer.call).parameters:
        kwargs["training"] = training
    before = [(variable, keras.ops.convert_to_numpy(variable)) for variable in layer.variables]
    try:
        drawn: Array = keras.ops.convert_to_numpy(layer(*args, **kwargs))
    finally:
        for variable, value in before:
            variable.assign(value)
    return drawn.astype(np.float64)


def _probe_shape(call: Call) -> tuple[int, ...]:
    shape = tuple(n or 1 for n in call.inputs[0].shape[1:])
    return (max(PROBE_ROWS, ceil(PROBE_VALUES / prod(shape))), *shape)


def _is_random(call: Call, training: bool) -> bool:
    """Whether equal rows go in and different rows come out."""
    shape = (PROBE_ROWS, *_probe_shape(call)[1:])
    # At several points: some samplers are silent where sigma is 0.
    for second in (-2.0, 0.0, 2.0):
        given = dict(zip(call.inputs, (np.full(shape, 0.5), np.full(shape, second)), strict=True))
        if np.ptp(_draw(call, given, training), axis=0).max() > NOISE_FLOOR:
            return True
    return False


def _samples_log_variance(call: Call, mu: Value, logvar: Value, training: bool) -> bool:
    shape = _probe_shape(call)
    rng = np.random.default_rng(0)
    # Another mean and variance for each value: mixing rows or latents, clipping or scaling shows.
    given_mu = rng.uniform(-MU_RANGE, MU_RANGE, shape)
    given_logvar = rng.uniform(-LOGVAR_RANGE, LOGVAR_RANGE, shape)
    drawn = _draw(call, {mu: given_mu, logvar: given_logvar}, training)
    if drawn.shape != shape or not np.isfinite(drawn).all():
        return False
    residuals = ((drawn - given_mu) / np.exp(0.5 * given_logvar)).reshape(shape[0], -1)
    return _standard_normal(residuals)


def _standard_normal(residuals: Array) -> bool:
    """Whether residuals ``[rows, values]`` look independent and standard normal."""
    rows, values = residuals.shape
    count = rows * values
    # figure, its value for N(0, 1), its standard error
    figures = [
        (residuals.mean(), 0.0, 1 / count),
        (residuals.std(), 1.0, 1 / (2 * count)),
        ((residuals**3).mean(), 0.0, 15 / count),
        ((residuals**4).mean(), 3.0, 96 / count),
        # Of each latent, over the rows: noise that all rows share.
        (np.abs(residuals.mean(axis=0)).max(), 0.0, 1 / rows),
        (np.abs(residuals.std(axis=0) - 1).max(), 0.0, 1 / (2 * rows)),
        # Of the sums of rows: noise that the latents share.
        (residuals.sum(axis=1).std() / np.sqrt(values), 1.0, 1 / (2 * rows)),
    ]
    return all(abs(got - expected) <= STANDARD_ERRORS * variance**0.5 for got, expected, variance in figures)


def _measured(call: Call, training: bool) -> str:
    shape = _probe_shape(call)
    found = []
    for second in (-2.0, 0.0, 2.0):
        given = dict(zip(call.inputs, (np.full(shape, 0.5), np.full(shape, second)), strict=True))
        values = _draw(call, given, training)
        found.append(f"{values.mean():.3g} ± {values.std():.3g} for inputs (0.5, {second:g})")
    return f"layer {call.path!r} ({type(call.operation).__name__}) gave {', '.join(found)}"


def _what_was_found(graph: Graph, candidates: list[Call]) -> str:
    if candidates:
        names = ", ".join(f"{call.path!r} ({type(call.operation).__name__})" for call in candidates)
        found = f"the layers that take two tensors of one shape return no noise: {names}"
    else:
        kinds = sorted({type(call.operation).__name__ for call in graph.calls})
        found = f"found only {', '.join(kinds) or 'no layers'}"
    return (
        f"{found}; expected a layer that takes [mu, logvar] and returns z: save the full VAE with its "
        "sampling layer"
    )
