"""Layers whose code is not at hand, or must not be run: an inert layer stands in for each.

The code of a sampling layer is not needed, because that layer is cut out. So a model whose sampling
layer is a class that cannot be imported, or a Lambda, can be exported all the same; anywhere else a
stand-in is an error that says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from vae_export.errors import SamplingSiteError
from vae_export.split.graph import Call, Value
from vae_export.split.posterior import Posterior, Slot

__all__ = ["StandIn", "StandInVae", "assumed_posterior", "posterior_by_names", "spread_index"]

Array = np.ndarray[Any, Any]

# How people name what they emit, the more particular first.
_NAMES = (
    ("log-variance", r"log_?_?(sigma)?_?(var|sq)|lnvar|logv\b"),
    ("log-std", r"log_?(std|sd|sigma|scale)"),
    ("variance", r"var(iance)?\b"),
    ("std", r"std|stddev|sigma|scale"),
)
# Settings that are the standard deviation of epsilon, and those that may scale the noise in some way.
_EPSILON_SCALE = r"(epsilon|eps|noise)_?(std|stddev|std_dev|sigma|scale)|std|stddev"
_SCALES = r"temp|scale|noise|sigma|std"
_MEAN = r"mean|mu\b|loc\b"
_NO_CODE = "the layer's code is not at hand; --parametrisation decides"


@keras.saving.register_keras_serializable("vae_export")
class StandIn(keras.layers.Layer):  # type: ignore[misc]  # keras has no type stubs
    """Stands where a layer was whose code is not run.

    Args:
        missing_class: name of the class that was there.
        row_shape: of one output, where it is known.
        settings: the numbers that it was made with.
    """

    def __init__(
        self,
        missing_class: str,
        row_shape: tuple[int | None, ...] | None = None,
        settings: Mapping[str, float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.settings = dict(settings or {})
        self.missing_class = missing_class
        self.row_shape = None if row_shape is None else tuple(row_shape)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """A part of the first tensor, of the shape that the next layer expects."""
        first = keras.tree.flatten((args, kwargs))[0]
        for axis, (size, wanted) in enumerate(zip(first.shape[1:], self.row_shape or (), strict=False)):
            if size is not None and wanted is not None and size == 2 * wanted:
                return keras.ops.split(first, 2, axis=axis + 1)[0]
        return first

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"missing_class": self.missing_class, "row_shape": self.row_shape, "settings": self.settings}
        return {**super().get_config(), **own}

    def epsilon_scale(self, where: str) -> tuple[float, str]:
        """The scale of its noise that its settings tell, and their name; 1 and "" if they tell none.

        Raises:
            SamplingSiteError: a setting that may scale the noise, or may not.
        """
        found = (1.0, "")
        for name, number in self.settings.items():
            if number == 1.0:
                continue
            if re.fullmatch(_EPSILON_SCALE, name):
                found = (number, name)
            elif re.search(_SCALES, name):
                raise SamplingSiteError(
                    f"{where} has class {self.missing_class!r}, which is not known here, and was made with "
                    f"{name}={number:g}, which may scale its noise; give --custom-objects the file or "
                    "module that defines it"
                )
        return found

    def explain(self, path: str) -> str:
        """Why a model with this layer cannot be exported."""
        if self.missing_class == "Lambda":
            return (
                f"layer {path!r} is a Lambda, whose code is not run for safety, and is not where z is drawn; "
                "write it as a keras.layers.Layer subclass and save the model again"
            )
        return (
            f"layer {path!r} has class {self.missing_class!r}, which is not known here, and is not where z "
            "is drawn; give --custom-objects the file or module that defines it"
        )


@keras.saving.register_keras_serializable("vae_export")
class StandInVae(keras.Model):  # type: ignore[misc]  # keras has no type stubs
    """Stands where a model class was of which only encoder and decoder are needed.

    Args:
        encoder, decoder: under the names that the class gave them, by which their weights are saved.
        missing_class: name of the class that was there.
    """

    def __init__(self, encoder: Any, decoder: Any, missing_class: str, **options: Any) -> None:
        super().__init__(**options)
        self.note = (
            f"class {missing_class!r} is not known here: what its call() does before, between and behind "
            "encoder and decoder is not seen; --custom-objects tells"
        )
        self.encoder = encoder
        self.decoder = decoder
        self.built = True

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> StandInVae:
        """Build the halves, then the whole."""
        halves = {
            role: keras.saving.deserialize_keras_object(config[role], custom_objects=custom_objects)
            if isinstance(config[role], dict)
            else config[role]
            for role in ("encoder", "decoder")
        }
        return cls(name=config["name"], missing_class=config["missing_class"], **halves)


def assumed_posterior(call: Call, recorded: Mapping[Value, Array], where: str) -> Posterior | None:
    """What a stand-in most likely drew from, judged by shapes and names; None if it is no sampling layer.

    Args:
        call: of the stand-in.
        recorded: one row of the values around it.
        where: what messages call the model.

    Raises:
        SamplingSiteError: it was made with a number that may scale its noise, or may not.
    """
    if len(call.outputs) != 1:
        return None
    shape = recorded[call.outputs[0]].shape
    slots = [Slot(value) for value in dict.fromkeys(call.inputs) if recorded[value].shape == shape]
    if len(call.inputs) == 1 and not slots:
        (value,) = call.inputs
        doubled = [
            axis - len(shape)
            for axis, (n, size) in enumerate(zip(recorded[value].shape, shape, strict=True))
            if n == 2 * size
        ]
        slots = [Slot(value, doubled[0], index) for index in (0, 1)] if len(doubled) == 1 else []
    if len(slots) != 2:
        return None
    posterior = posterior_by_names(slots, [slot.value.name.split("/")[-1] for slot in slots])
    scale, setting = call.operation.epsilon_scale(f"{where}: layer {call.path!r}")
    if not setting:
        return posterior
    evidence = f"{posterior.evidence}; {setting}={scale:g} of the layer is the scale of epsilon"
    return replace(posterior, epsilon_scale=scale, evidence=evidence)


def posterior_by_names(slots: Sequence[Slot], names: Sequence[str]) -> Posterior:
    """A posterior of two tensors, judged by what they are called, where no code can be probed."""
    (mu, spread), (mu_name, name) = slots, names
    if mu.axis is not None:
        return Posterior(
            mu, spread, "log-variance", "assumed", f"mu first, as most models have it; {_NO_CODE}"
        )
    if spread_index(names) == 0:
        mu, spread, name = spread, mu, mu_name
    kind = _kind(name)
    if kind not in (None, "log-variance"):
        return Posterior(mu, spread, kind, "names", f"a tensor called {name!r}; {_NO_CODE}")
    agrees = "" if kind is None else f", as the name {name!r} has it"
    return Posterior(mu, spread, "log-variance", "assumed", f"what most models have{agrees}; {_NO_CODE}")


def spread_index(names: Sequence[str]) -> int | None:
    """Which of two tensors is v, by what they are called; None if that does not tell."""
    first, second = names
    if _kind(first) is not None and re.search(_MEAN, second.lower()):
        return 0
    return 1 if _kind(second) is not None and _kind(first) is None else None


def _kind(name: str) -> str | None:
    lower = name.lower()
    return next((kind for kind, pattern in _NAMES if re.search(pattern, lower)), None)
