"""What stands for layers and models whose code is not at hand, or must not be run.

The sampling layer is cut out, so its code is not needed where the user tells what it computes. An inert layer
in place of any other is an error. Of a model whose class is missing its graph, or its halves, remain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras

__all__ = ["StandIn", "StandInVae", "UnseenCall", "class_name", "graph_stand_in", "is_inert"]

# Patterns of settings: standard deviations of epsilon, others that may change the noise, and harmless ones.
_SCALE = r"(epsilon|eps|noise)_?(std|stddev|std_dev|sigma|scale)|std|stddev"
_CHANGES = r"temp|tau|scale|gain|noise|sigma|std"
_HARMLESS = r"seed|dim|units|size|shape|axis|beta|kl|weight|loss|clip|min|max"


@keras.saving.register_keras_serializable("vae_export")
class StandIn(keras.layers.Layer):  # type: ignore[misc]  # keras has no type stubs
    """An inert layer in place of one whose code is not run.

    Args:
        missing_class: name of the replaced layer's class.
        row_shape: shape of its output without the batch; None if it is not known.
        settings: scalars of its configuration, numbers as float.
        function_name: of a Lambda whose function is stored by name; else empty.
    """

    def __init__(
        self,
        missing_class: str,
        row_shape: tuple[int | None, ...] | None = None,
        settings: Mapping[str, float | str | bool] | None = None,
        function_name: str = "",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.settings = dict(settings or {})
        self.missing_class, self.function_name = missing_class, function_name
        self.row_shape = None if row_shape is None else tuple(row_shape)

    @property
    def inert(self) -> bool:
        """Whether the layer computes nothing; a layer whose code was read does."""
        return True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The first tensor, or the first part of it if the next layer expects half its size."""
        first = keras.tree.flatten((args, kwargs))[0]
        for axis, (size, wanted) in enumerate(zip(first.shape[1:], self.row_shape or (), strict=False)):
            if size is not None and wanted is not None and size == 2 * wanted:
                return keras.ops.split(first, 2, axis=axis + 1)[0]
        return first

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        names = ("missing_class", "row_shape", "settings", "function_name")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    @property
    def reason(self) -> str:
        """Why its code does not tell what it computes."""
        if self.missing_class != "Lambda":
            return f"class {self.missing_class!r} is not known here"
        return f"the code of its function {self.function_name!r} is not in the file"

    @property
    def way_out(self) -> str:
        """How to give its code."""
        what = "it" if self.missing_class != "Lambda" else f"the function {self.function_name!r}"
        return f"--custom-objects the file or module that defines {what}"

    def noise_settings(self) -> dict[str, float]:
        """The settings that may scale epsilon; those that most likely do come first."""
        numbers = {
            name: value
            for name, value in self.settings.items()
            if isinstance(value, float) and value > 0 and not re.search(_HARMLESS, name.lower())
        }
        scales = {name: value for name, value in numbers.items() if re.fullmatch(_SCALE, name.lower())}
        return scales | {name: value for name, value in numbers.items() if re.search(_CHANGES, name.lower())}

    def explain(self, path: str) -> str:
        """The error of a model in which this is no sampling layer."""
        return f"layer {path!r}: {self.reason}, and it is not where z is drawn; give {self.way_out}"


def is_inert(operation: Any) -> bool:
    """Whether an operation stands for a layer whose code is not at hand, or is not understood."""
    return isinstance(operation, StandIn) and operation.inert


def class_name(operation: Any) -> str:
    """The class of an operation, or of the layer that it stands for."""
    return operation.missing_class if isinstance(operation, StandIn) else type(operation).__name__


class UnseenCall:
    """A model whose class is not at hand, so that its own call() is not seen."""

    @property
    def note(self) -> str:
        """What is not known of the model."""
        return (
            f"class {type(self).__name__!r} is not known here: what its call() may do beside its graph of "
            "layers is not seen; --custom-objects tells"
        )


def graph_stand_in(name: str, *, sequential: bool) -> type:
    """A class of a missing class's name, after which Keras names the weights in a file."""
    return type(name, (UnseenCall, keras.Sequential if sequential else keras.Model), {})


@keras.saving.register_keras_serializable("vae_export")
class StandInVae(UnseenCall, keras.Model):  # type: ignore[misc]  # keras has no type stubs
    """Encoder and decoder of a model whose class is not at hand.

    Args:
        encoder, decoder: the attributes of the missing class; their weights are saved under these names.
        missing_class: its name.
    """

    def __init__(self, encoder: Any, decoder: Any, missing_class: str, **options: Any) -> None:
        super().__init__(**options)
        self.missing_class = missing_class
        self.encoder = encoder
        self.decoder = decoder
        self.built = True

    @property
    def note(self) -> str:
        """What is not known of the model."""
        return (
            f"class {self.missing_class!r} is not known here: what its call() does before, between and after "
            "encoder and decoder is not seen; --custom-objects tells"
        )

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> StandInVae:
        """Build encoder and decoder, then the model."""
        halves = {
            role: keras.saving.deserialize_keras_object(config[role], custom_objects=custom_objects)
            if isinstance(config[role], dict)
            else config[role]
            for role in ("encoder", "decoder")
        }
        return cls(name=config["name"], missing_class=config["missing_class"], **halves)
