"""Describe a model without converting it: its layers, its sampling sites, its halves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras

from vae_export.core.evidence import in_words
from vae_export.core.question import Question
from vae_export.errors import ModelError, QuestionError
from vae_export.private.keras import layers_of
from vae_export.split.graph import Call, Graph, flatten, is_functional
from vae_export.split.keras_half import KerasHalf
from vae_export.split.lambdas.layer import ReadLambda
from vae_export.split.sampling_site import SamplingSite
from vae_export.split.split_vae import SplitVae, locate, split_graph
from vae_export.split.stand_in import class_name, is_inert

__all__ = ["Inspection", "LayerRow", "SiteRow", "inspect_model"]


@dataclass(frozen=True)
class LayerRow:
    """One call of one layer.

    Attributes:
        name: of the layer, with the models it is nested in.
        layer_class: its class.
        output_shape: of its first output; None where the size is free.
        parameters: number of its weights.
        part: "encoder", "sampling", "decoder", several of them, or "left out" if nothing needs it.
    """

    name: str
    layer_class: str
    output_shape: tuple[int | None, ...]
    parameters: int
    part: str


@dataclass(frozen=True)
class SiteRow:
    """One sampling site.

    Attributes:
        layer, layer_class: name and class of the sampling layer.
        mu, spread: the tensors of mu and v.
        latent_shape: of one z.
        parametrisation, epsilon_scale, clip: see `Posterior`.
        known: "mu", "parametrisation" and "scale" -> how it is known.
        evidence: what is known and how, in one line.
    """

    layer: str
    layer_class: str
    mu: str
    spread: str
    latent_shape: tuple[int, ...]
    parametrisation: str
    known: dict[str, str]
    evidence: str
    epsilon_scale: float
    clip: tuple[float | None, float | None] | None


@dataclass(frozen=True, repr=False)
class Inspection:
    """The layers and sampling sites of a model.

    Attributes:
        name: of the model.
        inputs, outputs: name -> shape.
        layers: in running order, nested models opened.
        sites: the sampling sites.
        encoder, decoder: (inputs, outputs) of the half, name -> shape; None if the model cannot be cut.
        notes: how layers are changed or why they cannot be exported, one line each.
        problem: why the model cannot be cut.
        question: what has to be told for it; None if nothing would help, or nothing is missing.
    """

    name: str
    inputs: dict[str, tuple[int | None, ...]]
    outputs: dict[str, tuple[int | None, ...]]
    layers: tuple[LayerRow, ...]
    sites: tuple[SiteRow, ...]
    encoder: tuple[dict[str, Any], dict[str, Any]] | None
    decoder: tuple[dict[str, Any], dict[str, Any]] | None
    notes: tuple[str, ...]
    problem: str | None
    question: Question | None = None

    def __repr__(self) -> str:
        found = f"{len(self.sites)} sampling site{'s' * (len(self.sites) != 1)}"
        return f"<Inspection: {self.name}, {len(self.layers)} layers, {self.problem or found}>"

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return asdict(self)


def inspect_model(model: Any, name: str, **options: Any) -> Inspection:
    """Describe a Keras VAE; see `locate` for the model and the options.

    Raises:
        ModelError: the model has no graph of layers.
    """
    sites: tuple[SamplingSite, ...] = ()
    vae, problem, question = None, None, None
    try:
        graph, sites = locate(model, name, **options)
        vae = split_graph(graph, sites, name)
    except ModelError as error:
        if not is_functional(model):
            raise
        graph, problem = flatten(model), str(error)
        question = error.question if isinstance(error, QuestionError) else None
    return Inspection(
        name=name,
        inputs={value.name: value.shape for value in graph.inputs},
        outputs={name: value.shape for name, value in zip(graph.output_names, graph.outputs, strict=True)},
        layers=_layers(graph, sites, vae),
        sites=tuple(map(_site_row, sites)),
        encoder=_tensors(vae.encoder) if vae else None,
        decoder=_tensors(vae.decoder) if vae else None,
        notes=(
            *_notes(graph),
            *(f"output {name!r} does not come from z: left out" for name in (vae.left_out if vae else ())),
        ),
        problem=problem,
        question=question,
    )


def _site_row(site: SamplingSite) -> SiteRow:
    posterior = site.posterior
    return SiteRow(
        layer=site.layer_name,
        layer_class=site.layer_class,
        mu=posterior.mu.describe(),
        spread=posterior.spread.describe(),
        latent_shape=site.latent_shape,
        parametrisation=posterior.parametrisation,
        known={of: posterior.how(of) for of in ("mu", "parametrisation", "scale")},
        evidence=in_words(posterior.evidence),
        epsilon_scale=posterior.epsilon_scale,
        clip=posterior.clip,
    )


def _tensors(half: KerasHalf) -> tuple[dict[str, Any], dict[str, Any]]:
    inputs = {name: tuple(tensor.shape) for name, tensor in half.model.inputs.items()}
    return inputs, {name: tuple(target.value.shape) for name, target in half.model.targets.items()}


def _layers(graph: Graph, sites: Sequence[SamplingSite], vae: SplitVae | None) -> tuple[LayerRow, ...]:
    sampling = {call for site in sites for call in site.calls}
    encoder = set(vae.encoder.model.calls) if vae else set()
    decoder = set(vae.decoder.model.calls) if vae else set()

    def part(call: Call) -> str:
        parts = [
            word
            for word, calls in (("encoder", encoder), ("sampling", sampling), ("decoder", decoder))
            if call in calls
        ]
        return ", ".join(parts) or "left out"

    return tuple(
        LayerRow(
            name=call.path,
            layer_class=_class_name(call.operation),
            output_shape=call.outputs[0].shape,
            parameters=sum(math.prod(w.shape) for w in _weights(call.operation)),
            part=part(call),
        )
        for call in graph.calls
    )


# Keras layers that become operators that no plain runtime has.
_WITHOUT_RUNTIME = (
    "Hashing",
    "HashedCrossing",
    "IntegerLookup",
    "MelSpectrogram",
    "STFTSpectrogram",
    "StringLookup",
    "TextVectorization",
)


def _notes(graph: Graph) -> Iterator[str]:
    for call in graph.calls:
        kind = type(call.operation).__name__
        layers = layers_of(call.operation)
        if any(isinstance(layer, keras.layers.RNN) for layer in layers):
            steps = call.inputs[0].shape[1] if call.inputs else None
            yield (
                f"{call.path} ({kind}): unrolled over its {steps} steps"
                if steps
                else f"{call.path} ({kind}): has an unknown number of steps; give --input-shape"
            )
        if kind in _WITHOUT_RUNTIME:
            yield f"{call.path} ({kind}): no plain runtime has its operators; do it before the model"
        if is_inert(call.operation):
            yield f"{call.path} ({class_name(call.operation)}): {call.operation.reason}; it is not run"
        elif isinstance(call.operation, ReadLambda):
            yield f"{call.path} (Lambda): its code is read as `{call.operation.text()}`"


def _class_name(operation: Any) -> str:
    return f"{class_name(operation)}, not run" if is_inert(operation) else class_name(operation)


def _weights(operation: Any) -> list[Any]:
    # Keras counts the state of a random generator as a weight.
    return [w for w in getattr(operation, "weights", []) if "seed_generator" not in w.path]
