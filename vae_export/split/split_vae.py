"""Cut a VAE at its sampling site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vae_export.errors import ModelError, SamplingSiteError
from vae_export.split.graph import Call, Graph, calls_between, flatten, outputs_behind, values_behind
from vae_export.split.half import Half
from vae_export.split.sampling_site import SamplingSite, find_sampling_site

__all__ = ["SplitVae", "split", "split_graph"]


@dataclass(frozen=True)
class SplitVae:
    """A VAE in two deterministic halves that share the weights of the original.

    Attributes:
        name: of the model.
        encoder: x ``[batch, ...]`` -> mu, logvar ``[batch, *latent]``.
        decoder: z ``[batch, *latent]`` -> reconstruction ``[batch, ...]``.
        site: where it was cut.
    """

    name: str
    encoder: Half
    decoder: Half
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
    return split_graph(graph, find_sampling_site(graph, name), name)


def split_graph(graph: Graph, site: SamplingSite, name: str) -> SplitVae:
    """Cut a flat graph at a sampling site; see `split`."""
    return SplitVae(name, _encoder(graph, site, name), _decoder(graph, site, name), site)


def _encoder(graph: Graph, site: SamplingSite, where: str) -> Half:
    targets = {"mu": site.mu, "logvar": site.logvar}
    calls = calls_between(graph, graph.inputs, targets.values())
    used = {value for call in calls for value in call.inputs} | set(targets.values())
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
    if x.dtype != "float32":
        raise ModelError(
            f"{where}: input {x.name!r} has dtype {x.dtype}, expected float32; give keras.Input "
            "dtype='float32' and scale the images before"
        )
    return Half("encoder", calls, x, "x", targets)


def _decoder(graph: Graph, site: SamplingSite, where: str) -> Half:
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
    _refuse_shortcuts(graph, calls, site, where)
    return Half("decoder", calls, site.z, "z", {"reconstruction": targets[0]})


def _refuse_shortcuts(graph: Graph, calls: list[Call], site: SamplingSite, where: str) -> None:
    """A decoder that needs anything but z cannot stand alone."""
    behind_z = values_behind(graph, site.z)
    for call in calls:
        for value in call.inputs:
            if call.outputs[0] in behind_z and value not in behind_z:
                raise ModelError(
                    f"{where}: layer {call.path!r} of the decoder also depends on {value.name!r}, "
                    "expected it to depend on z alone; remove the connection around the sampling layer"
                )
