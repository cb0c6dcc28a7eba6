"""Look at a model without converting it: its layers, its sampling site, what goes where."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from vae_export.errors import ModelError
from vae_export.split.graph import Graph, calls_between, flatten, outputs_behind
from vae_export.split.sampling_site import SamplingSite, find_sampling_site
from vae_export.split.split_vae import split_graph

__all__ = ["Inspection", "LayerRow", "inspect_model"]


@dataclass(frozen=True)
class LayerRow:
    """One call of one layer.

    Attributes:
        name: of the layer, with the models it is nested in.
        layer_class: its class.
        output_shape: of its first output; None where the size is free.
        parameters: number of its weights.
        part: "encoder", "sampling", "decoder", or "left out" if neither half needs it.
    """

    name: str
    layer_class: str
    output_shape: tuple[int | None, ...]
    parameters: int
    part: str


@dataclass(frozen=True)
class Inspection:
    """What was found in a model.

    Attributes:
        name: of the model.
        inputs, outputs: name -> shape.
        layers: in running order, nested models opened.
        site: the sampling site, or None.
        problem: why the model cannot be cut.
    """

    name: str
    inputs: dict[str, tuple[int | None, ...]]
    outputs: dict[str, tuple[int | None, ...]]
    layers: tuple[LayerRow, ...]
    site: SamplingSite | None
    problem: str | None

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        site = self.site
        return {
            "name": self.name,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "layers": [asdict(row) for row in self.layers],
            "sampling_site": site
            and {
                "layer": site.layer_name,
                "layer_class": site.layer_class,
                "mu": site.mu.name,
                "logvar": site.logvar.name,
                "latent_shape": site.latent_shape,
                "parametrisation": site.parametrisation,
                "parametrisation_source": site.parametrisation_source,
                "epsilon_scale": site.epsilon_scale,
            },
            "problem": self.problem,
        }


def inspect_model(model: Any, name: str) -> Inspection:
    """Describe a functional Keras model.

    Raises:
        ModelError: the model has no graph of layers.
    """
    graph = flatten(model)
    site, problem = None, None
    try:
        site = find_sampling_site(graph, name)
        split_graph(graph, site, name)
    except ModelError as error:
        problem = str(error)
    return Inspection(
        name=name,
        inputs={value.name: value.shape for value in graph.inputs},
        outputs={value.name: value.shape for value in graph.outputs},
        layers=_layers(graph, site),
        site=site,
        problem=problem,
    )


def _layers(graph: Graph, site: SamplingSite | None) -> tuple[LayerRow, ...]:
    encoder: set[Any] = set()
    decoder: set[Any] = set()
    if site is not None:
        encoder = set(calls_between(graph, graph.inputs, [site.mu, site.logvar]))
        decoder = set(calls_between(graph, [site.z], outputs_behind(graph, site.z)))

    def part(call: Any) -> str:
        if site is not None and call is site.call:
            return "sampling"
        return "encoder" if call in encoder else "decoder" if call in decoder else "left out"

    return tuple(
        LayerRow(
            name=call.path,
            layer_class=type(call.operation).__name__,
            output_shape=call.outputs[0].shape,
            parameters=sum(math.prod(w.shape) for w in _weights(call.operation)),
            part=part(call),
        )
        for call in graph.calls
    )


def _weights(operation: Any) -> list[Any]:
    # The state of a random generator is a weight to Keras, and none to anybody else.
    return [w for w in getattr(operation, "weights", []) if "seed_generator" not in w.path]
