"""Join an encoder and a decoder that are two models into one graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from vae_export.core.evidence import Evidence
from vae_export.core.parametrisation import PARAMETRISATIONS
from vae_export.core.told import NOTHING_TOLD, Told
from vae_export.errors import ModelError, SamplingSiteError
from vae_export.private.keras import built_shapes
from vae_export.split.asking import OpenSite, names_of, roles_of, told_posterior
from vae_export.split.call_check import sites_matching_call
from vae_export.split.finding import find_sampling_sites, has_noise
from vae_export.split.graph import Graph, Value, flatten, is_functional, own_words
from vae_export.split.input_shape import with_x_shape
from vae_export.split.posterior import Posterior, Slot, split_slots
from vae_export.split.sampling_site import SamplingSite

__all__ = ["Pair", "join", "pair_in"]

# Attributes that hold encoder and decoder of a subclassed model.
_HALVES = (("encoder", "decoder"), ("enc", "dec"), ("inference_net", "generative_net"))
# Attributes and methods that draw z.
_SAMPLERS = (
    "sampling", "sampler", "sampling_layer", "sample_layer", "reparameterize", "reparameterise",
    "reparametrize", "reparametrise", "reparameterization", "sample_z",
)  # fmt: skip
# Name of the sampling site if only the model's call() draws z.
_IN_CALL = "call()"


@dataclass(frozen=True)
class Pair:
    """Two models that are one VAE.

    Attributes:
        encoder: x -> mu and v, or one tensor of both, or these with z, or z alone.
        decoder: z -> reconstruction.
        sampler: (mu, v) -> z, a layer or a method; None if it is not at hand, or part of the encoder.
        name: of the VAE.
        whole: the model that has them, if it has a call() of its own.
    """

    encoder: Any
    decoder: Any
    sampler: Any
    name: str
    whole: Any = None


def pair_in(model: Any) -> Pair | None:
    """The encoder and decoder that a subclassed model has as attributes, or None."""
    found = [[getattr(model, name, None) for name in names] for names in _HALVES]
    pairs = [pair for pair in found if all(isinstance(half, keras.Layer) for half in pair)]
    if not pairs:
        return None
    encoder, decoder = pairs[0]
    samplers = [getattr(model, name) for name in _SAMPLERS if callable(getattr(model, name, None))]
    whole = model if type(model).call is not keras.Model.call else None
    return Pair(encoder, decoder, samplers[0] if samplers else None, model.name, whole)


def join(
    pair: Pair, where: str, x_shape: tuple[int, ...] | None = None, told: Told = NOTHING_TOLD
) -> tuple[Graph, tuple[SamplingSite, ...]]:
    """One graph of encoder and decoder, and its sampling site between them.

    Args:
        pair: both models.
        where: what messages call them.
        x_shape: shape of one x, if the encoder leaves sizes open.
        told: by the user, of what cannot be measured.

    Raises:
        ModelError: encoder or decoder was never called, or they do not fit each other.
        SamplingSiteError: the encoder's outputs are not mu and v of the decoder's z.
    """
    encoder = with_x_shape(flatten(_functional(pair.encoder, f"{where}: encoder", x_shape)), x_shape, where)
    decoder = flatten(_functional(pair.decoder, f"{where}: decoder", None))
    if has_noise(encoder):
        candidates = list(find_sampling_sites(encoder, f"{where}: encoder", told))
        if len(candidates) > 1:
            names = ", ".join(repr(site.layer_name) for site in candidates)
            raise SamplingSiteError(
                f"{where}: the encoder draws several latents ({names}), and how they go into the decoder is "
                "not known; join both in one functional model"
            )
    else:
        candidates = _sites_of_outputs(encoder, decoder, pair, told, where)
    z = _z_of(decoder, candidates[0].latent_shape, where)
    candidates = [replace(site, z=z) for site in candidates]
    graph = Graph(
        (*encoder.inputs, *(value for value in decoder.inputs if value is not z)),
        (*encoder.calls, *decoder.calls),
        decoder.outputs,
        decoder.output_names,
    )
    site, *_ = candidates
    if pair.whole is not None:
        (site, *_), with_noise = sites_matching_call(pair.whole, graph, candidates, where)
        if not with_noise and site.layer_name == _IN_CALL:
            slots = (site.posterior.mu, site.posterior.spread)
            known = _open_site(encoder, slots, where)
            mu, logvar = known.keys
            posterior = told_posterior(known, replace(told, mu=mu, logvar=logvar))
            by_call = Evidence("mu", "measured", "call() computes decoder(mu)")
            kept = tuple(one for one in posterior.evidence if one.of != "mu")
            site = replace(site, posterior=replace(posterior, evidence=(*kept, by_call)))
    return graph, (site,)


def _functional(part: Any, where: str, shape: tuple[int, ...] | None) -> Any:
    """A half as a functional model; one without a graph of layers becomes a single call."""
    if is_functional(part):
        return part
    shapes = built_shapes(part)
    built = next(iter(shapes.values()), None)
    if shape is None and len(shapes) == 1 and isinstance(built, tuple):
        shape = built[1:]
    if shape is None:
        raise ModelError(
            f"{where}: got a {type(part).__name__} that was never called, expected one with a graph or known "
            "shapes; call it once on an array before the export"
        )
    x = keras.Input(shape, name="x")
    return keras.Model(x, part(x))


def _sites_of_outputs(
    encoder: Graph, decoder: Graph, pair: Pair, told: Told, where: str
) -> list[SamplingSite]:
    """The candidate sites between an encoder without noise and the decoder.

    Several if only the model's call() can tell which is right.

    Raises:
        QuestionError: which outputs are mu and v, or what v is, is known neither by code nor by telling.
        SamplingSiteError: no two outputs are shaped like z.
    """
    slots = _slots_of_outputs(encoder, decoder, told, where)
    site = _open_site(encoder, slots, where)
    shape = tuple(n for n in _slot_shape(slots[0]) if n is not None)
    # Where call() decides, names do not.
    roles = roles_of(site, told) if pair.whole is None or told.mu is not None else None
    orders = [slots, slots[::-1]] if roles is None else [list(roles[:2])]
    if pair.sampler is not None:
        measured = _probe(pair.sampler, shape, where)
        if pair.whole is None and roles is None:
            found = measured.posterior
            told_posterior(site, Told(found.parametrisation, found.epsilon_scale))
        posteriors = [
            _with_roles(measured.posterior, mu, spread, None if roles is None else roles[2])
            for mu, spread in orders
        ]
        name, layer_class = measured.layer_name, measured.layer_class
    elif pair.whole is not None:
        agrees = Evidence("parametrisation", "measured", "call() with known noise agrees")
        posteriors = [
            Posterior(mu, spread, kind, (agrees,), sign)
            for mu, spread in orders
            for kind in PARAMETRISATIONS
            for sign in (1.0, -1.0)
        ]
        name, layer_class = _IN_CALL, type(pair.whole).__name__
    else:
        posteriors = [told_posterior(site, told)]
        name, layer_class = "between encoder and decoder", "none"
    own = pair.sampler is not None
    return [
        SamplingSite((), posterior, slots[0].value, shape, name, layer_class, by_sampler=own)
        for posterior in posteriors
    ]


def _slots_of_outputs(encoder: Graph, decoder: Graph, told: Told, where: str) -> list[Slot]:
    """The two outputs of the encoder that are shaped like z, or the two parts of one of twice the size."""
    shapes = [value.shape[1:] for value in decoder.inputs]
    whole = [value for value in encoder.outputs if value.shape[1:] in shapes]
    named = [value for value in whole if _output_name(encoder, Slot(value)) in (told.mu, told.logvar)]
    if len(whole) > 2 and len(named) == 2:
        whole = named
    if len(whole) == 2:
        return [Slot(value) for value in whole]
    if len(whole) > 2:
        names = ", ".join(_output_name(encoder, Slot(value)) for value in whole)
        raise SamplingSiteError(
            f"{where}: the encoder returns {len(whole)} tensors of the shape of z ({names}); give --mu and "
            "--logvar the names of two of them"
        )
    if len(encoder.outputs) == 1:
        (both,) = encoder.outputs
        slots = next(filter(None, (split_slots(both, both.shape[1:], shape) for shape in shapes)), [])
        if slots:
            return slots
    got = ", ".join(str(value.shape) for value in encoder.outputs)
    wanted = ", ".join(str(value.shape) for value in decoder.inputs)
    raise SamplingSiteError(
        f"{where}: the encoder returns {got} and the decoder takes {wanted}; expected mu and a "
        "log-variance of the shape of z, or one tensor of both"
    )


def _open_site(encoder: Graph, slots: Sequence[Slot], where: str) -> OpenSite:
    whole = slots[0].axis is None
    names = tuple(_output_name(encoder, slot) for slot in slots) if whole else names_of(encoder, slots)
    why = "no code at hand draws z from what it returns; give the whole model with its sampling layer, or"
    return OpenSite(f"{where}: encoder", why, encoder, tuple(slots), names, {})


def _with_roles(posterior: Posterior, mu: Slot, spread: Slot, roles: Evidence | None) -> Posterior:
    """A measured posterior of other tensors, with the evidence of which is mu; None if call() tells."""
    others = tuple(one for one in posterior.evidence if one.of != "mu")
    return replace(posterior, mu=mu, spread=spread, evidence=others if roles is None else (*others, roles))


def _slot_shape(slot: Slot) -> tuple[int | None, ...]:
    shape = list(slot.value.shape)
    if slot.axis is not None:
        size = shape[slot.axis]
        shape[slot.axis] = None if size is None else size // 2
    return tuple(shape[1:])


def _output_name(graph: Graph, slot: Slot) -> str:
    return graph.output_names[graph.outputs.index(slot.value)]


def _probe(sampler: Any, shape: tuple[int, ...], where: str) -> SamplingSite:
    """The site of a sampler called on (mu, v), measured in a model of its own."""
    mu, v = keras.Input(shape, name="mu"), keras.Input(shape, name="v")
    errors = []
    for arguments in (([mu, v],), (mu, v)):
        layer = sampler if isinstance(sampler, keras.Layer) else _Method(sampler)
        try:
            model = keras.Model([mu, v], layer(*arguments))
        # Whatever a user's layer raises for arguments it does not take.
        except Exception as error:  # noqa: BLE001
            errors.append(error)
            continue
        (site,) = find_sampling_sites(flatten(model), f"{where}: sampler")
        return site
    raise SamplingSiteError(
        f"{where}: the sampler takes neither [mu, v] nor mu, v ({own_words(errors[0])}); give the model as "
        "one functional model"
    ) from errors[0]


class _Method(keras.layers.Layer):  # type: ignore[misc]  # keras has no type stubs
    """A method or function that draws z, wrapped as a layer."""

    def __init__(self, method: Callable[..., Any]) -> None:
        super().__init__(name=getattr(method, "__name__", "sampler"))
        self.method = method

    def call(self, *args: Any) -> Any:
        """Call it."""
        return self.method(*args)


def _z_of(decoder: Graph, shape: tuple[int, ...], where: str) -> Value:
    fitting = [value for value in decoder.inputs if value.shape[1:] == shape]
    named = [value for value in fitting if value.name in ("z", "latent", "latents")]
    if len(fitting) > 1 and len(named) == 1:
        fitting = named
    if len(fitting) != 1:
        got = ", ".join(f"{value.name!r} {value.shape}" for value in decoder.inputs)
        raise ModelError(
            f"{where}: the decoder has the inputs {got}, expected one of the shape of z, {('n', *shape)}"
        )
    return fitting[0]
