"""Find the place where a VAE draws its noise, and learn what the layer there computes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
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

# Values drawn for each figure. The standard error of a standard deviation is 0.2 % then, and the
# tolerance 5 %: a true sampler fails once in never, exp(v) in place of exp(v/2) is 170 % off.
PROBE_VALUES = 1 << 17
PROBE_TOLERANCE = 0.05
# Vector units round the last values of an array in another way: equal inputs differ by an ulp or two.
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
    Each is called alone, on constants: what returns noise around its first input, with a standard
    deviation of exp(0.5 * second input), is the sampling layer.

    Args:
        graph: the flat model.
        where: what messages call the model.

    Raises:
        SamplingSiteError: none, several, or one that computes something else.
    """
    candidates = [call for call in graph.calls if _looks_like_a_sampler(call)]
    random = [call for call in candidates if _is_random(call)]
    if not random:
        raise SamplingSiteError(f"{where}: no sampling site; {_what_was_found(graph, candidates)}")
    if len(random) > 1:
        names = ", ".join(f"{call.path!r} ({type(call.operation).__name__})" for call in random)
        raise SamplingSiteError(
            f"{where}: got {len(random)} sampling sites: {names}; expected one; export the parts on their own"
        )
    (call,) = random
    first, second = call.inputs
    (z,) = call.outputs
    if None in z.shape[1:]:
        raise SamplingSiteError(
            f"{where}: layer {call.path!r} has latents of shape {z.shape[1:]}, expected known sizes; "
            "give keras.Input a full shape"
        )

    def swapped(mu: float, logvar: float) -> Array:
        return _draw(call, logvar, mu)

    if _samples_log_variance(lambda mu, logvar: _draw(call, mu, logvar)):
        mu, logvar = first, second
    elif _samples_log_variance(swapped):
        mu, logvar = second, first
    else:
        raise SamplingSiteError(
            f"{where}: sampling layer {call.path!r} ({type(call.operation).__name__}) {_measured(call)}; "
            "expected mu + exp(0.5 * logvar) * epsilon with epsilon ~ N(0, 1); let it take a "
            "log-variance, or convert its input with a layer before it"
        )
    return SamplingSite(call, mu, logvar, z, "log-variance", "probed", 1.0)


def _looks_like_a_sampler(call: Call) -> bool:
    if not isinstance(call.operation, keras.Layer) or type(call.operation).__module__.startswith("keras."):
        return False
    if len(call.inputs) != 2 or len(call.outputs) != 1:
        return False
    return len({value.shape for value in (*call.inputs, *call.outputs)}) == 1


def _draw(call: Call, first: float, second: float) -> Array:
    """Call the layer alone on two constants; float64, flat."""
    shape = [n or 1 for n in call.inputs[0].shape[1:]]
    rows = ceil(PROBE_VALUES / prod(shape))
    constants = {
        value: keras.ops.full((rows, *shape), constant, dtype=value.dtype)
        for value, constant in zip(call.inputs, (first, second), strict=True)
    }
    args, kwargs = tree.map_structure(
        lambda leaf: constants[leaf] if isinstance(leaf, Value) else leaf, (call.args, dict(call.kwargs))
    )
    # Some layers pass mu through unless they are training.
    if "training" in inspect.signature(call.operation.call).parameters:
        kwargs["training"] = True
    drawn: Array = keras.ops.convert_to_numpy(call.operation(*args, **kwargs))
    return drawn.astype(np.float64).reshape(-1)


def _is_random(call: Call) -> bool:
    # Constants in, different values out. At several points: some samplers are silent where sigma is 0.
    return any(np.ptp(_draw(call, 0.5, second)) > NOISE_FLOOR for second in (-2.0, 0.0, 2.0))


def _samples_log_variance(draw: Callable[[float, float], Array]) -> bool:
    for mu, logvar in ((0.5, 0.0), (-1.0, -2.0), (0.0, 2.0)):
        values = draw(mu, logvar)
        sigma = np.exp(0.5 * logvar)
        if not abs(values.std() / sigma - 1) <= PROBE_TOLERANCE:
            return False
        if not abs(values.mean() - mu) <= PROBE_TOLERANCE * sigma:
            return False
    return True


def _measured(call: Call) -> str:
    points = [(0.5, -2.0), (0.5, 0.0), (0.5, 2.0)]
    return "gave " + ", ".join(
        f"{values.mean():.3g} ± {values.std():.3g} for inputs ({first:g}, {second:g})"
        for first, second in points
        for values in [_draw(call, first, second)]
    )


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
