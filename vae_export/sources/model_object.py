"""Models in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vae_export.errors import ModelError
from vae_export.sources.keras_needed import keras_needed
from vae_export.sources.protocol import Recognised, Request

__all__ = ["ModelObject"]


class ModelObject:
    """A Keras model."""

    name = "model in memory"
    expected = ""
    takes_weights = False

    def recognise(self, request: Request) -> Recognised | None:
        """By its type: anything but text and paths."""
        if request.model is None or request.path is not None:
            return None
        return Recognised(0.3, f"a {type(request.model).__name__}")

    def model_name(self, request: Request) -> str:
        """Its own name."""
        return str(getattr(request.model, "name", ""))

    def sample_folder(self, request: Request) -> Path | None:
        """None: it has no file."""
        return None

    def check(self, request: Request) -> None:
        """See that it is a model of Keras."""
        with keras_needed():
            import keras
        if not isinstance(request.model, keras.Layer):
            raise ModelError(
                f"model: got a {type(request.model).__name__}, expected a Keras model, a file or the name of "
                "a reference model"
            )

    def load(self, request: Request) -> Any:
        """The model itself."""
        return request.model
