"""Cut a VAE at its sampling site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from vae_export.errors import ModelError, SamplingSiteError
from vae_export.split.graph import Graph, Value, calls_between, flatten, outputs_behind, replay
from vae_export.split.sampling_site import SamplingSite, find_sampling_site

__all__ = ["SplitVae", "split"]


@dataclass(frozen=True)
class SplitVae:
    """A VAE in two deterministic halves that share the weights of the original.

    Attributes:
        name: of the model.
        encoder: Keras model, ``{"x": [batch, ...]} -> {"mu": [batch, *latent], "logvar": ...}``, float32.
        decoder: Keras model, ``{"z": [batch, *latent]} -> {"reconstruction": [batch, ...]}``, float32.
        site: where it was cut.
    """

    name: str
    encoder: Any
    decoder: Any
    site: SamplingSite

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Shape of one x, without the batch."""
        return tuple(self.encoder.inputs[0].shape[1:])

    def describe_cut(self) -> str:
        """What was cut out, in one line."""
        shape = "x".join(map(str, self.site.latent_shape))
        return (
            f"sampling layer {self.site.layer_name!r} ({self.site.layer_class}), latent {shape}, "
            f"{self.site.parametrisation} ({self.site.parametrisation_source})"
        )


def split(model: Any, name: str | None = None) -> SplitVae:
    """Cut a functional Keras VAE into encoder and decoder.

    Args:
        model: x -> reconstruction, alone or among other outputs, with one sampling layer between.
        name: what to call it; default the model's own name.

    Raises:
        SamplingSiteError: no sampling site, several, or one that is not understood.
        ModelError: the model has no graph, or its parts do not fit the cut.
    """
    name = name or model.name
    graph = flatten(model)
    site = find_sampling_site(graph, name)
    return SplitVae(name, _encoder(graph, site, name), _decoder(graph, site, name), site)


def _encoder(graph: Graph, site: SamplingSite, where: str) -> Any:
    targets = [site.mu, site.logvar]
    calls = calls_between(graph, graph.inputs, targets)
    used = {value for call in calls for value in call.inputs} | set(targets)
    inputs = [value for value in graph.inputs if value in used]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ModelError(f"{where}: the encoder needs the inputs {names}, expected one image input")
    (x,) = inputs
    if None in x.shape[1:]:
        raise ModelError(
            f"{where}: input {x.name!r} has shape {x.shape}, expected known sizes after the batch; "
            "give keras.Input a full shape"
        )
    tensor = keras.Input(x.shape[1:], dtype=x.dtype, name="x")
    mu, logvar = replay(calls, {x: tensor}, targets)
    return keras.Model(tensor, {"mu": _float32(mu), "logvar": _float32(logvar)}, name="encoder")


def _decoder(graph: Graph, site: SamplingSite, where: str) -> Any:
    targets = outputs_behind(graph, site.z)
    if not targets:
        raise SamplingSiteError(
            f"{where}: nothing is computed from z, this is an encoder alone; export the full VAE, "
            "decoder(encoder(x))"
        )
    if len(targets) > 1:
        names = ", ".join(value.name for value in targets)
        raise ModelError(f"{where}: the decoder has the outputs {names}, expected one reconstruction")
    calls = calls_between(graph, [site.z], targets)
    _refuse_shortcuts(graph, calls, where)
    tensor = keras.Input(site.latent_shape, dtype="float32", name="z")
    (reconstruction,) = replay(calls, {site.z: tensor}, targets)
    return keras.Model(tensor, {"reconstruction": _float32(reconstruction)}, name="decoder")


def _refuse_shortcuts(graph: Graph, calls: list[Any], where: str) -> None:
    inputs: set[Value] = set(graph.inputs)
    for call in calls:
        for value in call.inputs:
            if value in inputs:
                raise ModelError(
                    f"{where}: layer {call.path!r} of the decoder also depends on input {value.name!r}, "
                    "expected it to depend on z alone; remove the connection around the sampling layer"
                )


def _float32(tensor: Any) -> Any:
    return tensor if tensor.dtype == "float32" else keras.ops.cast(tensor, "float32")
