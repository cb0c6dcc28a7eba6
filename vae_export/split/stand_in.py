"""Inert layers in place of layers whose code is not at hand, or must not be run.

The sampling layer is cut out, so its code is not needed: a model whose sampling layer is a class that cannot
be imported, or a Lambda, can still be exported. A stand-in for any other layer is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras

from vae_export.errors import SamplingSiteError

__all__ = ["StandIn", "StandInVae"]

# Patterns of settings: the standard deviation of epsilon, settings that may change the noise, harmless ones.
_EPSILON_SCALE = r"(epsilon|eps|noise)_?(std|stddev|std_dev|sigma|scale)|std|stddev"
_CHANGES = r"temp|tau|scale|gain|noise|sigma|std|clip|min|max"
_HARMLESS = r"seed|dim|units|size|shape|axis|beta|kl|weight|loss"


@keras.saving.register_keras_serializable("vae_export")
class StandIn(keras.layers.Layer):  # type: ignore[misc]  # keras has no type stubs
    """An inert layer in place of one whose code is not run.

    Args:
        missing_class: name of the replaced layer's class.
        row_shape: shape of its output without the batch; None if it is not known.
        settings: scalars of its configuration, numbers as float.
    """

    def __init__(
        self,
        missing_class: str,
        row_shape: tuple[int | None, ...] | None = None,
        settings: Mapping[str, float | str | bool] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.settings = dict(settings or {})
        self.missing_class = missing_class
        self.row_shape = None if row_shape is None else tuple(row_shape)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The first tensor, or the first part of it if the next layer expects half its size."""
        first = keras.tree.flatten((args, kwargs))[0]
        for axis, (size, wanted) in enumerate(zip(first.shape[1:], self.row_shape or (), strict=False)):
            if size is not None and wanted is not None and size == 2 * wanted:
                return keras.ops.split(first, 2, axis=axis + 1)[0]
        return first

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {"missing_class": self.missing_class, "row_shape": self.row_shape, "settings": self.settings}
        return {**super().get_config(), **own}

    def epsilon_scale(self, where: str) -> tuple[float, str]:
        """Epsilon scale from the layer's settings, 1 if absent, and remarks on what was read.

        Raises:
            SamplingSiteError: a setting may change the noise in an unknown way.
        """
        scale, remarks = 1.0, []
        for name, setting in self.settings.items():
            if setting == 1.0 or re.search(_HARMLESS, name.lower()):
                continue
            if isinstance(setting, float) and re.fullmatch(_EPSILON_SCALE, name.lower()):
                scale = setting
                remarks.append(f"{name}={setting:g} of the layer is the scale of epsilon")
            elif isinstance(setting, float) and re.search(_CHANGES, name.lower()):
                raise SamplingSiteError(
                    f"{where} has class {self.missing_class!r}, which is not known here, and was made with "
                    f"{name}={setting:g}, which may scale its noise; give --custom-objects the file or "
                    "module that defines it"
                )
            else:
                remarks.append(f"{name}={setting!r} of the layer is not read")
        return scale, "; ".join(remarks)

    def explain(self, path: str) -> str:
        """The error of a model in which this is no sampling layer."""
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
    """Encoder and decoder of a model whose class is not at hand.

    Args:
        encoder, decoder: the attributes of the missing class; their weights are saved under these names.
        missing_class: its name.
    """

    def __init__(self, encoder: Any, decoder: Any, missing_class: str, **options: Any) -> None:
        super().__init__(**options)
        self.note = (
            f"class {missing_class!r} is not known here: what its call() does before, between and after "
            "encoder and decoder is not seen; --custom-objects tells"
        )
        self.encoder = encoder
        self.decoder = decoder
        self.built = True

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
